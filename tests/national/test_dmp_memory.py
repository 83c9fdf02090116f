"""The DMP in memory behaves as the registry does for ids, statuses and replacements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interop.xds import codes
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from national.calls import CallRecord
from national.dmp.memory import DmpMemory
from national.dmp.ports import DmpGateway, Submission
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from tests.interop.xds.samples import DOCUMENT, ENTRY, INS, LOT
from tests.national.test_dmp_adapter import CONTEXT, PATIENT, SUBMISSION


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
