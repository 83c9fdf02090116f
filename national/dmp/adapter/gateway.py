"""The gateway: each transaction of the port as a message of its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from lxml import etree

from interop.dmp.authorisation import build_set_authorisation, parse_authorisation_answer
from interop.dmp.codes import DMP_ACTIVE
from interop.dmp.existence import (
    ExistenceAnswer,
    ExistenceQuery,
    build_existence_query,
    parse_existence_answer,
)
from interop.seal import Seal
from interop.soap.errors import SoapError
from interop.vihf.claims import PatientClaim
from interop.xds import codes, iti18, iti43
from interop.xds.composed import Cx
from interop.xds.iti41 import build_provide_and_register
from interop.xds.iti57 import build_status_update, build_visibility_update
from interop.xds.lot_signature import sign_lot
from interop.xds.metadata import Association, Code, DocumentEntry, SubmissionSet
from interop.xds.responses import RegistryResponse, parse_registry_response
from national.calls import Recorder
from national.clock import ClockWatch
from national.dmp.adapter.errors import is_closed, metadata_checked, of_code, of_failure
from national.dmp.adapter.settings import DmpSettings
from national.dmp.adapter.wire import Ask, Wire
from national.dmp.ports import (
    AccessContext,
    Authorisation,
    DmpState,
    DocumentAddress,
    Existence,
    Found,
    Retrieval,
    Retrieved,
    Submission,
    Submitted,
)
from national.errors import Rejected
from national.soap import SoapAnswer
from national.transport import Transport

_TD02, _TD03, _TD21 = "TD0.2", "TD0.3", "TD2.1"
_TD31, _TD31B, _TD32 = "TD3.1", "TD3.1b", "TD3.2"
_TD33A, _TD33B, _TD33C, _TD33D = "TD3.3a", "TD3.3b", "TD3.3c", "TD3.3d"


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
        clock: ClockWatch | None = None,
    ) -> None:
        self._seal = seal
        self._settings = settings
        self._now = now
        self._new_uuid = new_uuid
        self._wire = Wire(transport, seal, settings, record, now, new_uuid, clock)

    def existence(self, context: AccessContext, patient: PatientClaim) -> Existence:
        """TD0.2 (PRPA_IN201307UV02, TEST_EXST). A refusal that says "closed" is an answer."""
        settings = self._settings
        query = ExistenceQuery(
            matricule=patient.matricule,
            oid=patient.oid,
            software_name=settings.software.name,
            software_oid=settings.software_oid,
            message_id=str(self._new_uuid()),
            query_id=str(self._new_uuid()),
            at=self._now(),
            processing=settings.processing_code,
        )
        ask = Ask(
            _TD02,
            settings.paths.patients,
            settings.actions.existence,
            build_existence_query(query),
            settings.existence_timeout,
            repeatable=True,
        )
        try:
            return self._wire.exchange(context, patient, ask, self._read_existence)[1]
        except Rejected as error:
            if not is_closed(error):
                raise
            return Existence(DmpState.CLOSED, Authorisation.UNKNOWN)

    def authorise(self, context: AccessContext, patient: PatientClaim) -> None:
        """TD0.3 (setAuthorization, AJOUT)."""
        settings = self._settings
        ask = Ask(
            _TD03,
            settings.paths.authorisations,
            settings.actions.authorisation,
            build_set_authorisation(),
            settings.existence_timeout,
            repeatable=False,
        )
        self._wire.exchange(context, patient, ask, self._read_authorisation)

    def submit(self, context: AccessContext, submission: Submission) -> Submitted:
        """TD2.1 (ITI-41), with the signature of the lot."""
        lot, documents = submission.lot, submission.documents
        settings = self._settings
        with metadata_checked():
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
        ask = Ask(
            _TD21,
            settings.paths.repository,
            settings.actions.iti41,
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
        with metadata_checked():
            body = build_status_update(
                lot, entry_uuid=entry_uuid, original_status=original_status, new_status=new_status
            )
        transaction = _TD33C if new_status == codes.STATUS_DELETED else _TD33D
        return self._update(context, lot, transaction, body, self._settings.submit_timeout)

    def set_visibility(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry: DocumentEntry,
        confidentiality: tuple[Code, ...],
    ) -> Submitted:
        """TD3.3b, or TD3.3a when the mask is what changes (ITI-57)."""
        with metadata_checked():
            body = build_visibility_update(lot, entry=entry, confidentiality=confidentiality)
        is_masked = codes.VISIBILITY_MASKED in {code.code for code in confidentiality}
        was_masked = codes.VISIBILITY_MASKED in entry.visibility
        transaction = _TD33B if is_masked == was_masked else _TD33A
        return self._update(context, lot, transaction, body, self._settings.query_timeout)

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

    def retrieve(
        self, context: AccessContext, patient: PatientClaim, addresses: Sequence[DocumentAddress]
    ) -> Retrieval:
        """TD3.2 (ITI-43). A document that was not asked for makes the answer unreadable."""
        settings = self._settings
        asked = {address.unique_id: address for address in addresses}
        with metadata_checked():
            body = iti43.build_retrieve(
                [iti43.DocumentRequest(one.repository_unique_id, one.unique_id) for one in asked.values()]
            )
        ask = Ask(
            _TD32,
            settings.paths.repository,
            settings.actions.iti43,
            body,
            settings.retrieve_timeout,
            repeatable=True,
        )

        def read(answer: SoapAnswer) -> Retrieval:
            parsed = iti43.parse_retrieve_response(answer.envelope.body, answer.attachments)
            if any(document.unique_id not in asked for document in parsed.documents):
                raise SoapError("a document that was not asked for")
            if not parsed.documents and parsed.response.succeeded:
                raise SoapError("a success without document")
            if not parsed.documents:
                raise of_failure(parsed.response, settings.error_kinds)
            return Retrieval(
                tuple(
                    Retrieved(asked[document.unique_id], document.mime_type, document.content)
                    for document in parsed.documents
                ),
                parsed.response.errors,
            )

        return self._wire.exchange(context, patient, ask, read)[1]

    def _change(self, context: AccessContext, patient: Cx, ask: Ask) -> Submitted:
        def read(answer: SoapAnswer) -> RegistryResponse:
            return self._checked(parse_registry_response(answer.envelope.body))

        message_id, response = self._wire.exchange(context, _claim(patient), ask, read)
        return Submitted(message_id, tuple(error for error in response.errors if error.is_warning))

    def _update(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        transaction: str,
        body: etree._Element,
        timeout: float,
    ) -> Submitted:
        settings = self._settings
        ask = Ask(
            transaction, settings.paths.registry, settings.actions.iti57, body, timeout, repeatable=False
        )
        return self._change(context, lot.patient_id, ask)

    def _query(
        self,
        context: AccessContext,
        patient: PatientClaim,
        body: etree._Element,
        *,
        transaction: str = _TD31,
    ) -> iti18.QueryResponse:
        settings = self._settings
        ask = Ask(
            transaction,
            settings.paths.registry,
            settings.actions.iti18,
            body,
            settings.query_timeout,
            repeatable=True,
        )

        def read(answer: SoapAnswer) -> iti18.QueryResponse:
            parsed = iti18.parse_query_response(answer.envelope.body)
            self._checked(parsed.response)
            return parsed

        return self._wire.exchange(context, patient, ask, read)[1]

    def _checked(self, response: RegistryResponse) -> RegistryResponse:
        if not response.succeeded:
            raise of_failure(response, self._settings.error_kinds)
        return response

    def _read_existence(self, answer: SoapAnswer) -> Existence:
        read = parse_existence_answer(answer.envelope.body)
        if read.error_code:
            raise of_code(read.error_code, read.error_text, self._settings.error_kinds)
        unsaid = Authorisation.UNKNOWN if read.found else Authorisation.NONE
        return Existence(
            state=_state(read),
            authorisation=self._settings.authorisation_words.get(read.authorisation, unsaid),
            closed_on=read.closed_on,
            closing_reason=read.closing_reason,
            is_attached=read.is_attached,
            raw_authorisation=read.authorisation,
        )

    def _read_authorisation(self, answer: SoapAnswer) -> None:
        read = parse_authorisation_answer(answer.envelope.body)
        if not read.succeeded:
            raise of_code(read.status, read.context, self._settings.error_kinds)


def signature_unique_id(lot: SubmissionSet) -> str:
    """OID of the signature of a lot: derived from that of the lot, so the same at each attempt."""
    return f"{lot.unique_id}.1"


def _claim(patient: Cx) -> PatientClaim:
    """The patient of the VIHF is that of the body: the DMP compares them (spec dmp 1.3)."""
    return PatientClaim(patient.value, patient.authority)


def _state(answer: ExistenceAnswer) -> DmpState:
    """Open when active, or when the server says no more than that the DMP exists."""
    if not answer.found:
        return DmpState.NONE
    return DmpState.OPEN if answer.status in ("", DMP_ACTIVE) else DmpState.CLOSED
