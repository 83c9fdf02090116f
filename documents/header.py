"""What a received CDA says of itself, as the record files it (SC.CDA/INT.17).

Type, date of act, author, title and version come from the document, never from the moment or the
hand that brought it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Final

from documents.enums import Structure
from interop.cda.codes import STRUCTURE_ID
from interop.cda.datatypes import Id, PersonName, moment_of_hl7
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedActor, ParsedCda, ParsedOrganization
from interop.cda.refusals import CdaRefusal, CdaRefused
from interop.ins.codes import INS_OIDS
from interop.xds.from_cda import unique_id_of
from interop.xml import XmlRefused

ID_LENGTH: Final = 128
TYPE_LENGTH: Final = 20
TEXT_LENGTH: Final = 200
KEY_LENGTH: Final = 200
TITLES: Final = {"DR": "Dr", "PR": "Pr"}
PATIENT_AUTHOR: Final = "Patient"
_FINESS_ID_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class ReceivedHeader:
    """The facts of a received document, ready to be filed.

    `set_id` and `parent_id` are empty when the document has none. `act_at` is None when the document
    gives no usable date. `author_keys` identify its authors and their organisations (hl7v2 3.5).
    """

    parsed: ParsedCda
    unique_id: str
    set_id: str
    parent_id: str
    number: int | None
    type_code: str
    title: str
    act_at: datetime | None
    author_label: str
    author_organization: str
    structure: Structure
    author_keys: frozenset[str]


def received_header(cda: bytes, *, zone: tzinfo, parsed: ParsedCda | None = None) -> ReceivedHeader:
    """Read the bytes of a received document, `parsed` where that was done; times without offset are
    those of `zone`.

    Raises:
        XmlRefused: not XML that we accept.
        CdaRefused: not a CDA document, or one whose header or body cannot be used.
    """
    return header_of(parsed or parse_cda(cda), zone=zone)


def header_of(parsed: ParsedCda, *, zone: tzinfo) -> ReceivedHeader:
    """The same, from a document already parsed.

    Raises:
        CdaRefused: an identifier or a type that cannot be stored.
    """
    if not 0 < len(parsed.type.code) <= TYPE_LENGTH:
        raise CdaRefused(CdaRefusal.HEADER, "Le type du document CDA est trop long")
    author = parsed.authors[0] if parsed.authors else None
    organization = _organization(author, parsed.custodian)
    return ReceivedHeader(
        parsed=parsed,
        unique_id=stored_id(parsed.id),
        set_id=stored_id(parsed.set_id) if parsed.set_id else "",
        parent_id=stored_id(parsed.replaced.id) if parsed.replaced and parsed.replaced.id else "",
        number=parsed.version_number or None,
        type_code=parsed.type.code,
        title=(parsed.title or parsed.type.display or parsed.type.code)[:TEXT_LENGTH],
        act_at=_act_at(parsed, zone),
        author_label=_author_label(author)[:TEXT_LENGTH],
        author_organization=organization[:TEXT_LENGTH],
        structure=Structure(parsed.body.kind),
        author_keys=author_keys(parsed),
    )


def stored_id(identifier: Id) -> str:
    """An identifier in the form of a XDS uniqueId, under which every channel names the document.

    Raises:
        CdaRefused: neither OID nor UUID, or too long.
    """
    try:
        unique_id = unique_id_of(identifier)
    except ValueError as error:
        raise CdaRefused(CdaRefusal.HEADER, "Un identifiant du document CDA n'est pas un OID") from error
    if len(unique_id) > ID_LENGTH:
        raise CdaRefused(CdaRefusal.HEADER, "Un identifiant du document CDA est trop long")
    return unique_id


def author_keys(parsed: ParsedCda) -> frozenset[str]:
    """Identifiers of the authors and of their organisations, the custodian for want of the latter.

    The FINESS number is one whether written alone or as an idNat_Struct (hl7v2 3.5).
    """
    authors = {_key(found) for actor in parsed.authors for found in actor.ids}
    organizations = {
        _key(actor.organization.id)
        for actor in parsed.authors
        if actor.organization is not None and actor.organization.id is not None
    }
    if not organizations and parsed.custodian is not None and parsed.custodian.id is not None:
        organizations = {_key(parsed.custodian.id)}
    return frozenset(authors | organizations)


def why_unreadable(error: XmlRefused | CdaRefused) -> tuple[str, str]:
    """A stable code and a French sentence for bytes that are no usable document."""
    family = "xml" if isinstance(error, XmlRefused) else "cda"
    place = f" (ligne {error.line})" if isinstance(error, XmlRefused) and error.line else ""
    return f"{family}:{error.code}", f"{error.text}{place}"


def moment_from(text: str, zone: tzinfo) -> datetime | None:
    """A HL7 time, whole or partial, as a moment; its first instant when it names a day, month or year."""
    moment = moment_of_hl7(text)
    if isinstance(moment, datetime):
        return moment
    if moment is None and len(text) in (4, 6) and text.isascii() and text.isdigit():
        moment = _first_day(int(text[:4]), int(text[4:] or "1"))
    if moment is None and len(text) > 8 and "+" not in text and "-" not in text:
        return _local(text, zone)
    return datetime.combine(moment, time(), zone) if moment is not None else None


def _first_day(year: int, month: int) -> date | None:
    try:
        return date(year, month, 1)
    except ValueError:
        return None


def _local(text: str, zone: tzinfo) -> datetime | None:
    """A time written without its offset: that of the reader's own zone."""
    moment = moment_of_hl7(f"{text}+0000")
    return moment.replace(tzinfo=zone) if isinstance(moment, datetime) else None


def _act_at(parsed: ParsedCda, zone: tzinfo) -> datetime | None:
    """The date of the main act, else that of the document."""
    started = moment_from(parsed.main_act.start, zone) if parsed.main_act else None
    return started or moment_from(parsed.effective_time, zone)


def person_label(name: PersonName) -> str:
    """`Dr HODA Alice`, as the people of this hospital are shown."""
    title = TITLES.get(name.suffix.upper()) or TITLES.get(name.prefix.upper().rstrip("."), "")
    return " ".join(part for part in (title, name.family, name.given) if part)


def _author_label(author: ParsedActor | None) -> str:
    if author is None:
        return ""
    if author.id is not None and author.id.root in INS_OIDS:
        return PATIENT_AUTHOR
    if author.name is not None:
        return person_label(author.name)
    return author.device_software or author.device_model


def _organization(author: ParsedActor | None, custodian: ParsedOrganization | None) -> str:
    named = author.organization.name if author is not None and author.organization is not None else ""
    return named or (custodian.name if custodian is not None else "")


def _key(identifier: Id) -> str:
    extension = identifier.extension.strip().upper()
    is_structure = identifier.root == STRUCTURE_ID
    if is_structure and len(extension) == _FINESS_ID_LENGTH and extension.startswith("1"):
        extension = extension[1:]
    return f"{identifier.root}|{extension}"[:KEY_LENGTH]
