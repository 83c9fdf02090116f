"""What a document says in its header, ready to be written (cda.md 2 to 5).

Moments are dates or aware datetimes; the builder writes them in the local time of the document.
"""

from dataclasses import dataclass
from datetime import datetime

from interop.cda.codes import (
    LANGUAGE,
    NORMAL,
    EncounterParticipation,
    ParticipationType,
    RelatedEntityClass,
)
from interop.cda.datatypes import Address, Code, Id, Moment, PersonName, Telecom
from interop.ins.codes import IdentityStatus
from interop.ins.key import Ins
from interop.ins.traits import StrictTraits


@dataclass(frozen=True, slots=True)
class Organization:
    """A structure: identifier under STRUCTURE_ID, and its cadre d'exercice (JDV_J04) when it performs."""

    name: str
    id: Id | None = None
    telecoms: tuple[Telecom, ...] = ()
    address: Address | None = None
    practice_setting: Code | None = None


@dataclass(frozen=True, slots=True)
class Professional:
    """A person who acts as a professional; `specialty` is in JDV_J01 (cda.md 4).

    `id` is None only where the schema lets a professional be named alone: a participant, a performer.
    """

    id: Id | None
    name: PersonName
    specialty: Code | None = None
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()
    organization: Organization | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A system that is an author (cda.md 4.2)."""

    id: Id
    model: str
    software: str
    organization: Organization | None = None


def _require_id(person: Professional | Device) -> None:
    if person.id is None:
        raise ValueError("this participant is known by a national identifier, RPPS or internal")


@dataclass(frozen=True, slots=True)
class Guardian:
    """The representative of a patient: a person or an organization (cda.md 3).

    Raises:
        ValueError: both or neither.
    """

    person: PersonName | None = None
    organization: Organization | None = None
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()

    def __post_init__(self) -> None:
        if (self.person is None) == (self.organization is None):
            raise ValueError("a guardian is either a person or an organization")


@dataclass(frozen=True, slots=True)
class Patient:
    """The patient of a document (cda.md 3).

    `ins` is there if, and only if, the identity is qualified (INS/va1.53, INS/va1.56, ins.md 7.4).
    `ipp` has the OID of the establishment's own domain as root. The used names are never
    filled from the birth names.

    Raises:
        ValueError: an INS on an identity that is not qualified, or a qualified one without INS;
            no given name at all, which the CI-SIS does not allow.
    """

    identity_status: IdentityStatus
    traits: StrictTraits
    ipp: Id
    ins: Ins | None = None
    used_name: str = ""
    used_given_name: str = ""
    birth_place_name: str = ""
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    guardians: tuple[Guardian, ...] = ()
    deceased_on: Moment | None = None

    def __post_init__(self) -> None:
        if (self.ins is not None) != (self.identity_status is IdentityStatus.QUALIFIED):
            raise ValueError("a document carries the INS of a qualified identity, and of no other")
        traits = self.traits
        if not (traits.birth_given_names or traits.first_birth_given_name or self.used_given_name):
            raise ValueError("a document names its patient by at least one given name")


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, when; `function` is in JDV_J47 (cda.md 4.1, 4.2)."""

    author: Professional | Device
    time: Moment
    function: Code | None = None

    def __post_init__(self) -> None:
        _require_id(self.author)


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Who takes responsibility for a document, when (cda.md 4.7, 4.8)."""

    professional: Professional
    time: Moment

    def __post_init__(self) -> None:
        _require_id(self.professional)


@dataclass(frozen=True, slots=True)
class DataEnterer:
    """Who typed a document for its author (cda.md 4.3)."""

    professional: Professional
    time: Moment | None = None


@dataclass(frozen=True, slots=True)
class RelatedPerson:
    """A person near the patient: contact, trusted person... `relationship` is in JDV_J11 (cda.md 4.4)."""

    kind: RelatedEntityClass
    name: PersonName
    relationship: Code | None = None
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a document is addressed; its MSSanté address is a `mailto:` telecom (cda.md 4.6)."""

    name: PersonName | None = None
    id: Id | None = None
    organization: Organization | None = None
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, slots=True)
class Participant:
    """Another professional concerned, such as the médecin traitant (cda.md 4.9)."""

    kind: ParticipationType
    professional: Professional
    function: Code | None = None
    start: Moment | None = None
    end: Moment | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """The prescription that a document answers (cda.md 5.1)."""

    id: Id
    accession_number: Id | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A documented act (cda.md 5.2): the first, main one has a performer with a cadre d'exercice."""

    start: Moment
    end: Moment | None = None
    code: Code | None = None
    id: Id | None = None
    performer: Professional | None = None
    translations: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class EncounterParticipant:
    """A professional of the stay (cda.md 5.4)."""

    kind: EncounterParticipation
    professional: Professional

    def __post_init__(self) -> None:
        _require_id(self.professional)


@dataclass(frozen=True, slots=True)
class Encounter:
    """The stay or visit: number of the venue, dates, secteur d'activité of the place (cda.md 5.4)."""

    facility_type: Code
    id: Id | None = None
    code: Code | None = None
    start: Moment | None = None
    end: Moment | None = None
    place_name: str = ""
    place_address: Address | None = None
    discharge_disposition: Code | None = None
    responsible: Professional | None = None
    participants: tuple[EncounterParticipant, ...] = ()

    def __post_init__(self) -> None:
        if self.responsible is not None:
            _require_id(self.responsible)


@dataclass(frozen=True, slots=True)
class RelatedDocument:
    """The version that this document replaces (cda.md 5.3); the CI-SIS wants no setId here."""

    id: Id
    version_number: int | None = None


@dataclass(frozen=True, slots=True)
class DocumentHeader:
    """Everything that the header of a hospital document says, its templateIds excepted (cda.md 2).

    `type` is in JDV_J07. `time_zone` is the IANA name of the producer's local time.
    The masking codes are not here: they travel in XDS metadata only (cda.md 8.6).

    Raises:
        ValueError: no author or no act, a main act without performer or cadre d'exercice, or a
            version number that does not agree with the replaced version (cda.md 2).
    """

    id: Id
    set_id: Id
    version_number: int
    type: Code
    title: str
    created: datetime
    patient: Patient
    authors: tuple[Author, ...]
    custodian: Organization
    legal_authenticator: Authenticator
    acts: tuple[Act, ...]
    encounter: Encounter
    confidentiality: Code = NORMAL
    language: str = LANGUAGE
    time_zone: str = "Europe/Paris"
    data_enterer: DataEnterer | None = None
    informants: tuple[RelatedPerson, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    authenticators: tuple[Authenticator, ...] = ()
    participants: tuple[Participant, ...] = ()
    orders: tuple[Order, ...] = ()
    replaces: RelatedDocument | None = None

    def __post_init__(self) -> None:
        if not self.authors or not self.acts:
            raise ValueError("a document has an author and a documented act")
        performer = self.acts[0].performer
        organization = performer.organization if performer is not None else None
        if organization is None or organization.practice_setting is None:
            raise ValueError("the main act has a performer, whose organization has a cadre d'exercice")
        if self.version_number < 1 or (self.replaces is not None and self.version_number == 1):
            raise ValueError("versions are numbered from 1, and version 1 replaces nothing")
        if self.id == self.set_id:
            raise ValueError("the identifier of a document is not that of its set of versions")
