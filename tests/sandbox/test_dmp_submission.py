"""TD2.1 as the registry sees it: what it accepts, and every refusal with its code."""

import threading
from dataclasses import replace

import pytest
from lxml import etree

from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.runtime import Sandbox, SandboxSettings
from tests.sandbox.wire import (
    INS,
    ROOT,
    Change,
    DmpClient,
    Draft,
    Element,
    Key,
    Letter,
    attribute,
    line_to,
    q,
    slot,
)

CLOSED = ("160012B02077713", ins_codes.INS_NIR_TEST_OID)
NO_DMP = ("180032B02040123", ins_codes.INS_NIR_TEST_OID)
UNKNOWN = ("188102B17295264", ins_codes.INS_NIR_TEST_OID)
RIM = xds.NS_RIM


def documents(box: Sandbox) -> list[str]:
    return [document.unique_id for document in box.dmp.registry.documents(INS) if not document.is_signature]


def find(listing: Element, tag: str, identifier: str = "Document01") -> Element:
    return next(item for item in listing.iter(q(RIM, tag)) if item.get("id") == identifier)


# Accepted


def test_a_letter_is_registered_and_kept_as_it_was_sent(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft()
    answer = hospital.submit(draft)
    assert answer.is_success
    assert answer.http.headers["content-type"].startswith("multipart/related")
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    assert (document.status, document.version) == (xds.STATUS_APPROVED, 1)
    assert (document.set_id, document.set_version) == (draft.letter.set_id, 1)
    assert box.dmp.registry.content(document) == draft.letter.build()


def test_visibility_flags_are_kept(box: Sandbox, hospital: DmpClient) -> None:
    flags = (xds.VISIBILITY_HIDDEN_PATIENT, xds.VISIBILITY_HIDDEN_GUARDIANS)
    draft = Draft(restrictions=flags)
    assert hospital.submit(draft).is_success
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    assert document.confidentiality == ("N", *flags)


def test_a_set_without_signature_passes_where_it_is_optional(settings: SandboxSettings) -> None:
    with Sandbox(replace(settings, lot_signature_required=False)) as box:
        certificates = box.addresses.certificates
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            hospital = DmpClient(box, line, Key.of(box.certificates.seal))
            assert hospital.submit(Draft(signed=False)).is_success


def test_a_signature_of_a_set_may_be_of_the_older_algorithm(hospital: DmpClient) -> None:
    assert hospital.submit(Draft(sha="sha1")).is_success


# Patient


@pytest.mark.parametrize(
    ("ins", "code"),
    [
        (UNKNOWN, xds.ERROR_UNKNOWN_PATIENT),
        (NO_DMP, xds.ERROR_UNKNOWN_PATIENT),
        (CLOSED, xds.DMP_CLOSED),
        ((INS[0], ins_codes.INS_NIR_DEMO_OID), xds.ERROR_UNKNOWN_PATIENT),
    ],
)
def test_a_patient_without_open_dmp_is_refused(hospital: DmpClient, ins: tuple[str, str], code: str) -> None:
    answer = hospital.submit(Draft(Letter(ins=ins)))
    assert answer.status == xds.RESPONSE_FAILURE
    assert [error for error, _ in answer.errors] == [code]


def test_the_patient_of_the_token_is_the_patient_of_the_documents(box: Sandbox, hospital: DmpClient) -> None:
    other = ("275126322074974", ins_codes.INS_NIR_TEST_OID)
    answer = hospital.submit(Draft(), ins=other)
    assert answer.errors[0][0] == xds.ERROR_PATIENT_MISMATCH
    assert documents(box) == []


def test_the_patient_of_the_cda_is_the_patient_of_the_metadata(hospital: DmpClient) -> None:
    def another_patient(root: Element) -> None:
        found = root.find(f".//{q(vihf.NS_HL7_V3, 'patientRole')}/{q(vihf.NS_HL7_V3, 'id')}")
        assert found is not None
        found.set("extension", "275126322074974")

    answer = hospital.submit(Draft(Letter(change=another_patient)))
    assert "INS of recordTarget" in answer.errors[0][1]


# Metadata


def without_slot(name: str, identifier: str = "Document01") -> Change:
    def change(listing: Element) -> None:
        item = next(item for item in listing if item.get("id") == identifier)
        for found in item.findall(q(RIM, "Slot")):
            if found.get("name") == name:
                item.remove(found)

    return change


def with_slot(name: str, value: str) -> Change:
    def change(listing: Element) -> None:
        for found in find(listing, "ExtrinsicObject").findall(q(RIM, "Slot")):
            if found.get("name") == name:
                found[0][0].text = value

    return change


def without_classification(scheme: str, identifier: str = "Document01") -> Change:
    def change(listing: Element) -> None:
        item = next(item for item in listing if item.get("id") == identifier)
        for found in item.findall(q(RIM, "Classification")):
            if found.get("classificationScheme") == scheme:
                item.remove(found)

    return change


def with_code(scheme: str, code: str, system: str) -> Change:
    def change(listing: Element) -> None:
        for found in find(listing, "ExtrinsicObject").findall(q(RIM, "Classification")):
            if found.get("classificationScheme") == scheme:
                found.set("nodeRepresentation", code)
                found[0][0][0].text = system

    return change


def with_identifier(scheme: str, value: str, identifier: str = "Document01") -> Change:
    def change(listing: Element) -> None:
        item = next(item for item in listing if item.get("id") == identifier)
        for found in item.findall(q(RIM, "ExternalIdentifier")):
            if found.get("identificationScheme") == scheme:
                found.set("value", value)

    return change


def with_attribute(name: str, value: str) -> Change:
    return lambda listing: find(listing, "ExtrinsicObject").set(name, value)


MISSING = [
    (without_slot(xds.SLOT_CREATION_TIME), "creationTime"),
    (without_slot(xds.SLOT_LANGUAGE_CODE), "languageCode"),
    (without_slot(xds.SLOT_LEGAL_AUTHENTICATOR), "legalAuthenticator"),
    (without_slot(xds.SLOT_SERVICE_START), "serviceStartTime"),
    (without_slot(xds.SLOT_SOURCE_PATIENT_ID), "sourcePatientId"),
    (without_slot(xds.SLOT_HASH), "hash"),
    (without_slot(xds.SLOT_SIZE), "size"),
    (without_classification(xds.SCHEME_AUTHOR), "author"),
    (without_classification(xds.SCHEME_CLASS_CODE), "classCode"),
    (without_classification(xds.SCHEME_TYPE_CODE), "typeCode"),
    (without_classification(xds.SCHEME_FORMAT_CODE), "formatCode"),
    (without_classification(xds.SCHEME_CONFIDENTIALITY_CODE), "confidentialityCode"),
    (without_classification(xds.SCHEME_FACILITY_TYPE_CODE), "healthcareFacilityTypeCode"),
    (without_classification(xds.SCHEME_PRACTICE_SETTING_CODE), "practiceSettingCode"),
    (without_slot(xds.SLOT_SUBMISSION_TIME, "SubmissionSet01"), "XDSSubmissionSet.submissionTime"),
    (
        without_classification(xds.SCHEME_SET_CONTENT_TYPE, "SubmissionSet01"),
        "XDSSubmissionSet.contentTypeCode",
    ),
    (without_classification(xds.SCHEME_SET_AUTHOR, "SubmissionSet01"), "XDSSubmissionSet.author"),
]


@pytest.mark.parametrize(("change", "named"), MISSING, ids=[name for _, name in MISSING])
def test_a_missing_metadata_is_named(box: Sandbox, hospital: DmpClient, change: Change, named: str) -> None:
    answer = hospital.submit(Draft(change_objects=change))
    assert answer.status == xds.RESPONSE_FAILURE
    assert {code for code, _ in answer.errors} == {xds.ERROR_REGISTRY_METADATA}
    assert any(named in context for _, context in answer.errors)
    assert documents(box) == []


WRONG = [
    (with_slot(xds.SLOT_CREATION_TIME, "2026-03-10"), "creationTime"),
    (with_slot(xds.SLOT_CREATION_TIME, "20260310143000"), "creationTime is not that of the document"),
    (with_slot(xds.SLOT_LANGUAGE_CODE, "french"), "languageCode"),
    (with_slot(xds.SLOT_LEGAL_AUTHENTICATOR, "HODA Alice"), "legalAuthenticator"),
    (with_slot(xds.SLOT_SERVICE_STOP, "20250101000000"), "serviceStopTime"),
    (with_slot(xds.SLOT_SOURCE_PATIENT_ID, "000003"), "sourcePatientId"),
    (with_slot(xds.SLOT_SOURCE_PATIENT_INFO, "PID-7|28/03/1979"), "sourcePatientInfo"),
    (with_code(xds.SCHEME_TYPE_CODE, "99999-9", xds.OID_LOINC), "typeCode 99999-9"),
    (with_code(xds.SCHEME_TYPE_CODE, "11488-4", xds.OID_LOINC), "typeCode is not that of the document"),
    (with_code(xds.SCHEME_CLASS_CODE, "77", xds.OID_CLASS_CODE), "classCode 77"),
    (with_code(xds.SCHEME_CLASS_CODE, "10", xds.OID_LOINC), "classCode 10"),
    (with_code(xds.SCHEME_FORMAT_CODE, xds.FORMAT_TEXT, xds.OID_FORMAT_IHE), "formatCode"),
    (with_code(xds.SCHEME_FACILITY_TYPE_CODE, "SA99", xds.OID_FACILITY_TYPE), "healthcareFacilityTypeCode"),
    (with_code(xds.SCHEME_PRACTICE_SETTING_CODE, "HAD", xds.OID_PRACTICE_SETTING), "practiceSettingCode"),
    (with_identifier(xds.IDENTIFIER_ENTRY_UNIQUE, f"{ROOT}.1.5^ext"), "uniqueId"),
    (with_identifier(xds.IDENTIFIER_ENTRY_UNIQUE, f"{ROOT}.1.0777"), "uniqueId"),
    (
        with_identifier(xds.IDENTIFIER_SET_SOURCE, "dpi", "SubmissionSet01"),
        "XDSSubmissionSet.sourceId",
    ),
    (with_attribute("lid", "urn:uuid:1"), "lid belongs to the registry"),
    (with_attribute("mimeType", "application/pdf"), "mimeType"),
]


@pytest.mark.parametrize(("change", "named"), WRONG, ids=[name for _, name in WRONG])
def test_a_wrong_metadata_is_named(box: Sandbox, hospital: DmpClient, change: Change, named: str) -> None:
    answer = hospital.submit(Draft(change_objects=change))
    assert {code for code, _ in answer.errors} == {xds.ERROR_REGISTRY_METADATA}
    assert any(named in context for _, context in answer.errors), answer.errors
    assert documents(box) == []


def test_every_problem_of_the_metadata_is_reported_at_once(hospital: DmpClient) -> None:
    def change(listing: Element) -> None:
        without_slot(xds.SLOT_LANGUAGE_CODE)(listing)
        without_classification(xds.SCHEME_CLASS_CODE)(listing)

    contexts = " ".join(context for _, context in hospital.submit(Draft(change_objects=change)).errors)
    assert "languageCode" in contexts and "classCode" in contexts


@pytest.mark.parametrize(
    "restrictions",
    [
        (xds.VISIBILITY_HIDDEN_PATIENT, xds.VISIBILITY_MASKED),
        (xds.VISIBILITY_MASKED, xds.VISIBILITY_MASKED),
    ],
)
def test_some_combinations_of_flags_are_refused(hospital: DmpClient, restrictions: tuple[str, ...]) -> None:
    answer = hospital.submit(Draft(restrictions=restrictions))
    assert "confidentialityCode" in answer.errors[0][1]


def test_a_vaccination_note_cannot_be_hidden(hospital: DmpClient) -> None:
    letter = Letter(type_code=("87273-9", xds.OID_LOINC, "Note de vaccination"))
    answer = hospital.submit(Draft(letter, restrictions=(xds.VISIBILITY_HIDDEN_PATIENT,)))
    assert "note de vaccination" in answer.errors[0][1]
    assert hospital.submit(Draft(letter)).is_success


def secret(assertion: Element) -> None:
    statement = assertion.find(q(vihf.NS_SAML, "AttributeStatement"))
    assert statement is not None
    attribute(statement, vihf.ATTR_CONFIDENTIALITY, vihf.SECRET_CONNECTION_CODE)


def test_a_secret_connection_hides_from_the_guardians(hospital: DmpClient) -> None:
    answer = hospital.submit(Draft(change_assertion=secret))
    assert "secret connection" in answer.errors[0][1]
    hidden = Draft(restrictions=(xds.VISIBILITY_HIDDEN_GUARDIANS,), change_assertion=secret)
    assert hospital.submit(hidden).is_success


def test_the_sender_of_the_set_is_the_bearer_of_the_token(hospital: DmpClient) -> None:
    def another(assertion: Element) -> None:
        name = assertion.find(f"{q(vihf.NS_SAML, 'Subject')}/{q(vihf.NS_SAML, 'NameID')}")
        assert name is not None
        name.text = "899700900022"

    answer = hospital.submit(Draft(change_assertion=another))
    assert "NameID of the VIHF" in answer.errors[0][1]


def test_elements_out_of_the_order_of_the_schema_are_refused(hospital: DmpClient) -> None:
    def change(listing: Element) -> None:
        slot(find(listing, "ExtrinsicObject"), xds.SLOT_URI, "DOC0001.XML")

    answer = hospital.submit(Draft(change_objects=change))
    assert "order of the schema" in answer.errors[0][1]


# Content


def test_a_hash_or_a_size_that_does_not_fit_is_refused(hospital: DmpClient) -> None:
    answer = hospital.submit(Draft(change_objects=with_slot(xds.SLOT_HASH, "0" * 40)))
    assert answer.errors[0][0] == xds.ERROR_REPOSITORY_METADATA
    answer = hospital.submit(Draft(change_objects=with_slot(xds.SLOT_SIZE, "12")))
    assert answer.errors[0][0] == xds.ERROR_REPOSITORY_METADATA


def test_documents_and_metadata_come_in_pairs(hospital: DmpClient) -> None:
    answer = hospital.submit(
        Draft(change_objects=lambda listing: listing.remove(find(listing, "ExtrinsicObject")))
    )
    assert answer.errors[0][0] == xds.ERROR_MISSING_METADATA

    def one_more(listing: Element) -> None:
        copy = etree.fromstring(  # noqa: S320 - our own element
            etree.tostring(find(listing, "ExtrinsicObject")).replace(b"Document01", b"Document02")
        )
        listing.append(copy)

    answer = hospital.submit(Draft(change_objects=one_more))
    assert answer.errors[0][0] == xds.ERROR_MISSING_DOCUMENT


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: root.remove(root.find(q(vihf.NS_HL7_V3, "setId"))), "setId"),
        (lambda root: root.find(q(vihf.NS_HL7_V3, "versionNumber")).set("value", "0"), "versionNumber"),
        (lambda root: root.remove(root.find(q(vihf.NS_HL7_V3, "component"))), "no body"),
        (lambda root: setattr(root, "tag", "letter"), "ClinicalDocument"),
    ],
    ids=["setId", "versionNumber", "body", "root"],
)
def test_a_document_that_is_no_proper_cda_is_refused(hospital: DmpClient, change: Change, named: str) -> None:
    answer = hospital.submit(Draft(Letter(change=change)))
    assert answer.errors[0][0] == xds.ERROR_REGISTRY_METADATA
    assert named in answer.errors[0][1]


# Signature of the set


def test_a_set_without_signature_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    answer = hospital.submit(Draft(signed=False))
    assert answer.errors[0][0] == xds.ERROR_REPOSITORY
    assert "signature object" in answer.errors[0][1]
    assert documents(box) == []


def in_manifest(path: str, change: Change) -> Change:
    def apply(root: Element) -> None:
        found = root.find(path, {"ds": vihf.NS_DS, "x": xds.NS_XADES})
        assert found is not None
        change(found)

    return apply


BROKEN_SIGNATURES = [
    (
        in_manifest(".//ds:Manifest/ds:Reference[2]/ds:DigestValue", lambda e: setattr(e, "text", "AAAA")),
        "digest",
    ),
    (
        in_manifest(".//ds:Manifest/ds:Reference[2]", lambda e: e.set("URI", "urn:oid:1.2.3")),
        "lists the documents",
    ),
    (
        in_manifest(".//ds:Manifest/ds:Reference[1]", lambda e: e.set("URI", "urn:oid:1.2.3")),
        "begins with the submission set",
    ),
    (
        in_manifest(".//x:CertDigest/x:DigestValue", lambda e: setattr(e, "text", "AAAA")),
        "SigningCertificate",
    ),
    (in_manifest(".//ds:SignatureProperty", lambda e: setattr(e, "text", "1.2.3")), "purposeOfSignature"),
    (in_manifest(".//x:SigningTime", lambda e: setattr(e, "text", "")), "SigningTime"),
    (lambda root: root.set("Id", "another"), "ds:Signature of its identifier"),
]


@pytest.mark.parametrize(("change", "named"), BROKEN_SIGNATURES, ids=[name for _, name in BROKEN_SIGNATURES])
def test_a_signature_that_does_not_seal_this_very_set_is_refused(
    hospital: DmpClient, change: Change, named: str
) -> None:
    answer = hospital.submit(Draft(change_signature=change))
    assert answer.errors[0][0] == xds.ERROR_REPOSITORY
    assert named in answer.errors[0][1]


def test_a_tampered_document_no_longer_fits_its_signature(box: Sandbox, hospital: DmpClient) -> None:
    content_type, body = hospital.submission(Draft())
    changed = body.replace(b"representation", b"representatioN")
    answer = hospital.line.post(
        box.addresses.dmp.repository_url, content=changed, headers={"Content-Type": content_type}
    )
    assert b"Failure" in answer.content
    assert documents(box) == []


# Duplicates


def test_the_same_document_twice_is_a_duplicate(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft()
    assert hospital.submit(draft).is_success
    answer = hospital.submit(draft)
    assert answer.errors == [(xds.ERROR_DUPLICATE_UNIQUE_ID, draft.letter.unique_id)]
    assert documents(box) == [draft.letter.unique_id]


def test_the_same_identifier_with_another_content_is_told_apart(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft()
    assert hospital.submit(draft).is_success
    changed = Draft(replace(draft.letter, content=b"%PDF-1.4 other"))
    answer = hospital.submit(changed)
    assert answer.errors == [(xds.ERROR_NON_IDENTICAL_HASH, draft.letter.unique_id)]


def test_a_submission_set_is_used_once(hospital: DmpClient) -> None:
    draft = Draft()
    assert hospital.submit(draft).is_success
    answer = hospital.submit(Draft(lot_id=draft.lot_id))
    assert answer.errors == [(xds.ERROR_DUPLICATE_UNIQUE_ID, draft.lot_id)]


def test_one_identifier_twice_in_a_message_is_refused(hospital: DmpClient) -> None:
    draft = Draft()
    answer = hospital.submit(replace(draft, signature_id=draft.letter.unique_id))
    assert answer.errors[0][0] == xds.ERROR_DUPLICATE_IN_MESSAGE


def test_two_senders_of_one_document_at_the_same_instant_make_one(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft()
    messages = [hospital.submission(draft) for _ in range(6)]
    statuses: list[bool] = []
    ready = threading.Barrier(len(messages))
    certificates = box.addresses.certificates

    def send(content_type: str, body: bytes) -> None:
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            ready.wait()
            answer = line.post(
                box.addresses.dmp.repository_url, content=body, headers={"Content-Type": content_type}
            )
            statuses.append(b"ResponseStatusType:Success" in answer.content)

    threads = [threading.Thread(target=send, args=message) for message in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [False] * 5 + [True]
    assert documents(box) == [draft.letter.unique_id]


# Replacement


def test_a_new_version_replaces_the_one_in_force(box: Sandbox, hospital: DmpClient) -> None:
    first = Draft()
    assert hospital.submit(first).is_success
    uuid = hospital.find(first.letter.unique_id)[0]
    second = Draft(first.letter.next(), replaced_uuid=uuid)
    assert hospital.submit(second).is_success
    old = box.dmp.registry.by_unique_id(first.letter.unique_id)
    new = box.dmp.registry.by_unique_id(second.letter.unique_id)
    assert old is not None and new is not None
    assert (old.status, new.status) == (xds.STATUS_DEPRECATED, xds.STATUS_APPROVED)
    assert (new.set_id, new.set_version) == (old.set_id, 2)


def test_a_version_already_replaced_cannot_be_replaced_again(hospital: DmpClient) -> None:
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    assert hospital.submit(Draft(first.letter.next(), replaced_uuid=uuid)).is_success
    answer = hospital.submit(Draft(first.letter.next(), replaced_uuid=uuid))
    assert answer.errors == [(xds.ERROR_DEPRECATED_DOCUMENT, first.letter.unique_id)]


def test_a_replacement_needs_its_association(hospital: DmpClient) -> None:
    first = Draft()
    hospital.submit(first)
    answer = hospital.submit(Draft(first.letter.next()))
    assert "without RPLC association" in answer.errors[0][1]


def test_a_version_whose_parent_never_came_is_a_new_document(hospital: DmpClient) -> None:
    never_sent = Letter()
    assert hospital.submit(Draft(never_sent.next())).is_success


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"set_id": f"{ROOT}.2.1"}, "setId is not that"),
        ({"version": 1}, "versionNumber does not follow"),
        ({"replaces": f"{ROOT}.1.1"}, "relatedDocument is not the target"),
        ({"replaces": ""}, "relatedDocument is not the target"),
    ],
)
def test_versions_of_a_document_must_be_coherent(
    hospital: DmpClient, changes: dict[str, object], named: str
) -> None:
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    answer = hospital.submit(Draft(first.letter.next(**changes), replaced_uuid=uuid))
    assert named in answer.errors[0][1]


def test_a_second_first_version_of_one_document_is_refused(hospital: DmpClient) -> None:
    first = Draft()
    hospital.submit(first)
    answer = hospital.submit(Draft(Letter(set_id=first.letter.set_id)))
    assert "setId has a version in force" in answer.errors[0][1]


def test_the_target_of_a_replacement_must_exist_for_this_patient(hospital: DmpClient) -> None:
    nowhere = Draft(replaced_uuid="urn:uuid:00000000-0000-4000-8000-000000000000")
    assert "not registered" in hospital.submit(nowhere).errors[0][1]
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    other = first.letter.next(ins=("275126322074974", ins_codes.INS_NIR_TEST_OID))
    answer = hospital.submit(Draft(other, replaced_uuid=uuid))
    assert answer.errors[0][0] == xds.ERROR_PATIENT_MISMATCH


# Associations


def test_each_document_is_a_member_of_the_set(hospital: DmpClient) -> None:
    def drop(listing: Element) -> None:
        for found in listing.findall(q(RIM, "Association")):
            if found.get("targetObject") == "Document01":
                listing.remove(found)

    assert "member of the set" in hospital.submit(Draft(change_objects=drop)).errors[0][1]


def test_an_association_of_an_unknown_kind_is_refused(hospital: DmpClient) -> None:
    def change(listing: Element) -> None:
        for found in listing.findall(q(RIM, "Association")):
            if found.get("associationType") == xds.ASSOCIATION_SIGNS:
                found.set("associationType", "urn:ihe:iti:2010:AssociationType:RPLC")

    assert "is not expected here" in hospital.submit(Draft(change_objects=change)).errors[0][1]


# Restart


def test_the_registry_outlives_a_restart(settings: SandboxSettings) -> None:
    def hospital_of(box: Sandbox, line: object) -> DmpClient:
        return DmpClient(box, line, Key.of(box.certificates.seal))  # type: ignore[arg-type]  # an httpx client

    first, second = Draft(), Draft()
    with Sandbox(settings) as box:
        certificates = box.addresses.certificates
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            hospital = hospital_of(box, line)
            assert hospital.submit(first).is_success
            uuid = hospital.find(first.letter.unique_id)
            assert hospital.submit(Draft(first.letter.next(), replaced_uuid=uuid[0])).is_success
            before = box.dmp.registry.documents(INS)
    with Sandbox(settings) as box, line_to(box, (certificates.client_cert, certificates.client_key)) as line:
        hospital = hospital_of(box, line)
        after = box.dmp.registry.documents(INS)
        assert [(item.entry_uuid, item.status) for item in after] == [
            (item.entry_uuid, item.status) for item in before
        ]
        assert hospital.find(first.letter.unique_id) == uuid
        assert hospital.submit(first).errors[0][0] == xds.ERROR_DUPLICATE_UNIQUE_ID
        assert hospital.submit(second).is_success


def test_half_a_line_at_the_end_of_the_journal_is_dropped(settings: SandboxSettings) -> None:
    with Sandbox(settings) as box:
        certificates = box.addresses.certificates
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            assert DmpClient(box, line, Key.of(box.certificates.seal)).submit().is_success
        kept = documents(box)
    journal = settings.state / "dmp" / "dmp.jsonl"
    with journal.open("ab") as stream:
        stream.write(b'{"event":"submission","at":"2026')
    with Sandbox(settings) as box:
        assert documents(box) == kept
        certificates = box.addresses.certificates
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            assert DmpClient(box, line, Key.of(box.certificates.seal)).submit().is_success
    with Sandbox(settings) as box:
        assert len(documents(box)) == 2
