"""The DMP adapter against a server that answers what a test says: wire, errors, trace, pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from interop.soap import codes as soap
from interop.soap.envelope import Addressing, build_answer, build_fault, parse_envelope
from interop.soap.errors import SoapFault
from interop.soap.mtom import included_content, parse_multipart
from interop.vihf import codes as vihf
from interop.vihf.verify import verify_vihf
from interop.xds import codes
from interop.xds.composed import Cx
from interop.xds.ebrim import parse_object_list
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import Association
from interop.xds.responses import ErrorKind
from interop.xml import parse_xml
from national.dmp.adapter import (
    METADATA_INCOMPLETE,
    SEAL_EXPIRED,
    VIHF_INCOMPLETE,
)
from national.dmp.ports import Submission
from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from tests.interop import pki
from tests.interop.xds.samples import DOCUMENT, ENTRY, INS, LOT
from tests.national.dmp_bench import (
    CONTEXT,
    PATIENT,
    SUBMISSION,
    SUCCESS,
    Build,
    answer,
    failure,
    results,
)
from tests.national.server import Reply, Request


@pytest.mark.parametrize("multipart", [False, True])
def test_a_document_is_submitted_as_the_dmp_expects_it(bench: Build, multipart: bool) -> None:
    it = bench(answer(SUCCESS, multipart=multipart))
    submitted = it.gateway.submit(CONTEXT, SUBMISSION)
    (request,) = it.server.requests
    assert request.path == "/services/repository"
    assert f'action="{codes.ACTION_ITI41}"' in request.content_type
    message = parse_multipart(request.content_type, request.body)
    envelope = parse_envelope(message.root)
    assert (envelope.action, envelope.message_id) == (codes.ACTION_ITI41, submitted.message_id)
    objects = parse_object_list(envelope.body.find(f".//{{{codes.NS_RIM}}}RegistryObjectList"))
    assert objects.sets == (LOT,)
    assert objects.entries[0] == ENTRY
    assert objects.entries[1].unique_id == "1.2.250.1.999.1.3.1.1"
    documents = envelope.body.findall(f"{{{codes.NS_XDSB}}}Document")
    assert included_content(documents[0], message.attachments) == DOCUMENT.content
    assert it.last.findtext(f".//{{{soap.NS_WSA}}}To") == it.server.base_url + "repository"


def test_each_call_carries_a_new_token_signed_by_the_seal(bench: Build) -> None:
    it = bench(answer(SUCCESS))
    seen = set()
    for _ in range(2):
        it.gateway.submit(CONTEXT, SUBMISSION)
        assertion = it.last.find(f".//{{{vihf.NS_SAML}}}Assertion")
        token = verify_vihf(assertion, pki.seal().certificate, now=datetime.now(UTC))
        assert token.name_id == "899700900014"
        assert token.attributes[vihf.ATTR_RESOURCE_ID] == (str(INS),)
        assert token.attributes[vihf.ATTR_STRUCTURE] == ("1990000010",)
        seen.add(token.assertion_id)
    assert len(seen) == 2


def test_the_lot_signature_can_be_left_out(bench: Build) -> None:
    it = bench(answer(SUCCESS), signs_lots=False)
    it.gateway.submit(CONTEXT, SUBMISSION)
    assert (
        len(parse_multipart(it.server.requests[0].content_type, it.server.requests[0].body).attachments) == 1
    )


def test_warnings_of_a_success_come_back(bench: Build) -> None:
    warned = failure("W", severity=codes.SEVERITY_WARNING).replace(
        codes.RESPONSE_FAILURE, codes.RESPONSE_SUCCESS
    )
    (warning,) = bench(answer(warned)).gateway.submit(CONTEXT, SUBMISSION).warnings
    assert warning.code == "W"


def test_a_call_leaves_its_trace_without_clinical_content(bench: Build) -> None:
    it = bench(answer(SUCCESS))
    submitted = it.gateway.submit(CONTEXT, SUBMISSION)
    (record,) = it.calls
    assert (record.service, record.transaction, record.outcome) == ("dmp", "TD2.1", CallOutcome.SUCCESS)
    assert record.message_id == submitted.message_id
    assert (record.actor_uid, record.actor_label, record.patient_uid) == (
        UUID(int=1),
        "a.hoda",
        UUID(int=2),
    )
    assert record.structure == "1990000010"
    assert record.duration_ms >= 0
    assert INS.value not in repr(record)


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        ("XDSDuplicateUniqueIdInRegistry", Rejected, RejectionKind.DUPLICATE),
        ("XDSNonIdenticalHash", Rejected, RejectionKind.DUPLICATE),
        ("XDSUnknownPatientId", Rejected, RejectionKind.PATIENT),
        ("DMPClosed", Rejected, RejectionKind.PATIENT),
        ("DMPAccessDeniedByRightsService", Rejected, RejectionKind.RIGHTS),
        ("XDSRegistryMetadataError", Rejected, RejectionKind.DATA),
        ("XDSRegistryDeprecatedDocumentError", Rejected, RejectionKind.DATA),
        ("XDSRepositoryBusy", Unavailable, None),
        ("XDSRegistryError", Unavailable, None),
        ("JamaisVu", Rejected, RejectionKind.UNKNOWN),
    ],
)
def test_an_error_of_the_registry_has_its_class(
    bench: Build, code: str, error: type[NationalServiceError], kind: RejectionKind | None
) -> None:
    it = bench(answer(failure(code)))
    with pytest.raises(error) as caught:
        it.gateway.submit(CONTEXT, SUBMISSION)
    assert (caught.value.code, caught.value.text) == (code, "contexte")
    assert getattr(caught.value, "kind", None) is kind
    (record,) = it.calls
    assert (record.code, record.text) == (code, "contexte")
    assert record.outcome is (CallOutcome.REJECTED if error is Rejected else CallOutcome.UNAVAILABLE)


@pytest.mark.parametrize(
    ("fault", "error", "code", "kind"),
    [
        (
            SoapFault(soap.FAULT_SENDER, subcode="DMPInvalidCertificate", reason="certificat"),
            Rejected,
            "DMPInvalidCertificate",
            RejectionKind.CONFIGURATION,
        ),
        (
            SoapFault(soap.FAULT_SENDER, subcode="wsse:FailedAuthentication"),
            Rejected,
            "FailedAuthentication",
            RejectionKind.CONFIGURATION,
        ),
        (SoapFault(soap.FAULT_RECEIVER), Unavailable, "Receiver", None),
        (SoapFault(soap.FAULT_SENDER), Rejected, "Sender", RejectionKind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("multipart", [False, True])
def test_a_soap_fault_is_read_whatever_its_frame(
    bench: Build,
    fault: SoapFault,
    error: type[NationalServiceError],
    code: str,
    kind: RejectionKind | None,
    multipart: bool,
) -> None:
    it = bench(answer(build_fault(fault), status=500, multipart=multipart))
    with pytest.raises(error) as caught:
        it.gateway.submit(CONTEXT, SUBMISSION)
    assert caught.value.code == code
    assert getattr(caught.value, "kind", None) is kind


def test_the_class_of_a_code_is_a_setting(bench: Build) -> None:
    it = bench(answer(failure("JamaisVu")), error_kinds={"JamaisVu": ErrorKind.TRANSIENT})
    with pytest.raises(Unavailable):
        it.gateway.submit(CONTEXT, SUBMISSION)


def other_message(request: Request) -> Reply:
    addressing = Addressing(soap.WSA_ANONYMOUS, "urn:answer", "urn:uuid:1", "urn:uuid:of-another")
    return Reply(build_answer(addressing, parse_xml(SUCCESS.encode())))


@pytest.mark.parametrize(
    ("script", "submitting", "searching"),
    [
        (lambda request: Reply(cut=True), Uncertain, Unavailable),
        (lambda request: Reply(b"<html/>", 503, "text/html"), Unavailable, Unavailable),
        (lambda request: Reply(b"<html/>", 500, "text/html"), Unavailable, Unavailable),
        (lambda request: Reply(b"<html/>", 504, "text/html"), Uncertain, Unavailable),
        (lambda request: Reply(b"", 429), Unavailable, Unavailable),
        (lambda request: Reply(b"", 404), Rejected, Rejected),
        (lambda request: Reply(b"", 302), Rejected, Rejected),
        (lambda request: Reply(b"<html/>", 200, "text/html"), Uncertain, Unavailable),
        (lambda request: Reply(b"<!DOCTYPE a><a/>"), Uncertain, Unavailable),
        (lambda request: Reply(b"--b", 200, "multipart/related; boundary=b"), Uncertain, Unavailable),
        (answer("<inattendu/>"), Uncertain, Unavailable),
        (other_message, Uncertain, Unavailable),
    ],
)
def test_what_is_no_answer_is_uncertain_only_for_what_changes_something(
    bench: Build,
    script: Callable[[Request], Reply],
    submitting: type[NationalServiceError],
    searching: type[NationalServiceError],
) -> None:
    it = bench(script)
    with pytest.raises(submitting):
        it.gateway.submit(CONTEXT, SUBMISSION)
    with pytest.raises(searching):
        it.gateway.references(CONTEXT, PATIENT, "1.2.3")
    assert [record.transaction for record in it.calls] == ["TD2.1", "TD3.1b"]
    assert all(record.outcome is not CallOutcome.SUCCESS for record in it.calls)


def test_a_document_is_found_by_its_unique_id(bench: Build) -> None:
    it = bench(answer(results(references=["urn:uuid:7"])))
    assert it.gateway.references(CONTEXT, PATIENT, "1.2.250.1.999.1.1.1") == ("urn:uuid:7",)
    body = parse_envelope(it.server.requests[0].body).body
    assert body.find(f"{{{codes.NS_QUERY}}}ResponseOption").get("returnType") == "ObjectRef"
    assert it.server.requests[0].path == "/services/registry"


def test_a_document_that_the_dmp_never_had_has_no_reference(bench: Build) -> None:
    assert bench(answer(results())).gateway.references(CONTEXT, PATIENT, "1.2.3") == ()


def test_a_search_returns_documents_whatever_their_patient_id(bench: Build) -> None:
    """EX_3.1-1055: a document may hold an older identifier of the patient; the client does not filter."""
    older = replace(ENTRY, patient_id=Cx("1", "1.2.250.1.213.1.4.2", "NH"), status=codes.STATUS_APPROVED)
    it = bench(answer(results(ENTRY, older)))
    found = it.gateway.search(CONTEXT, DocumentCriteria(INS))
    assert (found.entries, found.total) == ((ENTRY, older), 2)


def test_the_other_queries_read_sets_associations_and_documents(bench: Build) -> None:
    link = Association(codes.ASSOCIATION_REPLACE, "urn:uuid:2", "urn:uuid:1", association_id="urn:uuid:3")
    it = bench(answer(results(ENTRY, links=[link])))
    assert it.gateway.associations(CONTEXT, PATIENT, ["urn:uuid:1"]) == (link,)
    assert it.gateway.documents(CONTEXT, PATIENT, [ENTRY.unique_id]).associations == (link,)
    assert it.gateway.submission_sets(CONTEXT, SetCriteria(INS)) == ()
    assert {record.transaction for record in it.calls} == {"TD3.1"}


@pytest.mark.parametrize(
    ("status", "transaction"),
    [(codes.STATUS_DELETED, "TD3.3c"), (codes.STATUS_ARCHIVED, "TD3.3d")],
)
def test_a_status_is_changed_in_the_registry(bench: Build, status: str, transaction: str) -> None:
    it = bench(answer(SUCCESS))
    it.gateway.set_status(
        CONTEXT,
        LOT,
        entry_uuid="urn:uuid:7",
        original_status=codes.STATUS_APPROVED,
        new_status=status,
    )
    envelope = parse_envelope(it.server.requests[0].body)
    assert envelope.action == codes.ACTION_ITI57
    (association,) = parse_object_list(envelope.body[0]).associations
    assert (association.target, association.slot(codes.SLOT_NEW_STATUS)) == ("urn:uuid:7", status)
    assert it.calls[0].transaction == transaction


def test_nothing_leaves_with_incomplete_metadata(bench: Build) -> None:
    it = bench(answer(SUCCESS))
    untitled = replace(DOCUMENT, entry=replace(ENTRY, title=""))
    unreadable = SubmittedDocument(replace(ENTRY, hash="", size=-1), b"%PDF")
    for document in (untitled, unreadable):
        with pytest.raises(Rejected) as caught:
            it.gateway.submit(CONTEXT, Submission(LOT, (document,)))
        assert (caught.value.code, caught.value.kind) == (METADATA_INCOMPLETE, RejectionKind.DATA)
    assert it.server.requests == []


def test_nothing_leaves_with_an_incomplete_identification(bench: Build) -> None:
    it = bench(answer(SUCCESS))
    with pytest.raises(Rejected) as caught:
        it.gateway.submit(replace(CONTEXT, roles=CONTEXT.roles[:1]), SUBMISSION)
    assert caught.value.code == VIHF_INCOMPLETE
    assert it.server.requests == []
    assert it.calls[0].outcome is CallOutcome.REJECTED


def test_nothing_leaves_under_an_expired_seal(bench: Build) -> None:
    it = bench(answer(SUCCESS), now=lambda: datetime.now(UTC) + timedelta(days=400))
    with pytest.raises(Rejected) as caught:
        it.gateway.submit(CONTEXT, SUBMISSION)
    assert (caught.value.code, caught.value.kind) == (SEAL_EXPIRED, RejectionKind.CONFIGURATION)
    assert it.server.requests == []


def test_after_an_answer_of_another_request_the_line_is_a_new_one(bench: Build) -> None:
    scripts = iter([other_message, answer(results()), answer(results())])
    it = bench(lambda request: next(scripts)(request))
    with pytest.raises(Unavailable):
        it.gateway.references(CONTEXT, PATIENT, "1.2.3")
    for _ in range(2):
        it.gateway.references(CONTEXT, PATIENT, "1.2.3")
    assert it.server.handshakes == 2
