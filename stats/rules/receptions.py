"""Documents received by MSSanté: integrated, refused, imported by hand (spec stats 3 E, 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from stats.enums import DocType
from stats.rules.figures import Key
from stats.rules.months import Period
from stats.rules.sendings import key_of, lines_of, verdict_of


@dataclass(frozen=True, slots=True)
class Arrival:
    """One document that arrived: `arrived` when it was filed, False when it was refused."""

    at: datetime
    arrived: bool
    finess: str


@dataclass(frozen=True, slots=True)
class Received:
    """Everything that happened to one logical document by one way in, oldest first.

    A replacement of what is there is the same document, and a deletion none: neither is an arrival.
    """

    doc_type: DocType
    service: str
    is_automatic: bool
    is_cda: bool
    arrivals: tuple[Arrival, ...]


def reception_counts(documents: Iterable[Received], period: Period, zone: tzinfo) -> dict[Key, int]:
    """The counts of chapter MSSREC for the months of a period.

    A refusal counts in its month when the document was not integrated automatically in it or before; an
    import by hand, later, is another line (mssante 6, rule 5).
    """
    return lines_of(part for document in documents for part in _parts(document, zone) if part.month in period)


def _parts(document: Received, zone: tzinfo) -> Iterator[Key]:
    verdict = verdict_of(document.arrivals, zone)
    if verdict.success is not None:
        yield key_of(_success(document), document, verdict.success, zone)
    if document.is_automatic:
        for failure in verdict.failures.values():
            yield key_of("MSSREC_AUTO_KO", document, failure, zone)


def _success(document: Received) -> str:
    if document.is_automatic:
        return "MSSREC_AUTO_OK"
    return "MSSREC_MAN_CDA_OK" if document.is_cda else "MSSREC_MAN_NONCDA"
