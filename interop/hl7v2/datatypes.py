"""HL7 v2 data types as frozen values, read from and written to fields.

Source: HL7 v2.5 chapter 2A, restricted by "Contraintes sur les types de données HL7 v2.5" (IHE France) as
hl7v2.md 2.5 and 4.3 report it. `read_*` take one repetition, still escaped, with the segment it stands in;
`write_*` return a field ready to stand in a segment written with the standard delimiters. Absent text is an
empty string.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.tokens import STANDARD, Segment, escape, unescape

PARIS = ZoneInfo("Europe/Paris")
"""Hospital local time: date-times travel without offset (decision 21)."""

_TIMESTAMP = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,9}))?)?)?)?)?)?([+-]\d{4})?",
    re.ASCII,
)
_DAY = re.compile(r"\d{8}.*", re.ASCII)
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII)
_YEARS = range(1800, 9999)
"""Years in which a moment can be moved to any time zone."""


@dataclass(frozen=True, slots=True)
class Authority:
    """HD: namespace, universal id (OID or FINESS) and its type (`ISO`, `N` FINESS, `M`)."""

    namespace: str = ""
    universal_id: str = ""
    universal_id_type: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """CX: an identifier with its authority and type; `starts` and `ends` are CX-7 and CX-8."""

    value: str
    authority: Authority = Authority()
    type: str = ""
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Coded:
    """CE or CWE: code, label, coding system. The three travel together."""

    code: str
    label: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class PersonName:
    """XPN: `given_names` is the third component, the whole list of the birth record when `type` is L."""

    family: str = ""
    given: str = ""
    given_names: str = ""
    suffix: str = ""
    prefix: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """XAD: `insee` is component 9, the INSEE code of the commune or country."""

    street: str = ""
    complement: str = ""
    city: str = ""
    postcode: str = ""
    country: str = ""
    type: str = ""
    insee: str = ""


@dataclass(frozen=True, slots=True)
class Telecom:
    """XTN: a number (component 12, else 1) or an address (component 4)."""

    use: str = ""
    equipment: str = ""
    address: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """XCN: a professional, or any person with an identifier."""

    identifier: str = ""
    family: str = ""
    given: str = ""
    authority: Authority = Authority()
    name_type: str = ""
    identifier_type: str = ""


@dataclass(frozen=True, slots=True)
class Organisation:
    """XON: name (1), authority (6), identifier type (7), identifier (10)."""

    name: str = ""
    authority: Authority = Authority()
    identifier_type: str = ""
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """PL: unit (`point_of_care`), room, bed, facility, bed status (`O` occupied, `U` free)."""

    point_of_care: str = ""
    room: str = ""
    bed: str = ""
    facility: Authority = Authority()
    status: str = ""


# --- Reading --------------------------------------------------------------------------------------
def components(raw: str, segment: Segment) -> list[str]:
    """Return the components of one repetition, un-escaped and trimmed; subcomponents stay joined."""
    marks = segment.separators
    return [unescape(part, marks, segment.codec).strip() for part in raw.split(marks.component)]


def first_subcomponents(raw: str, segment: Segment) -> list[str]:
    """Return the first subcomponent of each component (names: FN-1), un-escaped and trimmed."""
    marks = segment.separators
    return [
        unescape(part.split(marks.subcomponent, 1)[0], marks, segment.codec).strip()
        for part in raw.split(marks.component)
    ]


def pick(parts: Sequence[str], number: int) -> str:
    """Return component `number`, counted from 1; empty when absent or explicitly emptied."""
    found = parts[number - 1] if number <= len(parts) else ""
    return "" if found == codes.EXPLICITLY_EMPTY else found


def read_authority(raw: str, segment: Segment, number: int) -> Authority:
    """Return component `number` of a repetition as HD.

    A bare OID in the namespace stands for the universal id: official examples write it so (hl7v2.md 5.1).
    """
    marks = segment.separators
    parts = raw.split(marks.component)
    if number > len(parts) or not parts[number - 1]:
        return Authority()
    found = [
        unescape(part, marks, segment.codec).strip() for part in parts[number - 1].split(marks.subcomponent)
    ]
    namespace, universal_id, universal_type = (found + ["", ""])[:3]
    if not universal_id and is_oid(namespace):
        return Authority("", namespace, codes.ISO)
    # Official examples break the namespace with a blank: "ASIP-SANTE- PS".
    return Authority(namespace.replace("- ", "-"), universal_id, universal_type)


def read_identifier(raw: str, segment: Segment) -> Identifier:
    """Read one CX."""
    parts = first_subcomponents(raw, segment)
    return Identifier(
        value=pick(parts, 1),
        authority=read_authority(raw, segment, 4),
        type=pick(parts, 5),
        starts=_lenient_date(pick(parts, 7)),
        ends=_lenient_date(pick(parts, 8)),
    )


def read_coded(raw: str, segment: Segment) -> Coded:
    """Read one CE or CWE."""
    parts = components(raw, segment)
    return Coded(pick(parts, 1), pick(parts, 2), pick(parts, 3))


def read_name(raw: str, segment: Segment) -> PersonName:
    """Read one XPN."""
    parts = first_subcomponents(raw, segment)
    return PersonName(
        family=pick(parts, 1),
        given=pick(parts, 2),
        given_names=pick(parts, 3),
        suffix=pick(parts, 4),
        prefix=pick(parts, 5),
        type=pick(parts, 7),
    )


def read_address(raw: str, segment: Segment) -> Address:
    """Read one XAD."""
    parts = first_subcomponents(raw, segment)
    return Address(
        street=pick(parts, 1),
        complement=pick(parts, 2),
        city=pick(parts, 3),
        postcode=pick(parts, 5),
        country=pick(parts, 6),
        type=pick(parts, 7),
        insee=pick(parts, 9),
    )


def read_telecom(raw: str, segment: Segment) -> Telecom:
    """Read one XTN."""
    parts = first_subcomponents(raw, segment)
    return Telecom(pick(parts, 2), pick(parts, 3), pick(parts, 4), pick(parts, 12) or pick(parts, 1))


def read_person(raw: str, segment: Segment) -> Person:
    """Read one XCN."""
    parts = first_subcomponents(raw, segment)
    return Person(
        identifier=pick(parts, 1),
        family=pick(parts, 2),
        given=pick(parts, 3),
        authority=read_authority(raw, segment, 9),
        name_type=pick(parts, 10),
        identifier_type=pick(parts, 13),
    )


def read_organisation(raw: str, segment: Segment) -> Organisation:
    """Read one XON."""
    parts = first_subcomponents(raw, segment)
    return Organisation(pick(parts, 1), read_authority(raw, segment, 6), pick(parts, 7), pick(parts, 10))


def read_location(raw: str, segment: Segment) -> Location:
    """Read one PL."""
    parts = first_subcomponents(raw, segment)
    return Location(
        pick(parts, 1), pick(parts, 2), pick(parts, 3), read_authority(raw, segment, 4), pick(parts, 5)
    )


def read_time(segment: Segment, number: int, zone: tzinfo = PARIS) -> datetime | None:
    """Return a TS or DTM field as an aware date-time; None when empty or explicitly emptied.

    Without offset the time is local to `zone`; a received offset is honoured. Missing parts are the earliest
    ones.

    Raises:
        Hl7Error: 102 at the field when it is not a date-time.
    """
    text = segment.value(number)
    if not text or text == codes.EXPLICITLY_EMPTY:
        return None
    found = parse_time(text, zone)
    if found is None:
        raise Hl7Error(
            codes.ERROR_DATA_TYPE,
            segment.location(number),
            f"{segment.name}-{number} : date et heure invalides",
        )
    return found


def require_time(segment: Segment, number: int, zone: tzinfo = PARIS, *, label: str) -> datetime:
    """Return a mandatory date-time.

    Raises:
        Hl7Error: 101 when absent, 102 when it is not a date-time.
    """
    segment.require(number, label=label)
    found = read_time(segment, number, zone)
    if found is None:  # an explicitly empty mandatory field
        raise Hl7Error(codes.ERROR_FIELD_MISSING, segment.location(number), f"{label} absente")
    return found


def read_date(segment: Segment, number: int) -> date | None:
    """Return the day of a field, whatever its precision beyond the day; None when empty.

    Raises:
        Hl7Error: 102 at the field when its first eight characters are not a date.
    """
    text = segment.value(number)
    if not text or text == codes.EXPLICITLY_EMPTY:
        return None
    found = _lenient_date(text)
    if found is None:
        raise Hl7Error(
            codes.ERROR_DATA_TYPE, segment.location(number), f"{segment.name}-{number} : date invalide"
        )
    return found


def parse_time(text: str, zone: tzinfo = PARIS) -> datetime | None:
    """Return the instant of an HL7 date-time, None when it is not one."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if int(year) not in _YEARS:
        return None
    try:
        return datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=_offset(offset) if offset else zone,
        )
    except ValueError:
        return None


def is_oid(text: str) -> bool:
    """Whether a text has the form of an OID."""
    return _OID.fullmatch(text) is not None


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _lenient_date(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


# --- Writing --------------------------------------------------------------------------------------
def join(parts: Iterable[str], separator: str = STANDARD.component) -> str:
    """Join parts that are already escaped, without trailing separators."""
    return separator.join(parts).rstrip(separator)


def write_time(moment: datetime, zone: tzinfo = PARIS) -> str:
    """Return a date-time to the second, local to `zone`, without offset (decision 21).

    Raises:
        ValueError: `moment` is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("an HL7 time stamp is built from an aware date-time")
    return moment.astimezone(zone).strftime("%Y%m%d%H%M%S").zfill(14)


def write_date(day: date | None) -> str:
    """Return `YYYYMMDD`, empty for None."""
    return f"{day:%Y%m%d}".zfill(8) if day else ""


def write_authority(authority: Authority) -> str:
    """Write an HD as one component."""
    parts = (authority.namespace, authority.universal_id, authority.universal_id_type)
    return join(map(escape, parts), STANDARD.subcomponent)


def write_identifier(identifier: Identifier) -> str:
    """Write one CX."""
    return join(
        (
            escape(identifier.value),
            "",
            "",
            write_authority(identifier.authority),
            escape(identifier.type),
            "",
            write_date(identifier.starts),
            write_date(identifier.ends),
        )
    )


def write_coded(coded: Coded) -> str:
    """Write one CE or CWE."""
    return join(map(escape, (coded.code, coded.label, coded.system)))


def write_name(name: PersonName) -> str:
    """Write one XPN."""
    parts = (name.family, name.given, name.given_names, name.suffix, name.prefix, "", name.type)
    return join(map(escape, parts))


def write_address(address: Address) -> str:
    """Write one XAD."""
    parts = (address.street, address.complement, address.city, "", address.postcode, address.country)
    return join(map(escape, (*parts, address.type, "", address.insee)))


def write_telecom(telecom: Telecom) -> str:
    """Write one XTN: the address in component 4, the number in component 12."""
    parts = ["", telecom.use, telecom.equipment, telecom.address, *[""] * 7, telecom.number]
    return join(map(escape, parts))


def write_person(person: Person) -> str:
    """Write one XCN."""
    names = (person.identifier, person.family, person.given, "", "", "", "", "")
    return join(
        (
            *map(escape, names),
            write_authority(person.authority),
            escape(person.name_type),
            "",
            "",
            escape(person.identifier_type),
        )
    )


def write_organisation(organisation: Organisation) -> str:
    """Write one XON."""
    return join(
        (
            escape(organisation.name),
            "",
            "",
            "",
            "",
            write_authority(organisation.authority),
            escape(organisation.identifier_type),
            "",
            "",
            escape(organisation.identifier),
        )
    )


def write_location(location: Location) -> str:
    """Write one PL."""
    parts = (escape(location.point_of_care), escape(location.room), escape(location.bed))
    return join((*parts, write_authority(location.facility), escape(location.status)))


def write_segment(name: str, fields: dict[int, str]) -> str:
    """Return one segment from numbered fields, each already written; trailing empty fields are left out."""
    last = max((number for number, field in fields.items() if field), default=0)
    return STANDARD.field.join([name, *(fields.get(number, "") for number in range(1, last + 1))])


def utc(moment: datetime) -> datetime:
    """Return the instant in UTC, as it is stored."""
    return moment.astimezone(UTC)
