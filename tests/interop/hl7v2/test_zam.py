"""Business acknowledgements of the PFI: Z01, Z02, Z03."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2 import Hl7Error, Zam, ZamKind, build_zam, parse_message, parse_zam, zam_fault
from tests.interop.hl7v2.official import GOLDEN, needs_official, official, official_names, patched
from tests.interop.hl7v2.samples import ACKNOWLEDGEMENTS, acknowledgement


@pytest.mark.requirement("DPI.CDA/HL7.04")
@pytest.mark.parametrize(("kind", "success"), ACKNOWLEDGEMENTS)
def test_an_acknowledgement_reads_back_the_same(kind: ZamKind, success: bool) -> None:
    sent = acknowledgement(kind, success)
    assert parse_zam(parse_message(build_zam(sent))) == sent
    assert build_zam(sent) == build_zam(sent)


@pytest.mark.parametrize(("kind", "success"), ACKNOWLEDGEMENTS)
def test_the_bytes_of_an_acknowledgement_are_those_of_the_golden_file(kind: ZamKind, success: bool) -> None:
    golden = GOLDEN / f"zam_{kind.lower()}_{'yes' if success else 'no'}.er7"
    assert build_zam(acknowledgement(kind, success)) == golden.read_bytes().replace(b"\n", b"\r")


@needs_official
@pytest.mark.requirement("DPI.CDA/HL7.04")
@pytest.mark.parametrize("name", official_names("**/zam_z01*"))
def test_the_official_dmp_refusal_names_its_code(name: str) -> None:
    found = parse_zam(parse_message(official(name)))
    assert (found.kind, found.success, found.acknowledged_id) == (ZamKind.DMP_RECEPTION, False, "015")
    assert found.fault is not None
    assert (found.fault.code, found.fault.application_code) == ("207", "DMPClosed")
    assert found.fault.application_label == "DMP fermé"


@needs_official
@pytest.mark.requirement("DPI.CDA/HL7.04")
@pytest.mark.parametrize("name", [*official_names("**/zam_z02*"), *official_names("**/zam_z03*")])
def test_the_official_mail_acknowledgements_name_the_mailbox(name: str) -> None:
    found = parse_zam(parse_message(official(name)))
    assert found.success and found.fault is None
    assert (found.address, found.person_id) == ("adam.hoda@test-ci-sis.mssante.fr", "801234567897")
    assert found.acknowledged_id == "015"


def test_labels_of_the_tables_stand_where_none_is_given() -> None:
    assert zam_fault(ZamKind.MSS_DELIVERY, "550").application_label == "Boîte introuvable ou inaccessible"
    assert zam_fault(ZamKind.MSS_READING, "902").application_label == "Identifiant patient inconnu"
    assert zam_fault(ZamKind.DMP_RECEPTION, "DMPClosed", "DMP fermé").application_system == "DMP_ERROR_CODE"
    assert zam_fault(ZamKind.MSS_DELIVERY, "999").application_label == ""


@pytest.mark.parametrize(
    "broken",
    [
        acknowledgement(ZamKind.DMP_RECEPTION, fault=zam_fault(ZamKind.DMP_RECEPTION, "X")),
        acknowledgement(ZamKind.DMP_RECEPTION, success=False, fault=None),
        acknowledgement(ZamKind.DMP_RECEPTION, address="a@b.fr"),
        acknowledgement(ZamKind.MSS_DELIVERY, address=""),
        replace(acknowledgement(ZamKind.MSS_DELIVERY), kind=ZamKind.MSS_READING),
    ],
)
def test_an_acknowledgement_that_contradicts_itself_is_not_built(broken: Zam) -> None:
    with pytest.raises(ValueError):
        build_zam(broken)


Z01 = build_zam(acknowledgement(ZamKind.DMP_RECEPTION, success=False))
Z02 = build_zam(acknowledgement(ZamKind.MSS_DELIVERY))


@pytest.mark.parametrize(
    ("raw", "code", "location"),
    [
        (patched(Z01, (b"ZAM^Z01", b"ACK^Z01")), "200", "MSH^1^9"),
        (patched(Z01, (b"ZAM^Z01", b"ZAM^Z09")), "201", "MSH^1^9^1^2"),
        (patched(Z01, (b"|2.6|", b"|2.5|")), "203", "MSH^1^12"),
        (patched(Z01, (b"|P|2.6", b"|Q|2.6")), "202", "MSH^1^11"),
        (patched(Z01, (b"ZAM^Z01", b"ZAM^Z02")), "199", "OBX^1^3"),
        (b"\r".join(line for line in Z01.split(b"\r") if not line.startswith(b"EVN")), "100", "EVN^1"),
        (b"\r".join(line for line in Z01.split(b"\r") if not line.startswith(b"OBX")), "100", "OBX^1"),
        (b"\r".join(line for line in Z01.split(b"\r") if not line.startswith(b"ERR")), "100", "ERR^1"),
        (b"\r".join(line for line in Z02.split(b"\r") if not line.startswith(b"OBX|2")), "100", "OBX^2"),
        (patched(Z02, (b"^^X.400^paul.martin@exemple.mssante.fr", b"")), "101", "OBX^2^5^1^4"),
        (patched(Z01, (b"|D000000123|", b"||")), "101", "OBX^1^4"),
        (patched(Z01, (b"|N^", b"|^")), "101", "OBX^1^5"),
        (patched(Z01, (b"|N^", b"|O^")), "103", "OBX^1^5"),
        (patched(Z01, (b"EVN||20250102101500", b"EVN|")), "101", "EVN^1^2"),
        (patched(Z01, (b"EVN||20250102101500", b"EVN||x")), "102", "EVN^1^2"),
    ],
    ids=range(15),
)
def test_a_malformed_acknowledgement_is_refused(raw: bytes, code: str, location: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_zam(parse_message(raw))
    assert (refused.value.code, refused.value.location) == (code, location)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30))
def test_any_error_text_survives(text: str) -> None:
    if text == '""':
        return
    sent = acknowledgement(
        ZamKind.MSS_READING, fault=zam_fault(ZamKind.MSS_READING, "906", text), success=False
    )
    assert parse_zam(parse_message(build_zam(sent))) == sent
