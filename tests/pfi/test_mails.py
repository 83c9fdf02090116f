"""Mails of the PFI, from the order of the DPI to the acknowledgement of each recipient.

Sources: spec mssante 1.4 to 1.10 and 4.1 to 4.3; hl7v2 2.6 to 2.8. The operator is in memory here; the
wire is proven with the sandbox.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from audit.models import Trace
from consent.enums import MessageChoiceValue
from consent.services import message_choice_record
from documents.models import Version
from documents.store import content_get
from establishment.enums import Switch
from exchange.enums import MessageState
from exchange.models import Message, Partner
from exchange.services import message_receive, messages_hand_over_due
from interop.cda.datatypes import Id
from interop.cda.parse import parse_cda
from interop.hl7v2 import Action
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.tokens import parse_message
from interop.hl7v2.zam import parse_zam
from interop.mail.codes import BounceReason, DeliveryAction, DispositionKind
from interop.mail.opening import open_mail
from interop.mail.reports import DeliveryReport, ReadReport, RecipientStatus
from interop.xdm.opening import open_xdm
from mssante.enums import MailboxKind
from mssante.models import Mailbox, OutgoingMail
from mssante.services import report_apply
from mssante.services.mails import CONFIGURATION_DELAY
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from national.mail.memory import MailSenderMemory
from national.retries import RETRIES
from patients.models import Patient
from pfi import mail_worker, stays
from pfi.mail_worker import mails_drain
from pfi.mailing import DEFAULT_BODIES
from pfi.mails import mails_oppose
from pfi.models import Job
from pfi.tasks import presume_delivered
from sending import services
from sending.enums import Channel, OrderReason, OrderState
from sending.models import Order
from sending.sizes import mail_size_of
from sending.worker import orders_drain
from tests.documents.arrivals import arriving, without_set
from tests.factories import MailboxFactory, SwitchFactory
from tests.hospital import MATRICULE
from tests.interop.hl7v2 import samples
from tests.pfi.orders import TO_DMP, raw_order
from tests.pfi.test_pdf_copy import with_body
from tests.sending.recipients import GP, PATIENT, PATIENT_MAY_REPLY, REFERRER

WORKER = "pfi-1"
PATIENT_ADDRESS = f"{MATRICULE}@patient.mssante.fr"
REFUSED = Rejected("550", "5.1.1 unknown mailbox")


@pytest.fixture
def operator(ward, monkeypatch):
    """The operator as a port, and a hospital whose PFI carries the mails."""
    memory = MailSenderMemory()
    monkeypatch.setattr(mail_worker, "mail_sender", lambda: memory)
    SwitchFactory(code=Switch.PFI_MSS_OUT)
    MailboxFactory()
    return memory


@pytest.fixture
def send(ward, operator):
    """Write a letter to recipients, hand it over, and mail it; the version."""

    def sent(*recipients, to_dmp=False, drain=True, **wishes):
        version = ward.write_letter(to_dmp=to_dmp, recipients=recipients, **wishes)
        orders_drain(worker=WORKER)
        if drain:
            mails_drain(worker=WORKER)
        return version

    return sent


def mail_to(address):
    return OutgoingMail.objects.get(recipient=address)


def received(operator, address):
    """What a recipient opens, the last mail."""
    raw = next(mail.raw for mail in reversed(operator.sent) if mail.recipient == address)
    return open_mail(raw)


def archive(mail):
    return open_xdm(next(part.content for part in mail.parts if part.file_name == "IHE_XDM.zip"))


def state(address):
    return Order.objects.filter(recipient_address=address).latest("id").state


def zams():
    found = Message.objects.filter(direction="out", type__startswith="ZAM").order_by("id")
    return [parse_zam(parse_message(bytes(message.raw))) for message in found]


def answered():
    """The creator of the orders gets what the PFI told."""
    while messages_hand_over_due(worker=WORKER):
        pass


def delivered(address, action=DeliveryAction.RELAYED, **told):
    mail = mail_to(address)
    status = RecipientStatus(address=address, action=action, status="2.0.0")
    return report_apply(
        report=DeliveryReport((status,), envelope_id=mail.envelope_id, **told), at=timezone.now()
    )


def bounced(address, status="5.1.1", reply_code="550", reason=None, **ids):
    told = RecipientStatus(
        address=address, action=DeliveryAction.FAILED, status=status, reply_code=reply_code
    )
    return report_apply(report=DeliveryReport((told,), reason=reason, **ids), at=timezone.now())


# --- what leaves -------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-06", "MSS/va1.23", "F-PFI-10")
def test_a_professional_gets_the_archive_and_the_pdf_under_the_headers_of_mssante(send, operator, settings):
    settings.MSS_NIL = "DEV935997"
    version = send(GP)
    mail = received(operator, GP.address)
    assert (
        mail.subject == "XDM/1.0/DDM+Lettre de liaison a la sortie d'un etabl PAT-TROIS DOMINIQUE 28/03/1979"
    )
    headers = {name: mail.header(name) for name in ("X-MSS-CODECDA", "X-MSS-INS", "X-MSS-NIL", "X-MSS-MES")}
    assert headers == {
        "X-MSS-CODECDA": "11490-0",
        "X-MSS-INS": "O",
        "X-MSS-NIL": "DEV935997",
        "X-MSS-MES": "",
    }
    row = mail_to(GP.address)
    assert (mail.message_id, operator.sent[0].envelope_id) == (row.message_id, row.envelope_id)
    assert mail.header("Disposition-Notification-To") == row.sender
    assert mail.header("Return-Receipt-To") == row.sender
    assert "PAT-TROIS DOMINIQUE" in mail.text
    opened = archive(mail)
    (document,) = opened.documents
    assert document.content == content_get(version.cda_sha256)
    pdf = next(part for part in mail.parts if part.content_type == "application/pdf")
    assert pdf.content == content_get(version.pdf_sha256)
    assert pdf.file_name.endswith("_PAT-TROIS_DOMINIQUE.pdf") or "_PAT-TROIS_DOMINIQUE_" in pdf.file_name


@pytest.mark.requirement("F-PFI-07", "MSS/va1.24", "SC.MSS/CONF.24")
def test_the_patient_gets_a_mail_apart_that_cannot_be_answered(send, operator, ward):
    MailboxFactory(address="chir-v@ch.mssante.test", kind=MailboxKind.ORG, is_sender=False, unit=ward.unit)
    send(GP, PATIENT)
    assert [mail.recipient for mail in operator.sent] == [GP.address, PATIENT_ADDRESS]
    patient, doctor = received(operator, PATIENT_ADDRESS), received(operator, GP.address)
    assert (patient.header("X-MSS-MES"), patient.header("Reply-To")) == ("FIN", "")
    assert (doctor.header("X-MSS-MES"), doctor.header("Reply-To")) == ("", "chir-v@ch.mssante.test")
    assert patient.text.strip().endswith("Ce message ne permet pas de réponse.")
    assert [one.email for one in patient.recipients] == [PATIENT_ADDRESS]


@pytest.mark.requirement("SC.MSS/CONF.24")
def test_a_patient_who_may_answer_answers_the_mailbox_that_people_read(send, operator, ward):
    MailboxFactory(address="chir-v@ch.mssante.test", kind=MailboxKind.ORG, is_sender=False, unit=ward.unit)
    send(PATIENT_MAY_REPLY)
    patient = received(operator, PATIENT_ADDRESS)
    assert (patient.header("X-MSS-MES"), patient.header("Reply-To")) == ("", "chir-v@ch.mssante.test")


@pytest.mark.requirement("F-PFI-15")
def test_an_identity_that_is_not_qualified_leaves_without_its_matricule_anywhere(send, operator, ward):
    Patient.objects.update(is_identity_controlled=False)
    ward.patient.refresh_from_db()
    send(GP)
    mail = received(operator, GP.address)
    assert mail.header("X-MSS-INS") == "N"
    opened = archive(mail)
    for content in (operator.sent[0].raw, opened.documents[0].content):
        assert MATRICULE.encode() not in content


@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-17")
def test_a_replacement_reaches_the_same_recipients_linked_to_what_they_had(send, operator, ward):
    first = send(GP, PATIENT)
    second = ward.revise(first, to_dmp=False, recipients=(GP, PATIENT))
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    for address in (GP.address, PATIENT_ADDRESS):
        mails = list(OutgoingMail.objects.filter(recipient=address).order_by("id"))
        replacement = received(operator, address)
        assert replacement.answered_id == mails[0].message_id
        assert list(replacement.references) == [mails[0].message_id]
        assert "annule et remplace" in replacement.text
        (document,) = archive(replacement).documents
        assert document.content == content_get(second.cda_sha256)
        assert document.action == "C"
    third = ward.revise(second, to_dmp=False, recipients=(GP,))
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    again = received(operator, GP.address)
    thread = list(OutgoingMail.objects.filter(recipient=GP.address).order_by("id"))
    assert list(again.references) == [mail.message_id for mail in thread[:2]]
    assert again.answered_id == thread[1].message_id
    assert third.number == 3


@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-17")
def test_a_deletion_carries_the_last_version_and_asks_that_it_be_removed(send, operator, ward):
    version = send(GP)
    Order.objects.update(state="scheduled", action="delete", message=None, not_before=None)
    Version.objects.update(state="deleted")
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    mail = received(operator, GP.address)
    assert mail.text.startswith("DEMANDE DE SUPPRESSION")
    (document,) = archive(mail).documents
    assert (document.action, document.content) == ("D", content_get(version.cda_sha256))
    assert mail.answered_id == OutgoingMail.objects.order_by("id").first().message_id


@pytest.mark.requirement("F-PFI-17")
@pytest.mark.parametrize(
    ("action", "words"), [("initial", "IHE_XDM"), ("replace", "annule et remplace"), ("delete", "supprimé")]
)
def test_an_order_without_text_says_at_least_what_it_asks(action, words):
    """Another DPI may give no CORPSMAIL: the PFI then says that the document replaces, or is to go."""
    assert words in DEFAULT_BODIES[action]


# --- orders refused ------------------------------------------------------------------------------
def mss_order(action=Action.INITIAL, **changes):
    flags = replace(TO_DMP, dest_dmp=False, dest_mss_professional=True)
    own = {"participants": (samples.REQUESTER, samples.DOCTOR), "flags": flags}
    return raw_order(action, **own | changes)


def receive(raw):
    return parse_ack(message_receive(partner=Partner.objects.get(code="pfi"), raw=raw))


def fault_of(raw):
    ack = receive(raw)
    assert ack.code == "AE"
    assert not (Job.objects.exists() or OutgoingMail.objects.exists())
    return ack.faults[0]


@pytest.mark.requirement("F-PFI-11", "F-PFI-16")
def test_an_order_of_another_software_is_one_job_and_one_mail_for_each_recipient(operator):
    other = replace(samples.DOCTOR, address="second@medecin.mssante.test")
    assert receive(mss_order(participants=(samples.REQUESTER, samples.DOCTOR, other))).code == "AA"
    job = Job.objects.get()
    assert (job.channel, job.state) == ("mssante_pro", "pending")
    assert {mail.job_uid for mail in OutgoingMail.objects.all()} == {job.uid}
    assert OutgoingMail.objects.count() == 2


@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-17")
def test_mails_about_two_documents_of_one_root_are_two_threads(operator):
    def mailed(extension, action=Action.INITIAL, parent=""):
        own = Id(samples.SAME_ROOT, extension)
        replaced = Id(samples.SAME_ROOT, parent) if parent else None
        content = without_set(arriving(2 if parent else 1, id=own, replaces=replaced))
        about = samples.by_extension(extension, parent=parent, content=content)
        assert receive(mss_order(action, **about)).code == "AA"
        mails_drain(worker=WORKER)
        return open_mail(operator.sent[-1].raw)

    first = mailed("A1")
    other = mailed("A2")
    assert (other.answered_id, other.references) == ("", ())
    (document,) = archive(other).documents
    assert document.entry.unique_id == f"{samples.SAME_ROOT}^A2"
    second = mailed("A3", Action.REPLACE, "A1")
    assert second.references == (first.message_id,)
    gone = mailed("A3", Action.DELETE, "A1")
    assert gone.references == (first.message_id, second.message_id)


@pytest.mark.requirement("MSS/va1.23", "F-PFI-06")
@pytest.mark.parametrize(("text", "has_copy"), [("À revoir.", True), ("漢字", False)])
def test_a_document_of_another_software_without_pdf_leaves_with_one_or_the_order_is_warned(
    operator, text, has_copy
):
    content = with_body(text)
    cda = parse_cda(content)
    carried = samples.carried(id=cda.id, content=content)
    ack = receive(mss_order(documents=(carried,)))
    assert ack.code == "AA"
    assert ("sans copie PDF" in Message.objects.get(type__startswith="MDM").warning) is not has_copy
    mails_drain(worker=WORKER)
    mail = open_mail(operator.sent[0].raw)
    copies = [part for part in mail.parts if part.content_type == "application/pdf"]
    assert len(copies) == has_copy
    if has_copy:
        assert "PAT-TROIS" in copies[0].file_name
    assert archive(mail).documents[0].content == content


def test_our_own_text_promises_no_copy_that_is_not_there(operator):
    content = with_body("漢字")
    receive(mss_order(documents=(samples.carried(id=parse_cda(content).id, content=content),)))
    mails_drain(worker=WORKER)
    assert "archive IHE_XDM." in open_mail(operator.sent[0].raw).text
    assert "PDF" not in open_mail(operator.sent[0].raw).text


def test_a_platform_without_a_sending_mailbox_refuses_and_says_so(operator):
    Mailbox.objects.all().delete()
    assert "Aucune boîte d’envoi" in fault_of(mss_order()).text


@pytest.mark.parametrize(
    ("flags", "part", "words"),
    [
        ("dest_mss_patient", replace(samples.PATIENT_BOX, address="someone@medecin.mssante.test"), "domaine"),
        (
            "dest_mss_patient",
            replace(samples.PATIENT_BOX, address="146026322000196@patient.mssante.fr"),
            "n’est pas celle de l’INS",
        ),
        ("dest_mss_professional", replace(samples.DOCTOR, address=PATIENT_ADDRESS), "domaine des patients"),
        ("dest_mss_professional", replace(samples.DOCTOR, address="no address"), "boîte aux lettres"),
    ],
)
def test_an_address_that_would_reach_somebody_else_is_refused(operator, flags, part, words):
    wanted = replace(TO_DMP, dest_dmp=False, **{flags: True})
    fault = fault_of(mss_order(flags=wanted, participants=(samples.REQUESTER, part)))
    assert (fault.code, fault.location.startswith("PRT^2^15")) == ("207", True)
    assert words in fault.text


@pytest.mark.parametrize(("mode", "code"), [("off", "AA"), ("warn", "AA"), ("strict", "AE")])
def test_an_order_outside_the_printed_matrix_is_for_the_hospital_to_decide(operator, settings, mode, code):
    settings.MSS_MATRIX_MODE = mode
    assert receive(mss_order()).code == code
    warning = Message.objects.get().warning
    assert ("matrice" in warning) == (mode == "warn")


def test_a_document_invisible_to_the_patient_is_never_mailed_to_the_patient(operator):
    flags = replace(TO_DMP, dest_dmp=False, dest_mss_patient=True, invisible_patient=True)
    fault = fault_of(mss_order(flags=flags, participants=(samples.REQUESTER, samples.PATIENT_BOX)))
    assert fault.code == "207"


# --- sizes ---------------------------------------------------------------------------------------
@pytest.mark.requirement("MSS/va1.13")
@pytest.mark.parametrize("who", ["hospital", "operator", "patient"])
def test_a_mail_above_a_limit_is_not_sent_and_the_order_says_how_to_go_on(send, operator, settings, who):
    """A limit that was not the one of the validation, or one that only the operator announces."""
    version = send(GP, PATIENT, drain=False)
    if who == "operator":
        operator.limit = 5000
    elif who == "patient":
        settings.MSS_MAX_PATIENT_BYTES = 5000
    else:
        settings.MSS_MAX_MESSAGE_BYTES = 5000
    mails_drain(worker=WORKER)
    answered()
    failed = {order.channel for order in Order.objects.filter(version=version, state="failed")}
    assert failed == ({"mssante_patient"} if who == "patient" else {"mssante_pro", "mssante_patient"})
    order = Order.objects.get(version=version, channel="mssante_patient")
    assert order.error_code == "TAILLE"
    assert "Mio" in order.error_text
    assert PATIENT_ADDRESS not in [mail.recipient for mail in operator.sent]


@pytest.mark.requirement("MSS/va1.13")
def test_the_budget_of_a_mail_is_near_what_leaves_and_not_below(send, operator):
    version = send(GP)
    written = len(operator.sent[0].raw)
    assert written <= mail_size_of(version) <= written + 64 * 1024


# --- what the operator answers -------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16", "F-PFI-06")
def test_an_accepted_mail_waits_for_its_notice_which_is_the_delivery(send, operator):
    send(GP, REFERRER)
    assert [mail.state for mail in OutgoingMail.objects.all()] == ["sent", "sent"]
    assert Job.objects.get().state == "done"
    answered()
    assert (state(GP.address), zams()) == ("handed_over", [])
    delivered(GP.address)
    answered()
    assert (state(GP.address), state(REFERRER.address)) == ("delivered", "handed_over")
    (zam,) = zams()
    assert (zam.kind, zam.success, zam.address, zam.person_id) == ("Z02", True, GP.address, GP.rpps)


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")
def test_a_refusal_of_the_operator_fails_that_recipient_alone_at_once(send, operator):
    operator.failures.append(REFUSED)
    send(GP, REFERRER)
    answered()
    order = Order.objects.get(recipient_address=GP.address)
    assert (order.state, order.error_code) == ("failed", "550")
    assert state(REFERRER.address) == "handed_over"
    assert [mail.recipient for mail in operator.sent] == [REFERRER.address]
    assert Job.objects.get().state == "done"


def test_a_job_whose_mails_all_failed_failed(send, operator):
    operator.failures.append(REFUSED)
    send(GP)
    job = Job.objects.get()
    assert (job.state, job.error_code, job.done_at is not None) == ("failed", "550", True)


@pytest.mark.requirement("F-PFI-19")
def test_a_passing_refusal_is_tried_again_by_the_schedule_with_the_same_bytes(send, operator):
    operator.failures.append(Unavailable("x", code="452", text="4.2.2 mailbox over quota"))
    send(GP)
    mail = mail_to(GP.address)
    assert (mail.state, mail.error_code, Job.objects.get().state) == ("to_send", "452", "retrying")
    assert mails_drain(worker=WORKER) == 0
    with time_machine.travel(timezone.now() + RETRIES[0] + timedelta(seconds=1), tick=False):
        assert mails_drain(worker=WORKER) == 1
    again = mail_to(GP.address)
    assert (again.state, operator.sent[0].raw) == ("sent", bytes(mail.raw))
    assert state(GP.address) == "handed_over"


@pytest.mark.requirement("F-PFI-19", "DPI.CDA/HL7.04")
def test_after_the_last_try_the_recipient_has_failed_with_the_code(send, operator):
    send(GP, drain=False)
    for _ in range(len(RETRIES) + 1):
        operator.failures.append(Unavailable("x", code="421", text="4.3.2 service not available"))
        OutgoingMail.objects.update(not_before=None)
        mails_drain(worker=WORKER)
    answered()
    order = Order.objects.get(recipient_address=GP.address)
    assert (order.state, order.error_code) == ("failed", "421")


@pytest.mark.requirement("F-PFI-19")
def test_a_reply_that_was_lost_sends_nothing_again_when_the_notice_comes(send, operator):
    operator.failures_after.append(Uncertain("cut", code="cut"))
    send(GP)
    mail = mail_to(GP.address)
    assert (mail.state, mail.is_uncertain) == ("to_send", True)
    delivered(GP.address)
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert mails_drain(worker=WORKER) == 0
    assert len(operator.sent) == 1
    answered()
    assert state(GP.address) == "delivered"


@pytest.mark.requirement("F-PFI-19")
def test_without_any_notice_the_same_mail_leaves_again_under_its_identifier(send, operator, settings):
    operator.failures_after.append(Uncertain("cut", code="cut"))
    send(GP)
    assert mails_drain(worker=WORKER) == 0
    later = timezone.now() + timedelta(seconds=settings.MSS_DOUBT_SECONDS + 1)
    with time_machine.travel(later, tick=False):
        assert mails_drain(worker=WORKER) == 1
    first, second = operator.sent
    assert (first.raw, first.envelope_id) == (second.raw, second.envelope_id)
    assert mail_to(GP.address).state == "sent"


def test_a_refusal_of_the_structure_itself_stops_every_mail_and_ends_none(send, operator):
    refusal = Rejected("530", "5.7.0", kind=RejectionKind.CONFIGURATION)
    operator.failures.append(refusal)
    send(GP, REFERRER)
    assert [mail.state for mail in OutgoingMail.objects.all()] == ["to_send", "to_send"]
    assert operator.sent == []
    soon = timezone.now() + CONFIGURATION_DELAY + timedelta(seconds=1)
    with time_machine.travel(soon, tick=False):
        assert mails_drain(worker=WORKER) == 1  # the other one tries first
    assert [mail.recipient for mail in operator.sent] == [REFERRER.address]


def test_a_defect_of_ours_is_a_doubt_and_the_other_mails_leave(send, operator, monkeypatch):
    monkeypatch.setattr(MailSenderMemory, "send", _broken_for(GP.address, MailSenderMemory.send))
    send(GP, REFERRER)
    assert (mail_to(GP.address).is_uncertain, mail_to(REFERRER.address).state) == (True, "sent")


def _broken_for(address, send):
    def broken(self, mail):
        if mail.recipient == address:
            raise ZeroDivisionError
        return send(self, mail)

    return broken


def test_a_mail_that_cannot_be_written_fails_with_words_and_the_others_leave(send, operator):
    send(GP, REFERRER, drain=False)
    OutgoingMail.objects.filter(recipient=GP.address).update(recipient_label="Dr\r\nBcc: x@y.fr")
    mails_drain(worker=WORKER)
    failed = mail_to(GP.address)
    assert (failed.state, failed.error_code) == ("failed", "NON_ECRIT")
    assert mail_to(REFERRER.address).state == "sent"


@pytest.mark.requirement("F-PFI-19")
def test_a_recipient_gets_the_versions_in_their_order(send, operator, ward):
    operator.failures.append(Unavailable("x", code="451"))
    first = send(GP)
    ward.revise(first, to_dmp=False, recipients=(GP, REFERRER))
    orders_drain(worker=WORKER)
    Order.objects.filter(state="scheduled").update(not_before=timezone.now())
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    assert [mail.recipient for mail in operator.sent] == [REFERRER.address]
    with time_machine.travel(timezone.now() + RETRIES[0] + timedelta(seconds=1), tick=False):
        mails_drain(worker=WORKER)
        OutgoingMail.objects.filter(state="to_send").update(not_before=timezone.now())
        mails_drain(worker=WORKER)
    to_gp = [open_mail(mail.raw) for mail in operator.sent if mail.recipient == GP.address]
    assert ["annule et remplace" in mail.text for mail in to_gp] == [False, True]


# --- what comes back -----------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (BounceReason.MAILBOX_CLOSED, "fermée"),
        (BounceReason.PATIENT_UNKNOWN, "Mon espace santé"),
        (BounceReason.OTHER, "remis"),
    ],
)
def test_a_bounce_of_mon_espace_sante_is_a_failure_with_words(send, operator, reason, words):
    send(PATIENT)
    mail = mail_to(PATIENT_ADDRESS)
    bounced(PATIENT_ADDRESS, "", "", reason, original_message_id=mail.message_id)
    answered()
    order = Order.objects.get(channel="mssante_patient")
    assert (order.state, order.error_code) == ("failed", "554")
    assert words in order.error_text


def test_a_bounce_that_names_no_mail_is_that_of_the_only_one_on_its_way(send, operator):
    send(GP)
    assert len(bounced(GP.address)) == 1
    assert mail_to(GP.address).state == "failed"


def test_a_bounce_that_may_be_about_several_mails_is_left_to_a_person(send, operator):
    send(GP)
    send(GP)
    assert bounced(GP.address) == []
    assert {mail.state for mail in OutgoingMail.objects.all()} == {"sent"}


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")
def test_a_late_bounce_is_told_and_takes_no_success_back(send, operator):
    send(GP)
    delivered(GP.address)
    bounced(GP.address, "5.2.2", "552", envelope_id=mail_to(GP.address).envelope_id)
    answered()
    order = Order.objects.get(recipient_address=GP.address)
    assert (order.state, order.error_code) == ("delivered", "552")
    assert [(zam.kind, zam.success) for zam in zams()] == [("Z02", True), ("Z02", False)]


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")
def test_a_reading_is_told_to_the_creator(send, operator):
    send(GP)
    mail = mail_to(GP.address)
    report = ReadReport(mail.message_id, GP.address, DispositionKind.DISPLAYED)
    report_apply(report=report, at=timezone.now())
    answered()
    assert state(GP.address) == "read"
    assert [(zam.kind, zam.success) for zam in zams()] == [("Z02", True), ("Z03", True)]


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")
def test_a_document_that_could_not_be_integrated_tells_the_code_of_the_recipient(send, operator):
    send(GP)
    mail = mail_to(GP.address)
    report = ReadReport(
        mail.message_id, GP.address, DispositionKind.PROCESSED, is_error=True, code="904", label="INS"
    )
    report_apply(report=report, at=timezone.now())
    answered()
    order = Order.objects.get(recipient_address=GP.address)
    assert (order.state, order.error_code) == ("delivered", "904")
    assert [(zam.kind, zam.success) for zam in zams()] == [("Z02", True), ("Z03", False)]


@pytest.mark.parametrize("kind", [DispositionKind.DELETED, DispositionKind.DISPATCHED])
def test_a_mail_deleted_or_forwarded_unread_moves_nothing(send, operator, kind):
    send(GP)
    report_apply(report=ReadReport(mail_to(GP.address).message_id, GP.address, kind), at=timezone.now())
    assert mail_to(GP.address).state == "sent"
    assert zams() == []


def test_a_report_about_no_mail_of_ours_is_left_to_a_person(send, operator):
    send(GP)
    unknown = ReadReport("<other@elsewhere>", GP.address, DispositionKind.DISPLAYED)
    assert report_apply(report=unknown, at=timezone.now()) == []


def test_a_delay_is_noted_and_still_no_delivery(send, operator):
    send(GP)
    delivered(GP.address, DeliveryAction.DELAYED)
    assert mail_to(GP.address).events.last().kind == "delayed"
    assert zams() == []


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_silence_is_a_delivery_after_five_days(send, operator, settings):
    send(GP)
    with time_machine.travel(
        timezone.now() + timedelta(days=settings.MSS_DSN_TIMEOUT, minutes=1), tick=False
    ):
        assert presume_delivered() == 1
        answered()
    assert (state(GP.address), mail_to(GP.address).is_presumed) == ("delivered", True)


def test_who_asked_for_no_acknowledgement_gets_none(operator):
    receive(mss_order(flags=replace(TO_DMP, dest_dmp=False, dest_mss_professional=True, ack_reception=False)))
    mail = OutgoingMail.objects.get()
    assert (mail.wants_delivery, mail.wants_reading) == (False, False)


@pytest.mark.requirement("SC.MSS/UX.37")
def test_every_exchange_with_the_operator_is_traced_with_its_reply(send, operator, ward):
    operator.failures.append(Unavailable("x", code="451", text="4.3.0 try later"))
    send(GP, REFERRER)
    delivered(REFERRER.address)
    traces = Trace.objects.filter(type__startswith="mssante.", object_type="mssante.mail")
    told = [(one.detail["event"], one.outcome, one.detail["to"]) for one in traces.order_by("id")]
    assert told == [
        ("attempt", "success", GP.address),
        ("unavailable", "failure", GP.address),
        ("attempt", "success", REFERRER.address),
        ("sent", "success", REFERRER.address),
        ("delivered", "success", REFERRER.address),
    ]
    assert {one.patient_uid for one in traces} == {ward.patient.uid}
    asked, answered_later = traces.order_by("id")[:2]
    assert answered_later.detail["reply"] == "4.3.0 try later"
    assert asked.detail["subject"].startswith("XDM/1.0/DDM+")
    assert len(asked.detail["sha256"]) == 64


def test_the_answers_are_accepted_by_their_creator(send, operator):
    send(GP)
    delivered(GP.address)
    answered()
    out = Message.objects.filter(direction="out", type__startswith="ZAM")
    assert {message.state for message in out} == {MessageState.ACKED}
    assert services.orders_flag_silent(now=timezone.now() + timedelta(hours=30)) == 0


# --- the patient refuses messages --------------------------------------------------------------
def refuse(ward, value=MessageChoiceValue.OPPOSED):
    message_choice_record(patient=ward.patient, value=value, actor=ward.actor)


def order_to_patient(version):
    return Order.objects.get(version=version, channel=Channel.MSSANTE_PATIENT)


def to_the_patient(operator):
    return [mail for mail in operator.sent if mail.recipient == PATIENT_ADDRESS]


def test_a_refusal_ends_the_mail_that_waits_at_the_pfi_and_its_withdrawal_sends_it(send, operator, ward):
    version = send(PATIENT, GP, drain=False)
    refuse(ward)
    answered()
    mails_drain(worker=WORKER)

    assert operator.sent and to_the_patient(operator) == []
    assert mail_to(PATIENT_ADDRESS).state == "failed"
    order = order_to_patient(version)
    assert (order.state, order.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION_MES)
    assert Job.objects.get(channel="mssante_patient").state == "cancelled"
    trace = Trace.objects.filter(type="mssante.send", outcome="refused").get()
    assert trace.patient_uid == ward.patient.uid

    refuse(ward, MessageChoiceValue.NOT_OPPOSED)
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    assert len(to_the_patient(operator)) == 1


def test_a_refusal_told_between_two_tries_is_seen_before_the_next(send, operator, ward):
    operator.failures.append(Unavailable("x", code="451", text="4.3.0 try later"))
    send(PATIENT)
    assert mail_to(PATIENT_ADDRESS).state == "to_send"
    refuse(ward)
    answered()
    with time_machine.travel(timezone.now() + RETRIES[0] + timedelta(seconds=1)):
        mails_drain(worker=WORKER)
    assert to_the_patient(operator) == []
    assert mail_to(PATIENT_ADDRESS).state == "failed"


def test_a_refusal_that_only_the_worker_sees_stops_the_mail_too(send, operator, monkeypatch):
    """Recorded at the very moment when the mail was claimed: asked again before it leaves."""
    version = send(PATIENT, drain=False)
    monkeypatch.setattr(stays, "_refusal_sources", [lambda patient_uid: True])
    mails_drain(worker=WORKER)
    answered()
    assert to_the_patient(operator) == []
    order = order_to_patient(version)
    assert (order.state, order.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION_MES)


def test_a_refusal_leaves_the_mail_that_is_leaving_and_that_of_another_patient(send, operator, ward):
    send(PATIENT, drain=False)
    OutgoingMail.objects.update(attempt_at=timezone.now())
    refuse(ward)
    assert mail_to(PATIENT_ADDRESS).state == "to_send"
    assert mails_oppose(patient_uid=uuid4()) == 0
