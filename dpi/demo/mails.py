"""Mails of the demonstration: what doctors in town write to the hospital, and what becomes of ours.

Theirs are sent once, through the simulated operator, which keeps them: one letter that matches a
qualified identity, one that differs by a trait, a newer version of the first, and one that its author takes
back. Of ours, the operator
returns one and says nothing of another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from dpi.demo.hospital import RETURNING_MAILBOX, SILENT_MAILBOX

MATCHING, DIFFERING = "279035121518989", "275126322074974"
TIMEOUT_SECONDS = 20.0


def mails_send() -> int:
    """Ask the operator of the sandbox for the letters; returns how many left.

    None where the sandbox runs without an operator. Raises httpx.HTTPError when it refuses.
    """
    if settings.DPI_SANDBOX_ADDRESSES is None:
        return 0
    with _operator(settings.DPI_SANDBOX_ADDRESSES) as client:
        first = _letter(client, case="match", matricule=MATCHING, author="petit")
        _letter(client, case="other_trait", matricule=DIFFERING, author="vasseur")
        _letter(client, case="replace", unique_id=first["unique_id"])
        withdrawn = _letter(client, case="match", matricule=MATCHING, author="vasseur")
        _letter(client, case="delete", unique_id=withdrawn["unique_id"])
    return 5


def mishaps_prepare() -> None:
    """Tell the operator what to do with the next mail of two mailboxes; raises as `mails_send`."""
    if settings.DPI_SANDBOX_ADDRESSES is None:
        return
    with _operator(settings.DPI_SANDBOX_ADDRESSES) as client:
        for effect, address in (("silent", SILENT_MAILBOX), ("late_bounce", RETURNING_MAILBOX)):
            client.post("mail/faults", json={"effect": effect, "address": address}).raise_for_status()


def _operator(file: Path) -> httpx.Client:
    """A client of what the operator does on demand."""
    addresses = json.loads(file.read_text("utf-8"))
    return httpx.Client(base_url=addresses["admin_url"], timeout=TIMEOUT_SECONDS, trust_env=False)


def _letter(client: httpx.Client, **asked: str) -> dict[str, Any]:
    answer = client.post("mail/letters", json=asked).raise_for_status()
    sent: dict[str, Any] = answer.json()[0]
    return sent
