"""The treatment of one request: read, check, misbehave when told to, run, answer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from interop.soap import codes as soap
from interop.xds import codes as xds
from sandbox.dmp import existence, queries, retrieval, submission, update
from sandbox.dmp.envelope import (
    Incoming,
    build_envelope,
    build_fault,
    check_action,
    read_message,
    relates_to,
)
from sandbox.dmp.errors import ACTION_NOT_SUPPORTED, RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.faults import PRETENCES, Effect, Occasion
from sandbox.dmp.mtom import ANOMALIES, multipart_response, plain_response
from sandbox.dmp.operations import Operation, Seen
from sandbox.dmp.vihf import Vihf
from sandbox.serving import CUT, Request, Response
from sandbox.xml import q

if TYPE_CHECKING:
    from sandbox.dmp.service import DmpService

_DAY_SECONDS: Final = 24 * 3600
_HOSTILE: Final = (
    b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<soap:Envelope xmlns:soap="' + soap.NS_SOAP.encode() + b'"><soap:Body>&x;</soap:Body></soap:Envelope>'
)
# What a state that is pretended makes of any other operation than TD0.2.
_PRETENDED: Final = {
    "no_dmp": RegistryError(xds.ERROR_UNKNOWN_PATIENT, "pretended"),
    "dmp_closed": RegistryError(xds.DMP_CLOSED, "pretended"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """Body of an answer, with its parts by Content-ID."""

    body: etree._Element
    parts: dict[str, bytes] = field(default_factory=dict)


class Misbehave(Exception):
    """An injected effect ends the treatment."""

    def __init__(self, name: str, response: Response) -> None:
        super().__init__(name)
        self.name = name
        self.response = response


class Exchange:
    """One request and its answer; `seen` is what the journal keeps."""

    def __init__(self, service: "DmpService", request: Request, operations: tuple[Operation, ...]) -> None:
        self._service = service
        self._request = request
        self._operations = operations
        self._operation = operations[0]
        self._message_id = relates_to(request.body)
        self._effects: tuple[Effect, ...] = ()
        self._now = service.now()
        self.seen = Seen(self._now.isoformat(timespec="milliseconds"), self._operation.name)

    def answer(self) -> Response:
        try:
            result = self._run()
        except SoapFault as fault:
            return self._fault(fault)
        except RegistryRefusal as refusal:
            return self._refusal(refusal)
        except Misbehave as misbehave:
            self._note(outcome=misbehave.name)
            return misbehave.response
        if self._has("accepted_then_drop"):
            self._note(outcome="accepted_then_drop")
            return CUT
        return self._envelope(result, self._operation.response_action)

    def _run(self) -> Result:
        certificate = self._request.client_certificate
        if certificate is None:
            raise SoapFault("mutual TLS is expected", subcode=xds.DMP_INVALID_CERTIFICATE)
        message = read_message(self._request)
        self._choose(message)
        check_action(message, self._operation.action)
        if not self._service.is_new_message(message.message_id):
            raise SoapFault("the MessageID was already used", subcode="wsa:InvalidAddressingHeader")
        token = self._service.checker.check(message.assertion, certificate, self._now)
        self._note(
            ins=token.matricule, actor=token.name_id, structure=token.structure, mode=token.mode,
            purpose=token.purpose, assertion_id=token.assertion_id, message_id=message.message_id,
        )  # fmt: skip
        if not token.matricule:
            raise SoapFault("resource-id is missing")
        run: Callable[[Incoming, Vihf, datetime], Result] = {
            "TD2.1": self._submit,
            "TD3.1": self._query,
            "TD3.2": self._retrieve,
            "TD3.3": self._update,
            "TD0.2": self._existence,
            "TD0.3": self._authorisation,
        }[self._operation.name]
        return run(message, token, self._now)

    def _choose(self, message: Incoming) -> None:
        """The operation of the path that the body asks for."""
        found = [operation for operation in self._operations if operation.tag == message.body.tag]
        if not found:
            raise SoapFault(f"{message.body.tag} is not known here", subcode=ACTION_NOT_SUPPORTED)
        self._operation = found[0]
        self._note(operation=found[0].name)
        if found[0].multipart_request and not message.is_multipart:
            raise SoapFault("an MTOM message (multipart/related) is expected")

    # Operations

    def _submit(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        read = submission.read_submission(message.body, message.attachments)
        self._misbehave(token, read.unique_ids)
        submission.register_submission(read, token, self._service.registry, self._service.policy, now)
        return Result(registry_response(()))

    def _query(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        query = queries.read_query(message.body)
        self._misbehave(token, query.values(xds.PARAM_UNIQUE_ID))
        found = queries.run_query(query, token, self._service.registry, now)
        if self._has("signatures"):
            found = queries.with_signatures(found, token, self._service.registry)
        return Result(queries.write_answer(query, found))

    def _retrieve(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        asked = retrieval.read_request(message.body)
        self._misbehave(token, tuple(one.unique_id for one in asked))
        registry = self._service.registry
        found = retrieval.find(asked, token, registry, now)
        if self._has("partial"):
            found = retrieval.without_one(found)
        contents = [registry.content(document) for document in found.documents]
        if self._has("wrong_hash"):
            contents = [content + b"\n" for content in contents]
        self._note_errors(found.errors)
        return Result(*retrieval.write_answer(found, contents))

    def _update(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        request, registry = update.read_request(message.body), self._service.registry
        self._note(operation=request.operation(registry))
        self._misbehave(token, request.unique_ids)
        update.apply(request, token, registry, now)
        return Result(registry_response(()))

    def _existence(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        self._misbehave(token, ())
        code = self._argument("ack_ae")
        if code:
            self._note(outcome="refused", code=code)
            return Result(existence.refuse_existence(message.body, now, code))
        pretence = existence.Pretence(
            state="none" if self._has("no_dmp") else "closed" if self._has("dmp_closed") else "",
            authorisation=(
                "blocked" if self._has("blocked") else "expired" if self._has("auth_expired") else ""
            ),
        )
        registry = self._service.registry
        return Result(existence.answer_existence(message.body, token, registry, now, pretence))

    def _authorisation(self, message: Incoming, token: Vihf, now: datetime) -> Result:
        self._misbehave(token, ())
        code = self._argument("status")
        if code:
            self._note(outcome="refused", code=code)
            return Result(existence.authorisation_status(code, "injected error"))
        return Result(existence.answer_authorisation(message.body, token, self._service.registry, now))

    # Misbehaviour

    def _has(self, name: str) -> bool:
        return any(effect.name == name for effect in self._effects)

    def _argument(self, name: str) -> str:
        return next((effect.argument for effect in self._effects if effect.name == name), "")

    def _misbehave(self, token: Vihf, unique_ids: tuple[str, ...]) -> None:
        """Effects that come before the treatment; those on the answer are kept for later."""
        self._note(unique_ids=unique_ids)
        occasion = Occasion(self.seen.operation, token.matricule, token.name_id, unique_ids)
        self._effects = self._service.faults.take(occasion)
        for effect in self._effects:
            self._suffer(effect)

    def _suffer(self, effect: Effect) -> None:
        match effect.name:
            case "delay":
                self._service.stopping.wait(int(effect.argument) / 1000)
            case "hold":
                self._service.faults.hold(self._service.stopping)
            case "hang":
                self._service.stopping.wait(_DAY_SECONDS)
                raise Misbehave("hang", CUT)
            case "reset":
                raise Misbehave("reset", CUT)
            case "http":
                page = f"<html><body><h1>{effect.argument}</h1></body></html>".encode()
                raise Misbehave("http", Response(int(effect.argument), page, "text/html"))
            case "fault":
                raise SoapFault("injected fault", subcode=effect.argument, code=soap.FAULT_RECEIVER)
            case "registry":
                raise RegistryRefusal(RegistryError(effect.argument, "injected error"))
            case "too_many":
                raise RegistryRefusal(RegistryError(xds.ERROR_TOO_MANY_RESULTS, "injected error"))
            case "malformed":
                raise Misbehave("malformed", Response(HTTPStatus.OK, b"<soap:Envelope", soap.MEDIA_SOAP))
            case "xxe":
                raise Misbehave("xxe", Response(HTTPStatus.OK, _HOSTILE, soap.MEDIA_SOAP))
            case name if name in PRETENCES and self._operation.name != "TD0.2":
                if name in _PRETENDED:
                    raise RegistryRefusal(_PRETENDED[name])
                raise SoapFault(f"pretended: {name}", subcode=xds.DMP_ACCESS_DENIED)

    # Answers

    def _note(self, **changes: Any) -> None:
        self.seen = replace(self.seen, **changes)

    def _note_errors(self, errors: tuple[RegistryError, ...]) -> None:
        if errors:
            text = "; ".join(error.context for error in errors)
            self._note(outcome="refused", code=errors[0].code, text=text)

    def _fault(self, fault: SoapFault) -> Response:
        self._note(outcome="fault", code=fault.subcode or fault.code, text=fault.reason)
        # The DMP answers every fault with 500, those of the sender included.
        result = Result(build_fault(fault))
        return self._envelope(result, soap.WSA_FAULT_ACTION, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _refusal(self, refusal: RegistryRefusal) -> Response:
        """The failure in the shape of the answer that was asked for."""
        self._note_errors(refusal.errors)
        name = self._operation.name
        if name == "TD3.2":
            result = Result(*retrieval.write_answer(retrieval.Retrieved((), refusal.errors), ()))
        elif name == "TD0.3":
            result = Result(existence.authorisation_status(refusal.errors[0].code, "refused"))
        else:
            result = Result(registry_response(refusal.errors, query=name == "TD3.1"))
        return self._envelope(result, self._operation.response_action)

    def _envelope(self, result: Result, action: str, status: int = HTTPStatus.OK) -> Response:
        envelope = build_envelope(result.body, action=action, request_id=self._message_id)
        if self._operation.multipart_answer and not self._has("plain_answer"):
            anomalies = {effect.name for effect in self._effects} & ANOMALIES
            response = multipart_response(
                envelope, result.parts, action=action, status=status, anomalies=anomalies
            )
        else:
            response = plain_response(envelope, action=action, status=status)
        return replace(response, copies=2) if self._has("answer_twice") else response


def registry_response(errors: tuple[RegistryError, ...], *, query: bool = False) -> etree._Element:
    """RegistryResponse of ITI-41 and ITI-57, or AdhocQueryResponse of a query that failed."""
    tag = q(xds.NS_QUERY, "AdhocQueryResponse") if query else q(xds.NS_RS, "RegistryResponse")
    response = etree.Element(tag, nsmap={"rs": xds.NS_RS, "query": xds.NS_QUERY})
    response.set("status", xds.RESPONSE_FAILURE if errors else xds.RESPONSE_SUCCESS)
    retrieval.write_errors(response, errors)
    if query:
        etree.SubElement(response, q(xds.NS_RIM, "RegistryObjectList"))
    return response
