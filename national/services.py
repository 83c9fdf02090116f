"""Writes on calls to national services, and on the trials that administrators ask for."""

from __future__ import annotations

import logging
import socket
from dataclasses import fields
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.rows import rows_insert
from audit.services import trace_write
from establishment.enums import NationalService
from national.calls import CallRecord
from national.enums import TrialState
from national.models import Call, ClockReading, ServiceTrial
from national.trials import TrialResult, trial_run

logger = logging.getLogger(__name__)

TRACE_ONLY = frozenset({"assertion_id", "address"})
"""Fields of a record that go to the trace of the act, not to the table of calls."""


def call_keep(record: CallRecord) -> None:
    """Write the row of one call; the recorder that adapters are given."""
    columns = {field.name for field in fields(record)} - TRACE_ONLY
    rows_insert(Call(**{name: getattr(record, name) for name in columns}))


def clock_note(service: NationalService, drift: timedelta) -> None:
    """Keep how far this machine's clock is from that of a service, for the alarm of the administrator."""
    milliseconds = round(drift.total_seconds() * 1000)
    ClockReading.objects.update_or_create(
        service=service,
        host=socket.gethostname()[:120],
        defaults={
            "drift_ms": max(-(2**31), min(milliseconds, 2**31 - 1)),
            "measured_at": timezone.now(),
        },
    )
    logger.warning("national.clock.drift", extra={"service": service.value, "drift_ms": milliseconds})


@transaction.atomic
def trial_ask(*, target: str, actor: Actor) -> ServiceTrial:
    """Note that a person wants a service tried out; a worker does it after the commit."""
    trial = ServiceTrial.objects.create(target=target, asked_by=actor.uid, asked_by_login=actor.login)
    trace_write(
        type="service.trial",
        action=Action.EXECUTE,
        actor=actor,
        object_type="service_trial",
        object_uid=trial.uid,
        detail={"target": target},
    )
    return trial


def trial_do(*, trial_id: int) -> ServiceTrial:
    """Make the call of a trial and note its result; one that ended is left alone."""
    trial = ServiceTrial.objects.get(pk=trial_id)
    if trial.state != TrialState.PENDING:
        return trial
    actor = Actor(login=trial.asked_by_login, uid=trial.asked_by)
    try:
        result = trial_run(trial.target, actor)
    except Exception:  # a defect must be told to who waits for the result
        logger.exception("national.trial.defect", extra={"target": trial.target})
        result = TrialResult(False, "L’essai n’a pu être mené\u202f: défaut du logiciel.", "DEFECT")
    trial.state = TrialState.PASSED if result.passed else TrialState.FAILED
    trial.code, trial.text, trial.ended_at = result.code[:120], result.text[:500], timezone.now()
    trial.save(update_fields=["state", "code", "text", "ended_at"])
    return trial
