"""Asking INSi about a patient, keeping its answer, and what a person decides of it.

Sources: spec ins 7.3 (rows 1 to 3, 10, 11), 10.3, 11.3, 11.7; INS/va1.15, .25, .39, .41. The question is a
row that a worker takes up: no page waits for INSi. Nothing is accepted without somebody's act.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from interop.ins.key import Ins, matricule_fault
from interop.ins.traits import Trait
from interop.insi.codes import ResultCode
from interop.insi.request import Search, SearchRefused, search_of
from national.errors import NationalServiceError
from national.insi.opening import insi
from national.insi.ports import Insi, InsiAnswer
from patients.enums import CollectionMethod, IdentifierKind, InsiDecision, InsiPurpose, InsiState
from patients.errors import InsiRefused
from patients.models import Identifier, InsiQuery, Patient
from patients.rules import IdentityUse, StatusEvent, may_use
from patients.rules.insi import (
    Asking,
    Attempt,
    OfficialTraits,
    Proposal,
    Unacceptable,
    code_of,
    next_attempt,
)
from patients.selectors.insi import person_of, proposal_for
from patients.services.identity import identity_event_apply, refuse_if_external
from patients.services.writing import ins_identifier, ins_is_held_elsewhere, standing_of

logger = logging.getLogger(__name__)

OPERATION: Final = "WS_INS2"
LOST_AFTER: Final = timedelta(seconds=90)
"""A question that has no answer by then was lost with its worker: another may be asked."""
LAST_START: Final = timedelta(seconds=30)
"""After that no other search is begun: the person waits."""
_TRAIT_WORDS: Final = {
    Trait.BIRTH_NAME: "le nom de naissance",
    Trait.BIRTH_GIVEN_NAMES: "les prénoms de naissance",
    Trait.SEX: "le sexe",
    Trait.BIRTH_PLACE_COG: "le lieu de naissance",
}
UNACCEPTABLE_WORDS: Final = {
    Unacceptable.INCOMPLETE: "La réponse d’INSi est incomplète\u202f: elle ne peut pas être acceptée.",
    Unacceptable.DATE: "La date de naissance dite par INSi est incomplète\u202f: rien ne peut être accepté.",
    Unacceptable.AUTHORITY: "L’autorité de ce matricule INS n’est pas admise dans cette installation.",
}


def insi_ask(*, patient: Patient, actor: Actor, now: datetime | None = None) -> InsiQuery:
    """Note a question to INSi about a patient: recovery, or verification where an INS is in force.

    The one that is already waiting is returned as it is. A worker makes the call: `tasks.insi_after_commit`.

    Raises:
        InsiRefused: doubtful, fictive or closed identity, or traits that INSi does not take.
        IdentityRefused: identities are not managed here.
    """
    refuse_if_external()
    at = now or timezone.now()
    with transaction.atomic():
        locked = Patient.objects.select_for_update(of=("self",)).get(pk=patient.pk)
        _refuse_unless_askable(locked)
        waiting = InsiQuery.objects.filter(patient=locked, state=InsiState.PENDING).first()
        if waiting is not None and at - waiting.asked_at <= LOST_AFTER:
            return waiting
        if waiting is not None:
            waiting.state, waiting.ended_at = InsiState.LOST, at
            waiting.save(update_fields=["state", "ended_at"])
        is_held = standing_of(locked).recovered
        query = InsiQuery.objects.create(
            patient=locked,
            purpose=InsiPurpose.VERIFICATION if is_held else InsiPurpose.RECOVERY,
            operation=OPERATION,
            identity_stamp=locked.identity_stamp,
            asked_at=at,
            asked_by=actor.uid,
            asked_by_login=actor.login,
        )
        _trace("identity.insi_asked", query, actor, {"purpose": query.purpose})
        return query


def insi_do(*, query_id: int, open_insi: Callable[[], Insi] = insi) -> InsiQuery:
    """Make the searches of a question and keep what came of them; one that ended is left alone.

    A status never moves on 01, 02 or an error (ins 7.3 row 3). A verification that finds the very identity
    in force confirms it (row 11); one that finds another opens a review, which a person closes (row 10).
    """
    query = InsiQuery.objects.select_related("patient").get(pk=query_id)
    if query.state != InsiState.PENDING:
        return query
    actor = Actor(login=query.asked_by_login, uid=query.asked_by)
    try:
        answer = _search(query, actor, open_insi)
    except (NationalServiceError, InsiRefused) as error:
        told = {"error_code": error.code[:120], "error_text": error.message[:500]}
        return _end(query, actor, {"state": InsiState.FAILED, **told})
    return _end(query, actor, _answered_values(answer))


def insi_accept(*, query: InsiQuery, actor: Actor, differences_checked: bool = False) -> Patient:
    """Replace the strict traits by those of INSi, with its matricule (ins 7.3 row 1; INS/va1.39).

    `differences_checked`: the person says that each difference was checked with the patient or on a document;
    without it an identity with a difference is not taken.

    Raises:
        InsiRefused: no identity to take, already decided, identity changed since, or differences unchecked.
        ForbiddenTransition: doubtful or fictive identity. IdentityRefused: identities are not managed here.
    """
    with transaction.atomic():
        query, proposal = _undecided(query)
        traits, ins = proposal.traits, proposal.ins
        if traits is None or ins is None:
            raise InsiRefused(
                UNACCEPTABLE_WORDS.get(proposal.unacceptable, "Cette réponse ne porte aucune identité."),
                code=proposal.unacceptable.value or "nobody",
            )
        if proposal.differing and not differences_checked:
            raise InsiRefused(
                "Des traits diffèrent\u202f: confirmez qu’ils ont été vérifiés avant d’accepter.",
                code="differences_unchecked",
            )
        patient = identity_event_apply(
            patient=query.patient,
            event=StatusEvent.INSI_ACCEPTED,
            actor=actor,
            evidence=_evidence(query),
            ins=ins,
            values=_accepted_values(query, traits, ins),
        )
        _keep_history(patient, proposal.history, besides=ins)
        _decide(query, actor, InsiDecision.ACCEPTED, differing=proposal.differing)
        return patient


def insi_refuse(*, query: InsiQuery, actor: Actor) -> InsiQuery:
    """It is another person: nothing of the answer is taken (ins 7.3 row 2).

    Raises:
        InsiRefused: as `insi_accept`. ForbiddenTransition: an identity that holds an INS is verified, not
            refused.
    """
    with transaction.atomic():
        query, proposal = _undecided(query)
        identity_event_apply(
            patient=query.patient,
            event=StatusEvent.INSI_REFUSED,
            actor=actor,
            evidence=_evidence(query),
        )
        return _decide(query, actor, InsiDecision.REFUSED, differing=proposal.differing)


def insi_confirm_mismatch(*, query: InsiQuery, actor: Actor) -> Patient:
    """After a verification that found another identity: the INS in force is withdrawn (ins 7.3 row 10).

    Raises:
        InsiRefused: as `insi_accept`, or an answer that confirms the identity. ForbiddenTransition: no INS in
            force.
    """
    with transaction.atomic():
        query, proposal = _undecided(query)
        if proposal.unacceptable:
            raise InsiRefused(UNACCEPTABLE_WORDS[proposal.unacceptable], code=proposal.unacceptable.value)
        if proposal.confirms:
            raise InsiRefused("INSi confirme cette identité\u202f: l’INS reste.", code="confirmed")
        patient = identity_event_apply(
            patient=query.patient,
            event=StatusEvent.VERIFICATION_KO_CONFIRMED,
            actor=actor,
            evidence=_evidence(query),
        )
        _decide(query, actor, InsiDecision.MISMATCH, differing=proposal.differing)
        return patient


# --- Searching --------------------------------------------------------------------------------------


def _refuse_unless_askable(patient: Patient) -> None:
    if not may_use(IdentityUse.CALL_INSI, standing_of(patient)):
        raise InsiRefused(
            "L’identité est douteuse ou fictive\u202f: INSi n’est pas interrogé.", code="IDENTITY_DOUBTFUL"
        )
    if patient.is_closed:
        raise InsiRefused(
            "Cette identité est fermée\u202f: INSi n’est pas interrogé.", code="IDENTITY_CLOSED"
        )
    _search_of(patient, Attempt((patient.first_birth_given_name,)))


def _search_of(patient: Patient, attempt: Attempt) -> Search:
    if patient.birth_date is None:
        raise InsiRefused(
            "La date de naissance manque\u202f: complétez-la avant d’interroger INSi.", code="birth_date"
        )
    try:
        return search_of(
            birth_name=patient.birth_name,
            given_names=attempt.given_names,
            sex=patient.sex,
            birth_date=patient.birth_date,
            birth_place_cog=patient.birth_place_cog if attempt.with_place else "",
        )
    except SearchRefused as error:
        words = _TRAIT_WORDS.get(error.trait, "un trait")
        raise InsiRefused(
            f"INSi ne peut pas être interrogé\u202f: vérifiez {words}.", code=error.trait.value
        ) from error


def _search(query: InsiQuery, actor: Actor, open_insi: Callable[[], Insi]) -> InsiAnswer:
    """Search until one is found, or nothing is left to try; `query.attempts` says what was tried."""
    patient, line = query.patient, open_insi()
    asking = Asking(
        patient.first_birth_given_name, patient.birth_given_names, has_place=bool(patient.birth_place_cog)
    )
    done: list[tuple[Attempt, ResultCode]] = []
    answers: list[InsiAnswer] = []
    limit = timezone.now() + LAST_START
    attempt = next_attempt(asking, done)
    while attempt is not None and (not done or timezone.now() < limit):
        answer = line.search(_search_of(patient, attempt), actor=actor, patient_uid=patient.uid)
        done.append((attempt, answer.result.code))
        answers.append(answer)
        query.attempts.append(
            {
                "given_names": list(attempt.given_names),
                "with_place": attempt.with_place,
                "code": answer.result.code.value,
                "message_id": answer.message_id,
            }
        )
        attempt = next_attempt(asking, done)
    code = code_of(done)
    return next(answer for answer in answers if answer.result.code is code)


def _answered_values(answer: InsiAnswer) -> dict[str, Any]:
    return {
        "state": InsiState.ANSWERED,
        "code": answer.result.code.value,
        "message_id": answer.message_id[:80],
        "answer": answer.raw,
    }


def _end(query: InsiQuery, actor: Actor, values: dict[str, Any]) -> InsiQuery:
    """Write the outcome; a verification is judged in the same transaction."""
    with transaction.atomic():
        locked = InsiQuery.objects.select_for_update(of=("self",)).get(pk=query.pk)
        if locked.state != InsiState.PENDING:
            return locked  # another worker, or another question, came first
        locked.attempts, locked.ended_at = query.attempts, timezone.now()
        for name, value in values.items():
            setattr(locked, name, value)
        locked.save(update_fields=["attempts", "ended_at", *values])
        _trace(
            "identity.insi_answered",
            locked,
            actor,
            {"code": locked.code, "error": locked.error_code, "searches": len(locked.attempts)},
        )
        if locked.code == ResultCode.FOUND and locked.purpose == InsiPurpose.VERIFICATION:
            _judge(locked, actor)
        return locked


def _judge(query: InsiQuery, actor: Actor) -> None:
    """Rows 10 and 11; left to the person where the identity changed meanwhile, or is already under review."""
    patient = Patient.objects.select_for_update(of=("self",)).get(pk=query.patient_id)
    person = person_of(query)
    is_current = patient.identity_stamp == query.identity_stamp and standing_of(patient).recovered
    if person is None or not is_current or patient.is_identity_under_review:
        return
    proposal = proposal_for(patient, person)
    if proposal.unacceptable:
        return  # an answer with a hole neither confirms nor contradicts
    if not proposal.confirms:
        identity_event_apply(
            patient=patient, event=StatusEvent.VERIFICATION_KO, actor=actor, evidence=_evidence(query)
        )
        # The review is ours: the answer is still about the identity as it stands.
        query.identity_stamp = Patient.objects.values_list("identity_stamp", flat=True).get(pk=patient.pk)
        query.save(update_fields=["identity_stamp"])
        return
    identity_event_apply(
        patient=patient,
        event=StatusEvent.VERIFICATION_OK,
        actor=actor,
        evidence=_evidence(query),
        values={"insi_query_date": timezone.localdate(query.asked_at)},
    )
    _decide(query, actor, InsiDecision.CONFIRMED)


# --- Deciding ---------------------------------------------------------------------------------------


def _undecided(query: InsiQuery) -> tuple[InsiQuery, Proposal]:
    """The question and its patient, locked, with what it proposes; InsiRefused when none may be decided."""
    patient = Patient.objects.select_for_update(of=("self",)).get(pk=query.patient_id)
    locked = InsiQuery.objects.select_for_update(of=("self",)).get(pk=query.pk)
    locked.patient = patient
    person = person_of(locked)
    if person is None:
        raise InsiRefused("INSi n’a donné aucune identité.", code="nobody")
    if locked.decision:
        raise InsiRefused("Une décision a déjà été prise sur cette réponse.", code="decided")
    if patient.identity_stamp != locked.identity_stamp:
        raise InsiRefused(
            "L’identité a changé depuis cette réponse\u202f: interrogez de nouveau INSi.", code="stale"
        )
    return locked, proposal_for(patient, person)


def _accepted_values(query: InsiQuery, traits: OfficialTraits, ins: Ins) -> dict[str, Any]:
    """The columns that an acceptance writes beside the status."""
    if matricule_fault(ins.matricule) is not None:
        logger.warning("patients.insi.key_fault", extra={"query": str(query.uid)})
    values: dict[str, Any] = asdict(traits) | {
        "is_birth_date_estimated": False,
        "collection_method": CollectionMethod.INSI,
        "insi_query_date": timezone.localdate(query.asked_at),
    }
    if traits.birth_place_cog != query.patient.birth_place_cog:
        values["birth_place_label"] = ""  # the label was that of the former code
    if ins_is_held_elsewhere(ins, query.patient):
        values["is_identity_under_review"] = True
    return values


def _keep_history(patient: Patient, history: Iterable[Ins], *, besides: Ins) -> None:
    """Former matricules that INSi tells join those already known (ins 10.2)."""
    rows = Identifier.objects.filter(patient=patient, kind=IdentifierKind.INS)
    known = {Ins(value, oid) for value, oid in rows.values_list("value", "oid")}
    for ins in history:
        if ins != besides and ins not in known:
            ins_identifier(ins, since=None, patient=patient, end_reason="ancien, dit par INSi").save()


def _decide(
    query: InsiQuery, actor: Actor, decision: InsiDecision, *, differing: Iterable[Trait] = ()
) -> InsiQuery:
    query.decision, query.decided_at, query.decided_by_login = decision, timezone.now(), actor.login
    query.save(update_fields=["decision", "decided_at", "decided_by_login"])
    _trace(
        "identity.insi_decided",
        query,
        actor,
        {"decision": decision.value, "differing": sorted(trait.value for trait in differing)},
    )
    return query


def _evidence(query: InsiQuery) -> str:
    return f"INSi {query.message_id}"


def _trace(type_: str, query: InsiQuery, actor: Actor, detail: dict[str, Any]) -> None:
    """Who asked or decided, what came: codes and names of traits, never their values."""
    trace_write(
        type=type_,
        action=Action.EXECUTE,
        actor=actor,
        patient_uid=query.patient.uid,
        object_type="patients.insi_query",
        object_uid=query.uid,
        detail={"operation": query.operation, **detail},
    )
