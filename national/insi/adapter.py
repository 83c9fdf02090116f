"""INSi over SOAP in mutual TLS, for production, the qualification platform and the sandbox alike.

Source: spec ins 11.4 to 11.6. A search changes nothing at the service: it may be repeated. One more try
where the line broke, none after a wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from audit.context import Actor
from establishment.enums import NationalService
from interop.insi import codes
from interop.insi.answer import InsiError, parse_error, parse_result
from interop.insi.request import Caller, Marks, Search, build_request, build_search
from interop.soap.errors import SoapError, SoapFault
from interop.soap.mtom import soap_content_type
from national.calls import Call, Recorder, recorded
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable
from national.insi.ports import InsiAnswer
from national.soap import ReadyRequest, exchange_ready
from national.transport import CONNECTION_REFUSED, Transport

SEARCH: Final = "WS_INS2"
_LINE_BROKEN: Final = frozenset({CONNECTION_REFUSED, "ReadError", "WriteError", "RemoteProtocolError"})
_WORDS: Final = {
    codes.UNKNOWN_SOFTWARE: "INSi ne connaît pas le numéro d’autorisation du logiciel.",
    codes.INSUFFICIENT_RIGHTS: "INSi refuse le certificat de l’établissement\u202f: droits insuffisants.",
}


@dataclass(frozen=True, slots=True)
class InsiSettings:
    """What an installation, or the service, may change. Times in seconds."""

    caller: Caller
    path: str
    action: str = codes.ACTION_SEARCH
    timeout: float = 10.0


class InsiSoap:
    """INSi over the wire. Safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        settings: InsiSettings,
        *,
        record: Recorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_uuid: Callable[[], UUID] = uuid4,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._record = record
        self._now = now
        self._new_uuid = new_uuid

    def search(
        self, search: Search, *, actor: Actor, patient_uid: UUID | None, transaction: str = SEARCH
    ) -> InsiAnswer:
        """WS_INS2; a trial names its own `transaction`."""
        try:
            return self._once(search, actor, patient_uid, transaction)
        except Unavailable as error:
            if error.code not in _LINE_BROKEN:
                raise
        return self._once(search, actor, patient_uid, transaction)

    def _once(self, search: Search, actor: Actor, patient_uid: UUID | None, transaction: str) -> InsiAnswer:
        settings, started_at = self._settings, self._now()
        marks = Marks(
            str(self._new_uuid()),
            str(self._new_uuid()),
            f"{codes.MESSAGE_ID_PREFIX}{self._new_uuid()}",
            started_at,
        )
        call = Call(
            NationalService.INSI,
            transaction,
            marks.message_id,
            actor.uid,
            actor.login,
            patient_uid,
            settings.caller.emitter,
        )
        with recorded(call, record=self._record, started_at=started_at) as notes:
            notes.address = self._transport.settings.url(settings.path)
            request = ReadyRequest(
                path=settings.path,
                content_type=soap_content_type(settings.action),
                data=build_request(
                    build_search(search), action=settings.action, caller=settings.caller, marks=marks
                ),
                message_id=marks.message_id,
                read_timeout=settings.timeout,
                repeatable=True,
            )
            try:
                answer = exchange_ready(self._transport, request)
                return InsiAnswer(parse_result(answer.envelope.body), answer.raw, marks.message_id)
            except SoapFault as fault:
                raise _of_fault(fault) from fault
            except SoapError as error:
                raise Unavailable(
                    "INSi a donné une réponse illisible.", code="UNREADABLE", text=str(error)
                ) from error


def _of_fault(fault: SoapFault) -> NationalServiceError:
    """A fault: its functional code says whose business it is, its text is for the user (spec ins 11.6)."""
    try:
        error = parse_error(fault)
    except SoapError:
        error = InsiError(fault.subcode or fault.code, "", fault.reason)
    text = " ".join(part for part in (error.severity, error.text) if part)
    if error.code.startswith(codes.ACCESS_PREFIXES):
        return Rejected(
            error.code,
            text,
            kind=RejectionKind.CONFIGURATION,
            message=_WORDS.get(error.code, f"INSi refuse l’appel de l’établissement ({error.code})."),
        )
    said = f"INSi a refusé la demande\u202f: {error.text}" if error.text else "INSi a refusé la demande."
    return Rejected(error.code, text, kind=RejectionKind.DATA, message=f"{said} ({error.code})")
