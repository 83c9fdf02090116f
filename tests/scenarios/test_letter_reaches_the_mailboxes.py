"""From the doctor's letter to the mailboxes in town and of the patient, over the real wire, and back.

SMTP with client certificate, IHE_XDM and PDF, notices read by IMAP, ZAM^Z02 and Z03 (mssante 1; hl7v2 2.8).
"""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from documents.models import Document
from documents.store import content_get
from documents.wishes import RecipientWish
from establishment.enums import Switch
from establishment.models import InstallationSwitch, ServiceEndpoint
from exchange.models import Message
from exchange.services import messages_hand_over_due
from interop.mail.opening import open_mail
from interop.xdm.opening import open_xdm
from mssante.models import IncomingMail, OutgoingMail
from national.models import Call
from national.retries import RETRIES
from pfi.mail_reading import mailboxes_read
from pfi.mail_worker import mails_drain
from sandbox.demo import PATIENTS, DmpState
from sandbox.mail.boxes import APPLICATION_BOX, PATIENT_DOMAIN
from sandbox.mail.letters import Case
from sending.models import Order
from sending.worker import orders_drain
from tests.hospital import MATRICULE

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "test"
PETIT = RecipientWish(
    address="bernard.petit@medecin.mssante.test",
    label="Dr PETIT Bernard",
    role="Médecin traitant",
    rpps="99700900071",
    family_name="PETIT",
    given_name="Bernard",
)
PATIENT = RecipientWish(is_patient=True, label="Patiente", role="Mon espace santé")
PATIENT_ADDRESS = f"{MATRICULE}@{PATIENT_DOMAIN}"


def carry(rounds=3):
    """What the periodic tasks do, until nothing is due any more."""
    for _ in range(rounds):
        orders_drain(worker=WORKER)
        mails_drain(worker=WORKER)
        mailboxes_read(worker=WORKER)
        messages_hand_over_due(worker=WORKER)


def states():
    return {order.recipient_label: order.state for order in Order.objects.all()}


def order_of(wish):
    return Order.objects.get(recipient_label=wish.label)


@pytest.fixture
def write(mail_hospital):
    """Write a letter to recipients and have it carried; the version."""

    def written(*recipients, effect="", address=PETIT.address, **wishes):
        if effect:
            mail_hospital.sandbox.mail.faults.add(effect, address=address)
        version = mail_hospital.write_letter(to_dmp=False, recipients=recipients, **wishes)
        carry()
        return version

    return written


@pytest.mark.requirement("F-PFI-06", "F-PFI-07", "MSS/va1.23", "MSS/va1.24", "HOP/va1.05", "DPI.CDA/HL7.04")
def test_the_doctor_and_the_patient_each_hold_the_letter_and_the_ward_knows(mail_hospital, write):
    version = write(PETIT, PATIENT)
    assert states() == {PETIT.label: "delivered", PATIENT.label: "delivered"}
    (to_doctor,) = mail_hospital.inbox(PETIT.address)
    (to_patient,) = mail_hospital.inbox(PATIENT_ADDRESS)
    doctor, patient = open_mail(to_doctor), open_mail(to_patient)
    for mail in (doctor, patient):
        (document,) = open_xdm(mail.archives[0].content).documents
        assert document.content == content_get(version.cda_sha256)
        pdf = next(part for part in mail.parts if part.content_type == "application/pdf")
        assert pdf.content == content_get(version.pdf_sha256)
    assert (doctor.header("X-MSS-MES"), patient.header("X-MSS-MES")) == ("", "FIN")
    assert set(Call.objects.filter(transaction="SMTP.SEND").values_list("outcome", flat=True)) == {"success"}
    zams = Message.objects.filter(direction="in", type__startswith="ZAM")
    assert set(zams.values_list("type", "state")) == {("ZAM^Z02^ZAM_Z01", "applied")}
    assert zams.count() == 2


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_a_letter_that_is_read_says_so_and_one_that_was_not_integrated_says_why(mail_hospital, write):
    write(PETIT, PATIENT)
    mail_hospital.read_by(PATIENT_ADDRESS)
    mail_hospital.read_by(PETIT.address, error=("904", "L'INS transmis ne correspond pas"))
    carry()
    assert states() == {PETIT.label: "delivered", PATIENT.label: "read"}
    assert order_of(PETIT).error_code == "904"


@pytest.mark.requirement("SC.MSS/UX.05.BIS", "F-PFI-17")
def test_a_correction_reaches_both_again_linked_to_what_they_had(mail_hospital, write):
    first = write(PETIT, PATIENT)
    mail_hospital.revise(first, to_dmp=False, recipients=(PETIT, PATIENT))
    carry()
    for address in (PETIT.address, PATIENT_ADDRESS):
        former, latter = (open_mail(raw) for raw in mail_hospital.inbox(address))
        assert latter.answered_id == former.message_id
        (document,) = open_xdm(latter.archives[0].content).documents
        assert (document.action, document.cda.version_number) == ("C", 2)


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-19")
@pytest.mark.parametrize(
    ("effect", "code"), [("full", "452"), ("greylist", "450"), ("down", "421"), ("slow:1500", "")]
)
def test_an_operator_that_is_full_down_or_slow_gets_the_letter_later_once(
    mail_hospital, write, settings, effect, code
):
    write(PETIT, effect=effect)
    if code:
        mail = OutgoingMail.objects.get()
        assert (mail.state, mail.error_code, mail_hospital.inbox(PETIT.address)) == ("to_send", code, [])
        with time_machine.travel(timezone.now() + RETRIES[0] + timedelta(seconds=1)):
            carry()
    assert states() == {PETIT.label: "delivered"}
    assert len(mail_hospital.inbox(PETIT.address)) == 1


@pytest.mark.requirement("F-PFI-19")
def test_a_line_cut_after_the_mail_was_taken_sends_nothing_again_once_the_notice_is_read(
    mail_hospital, write
):
    mail_hospital.sandbox.mail.faults.add("drop", address=PETIT.address)
    mail_hospital.write_letter(to_dmp=False, recipients=(PETIT,))
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    mail = OutgoingMail.objects.get()
    assert (mail.state, mail.is_uncertain) == ("to_send", True)
    carry()
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        carry()
    assert states() == {PETIT.label: "delivered"}
    assert len(mail_hospital.inbox(PETIT.address)) == 1


@pytest.mark.requirement("F-PFI-19")
def test_a_line_cut_and_no_notice_sends_the_very_same_mail_again(mail_hospital, settings):
    """Nothing tells whether it was taken: the receiver knows it by its Message-ID, and its bytes."""
    faults = mail_hospital.sandbox.mail.faults
    faults.add("drop", address=PETIT.address)
    mail_hospital.write_letter(to_dmp=False, recipients=(PETIT,))
    orders_drain(worker=WORKER)
    mails_drain(worker=WORKER)
    for notice in mail_hospital.sandbox.mail.store.all_mails(APPLICATION_BOX):
        mail_hospital.sandbox.mail.store.delete(notice.id)  # the notice is lost
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.MSS_DOUBT_SECONDS + 1)):
        mails_drain(worker=WORKER)
    opened = [open_mail(raw) for raw in mail_hospital.inbox(PETIT.address)]
    assert len(opened) == 2
    assert len({mail.message_id for mail in opened}) == 1
    assert len({mail.archives[0].content for mail in opened}) == 1


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_a_refusal_for_good_is_a_failure_with_its_code_and_the_other_one_leaves(mail_hospital, write):
    write(PETIT, PATIENT, effect="refuse:550")
    assert states() == {PETIT.label: "failed", PATIENT.label: "delivered"}
    assert order_of(PETIT).error_code == "550"
    assert mail_hospital.inbox(PETIT.address) == []


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_a_mail_accepted_then_returned_is_a_failure(mail_hospital, write):
    write(PETIT, effect="late_bounce")
    assert (states(), order_of(PETIT).error_code) == ({PETIT.label: "failed"}, "550")


def test_an_unknown_mailbox_and_a_domain_outside_the_space_of_trust_are_refused(mail_hospital, write):
    nobody = RecipientWish(address="nobody@medecin.mssante.test", label="Dr NOBODY", family_name="NOBODY")
    outside = RecipientWish(address="x@elsewhere.test", label="Dr OUT", family_name="OUT")
    write(nobody, outside)
    assert states() == {"Dr NOBODY": "failed", "Dr OUT": "failed"}


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-07")
def test_mon_espace_sante_without_an_open_mailbox_sends_back_a_message_that_is_understood(
    mail_hospital, write
):
    closed = next(one for one in PATIENTS if one.state is DmpState.CLOSED)
    mail_hospital.patient.identifiers.filter(kind="INS").update(value=closed.matricule, oid=closed.oid)
    write(PATIENT)
    order = order_of(PATIENT)
    assert (order.state, "fermée" in order.error_text) == ("failed", True)


def test_an_operator_that_says_nothing_leaves_the_order_waiting_then_presumed(mail_hospital, write):
    write(PETIT, effect="silent")
    assert states() == {PETIT.label: "handed_over"}
    assert OutgoingMail.objects.get().state == "sent"


@pytest.mark.requirement("MSS/va1.13")
def test_what_the_operator_says_it_takes_is_the_limit(mail_hospital, write, monkeypatch):
    monkeypatch.setattr("national.mail.smtp.SmtpSender.size_limit", lambda self: 5000)
    write(PETIT)
    assert order_of(PETIT).error_code == "TAILLE"
    assert mail_hospital.inbox(PETIT.address) == []


def test_the_operator_that_is_not_there_stops_no_letter_for_the_dmp(mail_hospital):
    ServiceEndpoint.objects.update(base_url="smtp://127.0.0.1:1", reading_url="imap://127.0.0.1:1")
    mail_hospital.write_letter(recipients=(PETIT,))
    carry(1)
    assert set(states().values()) == {"handed_over"}
    assert OutgoingMail.objects.get().state == "to_send"


@pytest.mark.requirement("F-DPI-13")
def test_a_hospital_that_receives_by_another_platform_still_reads_its_notices(mail_hospital, write):
    InstallationSwitch.objects.filter(code=Switch.PFI_MSS_IN).update(is_on=False)
    mail_hospital.sandbox.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    write(PETIT)
    assert states() == {PETIT.label: "delivered"}
    assert set(IncomingMail.objects.values_list("state", flat=True)) == {"done", "to_review"}
    assert Document.objects.count() == 1  # what arrived is for a person
