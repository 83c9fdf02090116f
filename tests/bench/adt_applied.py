"""`adt_applied`: admissions answered once their effect is committed, against the parse of hl7apy alone.

Two listener processes, as `make run` starts them; every message makes a patient, a stay, a movement, choices,
their events and their traces. The yardstick reads the same messages without doing anything with them.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence

from exchange.enums import MessageState, PamAck
from exchange.models import Message, Partner
from patients.models import Episode, Patient
from tests.bench.adt import admissions, lines_to, refusals, send_all
from tests.bench.children import descendants, running, written
from tests.bench.context import folder
from tests.bench.figures import Figure, rss_mb, timed
from tests.factories import UnitFactory

LINES = 8
WARM_UP = 80
MEASURED = 800
YARDSTICK = 120


def measure() -> Iterator[Figure | str]:
    """Admissions over several lines, then hl7apy over the first of them."""
    for code in ("3435", "3436", "6268"):
        UnitFactory(code=code)
    port = int(os.environ["DPI_MLLP_PORT"])
    Partner.objects.create(
        code="gam", name="GAM", listen_port=port, uses_tls=False, pam_ack=PamAck.APPLIED, processing_ids="P"
    )
    ready = folder() / "ready"
    messages = admissions(WARM_UP + MEASURED, prefix="A")
    command = ("manage.py", "mllp_listen", "--processes", "2", "--ready-file", str(ready))
    with running("mllp", *command, ready=written(ready)) as listener, lines_to(port, LINES) as lines:
        before = _parsed_per_s(messages[: YARDSTICK // 2])
        send_all(lines, messages[:WARM_UP])
        sent = send_all(lines, messages[WARM_UP:])
        memory = max(rss_mb(pid) for pid in (listener.pid, *descendants(listener.pid)))
        after = _parsed_per_s(messages[YARDSTICK // 2 : YARDSTICK])
    yield from refusals(sent.answers)
    applied = Message.objects.filter(state=MessageState.APPLIED).count()
    counts = (applied, Patient.objects.count(), Episode.objects.filter(state="open").count())
    if counts != (len(messages),) * 3:
        yield f"adt_applied: applied, patients, stays {counts} of {len(messages)} messages"
    yardstick = (before + after) / 2
    yield timed(
        "adt_applied",
        sent.seconds,
        per_s=sent.per_s,
        rss_mb=memory,
        yardstick=yardstick,
        ratio=sent.per_s / yardstick,
    )


def _parsed_per_s(messages: Sequence[bytes]) -> float:
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    texts = [message.decode() for message in messages]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        for text in texts:
            parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        return len(texts) / (time.perf_counter() - started)
