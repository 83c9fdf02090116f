"""Numbering and chaining committed traces (spec security 8.5).

The trace row is a plain INSERT in the transaction of the act: chaining there would make every
writer of the hospital wait for the others. One process, holding an advisory lock and the key,
seals what has been committed.
"""

from __future__ import annotations

from django.db import connection, transaction

from audit.chain import GENESIS, canonical, event_of, link
from audit.models import Seal, Trace

SEALER_LOCK = 0x4450495345414C
"""Advisory lock of the one sealer (`DPISEAL`)."""

BATCH = 1000
LOOK_BACK = 10_000
"""A transaction takes its row id before it commits, so a row may appear below the last sealed one.
Each pass looks again under the trace of so many seals ago; the sealer's hourly sweep looks at all."""


def sealer_lock_take() -> bool:
    """Take the session-level lock of the sealer on this connection; False when another holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SEALER_LOCK])
        return bool(cursor.fetchone()[0])


def sealer_lock_release() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [SEALER_LOCK])


def recent_floor() -> int:
    """The trace id above which an ordinary pass looks for unsealed rows."""
    head = Seal.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    mark = Seal.objects.filter(seq=head - LOOK_BACK).values_list("trace_id", flat=True).first()
    return mark or 0


def traces_seal(*, key: bytes, above: int = 0, limit: int = BATCH) -> int:
    """Seal up to `limit` committed traces with an id over `above`, in order of id; return how many.

    One transaction. The primary key of Seal is the rank, so two sealers cannot fork the chain.
    """
    with transaction.atomic():
        waiting = list(Trace.objects.filter(seal__isnull=True, id__gt=above).order_by("id")[:limit])
        if not waiting:
            return 0
        last = Seal.objects.order_by("-seq").first()
        head, previous = (last.seq, last.hash) if last else (0, GENESIS)
        seals = []
        for seq, trace in enumerate(waiting, start=head + 1):
            previous = link(key, previous, canonical(event_of(trace, seq)))
            seals.append(Seal(seq=seq, trace=trace, hash=previous))
        Seal.objects.bulk_create(seals)
    return len(seals)
