"""`mss_receive`: mails of the application mailbox, from the operator to a document in the record.

The periodic task itself, called once: IMAP over STARTTLS with the client certificate, mail kept raw, archive
of 50 kB opened (what our own letter of two pages weighs), MDM to the record, identity and versions judged,
document filed, its sender told by SMTP, mail flagged and moved. The operator of the sandbox runs in another
process on the same cores.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import httpx

from documents.models import Version
from interop.mail.codes import FOLDER_DONE
from mssante.enums import IncomingState
from mssante.models import IncomingMail
from pfi.tasks import read_mailboxes
from sandbox.mail.boxes import APPLICATION_BOX
from tests.bench.attachments import scanned_pdf
from tests.bench.bare_mail import fetch_rate
from tests.bench.figures import Figure, rss_mb
from tests.bench.hospital import build_hospital, plug_mail, sandbox, stays
from tests.scenarios.hostile import SENDER, archive_of, mail_of

WARM_UP = 10
MEASURED = 150
LETTER_BYTES = 50_000


def measure() -> Iterator[Figure | str]:
    """A mailbox that filled up, then one call of the task."""
    unit = build_hospital()
    stays(unit)
    with sandbox() as addresses:
        plug_mail(addresses, unit)
        _deposit(addresses, range(WARM_UP))
        read_mailboxes()
        _deposit(addresses, range(WARM_UP, WARM_UP + MEASURED))
        started = time.perf_counter()
        read_mailboxes()
        rate = MEASURED / (time.perf_counter() - started)
        memory = rss_mb()
        yield from _problems(addresses)
        yardstick = fetch_rate(addresses, APPLICATION_BOX, FOLDER_DONE, MEASURED)
    yield Figure(
        "mss_receive", n=MEASURED, per_s=rate, rss_mb=memory, yardstick=yardstick, ratio=rate / yardstick
    )


def _deposit(addresses: dict[str, Any], numbers: range) -> None:
    """Letters of a doctor in town about one patient, each a document of its own."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        for number in numbers:
            mail = mail_of(archive_of(number, pdf=scanned_pdf(number, LETTER_BYTES)))
            answer = client.post(
                f"{addresses['admin_url']}mail/mails",
                json={
                    "box": APPLICATION_BOX,
                    "sender": SENDER,
                    "content": base64.b64encode(mail).decode("ascii"),
                },
            )
            answer.raise_for_status()


def _problems(addresses: dict[str, Any]) -> Iterator[str]:
    count = WARM_UP + MEASURED
    filed = Version.objects.count()
    answered = IncomingMail.objects.filter(
        state=IncomingState.DONE, answered_at__isnull=False, cleared_at__isnull=False
    ).count()
    answer = httpx.get(
        f"{addresses['admin_url']}mail/mails", params={"box": SENDER}, trust_env=False, timeout=60
    )
    told = len(answer.raise_for_status().json())
    if (filed, answered, told) != (count, count, count):
        yield f"mss_receive: {filed} filed, {answered} put away, {told} notices instead of {count}"
