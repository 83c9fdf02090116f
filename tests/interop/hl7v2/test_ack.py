"""Technical acknowledgements: what we answer, what we understand."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2 import (
    AckCode,
    Fault,
    Hl7Error,
    Severity,
    application_fault,
    build_ack,
    parse_ack,
    parse_message,
    peek_header,
    read_header,
)
from interop.hl7v2.datatypes import PARIS
from tests.interop.hl7v2.official import needs_official, official, official_names

SENT_AT = datetime(2025, 1, 2, 10, 15, 1, tzinfo=PARIS)
RECEIVED = (
    b"MSH|^~\\&|DPI|CHX|PFI|CHX|20250102101500||MDM^T02^MDM_T02|D000000123|P|2.6|||||FRA|UNICODE UTF-8\r"
)


def answer(received: bytes, code: AckCode = AckCode.AA, *faults: Fault) -> bytes:
    header = read_header(parse_message(received))
    return build_ack(header, code=code, control_id="P000000042", sent_at=SENT_AT, faults=faults)


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_an_acceptance_is_two_segments() -> None:
    assert answer(RECEIVED) == (
        b"MSH|^~\\&|PFI|CHX|DPI|CHX|20250102101501||ACK^T02^ACK|P000000042|P|2.6|||||FRA|UNICODE UTF-8\r"
        b"MSA|AA|D000000123\r"
    )


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_an_application_refusal_names_its_code_and_place() -> None:
    expected = (
        "ERR||PID^1^3|207^Application error^messageErrorCondition|E|"
        "902^Identifiant patient inconnu^applicationErrorCode\r"
    )
    assert answer(RECEIVED, AckCode.AE, application_fault("902")).decode().endswith(expected)


def test_a_technical_refusal_carries_the_text_for_the_user() -> None:
    refused = Hl7Error("102", "OBX^1^5", "Document illisible")
    assert answer(RECEIVED, refused.ack, refused.fault).endswith(
        b"ERR||OBX^1^5|102^Data type error^messageErrorCondition|E||||Document illisible\r"
    )


@pytest.mark.parametrize(
    ("kind", "version", "expected_kind", "expected_version"),
    [
        (b"ORU^R01^ORU_R01", b"2.5", "R01", "2.5"),
        (b"MDM^T10^MDM_T02", b"2.6", "T10", "2.6"),
        (b"ZAM^Z01^ZAM_Z01", b"2.6", "Z01", "2.6"),
        (b"ADT^A01^ADT_A01", b"2.5^FRA^2.11", "A01", "2.5"),
        (b"MDM^T02", b"", "T02", "2.6"),
        (b"ADT^A01", b"garbage", "A01", "2.5"),
    ],
)
def test_the_answer_speaks_the_version_of_the_message(
    kind: bytes, version: bytes, expected_kind: str, expected_version: str
) -> None:
    raw = RECEIVED.replace(b"MDM^T02^MDM_T02", kind).replace(b"|2.6|", b"|" + version + b"|")
    header = parse_message(answer(raw)).msh
    assert header.field(9) == f"ACK^{expected_kind}^ACK"
    assert header.field(12) == expected_version
    assert header.field(21) == ""


@pytest.mark.parametrize("mode", ["P", "T", "D"])
def test_the_processing_mode_is_copied(mode: str) -> None:
    raw = RECEIVED.replace(b"|P|2.6", f"|{mode}|2.6".encode())
    assert parse_message(answer(raw)).msh.field(11) == mode


def test_addresses_in_other_separators_are_turned_and_rewritten() -> None:
    raw = b"MSH#*%!+#A*1.2.3*ISO#B|C#D#E#2025##ADT*A01#7#P#2.5\r"
    assert answer(raw).startswith(b"MSH|^~\\&|D|E|A^1.2.3^ISO|B\\F\\C|")


def test_what_we_answer_is_what_we_understand() -> None:
    faults = (
        application_fault("904", text="L'identité | diffère"),
        Fault("101", "PRT^2^15^1^4", "Adresse", Severity.WARNING),
        Fault("207", "", "", Severity.FATAL, "DMPClosed", "DMP fermé", "DMP_ERROR_CODE"),
    )
    ack = parse_ack(answer(RECEIVED, AckCode.AE, *faults))
    assert (ack.code, ack.acknowledged_id, ack.faults) == (AckCode.AE, "D000000123", faults)
    assert ack.header.sent_at == SENT_AT
    assert ack.header.control_id == "P000000042"


def test_an_acknowledgement_is_the_same_for_the_same_input() -> None:
    assert answer(RECEIVED, AckCode.AE, application_fault("900")) == answer(
        RECEIVED, AckCode.AE, application_fault("900")
    )


def test_the_ack_of_8859_15_is_encoded_so() -> None:
    header = read_header(parse_message(RECEIVED))
    raw = build_ack(
        header,
        code=AckCode.AR,
        control_id="1",
        sent_at=SENT_AT,
        faults=[Fault("207", text="Réessayez")],
        charset="8859/15",
    )
    assert "Réessayez".encode("iso8859-15") in raw
    assert parse_ack(raw).faults[0].text == "Réessayez"


def test_a_refusal_says_why_and_an_acceptance_carries_no_error() -> None:
    with pytest.raises(ValueError):
        answer(RECEIVED, AckCode.AE)
    with pytest.raises(ValueError):
        answer(RECEIVED, AckCode.AE, Fault("207", severity=Severity.WARNING))
    with pytest.raises(ValueError):
        answer(RECEIVED, AckCode.AA, Fault("102"))
    assert answer(RECEIVED, AckCode.AA, Fault("0", severity=Severity.INFORMATION))
    assert answer(RECEIVED, AckCode.AR)


def test_a_naive_time_never_leaves() -> None:
    header = read_header(parse_message(RECEIVED))
    with pytest.raises(ValueError):
        build_ack(header, code=AckCode.AA, control_id="1", sent_at=datetime(2025, 1, 2))


@given(st.binary(max_size=300).map(lambda tail: b"MSH|^~\\&|" + tail))
def test_bytes_that_cannot_be_parsed_can_still_be_answered(raw: bytes) -> None:
    header = peek_header(raw)
    assert header is not None
    build_ack(header, code=AckCode.AE, control_id="1", sent_at=SENT_AT, faults=[Fault("199")])


def test_no_header_no_answer() -> None:
    assert peek_header(b"GET / HTTP/1.1") is None


@needs_official
@pytest.mark.requirement("DPI.CDA/HL7.04")
@pytest.mark.parametrize("name", official_names("**/ack.*"))
def test_every_official_acknowledgement_is_understood(name: str) -> None:
    ack = parse_ack(official(name))
    assert (ack.code, ack.acknowledged_id, ack.header.control_id) == (AckCode.AA, "015", "016")
    assert ack.header.event in {"T02", "T04", "T10", "R01"}
    assert ack.faults == ()


@pytest.mark.parametrize(
    ("change", "code", "location"),
    [
        ((b"ACK^T02^ACK", b"ADT^A01"), "200", "MSH^1^9"),
        ((b"ACK^T02^ACK", b""), "101", "MSH^1^9"),
        ((b"P000000042", b""), "101", "MSH^1^10"),
        ((b"MSA|AA|D000000123\r", b""), "100", "MSA^1"),
        ((b"MSA|AA|", b"MSA||"), "101", "MSA^1^1"),
        ((b"MSA|AA|", b"MSA|CA|"), "103", "MSA^1^1"),
        ((b"MSA|AA|D000000123", b"MSA|AA"), "101", "MSA^1^2"),
    ],
)
def test_a_malformed_acknowledgement_is_refused(
    change: tuple[bytes, bytes], code: str, location: str
) -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_ack(answer(RECEIVED).replace(*change))
    assert (refused.value.code, refused.value.location) == (code, location)


def test_an_err_1_of_older_versions_is_understood() -> None:
    raw = answer(RECEIVED).replace(b"MSA|AA", b"MSA|AR") + b"ERR|PID^1^3^102&Data type error\r"
    assert parse_ack(raw).faults == (Fault("102", "PID^1^3"),)
