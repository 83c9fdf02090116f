"""`adt_applied`: admissions answered once their effect is committed, against the parse of hl7apy alone.

Two listener processes, as `make run` starts them; every message makes a patient, a stay, a movement, choices,
their events and their traces. The yardstick reads the same messages without doing anything with them, in
rounds between ours, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator

from exchange.enums import MessageState, PamAck
from exchange.models import Message, Partner
from patients.enums import EpisodeState
from patients.models import Episode, Patient
from tests.bench.adt import Sent, admissions, hl7apy_per_s, lines_to, refusals, send_all
from tests.bench.children import descendants, running, written
from tests.bench.context import folder
from tests.bench.figures import Figure, median_ratio, rss_mb, timed
from tests.factories import UnitFactory

LINES = 8
WARM_UP = 80
ROUND = 100
ROUNDS = 9
PARSED = 15


def measure() -> Iterator[Figure | str]:
    """Admissions over several lines; the yardstick over the first of each round."""
    for code in ("3435", "3436", "6268"):
        UnitFactory(code=code)
    port = int(os.environ["DPI_MLLP_PORT"])
    Partner.objects.create(
        code="gam", name="GAM", listen_port=port, uses_tls=False, pam_ack=PamAck.APPLIED, processing_ids="P"
    )
    ready = folder() / "ready"
    messages = admissions(WARM_UP + ROUND * ROUNDS, prefix="A")
    command = ("manage.py", "mllp_listen", "--processes", "2", "--ready-file", str(ready))
    rounds: list[Sent] = []
    parsed: list[float] = []
    hl7apy_per_s(messages[:PARSED])
    with running("mllp", *command, ready=written(ready)) as listener, lines_to(port, LINES) as lines:
        send_all(lines, messages[:WARM_UP])
        for start in range(WARM_UP, len(messages), ROUND):
            share = messages[start : start + ROUND]
            parsed.append(hl7apy_per_s(share[:PARSED]))
            rounds.append(send_all(lines, share))
        memory = max(rss_mb(pid) for pid in (listener.pid, *descendants(listener.pid)))
    yield from refusals([answer for sent in rounds for answer in sent.answers])
    yield from _not_applied(len(messages))
    seconds = [one for sent in rounds for one in sent.seconds]
    yield timed(
        "adt_applied",
        seconds,
        per_s=len(seconds) / sum(sent.wall for sent in rounds),
        rss_mb=memory,
        yardstick=statistics.harmonic_mean(parsed),
        ratio=median_ratio([sent.per_s for sent in rounds], parsed),
    )


def _not_applied(count: int) -> Iterator[str]:
    applied = Message.objects.filter(state=MessageState.APPLIED).count()
    found = (applied, Patient.objects.count(), Episode.objects.filter(state=EpisodeState.OPEN).count())
    if found != (count, count, count):
        yield f"adt_applied: applied, patients, stays {found} of {count} messages"
