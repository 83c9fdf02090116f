"""The calls of one consultation: bounded, traced one by one, and the cache dropped when rights are refused.

Sources: spec dmp 6.2 (no screen waits), 7 (one row per transaction, SC.DMP/CONF.14), 9 rule 4 (no retry),
EX_AIR-085 (only the person at the origin of the call sees what it brings).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.conf import settings

from audit.enums import Action, Outcome
from audit.services import trace_write
from dmp.consultation import Consultation
from dmp.models import DmpStatus
from dmp.tracing import call_detail
from interop.vihf.claims import AuthenticationMode
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.metadata import Association, Code, DocumentEntry, SubmissionSet
from national.calls import calls_observed
from national.dmp.opening import dmp_gateway
from national.dmp.ports import (
    DmpGateway,
    DocumentAddress,
    Existence,
    Found,
    Retrieval,
    Submitted,
)
from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable

TOO_LATE: Final = "TOO_LATE"
BUSY: Final = "BUSY"

EXISTENCE, AUTHORISE, SEARCH, RETRIEVE, VISIBILITY = (
    "dmp.existence",
    "dmp.authorise",
    "dmp.search",
    "dmp.retrieve",
    "dmp.visibility",
)
"""Types of the traces of transactions; acts of the person have theirs in the services."""

_ACTIONS: Final = {AUTHORISE: Action.UPDATE, VISIBILITY: Action.UPDATE}
_OUTCOMES: Final = {
    CallOutcome.SUCCESS: Outcome.SUCCESS,
    CallOutcome.REJECTED: Outcome.REFUSED,
    CallOutcome.UNAVAILABLE: Outcome.FAILURE,
    CallOutcome.UNCERTAIN: Outcome.FAILURE,
}
_Answer = TypeVar("_Answer")


class Places:
    """How many threads of this process may wait for the DMP at once: the others serve the pages.

    A slow DMP would otherwise take every thread of the web, one opened record after the other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    @contextmanager
    def taken(self, most: int) -> Iterator[None]:
        """Hold a place for the block; Unavailable at once when there is none."""
        with self._lock:
            if self._taken >= most:
                raise Unavailable("Le DMP répond lentement : réessayez dans un instant.", code=BUSY)
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1


PLACES: Final = Places()


@dataclass(slots=True)
class Line:
    """What one request of one person asks of one DMP. Raises `NationalServiceError` only.

    No call leaves after `patience` seconds: nobody waits for its answer any more (dmp 6.2).
    """

    consultation: Consultation
    patience: float = field(default_factory=lambda: float(settings.DMP_PATIENCE_SECONDS))
    gateway: DmpGateway | None = None
    _started: float = field(default_factory=time.monotonic)

    def existence(self) -> Existence:
        """TD0.2."""
        return self._call(
            EXISTENCE, lambda gateway: gateway.existence(self.consultation.context, self.consultation.claim)
        )

    def authorise(self) -> None:
        """TD0.3."""
        self._call(
            AUTHORISE, lambda gateway: gateway.authorise(self.consultation.context, self.consultation.claim)
        )

    def search(self, criteria: DocumentCriteria) -> Found:
        """TD3.1 by criteria."""
        return self._call(
            SEARCH,
            lambda gateway: gateway.search(self.consultation.context, criteria),
            count=lambda found: len(found.entries),
        )

    def documents(self, unique_ids: Sequence[str] = (), *, entry_uuids: Sequence[str] = ()) -> Found:
        """TD3.1 of known documents, with what replaces them."""
        return self._call(
            SEARCH,
            lambda gateway: gateway.documents(
                self.consultation.context, self.consultation.claim, unique_ids, entry_uuids=entry_uuids
            ),
            count=lambda found: len(found.entries),
            documents=unique_ids or entry_uuids,
        )

    def submission_sets(self, criteria: SetCriteria) -> tuple[SubmissionSet, ...]:
        """TD3.1, lots of a period."""
        return self._call(
            SEARCH, lambda gateway: gateway.submission_sets(self.consultation.context, criteria), count=len
        )

    def associations(self, uuids: Sequence[str]) -> tuple[Association, ...]:
        """TD3.1, content of lots."""
        return self._call(
            SEARCH,
            lambda gateway: gateway.associations(self.consultation.context, self.consultation.claim, uuids),
            count=len,
        )

    def retrieve(self, addresses: Sequence[DocumentAddress]) -> Retrieval:
        """TD3.2."""
        return self._call(
            RETRIEVE,
            lambda gateway: gateway.retrieve(self.consultation.context, self.consultation.claim, addresses),
            count=lambda found: len(found.documents),
            documents=[address.unique_id for address in addresses],
        )

    def set_visibility(
        self, lot: SubmissionSet, *, entry: DocumentEntry, confidentiality: tuple[Code, ...]
    ) -> Submitted:
        """TD3.3b."""
        return self._call(
            VISIBILITY,
            lambda gateway: gateway.set_visibility(
                self.consultation.context, lot, entry=entry, confidentiality=confidentiality
            ),
            documents=[entry.unique_id],
        )

    def _call(
        self,
        type: str,
        ask: Callable[[DmpGateway], _Answer],
        *,
        count: Callable[[Any], int] = lambda answer: 0,
        documents: Sequence[str] = (),
    ) -> _Answer:
        if time.monotonic() - self._started >= self.patience:
            raise Unavailable("Le DMP répond trop lentement.", code=TOO_LATE)
        gateway = self.gateway or dmp_gateway(AuthenticationMode.AIR)
        answer: _Answer | None = None
        with PLACES.taken(settings.DMP_CALLS_AT_ONCE), calls_observed() as calls:
            try:
                answer = ask(gateway)
                return answer
            except NationalServiceError as error:
                self._forget_if_refused(error)
                raise
            finally:
                found = count(answer) if answer is not None else 0
                for call in calls:
                    trace_write(
                        type=type,
                        action=_ACTIONS.get(type, Action.READ),
                        outcome=_OUTCOMES[call.outcome],
                        actor=self.consultation.actor,
                        patient_uid=self.consultation.patient.uid,
                        patient_ins=self.consultation.ins.matricule,
                        object_type="dmp",
                        detail=call_detail(self.consultation, call, count=found, documents=documents),
                    )

    def _forget_if_refused(self, error: NationalServiceError) -> None:
        """The patient may block a professional at any time: what was cached says nothing any more."""
        if isinstance(error, Rejected) and error.kind is RejectionKind.RIGHTS:
            DmpStatus.objects.filter(patient=self.consultation.patient, user=self.consultation.user).update(
                checked_at=None
            )
