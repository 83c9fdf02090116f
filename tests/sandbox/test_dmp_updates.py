"""TD3.3: visibility, mask, archive and deletion, each to whom the matrices allow it."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.runtime import Sandbox, SandboxSettings
from tests.sandbox.reading import (
    APPROVED,
    BREAK_GLASS,
    as_person,
    entry_of,
    find_documents,
    set_confidentiality,
    set_status,
)
from tests.sandbox.wire import ACTOR, INS, STRUCTURE, DmpClient, Draft, Element, Key, line_to, q

COLLEAGUE = "899700900022"
NURSE = "899700900030"
HIDDEN = xds.VISIBILITY_HIDDEN_PATIENT
GUARDIANS = xds.VISIBILITY_HIDDEN_GUARDIANS
MASKED = xds.VISIBILITY_MASKED
OTHER = ("275126322074974", ins_codes.INS_NIR_TEST_OID)


@pytest.fixture(autouse=True)
def authorised(box: Sandbox) -> None:
    for actor in (ACTOR, COLLEAGUE, NURSE):
        box.dmp.registry.set_authorisation(INS, actor, "valid", datetime.now(UTC))


def submitted(hospital: DmpClient, *restrictions: str) -> Element:
    """A document of the doctor, as the registry returns it."""
    draft = Draft(restrictions=restrictions)
    assert hospital.submit(draft).is_success
    return entry_of(hospital, draft.letter.unique_id)


def unique_id(entry: Element) -> str:
    return next(
        item.get("value", "")
        for item in entry
        if item.get("identificationScheme") == xds.IDENTIFIER_ENTRY_UNIQUE
    )


def confidentiality(entry: Element) -> set[str]:
    return {
        item.get("nodeRepresentation", "")
        for item in entry
        if item.get("classificationScheme") == xds.SCHEME_CONFIDENTIALITY_CODE
    }


# TD3.3b


def test_a_document_made_visible_has_new_metadata_and_the_same_identity(
    box: Sandbox, hospital: DmpClient
) -> None:
    before = submitted(hospital, HIDDEN)
    assert set_confidentiality(hospital, before).is_success
    after = entry_of(hospital, unique_id(before))
    assert confidentiality(after) == {"N"}
    assert after.get("id") != before.get("id")
    assert after.get("lid") == before.get("lid")
    version = after.find(q(xds.NS_RIM, "VersionInfo"))
    assert version is not None and version.get("versionName") == "2"
    slots = {xds.PARAM_ENTRY_UUID: f"('{before.get('id')}')"}
    (former,) = hospital.query(xds.QUERY_GET_DOCUMENTS, slots).entries
    assert former.get("status") == xds.STATUS_DEPRECATED
    assert len(find_documents(hospital).entries) == 1
    assert "TD3.3b" in {seen["operation"] for seen in box.dmp.journal()}


def test_another_professional_of_the_patient_makes_it_visible_too(hospital: DmpClient) -> None:
    entry = submitted(hospital, HIDDEN, GUARDIANS)
    answer = set_confidentiality(
        hospital, entry, GUARDIANS, change=as_person(NURSE, profession="60"), actor=NURSE
    )
    assert answer.is_success, (answer.errors, answer.fault)
    assert confidentiality(entry_of(hospital, unique_id(entry))) == {"N", GUARDIANS}


def test_a_version_that_is_no_more_in_force_is_a_conflict(hospital: DmpClient) -> None:
    read = submitted(hospital, HIDDEN, GUARDIANS)
    assert set_confidentiality(hospital, read, GUARDIANS).is_success
    answer = set_confidentiality(hospital, read)
    assert answer.errors[0][0] == xds.ERROR_METADATA_VERSION
    again = entry_of(hospital, unique_id(read))
    assert set_confidentiality(hospital, again).is_success


def test_the_new_set_leads_to_the_new_metadata(hospital: DmpClient) -> None:
    """What a client reads who looks for changes: lots since a time, their members, the same logical id."""
    read = submitted(hospital, HIDDEN)
    set_confidentiality(hospital, read)
    slots = {
        xds.PARAM_SET_PATIENT_ID: f"'{'^^^&'.join(INS)}&ISO^NH'",
        xds.PARAM_SET_STATUS: APPROVED,
        xds.PARAM_SET_TIME_FROM: "20200101000000",
    }
    sets = list(
        hospital.query(xds.QUERY_FIND_SUBMISSION_SETS, slots).envelope.iter(q(xds.NS_RIM, "RegistryPackage"))
    )
    answer = hospital.query(xds.QUERY_GET_ASSOCIATIONS, {xds.PARAM_UUID: f"('{sets[-1].get('id')}')"})
    (link,) = list(answer.envelope.iter(q(xds.NS_RIM, "Association")))
    target = link.get("targetObject", "")
    (entry,) = hospital.query(
        xds.QUERY_GET_DOCUMENTS_AND_ASSOCIATIONS, {xds.PARAM_ENTRY_UUID: f"('{target}')"}
    ).entries
    assert entry.get("lid") == read.get("lid")


@pytest.mark.parametrize("code", [HIDDEN, GUARDIANS])
def test_nobody_hides_what_was_visible(hospital: DmpClient, code: str) -> None:
    entry = submitted(hospital)
    assert set_confidentiality(hospital, entry, code).fault[0] == xds.DMP_ACCESS_DENIED


@pytest.mark.parametrize(
    ("mode", "change"),
    [(vihf.MODE_INDIRECT, None), (vihf.MODE_INDIRECT_REINFORCED, BREAK_GLASS)],
    ids=["indirect", "bris de glace"],
)
def test_visibility_changes_in_normal_mode_of_a_professional_only(
    hospital: DmpClient, mode: str, change: object
) -> None:
    entry = submitted(hospital, HIDDEN)
    options = {"change": change} if change else {}
    answer = set_confidentiality(hospital, entry, mode=mode, **options)  # type: ignore[arg-type]
    assert answer.fault[0] == xds.DMP_ACCESS_DENIED


def spoil_title(entry: Element) -> None:
    entry.find(f"{q(xds.NS_RIM, 'Name')}/{q(xds.NS_RIM, 'LocalizedString')}").set("value", "autre")  # type: ignore[union-attr]


def spoil_hash(entry: Element) -> None:
    for slot in entry.findall(q(xds.NS_RIM, "Slot")):
        if slot.get("name") == xds.SLOT_HASH:
            entry.remove(slot)


def spoil_type(entry: Element) -> None:
    for item in entry:
        if item.get("classificationScheme") == xds.SCHEME_TYPE_CODE:
            item.set("nodeRepresentation", "34112-3")


def spoil_id(entry: Element) -> None:
    for item in entry:
        if item.get("identificationScheme") == xds.IDENTIFIER_ENTRY_UNIQUE:
            item.set("value", "1.2.3")


@pytest.mark.parametrize("spoil", [spoil_title, spoil_hash, spoil_type, spoil_id])
def test_nothing_else_of_the_metadata_may_change(hospital: DmpClient, spoil: object) -> None:
    entry = submitted(hospital, HIDDEN)
    answer = set_confidentiality(hospital, entry, spoil=spoil)  # type: ignore[arg-type]
    assert answer.errors[0][0] == xds.ERROR_METADATA_UPDATE


def test_an_update_that_changes_nothing_is_refused(hospital: DmpClient) -> None:
    entry = submitted(hospital, HIDDEN)
    assert set_confidentiality(hospital, entry, HIDDEN).errors[0][0] == xds.ERROR_METADATA_UPDATE


def test_a_document_of_another_patient_is_not_changed(box: Sandbox, hospital: DmpClient) -> None:
    box.dmp.registry.set_authorisation(OTHER, ACTOR, "valid", datetime.now(UTC))
    entry = submitted(hospital, HIDDEN)
    answer = set_confidentiality(hospital, entry, ins=OTHER)
    assert answer.errors[0][0] == xds.ERROR_METADATA_UPDATE


# TD3.3a


def test_anyone_authorised_masks_and_the_author_alone_unmasks(hospital: DmpClient) -> None:
    entry = submitted(hospital)
    colleague = as_person(COLLEAGUE)
    answer = set_confidentiality(hospital, entry, MASKED, change=colleague, actor=COLLEAGUE)
    assert answer.is_success, (answer.errors, answer.fault)
    masked = entry_of(hospital, unique_id(entry))
    refused = set_confidentiality(hospital, masked, change=colleague, actor=COLLEAGUE)
    assert refused.fault[0] == xds.DMP_ACCESS_DENIED
    assert set_confidentiality(hospital, masked).is_success


def test_a_médecin_traitant_unmasks_the_document_of_another(box: Sandbox, hospital: DmpClient) -> None:
    person = box.dmp.registry.patient(INS)
    assert person is not None
    entry = submitted(hospital, MASKED)
    box.dmp.registry.put_patient(replace(person, treating=COLLEAGUE))
    answer = set_confidentiality(hospital, entry, change=as_person(COLLEAGUE), actor=COLLEAGUE)
    assert answer.is_success, (answer.errors, answer.fault)


# TD3.3c and d


def test_the_structure_deletes_its_document_in_indirect_mode(hospital: DmpClient) -> None:
    entry = submitted(hospital)
    identifier = unique_id(entry)
    uuid = hospital.find(identifier)[0]
    assert set_status(hospital, uuid, xds.STATUS_DELETED, mode=vihf.MODE_INDIRECT).is_success
    assert hospital.find(identifier) == []
    assert find_documents(hospital).entries == []
    assert entry_of(hospital, identifier).get("status") == xds.STATUS_DELETED
    both = f"('{xds.STATUS_APPROVED}','{xds.STATUS_DELETED}')"
    assert find_documents(hospital, **{xds.PARAM_STATUS: both}).entries == []


def test_a_professional_deletes_his_own_documents_only(hospital: DmpClient) -> None:
    entry = submitted(hospital)
    uuid = entry.get("id", "")
    colleague = as_person(COLLEAGUE)
    refused = set_status(hospital, uuid, xds.STATUS_DELETED, change=colleague, actor=COLLEAGUE)
    assert refused.fault[0] == xds.DMP_ACCESS_DENIED
    assert set_status(hospital, uuid, xds.STATUS_DELETED).is_success
    again = set_status(hospital, uuid, xds.STATUS_DELETED, original=xds.STATUS_DELETED)
    assert again.errors[0][0] == xds.ERROR_METADATA_UPDATE


def test_a_document_is_archived_and_taken_out_again(hospital: DmpClient) -> None:
    entry = submitted(hospital)
    uuid = entry.get("id", "")
    assert set_status(hospital, uuid, xds.STATUS_ARCHIVED).is_success
    assert find_documents(hospital).entries == []
    archived = f"('{xds.STATUS_ARCHIVED}')"
    assert len(find_documents(hospital, **{xds.PARAM_STATUS: archived}).entries) == 1
    back = set_status(hospital, uuid, xds.STATUS_APPROVED, original=xds.STATUS_ARCHIVED)
    assert back.is_success
    assert len(find_documents(hospital).entries) == 1


def test_a_nurse_does_not_archive_the_document_of_a_doctor(hospital: DmpClient) -> None:
    uuid = submitted(hospital).get("id", "")
    nurse = as_person(NURSE, profession="60")
    refused = set_status(hospital, uuid, xds.STATUS_ARCHIVED, change=nurse, actor=NURSE)
    assert refused.fault[0] == xds.DMP_ACCESS_DENIED


def test_the_status_must_be_the_one_in_force(hospital: DmpClient) -> None:
    uuid = submitted(hospital).get("id", "")
    answer = set_status(hospital, uuid, xds.STATUS_DELETED, original=xds.STATUS_ARCHIVED)
    assert answer.errors[0][0] == xds.ERROR_METADATA_UPDATE
    unknown = set_status(hospital, "urn:uuid:00000000-0000-0000-0000-000000000000", xds.STATUS_DELETED)
    assert unknown.errors[0][0] == xds.ERROR_METADATA_UPDATE


# Related documents, restart


def test_a_replacement_follows_the_metadata_of_what_it_replaced(hospital: DmpClient) -> None:
    first = Draft(restrictions=(HIDDEN,))
    hospital.submit(first)
    second = Draft(first.letter.next(), replaced_uuid=hospital.find(first.letter.unique_id)[0])
    assert hospital.submit(second).is_success
    slots = {
        xds.PARAM_UNIQUE_ID: f"('{second.letter.unique_id}')",
        xds.PARAM_ASSOCIATION_TYPES: f"('{xds.ASSOCIATION_REPLACE}')",
    }
    answer = hospital.query(xds.QUERY_GET_RELATED_DOCUMENTS, slots)
    assert {unique_id(entry) for entry in answer.entries} == {
        first.letter.unique_id,
        second.letter.unique_id,
    }
    (link,) = list(answer.envelope.iter(q(xds.NS_RIM, "Association")))
    assert link.get("associationType") == xds.ASSOCIATION_REPLACE
    missing = hospital.query(xds.QUERY_GET_RELATED_DOCUMENTS, {xds.PARAM_UNIQUE_ID: "('1.2.3')"})
    assert missing.errors[0][0] == xds.ERROR_QUERY_MISSING_PARAM


def test_changes_outlive_a_restart(prepared_state: Path, tmp_path: Path) -> None:
    settings = SandboxSettings(state=shutil.copytree(prepared_state, tmp_path / "own"))
    with Sandbox(settings) as box:
        certificates = box.addresses.certificates
        with line_to(box, (certificates.client_cert, certificates.client_key)) as line:
            hospital = DmpClient(box, line, Key.of(box.certificates.seal))
            box.dmp.registry.set_authorisation(INS, ACTOR, "valid", datetime.now(UTC))
            visible, deleted = submitted(hospital, HIDDEN), submitted(hospital)
            assert set_confidentiality(hospital, visible).is_success
            assert set_status(hospital, deleted.get("id", ""), xds.STATUS_DELETED).is_success
            before = {
                document.unique_id: (document.entry_uuid, document.version, document.status)
                for document in box.dmp.registry.documents(INS)
            }
    with Sandbox(settings) as box:
        after = {
            document.unique_id: (document.entry_uuid, document.version, document.status)
            for document in box.dmp.registry.documents(INS)
        }
        assert after == before
        assert box.dmp.registry.by_unique_id(unique_id(visible)).confidentiality == ("N",)  # type: ignore[union-attr]
        assert STRUCTURE in {document.structure for document in box.dmp.registry.documents(INS)}
