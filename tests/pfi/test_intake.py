"""Orders received by the PFI: checked, stored, taken in charge or refused (spec hl7v2 2.9)."""

from dataclasses import replace

import pytest

from consent.enums import ChoiceValue
from establishment.enums import Switch
from establishment.models import InstallationSwitch
from exchange.enums import MessageState
from exchange.models import Message, Partner
from exchange.services import message_receive
from interop.cda.datatypes import Id
from interop.hl7v2 import Action, build_oru
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.datatypes import Coded
from pfi.enums import JobAction, JobState
from pfi.models import Job
from sending.worker import orders_drain
from tests.factories import MailboxFactory, SwitchFactory
from tests.interop.hl7v2 import samples
from tests.interop.hl7v2.official import patched, with_document
from tests.pfi.orders import TO_DMP, order, raw_order

pytestmark = pytest.mark.requirement("F-PFI-11", "F-PFI-16")


def receive(raw):
    return parse_ack(message_receive(partner=Partner.objects.get(code="pfi"), raw=raw))


def refused(raw):
    """The fault of a refused order: nothing was taken in charge, the bytes are kept."""
    ack = receive(raw)
    assert ack.code == "AE"
    assert not Job.objects.exists()
    message = Message.objects.get()
    assert (bytes(message.raw), bytes(message.ack) != b"") == (raw, True)
    assert message.state in (MessageState.REFUSED, MessageState.UNREADABLE)
    (fault,) = ack.faults
    assert fault.text
    assert message.error
    return fault


# --- taken in charge ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "job_action", "replaced"),
    [
        (Action.INITIAL, JobAction.INITIAL, ""),
        (Action.REPLACE, JobAction.REPLACE, f"{samples.ROOT}1"),
        (Action.DELETE, JobAction.DELETE, ""),
    ],
)
def test_an_accepted_order_is_one_job_with_the_identifiers_that_will_leave(
    ward, action, job_action, replaced
):
    made = order(action)
    assert receive(raw_order(action, header=made.header)).code == "AA"
    job = Job.objects.get()
    assert (job.action, job.state) == (job_action, JobState.PENDING)
    assert job.document_unique_id == made.document.id.root
    assert job.replaced_unique_id == replaced or action is Action.DELETE
    assert job.submission_set_id.startswith("1.2.250.1.999.1.9900010.3.")
    assert (job.visit_number, job.message.control_id) == ("25000042", made.header.control_id)
    assert [event.kind for event in job.events.all()] == ["created"]


def test_the_lineage_is_the_setid_of_the_cda_else_the_document_itself(ward):
    version = ward.write_letter()
    orders_drain(worker="test")
    assert Job.objects.get().lineage == version.document.set_id
    receive(raw_order())
    assert Job.objects.latest("id").lineage == f"{samples.ROOT}1"


def test_documents_of_one_root_are_told_apart_by_their_extension(ward):
    for extension in ("A1", "A2"):
        assert receive(raw_order(**samples.by_extension(extension))).code == "AA"
    assert receive(raw_order(Action.REPLACE, **samples.by_extension("A3", parent="A1"))).code == "AA"
    assert receive(raw_order(Action.DELETE, **samples.by_extension("A3", parent="A1"))).code == "AA"
    key = samples.SAME_ROOT
    told = list(Job.objects.order_by("id").values_list("document_unique_id", "replaced_unique_id", "lineage"))
    assert told == [
        (f"{key}^A1", "", f"{key}^A1"),
        (f"{key}^A2", "", f"{key}^A2"),
        (f"{key}^A3", f"{key}^A1", f"{key}^A1"),
        (f"{key}^A3", f"{key}^A1", f"{key}^A1"),
    ]


def test_series_of_one_root_are_told_apart_by_the_extension_of_their_setid(ward):
    for extension, series in (("A1", "S1"), ("A2", "S2"), ("A3", "S1")):
        assert receive(raw_order(**samples.by_extension(extension, series=series))).code == "AA"
    lineages = Job.objects.order_by("id").values_list("lineage", flat=True)
    assert list(lineages) == [f"{samples.SAME_ROOT}^{series}" for series in ("S1", "S2", "S1")]


@pytest.mark.parametrize("root", ["HOPITAL-A.42", "1.2." + "3" * 130])
def test_an_identifier_that_could_not_leave_is_refused_at_once(ward, root):
    document = samples.carried(id=Id(root))
    content = document.content.replace(f"{samples.ROOT}1".encode(), root.encode())
    fault = refused(raw_order(documents=(replace(document, content=content),)))
    assert (fault.code, fault.location) == ("102", "OBX^1^5")


@pytest.mark.requirement("F-PFI-12")
def test_an_oru_is_taken_in_charge_too(ward):
    assert receive(build_oru(samples.oru_order(participants=(samples.REQUESTER,), flags=TO_DMP))).code == "AA"
    assert Job.objects.count() == 1


@pytest.mark.requirement("F-PFI-19")
def test_a_duplicate_gets_the_first_answer_and_no_second_job(ward):
    raw = raw_order()
    partner = Partner.objects.get(code="pfi")
    first = message_receive(partner=partner, raw=raw)
    assert message_receive(partner=partner, raw=raw) == first
    assert Job.objects.count() == Message.objects.count() == 1


@pytest.mark.requirement("F-PFI-19")
def test_a_refused_duplicate_gets_the_same_refusal(ward):
    InstallationSwitch.objects.update(is_on=False)
    raw = raw_order()
    partner = Partner.objects.get(code="pfi")
    first = message_receive(partner=partner, raw=raw)
    InstallationSwitch.objects.update(is_on=True)
    assert message_receive(partner=partner, raw=raw) == first
    assert not Job.objects.exists()


def test_other_bytes_under_the_same_identifier_are_a_conflict(ward):
    raw = raw_order()
    receive(raw)
    assert receive(raw.replace(b"LEZOUX", b"AILLEURS")).code == "AE"
    assert Job.objects.count() == 1


# --- refused, line by line ---------------------------------------------------------------------
SEGMENTS = {"PID": b"\rPID|", "ORC": b"\rORC|", "OBR": b"\rOBR|", "TXA": b"\rTXA|"}


def without(raw, name):
    lines = [line for line in raw.split(b"\r") if not line.startswith(name.encode() + b"|")]
    return b"\r".join(lines)


def with_field(raw, name, number, value):
    """Replace one field of the first segment of a name."""
    lines = raw.split(b"\r")
    at = next(index for index, line in enumerate(lines) if line.startswith(name.encode() + b"|"))
    fields = lines[at].split(b"|")
    fields[number - 1 if name == "MSH" else number] = value
    lines[at] = b"|".join(fields)
    return b"\r".join(lines)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (9, b"MDM^T01^MDM_T02", "201"),
        (12, b"2.4", "203"),
        (11, b"X", "202"),
        (11, b"T", "202"),
    ],
)
def test_step_2_type_version_and_processing(ward, field, value, code):
    assert refused(with_field(raw_order(), "MSH", field, value)).code == code


@pytest.mark.parametrize("name", SEGMENTS)
def test_step_3_a_missing_segment(ward, name):
    assert refused(without(raw_order(), name)).code == "100"


@pytest.mark.parametrize(
    ("name", "field", "place"), [("PID", 3, "PID^1^3"), ("OBR", 4, "OBR^1^4"), ("TXA", 12, "TXA^1^12")]
)
def test_step_3_a_missing_field_is_named(ward, name, field, place):
    fault = refused(with_field(raw_order(), name, field, b""))
    assert (fault.code, fault.location[: len(place)]) == ("101", place)


@pytest.mark.parametrize(
    ("name", "field", "value"), [("ORC", 1, b"RO"), ("ORC", 1, b"CA"), ("OBX", 11, b"C"), ("OBX", 11, b"D")]
)
def test_step_4_markers_that_disagree(ward, name, field, value):
    assert refused(with_field(raw_order(), name, field, value)).code == "199"


@pytest.mark.parametrize(
    "content",
    [
        b"not xml",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY e "x">]><ClinicalDocument xmlns="urn:hl7-org:v3">&e;</ClinicalDocument>',
    ],
)
def test_step_5_a_document_that_is_no_cda(ward, content):
    assert refused(with_document(raw_order(), content)).code == "102"


def test_step_5_base64_that_is_none(ward):
    raw = raw_order()
    start = raw.index(b"^Base64^") + len(b"^Base64^")
    assert refused(raw[:start] + b"***" + raw[start + 3 :]).code == "102"


@pytest.mark.requirement("F-PFI-15")
@pytest.mark.parametrize(
    ("number", "changes", "codes"),
    [
        (1, {"code": "11502-2"}, {"103", "199"}),
        (9, {}, {"199"}),
        (1, {"ins": samples.Ins("275126322074974", samples.INS.oid)}, {"207"}),
        (1, {"ins": None}, {"207"}),
    ],
    ids=["type", "identifier", "other patient", "no ins"],
)
def test_step_6_a_message_that_contradicts_its_document(ward, number, changes, codes):
    assert refused(with_document(raw_order(), samples.cda(number, **changes))).code in codes


def test_step_6_a_replacement_that_names_another_parent(ward):
    document = samples.cda(2, parent=7)
    assert refused(with_document(raw_order(Action.REPLACE), document)).code == "199"


@pytest.mark.parametrize("flag", [b"DESTDMP", b"INVISIBLE_PATIENT", b"MODIF_CONF_CODE"])
def test_step_7_a_missing_flag(ward, flag):
    lines = [line for line in raw_order().split(b"\r") if b"|" + flag + b"^" not in line]
    assert refused(b"\r".join(lines)).code in {"100", "101"}


def test_step_7_a_flag_that_is_neither_yes_nor_no(ward):
    raw = patched(raw_order(), (b"DESTDMP^", b"DESTDMP^"))
    line = next(line for line in raw.split(b"\r") if b"|DESTDMP^" in line)
    assert refused(raw.replace(line, line.replace(b"|Y^", b"|O^"))).code == "103"


def test_step_7_no_destination_at_all(ward):
    assert refused(raw_order(flags=replace(TO_DMP, dest_dmp=False))).code == "207"


@pytest.mark.requirement("F-PFI-03", "F-PFI-15")
def test_step_8_an_identity_that_is_not_qualified_does_not_reach_the_dmp(ward):
    identity = samples.patient(samples.IdentityStatus.VALIDATED)
    document = samples.carried(content=samples.cda(1, ins=None))
    assert refused(raw_order(patient=identity, documents=(document,))).code == "207"


# Types of JDV_J07 that JDV_J66 does not hold: the DMP admits none of them.
NOT_FOR_THE_DMP = ["PIECE-IDENTITE", "EXPORT_DUI", "51851-4"]


def of_type(code, **flags):
    """An order whose message and document both say this type, for the DMP and for a colleague."""
    document = samples.carried(type=Coded(code, "Autre", "LN"), content=samples.cda(1, code=code))
    return raw_order(
        documents=(document,),
        participants=(samples.REQUESTER, samples.DOCTOR),
        flags=replace(TO_DMP, dest_mss_professional=True, **flags),
    )


@pytest.fixture
def mails(ward):
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    MailboxFactory()


@pytest.mark.requirement("F-PFI-03")
@pytest.mark.parametrize("code", NOT_FOR_THE_DMP)
def test_step_8_a_type_that_the_dmp_does_not_admit_is_refused_with_its_place(ward, mails, code):
    fault = refused(of_type(code))
    assert (fault.code, fault.location) == ("103", "OBR^1^4")
    assert "JDV_J66" in fault.text


@pytest.mark.parametrize("code", NOT_FOR_THE_DMP)
def test_step_8_the_same_type_is_mailed_when_the_dmp_is_not_asked_for(ward, mails, code):
    assert receive(of_type(code, dest_dmp=False)).code == "AA"
    assert [job.channel for job in Job.objects.all()] == ["mssante_pro"]


@pytest.mark.parametrize("code", ["11490-0", "18748-4", "101881-1", "SYNTH"])
def test_step_8_a_type_that_the_dmp_admits_is_taken_in_charge(ward, mails, code):
    assert receive(of_type(code)).code == "AA"
    assert {job.channel for job in Job.objects.all()} == {"dmp", "mssante_pro"}


def test_step_8_from_a_partner_of_wave_1_the_type_is_that_of_the_document(ward, mails):
    Partner.objects.filter(code="pfi").update(profile="2.0")
    fault = refused(without(of_type("PIECE-IDENTITE"), "OBR"))
    assert (fault.code, fault.location) == ("103", "OBX^1^3")


def test_step_6_a_type_that_no_value_set_holds_is_refused_for_any_channel(ward, mails):
    fault = refused(of_type("00000-0", dest_dmp=False))
    assert (fault.code, fault.location) == ("103", "OBR^1^4")
    assert "JDV_J07" in fault.text


@pytest.mark.requirement("SC.DMP/CONF.12", "F-PFI-04")
def test_step_8_an_order_for_the_dmp_without_requester(ward):
    flags = replace(TO_DMP, dest_mss_professional=True)
    assert refused(raw_order(participants=(samples.DOCTOR,), flags=flags)).code == "207"


def test_step_1_bytes_that_are_no_message_are_kept_and_answered(ward):
    answer = message_receive(partner=Partner.objects.get(code="pfi"), raw=b"hello")
    message = Message.objects.get()
    assert (bytes(message.raw), message.state) == (b"hello", MessageState.UNREADABLE)
    assert b"\rMSA|AE" in answer and b"100^" in answer


# --- what this platform carries ----------------------------------------------------------------
@pytest.mark.requirement("F-DPI-13")
def test_a_platform_whose_switch_is_off_refuses_with_words(ward):
    InstallationSwitch.objects.update(is_on=False)
    fault = refused(raw_order())
    assert (fault.code, "canal non activé" in fault.text, "DESTDMP" in fault.text) == ("207", True, True)


@pytest.mark.requirement("F-DPI-13")
@pytest.mark.parametrize("flag", ["dest_mss_professional", "dest_mss_patient"])
def test_a_channel_that_is_switched_off_is_refused_not_forgotten(ward, flag):
    participants = (samples.REQUESTER, samples.DOCTOR, samples.PATIENT_BOX)
    fault = refused(raw_order(participants=participants, flags=replace(TO_DMP, **{flag: True})))
    assert (fault.code, "canal non activé" in fault.text) == ("207", True)


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_order_for_a_patient_who_opposed_is_refused_but_a_deletion_is_not(ward):
    ward.episode.visit_number = "25000042"
    ward.episode.save()
    ward.choose(ChoiceValue.OPPOSED)
    assert receive(raw_order(Action.DELETE)).code == "AA"
    ack = receive(raw_order())
    assert (ack.code, ack.faults[0].code) == ("AE", "207")
    assert "opposé" in ack.faults[0].text
    assert Job.objects.get().action == JobAction.DELETE
