"""Identities of the base that a received document may be about (hl7v2 3.3, ins 10.2)."""

from __future__ import annotations

from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, hl7_date
from patients.enums import IdentifierKind
from patients.models import Identifier, Patient
from patients.rules.matching import Holder

NO_INS = Ins("", "")


def holders_of(ins: Ins) -> list[Holder]:
    """Identities that carry this matricule under this OID, or carried it. 1 query."""
    found = Identifier.objects.filter(kind=IdentifierKind.INS, value=ins.matricule, oid=ins.oid)
    by_patient: dict[int, Holder] = {}
    for identifier in found.select_related("patient").order_by("is_active", "id"):
        held = Ins(identifier.value, identifier.oid)
        by_patient[identifier.patient_id] = _holder(
            identifier.patient, held, is_former=not identifier.is_active
        )
    return list(by_patient.values())


def holder_of(patient: Patient) -> Holder:
    """One identity with the matricule that it carries now, if any. 1 query."""
    active = patient.identifiers.filter(kind=IdentifierKind.INS, is_active=True).first()
    ins = Ins(active.value, active.oid) if active else NO_INS
    return _holder(patient, ins, is_former=False)


def traits_of(patient: Patient) -> ReceivedTraits:
    """The strict traits held, in the form in which a document carries them; empty when unknown."""
    return ReceivedTraits(
        birth_name=patient.birth_name,
        birth_given_names=patient.birth_given_names,
        first_birth_given_name=patient.first_birth_given_name,
        birth_date=hl7_date(patient.birth_date) if patient.birth_date else "",
        sex=patient.sex,
        birth_place_cog=patient.birth_place_cog,
    )


def _holder(patient: Patient, ins: Ins, *, is_former: bool) -> Holder:
    return Holder(
        pk=patient.pk,
        traits=traits_of(patient),
        ins=ins,
        is_qualified=patient.is_qualified,
        is_former=is_former,
        is_under_review=patient.is_identity_under_review,
        is_closed=patient.is_closed,
    )
