"""Documents sent: first success, final failure (spec stats C8 to C11; chapters A, C, D and X).

The unit is the logical document. What happened to it is a sequence of outcomes, arrivals and final
failures, each told by one order; nothing else of the document is looked at (C16).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Generic, Protocol, TypeVar

from sending.enums import Channel, OrderOrigin
from stats.enums import DocType
from stats.rules.figures import ALL, UNKNOWN_FINESS, Key
from stats.rules.months import Month, Period, is_within_history, month_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """An order arrived (`arrived`), or failed for good, at the moment when we learned it (C10).

    `finess` and `has_ins` are those frozen in the order (C8); `document_day` is the date of the act,
    None when nobody knows it; `is_external` tells a recipient outside the establishment.
    """

    at: datetime
    arrived: bool
    origin: str
    finess: str
    has_ins: bool
    recipient: str = ""
    is_external: bool = True
    document_day: date | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Everything that one logical document met on one channel, oldest first."""

    channel: str
    doc_type: DocType
    service: str
    outcomes: tuple[Outcome, ...]


class Event(Protocol):
    """What the rule of the first success needs of an outcome."""

    @property
    def at(self) -> datetime: ...
    @property
    def arrived(self) -> bool: ...
    @property
    def finess(self) -> str: ...


class Counted(Protocol):
    """What a line says of the document that it counts."""

    @property
    def doc_type(self) -> DocType: ...
    @property
    def service(self) -> str: ...


_Event = TypeVar("_Event", bound=Event)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[_Event]):
    """What the months count of one document: its first arrival, and a failure for each month that has one."""

    success: _Event | None
    failures: dict[Month, _Event]


def verdict_of(
    outcomes: Sequence[_Event], zone: tzinfo, *, fails: Callable[[_Event], bool] = lambda _: True
) -> Verdict[_Event]:
    """First success, once; failures of the months that come before it (C10, C11).

    A later success does not erase the failure of a past month; a failure in the month of the success,
    or after it, counts for nothing. `fails` narrows the failures that are looked at.
    """
    if len(outcomes) == 1:  # nearly always
        only = outcomes[0]
        return Verdict(only, {}) if only.arrived else Verdict(None, _failed(only, zone, fails))
    ordered = sorted(outcomes, key=lambda outcome: outcome.at)
    success = next((outcome for outcome in ordered if outcome.arrived), None)
    arrived_in = month_of(success.at, zone) if success else None
    failures: dict[Month, _Event] = {}
    for outcome in ordered:
        month = month_of(outcome.at, zone)
        is_late = arrived_in is not None and arrived_in <= month
        if not outcome.arrived and not is_late and fails(outcome):
            failures.setdefault(month, outcome)
    return Verdict(success, failures)


def _failed(only: _Event, zone: tzinfo, fails: Callable[[_Event], bool]) -> dict[Month, _Event]:
    return {month_of(only.at, zone): only} if fails(only) else {}


def sending_counts(documents: Iterable[Sent], period: Period, zone: tzinfo) -> dict[Key, int]:
    """The counts of chapters ALI, MSSPRO, MSSPAT and X for the months of a period."""
    return lines_of(
        part
        for document in documents
        for part in _PARTS[Channel(document.channel)](document, zone)
        if part.month in period
    )


def _dmp(document: Sent, zone: tzinfo) -> Iterator[Key]:
    verdict = verdict_of(document.outcomes, zone, fails=lambda outcome: outcome.origin == OrderOrigin.FLUX)
    if verdict.success is not None:
        is_flux = verdict.success.origin == OrderOrigin.FLUX
        if is_flux:
            yield key_of("ALI_DMP_FLUX_OK", document, verdict.success, zone)
        else:
            yield from _history(document, verdict.success, zone)
    yield from (key_of("ALI_DMP_FLUX_KO", document, one, zone) for one in verdict.failures.values())


def _history(document: Sent, success: Outcome, zone: tzinfo) -> Iterator[Key]:
    day = success.document_day
    if day is not None and is_within_history(day, success.at.astimezone(zone).date()):
        key = key_of("ALI_DMP_HISTO_OK", document, success, zone)
        yield key
        yield key._replace(document_year=f"{day.year:04d}")


def _professionals(document: Sent, zone: tzinfo) -> Iterator[Key]:
    external = [outcome for outcome in document.outcomes if outcome.is_external]
    qualified = [outcome for outcome in external if outcome.has_ins]
    yield from _both("MSSPRO", document, external, zone)
    yield from _both("MSSPRO_INSQ", document, qualified, zone)
    by_recipient: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in external:
        by_recipient[outcome.recipient].append(outcome)
    for outcomes in by_recipient.values():
        yield from _both("X_MSSPRO_ENV", document, outcomes, zone)


def _patient(document: Sent, zone: tzinfo) -> Iterator[Key]:
    yield from _both("MSSPAT", document, document.outcomes, zone)


def _both(prefix: str, document: Sent, outcomes: Sequence[Outcome], zone: tzinfo) -> Iterator[Key]:
    verdict = verdict_of(outcomes, zone)
    if verdict.success is not None:
        yield key_of(f"{prefix}_OK", document, verdict.success, zone)
    yield from (key_of(f"{prefix}_KO", document, one, zone) for one in verdict.failures.values())


_PARTS: dict[Channel, Callable[[Sent, tzinfo], Iterator[Key]]] = {
    Channel.DMP: _dmp,
    Channel.MSSANTE_PRO: _professionals,
    Channel.MSSANTE_PATIENT: _patient,
}


def key_of(indicator: str, document: Counted, outcome: Event, zone: tzinfo) -> Key:
    """The line in which an outcome of a document counts first: its site, its month, its type."""
    return Key(
        outcome.finess or UNKNOWN_FINESS,
        month_of(outcome.at, zone),
        indicator,
        doc_type=document.doc_type,
        service=document.service,
    )


def lines_of(parts: Iterable[Key]) -> dict[Key, int]:
    """From what each document counts for to every line: its FINESS and all, its type and all, its service.

    A document counts once in each line, so a line « TOUS » is the union.
    """
    counts: dict[Key, int] = defaultdict(int)
    for part, count in Counter(parts).items():
        for line in _spread(part):
            counts[line] += count
    return dict(counts)


def _spread(part: Key) -> Iterator[Key]:
    doc_types = (part.doc_type,) if part.document_year else (part.doc_type, DocType.TOUS)
    for doc_type in doc_types:
        line = part._replace(doc_type=doc_type, service="")
        yield line
        yield line._replace(finess=ALL)
        if part.service:
            yield line._replace(service=part.service)
