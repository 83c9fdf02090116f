"""Documents that come by mail (volet LPS 1.1): PFI to DPI."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from interop.hl7v2 import (
    Action,
    Hl7Error,
    LpsDocument,
    LpsRules,
    build_ack,
    build_lps,
    identity_fault,
    parse_lps,
    parse_message,
)
from interop.ins.key import Ins
from tests.interop.hl7v2.official import (
    GOLDEN,
    needs_official,
    official,
    official_names,
    patched,
    with_document,
    without_line,
)
from tests.interop.hl7v2.samples import INS, SENT_AT, carried, cda, patient, received_by_mail


def read(raw: bytes, **rules: Any) -> LpsDocument:
    return parse_lps(parse_message(raw), LpsRules(**rules))


@pytest.mark.parametrize("action", list(Action))
def test_a_document_reads_back_the_same(action: Action) -> None:
    sent = received_by_mail(action)
    assert read(build_lps(sent)) == sent
    assert build_lps(sent) == build_lps(sent)


@pytest.mark.parametrize("action", list(Action))
def test_the_bytes_of_a_document_are_those_of_the_golden_file(action: Action) -> None:
    golden = (GOLDEN / f"lps_{action}.er7").read_bytes().replace(b"\n", b"\r")
    assert build_lps(received_by_mail(action)) == golden


def test_the_profile_is_that_of_the_volet() -> None:
    sent = parse_message(build_lps(received_by_mail()))
    assert sent.msh.field(21) == "1.1^CISIS_CDA_HL7_LPS"
    assert sent.msh.field(9) == "MDM^T02^MDM_T02"
    assert sent.get("PV1-2") == "N"
    assert sent.get("OBX(2)-3.1") == "<42@exemple.mssante.fr>"
    assert sent.get("OBX(2)-3.2") == "XDM/1.0/DDM+Lettre & co"
    rows = [obx.value(3) for obx in sent.all("OBX")[2:]]
    assert rows == ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "MODIF_CONF_CODE"]


@needs_official
def test_the_official_first_transmission_is_accepted() -> None:
    found = read(official("trans_lps_v1_1/mdm_initial/message_MDM__LPS_MSS_CR_Radio_INIT_N1_Base64.er7"))
    assert found.action is Action.INITIAL
    assert found.document.id.root == "1.2.250.1.71.4.2.2.120456789.71024000081"
    assert found.mail.message_id == "1"
    assert found.mail.subject.startswith("XDM/1.0/DDM+CR")
    assert found.mail.body == "Corps du courriel"
    assert found.sender.address == "thomas.eric@medecin.mssante.fr"
    assert found.recipients[0].organisation is not None
    assert found.recipients[0].organisation.identifier_type == "UF"
    assert found.recipients[0].organisation.identifier == "3435"
    assert found.flags.invisible_patient and found.flags.invisible_rep_legaux
    assert identity_fault(found) is None
    assert found.patient.ins == INS


@needs_official
def test_the_official_chain_of_three_versions_is_accepted() -> None:
    first = official("trans_lps_v1_1/mdm_initial/message_MDM__LPS_MSS_CR_Radio_INIT_N1_Base64.er7")
    deletion = read(official("trans_lps_v1_1/mdm_deletion/message_MDM__LPS_MSS_CR_Radio_DEL_N1.er7"))
    assert deletion.action is Action.DELETE
    assert deletion.document.replaced_id == read(first).document.id
    second = patched(
        first,
        (b"MDM^T02", b"MDM^T10"),
        (b"ORC|NW", b"ORC|RO"),
        (b"71024000081^Organisation-Y|", b"71024000082^X|1.2.250.1.71.4.2.2.120456789.71024000081^X"),
        (b"||||||F|\nPRT", b"||||||C|\nPRT"),
    ).replace(b"\n", b"\r")
    replacement = read(with_document(second, deletion.document.content))
    assert replacement.action is Action.REPLACE
    assert replacement.document.id == deletion.document.id


@needs_official
@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("name", official_names("trans_lps*/**/message*"))
def test_every_official_mail_is_accepted_or_refused_with_a_code(name: str, lenient: bool) -> None:
    try:
        found = read(official(name), lenient=lenient)
    except Hl7Error as refused:
        assert refused.code in {"100", "102", "103"}
        assert refused.location
    else:
        assert found.mail.body == "Corps du courriel"


@needs_official
def test_the_former_profile_is_read_leniently() -> None:
    raw = official("trans_lps_v1_0/mdm_initial/message_MDM__LPS_MSS_CR_Radio_INIT_N1_Base64.er7")
    assert read(raw, lenient=True).document.id.extension == "A71024000081"
    with pytest.raises(Hl7Error):
        read(raw)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (cda(ins=None), "903"),
        (cda().replace(b"<county>63220</county>", b""), "905"),
        (cda().replace(b'<birthTime value="19790328"/>', b""), "905"),
        (cda().replace(b"<given>DOMINIQUE</given>", b""), "905"),
        (cda(ins=Ins("279035121518988", INS.oid)), "906"),
        (cda(ins=Ins(INS.matricule, "1.2.250.1.213.1.4.8")), "906"),
    ],
)
def test_an_identity_that_cannot_be_compared_earns_its_application_code(content: bytes, code: str) -> None:
    fault = identity_fault(read(with_document(build_lps(received_by_mail()), content)))
    assert fault is not None
    assert (fault.code, fault.application_code, fault.location) == ("207", code, "PID^1^3")
    assert fault.application_system == "applicationErrorCode"


def test_a_document_without_usable_header_is_906_and_not_a_technical_code() -> None:
    headless = cda().replace(b'<effectiveTime value="20250102100000+0100"/>', b"")
    received = parse_message(with_document(build_lps(received_by_mail()), headless))
    with pytest.raises(Hl7Error) as refused:
        parse_lps(received)
    assert refused.value.fault.application_code == "906"
    header = received_by_mail().header
    answer = build_ack(
        header, code=refused.value.ack, control_id="A1", sent_at=SENT_AT, faults=[refused.value.fault]
    )
    assert b"207^Application error^messageErrorCondition|E|906^Erreur 'Autre'^applicationErrorCode" in answer


INITIAL = build_lps(received_by_mail())
REFUSALS: list[tuple[bytes, str, str]] = [
    (patched(INITIAL, (b"MDM^T02^MDM_T02", b"ORU^R01")), "200", "MSH^1^9"),
    (patched(INITIAL, (b"MDM^T02^MDM_T02", b"MDM^T08")), "201", "MSH^1^9^1^2"),
    (patched(INITIAL, (b"|2.6|", b"|2.4|")), "203", "MSH^1^12"),
    (patched(INITIAL, (b"CISIS_CDA_HL7_LPS", b"CISIS_CDA_HL7_V2")), "103", "MSH^1^21"),
    (without_line(INITIAL, b"PV1"), "100", "PV1^1"),
    (without_line(INITIAL, b"OBX|2|"), "100", "OBX^2"),
    (b"".join(line + b"\r" for line in INITIAL.split(b"\r")[:10]), "100", "OBX^2"),
    (patched(INITIAL, (b"ORC|NW", b"ORC|CA")), "199", "ORC^1^1"),
    (without_line(INITIAL, b"PRT||UC||SB"), "100", "PRT^3"),
    (patched(INITIAL, (b"^^X.400^alice.hoda@exemple.mssante.fr", b"")), "101", "PRT^1^15^1^4"),
    (without_line(INITIAL, b"OBX|4|"), "100", "OBX^6^3"),
    (INITIAL + b"OBX|7|CWE|DESTDMP_X||N||||||F\r", "103", "OBX^7^3"),
    (INITIAL + b"OBX|7|ED|11490-0||^text^XML^Base64^QUJD||||||F\r", "198", "OBX^7"),
    (patched(INITIAL, (b"<42@exemple.mssante.fr>", b"")), "101", "OBX^2^3"),
    (patched(INITIAL, (b"OBR|1|||11490-0", b"OBR|1|||34112-3")), "199", "OBR^1^4"),
    (with_document(INITIAL, b"dummy"), "102", "OBX^1^5"),
    (with_document(INITIAL, cda(7)), "199", "TXA^1^12"),
    (patched(INITIAL, (b"^text^^Base64^", b"^text^^Base64^*")), "102", "OBX^2^5^1^5"),
]


@pytest.mark.parametrize(("raw", "code", "location"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_technical_refusal_has_no_application_code(raw: bytes, code: str, location: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        read(raw)
    assert (refused.value.code, refused.value.location) == (code, location)
    assert refused.value.fault.application_code == ""


@pytest.mark.parametrize(
    "broken",
    [
        received_by_mail(header=received_by_mail(Action.DELETE).header),
        received_by_mail(Action.REPLACE, document=carried(Action.REPLACE, replaced_id=None)),
        received_by_mail(participants=()),
        received_by_mail(participants=(replace(received_by_mail().sender, address=""),)),
        received_by_mail(mail=replace(received_by_mail().mail, message_id="")),
        received_by_mail(patient=patient(identifiers=(), ins=None)),
    ],
)
def test_a_document_that_contradicts_itself_is_not_built(broken: LpsDocument) -> None:
    with pytest.raises(ValueError):
        build_lps(broken)


def test_a_document_without_birth_name_is_carried_for_its_receiver_to_judge() -> None:
    whole = patient(used_name="DURAND", used_given_name="DOMI", account=None)
    lacking = replace(whole, birth_name="")
    raw = build_lps(received_by_mail(patient=lacking))
    pid = next(line for line in raw.split(b"\r") if line.startswith(b"PID|"))
    assert pid.split(b"|")[5] == b"^DOMINIQUE^DOMINIQUE^^^^U~DURAND^DOMI^^^^^D"
    found = read(raw).patient
    assert (found.birth_name, found.used_name, found.ins) == ("", "DURAND", whole.ins)
    nameless = build_lps(
        received_by_mail(patient=patient(birth_name="", birth_given_names="", first_birth_given_name=""))
    )
    assert read(nameless).patient.birth_name == ""


def test_a_pid_without_any_name_is_a_technical_fault() -> None:
    pid = next(line for line in INITIAL.split(b"\r") if line.startswith(b"PID|"))
    fields = pid.split(b"|")
    fields[5] = b""
    with pytest.raises(Hl7Error) as refused:
        read(INITIAL.replace(pid, b"|".join(fields)))
    assert (refused.value.code, refused.value.location) == ("101", "PID^1^5")
    assert refused.value.fault.application_code == ""


def test_rows_of_the_other_volet_are_ignored() -> None:
    raw = INITIAL + b"OBX|7|CWE|ACK_LECTURE^Accus^MetaDMPMSS||Y||||||F\r"
    assert read(raw) == received_by_mail()


def test_a_blank_inside_a_row_name_is_forgiven() -> None:
    assert read(patched(INITIAL, (b"INVISIBLE_REP_LEGAUX", b"INVISIBLE_ REP_LEGAUX"))) == received_by_mail()


def test_an_empty_mail_body_is_an_empty_text() -> None:
    body = b64encode("Bonjour,\nà bientôt.".encode())
    assert read(patched(INITIAL, (b"^text^^Base64^" + body, b""))).mail.body == ""
