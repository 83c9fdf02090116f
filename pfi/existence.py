"""A DMP exists and is active before anything is fed to it (spec dmp 8; TD0.2 in indirect mode, dmp 1.4, 1.8).

What TD0.2 said of a patient serves every document of that patient for `DMP_FEEDING_EXISTENCE_HOURS`. It is
kept as soon as it is heard, outside the transaction of the job: a worker killed after it does not ask again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from audit.enums import Action, Outcome
from audit.services import trace_write
from interop.dmp.codes import QUERY_NOT_FOUND
from interop.vihf.claims import PatientClaim
from interop.xds.codes import DMP_CLOSED
from national.calls import CallRecord, calls_observed
from national.dmp.ports import AccessContext, DmpFeeding, DmpState
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind
from pfi.models import Job, KnownDmp
from pfi.rules import existence_serves
from pfi.selectors import tried_again_at
from pfi.services import WORKER_ACTOR

_REFUSALS: Final = {
    DmpState.NONE: (QUERY_NOT_FOUND, "Pas de DMP ouvert\u202f: ce patient n’a pas de DMP."),
    DmpState.CLOSED: (DMP_CLOSED, "Pas de DMP ouvert\u202f: le DMP de ce patient est fermé."),
}
_OUTCOMES: Final = {CallOutcome.SUCCESS: Outcome.SUCCESS, CallOutcome.REJECTED: Outcome.REFUSED}


def require_open_dmp(job: Job, gateway: DmpFeeding, context: AccessContext, patient: PatientClaim) -> None:
    """Go on only when the patient has an open DMP: from what is known of it, else TD0.2.

    Raises:
        Rejected: of kind PATIENT, none or closed (final, Z01 N); of another kind, TD0.2 itself was refused.
        Unavailable: TD0.2 was not answered; nothing may be submitted before it is.
    """
    state = _known(job, patient) or _asked(job, gateway, context, patient)
    if state is not DmpState.OPEN:
        code, message = _REFUSALS[state]
        raise Rejected(code, kind=RejectionKind.PATIENT, message=message)


def existence_noted(patient: PatientClaim, state: DmpState, *, at: datetime) -> None:
    """Keep what the DMP said of a patient, in the place of what it said before."""
    KnownDmp.objects.update_or_create(
        matricule=patient.matricule, oid=patient.oid, defaults={"state": state.value, "checked_at": at}
    )


def refusal_noted(patient: PatientClaim, refusal: Rejected) -> None:
    """A submission was refused for want of an open DMP: what was known is no longer true."""
    if refusal.kind is RejectionKind.PATIENT:
        existence_noted(patient, _state_refused(refusal), at=timezone.now())


def existences_forget(*, now: datetime) -> int:
    """Drop what serves no more: matricules are not kept for nothing."""
    return KnownDmp.objects.filter(checked_at__lte=now - _life()).delete()[0]


def _known(job: Job, patient: PatientClaim) -> DmpState | None:
    known = KnownDmp.objects.filter(matricule=patient.matricule, oid=patient.oid).first()
    if known is None:
        return None
    state = DmpState(known.state)
    serves = existence_serves(
        state,
        checked_at=known.checked_at,
        tried_again_at=None if state is DmpState.OPEN else tried_again_at(job),
        now=timezone.now(),
        life=_life(),
    )
    return state if serves else None


def _asked(job: Job, gateway: DmpFeeding, context: AccessContext, patient: PatientClaim) -> DmpState:
    """TD0.2. A refusal that says that there is no DMP is an answer."""
    with calls_observed() as calls:
        try:
            state = gateway.existence(context, patient).state
        except Rejected as refusal:
            if refusal.kind is not RejectionKind.PATIENT:
                raise
            state = _state_refused(refusal)
        finally:
            for call in calls:
                _trace(job, context, patient, call)
    existence_noted(patient, state, at=timezone.now())
    return state


def _state_refused(refusal: Rejected) -> DmpState:
    return DmpState.CLOSED if refusal.code.rpartition(":")[2] == DMP_CLOSED else DmpState.NONE


def _life() -> timedelta:
    return timedelta(hours=settings.DMP_FEEDING_EXISTENCE_HOURS)


def _trace(job: Job, context: AccessContext, patient: PatientClaim, call: CallRecord) -> None:
    """One row for the transaction (SC.DMP/CONF.14), named as that of the consultation."""
    trace_write(
        type="dmp.existence",
        action=Action.READ,
        actor=WORKER_ACTOR,
        outcome=_OUTCOMES.get(call.outcome, Outcome.FAILURE),
        patient_uid=job.message.patient_uid,
        patient_ins=patient.matricule,
        object_type="job",
        object_uid=job.uid,
        detail={
            "mode": context.mode.value,
            "transaction": call.transaction,
            "message": call.message_id,
            "assertion": call.assertion_id,
            "address": call.address,
            "outcome": call.outcome.value,
            "code": call.code,
            "duration_ms": call.duration_ms,
            "requester": job.requester,
            "structure": job.structure,
            "ins_oid": patient.oid,
        },
    )
