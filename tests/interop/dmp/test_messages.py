"""TD0.2 and TD0.3: what we send to the letter, what we read whatever the server adds or leaves out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from interop.dmp import codes
from interop.dmp.authorisation import (
    AuthorisationAnswer,
    build_set_authorisation,
    parse_authorisation_answer,
)
from interop.dmp.existence import ExistenceQuery, build_existence_query, parse_existence_answer
from interop.soap.errors import SoapError
from interop.xml import canonical_xml, parse_xml, serialize_xml
from tests.interop.dmp.samples import (
    MATRICULE,
    OID,
    attention,
    authorisation,
    authorisation_answer,
    existence_answer,
    subject,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "dmp"
QUERY = ExistenceQuery(
    matricule=MATRICULE,
    oid=OID,
    software_name="DPI",
    software_oid="1.2.250.1.999.1",
    message_id="1633a409-3d61-4869-aed8-74d92ae20272",
    query_id="87d5fd8f-72b2-43bf-938c-0402bf850d25",
    at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("existence.xml", lambda: build_existence_query(QUERY)),
        ("authorise.xml", build_set_authorisation),
    ],
)
def test_what_we_send_is_the_golden_file(name: str, build: Callable[[], etree._Element]) -> None:
    expected = parse_xml((GOLDEN / name).read_bytes())
    for node in expected.iter():
        node.text = node.text if node.text and node.text.strip() else None
        node.tail = None
    assert canonical_xml(build()) == canonical_xml(expected)


def test_the_answer_of_the_official_example_is_read() -> None:
    treating = attention(
        codes.KEYWORD_TREATING_PHYSICIAN, codes.OID_KEYWORD_TREATING_PHYSICIAN, '<value value="true"/>'
    )
    read = parse_existence_answer(existence_answer(lines=authorisation(codes.AUTHORISATION_VALID) + treating))
    assert (read.found, read.status, read.authorisation) == (True, "active", "VALIDE")
    assert (read.is_treating_physician, read.has_account, read.is_attached) == (True, True, False)
    assert (read.closed_on, read.closing_reason, read.error_code) == ("", "", "")


def test_no_trait_of_the_patient_is_read() -> None:
    """RG_0320: the traits that the server returns must not be displayed, so nothing keeps them."""
    read = parse_existence_answer(existence_answer())
    assert "TROIS" not in repr(read)
    assert "DOMINIQUE" not in repr(read)


def test_a_patient_without_dmp_is_told() -> None:
    read = parse_existence_answer(existence_answer(content="", response=codes.QUERY_NOT_FOUND, lines=""))
    assert (read.found, read.status, read.authorisation, read.is_attached) == (False, "", "", None)


@pytest.mark.parametrize(
    ("event", "patient", "closed_on"),
    [
        ("", '<effectiveTime value="20250102"/>', "20250102"),
        ("", '<effectiveTime><low value="2020"/><high value="20250102"/></effectiveTime>', "20250102"),
        ('<effectiveTime value="20250102120000"/>', "", "20250102120000"),
        ("", "", ""),
    ],
)
def test_a_closure_is_read_where_the_server_may_write_it(event: str, patient: str, closed_on: str) -> None:
    issue = (
        '<reasonOf typeCode="RSON"><detectedIssueEvent classCode="ALRT" moodCode="EVN">'
        f'<code code="{codes.CLOSED_BY_PATIENT}" codeSystem="{codes.OID_CLOSING_REASON}"/>'
        "<text>à sa demande</text></detectedIssueEvent></reasonOf>"
    )
    content = subject(codes.DMP_TERMINATED, event=event, patient=patient)
    read = parse_existence_answer(existence_answer(content=content, after=issue))
    assert (read.found, read.status, read.closed_on) == (True, "terminated", closed_on)
    assert read.closing_reason == f"{codes.CLOSED_BY_PATIENT} à sa demande"


@pytest.mark.parametrize(
    ("acknowledgement", "code", "text"),
    [
        (
            '<acknowledgement typeCode="AE"><acknowledgementDetail><code code="DMPClosed"/>'
            "<text>DMP  fermé</text></acknowledgementDetail></acknowledgement>",
            "DMPClosed",
            "DMP fermé",
        ),
        ('<acknowledgement typeCode="AR"/>', "AR", ""),
        ("<acknowledgement/>", "AE", ""),
    ],
)
def test_a_refusal_of_the_question_has_a_code(acknowledgement: str, code: str, text: str) -> None:
    read = parse_existence_answer(existence_answer(acknowledgement=acknowledgement))
    assert (read.error_code, read.error_text) == (code, text)


@pytest.mark.parametrize(
    "element",
    [
        existence_answer(response="QE"),
        existence_answer(acknowledgement=""),
        parse_xml(b"<other/>"),
    ],
    ids=["response", "acknowledgement", "element"],
)
def test_what_says_neither_yes_nor_no_is_refused(element: etree._Element) -> None:
    with pytest.raises(SoapError):
        parse_existence_answer(element)


@given(st.text(min_size=1, max_size=30))
def test_the_name_of_the_software_never_breaks_the_message(name: str) -> None:
    query = ExistenceQuery(MATRICULE, OID, name, "1.2.3", "m", "q", QUERY.at)
    parse_xml(serialize_xml(build_existence_query(query)))


def test_an_authorisation_already_there_is_a_success_too() -> None:
    context = "Autorisation déjà présente aucune action effectuée"
    read = parse_authorisation_answer(authorisation_answer(codes.STATUS_OK, context))
    assert read == AuthorisationAnswer(codes.STATUS_OK, context)
    assert read.succeeded


def test_another_status_is_no_success() -> None:
    assert not parse_authorisation_answer(authorisation_answer("DMPAccessDeniedByRightsService")).succeeded


@pytest.mark.parametrize("element", [authorisation_answer(""), parse_xml(b"<other/>")])
def test_an_answer_without_status_is_refused(element: etree._Element) -> None:
    with pytest.raises(SoapError):
        parse_authorisation_answer(element)
