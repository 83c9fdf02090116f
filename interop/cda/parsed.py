"""What is read in a CDA document, whoever made it (cda.md 2 to 6, 8).

Times keep their HL7 form, as written: `interop.cda.datatypes.moment_of_hl7` reads them. A value
that is absent or null is None or an empty text.
"""

from dataclasses import dataclass
from enum import StrEnum

from interop.cda.codes import PDF_MEDIA_TYPE
from interop.cda.datatypes import Code, Id, PersonName, Telecom
from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits


class BodyKind(StrEnum):
    """Level of the body: a file (N1) or coded sections (N3)."""

    N1 = "N1"
    N3 = "N3"


@dataclass(frozen=True, slots=True)
class ParsedOrganization:
    """A structure named in a document."""

    id: Id | None
    name: str
    telecoms: tuple[Telecom, ...]
    practice_setting: Code | None


@dataclass(frozen=True, slots=True)
class ParsedActor:
    """A person or system that takes part; `kind` is the typeCode where the role has one."""

    ids: tuple[Id, ...]
    name: PersonName | None
    specialty: Code | None
    function: Code | None
    time: str
    telecoms: tuple[Telecom, ...]
    organization: ParsedOrganization | None
    device_model: str = ""
    device_software: str = ""
    kind: str = ""

    @property
    def id(self) -> Id | None:
        return self.ids[0] if self.ids else None


@dataclass(frozen=True, slots=True)
class ParsedPatient:
    """The patient of a document, for matching and for display.

    `ins` is the matricule with its OID when the document has one under an OID of the INS; `ids`
    holds all identifiers, in the order of the document. `sex` of the traits is M, F or I.
    """

    ids: tuple[Id, ...]
    ins: Ins | None
    traits: ReceivedTraits
    used_name: str
    used_given_name: str
    birth_time: str
    birth_place_name: str
    is_deceased: bool
    telecoms: tuple[Telecom, ...]

    @property
    def local_ids(self) -> tuple[Id, ...]:
        """The identifiers other than the INS: the IPP of the producer."""
        if self.ins is None:
            return self.ids
        ins = Id(self.ins.oid, self.ins.matricule)
        return tuple(identifier for identifier in self.ids if identifier != ins)


@dataclass(frozen=True, slots=True)
class ParsedAct:
    """A documented act; the first of a document is the main one."""

    id: Id | None
    code: Code | None
    translations: tuple[Code, ...]
    start: str
    end: str
    performer: ParsedActor | None


@dataclass(frozen=True, slots=True)
class ParsedEncounter:
    """The stay or visit."""

    ids: tuple[Id, ...]
    code: Code | None
    start: str
    end: str
    facility_type: Code | None
    place_name: str
    responsible: ParsedActor | None


@dataclass(frozen=True, slots=True)
class ParsedRelated:
    """A document to which this one relates; `kind` RPLC replaces it."""

    kind: str
    id: Id | None
    set_id: Id | None
    version_number: int | None


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """The body: for N1 its file; for N3 the copy in PDF, when the producer joined one (cda.md 6)."""

    kind: BodyKind
    media_type: str
    content: bytes

    @property
    def pdf(self) -> bytes:
        """The PDF to show first, or nothing."""
        return self.content if self.media_type == PDF_MEDIA_TYPE else b""


@dataclass(frozen=True, slots=True)
class ParsedCda:
    """The facts of a document's header, and its body.

    `set_id` and `version_number` are None in documents of producers before 2021 (cda.md 2).
    `is_self_presenting` tells a document that came inside its own stylesheet (cda.md 10.4).
    """

    template_ids: tuple[Id, ...]
    id: Id
    set_id: Id | None
    version_number: int | None
    type: Code
    title: str
    effective_time: str
    confidentiality: Code | None
    language: str
    patient: ParsedPatient
    authors: tuple[ParsedActor, ...]
    data_enterer: ParsedActor | None
    custodian: ParsedOrganization | None
    recipients: tuple[ParsedActor, ...]
    legal_authenticator: ParsedActor | None
    authenticators: tuple[ParsedActor, ...]
    participants: tuple[ParsedActor, ...]
    orders: tuple[Id, ...]
    accession_numbers: tuple[Id, ...]
    acts: tuple[ParsedAct, ...]
    related: tuple[ParsedRelated, ...]
    encounter: ParsedEncounter | None
    body: ParsedBody
    is_self_presenting: bool

    @property
    def main_act(self) -> ParsedAct | None:
        """The act that gives service times and cadre d'exercice (cda.md 5.2)."""
        return self.acts[0] if self.acts else None

    @property
    def replaced(self) -> ParsedRelated | None:
        """The version that this document replaces."""
        return next((related for related in self.related if related.kind == "RPLC"), None)
