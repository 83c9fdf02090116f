"""The admin API of the sandbox: JSON over plain HTTP on loopback, for tests and demonstrations."""

from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from interop.ins import codes as ins_codes
from interop.xds import codes as xds
from sandbox.annuaire.service import DirectoryService, UnknownFaultError
from sandbox.demo import DmpState, Patient
from sandbox.dmp.faults import UnknownEffectError
from sandbox.dmp.records import Document
from sandbox.dmp.service import DmpService
from sandbox.insi.faults import UnknownInsiEffectError
from sandbox.insi.service import InsiService
from sandbox.mail.admin import MailAdmin
from sandbox.mail.letters import LetterBox
from sandbox.mail.operator import MailOperator
from sandbox.psc.provider import Provider
from sandbox.psc.switches import UnknownSwitchError
from sandbox.serving import Request, Response, json_response

PREFIX = "/admin/"
MAX_TIMES = 1000
AUTHORISATION_STATES = frozenset({"valid", "expired", "blocked", "none"})


class BadRequestError(ValueError):
    """The admin request cannot be understood; the text says why."""


class AdminService:
    """Routes below `/admin/`. Calling it gives an answer, or None for another address."""

    def __init__(
        self,
        *,
        psc: Provider,
        dmp: DmpService,
        insi: InsiService,
        mail: MailOperator,
        letters: LetterBox,
        annuaire: DirectoryService,
    ) -> None:
        self._psc = psc
        self._annuaire = annuaire
        self._dmp = dmp
        self._insi = insi
        self._mail = MailAdmin(mail, letters)

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        # A form of another site cannot send this type: it is what keeps the API out of its reach.
        if request.method == "POST" and request.headers.get("content-type") != "application/json":
            return _refused("content type application/json expected", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        path = request.path.removeprefix(PREFIX)
        try:
            answer = self._route(request, path)
        except BadRequestError as error:
            return _refused(str(error))
        return answer or _refused("no such address", HTTPStatus.NOT_FOUND)

    def _route(self, request: Request, path: str) -> Response | None:
        if path.startswith("psc/"):
            return self._psc_route(request, path)
        if path.startswith("insi/"):
            return self._insi_route(request, path)
        if path.startswith("annuaire/"):
            return self._directory_route(request, path)
        if path.startswith("mail/"):
            values = _object(request) if request.method == "POST" else {}
            try:
                return self._mail.route(request, path.removeprefix("mail/"), values)
            except ValueError as error:
                raise BadRequestError(str(error)) from error
        return self._dmp_route(request, path)

    # Pro Santé Connect

    def _psc_route(self, request: Request, path: str) -> Response | None:
        match request.method, path:
            case "GET", "psc/switches":
                return json_response(asdict(self._psc.switches))
            case "POST", "psc/switches":
                return self._set_switches(_object(request))
            case "DELETE", "psc/switches":
                self._psc.switches.reset()
                return json_response(asdict(self._psc.switches))
            case "POST", "psc/redirect-uris":
                return self._add_redirect_uris(_object(request))
            case "POST", "psc/logout":
                return json_response(self._psc.log_out(str(_object(request).get("person", ""))))
        return None

    def _set_switches(self, values: dict[str, Any]) -> Response:
        try:
            self._psc.switches.update(values)
        except UnknownSwitchError as error:
            raise BadRequestError(f"unknown switch or wrong value: {error}") from error
        return json_response(asdict(self._psc.switches))

    def _add_redirect_uris(self, values: dict[str, Any]) -> Response:
        client = self._psc.client
        registered = {
            "redirect_uris": client.redirect_uris,
            "post_logout_redirect_uris": client.post_logout_redirect_uris,
        }
        for name, addresses in values.items():
            if name not in registered or not isinstance(addresses, list):
                raise BadRequestError(f"unknown list: {name}")
            registered[name].extend(address for address in addresses if address not in registered[name])
        return json_response(registered)

    # INSi

    def _insi_route(self, request: Request, path: str) -> Response | None:
        match request.method, path:
            case "GET", "insi/journal":
                return json_response(self._insi.journal())
            case "GET", "insi/faults":
                return json_response(self._insi.faults.waiting())
            case "POST", "insi/faults":
                values = _object(request)
                try:
                    self._insi.faults.add(str(values.get("effect", "")), times=_times(values))
                except UnknownInsiEffectError as error:
                    raise BadRequestError(f"unknown effect: {error}") from error
                return json_response(self._insi.faults.waiting())
            case "DELETE", "insi/faults":
                self._insi.faults.clear()
                return json_response([])
        return None

    # Annuaire santé

    def _directory_route(self, request: Request, path: str) -> Response | None:
        match request.method, path:
            case "GET", "annuaire/journal":
                return json_response(self._annuaire.journal())
            case "GET", "annuaire/faults":
                return json_response(self._annuaire.faults())
            case "POST", "annuaire/faults":
                values = _object(request)
                try:
                    self._annuaire.add_fault(str(values.get("fault")), _times(values))
                except UnknownFaultError as error:
                    raise BadRequestError(f"unknown fault: {error}") from error
                return json_response(self._annuaire.faults())
            case "DELETE", "annuaire/faults":
                self._annuaire.clear()
                return json_response([])
        return None

    # DMP

    def _dmp_route(self, request: Request, path: str) -> Response | None:
        match request.method, path:
            case "GET", "dmp/documents":
                return self._documents(request)
            case "GET", "dmp/journal":
                return json_response(self._dmp.journal())
            case "GET", "dmp/patients":
                return json_response([_patient_view(person) for person in self._dmp.registry.patients()])
            case "POST", "dmp/patients":
                return self._put_patient(_object(request))
            case "POST", "dmp/authorisations":
                return self._set_authorisation(_object(request))
            case "GET", "dmp/faults":
                return json_response(self._dmp.faults.list())
            case "POST", "dmp/faults":
                return self._add_fault(_object(request))
            case "DELETE", "dmp/faults":
                self._dmp.faults.clear()
                return json_response([])
            case "POST", "dmp/clock":
                return self._set_clock(_object(request))
        if request.method == "GET" and path.startswith("dmp/documents/") and path.endswith("/content"):
            return self._content(unquote(path.removeprefix("dmp/documents/").removesuffix("/content")))
        return None

    def _documents(self, request: Request) -> Response:
        """Documents of the matricule `ins` (and authority `oid`, the test one by default), now."""
        ins = (request.query.get("ins", ""), request.query.get("oid", ins_codes.INS_NIR_TEST_OID))
        found = self._dmp.registry.documents(ins)
        return json_response([document_view(document) for document in found if not document.is_signature])

    def _content(self, unique_id: str) -> Response | None:
        document = self._dmp.registry.by_unique_id(unique_id)
        if document is None:
            return None
        return Response(HTTPStatus.OK, self._dmp.registry.content(document), "application/xml")

    def _put_patient(self, values: dict[str, Any]) -> Response:
        try:
            state = DmpState(values.pop("state"))
            person = Patient(state=state, **{name: _field(value) for name, value in values.items()})
        except (KeyError, ValueError, TypeError) as error:
            raise BadRequestError(f"patient: {error}") from error
        if person.oid not in ins_codes.INS_OIDS:
            raise BadRequestError("patient: oid is not that of an INS")
        self._dmp.registry.put_patient(person)
        return json_response(_patient_view(person))

    def _set_authorisation(self, values: dict[str, Any]) -> Response:
        ins = (str(values.get("ins", "")), str(values.get("oid", ins_codes.INS_NIR_TEST_OID)))
        actor, state = str(values.get("actor", "")), values.get("state")
        if self._dmp.registry.patient(ins) is None or not actor or state not in AUTHORISATION_STATES:
            raise BadRequestError("ins of a known patient, actor, and state valid, expired, blocked or none")
        self._dmp.registry.set_authorisation(ins, actor, str(state), self._dmp.now())
        return json_response({"ins": ins[0], "oid": ins[1], "actor": actor, "state": state})

    def _add_fault(self, values: dict[str, Any]) -> Response:
        match = values.get("match", {})
        times, effect = values.get("times", 1), values.get("effect", "")
        if not isinstance(match, dict) or not isinstance(times, int) or not isinstance(effect, str):
            raise BadRequestError("effect, times and match are expected")
        nth = match.pop("nth", 1)
        if not isinstance(nth, int):
            raise BadRequestError("nth is a number")
        try:
            self._dmp.faults.add(
                effect, times=times, nth=nth, **{key: str(value) for key, value in match.items()}
            )
        except (UnknownEffectError, TypeError) as error:
            raise BadRequestError(f"unknown effect or match: {error}") from error
        return json_response(self._dmp.faults.list())

    def _set_clock(self, values: dict[str, Any]) -> Response:
        seconds = values.get("offset_seconds")
        if not isinstance(seconds, int | float):
            raise BadRequestError("offset_seconds is a number")
        self._dmp.clock_offset = timedelta(seconds=seconds)
        self._dmp.advance()
        return json_response({"offset_seconds": seconds})


def document_view(document: Document) -> dict[str, Any]:
    """A document for tests: what was submitted and what became of it."""
    type_code = document.metadata.code(xds.SCHEME_TYPE_CODE)
    return {
        "unique_id": document.unique_id, "entry_uuid": document.entry_uuid,
        "logical_id": document.logical_id, "version": document.version, "status": document.status,
        "title": document.metadata.title, "type_code": type_code.code if type_code else "",
        "confidentiality": list(document.confidentiality), "set_id": document.set_id,
        "version_number": document.set_version, "hash": document.content.sha1, "size": document.content.size,
        "visible_to_patient": not document.is_hidden_from_patient, "submission_set": document.lot_uuid,
        "submitted_at": document.submitted_at, "structure": document.structure, "actor": document.actor,
    }  # fmt: skip


def _field(value: Any) -> Any:
    """A field of a patient: true or false, or a text."""
    return value if isinstance(value, bool) else str(value)


def _patient_view(person: Patient) -> dict[str, Any]:
    return {**asdict(person), "state": person.state.value}


def _object(request: Request) -> dict[str, Any]:
    try:
        value = request.json()
    except ValueError as error:
        raise BadRequestError("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadRequestError("a JSON object is expected")
    return value


def _times(values: dict[str, Any]) -> int:
    times = values.get("times", 1)
    if not isinstance(times, int) or not 1 <= times <= MAX_TIMES:
        raise BadRequestError("times is a small number")
    return times


def _refused(text: str, status: int = HTTPStatus.BAD_REQUEST) -> Response:
    return json_response({"error": text}, status)
