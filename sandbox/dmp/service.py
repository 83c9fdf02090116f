"""The DMP as a service: from an HTTP request to an HTTP answer, with its journal of requests and its
faults.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from lxml import etree

from interop.soap import codes as soap
from interop.xds import codes as xds
from sandbox import codes
from sandbox.demo import PATIENTS, LegalEntity
from sandbox.dmp import existence, queries, submission
from sandbox.dmp.envelope import (
    Incoming,
    build_envelope,
    build_fault,
    check_action,
    read_message,
    relates_to,
    soap_response,
)
from sandbox.dmp.errors import ACTION_NOT_SUPPORTED, RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.faults import Effect, FaultBook, Occasion
from sandbox.dmp.registry import Registry
from sandbox.dmp.vihf import ReplayGuard, Vihf, VihfChecker
from sandbox.serving import CUT, Request, Response
from sandbox.xml import q

logger = logging.getLogger("sandbox.dmp")

BASE_PATH: Final = "/si-dmp-server/v2/services/"
JOURNAL_LENGTH: Final = 10_000
_DAY_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as the journal tells it. `outcome` is ok, refused, fault, or the name of an injected
    effect.
    """

    at: str
    operation: str
    ins: str = ""
    actor: str = ""
    structure: str = ""
    mode: str = ""
    assertion_id: str = ""
    message_id: str = ""
    unique_ids: tuple[str, ...] = ()
    outcome: str = "ok"
    code: str = ""
    text: str = ""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the element of the body that asks for it, and its actions."""

    name: str
    path: str
    tag: str
    action: str
    response_action: str
    multipart: bool = False


OPERATIONS: Final = (
    Operation(
        "TD2.1", xds.PATH_REPOSITORY, submission.REQUEST_TAG, xds.ACTION_ITI41, xds.ACTION_ITI41_RESPONSE,
        multipart=True,
    ),
    Operation("TD3.1", xds.PATH_REGISTRY, queries.REQUEST_TAG, xds.ACTION_ITI18, xds.ACTION_ITI18_RESPONSE),
    Operation(
        "TD0.2", "patients", existence.EXISTENCE_TAG, codes.ACTION_TD02, codes.ACTION_TD02_RESPONSE
    ),
    Operation(
        "TD0.3", "habilitations", existence.AUTHORISATION_TAG, codes.ACTION_TD03, codes.ACTION_TD03_RESPONSE
    ),
)  # fmt: skip


class DmpService:
    """The DMP behind one mutual TLS port.

    `registry` is its state, `faults` what it does wrong, `journal()` what it was asked, `clock_offset` how
    far its clock is from ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        authority: x509.Certificate,
        entities: tuple[LegalEntity, ...],
        signature_required: bool = True,
    ) -> None:
        self.registry = Registry(folder, PATIENTS)
        self.faults = FaultBook()
        self.clock_offset = timedelta()
        self.stopping = threading.Event()
        self._checker = VihfChecker(authority, entities, ReplayGuard())
        self._policy = submission.SubmissionPolicy(authority, signature_required)
        self._journal: deque[Seen] = deque(maxlen=JOURNAL_LENGTH)
        self._message_ids: deque[str] = deque(maxlen=JOURNAL_LENGTH)
        self._lock = threading.Lock()

    def close(self) -> None:
        self.stopping.set()
        self.registry.close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset

    def journal(self) -> list[dict[str, Any]]:
        """Requests seen since the start, oldest first."""
        with self._lock:
            return [asdict(seen) for seen in self._journal]

    # One request

    def __call__(self, request: Request) -> Response:
        path = request.path.removeprefix(BASE_PATH)
        operations = [operation for operation in OPERATIONS if operation.path == path]
        if not request.path.startswith(BASE_PATH) or not operations:
            return Response(HTTPStatus.NOT_FOUND, b"not found")
        if request.method != "POST":
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"POST expected")
        exchange = _Exchange(self, request, operations)
        started = time.monotonic()
        response = exchange.answer()
        seen = replace(exchange.seen, duration_ms=round((time.monotonic() - started) * 1000, 1))
        with self._lock:
            self._journal.append(seen)
        logger.info(
            "sandbox.dmp.request operation=%s outcome=%s code=%s", seen.operation, seen.outcome, seen.code
        )
        return response

    def check_token(self, message: Incoming, certificate: bytes) -> Vihf:
        return self._checker.check(message.assertion, certificate, self.now())

    def is_new_message(self, message_id: str) -> bool:
        with self._lock:
            if message_id in self._message_ids:
                return False
            self._message_ids.append(message_id)
            return True

    def register(self, read: submission.Submission, token: Vihf) -> None:
        submission.register_submission(read, token, self.registry, self._policy, self.now())


class _Exchange:
    """The treatment of one request: read, check, misbehave when told to, run, answer."""

    def __init__(self, service: DmpService, request: Request, operations: list[Operation]) -> None:
        self._service = service
        self._request = request
        self._operation = operations[0]
        self._message_id = relates_to(request.body)
        self._effects: tuple[Effect, ...] = ()
        self.seen = Seen(service.now().isoformat(timespec="milliseconds"), self._operation.name)

    def answer(self) -> Response:
        try:
            body = self._run()
        except SoapFault as fault:
            return self._fault(fault)
        except RegistryRefusal as refusal:
            return self._refusal(refusal)
        except _Misbehave as misbehave:
            self._note(outcome=misbehave.name)
            return misbehave.response
        if self._has("accepted_then_drop"):
            self._note(outcome="accepted_then_drop")
            return CUT
        return self._envelope(body, self._operation.response_action)

    def _run(self) -> etree._Element:
        operation, service = self._operation, self._service
        certificate = self._request.client_certificate
        if certificate is None:
            raise SoapFault("mutual TLS is expected", subcode=xds.DMP_INVALID_CERTIFICATE)
        message = read_message(self._request, multipart=operation.multipart)
        if message.body.tag != operation.tag:
            raise SoapFault(f"{message.body.tag} is not known here", subcode=ACTION_NOT_SUPPORTED)
        check_action(message, operation.action)
        if not service.is_new_message(message.message_id):
            raise SoapFault("the MessageID was already used", subcode="wsa:InvalidAddressingHeader")
        token = service.check_token(message, certificate)
        self._note(
            ins=token.matricule, actor=token.name_id, structure=token.structure, mode=token.mode,
            assertion_id=token.assertion_id, message_id=message.message_id,
        )  # fmt: skip
        if not token.matricule:
            raise SoapFault("resource-id is missing")
        run: Callable[[Incoming, Vihf], etree._Element] = {
            "TD2.1": self._submit,
            "TD3.1": self._query,
            "TD0.2": self._existence,
            "TD0.3": self._authorisation,
        }[operation.name]
        return run(message, token)

    # Operations

    def _submit(self, message: Incoming, token: Vihf) -> etree._Element:
        if not token.is_indirect:
            raise SoapFault("no feeding in this mode", subcode=xds.DMP_ACCESS_DENIED)
        read = submission.read_submission(message.body, message.attachments)
        self._note(unique_ids=read.unique_ids)
        self._misbehave(token, read.unique_ids)
        self._service.register(read, token)
        return _registry_response(())

    def _query(self, message: Incoming, token: Vihf) -> etree._Element:
        query = queries.read_query(message.body)
        unique_ids = query.values(xds.PARAM_UNIQUE_ID)
        self._note(unique_ids=unique_ids)
        self._misbehave(token, unique_ids)
        found = queries.run_query(query, token, self._service.registry, self._service.now())
        return queries.write_answer(query, found)

    def _existence(self, message: Incoming, token: Vihf) -> etree._Element:
        self._misbehave(token, ())
        return existence.answer_existence(message.body, token, self._service.registry, self._service.now())

    def _authorisation(self, message: Incoming, token: Vihf) -> etree._Element:
        self._misbehave(token, ())
        return existence.answer_authorisation(
            message.body, token, self._service.registry, self._service.now()
        )

    # Misbehaviour

    def _has(self, name: str) -> bool:
        return any(effect.name == name for effect in self._effects)

    def _misbehave(self, token: Vihf, unique_ids: tuple[str, ...]) -> None:
        """Effects that come before the treatment; those on the answer are kept for later."""
        occasion = Occasion(self._operation.name, token.matricule, token.name_id, unique_ids)
        self._effects = self._service.faults.take(occasion)
        for effect in self._effects:
            match effect.name:
                case "delay":
                    self._service.stopping.wait(int(effect.argument) / 1000)
                case "hang":
                    self._service.stopping.wait(_DAY_SECONDS)
                    raise _Misbehave("hang", CUT)
                case "reset":
                    raise _Misbehave("reset", CUT)
                case "http":
                    page = f"<html><body><h1>{effect.argument}</h1></body></html>".encode()
                    raise _Misbehave("http", Response(int(effect.argument), page, "text/html"))
                case "fault":
                    raise SoapFault("injected fault", subcode=effect.argument, code=soap.FAULT_RECEIVER)
                case "registry":
                    raise RegistryRefusal(RegistryError(effect.argument, "injected error"))
                case "too_many":
                    raise RegistryRefusal(RegistryError(xds.ERROR_TOO_MANY_RESULTS, "injected error"))
                case "malformed":
                    raise _Misbehave("malformed", Response(HTTPStatus.OK, b"<soap:Envelope", soap.MEDIA_SOAP))
                case "xxe":
                    raise _Misbehave("xxe", Response(HTTPStatus.OK, _HOSTILE, soap.MEDIA_SOAP))

    # Answers

    def _note(self, **changes: Any) -> None:
        self.seen = replace(self.seen, **changes)

    def _fault(self, fault: SoapFault) -> Response:
        self._note(outcome="fault", code=fault.subcode or fault.code, text=fault.reason)
        # The DMP answers every fault with 500, those of the sender included.
        return self._envelope(build_fault(fault), soap.WSA_FAULT_ACTION, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _refusal(self, refusal: RegistryRefusal) -> Response:
        self._note(
            outcome="refused",
            code=refusal.errors[0].code,
            text="; ".join(error.context for error in refusal.errors),
        )
        return self._envelope(
            _registry_response(refusal.errors, query=self._operation.name == "TD3.1"),
            self._operation.response_action,
        )

    def _envelope(self, body: etree._Element, action: str, status: int = HTTPStatus.OK) -> Response:
        envelope = build_envelope(body, action=action, request_id=self._message_id)
        multipart = self._operation.multipart and not self._has("plain_answer")
        response = soap_response(envelope, action=action, multipart=multipart, status=status)
        return replace(response, copies=2) if self._has("answer_twice") else response


class _Misbehave(Exception):
    """An injected effect ends the treatment."""

    def __init__(self, name: str, response: Response) -> None:
        super().__init__(name)
        self.name = name
        self.response = response


_HOSTILE: Final = (
    b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<soap:Envelope xmlns:soap="' + soap.NS_SOAP.encode() + b'"><soap:Body>&x;</soap:Body></soap:Envelope>'
)


def _registry_response(errors: tuple[RegistryError, ...], *, query: bool = False) -> etree._Element:
    """RegistryResponse of ITI-41, or AdhocQueryResponse of a query that failed."""
    tag = q(xds.NS_QUERY, "AdhocQueryResponse") if query else q(xds.NS_RS, "RegistryResponse")
    response = etree.Element(tag, nsmap={"rs": xds.NS_RS, "query": xds.NS_QUERY})
    response.set("status", xds.RESPONSE_FAILURE if errors else xds.RESPONSE_SUCCESS)
    if errors:
        listing = etree.SubElement(response, q(xds.NS_RS, "RegistryErrorList"))
        listing.set("highestSeverity", xds.SEVERITY_ERROR)
        for error in errors:
            element = etree.SubElement(listing, q(xds.NS_RS, "RegistryError"))
            element.set("errorCode", error.code)
            element.set("codeContext", error.context)
            element.set("severity", xds.SEVERITY_ERROR)
            element.set("location", "sandbox")
    if query:
        etree.SubElement(response, q(xds.NS_RIM, "RegistryObjectList"))
    return response
