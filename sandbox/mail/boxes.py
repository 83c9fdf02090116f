"""Mailboxes of the demonstration; every address is under `.test`, which exists nowhere.

The hospital has an application mailbox, one mailbox a unit and one for what could not be integrated; two
doctors work in town; each patient of Mon espace santé has the address of the matricule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sandbox.annuaire.people import town_addresses
from sandbox.demo import LEGAL_ENTITY, PROFESSIONALS, DmpState, Patient

HOSPITAL_DOMAIN: Final = "ch-trois-rivieres.mssante.test"
CITY_DOMAIN: Final = "medecin.mssante.test"
PATIENT_DOMAIN: Final = "patient.mssante.test"
WHITELIST: Final = frozenset({HOSPITAL_DOMAIN, CITY_DOMAIN, PATIENT_DOMAIN})
"""Domains of the espace de confiance; another one is refused (5.1.2)."""

APPLICATION_BOX: Final = f"pfi@{HOSPITAL_DOMAIN}"
ERROR_BOX: Final = f"erreurs@{HOSPITAL_DOMAIN}"


class Kind(StrEnum):
    APPLICATION = "APP"
    ORGANISATION = "ORG"
    PERSON = "PER"
    PATIENT = "USAGER"


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox; `structure` is the national identifier of the one whose certificate opens it, if any."""

    address: str
    kind: Kind
    label: str
    structure: str = ""


_UNIT_BOXES: Final = (
    ("chirurgie-vasculaire", "Chirurgie vasculaire"),
    ("cardiologie", "Cardiologie"),
    ("medecine-polyvalente", "Médecine polyvalente"),
    ("consultations", "Consultations"),
    ("urgences-saint-roch", "Urgences Saint-Roch"),
    ("geriatrie-saint-roch", "Gériatrie Saint-Roch"),
)


def _hospital(name: str, kind: Kind, label: str) -> Box:
    return Box(f"{name}@{HOSPITAL_DOMAIN}", kind, label, LEGAL_ENTITY.struct_idnat)


FIXED_BOXES: Final = (
    _hospital("pfi", Kind.APPLICATION, "CH des Trois Rivières - PFI"),
    _hospital("erreurs", Kind.ORGANISATION, "CH des Trois Rivières - documents à reprendre"),
    *(_hospital(name, Kind.ORGANISATION, f"CH des Trois Rivières - {label}") for name, label in _UNIT_BOXES),
    *(
        Box(person.mailbox, Kind.PERSON, f"Dr {person.given} {person.family}")
        for person in PROFESSIONALS
        if person.mailbox
    ),
)


def _town_boxes() -> dict[str, Box]:
    """Mailboxes of the people and structures in town whom the directory lists."""
    return {address: Box(address, Kind.PERSON, name) for address, name in town_addresses().items()}


class Directory:
    """Which mailboxes exist: the fixed ones, and those of the patients whose profile was opened."""

    def __init__(self, patients: Callable[[], list[Patient]]) -> None:
        self._patients = patients
        self._fixed = _town_boxes() | {box.address: box for box in FIXED_BOXES}

    def patients(self) -> list[Patient]:
        """Everybody whom Mon espace santé knows, with or without a profile."""
        return self._patients()

    def box(self, address: str) -> Box | None:
        """The mailbox of an address; None when there is none."""
        return self._fixed.get(address.lower()) or next(
            (box for box in self.patient_boxes() if box.address == address.lower()), None
        )

    def boxes(self) -> list[Box]:
        """Every mailbox, the patients' last."""
        return [*self._fixed.values(), *self.patient_boxes()]

    def patient_boxes(self) -> list[Box]:
        return [
            Box(patient_address(person.matricule), Kind.PATIENT, f"{person.given} {person.family}")
            for person in self._patients()
            if person.state is not DmpState.NONE
        ]

    def patient(self, address: str) -> Patient | None:
        """The person to whom an address of a patient belongs, whatever the state of the profile."""
        local = address.partition("@")[0].upper()
        return next((person for person in self._patients() if person.matricule.upper() == local), None)


def patient_address(matricule: str) -> str:
    return f"{matricule.lower()}@{PATIENT_DOMAIN}"


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()
