"""One exchange with the DMP: a new token, one request, its answer read, its call recorded.

Source: spec dmp 1.2, 2, 9 (rules 4 and 5). Each attempt has its own token and its own MessageID.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from lxml import etree

from establishment.enums import NationalService
from interop.seal import Seal
from interop.soap.errors import SoapError, SoapFault
from interop.soap.mtom import Attachment
from interop.vihf.assertion import build_vihf, sign_vihf
from interop.vihf.claims import AuthenticationMode, PatientClaim, VihfClaims, VihfClaimsError
from national.calls import Call, Recorder, recorded
from national.clock import ClockWatch
from national.dmp.adapter.errors import of_fault, of_unreadable
from national.dmp.adapter.settings import DmpSettings
from national.dmp.ports import AccessContext
from national.errors import Rejected, RejectionKind, Unavailable
from national.soap import SoapAnswer, SoapRequest, exchange
from national.transport import CONNECTION_REFUSED, Transport

SEAL_EXPIRED = "SEAL_EXPIRED"
VIHF_INCOMPLETE = "VIHF_INCOMPLETE"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Ask:
    """One transaction: where it goes, what it carries, whether it may be repeated without asking."""

    transaction: str
    path: str
    action: str
    body: etree._Element
    timeout: float
    repeatable: bool
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """The line of a structure to the DMP: transport, seal, settings; `clock` may forbid to sign."""

    transport: Transport
    seal: Seal
    settings: DmpSettings
    record: Recorder
    now: Callable[[], datetime]
    new_uuid: Callable[[], UUID]
    clock: ClockWatch | None = None

    def exchange(
        self,
        context: AccessContext,
        patient: PatientClaim | None,
        ask: Ask,
        read: Callable[[SoapAnswer], Read],
    ) -> tuple[str, Read]:
        """Send a request; return its MessageID, and what `read` makes of the answer.

        A consultation that found the door closed knocks once more, for nothing had left (spec dmp 9,
        rule 4); nothing that changes something is sent twice.
        """
        try:
            return self._once(context, patient, ask, read)
        except Unavailable as error:
            is_consultation = ask.repeatable and context.mode is AuthenticationMode.AIR
            if error.code != CONNECTION_REFUSED or not is_consultation:
                raise
        return self._once(context, patient, ask, read)

    def _once(
        self,
        context: AccessContext,
        patient: PatientClaim | None,
        ask: Ask,
        read: Callable[[SoapAnswer], Read],
    ) -> tuple[str, Read]:
        message_id = f"urn:uuid:{self.new_uuid()}"
        started_at = self.now()
        call = Call(
            NationalService.DMP,
            ask.transaction,
            message_id,
            context.actor_uid,
            context.actor_label,
            context.patient_uid,
            context.structure,
        )
        with recorded(call, record=self.record, started_at=started_at) as notes:
            notes.assertion_id = f"_{self.new_uuid()}"
            notes.address = self.transport.settings.url(ask.path)
            request = SoapRequest(
                path=ask.path,
                action=ask.action,
                message_id=message_id,
                body=ask.body,
                token=self._token(context, patient, started_at, notes.assertion_id),
                read_timeout=ask.timeout,
                repeatable=ask.repeatable,
                attachments=ask.attachments,
            )
            try:
                return message_id, read(exchange(self.transport, request))
            except SoapFault as fault:
                raise of_fault(fault, self.settings.error_kinds) from fault
            except SoapError as error:
                raise of_unreadable(error, repeatable=ask.repeatable) from error

    def _token(
        self, context: AccessContext, patient: PatientClaim | None, instant: datetime, assertion_id: str
    ) -> bytes:
        """A new VIHF: used once, for thirty seconds (EX_AIR-040), by a clock that is right."""
        if self.clock is not None:
            self.clock.require(self.transport.settings.label)
        if not self.seal.is_valid_at(instant):
            raise Rejected(
                SEAL_EXPIRED,
                kind=RejectionKind.CONFIGURATION,
                message="Le certificat cachet de la structure n'est pas en cours de validité.",
            )
        try:
            claims = VihfClaims(
                mode=context.mode,
                structure=context.structure,
                sector=context.sector,
                name_id=context.name_id,
                subject=context.subject,
                roles=context.roles,
                authenticated_at=context.authenticated_at,
                software=self.settings.software,
                patient=patient,
                authentication_class=context.authentication_class,
                authentication_declaration=context.authentication_declaration,
                purpose=context.purpose,
                access_reason=context.access_reason,
                secret_connection=context.secret_connection,
            )
        except VihfClaimsError as error:
            raise Rejected(
                VIHF_INCOMPLETE,
                str(error),
                kind=RejectionKind.DATA,
                message="L'identification du professionnel est incomplète pour interroger le DMP.",
            ) from error
        assertion = build_vihf(
            claims,
            issuer=self.seal.subject,
            issue_instant=instant,
            assertion_id=assertion_id,
            profile=self.settings.profile,
        )
        return sign_vihf(assertion, self.seal, profile=self.settings.profile)
