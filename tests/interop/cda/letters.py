"""Bodies of discharge letters for the tests: the least, and everything at once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from interop.cda import codes
from interop.cda.datatypes import Code, Id
from interop.cda.ldl_ses import codes as ldl
from interop.cda.ldl_ses.model import (
    Absence,
    Allergy,
    DischargeLetter,
    FollowUp,
    MaxDose,
    MedicalDevice,
    Period,
    PlannedAct,
    PlannedEncounter,
    Quantity,
    Treatment,
)
from interop.cda.model import DocumentHeader
from tests.interop.cda import samples


def letter_header() -> DocumentHeader:
    """The minimal header with the stay as its main act, as the model wants it."""
    minimal = samples.minimal_document()
    stay = replace(minimal.acts[0], code=codes.INPATIENT, end=samples.DISCHARGED)
    return replace(minimal, acts=(stay,), patient=samples.QUALIFIED)


def minimal_letter() -> DischargeLetter:
    """Only what the model requires."""
    return DischargeLetter(
        reason="Épisode psychotique",
        summary="Évolution favorable.",
        admission_mode=ldl.EMERGENCY_ADMISSION,
        admitted_on=samples.ADMITTED,
        discharge_mode=ldl.HOME_DISCHARGE,
        discharged_on=samples.DISCHARGED,
        germ_search=False,
        transfusion=False,
        blood_derivatives=False,
        discharge_treatments=Absence.NONE,
    )


STOPPED = Treatment(
    "SOLIAN 100 mg",
    start=date(2026, 3, 3),
    end=date(2026, 4, 1),
    dose=Quantity(Decimal("1"), Decimal("1"), "{tbl}"),
    frequency=Period(Decimal("1"), "d"),
    rate=Quantity(Decimal("100"), Decimal("100"), "mg/d"),
    max_dose=MaxDose(Decimal("200"), "mg", Period(Decimal("1"), "d")),
    route=Code("PO", codes.HL7_ROUTE, "prendre par la bouche"),
    product=Code("60019927", codes.CIS, "SOLIAN 100 mg, comprimé sécable"),
    translations=(
        Code("3400934874741", codes.CIP, "SOLIAN 100 mg, plaquette de 30"),
        Code("N05AL05", codes.ATC, "Amisulpride"),
    ),
    comment="arrêt à la suite\ndes analyses",
)
UNCODED = Treatment(
    "Préparation magistrale <5 %> & eau",
    start=samples.DISCHARGED,
    dose_text="une application",
    frequency_text="matin et soir",
    route_text="cutanée",
    rate_text="-",
    max_dose_text="-",
)
VARIABLE = Treatment(
    "LEPONEX 100 mg",
    dose=Quantity(Decimal("0.5"), Decimal("1.5"), "{tbl}"),
    frequency=Period(Decimal("12"), "h"),
)


def full_letter() -> DischargeLetter:
    """Every section and every entry."""
    return replace(
        minimal_letter(),
        summary="Infection respiratoire aigüe.\nTraitée par antibiotiques < 7 jours & repos.",
        discharge_mode=ldl.OTHER_HOSPITAL_DISCHARGE,
        germ_search=True,
        transfusion=True,
        adverse_event="Chute sans gravité",
        germs_found="Streptococcus pneumoniae",
        transfusion_accident="Aucun",
        blood_derivatives=True,
        blood_derivatives_event="Fièvre",
        stopped_treatments=(STOPPED,),
        discharge_treatments=(VARIABLE, UNCODED),
        expected_results="Échographie attendue",
        planned_acts=(
            PlannedAct(
                Code("ECQH010", codes.CCAM, "Scanographie des vaisseaux du thorax", "CCAM"),
                priority=ldl.URGENT,
                comment="à jeun",
            ),
            PlannedAct(Code("DEQP003", codes.CCAM, "Électrocardiographie", "CCAM"), on=date(2026, 8, 1)),
        ),
        follow_ups=(FollowUp("Suivi par le psychiatre", date(2026, 9, 1)), FollowUp("Bilan rénal")),
        planned_encounters=(
            PlannedEncounter(codes.AMBULATORY, "Médecin traitant", date(2026, 7, 20), ldl.CALLBACK),
        ),
        devices=(
            MedicalDevice(
                "STIMULATEUR TRIPLE CHAMBRE",
                Code("J010104", codes.EMDN, "STIMULATEURS CARDIAQUES IMPLANTABLES TRIPLE CHAMBRE", "EMDN"),
                used_on=date(2026, 4, 2),
                udi=Id("1.2.250.1.999.2", "0100844588003288"),
            ),
            MedicalDevice("Sonde", Code("U05", codes.EMDN, "SONDES", "EMDN")),
        ),
        allergies=(
            Allergy(
                ldl.DRUG_ALLERGY,
                "Pénicilline : urticaire",
                since=date(2018, 6, 3),
                agent=Code("J01CE01", codes.ATC, "Benzylpénicilline"),
            ),
            Allergy(ldl.FOOD_ALLERGY, "Arachide"),
        ),
    )


LETTERS = {
    "ldl_ses_minimal": (letter_header(), minimal_letter(), b""),
    "ldl_ses_full": (
        replace(samples.full_document(), patient=samples.QUALIFIED),
        full_letter(),
        samples.PDF,
    ),
    "ldl_ses_unknown": (
        letter_header(),
        replace(minimal_letter(), discharge_treatments=Absence.UNKNOWN, allergies=Absence.UNKNOWN),
        samples.PDF,
    ),
    "ldl_ses_nothing_known": (letter_header(), replace(minimal_letter(), allergies=Absence.NONE), b""),
}
