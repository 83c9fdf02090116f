"""The DMP over SOAP: ITI-41, ITI-18 and ITI-57 with a VIHF, one signed token per request.

Source: spec dmp 1.2, 2, 3.3 to 3.7, 9. One adapter for production, test platform and sandbox: address,
certificates and what the server may change are settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from lxml import etree

from establishment.enums import NationalService
from interop.seal import Seal
from interop.soap import codes as soap_codes
from interop.soap.errors import SoapError, SoapFault
from interop.soap.mtom import Attachment
from interop.vihf.assertion import VihfProfile, build_vihf, sign_vihf
from interop.vihf.claims import PatientClaim, SoftwareClaim, VihfClaims, VihfClaimsError
from interop.xds import codes, iti18
from interop.xds.composed import Cx
from interop.xds.iti41 import build_provide_and_register
from interop.xds.iti57 import build_status_update
from interop.xds.lot_signature import SHA256_ALGORITHMS, SignatureAlgorithms, sign_lot
from interop.xds.metadata import Association, MetadataError, RegistryObjects, SubmissionSet
from interop.xds.responses import (
    KIND_OF_CODE,
    ErrorKind,
    RegistryResponse,
    kind_of_code,
    parse_registry_response,
)
from interop.xml import XmlRefused
from national.calls import Call, Recorder, recorded
from national.dmp.ports import AccessContext, Found, Submission, Submitted
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.soap import SoapRequest, exchange
from national.transport import Transport

SEAL_EXPIRED = "SEAL_EXPIRED"
VIHF_INCOMPLETE = "VIHF_INCOMPLETE"
METADATA_INCOMPLETE = "METADATA_INCOMPLETE"

_TD21, _TD31, _TD31B, _TD33C, _TD33D = "TD2.1", "TD3.1", "TD3.1b", "TD3.3c", "TD3.3d"
_MESSAGES = {
    ErrorKind.DUPLICATE: "Le DMP connaît déjà un document de cet identifiant.",
    ErrorKind.PATIENT: "Ce patient n'a pas de DMP ouvert.",
    ErrorKind.RIGHTS: "Le DMP n'autorise pas cette opération.",
    ErrorKind.CONFIGURATION: "Le DMP refuse les certificats ou l'identification de la structure.",
    ErrorKind.DATA: "Le DMP a refusé le document ou ses métadonnées.",
}
_SERVER_FAULTS = frozenset({soap_codes.FAULT_RECEIVER, "Server"})
_Reader = Callable[[etree._Element], iti18.QueryResponse]


@dataclass(frozen=True, slots=True)
class DmpSettings:
    """What an installation chooses (spec dmp 9, settings). Times in seconds."""

    software: SoftwareClaim
    registry_path: str = codes.PATH_REGISTRY
    repository_path: str = codes.PATH_REPOSITORY
    iti18_action: str = codes.ACTION_ITI18
    iti41_action: str = codes.ACTION_ITI41
    iti57_action: str = codes.ACTION_ITI57
    query_timeout: float = 30.0
    submit_timeout: float = 120.0
    profile: VihfProfile = field(default_factory=VihfProfile)
    signs_lots: bool = True
    lot_algorithms: SignatureAlgorithms = SHA256_ALGORITHMS
    error_kinds: Mapping[str, ErrorKind] = field(default_factory=lambda: KIND_OF_CODE)


@dataclass(frozen=True, slots=True)
class _Ask:
    """One transaction: where it goes, what it carries, whether it may be repeated without asking."""

    transaction: str
    path: str
    action: str
    body: etree._Element
    timeout: float
    repeatable: bool
    attachments: tuple[Attachment, ...] = ()


class DmpSoap:
    """The gateway of a structure: its transport, its seal, its settings. Safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        seal: Seal,
        settings: DmpSettings,
        *,
        record: Recorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_uuid: Callable[[], UUID] = uuid4,
    ) -> None:
        self._transport = transport
        self._seal = seal
        self._settings = settings
        self._record = record
        self._now = now
        self._new_uuid = new_uuid

    def submit(self, context: AccessContext, submission: Submission) -> Submitted:
        """TD2.1 (ITI-41), with the signature of the lot."""
        lot, documents = submission.lot, submission.documents
        settings = self._settings
        with _metadata_checked():
            signature = None
            if settings.signs_lots:
                signature = sign_lot(
                    lot,
                    documents,
                    self._seal,
                    unique_id=signature_unique_id(lot),
                    signed_at=self._now(),
                    algorithms=settings.lot_algorithms,
                )
            body, attachments = build_provide_and_register(lot, documents, signature=signature)
        ask = _Ask(
            _TD21,
            settings.repository_path,
            settings.iti41_action,
            body,
            settings.submit_timeout,
            repeatable=False,
            attachments=attachments,
        )
        return self._change(context, lot.patient_id, ask)

    def set_status(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry_uuid: str,
        original_status: str,
        new_status: str,
    ) -> Submitted:
        """TD3.3c or TD3.3d (ITI-57)."""
        settings = self._settings
        with _metadata_checked():
            body = build_status_update(
                lot, entry_uuid=entry_uuid, original_status=original_status, new_status=new_status
            )
        transaction = _TD33C if new_status == codes.STATUS_DELETED else _TD33D
        ask = _Ask(
            transaction,
            settings.registry_path,
            settings.iti57_action,
            body,
            settings.submit_timeout,
            repeatable=False,
        )
        return self._change(context, lot.patient_id, ask)

    def references(self, context: AccessContext, patient: PatientClaim, unique_id: str) -> tuple[str, ...]:
        """TD3.1b (ITI-18 GetDocuments, references only: what the indirect mode may read)."""
        body = iti18.build_get_documents(unique_ids=(unique_id,), return_type=codes.RETURN_OBJECT_REF)
        objects = self._query(context, patient, body, transaction=_TD31B).objects
        return objects.references or tuple(entry.entry_id for entry in objects.entries)

    def search(self, context: AccessContext, criteria: iti18.DocumentCriteria) -> Found:
        """TD3.1 (ITI-18 FindDocuments). Results are not filtered on the patient (EX_3.1-1055)."""
        answer = self._query(context, _claim(criteria.patient_id), iti18.build_find_documents(criteria))
        return Found(answer.objects.entries, answer.objects.associations, answer.total)

    def documents(
        self,
        context: AccessContext,
        patient: PatientClaim,
        unique_ids: Sequence[str] = (),
        *,
        entry_uuids: Sequence[str] = (),
    ) -> Found:
        """TD3.1 (ITI-18 GetDocumentsAndAssociations)."""
        body = iti18.build_get_documents_and_associations(unique_ids=unique_ids, entry_uuids=entry_uuids)
        answer = self._query(context, patient, body)
        return Found(answer.objects.entries, answer.objects.associations, answer.total)

    def submission_sets(
        self, context: AccessContext, criteria: iti18.SetCriteria
    ) -> tuple[SubmissionSet, ...]:
        """TD3.1 (ITI-18 FindSubmissionSets)."""
        body = iti18.build_find_submission_sets(criteria)
        return self._query(context, _claim(criteria.patient_id), body).objects.sets

    def associations(
        self, context: AccessContext, patient: PatientClaim, uuids: Sequence[str]
    ) -> tuple[Association, ...]:
        """TD3.1 (ITI-18 GetAssociations)."""
        return self._query(context, patient, iti18.build_get_associations(uuids)).objects.associations

    def _change(self, context: AccessContext, patient: Cx, ask: _Ask) -> Submitted:
        message_id, answer = self._exchange(context, _claim(patient), ask, _read_change)
        return Submitted(message_id, tuple(error for error in answer.response.errors if error.is_warning))

    def _query(
        self,
        context: AccessContext,
        patient: PatientClaim,
        body: etree._Element,
        *,
        transaction: str = _TD31,
    ) -> iti18.QueryResponse:
        settings = self._settings
        ask = _Ask(
            transaction,
            settings.registry_path,
            settings.iti18_action,
            body,
            settings.query_timeout,
            repeatable=True,
        )
        return self._exchange(context, patient, ask, iti18.parse_query_response)[1]

    def _exchange(
        self, context: AccessContext, patient: PatientClaim, ask: _Ask, read: _Reader
    ) -> tuple[str, iti18.QueryResponse]:
        """Sign, send, read and record one call; return its MessageID and its answer."""
        message_id = f"urn:uuid:{self._new_uuid()}"
        started_at = self._now()
        call = Call(
            NationalService.DMP,
            ask.transaction,
            message_id,
            context.actor_uid,
            context.actor_label,
            context.patient_uid,
            context.structure,
        )
        with recorded(call, record=self._record, started_at=started_at):
            request = SoapRequest(
                path=ask.path,
                action=ask.action,
                message_id=message_id,
                body=ask.body,
                token=self._token(context, patient, started_at),
                read_timeout=ask.timeout,
                repeatable=ask.repeatable,
                attachments=ask.attachments,
            )
            try:
                answer = read(exchange(self._transport, request).envelope.body)
            except SoapFault as fault:
                raise self._of_fault(fault) from fault
            except SoapError as error:
                raise _unreadable(error, repeatable=ask.repeatable) from error
            if not answer.response.succeeded:
                raise self._of_failure(answer.response)
        return message_id, answer

    def _token(self, context: AccessContext, patient: PatientClaim, instant: datetime) -> bytes:
        """A new VIHF: used once, for thirty seconds (EX_AIR-040)."""
        if not self._seal.is_valid_at(instant):
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
                software=self._settings.software,
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
            issuer=self._seal.subject,
            issue_instant=instant,
            assertion_id=f"_{self._new_uuid()}",
            profile=self._settings.profile,
        )
        return sign_vihf(assertion, self._seal)

    def _of_fault(self, fault: SoapFault) -> NationalServiceError:
        """A SOAP fault: the functional code is the subcode, the code says whose mistake it is."""
        kind = kind_of_code(fault.subcode, self._settings.error_kinds)
        if kind is ErrorKind.UNKNOWN and fault.subcode in soap_codes.WSSE_FAULTS:
            kind = ErrorKind.CONFIGURATION
        elif kind is ErrorKind.UNKNOWN and not fault.subcode and fault.code in _SERVER_FAULTS:
            kind = ErrorKind.TRANSIENT
        return _error(fault.subcode or fault.code, f"{fault.reason} {fault.detail}".strip(), kind)

    def _of_failure(self, response: RegistryResponse) -> NationalServiceError:
        error = response.first_error
        kind = kind_of_code(error.code, self._settings.error_kinds)
        return _error(error.code or response.status.rpartition(":")[2], error.context, kind)


def signature_unique_id(lot: SubmissionSet) -> str:
    """OID of the signature of a lot: derived from that of the lot, so the same at each attempt."""
    return f"{lot.unique_id}.1"


def _read_change(body: etree._Element) -> iti18.QueryResponse:
    return iti18.QueryResponse(parse_registry_response(body), RegistryObjects())


def _claim(patient: Cx) -> PatientClaim:
    """The patient of the VIHF is that of the body: the DMP compares them (spec dmp 1.3)."""
    return PatientClaim(patient.value, patient.authority)


def _error(code: str, text: str, kind: ErrorKind) -> NationalServiceError:
    if kind is ErrorKind.TRANSIENT:
        return Unavailable("Le DMP est momentanément indisponible.", code=code, text=text)
    message = _MESSAGES.get(kind, f"Le DMP a refusé la demande ({code}).")
    return Rejected(code, text, kind=RejectionKind(kind.value), message=message)


def _unreadable(error: SoapError, *, repeatable: bool) -> NationalServiceError:
    if repeatable:
        return Unavailable("Le DMP a donné une réponse illisible.", code="UNREADABLE", text=str(error))
    message = "Le DMP a donné une réponse illisible ; l'issue sera vérifiée."
    return Uncertain(message, code="UNREADABLE", text=str(error))


@contextmanager
def _metadata_checked() -> Iterator[None]:
    """Refuse here what the registry would refuse, before anything leaves."""
    try:
        yield
    except (MetadataError, XmlRefused) as error:
        raise Rejected(
            METADATA_INCOMPLETE,
            str(error),
            kind=RejectionKind.DATA,
            message="Le document ou ses métadonnées ne permettent pas l'envoi au DMP.",
        ) from error
