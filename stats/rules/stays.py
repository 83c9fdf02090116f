"""Stays and consultations: the bases of the rates and what they reached (spec stats C5 to C7, 3, 5).

A stay and a consultation are described by the same few facts; those that have the same facts are
counted together, so that a year of a hospital is a few thousand groups.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from consent.enums import ChoiceValue
from sending.enums import Channel
from stats.document_types import SEGUR_TYPES
from stats.enums import DocType, Volet
from stats.rules.figures import ALL, Key, Ratio, ratios_of
from stats.rules.months import Month

SENT_RATES: Final[dict[Channel, str]] = {
    Channel.DMP: "ALI_DMP_TX_SEJ",
    Channel.MSSANTE_PRO: "MSSPRO_TX_SEJ",
    Channel.MSSANTE_PATIENT: "MSSPAT_TX_SEJ",
}
NO_TYPES: Final[frozenset[DocType]] = frozenset()


@dataclass(frozen=True, slots=True)
class Stays:
    """`count` closed stays, or honoured consultations, of which everything counted here is the same.

    `month` is that of the exit, or of the consultation (C7); `finess` that of the responsible unit
    then (C8). `produced` are the types of the documents written for them; `sent` those that arrived,
    by channel, documents deleted for an error left out. The choices are those in force at the exit.
    """

    month: Month
    finess: str
    service: str
    is_consultation: bool
    is_surgical: bool
    produced: frozenset[DocType]
    sent: Mapping[Channel, frozenset[DocType]]
    alimentation: ChoiceValue
    consultation: ChoiceValue
    count: int


def bases_of(*, is_consultation: bool, is_surgical: bool, produced: frozenset[DocType]) -> frozenset[DocType]:
    """In the base of which types a stay or a consultation is (NB3 of the DSR, C6).

    A consultation is only in the base of its own report, a stay never is: a report written inside a
    stay belongs to the consultation (stats 5). A written operation report proves the surgery.
    """
    if is_consultation:
        return frozenset({DocType.CRCONS}) & produced
    bases = {DocType.LDL}
    if is_surgical or DocType.CRO in produced:
        bases.add(DocType.CRO)
    if DocType.PRESC in produced:
        bases.add(DocType.PRESC)
    return frozenset(bases)


def informed(alimentation: ChoiceValue, consultation: ChoiceValue) -> dict[Volet, ChoiceValue]:
    """What is in force for each volet: informed without opposition, opposed, or nothing recorded.

    GLOBAL: one opposition is enough to be opposed; one recorded information to be informed.
    """
    values = {Volet.ALIMENTATION: alimentation, Volet.CONSULTATION: consultation}
    both = set(values.values())
    if ChoiceValue.OPPOSED in both:
        return values | {Volet.GLOBAL: ChoiceValue.OPPOSED}
    if ChoiceValue.NOT_OPPOSED in both:
        return values | {Volet.GLOBAL: ChoiceValue.NOT_OPPOSED}
    return values | {Volet.GLOBAL: ChoiceValue.NOT_COLLECTED}


def stay_ratios(groups: Iterable[Stays]) -> dict[Key, Ratio]:
    """Rates of stays and consultations of chapters ALI, MSSPRO, MSSPAT and INFO."""
    parts: Counter[tuple[Key, bool, str]] = Counter()
    for group in groups:
        for key, is_reached in (*_sent_lines(group), *_information_lines(group)):
            parts[key, is_reached, group.service] += group.count
    numerators: dict[Key, int] = defaultdict(int)
    denominators: dict[Key, int] = defaultdict(int)
    for (key, is_reached, service), count in parts.items():
        for line in _spread(key, service):
            denominators[line] += count
            numerators[line] += count if is_reached else 0
    return ratios_of(numerators, denominators)


def is_reached(group: Stays, wanted: Key) -> bool | None:
    """Whether stays are in the numerator of a line; None when they are not even in its base (F-PV-32)."""
    for key, reached in (*_sent_lines(group), *_information_lines(group)):
        if wanted in _spread(key, group.service):
            return reached
    return None


class Base(NamedTuple):
    """Which stays, or consultations, a line is about; TOUS and no service are unions."""

    finess: str
    service: str
    month: Month
    is_consultation: bool


def stay_counts(groups: Iterable[Stays]) -> dict[Base, int]:
    """How many stays and consultations each line is about."""
    counts: dict[Base, int] = defaultdict(int)
    for group in groups:
        base = Base(group.finess, "", group.month, group.is_consultation)
        counts[base] += group.count
        counts[base._replace(finess=ALL)] += group.count
        if group.service:
            counts[base._replace(service=group.service)] += group.count
    return counts


def _sent_lines(group: Stays) -> Iterator[tuple[Key, bool]]:
    bases = bases_of(
        is_consultation=group.is_consultation, is_surgical=group.is_surgical, produced=group.produced
    )
    for channel, indicator in SENT_RATES.items():
        sent = group.sent.get(channel, NO_TYPES)
        for doc_type in SEGUR_TYPES:
            if doc_type in bases:
                yield Key(group.finess, group.month, indicator, doc_type=doc_type), doc_type in sent


def _information_lines(group: Stays) -> Iterator[tuple[Key, bool]]:
    kind = "CONS" if group.is_consultation else "SEJ"
    for volet, value in informed(group.alimentation, group.consultation).items():
        for suffix, wanted in (("NONOPP", ChoiceValue.NOT_OPPOSED), ("OPP", ChoiceValue.OPPOSED)):
            key = Key(group.finess, group.month, f"INFO_{kind}_{suffix}", volet=volet)
            yield key, value == wanted


def _spread(key: Key, service: str) -> Iterator[Key]:
    """A stay belongs to one FINESS and one service, so it counts once in each line."""
    yield key
    yield key._replace(finess=ALL)
    if service:
        yield key._replace(service=service)
