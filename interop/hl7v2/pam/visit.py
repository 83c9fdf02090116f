"""PV1, PV2, ZBE and the other segments of a French visit.

Source: IHE ITI TF-2 (ITI-31), TF-4 4.1.1, PAM France 2.11 (hl7v2.md 4.2, 4.4, 4.5).
"""

from datetime import tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    PARIS,
    Authority,
    Location,
    Organisation,
    components,
    pick,
    read_address,
    read_coded,
    read_date,
    read_location,
    read_name,
    read_organisation,
    read_person,
    read_telecom,
    read_time,
    require_time,
)
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.pam.identity import deletions, read_flag, read_one_identifier
from interop.hl7v2.pam.model import (
    Choice,
    Contact,
    DmpChoices,
    IdentityProof,
    Movement,
    MovementId,
    PmsiModes,
    Visit,
)
from interop.hl7v2.tokens import Segment

PV1_DELETABLE = {
    3: "location",
    6: "prior_location",
    7: "attending",
    8: "referring",
    36: "discharge_disposition",
    44: "admitted_at",
    45: "discharged_at",
}
PV2_DELETABLE = {8: "expected_admission_at", 9: "expected_discharge_at", 12: "description"}


def read_visit(pv1: Segment, pv2: Segment | None, pid: Segment, zone: tzinfo = PARIS) -> Visit | None:
    """Read PV1 and PV2; None when PV1-2 says that there is no visit.

    Raises:
        Hl7Error: 101 (no class), 103 (unknown class), 102 (date), at the field.
    """
    patient_class = pv1.require(2, label="classe du patient")
    if patient_class not in codes.PATIENT_CLASSES:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, pv1.location(2), "PV1-2 : classe du patient inconnue")
    number = read_one_identifier(pv1, 19)
    if patient_class == codes.PATIENT_CLASS_NONE and number is None:
        return None
    second = pv2 if pv2 is not None else Segment(("PV2",))
    return Visit(
        patient_class=patient_class,
        number=number,
        account=read_one_identifier(pid, 18),
        location=_location(pv1, 3),
        prior_location=_location(pv1, 6),
        admission_type=pv1.value(4),
        preadmission_number=read_one_identifier(pv1, 5),
        attending=tuple(read_person(raw, pv1) for raw in pv1.repetitions(7)),
        referring=tuple(read_person(raw, pv1) for raw in pv1.repetitions(8)),
        discharge_disposition=_plain(pv1, 36),
        last_of_account=pv1.value(41),
        admitted_at=read_time(pv1, 44, zone),
        discharged_at=read_time(pv1, 45, zone),
        expected_admission_at=read_time(second, 8, zone),
        expected_discharge_at=read_time(second, 9, zone),
        description=_plain(second, 12),
        deleted=deletions(pv1, PV1_DELETABLE) | deletions(second, PV2_DELETABLE),
    )


def read_movement(zbe: Segment, warnings: list[str], zone: tzinfo = PARIS) -> Movement:
    """Read ZBE. ZBE-3 is forbidden and ignored.

    Raises:
        Hl7Error: 101, 102 or 103 at the field.
    """
    zbe.require(1, label="identifiant du mouvement")
    ids = tuple(found for found in map(_movement_id, _parts(zbe, 1)) if found.value)
    action = zbe.require(4, label="action sur le mouvement")
    if action not in codes.MovementAction.__members__:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, zbe.location(4), "ZBE-4 : INSERT, UPDATE ou CANCEL attendu")
    historic = zbe.require(5, label="mouvement historique")
    if historic not in (codes.YES, codes.NO):
        raise Hl7Error(codes.ERROR_TABLE_VALUE, zbe.location(5), "ZBE-5 : Y ou N attendu")
    original = zbe.value(6)
    if action != codes.MovementAction.INSERT and not original:
        raise Hl7Error(
            codes.ERROR_FIELD_MISSING, zbe.location(6), "ZBE-6 absent : événement d'origine du mouvement"
        )
    nature = zbe.value(9)
    if nature not in codes.MOVEMENT_NATURES:
        warnings.append("ZBE-9 : nature du mouvement absente ou inconnue")
    medical = _organisation(zbe, 7)
    return Movement(
        ids=ids,
        started_at=require_time(zbe, 2, zone, label="date du mouvement"),
        action=codes.MovementAction(action),
        historic=historic == codes.YES,
        original_event=original,
        medical_unit=medical,
        nursing_unit=_organisation(zbe, 8) or medical,
        nature=nature,
    )


def read_choices(zfa: Segment, warnings: list[str], zone: tzinfo = PARIS) -> DmpChoices:
    """Read ZFA. ZFA-4 to 8 are forbidden in 2.11 and play no part in the choices.

    An unknown code is a warning and no information: it never refuses an admission, and what was
    collected stays (SC.DMP/CONF.13).

    Raises:
        Hl7Error: 102 (date), at the field.
    """
    return DmpChoices(
        dmp_status=codes.DMP_STATUSES.get(zfa.value(1).upper(), ""),
        dmp_status_at=read_time(zfa, 2, zone),
        dmp_closed_at=read_time(zfa, 3, zone),
        alimentation=_choice(zfa, 9, codes.CHOICES_ALIMENTATION, warnings, zone),
        consultation=_choice(zfa, 11, codes.CHOICES_CONSULTATION, warnings, zone),
    )


def read_proof(zfd: Segment, warnings: list[str]) -> IdentityProof:
    """Read ZFD; an unknown mode or document is kept as it is, with a warning.

    Raises:
        Hl7Error: 102, a date.
    """
    for number, known in ((5, codes.COLLECTION_MODES), (7, codes.IDENTITY_DOCUMENTS)):
        if _plain(zfd, number) not in known | {""}:
            warnings.append(f"ZFD-{number} : code inconnu")
    return IdentityProof(
        lunar_birth_date=_plain(zfd, 1),
        gestation_weeks=_plain(zfd, 2),
        sms_consent=read_flag(zfd, 3),
        birth_date_corrected=read_flag(zfd, 4),
        mode=_plain(zfd, 5),
        insi_queried_on=read_date(zfd, 6),
        document=_plain(zfd, 7),
        document_expires_on=read_date(zfd, 8),
    )


def read_pmsi(zfm: Segment) -> PmsiModes:
    """Read ZFM."""
    return PmsiModes(*(_plain(zfm, number) for number in range(1, 6)))


def read_contact(nk1: Segment) -> Contact:
    """Read NK1. The forbidden NK1-25, 28 and 35 are not read."""
    names = [read_name(raw, nk1) for raw in nk1.repetitions(2)]
    addresses = [read_address(raw, nk1) for raw in nk1.repetitions(4)]
    name = next((found for found in names if found.type == codes.NAME_DISPLAY), None)
    return Contact(
        name=name or next(iter(names), None) or read_name("", nk1),
        relationship=read_coded(nk1.field(3), nk1),
        role=nk1.value(7),
        address=next(iter(addresses), None),
        telecoms=tuple(read_telecom(raw, nk1) for number in (5, 6) for raw in nk1.repetitions(number)),
    )


def _choice(
    zfa: Segment, number: int, allowed: frozenset[codes.ChoiceCode], warnings: list[str], zone: tzinfo
) -> Choice | None:
    value = zfa.value(number)
    if not value:
        return None
    collected_at = read_time(zfa, number + 1, zone)
    if value == codes.EXPLICITLY_EMPTY:
        return Choice(None, collected_at)
    if value not in allowed:
        warnings.append(f"ZFA-{number} : code inconnu, choix ignoré")
        return None
    return Choice(codes.ChoiceCode(value), collected_at)


def _movement_id(parts: list[str]) -> MovementId:
    return MovementId(pick(parts, 1), Authority(pick(parts, 2), pick(parts, 3), pick(parts, 4)))


def _parts(segment: Segment, number: int) -> list[list[str]]:
    return [components(raw, segment) for raw in segment.repetitions(number)]


def _organisation(segment: Segment, number: int) -> Organisation | None:
    for raw in segment.repetitions(number):
        found = read_organisation(raw, segment)
        if found != Organisation():
            return found
    return None


def _location(segment: Segment, number: int) -> Location:
    repetitions = segment.repetitions(number)
    return read_location(repetitions[0], segment) if repetitions else Location()


def _plain(segment: Segment, number: int) -> str:
    found = segment.value(number)
    return "" if found == codes.EXPLICITLY_EMPTY else found
