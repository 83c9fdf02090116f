"""TD3.2: documents come as parts of a multipart message, to whom may read them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from lxml import etree

from interop.ins import codes as ins_codes
from interop.soap import codes as soap
from interop.soap.errors import SoapError
from interop.soap.mtom import parse_multipart
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.runtime import Sandbox
from tests.sandbox.reading import (
    BREAK_GLASS,
    CENTRE_15,
    Parts,
    as_person,
    post_retrieval,
    retrieve,
    set_status,
)
from tests.sandbox.wire import ACTOR, INS, DmpClient, Draft, Letter, q

OTHER = ("275126322074974", ins_codes.INS_NIR_TEST_OID)
COLLEAGUE = "899700900022"


@pytest.fixture
def letter(box: Sandbox, hospital: DmpClient) -> Draft:
    """A letter of the patient, who lets two doctors read."""
    for actor in (ACTOR, COLLEAGUE):
        box.dmp.registry.set_authorisation(INS, actor, "valid", datetime.now(UTC))
    draft = Draft()
    assert hospital.submit(draft).is_success
    return draft


def status(parts: Parts) -> str:
    found = parts.answer.envelope.find(f".//{q(xds.NS_RS, 'RegistryResponse')}")
    assert found is not None
    return str(found.get("status"))


def test_a_document_comes_byte_for_byte_by_an_encoded_reference(hospital: DmpClient, letter: Draft) -> None:
    parts = retrieve(hospital, [letter.letter.unique_id])
    assert status(parts) == xds.RESPONSE_SUCCESS
    assert list(parts.parts.values()) == [letter.letter.build()]
    (name,) = parts.parts
    include = parts.answer.envelope.find(f".//{q(soap.NS_XOP, 'Include')}")
    assert include is not None
    assert include.get("href") == "cid:" + name.replace(":", "%3A")
    assert parts.answer.envelope.findtext(f".//{q(xds.NS_XDSB, 'mimeType')}") == "text/xml"


def test_several_documents_come_in_one_answer(hospital: DmpClient, letter: Draft) -> None:
    second = Draft()
    hospital.submit(second)
    unique_ids = [letter.letter.unique_id, second.letter.unique_id]
    parts = retrieve(hospital, unique_ids)
    found = [item.text for item in parts.answer.envelope.iter(q(xds.NS_XDSB, "DocumentUniqueId"))]
    assert found == unique_ids
    assert len(parts.parts) == 2


def test_one_that_is_not_there_does_not_stop_the_other(hospital: DmpClient, letter: Draft) -> None:
    parts = retrieve(hospital, [letter.letter.unique_id, "1.2.3"])
    assert status(parts) == xds.RESPONSE_PARTIAL
    assert parts.answer.errors == [(xds.ERROR_DOCUMENT_UNIQUE_ID, "uniqueId=1.2.3")]
    assert len(parts.parts) == 1


def test_an_entry_uuid_is_no_unique_id(hospital: DmpClient, letter: Draft) -> None:
    uuid = hospital.find(letter.letter.unique_id)[0]
    parts = retrieve(hospital, [uuid])
    assert status(parts) == xds.RESPONSE_FAILURE
    assert parts.answer.errors == [(xds.ERROR_DOCUMENT_UNIQUE_ID, f"uniqueId={uuid}")]


def test_a_document_is_kept_in_one_repository_for_one_patient(
    box: Sandbox, hospital: DmpClient, letter: Draft
) -> None:
    elsewhere = retrieve(hospital, [letter.letter.unique_id], repository="1.2.3")
    assert elsewhere.answer.errors == [(xds.ERROR_UNKNOWN_REPOSITORY, "1.2.3")]
    box.dmp.registry.set_authorisation(OTHER, ACTOR, "valid", datetime.now(UTC))
    other = retrieve(hospital, [letter.letter.unique_id], ins=OTHER)
    assert other.answer.errors[0][0] == xds.ERROR_DOCUMENT_UNIQUE_ID


def test_a_fault_is_multipart_too(hospital: DmpClient) -> None:
    """The repository answers by a multipart message, faults included."""
    response = post_retrieval(hospital, ["1.2.3"], mode=vihf.MODE_INDIRECT)
    assert (response.status_code, response.headers["content-type"][:17]) == (500, "multipart/related")
    assert retrieve(hospital, ["1.2.3"], mode=vihf.MODE_INDIRECT).answer.fault[0] == xds.DMP_ACCESS_DENIED


@pytest.mark.parametrize("state", ["none", "expired", "blocked"])
def test_without_an_authorisation_in_force_nothing_is_read(
    box: Sandbox, hospital: DmpClient, letter: Draft, state: str
) -> None:
    box.dmp.registry.set_authorisation(INS, ACTOR, state, datetime.now(UTC))
    assert retrieve(hospital, [letter.letter.unique_id]).answer.fault[0] == xds.DMP_ACCESS_DENIED


def test_an_authorisation_ends_on_the_simulated_clock(
    box: Sandbox, hospital: DmpClient, letter: Draft
) -> None:
    ins = (INS, ACTOR)
    assert box.dmp.registry.authorisation(*ins, datetime.now(UTC) + timedelta(days=150)) == "valid"
    assert box.dmp.registry.authorisation(*ins, datetime.now(UTC) + timedelta(days=190)) == "expired"


def test_a_masked_document_is_for_its_author(box: Sandbox, hospital: DmpClient, letter: Draft) -> None:
    masked = Draft(restrictions=(xds.VISIBILITY_MASKED,))
    hospital.submit(masked)
    unique_ids = [masked.letter.unique_id, letter.letter.unique_id]
    assert status(retrieve(hospital, unique_ids)) == xds.RESPONSE_SUCCESS
    colleague = retrieve(hospital, unique_ids, change=as_person(COLLEAGUE))
    assert status(colleague) == xds.RESPONSE_PARTIAL
    assert colleague.answer.errors == [(xds.DMP_ACCESS_DENIED, f"uniqueId={masked.letter.unique_id}")]


@pytest.mark.parametrize("mode", [BREAK_GLASS, CENTRE_15], ids=["bris de glace", "centre 15"])
def test_the_modes_of_emergency_need_no_authorisation_but_the_patient_may_oppose_them(
    box: Sandbox, hospital: DmpClient, letter: Draft, mode: object
) -> None:
    box.dmp.registry.set_authorisation(INS, ACTOR, "none", datetime.now(UTC))
    unique_ids = [letter.letter.unique_id]
    assert status(retrieve(hospital, unique_ids, change=mode)) == xds.RESPONSE_SUCCESS
    person = box.dmp.registry.patient(INS)
    assert person is not None
    box.dmp.registry.put_patient(replace(person, opposes_break_glass=True, opposes_emergency=True))
    assert retrieve(hospital, unique_ids, change=mode).answer.fault[0] == xds.DMP_ACCESS_DENIED


@pytest.mark.parametrize("new", [xds.STATUS_ARCHIVED, xds.STATUS_DELETED])
def test_an_archived_or_deleted_document_is_still_read(hospital: DmpClient, letter: Draft, new: str) -> None:
    uuid = hospital.find(letter.letter.unique_id)[0]
    assert set_status(hospital, uuid, new).is_success
    assert status(retrieve(hospital, [letter.letter.unique_id])) == xds.RESPONSE_SUCCESS


@pytest.mark.parametrize("count", [0, 51])
def test_a_request_without_or_with_too_many_documents_is_a_fault(hospital: DmpClient, count: int) -> None:
    assert retrieve(hospital, ["1.2.3"] * count).http.status_code == 500


@pytest.mark.parametrize(
    ("matricule", "code"),
    [("160012B02077713", xds.DMP_CLOSED), ("180032B02040123", xds.ERROR_UNKNOWN_PATIENT)],
)
def test_a_dmp_that_is_closed_or_absent_gives_nothing(hospital: DmpClient, matricule: str, code: str) -> None:
    parts = retrieve(hospital, ["1.2.3"], ins=(matricule, ins_codes.INS_NIR_TEST_OID))
    assert parts.answer.errors[0][0] == code


# Anomalies


def tell(box: Sandbox, effect: str) -> None:
    box.dmp.faults.add(effect, operation="TD3.2")


@pytest.mark.parametrize("effect", ["no_start", "base64_part", "lf_only"])
def test_unusual_messages_are_read_all_the_same(
    box: Sandbox, hospital: DmpClient, letter: Draft, effect: str
) -> None:
    tell(box, effect)
    response = post_retrieval(hospital, [letter.letter.unique_id])
    parsed = parse_multipart(response.headers["content-type"], response.content)
    assert list(parsed.attachments.values()) == [letter.letter.build()]
    marks = {
        "no_start": "start=" not in response.headers["content-type"],
        "base64_part": b"Content-Transfer-Encoding: base64" in response.content,
        "lf_only": b"\r\n" not in response.content.partition(b"<?xml")[0],
    }
    assert marks[effect]


@pytest.mark.parametrize("effect", ["truncate", "bad_boundary"])
def test_broken_messages_cannot_be_read(
    box: Sandbox, hospital: DmpClient, letter: Draft, effect: str
) -> None:
    tell(box, effect)
    response = post_retrieval(hospital, [letter.letter.unique_id])
    with pytest.raises(SoapError):
        parse_multipart(response.headers["content-type"], response.content)


def test_bytes_may_differ_from_their_hash(box: Sandbox, hospital: DmpClient, letter: Draft) -> None:
    tell(box, "wrong_hash")
    (content,) = retrieve(hospital, [letter.letter.unique_id]).parts.values()
    assert content != letter.letter.build()
    etree.fromstring(content)  # noqa: S320 - altered, and still a document


def test_one_document_may_be_missing(box: Sandbox, hospital: DmpClient, letter: Draft) -> None:
    second = Draft(Letter())
    hospital.submit(second)
    tell(box, "partial")
    parts = retrieve(hospital, [letter.letter.unique_id, second.letter.unique_id])
    assert status(parts) == xds.RESPONSE_PARTIAL
    assert len(parts.parts) == 1


def test_a_message_without_multipart_may_come(box: Sandbox, hospital: DmpClient, letter: Draft) -> None:
    tell(box, "plain_answer")
    response = post_retrieval(hospital, [letter.letter.unique_id])
    assert response.headers["content-type"].startswith("application/soap+xml")


def test_the_journal_tells_what_was_read(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client, letter: Draft
) -> None:
    retrieve(hospital, [letter.letter.unique_id], change=BREAK_GLASS)
    seen = browser.get(f"{box.addresses.admin_url}dmp/journal").json()[-1]
    assert (seen["operation"], seen["unique_ids"]) == ("TD3.2", [letter.letter.unique_id])
    assert (seen["actor"], seen["ins"], seen["purpose"]) == (ACTOR, INS[0], "bris_de_glace")
