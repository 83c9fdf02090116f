"""Writing the trace: a plain INSERT in the transaction of the act (spec security 8.1, 8.5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.conf import settings

from audit.context import Actor, current_origin
from audit.enums import Action, Outcome
from audit.models import Trace
from audit.rows import rows_insert

_gathered: ContextVar[list[Trace] | None] = ContextVar("audit_gathered", default=None)


@contextmanager
def traces_gathered() -> Iterator[None]:
    """Write the traces of the block in one INSERT at its end, in their order.

    The block is one transaction, whole: when it fails, its traces are dropped with its acts. A part of it
    that is undone alone, by a savepoint, has no place here.
    """
    gathered: list[Trace] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    rows_insert(*gathered)


def trace_write(
    *,
    type: str,
    action: Action,
    actor: Actor,
    outcome: Outcome = Outcome.SUCCESS,
    patient_uid: UUID | None = None,
    patient_ins: str = "",
    object_type: str = "",
    object_uid: UUID | None = None,
    object_version: str = "",
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> Trace:
    """Record one act of `actor`.

    `type` is a dotted event name of spec security 8.2-8.3 or psc 19 (`patient.open`,
    `document.validate`, `login.success`). `detail` must be serialisable in JSON and holds no
    clinical content, token or secret. `patient_ins` is filled by DMP and MSSanté acts alone.
    If this INSERT fails, so does the act: both live in one transaction.
    """
    origin = current_origin()
    trace = Trace(
        type=type,
        action=action,
        outcome=outcome,
        actor_uid=actor.uid,
        actor_login=actor.login,
        actor_subject_name_id=actor.subject_name_id,
        actor_role=actor.role,
        actor_service=actor.service,
        assurance=actor.assurance,
        patient_uid=patient_uid,
        patient_ins=patient_ins,
        object_type=object_type,
        object_uid=object_uid,
        object_version=object_version,
        reason=reason,
        ip=origin.ip,
        workstation=origin.workstation,
        session=origin.session,
        correlation=origin.correlation,
        app_version=settings.DPI_VERSION,
        detail=detail or {},
    )
    gathered = _gathered.get()
    if gathered is None:
        rows_insert(trace)
    else:
        gathered.append(trace)
    return trace
