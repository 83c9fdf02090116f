"""What an ADT message of PAM France says, as frozen values.

Source: IHE PAM France 2.11 as hl7v2.md 4 reports it. Text that is absent is an empty string, a date that is
absent is None: no information, the receiver keeps what it stores. A field sent as `""` asks for deletion:
its attribute is empty too, and its name stands in `deleted`.
"""

from dataclasses import dataclass
from datetime import date, datetime

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    Address,
    Authority,
    Coded,
    Identifier,
    Location,
    Organisation,
    Person,
    PersonName,
    Telecom,
)
from interop.hl7v2.header import Header
from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, Sex, hl7_date


@dataclass(frozen=True, slots=True)
class DatedIns:
    """An INS with its period: CX-7 and CX-8."""

    ins: Ins
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Reliability:
    """PID-32 (`values`) and what it means here: `status` is one of the four of the RNIV, `attributes` among
    HOMD, HOMA, DOUT, FICT. `closed`: no new document may join the identity (duplicate, deactivated,
    invalidated, usurped).
    """

    values: tuple[str, ...] = ()
    status: codes.IdentityStatus = codes.IdentityStatus.PROVISIONAL
    attributes: frozenset[str] = frozenset()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """PID. Strict traits: `birth_name`, `first_birth_given_name`, `birth_given_names` (the whole list, blank
    separated), `birth_date`, `sex` (F, M, U), `birth_place_code` (INSEE), `ins`. `identifiers` holds the
    other repetitions of PID-3. `birth_date_incomplete` tells that PID-7 had no day or no month and was
    completed by the rule of ins.md 5."""

    identifiers: tuple[Identifier, ...] = ()
    ins: Ins | None = None
    ins_starts: date | None = None
    former_inses: tuple[DatedIns, ...] = ()
    birth_name: str = ""
    first_birth_given_name: str = ""
    birth_given_names: str = ""
    used_name: str = ""
    used_given_name: str = ""
    birth_date: date | None = None
    birth_date_incomplete: bool = False
    sex: str = ""
    birth_place_code: str = ""
    birth_place_name: str = ""
    birth_place_country: str = ""
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()
    marital_status: str = ""
    account: Identifier | None = None
    mother_identifier: Identifier | None = None
    multiple_birth: bool | None = None
    birth_order: str = ""
    death_at: datetime | None = None
    deceased: bool | None = None
    unknown: bool | None = None
    reliability: Reliability = Reliability()
    updated_at: datetime | None = None
    deleted: frozenset[str] = frozenset()

    @property
    def traits(self) -> ReceivedTraits:
        """The strict traits in the form in which `interop.ins` compares them."""
        return ReceivedTraits(
            birth_name=self.birth_name,
            birth_given_names=self.birth_given_names,
            first_birth_given_name=self.first_birth_given_name,
            birth_date=hl7_date(self.birth_date) if self.birth_date else "",
            sex=Sex.UNDETERMINED if self.sex == codes.SEX_UNKNOWN else self.sex,
            birth_place_cog=self.birth_place_code,
        )

    @property
    def ipp(self) -> Identifier | None:
        """The first local permanent identifier (type PI)."""
        for identifier in self.identifiers:
            if identifier.type == codes.ID_IPP:
                return identifier
        return None


@dataclass(frozen=True, slots=True)
class Visit:
    """PV1 and PV2.

    `number` is PV1-19 (venue), `account` PID-18 (dossier administratif); at least one is there when the
    message carries a movement. `location` is the housing unit, room and bed. `referring` is who addressed
    the patient (PV1-8).
    """

    patient_class: str
    number: Identifier | None = None
    account: Identifier | None = None
    location: Location = Location()
    prior_location: Location = Location()
    admission_type: str = ""
    preadmission_number: Identifier | None = None
    attending: tuple[Person, ...] = ()
    referring: tuple[Person, ...] = ()
    discharge_disposition: str = ""
    last_of_account: str = ""
    admitted_at: datetime | None = None
    discharged_at: datetime | None = None
    expected_admission_at: datetime | None = None
    expected_discharge_at: datetime | None = None
    description: str = ""
    deleted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MovementId:
    """ZBE-1 (EI). Unique only within its authority and its visit (hl7v2.md 5.1)."""

    value: str
    authority: Authority = Authority()


@dataclass(frozen=True, slots=True)
class Movement:
    """ZBE. `nursing_unit` is the medical one when ZBE-8 is empty; `nature` is ZBE-9."""

    ids: tuple[MovementId, ...]
    started_at: datetime
    action: codes.MovementAction
    historic: bool
    original_event: str = ""
    medical_unit: Organisation | None = None
    nursing_unit: Organisation | None = None
    nature: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """ZFA-9 and 10, or ZFA-11 and 12. `value` is None when the field was `""`, a reset to "not collected".

    A missing `collected_at` is replaced by EVN-2 by the receiver (hl7v2.md 4.6).
    """

    value: codes.ChoiceCode | None
    collected_at: datetime | None = None

    @property
    def is_reset(self) -> bool:
        """Whether the sender withdraws what was collected."""
        return self.value is None


@dataclass(frozen=True, slots=True)
class DmpChoices:
    """ZFA. `alimentation` and `consultation` are None when their field is empty: no information."""

    dmp_status: str = ""
    dmp_status_at: datetime | None = None
    dmp_closed_at: datetime | None = None
    alimentation: Choice | None = None
    consultation: Choice | None = None


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """ZFD: how the identity was obtained and proved. `mode` is ZFD-5, `document` ZFD-7."""

    lunar_birth_date: str = ""
    gestation_weeks: str = ""
    sms_consent: bool | None = None
    birth_date_corrected: bool | None = None
    mode: str = ""
    insi_queried_on: date | None = None
    document: str = ""
    document_expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class PmsiModes:
    """ZFM: entry and exit modes, provenance, destination, passage by the emergency unit."""

    entry_mode: str = ""
    exit_mode: str = ""
    provenance: str = ""
    destination: str = ""
    by_emergency: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """NK1.

    `role` is NK1-7: K trustworthy person, C emergency contact, R legal representative, P not to inform.
    """

    name: PersonName
    relationship: Coded = Coded("")
    role: str = ""
    address: Address | None = None
    telecoms: tuple[Telecom, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """PID and MRG of A40, A44, A47, A49: `identity` survives, the identifiers `retired` (MRG-1) go."""

    identity: PatientIdentity
    retired: tuple[Identifier, ...]
    retired_inses: tuple[DatedIns, ...] = ()
    retired_account: Identifier | None = None
    retired_visit: Identifier | None = None
    retired_name: PersonName | None = None


@dataclass(frozen=True, slots=True)
class AdtMessage:
    """An ADT message.

    `recorded_at` is EVN-2, `planned_at` EVN-3, `occurred_at` EVN-6. `visit` is None for the events on the
    patient alone, `movement` for those without ZBE. `linked` holds the second patient of A24 and A37.
    `warnings` are French sentences for the journal, without values.
    """

    header: Header
    event: str
    recorded_at: datetime
    identity: PatientIdentity
    planned_at: datetime | None = None
    occurred_at: datetime | None = None
    operator: Person | None = None
    facility: Authority = Authority()
    visit: Visit | None = None
    movement: Movement | None = None
    choices: DmpChoices | None = None
    proof: IdentityProof | None = None
    pmsi: PmsiModes | None = None
    contacts: tuple[Contact, ...] = ()
    referring_physician: Person | None = None
    merges: tuple[Merge, ...] = ()
    linked: PatientIdentity | None = None
    warnings: tuple[str, ...] = ()
