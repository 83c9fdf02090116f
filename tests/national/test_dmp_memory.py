"""The DMP in memory behaves as the registry does for ids, statuses and replacements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from interop.vihf.claims import AuthenticationMode
from interop.vihf.codes import AIR_SIMPLIFIED_DECLARATION
from interop.xds import codes
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from national.calls import CallRecord
from national.dmp.memory import DmpMemory
from national.dmp.ports import (
    Authorisation,
    DmpGateway,
    DmpState,
    DocumentAddress,
    Existence,
    Submission,
)
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from tests.interop.xds.samples import DOCUMENT, ENTRY, INS, LOT
from tests.national.dmp_bench import CONTEXT, PATIENT, SUBMISSION

READER = replace(CONTEXT, mode=AuthenticationMode.AIR, authentication_declaration=AIR_SIMPLIFIED_DECLARATION)


def replacing(uuid: str) -> Submission:
    entry = replace(ENTRY, unique_id="1.2.250.1.999.1.1.2")
    return Submission(LOT, (replace(DOCUMENT, entry=entry, replaces=uuid),))


def test_it_is_a_gateway_whose_calls_are_recorded() -> None:
    records: list[CallRecord] = []
    gateway: DmpGateway = DmpMemory(record=records.append)
    gateway.submit(CONTEXT, SUBMISSION)
    assert [(record.transaction, record.outcome) for record in records] == [("TD2.1", CallOutcome.SUCCESS)]


def test_a_document_submitted_is_found_and_a_second_one_of_its_id_refused() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    (uuid,) = dmp.references(CONTEXT, PATIENT, ENTRY.unique_id)
    assert dmp.search(CONTEXT, DocumentCriteria(INS)).entries[0].entry_id == uuid
    assert dmp.contents[ENTRY.unique_id] == DOCUMENT.content
    with pytest.raises(Rejected) as caught:
        dmp.submit(CONTEXT, SUBMISSION)
    assert caught.value.kind is RejectionKind.DUPLICATE


def test_a_replacement_deprecates_the_old_entry_once() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    (uuid,) = dmp.references(CONTEXT, PATIENT, ENTRY.unique_id)
    dmp.submit(CONTEXT, replacing(uuid))
    assert dmp.entries[uuid].status == codes.STATUS_DEPRECATED
    assert [entry.unique_id for entry in dmp.search(CONTEXT, DocumentCriteria(INS)).entries] == [
        "1.2.250.1.999.1.1.2"
    ]
    (link,) = dmp.documents(CONTEXT, PATIENT, [ENTRY.unique_id]).associations[1:]
    assert (link.kind, link.target) == (codes.ASSOCIATION_REPLACE, uuid)
    third = replacing(uuid)
    entry = replace(third.documents[0].entry, unique_id="1.2.250.1.999.1.1.3")
    with pytest.raises(Rejected) as caught:
        dmp.submit(CONTEXT, Submission(LOT, (replace(third.documents[0], entry=entry),)))
    assert caught.value.code == codes.ERROR_DEPRECATED_DOCUMENT


def test_a_deleted_document_is_found_no_more() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    (uuid,) = dmp.references(CONTEXT, PATIENT, ENTRY.unique_id)
    deletion = {"entry_uuid": uuid, "original_status": codes.STATUS_APPROVED}
    dmp.set_status(CONTEXT, LOT, new_status=codes.STATUS_DELETED, **deletion)
    assert dmp.references(CONTEXT, PATIENT, ENTRY.unique_id) == ()
    with pytest.raises(Rejected):
        dmp.set_status(CONTEXT, LOT, new_status=codes.STATUS_DELETED, **deletion)
    with pytest.raises(Rejected):
        dmp.submit(CONTEXT, replacing(uuid))


def test_a_failure_before_the_effect_leaves_nothing_and_one_after_leaves_all() -> None:
    dmp = DmpMemory()
    dmp.failures.append(Unavailable("m", code="c"))
    with pytest.raises(Unavailable):
        dmp.submit(CONTEXT, SUBMISSION)
    assert dmp.entries == {}
    dmp.failures_after.append(Uncertain("m", code="c"))
    with pytest.raises(Uncertain):
        dmp.submit(CONTEXT, SUBMISSION)
    assert len(dmp.references(CONTEXT, PATIENT, ENTRY.unique_id)) == 1
    assert dmp.calls == ["TD2.1", "TD2.1", "TD3.1b"]


def test_lots_and_their_members_are_found() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    (lot,) = dmp.submission_sets(CONTEXT, SetCriteria(INS))
    (member,) = dmp.associations(CONTEXT, PATIENT, [lot.entry_id])
    assert dmp.references(CONTEXT, PATIENT, ENTRY.unique_id) == (member.target,)


def test_the_state_of_a_dmp_and_the_authorisation_on_it_are_told() -> None:
    dmp = DmpMemory()
    assert dmp.existence(READER, PATIENT) == Existence(DmpState.OPEN, Authorisation.NONE)
    dmp.existences[PATIENT.matricule] = Existence(DmpState.CLOSED, Authorisation.NONE, closed_on="20250102")
    dmp.authorise(READER, PATIENT)
    found = dmp.existence(READER, PATIENT)
    assert (found.state, found.closed_on, found.authorisation) == ("closed", "20250102", "valid")


def test_nobody_is_authorised_against_the_patient_nor_in_indirect_mode() -> None:
    dmp = DmpMemory()
    dmp.authorisations[PATIENT.matricule, READER.name_id] = Authorisation.BLOCKED
    for context in (READER, CONTEXT):
        with pytest.raises(Rejected) as caught:
            dmp.authorise(context, PATIENT)
        assert caught.value.kind is RejectionKind.RIGHTS


def test_a_professional_reads_with_an_authorisation_in_force_only() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    address = DocumentAddress("1.2.3", ENTRY.unique_id)
    with pytest.raises(Rejected):
        dmp.search(READER, DocumentCriteria(INS))
    with pytest.raises(Rejected):
        dmp.retrieve(READER, PATIENT, [address])
    dmp.authorise(READER, PATIENT)
    assert len(dmp.search(READER, DocumentCriteria(INS)).entries) == 1
    absent = DocumentAddress("1.2.3", "1.2.9")
    answer = dmp.retrieve(READER, PATIENT, [address, absent])
    assert [document.content for document in answer.documents] == [DOCUMENT.content]
    assert [(error.code, error.context) for error in answer.errors] == [
        (codes.ERROR_DOCUMENT_UNIQUE_ID, "uniqueId=1.2.9")
    ]
    with pytest.raises(Rejected):
        dmp.retrieve(READER, PATIENT, [absent])


def test_a_visibility_is_changed_on_the_version_that_was_read() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    dmp.authorise(READER, PATIENT)
    (entry,) = dmp.search(READER, DocumentCriteria(INS)).entries
    visible = tuple(code for code in entry.confidentiality_codes if code.code == "N")
    dmp.set_visibility(READER, LOT, entry=entry, confidentiality=visible)
    (after,) = dmp.documents(READER, PATIENT, [entry.unique_id]).entries
    assert (after.confidentiality_codes, after.version) == (visible, 2)
    assert (after.logical_id, after.entry_id == entry.entry_id) == (entry.logical_id, False)
    assert dmp.documents(READER, PATIENT, entry_uuids=[after.entry_id]).entries == (after,)
    with pytest.raises(Rejected) as caught:
        dmp.set_visibility(READER, LOT, entry=entry, confidentiality=visible)
    assert caught.value.code == codes.ERROR_METADATA_VERSION


def test_a_search_keeps_to_its_criteria() -> None:
    dmp = DmpMemory()
    dmp.submit(CONTEXT, SUBMISSION)
    day = datetime(2026, 11, 20, tzinfo=UTC)
    fits = [
        DocumentCriteria(INS, service_start_from=day),
        DocumentCriteria(INS, type_codes=(ENTRY.type_code,), class_codes=(ENTRY.class_code,)),
        DocumentCriteria(INS, confidentiality_codes=ENTRY.confidentiality_codes[1:]),
    ]
    others = [
        DocumentCriteria(INS, service_start_to=day),
        DocumentCriteria(INS, creation_from=day + timedelta(days=30)),
        DocumentCriteria(INS, class_codes=(ENTRY.type_code,)),
        DocumentCriteria(INS, statuses=(codes.STATUS_ARCHIVED,)),
    ]
    assert [dmp.search(CONTEXT, criteria).total for criteria in fits] == [1, 1, 1]
    assert [dmp.search(CONTEXT, criteria).total for criteria in others] == [0, 0, 0, 0]
