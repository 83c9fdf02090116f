"""Mails of the demonstration: what doctors in town write to the hospital's application mailbox.

They are sent once, through the simulated operator, which keeps them: one letter that matches a
qualified identity, one that differs by a trait, and a newer version of the first.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from django.conf import settings

MATCHING, DIFFERING = "279035121518989", "275126322074974"
TIMEOUT_SECONDS = 20.0


def mails_send() -> int:
    """Ask the operator of the sandbox for the three letters; returns how many left.

    None where the sandbox runs without an operator. Raises httpx.HTTPError when it refuses.
    """
    if settings.DPI_SANDBOX_ADDRESSES is None:
        return 0
    addresses = json.loads(settings.DPI_SANDBOX_ADDRESSES.read_text("utf-8"))
    with httpx.Client(base_url=addresses["admin_url"], timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        first = _letter(client, case="match", matricule=MATCHING, author="petit")
        _letter(client, case="other_trait", matricule=DIFFERING, author="vasseur")
        _letter(client, case="replace", unique_id=first["unique_id"])
    return 3


def _letter(client: httpx.Client, **asked: str) -> dict[str, Any]:
    answer = client.post("mail/letters", json=asked).raise_for_status()
    sent: dict[str, Any] = answer.json()[0]
    return sent
