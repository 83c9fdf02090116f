"""Reads of the audit room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from audit.chain import GENESIS, canonical, event_of, link
from audit.models import Seal, Trace
from audit.sealing import recent_floor

UNSEALED_LIMIT = timedelta(seconds=60)
"""A committed trace older than this without seal is reported (security 8.5)."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    seq: int
    trace_id: int | None
    what: str


@dataclass(slots=True)
class ChainReport:
    """What a verification found. `late` counts seals given over a minute after the act: a sealer
    that was down, or rows inserted with a time of the past."""

    checked: int = 0
    head_seq: int = 0
    head_hash: str = GENESIS
    broken: Break | None = None
    late: int = 0
    unsealed: list[int] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return self.broken is None and not self.unsealed


def unsealed_since() -> datetime | None:
    """Time of the oldest trace that waits for its seal, for the health page; None when there is none."""
    first = Trace.objects.filter(seal__isnull=True, id__gt=recent_floor()).order_by("id").first()
    return first.time if first else None


def chain_verify(*, key: bytes, first: int = 1, last: int | None = None) -> ChainReport:
    """Recompute the chain from rank `first` to rank `last` and stop at the first broken link.

    A chain read from the middle trusts the hash before it. Unsealed traces older than a minute
    are looked for when the end of the chain is part of what is verified.
    """
    report = ChainReport()
    previous = GENESIS
    if first > 1:
        before = Seal.objects.filter(seq=first - 1).first()
        if before is None:
            report.broken = Break(first - 1, None, "sceau absent")
            return report
        previous = before.hash
    expected = first
    for seal, trace in _sealed(first, last):
        fault = _fault(key, previous, expected, seal, trace)
        if fault:
            report.broken = Break(expected, trace.pk if trace else seal.trace_id, fault)
            return report
        if trace is not None and seal.sealed_at - trace.time > UNSEALED_LIMIT:
            report.late += 1
        previous, expected = seal.hash, expected + 1
        report.checked += 1
        report.head_seq, report.head_hash = seal.seq, seal.hash
    if last is None:
        oldest = timezone.now() - UNSEALED_LIMIT
        waiting = Trace.objects.filter(seal__isnull=True, time__lt=oldest)
        report.unsealed = list(waiting.order_by("id").values_list("id", flat=True)[:100])
    elif expected <= last:
        report.broken = Break(expected, None, "sceau absent")
    return report


def _sealed(first: int, last: int | None) -> Iterator[tuple[Seal, Trace | None]]:
    """Seals in order with their trace, which may be gone: a join would hide the hole."""
    seals = Seal.objects.filter(seq__gte=first).order_by("seq")
    if last is not None:
        seals = seals.filter(seq__lte=last)
    batch: list[Seal] = []
    for seal in seals.iterator(chunk_size=1000):
        batch.append(seal)
        if len(batch) == 1000:
            yield from _with_traces(batch)
            batch = []
    yield from _with_traces(batch)


def _with_traces(seals: list[Seal]) -> Iterator[tuple[Seal, Trace | None]]:
    traces = Trace.objects.in_bulk([seal.trace_id for seal in seals])
    for seal in seals:
        yield seal, traces.get(seal.trace_id)


def _fault(key: bytes, previous: str, expected: int, seal: Seal, trace: Trace | None) -> str:
    if seal.seq != expected:
        return "sceau absent"
    if trace is None:
        return "trace absente"
    if link(key, previous, canonical(event_of(trace, seal.seq))) != seal.hash:
        return "empreinte différente"
    return ""
