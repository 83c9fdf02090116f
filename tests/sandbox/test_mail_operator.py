"""The operator of the sandbox: strict as a real one, and wrong when told to be (mssante.md 1.10, 2.1, 5)."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import replace
from email.message import EmailMessage

import pytest

from interop.mail.codes import BounceReason, DeliveryAction
from interop.mail.document import build_document_mail
from interop.mail.opening import open_mail
from interop.mail.reports import DeliveryReport, ReadReport, parse_report
from interop.mail.writing import Address
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.mail.ports import Mail, Quota
from national.transport import CERTIFICATE_REFUSED
from sandbox.authority import Profile, load_issuer, organisation_subject, write_credential
from sandbox.demo import LEGAL_ENTITY
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from sandbox.mail.notices import Receipt
from sandbox.runtime import Sandbox, SandboxSettings
from tests.interop.mail.samples import LETTER
from tests.sandbox.mail_client import DOCTOR, OPEN_PATIENT, RAW, MailClient

CLOSED_PATIENT = "160012b02077713@patient.mssante.test"
WITHOUT_PROFILE = "181036322045660@patient.mssante.test"


def refusal(mail: MailClient, recipient: str = DOCTOR, **values: object) -> NationalServiceError:
    with pytest.raises(NationalServiceError) as caught:
        mail.send(recipient, **values)
    return caught.value


def report(mail: MailClient, mailbox: str = APPLICATION_BOX) -> DeliveryReport | ReadReport | None:
    return parse_report(mail.mails(mailbox)[-1])


def test_a_mail_reaches_its_mailbox_as_it_left(mail: MailClient) -> None:
    assert mail.send().notice_offered
    (received,) = mail.mails(DOCTOR)
    assert received.endswith(RAW)
    assert open_mail(received).return_path == APPLICATION_BOX
    assert mail.sender().size_limit() == 30 * 2**20


def test_a_delivery_is_reported_as_relayed_with_what_was_asked(mail: MailClient) -> None:
    mail.send()
    told = report(mail)
    assert isinstance(told, DeliveryReport)
    (status,) = told.recipients
    assert (status.address, status.action, status.status) == (DOCTOR, DeliveryAction.RELAYED, "2.0.0")
    assert (told.envelope_id, told.original_message_id) == ("mss+1", "<1@x>")
    mail.send(wants_delivery_notice=False)
    assert len(mail.mails()) == 1


def test_a_report_has_no_sender_and_is_not_reported(mail: MailClient) -> None:
    mail.send(sender="")
    assert open_mail(mail.mails(DOCTOR)[-1]).return_path == ""
    assert mail.mails() == []


@pytest.mark.parametrize(
    ("recipient", "code", "status"),
    [
        ("inconnu@medecin.mssante.test", "550", "5.1.1"),
        ("dr@ailleurs.test", "550", "5.1.2"),
        ("dr@medecin.mssante.test.example.org", "550", "5.1.2"),
    ],
)
def test_a_mailbox_that_is_not_there_and_a_domain_off_the_list_are_refused(
    mail: MailClient, recipient: str, code: str, status: str
) -> None:
    error = refusal(mail, recipient)
    assert (type(error), error.code) == (Rejected, code)
    assert error.text.startswith(status)


def test_a_structure_sends_in_its_own_name(mail: MailClient) -> None:
    error = refusal(mail, sender=DOCTOR)
    assert (type(error), error.code) == (Rejected, "553")


def test_the_certificate_of_another_authority_opens_nothing(mail: MailClient) -> None:
    stranger = mail.box.certificates.stranger
    for call in (
        lambda: mail.sender(stranger).size_limit(),
        lambda: mail.reader(credential=stranger).waiting(1),
    ):
        with pytest.raises(Rejected) as caught:
            call()
        assert (caught.value.code, caught.value.kind) == (CERTIFICATE_REFUSED, RejectionKind.CONFIGURATION)


def test_the_certificate_of_another_structure_neither_sends_nor_reads(
    mail: MailClient, settings: SandboxSettings
) -> None:
    issuer = load_issuer(settings.state / "authority")
    other = replace(LEGAL_ENTITY, finess="990000903")
    certificate, key = issuer.issue(organisation_subject(other, "autre"), Profile.TLS_CLIENT)
    credential = write_credential(settings.state, "autre", certificate, key)
    with pytest.raises(Rejected) as sending:
        mail.sender(credential).send(Mail(RAW, APPLICATION_BOX, DOCTOR, "mss-1", True))
    assert (sending.value.code, sending.value.kind) == ("530", RejectionKind.CONFIGURATION)
    with pytest.raises(Rejected) as reading:
        mail.reader(credential=credential).waiting(1)
    assert (reading.value.code, reading.value.kind) == ("MAILBOX_REFUSED", RejectionKind.CONFIGURATION)


def test_nothing_is_done_in_clear_or_without_a_certificate(mail: MailClient) -> None:
    address = mail.settings().smtp
    with smtplib.SMTP(address.host, address.port, "client", timeout=5) as plain:
        plain.ehlo()
        assert plain.mail(APPLICATION_BOX)[0] == 530
    context = ssl.create_default_context(cafile=mail.box.certificates.ca)
    line = smtplib.SMTP(address.host, address.port, "client", timeout=5)
    with pytest.raises((smtplib.SMTPException, OSError)):
        line.starttls(context=context)
        line.ehlo()
        line.mail(APPLICATION_BOX)
    line.close()


def test_a_mailbox_of_others_does_not_open(mail: MailClient) -> None:
    for mailbox in (DOCTOR, OPEN_PATIENT, "inconnu@ch-trois-rivieres.mssante.test"):
        with pytest.raises(Rejected):
            mail.reader(mailbox).waiting(1)


@pytest.mark.parametrize(
    ("effect", "kind", "code"),
    [
        ("full", Unavailable, "452"),
        ("greylist", Unavailable, "450"),
        ("down", Unavailable, "421"),
        ("refuse:554", Rejected, "554"),
        ("drop", Uncertain, None),
    ],
)
def test_the_operator_goes_wrong_once_for_one_address(
    mail: MailClient, effect: str, kind: type[NationalServiceError], code: str | None
) -> None:
    mail.box.mail.faults.add(effect, address=DOCTOR)
    mail.send("etienne.vasseur@medecin.mssante.test")
    error = refusal(mail)
    assert type(error) is kind
    assert code is None or error.code == code
    assert len(mail.mails(DOCTOR)) == (effect == "drop")
    assert mail.send().code == 250


def test_a_slow_operator_is_waited_for_and_a_late_bounce_comes_as_a_failure(mail: MailClient) -> None:
    mail.box.mail.faults.add("slow:50", address=DOCTOR)
    assert mail.send().code == 250
    mail.box.mail.faults.add("late_bounce", address=DOCTOR)
    assert mail.send().code == 250
    told = report(mail)
    assert isinstance(told, DeliveryReport)
    assert (told.recipients[0].action, told.recipients[0].reply_code) == (DeliveryAction.FAILED, "550")
    assert len(mail.mails(DOCTOR)) == 1
    mail.box.mail.faults.add("silent")
    mail.send()
    assert len(mail.mails(DOCTOR)) == 2
    assert len(mail.mails()) == 2


def test_a_mailbox_may_be_slow_or_shut(mail: MailClient) -> None:
    mail.box.mail.faults.add("read_down", address=APPLICATION_BOX)
    with pytest.raises(Unavailable):
        mail.reader().waiting(1)
    mail.box.mail.faults.add("read_slow:20")
    assert mail.reader().waiting(1) == []


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (CLOSED_PATIENT, BounceReason.MAILBOX_CLOSED),
        (WITHOUT_PROFILE, BounceReason.PATIENT_UNKNOWN),
        ("000000000000000@patient.mssante.test", BounceReason.ADDRESS_INVALID),
    ],
)
def test_mon_espace_sante_answers_in_plain_words_for_who_has_no_profile(
    mail: MailClient, recipient: str, reason: BounceReason
) -> None:
    mail.send(recipient)
    (bounce,) = mail.mails()
    assert open_mail(bounce).subject == "Message non distribué"
    told = parse_report(bounce)
    assert isinstance(told, DeliveryReport)
    assert told.original_message_id == "<1@x>"
    assert [status.address for status in told.recipients] == [recipient]
    if recipient.startswith("0"):  # the words name both causes
        assert told.reason in (BounceReason.ADDRESS_INVALID, BounceReason.PATIENT_UNKNOWN)
    else:
        assert told.reason is reason


@pytest.mark.requirement("MSS/va1.13")
def test_mon_espace_sante_takes_no_more_than_25_megabytes(mail: MailClient) -> None:
    line = b"x" * 70 + b"\r\n"
    mail.send(OPEN_PATIENT, RAW + line * (25_000_000 // len(line)))
    told = report(mail)
    assert isinstance(told, DeliveryReport) and told.reason is BounceReason.OVERSIZE
    assert mail.mails(OPEN_PATIENT) == []
    mail.send(OPEN_PATIENT)
    assert len(mail.mails(OPEN_PATIENT)) == 1
    assert len(mail.mails(DOCTOR)) == 0


def test_a_patient_who_reads_answers_the_one_who_asked(mail: MailClient) -> None:
    letter = replace(LETTER, sender=Address(APPLICATION_BOX), recipient=Address(OPEN_PATIENT))
    mail.send(OPEN_PATIENT, build_document_mail(letter), wants_delivery_notice=False)
    (stored,) = mail.stored(OPEN_PATIENT)
    assert mail.box.mail.answer(stored, Receipt("displayed"))
    told = report(mail)
    assert isinstance(told, ReadReport)
    assert (told.original_message_id, told.reader, told.is_read) == (LETTER.message_id, OPEN_PATIENT, True)
    refused = Receipt("processed", error=("904", "INS différente"), is_manual=False)
    assert mail.box.mail.answer(stored, refused)
    told = report(mail)
    assert isinstance(told, ReadReport)
    assert (told.is_error, told.code) == (True, "904")


def test_a_reader_who_was_not_asked_says_nothing(mail: MailClient) -> None:
    mail.send(wants_delivery_notice=False)
    assert not mail.box.mail.answer(mail.stored(DOCTOR)[0], Receipt("displayed"))
    assert mail.mails() == []


def test_a_mailbox_is_read_marked_and_moved_and_all_is_there_after_a_restart(
    settings: SandboxSettings,
) -> None:
    with Sandbox(settings) as box:
        mail = MailClient(box)
        for _ in range(3):
            mail.send(wants_delivery_notice=True)
        reader = mail.reader()
        first, second, third = reader.waiting(9)
        assert open_mail(reader.fetch(first.uid)).report_type == "delivery-status"
        assert reader.fetch_headers(first.uid).startswith(b"Return-Path: <>")
        reader.done([first.uid], "Traites")
        reader.done([second.uid], "Erreurs")
        assert [waiting.uid for waiting in reader.waiting(9)] == [third.uid]
        used = mail.box.mail.store.size_of(APPLICATION_BOX)
        mail.box.mail.quotas[APPLICATION_BOX] = 1024 * 1024
        assert reader.quota() == Quota(-(-used // 1024) * 1024, 1024 * 1024)
        mail.close()
    with Sandbox(settings) as box:
        mail = MailClient(box)
        (again,) = mail.reader().waiting(9)
        assert again == third
        assert sorted(stored.folder for stored in mail.stored()) == ["Erreurs", "INBOX", "Traites"]
        box.mail.store.new_validity(APPLICATION_BOX)
        (renumbered,) = mail.reader().waiting(9)
        assert renumbered.uid_validity != third.uid_validity
        assert mail.reader().fetch(renumbered.uid) == mail.reader().fetch(renumbered.uid)
        mail.close()


def test_two_readers_of_one_mailbox_see_each_other(mail: MailClient) -> None:
    mail.box.mail.deposit(ERROR_BOX, RAW, sender=DOCTOR)
    first, second = mail.reader(ERROR_BOX), mail.reader(ERROR_BOX)
    (waiting,) = first.waiting(9)
    assert list(second.waiting(9)) == [waiting]
    first.done([waiting.uid], "Traites")
    assert second.waiting(9) == []
    with pytest.raises(Rejected):
        second.fetch(waiting.uid)
    second.done([waiting.uid], "Traites")
    assert len(mail.stored(ERROR_BOX)) == 1


def test_hostile_bytes_are_handed_on_as_they_are(mail: MailClient) -> None:
    for raw in (b"\xff\xfe\x00", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 5000):
        mail.box.mail.deposit(APPLICATION_BOX, raw, sender=DOCTOR)
    reader = mail.reader()
    for waiting, raw in zip(reader.waiting(9), (b"\xff\xfe\x00", b"--b\r\n"), strict=True):
        content = reader.fetch(waiting.uid)
        assert content.endswith(raw)
        assert len(content) == waiting.size


def test_a_mail_written_by_the_library_passes_too(mail: MailClient) -> None:
    written = EmailMessage()
    written["Subject"] = "été"
    written.set_content("l'été")
    mail.send(raw=written.as_bytes())
    assert open_mail(mail.mails(DOCTOR)[0]).subject == "été"


def test_a_quota_knows_its_ratio() -> None:
    assert (Quota(8, 10).ratio, Quota(1, 0).ratio) == (0.8, 0.0)
