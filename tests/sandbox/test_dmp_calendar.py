"""A document that the patient does not see: told after a month, shown after three, on the simulated clock."""

from datetime import UTC, datetime, timedelta

import httpx

from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.dmp.calendar import advance
from sandbox.runtime import Sandbox
from tests.sandbox.reading import entry_of, set_status
from tests.sandbox.wire import ACTOR, INS, DmpClient, Draft, Element, q

HIDDEN, GUARDIANS = xds.VISIBILITY_HIDDEN_PATIENT, xds.VISIBILITY_HIDDEN_GUARDIANS
DAY = 24 * 3600


def wait(box: Sandbox, browser: httpx.Client, days: int) -> None:
    """Let days go by here: the calendar is done when the answer comes."""
    answer = browser.post(f"{box.addresses.admin_url}dmp/clock", json={"offset_seconds": days * DAY})
    assert answer.status_code == 200


def restrictions(entry: Element) -> set[str]:
    found = {
        item.get("nodeRepresentation", "")
        for item in entry
        if item.get("classificationScheme") == xds.SCHEME_CONFIDENTIALITY_CODE
    }
    return found - {"N"}


def test_after_three_months_the_metadata_have_another_version(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    draft = Draft(restrictions=(HIDDEN, GUARDIANS))
    hospital.submit(draft)
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    wait(box, browser, 32)
    assert box.dmp.registry.by_unique_id(draft.letter.unique_id) == document
    assert box.dmp.registry.is_told(document)
    wait(box, browser, 93)
    changed = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert changed is not None
    assert changed.confidentiality == ("N", GUARDIANS)
    assert (changed.logical_id, changed.version) == (document.logical_id, 2)
    assert changed.entry_uuid != document.entry_uuid
    wait(box, browser, 200)
    assert box.dmp.registry.by_unique_id(draft.letter.unique_id) == changed


def test_a_client_sees_the_change_as_one_of_metadata(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft(restrictions=(HIDDEN,))
    hospital.submit(draft)
    box.dmp.registry.set_authorisation(INS, ACTOR, "valid", datetime.now(UTC))
    before = entry_of(hospital, draft.letter.unique_id)
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    advance(box.dmp.registry, datetime.now(UTC) + timedelta(days=93))
    after = entry_of(hospital, draft.letter.unique_id)
    assert (restrictions(before), restrictions(after)) == ({HIDDEN}, set())
    assert after.get("lid") == before.get("lid")
    assert after.get("id") != before.get("id")
    assert values(after, xds.SLOT_HASH) == values(before, xds.SLOT_HASH)


def values(entry: Element, name: str) -> list[str]:
    return [
        value.text or ""
        for slot in entry.findall(q(xds.NS_RIM, "Slot"))
        if slot.get("name") == name
        for value in slot.iter(q(xds.NS_RIM, "Value"))
    ]


def test_a_replacement_does_not_start_the_delay_anew(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    first = Draft(restrictions=(HIDDEN,))
    hospital.submit(first)
    wait(box, browser, 0)
    second = Draft(
        first.letter.next(),
        replaced_uuid=hospital.find(first.letter.unique_id)[0],
        restrictions=(HIDDEN,),
    )
    assert hospital.submit(second).is_success
    documents = [box.dmp.registry.by_unique_id(draft.letter.unique_id) for draft in (first, second)]
    assert documents[0] is not None and documents[1] is not None
    assert documents[1].deposited_at == documents[0].submitted_at != documents[1].submitted_at
    wait(box, browser, 93)
    for draft in (first, second):
        changed = box.dmp.registry.by_unique_id(draft.letter.unique_id)
        assert changed is not None and changed.confidentiality == ("N",)


def test_a_deleted_document_is_left_alone(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    draft = Draft(restrictions=(HIDDEN,))
    hospital.submit(draft)
    uuid = hospital.find(draft.letter.unique_id)[0]
    assert set_status(hospital, uuid, xds.STATUS_DELETED, mode=vihf.MODE_INDIRECT).is_success
    wait(box, browser, 93)
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    assert (document.status, document.confidentiality) == (xds.STATUS_DELETED, ("N", HIDDEN))
