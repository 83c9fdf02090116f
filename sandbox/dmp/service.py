"""The DMP as a service: from an HTTP request to an HTTP answer, with its journal of requests and its
faults.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from interop.dmp import codes as dmp
from interop.xds import codes as xds
from sandbox.demo import PATIENTS, LegalEntity
from sandbox.dmp import calendar, existence, queries, retrieval, submission, update
from sandbox.dmp.exchange import Exchange
from sandbox.dmp.faults import FaultBook
from sandbox.dmp.fixtures.loading import load
from sandbox.dmp.operations import Operation, Seen
from sandbox.dmp.registry import Registry
from sandbox.dmp.vihf import ReplayGuard, VihfChecker
from sandbox.serving import Request, Response

logger = logging.getLogger("sandbox.dmp")

BASE_PATH: Final = "/si-dmp-server/v2/services/"
JOURNAL_LENGTH: Final = 10_000
OPERATIONS: Final = (
    Operation(
        "TD2.1", xds.PATH_REPOSITORY, submission.REQUEST_TAG, xds.ACTION_ITI41, xds.ACTION_ITI41_RESPONSE,
        multipart_request=True, multipart_answer=True,
    ),
    Operation(
        "TD3.2", xds.PATH_REPOSITORY, retrieval.REQUEST_TAG, xds.ACTION_ITI43, xds.ACTION_ITI43_RESPONSE,
        multipart_answer=True,
    ),
    Operation("TD3.1", xds.PATH_REGISTRY, queries.REQUEST_TAG, xds.ACTION_ITI18, xds.ACTION_ITI18_RESPONSE),
    Operation("TD3.3", xds.PATH_REGISTRY, update.REQUEST_TAG, xds.ACTION_ITI57, xds.ACTION_ITI57_RESPONSE),
    Operation(
        "TD0.2", dmp.PATH_PATIENTS, existence.EXISTENCE_TAG, dmp.ACTION_TD02, dmp.ACTION_TD02_RESPONSE
    ),
    Operation(
        "TD0.3", dmp.PATH_AUTHORISATIONS, existence.AUTHORISATION_TAG, dmp.ACTION_TD03,
        dmp.ACTION_TD03_RESPONSE,
    ),
)  # fmt: skip


class DmpService:
    """The DMP behind one mutual TLS port.

    `registry` is its state, `faults` what it does wrong, `journal()` what it was asked, `clock_offset` how
    far its clock is from ours. `with_documents` gives it those of other structures at its first start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        authority: x509.Certificate,
        entities: tuple[LegalEntity, ...],
        signature_required: bool = True,
        with_documents: bool = False,
    ) -> None:
        self.registry = Registry(folder, PATIENTS)
        self.faults = FaultBook()
        self.clock_offset = timedelta()
        self.stopping = threading.Event()
        self.checker = VihfChecker(authority, entities, ReplayGuard())
        self.policy = submission.SubmissionPolicy(authority, signature_required)
        self._journal: deque[Seen] = deque(maxlen=JOURNAL_LENGTH)
        self._message_ids: deque[str] = deque(maxlen=JOURNAL_LENGTH)
        self._lock = threading.Lock()
        if with_documents:
            load(self.registry, self.now())

    def close(self) -> None:
        self.stopping.set()
        self.registry.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset

    def advance(self) -> datetime:
        """Do what the calendar has due; returns the time it is here."""
        now = self.now()
        calendar.advance(self.registry, now)
        return now

    def journal(self) -> list[dict[str, Any]]:
        """Requests seen since the start, oldest first."""
        with self._lock:
            return [asdict(seen) for seen in self._journal]

    def __call__(self, request: Request) -> Response:
        path = request.path.removeprefix(BASE_PATH)
        operations = tuple(operation for operation in OPERATIONS if operation.path == path)
        if not request.path.startswith(BASE_PATH) or not operations:
            return Response(HTTPStatus.NOT_FOUND, b"not found")
        if request.method != "POST":
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"POST expected")
        self.advance()
        exchange = Exchange(self, request, operations)
        started = time.monotonic()
        response = _dated(exchange.answer(), self.now())
        seen = replace(exchange.seen, duration_ms=round((time.monotonic() - started) * 1000, 1))
        with self._lock:
            self._journal.append(seen)
        logger.info(
            "sandbox.dmp.request operation=%s outcome=%s code=%s", seen.operation, seen.outcome, seen.code
        )
        return response

    def is_new_message(self, message_id: str) -> bool:
        with self._lock:
            if message_id in self._message_ids:
                return False
            self._message_ids.append(message_id)
            return True


def _dated(response: Response, now: datetime) -> Response:
    """The answer dated by the clock of the DMP, which may not be that of the machine."""
    return replace(response, headers=(("Date", format_datetime(now, usegmt=True)), *response.headers))
