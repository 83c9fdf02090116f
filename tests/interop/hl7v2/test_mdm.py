"""Document orders (volet 2.1): what we build, what we read, what we refuse."""

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.cda.datatypes import Id
from interop.hl7v2 import (
    Action,
    Hl7Error,
    MatrixMode,
    MdmDocument,
    MdmRules,
    OrderFlags,
    Participant,
    Participation,
    Profile,
    build_mdm,
    build_oru,
    parse_mdm,
    parse_message,
)
from interop.hl7v2.codes import META_FLAGS
from interop.hl7v2.datatypes import Authority, Organisation, Person
from interop.hl7v2.mdm import check_order, device_recipient, device_requester, organisation_recipient
from interop.ins.codes import PRODUCTION_INS_OIDS, IdentityStatus
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
from tests.interop.hl7v2.samples import (
    DOCTOR,
    FLAGS,
    INS,
    PATIENT_BOX,
    REPLY,
    REQUESTER,
    carried,
    cda,
    document_id,
    order,
    oru_order,
    patient,
)

ACTIONS = list(Action)


def read(raw: bytes, **rules: Any) -> MdmDocument:
    return parse_mdm(parse_message(raw), MdmRules(**rules))


def refusal(raw: bytes, **rules: Any) -> tuple[str, str]:
    with pytest.raises(Hl7Error) as refused:
        read(raw, **rules)
    assert refused.value.text
    assert refused.value.ack == "AE"
    return refused.value.code, refused.value.location


# --- What we build ----------------------------------------------------------------------------------


@pytest.mark.requirement("DPI.CDA/HL7.01")
@pytest.mark.parametrize("action", ACTIONS)
def test_an_order_reads_back_the_same(action: Action) -> None:
    assert read(build_mdm(order(action))) == order(action)


@pytest.mark.requirement("DPI.CDA/HL7.01")
@pytest.mark.parametrize("action", ACTIONS)
def test_an_oru_order_reads_back_the_same(action: Action) -> None:
    assert read(build_oru(oru_order(action))) == oru_order(action)


@pytest.mark.requirement("DPI.CDA/HL7.01")
@pytest.mark.parametrize(
    ("action", "event", "control", "status", "replaced"),
    [
        (Action.INITIAL, "T02", "NW", "F", ""),
        (Action.REPLACE, "T10", "RO", "C", document_id(1).root),
        (Action.DELETE, "T04", "CA", "D", document_id(1).root),
    ],
)
def test_the_three_markers_of_an_action_agree(
    action: Action, event: str, control: str, status: str, replaced: str
) -> None:
    sent = parse_message(build_mdm(order(action)))
    assert sent.msh.field(9) == f"MDM^{event}^MDM_T02"
    assert sent.msh.field(12) == "2.6"
    assert sent.msh.field(21) == "2.1^CISIS_CDA_HL7_V2"
    assert (sent.get("ORC-1"), sent.get("OBX-11"), sent.get("TXA-13")) == (control, status, replaced)
    assert sent.get("TXA-12") == order(action).document.id.root
    assert sent.get("OBR-4") == sent.get("OBX-3") == sent.get("TXA-2") == "11490-0"


@pytest.mark.requirement("DPI.CDA/HL7.01")
@pytest.mark.parametrize("name", ["mdm_initial", "mdm_replace", "mdm_delete", "oru_initial"])
def test_the_bytes_of_an_order_are_those_of_the_golden_file(name: str) -> None:
    kind, action = name.split("_")
    raw = build_mdm(order(Action(action))) if kind == "mdm" else build_oru(oru_order(Action(action)))
    assert raw == (GOLDEN / f"{name}.er7").read_bytes().replace(b"\n", b"\r")


@pytest.mark.requirement("SC.DMP/CONF.12")
def test_an_order_carries_what_the_vihf_needs() -> None:
    sent = parse_message(build_mdm(order()))
    prt = sent.require("PRT")
    assert (prt.value(4), prt.value(5), prt.value(5, 13)) == ("SB", "99700900014", "RPPS")
    assert (prt.value(8, 7), prt.value(8, 10)) == ("FINEG", "990000101")
    requester = read(build_mdm(order())).requester
    assert requester is not None
    assert requester.national_person_id == "899700900014"
    assert requester.national_structure_id == "1990000101"


def test_metadata_stand_in_the_order_of_the_table() -> None:
    sent = parse_message(build_mdm(order()))
    rows = [obx.value(3) for obx in sent.all("OBX")[1:]]
    assert rows == [*META_FLAGS, "CORPSMAIL_PS", "CORPSMAIL_PATIENT"]
    assert [obx.value(1) for obx in sent.all("OBX")] == [str(number) for number in range(1, 14)]
    assert {obx.field(11) for obx in sent.all("OBX")[1:]} == {"F"}
    assert sent.get("OBX(2)-5.3") == "expandedYes-NoIndicator"
    assert {obx.field(2) for obx in sent.all("OBX")[1:11]} == {"CWE"}
    oru = parse_message(build_oru(oru_order()))
    assert {obx.field(2) for obx in oru.all("OBX")[1:11]} == {"CE"}
    assert (oru.msh.field(12), oru.get("OBX-5.2")) == ("2.5", "TEXT")


def test_the_address_of_a_recipient_is_the_fourth_component_of_prt_15() -> None:
    line = next(
        line for line in build_mdm(order()).split(b"\r") if line.startswith(b"PRT") and b"RCT" in line
    )
    assert line.split(b"|")[15] == b"^^X.400^paul.martin@exemple.mssante.fr"
    assert line.split(b"|")[2] == b"UC"


def test_a_mail_that_the_patient_cannot_answer_carries_its_mark() -> None:
    flags = replace(FLAGS, patient_cannot_reply=True)
    raw = build_mdm(order(flags=flags))
    lines = raw.split(b"\r")
    at = next(index for index, line in enumerate(lines) if b"DESTMSSANTEPAT" in line)
    assert lines[at + 1] == b"NTE|1|||FIN"
    assert read(raw).flags == flags


@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "8859/15"])
def test_an_order_travels_in_both_character_sets(charset: str) -> None:
    sent = order(charset=charset)
    assert read(build_mdm(sent)) == sent


def test_a_character_that_the_set_lacks_is_refused() -> None:
    sent = order(charset="8859/15", patient=patient(used_name="Ω"))
    with pytest.raises(Hl7Error) as refused:
        build_mdm(sent)
    assert refused.value.code == "102"


def test_a_control_character_never_leaves() -> None:
    with pytest.raises(Hl7Error):
        build_mdm(order(patient=patient(birth_name="A\x0bB")))


@pytest.mark.requirement("INS/va1.56")
def test_an_ins_leaves_with_a_qualified_identity_only() -> None:
    with pytest.raises(ValueError):
        build_mdm(order(patient=patient(IdentityStatus.RECOVERED, ins=INS)))
    flags = OrderFlags(dest_mss_professional=True)
    content = carried(content=cda(1, ins=None))
    for status, code in (
        (IdentityStatus.RECOVERED, "PROV"),
        (IdentityStatus.VALIDATED, "VALI"),
        (IdentityStatus.PROVISIONAL, "PROV"),
    ):
        raw = build_mdm(order(patient=patient(status), flags=flags, documents=(content,)))
        assert INS.matricule.encode() not in without_line(raw, b"PRT")
        assert parse_message(raw).get("PID-32") == code
        assert read(raw).patient.ins is None


@pytest.mark.parametrize(
    "broken",
    [
        lambda: order(header=order(Action.DELETE).header),
        lambda: order(header=oru_order().header),
        lambda: order(documents=()),
        lambda: order(documents=(carried(), carried())),
        lambda: order(Action.REPLACE, documents=(carried(Action.REPLACE, replaced_id=None),)),
        lambda: order(documents=(carried(replaced_id=document_id(9)),)),
        lambda: order(participants=()),
        lambda: order(recorded_at=None),
        lambda: order(flags=OrderFlags(dest_dmp=True, patient_cannot_reply=True)),
        lambda: order(patient=patient(birth_name="")),
        lambda: order(patient=patient(ins=None, identifiers=())),
        lambda: order(header=replace(order().header, control_id="X" * 21)),
        lambda: order(header=replace(order().header, sent_at=None)),
    ],
)
def test_an_order_that_contradicts_itself_is_not_built(broken: Any) -> None:
    with pytest.raises(ValueError):
        build_mdm(broken())


@pytest.mark.parametrize(
    "broken",
    [
        lambda: order(),
        lambda: oru_order(documents=()),
        lambda: oru_order(documents=(carried(), carried(), carried())),
        lambda: oru_order(recorded_at=order().recorded_at),
    ],
)
def test_an_oru_that_contradicts_itself_is_not_built(broken: Any) -> None:
    with pytest.raises(ValueError):
        build_oru(broken())


def test_the_same_order_gives_the_same_bytes() -> None:
    assert build_mdm(order()) == build_mdm(order())


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20).filter(
    lambda text: text != '""'
)


@given(names, names, names, names)
def test_any_text_survives_the_journey(family: str, room: str, body: str, label: str) -> None:
    sent = order(
        patient=patient(birth_name=family, birth_given_names=f"{room} {label}"),
        body_professional=body,
        documents=(carried(type=replace(carried().type, label=label)),),
    )
    assert read(build_mdm(sent)) == sent


@given(st.builds(OrderFlags, *[st.booleans()] * 10))
def test_every_set_of_flags_is_read_back_or_refused(flags: OrderFlags) -> None:
    sent = order(flags=flags)
    try:
        assert read(build_mdm(sent)) == sent
    except Hl7Error as refused:
        assert refused.code == "207"
        nowhere = not (flags.dest_dmp or flags.dest_mss_professional or flags.dest_mss_patient)
        assert nowhere or (flags.invisible_patient and flags.dest_mss_patient)


# --- The official examples --------------------------------------------------------------------------


@needs_official
@pytest.mark.requirement("F-PFI-11")
def test_the_official_replacement_is_accepted() -> None:
    raw = official("trans_doc_v2_1/mdm_replacement/message_MDM_CR_Radio_RPLC_N1.er7")
    found = read(raw)
    assert found.action is Action.REPLACE
    assert found.flags.modif_conf_code and found.flags.dest_dmp and found.flags.dest_mss_professional
    assert not found.flags.dest_mss_patient
    assert found.body_professional.startswith("Cher confrère")
    assert found.document.id.root == "1.2.250.1.71.4.2.2.120456789.71024000082"
    assert found.document.replaced_id is not None
    assert found.requester is not None
    assert found.requester.national_structure_id == "1300017985"
    assert found.requester.national_person_id == "801234564895"
    assert found.requester.person is not None
    assert found.requester.person.authority.namespace == "ASIP-SANTE-PS"
    assert [part.address for part in found.professional_recipients] == ["adam.hoda@test-ci-sis.mssante.fr"]
    assert found.visit is not None and found.visit.number is not None
    assert found.document.cda is not None and found.document.cda.version_number == 2


@needs_official
@pytest.mark.requirement("F-PFI-11")
def test_the_official_oru_with_patient_and_professional_is_accepted() -> None:
    found = read(official("trans_doc_v2_1/oru_n3_replacement/message_ORU_CR_Bio_RPLC_N3_SEGUR.hl7"))
    assert found.action is Action.REPLACE
    assert found.document.id.root == "1.2.250.1.213.1.1.13"
    assert [part.address for part in found.patient_recipients] == ["279035121518989@patient.mssante.fr"]
    assert found.patient_recipients[0].person is not None
    assert found.patient_recipients[0].person.authority.universal_id == INS.oid
    assert len(found.professional_recipients) == 1
    assert found.reply_addresses == ("adam.hoda@test-ci-sis.mssante.fr",)
    assert found.body_professional.endswith("M.Dupon")
    assert any("base64" in warning for warning in found.warnings)
    assert found.recorded_at is None


@needs_official
def test_the_official_initial_order_is_refused_because_its_document_is_not_xml() -> None:
    raw = official("trans_doc_v2_1/mdm_initial/message_MDM_CR_Radio_INIT_N1.er7")
    assert refusal(raw) == ("102", "OBX^1^5")


@needs_official
def test_the_official_initial_order_is_accepted_with_a_document_inside() -> None:
    raw = official("trans_doc_v2_1/mdm_initial/message_MDM_CR_Radio_INIT_N1.er7").replace(b"\n", b"\r")
    xml = official("trans_doc_v2_1/mdm_replacement/CR_Radio_CDAN1_v2.XML")
    start, end = xml.index(b"<relatedDocument"), xml.index(b"</relatedDocument>") + len(b"</relatedDocument>")
    first = patched(xml[:start] + xml[end:], (b"71024000082", b"71024000081"))
    found = read(with_document(raw, first))
    assert found.action is Action.INITIAL
    assert found.document.id.root.endswith("71024000081")


@needs_official
def test_the_official_identity_mismatch_never_reaches_the_dmp() -> None:
    raw = official("trans_doc_v2_1/oru_n1_n3_deletion/message_ORU_CR_Bio_DEL_N1_Base64_N3_Base64.er7")
    assert refusal(raw) == ("207", "PID^1^3")


@needs_official
@pytest.mark.parametrize(
    "name",
    [
        "oru_n1_n3_initial/message_ORU_CR_Bio_INIT_N1_N3.hl7",
        "oru_n1_n3_deletion/message_ORU_CR_Bio_DEL_N1_N3.er7",
    ],
)
def test_official_orders_of_two_documents_with_dummy_content_are_refused_on_the_content(name: str) -> None:
    assert refusal(official(f"trans_doc_v2_1/{name}")) == ("102", "OBX^1^5")


@needs_official
def test_an_official_order_of_two_documents_is_accepted_with_documents_inside() -> None:
    raw = official("trans_doc_v2_1/oru_n1_n3_initial/message_ORU_CR_Bio_INIT_N1_N3.hl7")
    dummy = b"RG9jdW1lbnQgbWVkY2lhbCBhdSBmb3JtYXQgQ0RBIG5pdmVhdSAx"
    assert raw.count(dummy) == 2
    for number in (1, 2):
        raw = raw.replace(dummy, b64encode(cda(number, code="11502-2")), 1)
    found = read(raw)
    assert [document.id for document in found.documents] == [document_id(1), document_id(2)]
    assert found.flags.ack_reception and found.flags.ack_reading


@needs_official
@pytest.mark.requirement("F-PFI-11")
@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("trans_doc_v2_0/mdm_initial/message_MDM_CR_Radio_INIT_N1_Base64.er7", Profile.V20),
        ("trans_doc_v2_0/oru_n1_n3_deletion/message_ORU_CR_Bio_DEL_N1_Base64_N3_Base64.er7", Profile.V20),
    ],
)
def test_wave_1_orders_are_read_by_a_lenient_profile_and_refused_by_the_strict_one(
    name: str, profile: Profile
) -> None:
    raw = official(name)
    found = read(raw, profile=profile)
    assert found.warnings
    assert found.flags.dest_dmp
    assert refusal(raw)[0] in {"100", "103"}


@needs_official
@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("name", official_names("trans_doc*/**/message*"))
def test_every_official_order_is_accepted_or_refused_with_a_code(name: str, profile: Profile) -> None:
    try:
        read(official(name), profile=profile)
    except Hl7Error as refused:
        assert refused.code in {"100", "102", "103", "207"}
        assert refused.location


@needs_official
def test_the_chain_of_one_document_is_accepted_from_first_to_deletion() -> None:
    replacement = read(official("trans_doc_v2_1/mdm_replacement/message_MDM_CR_Radio_RPLC_N1.er7"))
    raw = official("trans_doc_v2_1/mdm_replacement/message_MDM_CR_Radio_RPLC_N1.er7")
    deletion = read(
        patched(
            raw,
            (b"MDM^T10", b"MDM^T04"),
            (b"ORC|RO", b"ORC|CA"),
            (b"||||||C|", b"||||||D|"),
            (b"|015|", b"|016|"),
        )
    )
    assert deletion.action is Action.DELETE
    assert deletion.document.id == replacement.document.id


# --- What a partner may write otherwise -------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        lambda content: b64encode(content).rstrip(b"="),
        lambda content: b" " + b64encode(content) + b" ",
        lambda content: b"\n".join(
            b64encode(content)[at : at + 76] for at in range(0, len(b64encode(content)), 76)
        ),
    ],
)
def test_base64_may_be_unpadded_blank_surrounded_or_wrapped(encode: Any) -> None:
    content = cda()
    raw = build_mdm(order())
    assert read(raw.replace(b64encode(content), encode(content))) == order()


def test_a_document_may_travel_in_hexadecimal_or_as_text() -> None:
    content = cda()
    raw = build_mdm(order())
    encoded = b"Base64^" + b64encode(content)
    assert read(raw.replace(encoded, b"Hex^" + content.hex().encode())).document.content == content
    flat = content.replace(b"\n", b" ").replace(b"&", b"\\T\\")
    assert read(raw.replace(encoded, b"A^" + flat)).document.content == flat


def test_a_body_that_lost_its_last_character_is_kept_with_a_warning() -> None:
    body = b64encode("Chère consœur,\nvoici | la ^ lettre.".encode())
    found = read(build_mdm(order()).replace(body, body[:-3]))
    assert found.body_professional == "Chère consœur,\nvoici | la ^ lettre"
    assert any("tronqué" in warning for warning in found.warnings)


def test_a_body_cut_inside_a_letter_loses_that_letter_only() -> None:
    body = b64encode("Chère consœur,\nvoici | la ^ lettre.".encode())
    cut = b64encode("Dupé".encode())[:5]
    assert read(build_mdm(order()).replace(body, cut)).body_professional == "Dup"


def test_a_body_may_be_plain_text_or_windows_text() -> None:
    body = b64encode(b"Voici votre lettre.")
    raw = build_mdm(order())
    plain = patched(
        raw, (b"|ED|CORPSMAIL_PATIENT", b"|TX|CORPSMAIL_PATIENT"), (b"^text^^Base64^" + body, b"Voici")
    )
    assert read(plain).body_patient == "Voici"
    windows = raw.replace(body, b64encode("été".encode("cp1252")))
    assert read(windows).body_patient == "été"


def test_metadata_may_come_in_any_order_under_former_names() -> None:
    raw = build_mdm(order(flags=replace(FLAGS, invisible_rep_legaux=True)))
    raw = patched(
        raw,
        (b"INVISIBLE_REP_LEGAUX^", b"INVISIBLE_REPRESENTANTS_LEGAUX^"),
        (b"MODIF_CONF_CODE^", b"MODIF_CONFIDENTIALITYCODE^"),
        (b"ACK_LECTURE_MSS^", b"ACK_LECTURE^"),
        (b"^MetaDMPMSS", b""),
        (b"^^expandedYes-NoIndicator", b"^^HL70136"),
    )
    lines = [line for line in raw.split(b"\r") if line]
    rows = [line for line in lines if line.startswith(b"OBX") and not line.startswith(b"OBX|1|")]
    others = [line for line in lines if line not in rows]
    assert read(b"\r".join([*others, *reversed(rows)])).flags == replace(FLAGS, invisible_rep_legaux=True)


def test_a_former_name_without_effect_is_ignored() -> None:
    raw = build_mdm(order()) + b"OBX|14|CWE|COMP_LOT^x^MetaDMPMSS||N||||||F\r"
    assert read(raw) == order()


def test_missing_acknowledgement_rows_mean_no() -> None:
    raw = build_mdm(order())
    lines = [line for line in raw.split(b"\r") if b"ACK_RECEPTION" not in line and b"ACK_LECTURE" not in line]
    flags = read(b"\r".join(lines)).flags
    assert not flags.ack_reception and not flags.ack_reading


def test_an_address_one_field_too_far_is_found() -> None:
    raw = build_mdm(order())
    moved = raw.replace(b"|^^X.400^paul", b"||^^X.400^paul")
    assert read(moved) == order()
    near = raw.replace(b"|||||||||^^X.400^service", b"||||||||^^X.400^service")
    assert read(near) == order()


def test_two_documents_of_one_oru_keep_their_own_ids() -> None:
    both = oru_order(documents=(carried(), carried(id=document_id(5), content=cda(5))))
    assert read(build_oru(both)) == both


def test_an_oru_may_come_without_visit() -> None:
    sent = oru_order(visit=None)
    assert read(build_oru(sent)) == sent


def test_a_document_outside_any_visit_says_so() -> None:
    sent = order(visit=None)
    assert parse_message(build_mdm(sent)).get("PV1-2") == "N"
    assert read(build_mdm(sent)) == sent


def test_a_software_may_be_the_requester_and_mailboxes_of_all_kinds_receive() -> None:
    device = device_requester(device="AUTOMATE-1", structure="HOPITAL", finess_site="990000101")
    clinic = organisation_recipient(name="CLINIQUE", finess_site="990000200", address="a@exemple.mssante.fr")
    robot = device_recipient(device="LPS-7", address="b@exemple.mssante.fr")
    sent = order(participants=(device, clinic, robot, PATIENT_BOX))
    assert read(build_mdm(sent)) == sent
    assert sent.professional_recipients == (clinic, robot)
    assert sent.requester == device


@pytest.mark.parametrize(
    ("person", "is_patient", "identifier"),
    [
        (Person("10100000001", identifier_type="RPPS"), False, "810100000001"),
        (Person("810100000001", identifier_type="IDNPS"), False, "810100000001"),
        (Person("279035121518989", identifier_type="INS"), True, "279035121518989"),
        (Person("279035121518989", authority=Authority("", INS.oid, "ISO")), True, "279035121518989"),
    ],
)
def test_national_forms_of_identifiers_depend_on_their_length(
    person: Person, is_patient: bool, identifier: str
) -> None:
    part = Participant(Participation.RECIPIENT, person)
    assert (part.is_patient, part.national_person_id) == (is_patient, identifier)


def test_a_structure_of_ten_characters_is_already_national() -> None:
    part = replace(REQUESTER, organisation=Organisation(identifier="1120459876"))
    assert part.national_structure_id == "1120459876"


# --- What is refused --------------------------------------------------------------------------------

INITIAL = build_mdm(order())
REPLACE = build_mdm(order(Action.REPLACE))
EXTERNAL_ENTITY = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
REFUSALS: list[tuple[bytes, str, str]] = [
    # header
    (patched(INITIAL, (b"MDM^T02^MDM_T02", b"ADT^A01")), "200", "MSH^1^9"),
    (patched(INITIAL, (b"MDM^T02^MDM_T02", b"OUL^R22")), "200", "MSH^1^9"),
    (patched(INITIAL, (b"MDM^T02^MDM_T02", b"MDM^T01")), "201", "MSH^1^9^1^2"),
    (patched(INITIAL, (b"|2.6|", b"|2.5|")), "203", "MSH^1^12"),
    (patched(INITIAL, (b"|P|2.6|", b"|Z|2.6|")), "202", "MSH^1^11"),
    (patched(INITIAL, (b"|||2.1^CISIS_CDA_HL7_V2", b"")), "101", "MSH^1^21"),
    (patched(INITIAL, (b"CISIS_CDA_HL7_V2", b"OTHER")), "103", "MSH^1^21"),
    # structure
    *(
        (without_line(INITIAL, name), "100", f"{name.decode()}^1")
        for name in (b"EVN", b"PID", b"PV1", b"ORC")
    ),
    *(
        (without_line(INITIAL, name), "100", f"{name.decode()}^1")
        for name in (b"OBR", b"TXA", b"OBX", b"PRT")
    ),
    (without_line(INITIAL, b"OBX|1|"), "100", "OBX^1"),
    (without_line(INITIAL, b"TXA") + b"TXA|1|11490-0|TEXT\r", "100", "OBX^1"),
    (INITIAL + b"ORC|NW\r", "198", "ORC^2"),
    (INITIAL + b"OBX|99|ED|11490-0^X^LN||^text^XML^Base64^QUJD||||||F\r", "198", "OBX^14"),
    (INITIAL + b"PRT||UC||REPLY|||||||||||^^X.400^a@b.fr\r", "100", "PRT^5"),
    (patched(INITIAL, (b"PV1|1|I", b"PV1|1|X")), "103", "PV1^1^2"),
    (patched(INITIAL, (b"25000042^^^CHX&000897406&N^VN", b"")), "101", "PV1^1^19"),
    # markers
    (patched(INITIAL, (b"ORC|NW", b"ORC|RO")), "199", "ORC^1^1"),
    (patched(INITIAL, (b"ORC|NW", b"ORC|SC")), "103", "ORC^1^1"),
    (patched(INITIAL, (b"ORC|NW", b"ORC|")), "101", "ORC^1^1"),
    (patched(INITIAL, (b"MDM^T02", b"MDM^T10")), "199", "OBX^1^11"),
    (patched(INITIAL, (b"ORC|NW", b"ORC|CA"), (b"MDM^T02", b"MDM^T04")), "199", "ORC^1^1"),
    (patched(REPLACE, (b"||||||C\r", b"||||||X\r")), "103", "OBX^1^11"),
    (patched(REPLACE, (b"||||||C\r", b"\r")), "101", "OBX^1^11"),
    # TXA
    (patched(INITIAL, (b"|AU\r", b"|LA\r")), "103", "TXA^1^17"),
    (patched(INITIAL, (b"TXA|1|11490-0", b"TXA|1|34112-3")), "199", "TXA^1^2"),
    (patched(INITIAL, (b"|||||||||1.2.250.1.999.1.2025.1|", b"||||||||||")), "101", "TXA^1^12"),
    (patched(INITIAL, (b"|||||||||1.2.250.1.999.1.2025.1|", b"|||||||||1.2.3|")), "199", "TXA^1^12"),
    (patched(REPLACE, (b"|1.2.250.1.999.1.2025.1|", b"||")), "101", "TXA^1^13"),
    (patched(REPLACE, (b"|1.2.250.1.999.1.2025.1|", b"|1.2.3|")), "199", "TXA^1^13"),
    # the document
    (with_document(INITIAL, b"ceci n'est pas du XML"), "102", "OBX^1^5"),
    (with_document(INITIAL, b"<ClinicalDocument/>"), "102", "OBX^1^5"),
    (
        with_document(INITIAL, b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        "102",
        "OBX^1^5",
    ),
    (with_document(INITIAL, cda().replace(b'<id root="1.2.250.1.999.1.2025.1"/>', b"")), "102", "OBX^1^5"),
    (with_document(INITIAL, cda(code="34112-3")), "199", "OBX^1^3"),
    (with_document(INITIAL, cda(ins=None)), "207", "PID^1^3"),
    (with_document(INITIAL, cda(ins=Ins("279035121518988", INS.oid))), "207", "PID^1^3"),
    (with_document(INITIAL, cda(ins=Ins(INS.matricule, "1.2.250.1.213.1.4.8"))), "207", "PID^1^3"),
    (with_document(REPLACE, cda(2)), "199", "OBX^1^5"),
    (patched(INITIAL, (b"^text^XML^Base64^", b"^text^XML^Base64^*")), "102", "OBX^1^5^1^5"),
    (patched(INITIAL, (b"^text^XML^Base64^", "^text^XML^Base64^é".encode())), "102", "OBX^1^5^1^5"),
    (patched(INITIAL, (b"^text^XML^Base64^", b"^text^XML^Hex^")), "102", "OBX^1^5^1^5"),
    (patched(INITIAL, (b"^text^XML^Base64^", b"^text^XML^ROT13^")), "102", "OBX^1^5^1^4"),
    (patched(INITIAL, (b"^text^XML^Base64^", b"^text^PDF^Base64^")), "103", "OBX^1^5^1^3"),
    (patched(INITIAL, (b"^text^XML^Base64^", b"^image^XML^Base64^")), "103", "OBX^1^5^1^2"),
    (patched(INITIAL, (b64encode(cda()), b"")), "101", "OBX^1^5^1^5"),
    (patched(INITIAL, (b"OBX|1|ED|11490-0", b"OBX|1|TX|11490-0")), "100", "OBX^1"),
    (patched(INITIAL, (b"OBX|1|ED|11490-0", b"OBX|1|ED|34112-3")), "199", "OBX^1^3"),
    # metadata
    (patched(INITIAL, (b"|MASQUE_PS^", b"|MASQUE_XX^")), "103", "OBX^2^3"),
    (without_line(INITIAL, b"OBX|2|"), "100", "OBX^13^3"),
    (INITIAL + b"OBX|14|CWE|DESTDMP||N||||||F\r", "198", "OBX^14^3"),
    (patched(INITIAL, (b"MetaDMPMSS||Y^", b"MetaDMPMSS||O^")), "103", "OBX^7^5"),
    # participants and rules
    (patched(INITIAL, (b"||SB^", b"||^")), "101", "PRT^1^4"),
    (patched(INITIAL, (b"||SB^", b"||XX^")), "103", "PRT^1^4"),
    (patched(INITIAL, (b"^^X.400^service@exemple.mssante.fr", b"")), "101", "PRT^4^15^1^4"),
    (without_line(INITIAL, b"PRT||UC||SB"), "207", "PRT^4"),
    (patched(INITIAL, (b"99700900014", b"")), "101", "PRT^1^5"),
    (patched(INITIAL, (b"990000101", b"")), "101", "PRT^1^8^1^10"),
    (build_mdm(order(flags=OrderFlags())), "207", "OBX^7^5"),
    (build_mdm(order(flags=replace(FLAGS, invisible_patient=True))), "207", "OBX^9^5"),
    (build_mdm(order(participants=(REQUESTER, PATIENT_BOX))), "101", "PRT^3"),
    (build_mdm(order(participants=(REQUESTER, DOCTOR))), "101", "PRT^3"),
    (patched(INITIAL, (b"|VALI\r", b"|PROV\r")), "207", "PID^1^32"),
    (patched(INITIAL, (b"|VALI\r", b"|VALI~DOUT\r")), "207", "PID^1^32"),
]


@pytest.mark.requirement("F-PFI-11")
@pytest.mark.parametrize(("raw", "code", "location"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_wrong_order_is_refused_with_its_code_and_place(raw: bytes, code: str, location: str) -> None:
    assert refusal(raw) == (code, location)


def test_an_order_without_ins_never_feeds_the_dmp() -> None:
    sent = order(patient=patient(IdentityStatus.VALIDATED), documents=(carried(content=cda(1, ins=None)),))
    assert refusal(build_mdm(sent)) == ("207", "PID^1^3")


def test_a_test_identity_is_refused_in_production() -> None:
    assert refusal(INITIAL, ins_oids=PRODUCTION_INS_OIDS) == ("207", "PID^1^3")
    assert refusal(INITIAL, processing_ids=frozenset("T")) == ("202", "MSH^1^11")


def test_the_value_sets_of_document_types_are_enforced_when_given() -> None:
    assert refusal(INITIAL, type_codes=frozenset({"34112-3"})) == ("103", "OBR^1^4")
    assert refusal(INITIAL, dmp_type_codes=frozenset({"34112-3"})) == ("103", "OBR^1^4")
    assert read(INITIAL, type_codes=frozenset({"11490-0"}), dmp_type_codes=frozenset({"11490-0"}))


def test_two_documents_of_one_oru_have_one_action() -> None:
    raw = build_oru(oru_order(documents=(carried(), carried(id=document_id(5), content=cda(5)))))
    lines = raw.split(b"\r")
    at = next(index for index, line in enumerate(lines) if line.startswith(b"OBX|2|"))
    lines[at] = lines[at][:-1] + b"D"
    assert refusal(b"\r".join(lines)) == ("199", "OBX^2^11")


def test_a_third_document_is_one_too_many() -> None:
    raw = build_oru(oru_order(documents=(carried(), carried(id=document_id(5), content=cda(5)))))
    second = next(line for line in raw.split(b"\r") if line.startswith(b"OBX|2|"))
    assert refusal(raw.replace(second, second + b"\r" + second)) == ("198", "OBX^3")


@pytest.mark.parametrize(
    ("mode", "warns"), [(MatrixMode.OFF, False), (MatrixMode.WARN, True), (MatrixMode.STRICT, None)]
)
def test_the_printed_matrix_is_off_warned_or_strict(mode: MatrixMode, warns: bool | None) -> None:
    outside = OrderFlags(masque_ps=True, dest_mss_professional=True)
    raw = build_mdm(order(flags=outside))
    if warns is None:
        assert refusal(raw, matrix=mode) == ("207", "OBX^8^5")
    else:
        found = read(raw, matrix=mode)
        assert any("matrice" in warning for warning in found.warnings) == warns


@pytest.mark.parametrize(
    "inside",
    [
        OrderFlags(dest_mss_professional=True, dest_mss_patient=True, dest_dmp=True, connexion_secrete=True),
        OrderFlags(dest_mss_professional=True, invisible_patient=True, dest_dmp=True),
        OrderFlags(dest_mss_patient=True, masque_ps=True, invisible_rep_legaux=True),
    ],
)
def test_each_row_of_the_printed_matrix_passes_the_strict_mode(inside: OrderFlags) -> None:
    assert read(build_mdm(order(flags=inside)), matrix=MatrixMode.STRICT).flags == inside


def test_the_rules_may_be_asked_before_sending() -> None:
    with pytest.raises(Hl7Error) as refused:
        check_order(order(flags=replace(FLAGS, invisible_patient=True)), MdmRules(), [])
    assert refused.value.location == "OBX^9^5"


def test_an_id_with_an_extension_travels_in_two_components() -> None:
    raw = patched(INITIAL, (b"|1.2.250.1.999.1.2025.1|", b"|1^^1.2.250.1.999.1.2025^ISO|"))
    found = read(raw)
    assert found.document.id == document_id(1)
    assert any("TXA-12" in warning for warning in found.warnings)
    exact = carried(
        id=Id("1.2.250.1.999.1.2025", "1"), content=cda().replace(b'2025.1"/>', b'2025" extension="1"/>')
    )
    sent = order(documents=(exact,))
    assert read(build_mdm(sent)) == sent


def test_a_local_identifier_in_one_place_only_is_a_warning() -> None:
    found = read(with_document(INITIAL, cda(ipp="000004")))
    assert any("locaux" in warning for warning in found.warnings)


def test_a_first_transmission_of_a_later_version_is_a_warning() -> None:
    found = read(with_document(INITIAL, cda(1, parent=7)))
    assert any("remplace" in warning for warning in found.warnings)
    assert found.document.replaced_id is None


def test_a_wave_1_oul_is_taken_from_a_partner_of_that_profile_only() -> None:
    raw = patched(build_oru(oru_order()), (b"ORU^R01^ORU_R01", b"OUL^R22^OUL_R22"))
    assert read(raw, profile=Profile.V12).document.id == document_id(1)
    assert refusal(raw, profile=Profile.V20) == ("200", "MSH^1^9")


@pytest.mark.parametrize(
    "change",
    [
        (b"25000042^^^CHX&000897406&N^VN", b""),
        (b"|AU\r", b"|LA\r"),
        (b"^^X.400^service@exemple.mssante.fr", b""),
        (b"|||2.1^CISIS_CDA_HL7_V2", b""),
        (b"|||||||||1.2.250.1.999.1.2025.1|", b"|||||||||2638|"),
    ],
)
def test_what_a_lenient_profile_forgives(change: tuple[bytes, bytes]) -> None:
    assert read(INITIAL.replace(*change), profile=Profile.V20).flags == FLAGS


def test_a_lenient_profile_forgives_missing_rows() -> None:
    found = read(without_line(INITIAL, b"OBX|2|"), profile=Profile.V12)
    assert not found.flags.masque_ps
    assert any("MASQUE_PS absente" in warning for warning in found.warnings)


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize(
    ("start", "expected"), [(b"PRT||UC||SB", ("207", "PRT^4")), (b"PRT||UC||RCT", ("101", "PRT^3"))]
)
def test_no_profile_forgives_participants_without_whom_nothing_is_carried(
    start: bytes, expected: tuple[str, str], profile: Profile
) -> None:
    assert refusal(without_line(INITIAL, start), profile=profile) == expected


def test_no_text_of_a_refusal_quotes_the_patient() -> None:
    for raw, _, _ in REFUSALS:
        with pytest.raises(Hl7Error) as refused:
            read(raw)
        for value in ("PAT-TROIS", "DOMINIQUE", INS.matricule, "99700900014", "etc/passwd"):
            assert value not in str(refused.value)


def test_a_reply_address_needs_no_person() -> None:
    assert read(INITIAL).reply_addresses == (REPLY.address,)


def test_the_document_that_is_read_is_the_document_that_was_sent() -> None:
    assert read(INITIAL).document.content == cda()
    assert b64decode(parse_message(INITIAL).get("OBX-5.5")) == cda()
