"""What a lettre de liaison de sortie says in its coded body (cda.md 7.1)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from interop.cda.datatypes import Code, Id, Moment
from interop.cda.ldl_ses import codes


class Absence(Enum):
    """Why a list is empty: there is nothing, or nobody knows. Unknown never reads as none."""

    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount, or a range from `low` to `high`, in a UCUM unit."""

    low: Decimal
    high: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Period:
    """Once in every `value` `unit` (UCUM): 8 h, 1 d."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class MaxDose:
    """No more than an amount in a period: 300 mg in 1 d."""

    amount: Decimal
    unit: str
    period: Period


@dataclass(frozen=True, slots=True)
class Treatment:
    """A medicine with its dosage: for reading in text, and coded where it is known (FR-Traitement).

    `product` is a CIS code, its `translations` CIP or ATC codes.
    """

    name: str
    start: Moment | None = None
    end: Moment | None = None
    dose_text: str = ""
    frequency_text: str = ""
    route_text: str = ""
    rate_text: str = ""
    max_dose_text: str = ""
    comment: str = ""
    product: Code | None = None
    translations: tuple[Code, ...] = ()
    frequency: Period | None = None
    route: Code | None = None
    dose: Quantity | None = None
    rate: Quantity | None = None
    max_dose: MaxDose | None = None


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """An act to come, in CCAM (FR-Acte)."""

    act: Code
    on: Moment | None = None
    priority: Code | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An examination or a follow-up asked for (FR-Demande-d-examen-ou-de-suivi)."""

    text: str
    on: Moment | None = None


@dataclass(frozen=True, slots=True)
class PlannedEncounter:
    """A consultation or visit to come; `kind` is in JDV_J142 (FR-Rencontre)."""

    kind: Code
    text: str
    on: Moment | None = None
    priority: Code | None = None


@dataclass(frozen=True, slots=True)
class MedicalDevice:
    """A device placed during the stay; `category` is an EMDN code (FR-Dispositif-medical)."""

    name: str
    category: Code
    used_on: Moment | None = None
    supply_id: Id | None = None
    udi: Id | None = None
    translations: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class Allergy:
    """An allergy found; `kind` is in JDV_TypeEvenementIndesirablePrevisible (FR-Allergie)."""

    kind: Code
    text: str
    since: Moment | None = None
    agent: Code | None = None


@dataclass(frozen=True, slots=True)
class DischargeLetter:
    """The body of an LDL-SES: what must be said first, then what may be (cda.md 7.1).

    Raises:
        ValueError: a mode of admission or of discharge out of its value set (the national
            schematrons do not see the second one), a mandatory text or list that is empty.
    """

    reason: str
    summary: str
    admission_mode: Code
    admitted_on: Moment
    discharge_mode: Code
    discharged_on: Moment
    germ_search: bool
    transfusion: bool
    blood_derivatives: bool
    discharge_treatments: tuple[Treatment, ...] | Absence
    status: Code = codes.APPROVED
    adverse_event: str = ""
    germs_found: str = ""
    transfusion_accident: str = ""
    blood_derivatives_event: str = ""
    stopped_treatments: tuple[Treatment, ...] = ()
    expected_results: str = ""
    planned_acts: tuple[PlannedAct, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    planned_encounters: tuple[PlannedEncounter, ...] = ()
    devices: tuple[MedicalDevice, ...] = ()
    allergies: tuple[Allergy, ...] | Absence | None = None

    def __post_init__(self) -> None:
        for value, allowed in (
            (self.admission_mode, codes.ADMISSION_MODES),
            (self.discharge_mode, codes.DISCHARGE_MODES),
            (self.status, codes.DOCUMENT_STATUSES),
        ):
            if value not in allowed:
                raise ValueError(f"{value.code} is not in the value set of the discharge letter")
        if not self.reason.strip() or not self.summary.strip():
            raise ValueError("a discharge letter has a reason and a summary of the stay")
        if self.discharge_treatments == () or self.allergies == ():
            raise ValueError("an empty list of treatments or allergies says why it is empty")
