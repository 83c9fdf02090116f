"""Criteria of a search in the DMP: what the form offers, what the registry is asked, what is filtered here.

Sources: spec dmp 6.4 and 3.4 (server-side slots), SC.DMP/UX.27 and UX.17. Author, specialty and structure
are compared here: the registry compares letters, a person does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from django.conf import settings

from interop.cda.value_sets import document_types, healthcare_facility_types, practice_settings
from interop.ins.traits import comparable
from interop.xds import codes
from interop.xds.composed import Cx
from interop.xds.iti18 import DocumentCriteria
from interop.xds.metadata import Code, DocumentEntry
from interop.xds.nomenclature import document_classes, document_formats

TEXT_LENGTH: Final = 60
EVERY_PERIOD: Final = "all"
PERIODS: Final = {
    "3": "3 derniers mois",
    "6": "6 derniers mois",
    "12": "12 derniers mois",
    "24": "2 dernières années",
    "60": "5 dernières années",
    EVERY_PERIOD: "Sans limite de date",
}
DAYS_OF_MONTH: Final = 365.25 / 12
MOST_VALUES: Final = 60


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """One search; empty means any. Dates are local days, both ends included.

    `months` is a period that moves with the day, on the date of the act: 24 by default, `all` for no limit.
    `act_*` is the date of the act, `created_*` that of the document, `deposited_*` that of its deposit,
    which the registry knows of lots alone.
    """

    types: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    months: str = ""
    act_from: date | None = None
    act_to: date | None = None
    created_from: date | None = None
    created_to: date | None = None
    deposited_from: date | None = None
    deposited_to: date | None = None
    author: str = ""
    specialty: str = ""
    structure: str = ""
    sectors: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    events: str = ""
    hidden_patient: bool = False
    hidden_guardians: bool = False
    masked: bool = False
    archived: bool = False
    obsolete: bool = False

    @property
    def is_by_deposit(self) -> bool:
        """Whether the registry must be asked by lots (dmp 3.4)."""
        return self.deposited_from is not None or self.deposited_to is not None

    @property
    def is_narrowed_here(self) -> bool:
        """Whether something that was returned may have been left out by this software."""
        return bool(self.author or self.specialty or self.structure or self.events or self.is_by_deposit)

    @property
    def deposits(self) -> tuple[datetime | None, datetime | None]:
        """The period of the lots: beginning included, end excluded."""
        return _begin(self.deposited_from), _end(self.deposited_to)

    def asked(self, patient_id: Cx, *, since: datetime | None, now: datetime) -> DocumentCriteria:
        """The question to the registry; `since` bounds the acts when the person gave no date of act."""
        begin = _begin(self.act_from)
        if begin is None and self.act_to is None:
            begin = self._period_start(since, now)
        return DocumentCriteria(
            patient_id=patient_id,
            statuses=self.statuses,
            class_codes=tuple(Code(code, codes.OID_CLASS_CODE) for code in self.classes),
            type_codes=_coded(self.types, document_types()),
            practice_settings=_coded(self.settings, practice_settings()),
            facility_types=_coded(self.sectors, healthcare_facility_types()),
            format_codes=tuple(FORMATS[code] for code in self.formats if code in FORMATS),
            confidentiality_codes=tuple(Code(code, codes.OID_VISIBILITY) for code in self.restrictions),
            service_start_from=begin,
            service_start_to=_end(self.act_to),
            creation_from=_begin(self.created_from),
            creation_to=_end(self.created_to),
        )

    def _period_start(self, since: datetime | None, now: datetime) -> datetime | None:
        if self.months == EVERY_PERIOD:
            return None
        return now - timedelta(days=round(int(self.months) * DAYS_OF_MONTH)) if self.months else since

    @property
    def statuses(self) -> tuple[str, ...]:
        """Active documents always; archived and obsolete ones on demand (EX_3.1-1030)."""
        optional = ((codes.STATUS_ARCHIVED, self.archived), (codes.STATUS_DEPRECATED, self.obsolete))
        return (codes.STATUS_APPROVED, *(status for status, wanted in optional if wanted))

    @property
    def restrictions(self) -> tuple[str, ...]:
        wanted = (
            (codes.VISIBILITY_HIDDEN_PATIENT, self.hidden_patient),
            (codes.VISIBILITY_HIDDEN_GUARDIANS, self.hidden_guardians),
            (codes.VISIBILITY_MASKED, self.masked),
        )
        return tuple(code for code, is_wanted in wanted if is_wanted)

    def keeps(self, entry: DocumentEntry) -> bool:
        """Whether a document meets what is compared here: words, types and the rest when asked by lots."""
        return self._keeps_words(entry) and self._keeps_codes(entry)

    def _keeps_words(self, entry: DocumentEntry) -> bool:
        persons = " ".join(
            f"{author.person.family} {author.person.given}" for author in entry.authors if author.person
        )
        specialties = " ".join(author.specialty.label for author in entry.authors)
        places = " ".join(place.name for author in entry.authors for place in author.institutions)
        events = " ".join(f"{code.code} {code.label}" for code in entry.event_codes)
        asked = (
            (self.author, persons),
            (self.specialty, specialties),
            (self.structure, places),
            (self.events, events),
        )
        return all(comparable(wanted) in comparable(held) for wanted, held in asked if wanted)

    def _keeps_codes(self, entry: DocumentEntry) -> bool:
        asked = (
            (self.types, entry.type_code.code),
            (self.classes, entry.class_code.code),
            (self.settings, entry.practice_setting_code.code),
            (self.sectors, entry.facility_type_code.code),
            (self.formats, entry.format_code.code),
        )
        return (
            all(held in wanted for wanted, held in asked if wanted)
            and set(self.restrictions) <= entry.visibility
            and _within(entry.service_start_time, self.act_from, self.act_to)
            and _within(entry.creation_time, self.created_from, self.created_to)
        )

    @property
    def query(self) -> str:
        """As a query string: what a preset keeps."""
        return urlencode(self._pairs(), doseq=True)

    def _pairs(self) -> list[tuple[str, Any]]:
        pairs: list[tuple[str, Any]] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                pairs += [(field.name, "1")] if value else []
            elif isinstance(value, date):
                pairs.append((field.name, value.isoformat()))
            elif value:
                pairs.append((field.name, value))
        return pairs


def criteria_of_query(query: str) -> SearchCriteria:
    """The criteria of a query string: those of a preset."""
    return criteria_of(parse_qs(query))


def criteria_of(asked: Mapping[str, Sequence[str]]) -> SearchCriteria:
    """The criteria asked for; unknown names and values, and unreadable dates, are left out."""
    values: dict[str, Any] = {}
    for field in fields(SearchCriteria):
        given = [text.replace("\x00", "").strip() for text in asked.get(field.name, ()) if text.strip()]
        if not given:
            continue
        if field.name == "months":
            values[field.name] = given[0] if given[0] in PERIODS else ""
        elif field.name in CHOICES:
            allowed = CHOICES[field.name]()
            values[field.name] = tuple(code for code in given[:MOST_VALUES] if code in allowed)
        elif field.name.endswith(("_from", "_to")):
            values[field.name] = day_of(given[0])
        elif isinstance(field.default, bool):
            values[field.name] = given[0] == "1"
        else:
            values[field.name] = given[0][:TEXT_LENGTH]
    return SearchCriteria(**values)


def unreadable_dates(asked: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of the dates that were typed and cannot be read: the form says so."""
    return [
        field.name
        for field in fields(SearchCriteria)
        if field.name.endswith(("_from", "_to"))
        and any(text.strip() and day_of(text) is None for text in asked.get(field.name, ()))
    ]


def day_of(text: str) -> date | None:
    """A day as people type it (`28/03/1979`, `28031979`, `28/3/79`) or as ISO writes it."""
    digits = text.strip()
    for form in ("%d/%m/%Y", "%d%m%Y", "%d/%m/%y", "%Y-%m-%d"):
        try:
            found = datetime.strptime(digits, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        return found if found.year >= 1900 else None
    return None


def widened(criteria: SearchCriteria) -> SearchCriteria:
    """The same search without what narrows it: « élargir » keeps the types and drops the rest."""
    return replace(SearchCriteria(), types=criteria.types)


def _begin(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, ZoneInfo(settings.TIME_ZONE)) if day else None


def _end(day: date | None) -> datetime | None:
    """The day included: until the midnight after it (IHE excludes the end)."""
    return _begin(day + timedelta(days=1)) if day else None


def _within(dtm: str, begin: date | None, end: date | None) -> bool:
    day = f"{dtm[:8]:0<8}"
    after = begin is None or (bool(dtm) and day >= f"{begin:%Y%m%d}")
    return after and (end is None or (bool(dtm) and day <= f"{end:%Y%m%d}"))


def _coded(wanted: Sequence[str], table: Mapping[str, Any]) -> tuple[Code, ...]:
    return tuple(Code(code, table[code].system) for code in wanted if code in table)


FORMATS: Final = document_formats()
CHOICES: Final[Mapping[str, Callable[[], Mapping[str, Any]]]] = {
    "types": document_types,
    "classes": document_classes,
    "sectors": healthcare_facility_types,
    "settings": practice_settings,
    "formats": lambda: FORMATS,
}
"""Criteria whose values come from a value set."""


def choice_labels(name: str) -> dict[str, str]:
    """The values of such a criterion with their labels, for a form."""
    return {code: _label(value) or code for code, value in CHOICES[name]().items()}


def _label(value: object) -> str:
    """The label of an entry, whichever table it comes from."""
    if isinstance(value, str):
        return value
    return str(getattr(value, "display", "") or getattr(value, "label", ""))
