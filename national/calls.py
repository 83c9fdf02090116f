"""The trace of one call, handed by an adapter to whoever keeps it (house-style, section 6).

Adapters know nothing of the database: they call a recorder, and the room that composes them gives one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    `code` and `text` are those of the error, empty on success.
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


Recorder = Callable[[CallRecord], None]


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


@contextmanager
def recorded(call: Call, *, record: Recorder, started_at: datetime) -> Iterator[None]:
    """Record the call made inside the block, however it ends; its error goes on rising."""
    clock = time.monotonic()
    error: NationalServiceError | None = None
    try:
        yield
    except NationalServiceError as raised:
        error = raised
        raise
    finally:
        record(
            CallRecord(
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
            )
        )


def _outcome(error: NationalServiceError | None) -> CallOutcome:
    if error is None:
        return CallOutcome.SUCCESS
    if isinstance(error, Rejected):
        return CallOutcome.REJECTED
    return CallOutcome.UNCERTAIN if isinstance(error, Uncertain) else CallOutcome.UNAVAILABLE
