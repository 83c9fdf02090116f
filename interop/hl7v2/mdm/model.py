"""A document order between a DPI and a PFI, as frozen values.

Source: CI-SIS volet "Transmission de document(s) CDA en HL7v2" v2.1 (hl7v2.md 2).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from interop.cda.datatypes import Id
from interop.cda.parsed import ParsedCda
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Coded, Organisation, Person
from interop.hl7v2.header import Header
from interop.hl7v2.pam.model import PatientIdentity, Visit

_RPPS_LENGTH = 11
_FINESS_LENGTH = 9


@dataclass(frozen=True, slots=True)
class Participant:
    """One PRT: the requester (SB), a recipient (RCT) or a reply address (REPLY).

    `person` is PRT-5, `organisation` PRT-8, `device` PRT-10.1 (a software that acts alone), `address`
    PRT-15.4.
    """

    role: codes.Participation
    person: Person | None = None
    organisation: Organisation | None = None
    device: str = ""
    address: str = ""

    @property
    def is_patient(self) -> bool:
        """Whether the person is the patient: an INS, by its type or its OID."""
        return self.person is not None and (
            self.person.identifier_type == codes.ID_INS
            or self.person.authority.universal_id in codes.INS_OIDS
        )

    @property
    def national_person_id(self) -> str:
        """PRT-5.1 in the form PS_IdNat: an RPPS of 11 digits takes the prefix 8. Empty without person."""
        number = self.person.identifier if self.person else ""
        is_rpps = len(number) == _RPPS_LENGTH and number.isascii() and number.isdigit()
        return f"8{number}" if is_rpps and not self.is_patient else number

    @property
    def national_structure_id(self) -> str:
        """PRT-8.10 in the form Struct_IdNat: a FINESS of 9 characters takes the prefix 1."""
        number = self.organisation.identifier if self.organisation else ""
        return f"1{number}" if len(number) == _FINESS_LENGTH else number


@dataclass(frozen=True, slots=True)
class OrderFlags:
    """The metadata of an order, in the order of the table MetaDMPMSS (hl7v2.md 2.6).

    `patient_cannot_reply` is the NTE `FIN` that follows DESTMSSANTEPAT.
    """

    masque_ps: bool = False
    invisible_patient: bool = False
    invisible_rep_legaux: bool = False
    connexion_secrete: bool = False
    modif_conf_code: bool = False
    dest_dmp: bool = False
    dest_mss_professional: bool = False
    dest_mss_patient: bool = False
    ack_reception: bool = False
    ack_reading: bool = False
    patient_cannot_reply: bool = False


FLAG_OF_META = {
    codes.Meta.MASQUE_PS: "masque_ps",
    codes.Meta.INVISIBLE_PATIENT: "invisible_patient",
    codes.Meta.INVISIBLE_REP_LEGAUX: "invisible_rep_legaux",
    codes.Meta.CONNEXION_SECRETE: "connexion_secrete",
    codes.Meta.MODIF_CONF_CODE: "modif_conf_code",
    codes.Meta.DESTDMP: "dest_dmp",
    codes.Meta.DESTMSSANTEPS: "dest_mss_professional",
    codes.Meta.DESTMSSANTEPAT: "dest_mss_patient",
    codes.Meta.ACK_RECEPTION: "ack_reception",
    codes.Meta.ACK_LECTURE_MSS: "ack_reading",
}
"""Attribute of `OrderFlags` for each metadata row that is a yes or no."""


@dataclass(frozen=True, slots=True)
class CarriedDocument:
    """One CDA: its type, its id, the id that it replaces, its bytes.

    `cda` is what was read in it, by the parser only.
    """

    type: Coded
    id: Id
    content: bytes = field(repr=False)
    replaced_id: Id | None = None
    cda: ParsedCda | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MdmDocument:
    """A document order: MDM (one document) or ORU (one, or level 1 and level 3 together).

    `header.message` tells which; `recorded_at` (EVN-2) and `occurred_at` (EVN-6) exist in MDM only.
    `warnings` are French sentences for the journal, without values.
    """

    header: Header
    action: codes.Action
    patient: PatientIdentity
    visit: Visit | None
    documents: tuple[CarriedDocument, ...]
    participants: tuple[Participant, ...]
    flags: OrderFlags
    recorded_at: datetime | None = None
    occurred_at: datetime | None = None
    body_professional: str = ""
    body_patient: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def document(self) -> CarriedDocument:
        """The document, or the first of two."""
        return self.documents[0]

    @property
    def requester(self) -> Participant | None:
        """The SB participant: it feeds the VIHF and the submission set."""
        return next((part for part in self.participants if part.role == codes.Participation.SENT_BY), None)

    @property
    def professional_recipients(self) -> tuple[Participant, ...]:
        """The RCT participants other than the patient."""
        return tuple(part for part in self._recipients() if not part.is_patient)

    @property
    def patient_recipients(self) -> tuple[Participant, ...]:
        """The RCT participants that are the patient."""
        return tuple(part for part in self._recipients() if part.is_patient)

    @property
    def reply_addresses(self) -> tuple[str, ...]:
        """The addresses of the REPLY participants."""
        return tuple(part.address for part in self.participants if part.role == codes.Participation.REPLY_TO)

    def _recipients(self) -> tuple[Participant, ...]:
        return tuple(part for part in self.participants if part.role == codes.Participation.RECIPIENT)


class Profile(StrEnum):
    """What a partner speaks. Anything before 2.1 is read leniently (hl7v2.md 5, F12 and F13)."""

    V21 = "2.1"
    V20 = "2.0"
    V12 = "1.2"


class MatrixMode(StrEnum):
    """What to do with an order outside the matrix of combinations that the volet prints (hl7v2.md 2.6)."""

    OFF = "off"
    WARN = "warn"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class MdmRules:
    """The settings of a reader of document orders.

    `ins_oids` are the authorities accepted here (production refuses test identities); `type_codes` the value
    set of OBR-4 (JDV_J07), `dmp_type_codes` that of the DMP (JDV_J66), each unchecked when None.
    """

    profile: Profile = Profile.V21
    processing_ids: frozenset[str] = frozenset("PTD")
    matrix: MatrixMode = MatrixMode.WARN
    ins_oids: frozenset[str] = codes.INS_OIDS
    type_codes: frozenset[str] | None = None
    dmp_type_codes: frozenset[str] | None = None

    @property
    def lenient(self) -> bool:
        """Whether the partner speaks an earlier version of the volet."""
        return self.profile is not Profile.V21
