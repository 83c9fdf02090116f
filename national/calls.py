"""The trace of one call, handed by an adapter to whoever keeps it (house-style, section 6).

Adapters know nothing of the database: they call a recorder, and the room that composes them gives one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from establishment.enums import NationalService
from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, Uncertain

_CODE_LENGTH = 120
_TEXT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Fields of the table Call: no clinical content, no identity, ids only.

    `code` and `text` are those of the error, empty on success. `assertion_id` names the token of the call
    and `address` the service called: for the trace, not columns.
    """

    service: NationalService
    transaction: str
    message_id: str
    actor_uid: UUID | None
    actor_label: str
    patient_uid: UUID | None
    structure: str
    started_at: datetime
    duration_ms: int
    outcome: CallOutcome
    code: str = ""
    text: str = ""
    assertion_id: str = ""
    address: str = ""


Recorder = Callable[[CallRecord], None]
_observed: ContextVar[list[CallRecord] | None] = ContextVar("national_calls_observed", default=None)


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call before it leaves."""

    service: NationalService
    transaction: str
    message_id: str
    actor_uid: UUID | None
    actor_label: str
    patient_uid: UUID | None
    structure: str


@dataclass(slots=True)
class CallNotes:
    """What an adapter learns of its call while it makes it."""

    assertion_id: str = ""
    address: str = ""


@contextmanager
def recorded(call: Call, *, record: Recorder, started_at: datetime) -> Iterator[CallNotes]:
    """Record the call made inside the block, however it ends; its error goes on rising."""
    clock = time.monotonic()
    error: NationalServiceError | None = None
    notes = CallNotes()
    try:
        yield notes
    except NationalServiceError as raised:
        error = raised
        raise
    finally:
        done = CallRecord(
            service=call.service,
            transaction=call.transaction,
            message_id=call.message_id,
            actor_uid=call.actor_uid,
            actor_label=call.actor_label,
            patient_uid=call.patient_uid,
            structure=call.structure,
            started_at=started_at,
            duration_ms=round((time.monotonic() - clock) * 1000),
            outcome=_outcome(error),
            code=error.code[:_CODE_LENGTH] if error else "",
            text=error.text[:_TEXT_LENGTH] if error else "",
            assertion_id=notes.assertion_id,
            address=notes.address,
        )
        observed = _observed.get()
        if observed is not None:
            observed.append(done)
        record(done)


@contextmanager
def calls_observed() -> Iterator[list[CallRecord]]:
    """What the calls made inside the block were, for who must write more of them than their row.

    The list fills as calls end, failed ones included; a block inside another has its own.
    """
    found: list[CallRecord] = []
    token = _observed.set(found)
    try:
        yield found
    finally:
        _observed.reset(token)


def _outcome(error: NationalServiceError | None) -> CallOutcome:
    if error is None:
        return CallOutcome.SUCCESS
    if isinstance(error, Rejected):
        return CallOutcome.REJECTED
    return CallOutcome.UNCERTAIN if isinstance(error, Uncertain) else CallOutcome.UNAVAILABLE
