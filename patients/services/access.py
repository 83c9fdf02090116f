"""Search of patients and opening of records: reads that leave a trace (security 3.3, 8.3)."""

from __future__ import annotations

from accounts.models import User
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from patients.errors import AccessRefused
from patients.models import Patient
from patients.selectors import CareRelation, SearchCriteria, SearchResult, care_relation, search


def patient_search(*, user: User, criteria: SearchCriteria, actor: Actor) -> SearchResult:
    """Search identities and trace the search: kinds of criteria and count, never their values.

    Raises:
        SearchRefused: criteria that would list too many persons, or a partial matricule (ins 9.1).
    """
    result = search(user, criteria)
    trace_write(
        type="patient.search",
        action=Action.READ,
        actor=actor,
        detail={"criteria": criteria.kinds, "tier": result.tier.value, "count": len(result.rows)},
    )
    return result


def record_open(*, patient: Patient, user: User, actor: Actor, what: str = "") -> CareRelation:
    """Open the record of a patient: the care relation is asked, and the opening traced either way.

    `what` names the part that a software reads (`episodes`, `documents`); a page opens the whole.

    Raises:
        AccessRefused: the user has no care relation with the patient (security 3.3).
    """
    relation = care_relation(user, patient)
    trace_write(
        type="patient.open",
        action=Action.READ,
        actor=actor,
        outcome=Outcome.SUCCESS if relation else Outcome.REFUSED,
        patient_uid=patient.uid,
        object_type="patients.patient",
        object_uid=patient.uid,
        detail={"relation": relation.kind.value} | ({"what": what} if what else {}),
    )
    if not relation:
        raise AccessRefused(
            "Ce patient n'est pas suivi dans vos unités : demandez à l'équipe de soins de vous y ajouter.",
            code="no_care_relation",
        )
    return relation
