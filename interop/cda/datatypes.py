"""Values shared by the builder and the reader of CDA documents (cda.md 1, 3.1, 3.2, 4)."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

# In a document a moment is known to the day, or to the second with its zone.
Moment = date | datetime

_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HL7_TIME = re.compile(
    r"(?P<date>\d{4}(?:\d{2}(?:\d{2})?)?)(?P<time>\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?)?(?P<offset>[+-]\d{4})?"
)
_MAX_STREET_LINES = 7


@dataclass(frozen=True, slots=True)
class Id:
    """An instance identifier (II): an OID or UUID root, and a local extension where there is one."""

    root: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value with the label of its value set."""

    code: str
    system: str
    display: str
    system_name: str = ""


@dataclass(frozen=True, slots=True)
class Telecom:
    """An address of telecommunication: URI `tel: fax: mailto: http: ftp: mllp:` and use (cda.md 3.2)."""

    value: str
    use: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address: either lines, or parts, never both (cda.md 3.1).

    Raises:
        ValueError: lines and parts together, neither of them, or more than seven lines.
    """

    lines: tuple[str, ...] = ()
    house_number: str = ""
    street_name: str = ""
    additional_locator: str = ""
    unit_id: str = ""
    post_box: str = ""
    precinct: str = ""
    postal_code: str = ""
    city: str = ""
    county: str = ""
    state: str = ""
    country: str = ""
    use: str = ""

    def __post_init__(self) -> None:
        has_parts = any(value for _, value in self.parts())
        if bool(self.lines) == has_parts:
            raise ValueError("an address has either lines or parts")
        if len(self.lines) > _MAX_STREET_LINES:
            raise ValueError("an address has at most seven lines")

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Return the CDA element name and the text of each part, in the order of the schema."""
        return (
            ("houseNumber", self.house_number),
            ("streetName", self.street_name),
            ("additionalLocator", self.additional_locator),
            ("unitID", self.unit_id),
            ("postBox", self.post_box),
            ("precinct", self.precinct),
            ("postalCode", self.postal_code),
            ("city", self.city),
            ("county", self.county),
            ("state", self.state),
            ("country", self.country),
        )


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name of a person other than the patient: prefix in J245, suffix in J246 (cda.md 4)."""

    family: str
    given: str = ""
    prefix: str = ""
    suffix: str = ""


def is_oid(text: str) -> bool:
    """Tell whether a text is an OID without leading zero in an arc."""
    return _OID.fullmatch(text) is not None


def is_id_root(text: str) -> bool:
    """Tell whether a text may be the root of an identifier: an OID or a UUID."""
    return is_oid(text) or _UUID.fullmatch(text) is not None


def hl7_moment(moment: Moment, zone: tzinfo) -> str:
    """Return `AAAAMMJJ` for a date, `AAAAMMJJhhmmss+ZZZZ` in local time for a datetime (cda.md 1).

    Raises:
        ValueError: a datetime without zone, of which the offset cannot be known.
    """
    if not isinstance(moment, datetime):
        return f"{moment:%Y%m%d}"
    if moment.tzinfo is None:
        raise ValueError("a moment of a document needs a time zone")
    return f"{moment.astimezone(zone):%Y%m%d%H%M%S%z}"


def moment_of_hl7(text: str) -> Moment | None:
    """Return the date or aware datetime of an HL7 time, or None when it is neither.

    A partial date (`AAAA`, `AAAAMM`), an hour without offset or an impossible date give None.
    """
    found = _HL7_TIME.fullmatch(text)
    if found is None or len(found["date"]) != 8:
        return None
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        if not found["time"]:
            return day
        if not found["offset"]:
            return None
        clock = found["time"].partition(".")[0].ljust(6, "0")
        return datetime(
            day.year,
            day.month,
            day.day,
            int(clock[0:2]),
            int(clock[2:4]),
            int(clock[4:6]),
            tzinfo=_zone(found["offset"]),
        )
    except ValueError:
        return None


def _zone(offset: str) -> timezone:
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
