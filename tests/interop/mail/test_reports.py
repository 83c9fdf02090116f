"""Reports of every form that operators and readers send (mssante.md 1.10, 4.4; hl7v2.md 3.6)."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.mail.answers import IntegrationFault, build_error_mail, build_mdn
from interop.mail.codes import BounceReason, DeliveryAction, DispositionKind, MdnFlavour
from interop.mail.document import build_document_mail
from interop.mail.errors import MailRefused
from interop.mail.reports import DeliveryReport, ReadReport, parse_report
from tests.interop.mail.samples import INTEGRATED, LETTER, REFUSED


def dsn(*blocks: str, returned: str = "Message-ID: <mss-8f2c.1@ch-a.mssante.fr>", text: str = "") -> bytes:
    """A delivery report as Postfix writes it."""
    fields = "\r\n\r\n".join(blocks)
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@operateur.test\r\nSubject: Delivery report\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{fields}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\nSubject: x\r\n--b--\r\n"
    ).encode()


MESSAGE = "Reporting-MTA: dns; operateur.test\r\nOriginal-Envelope-Id: mss-8f2c"
RELAYED = (
    "Final-Recipient: rfc822; Adam.Hoda@medecin.test\r\nOriginal-Recipient: rfc822;adam.hoda@medecin.test\r\n"
    "Action: relayed\r\nStatus: 2.0.0\r\nDiagnostic-Code: smtp; 250 2.0.0 Ok: queued"
)
FAILED = (
    "Final-Recipient: rfc822; a@medecin.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <a@medecin.test>: Recipient address\r\n rejected: User unknown"
)


def test_a_relayed_mail_is_a_success_of_its_envelope() -> None:
    report = parse_report(dsn(MESSAGE, RELAYED))
    assert isinstance(report, DeliveryReport)
    (status,) = report.recipients
    assert (status.address, status.original_address) == ("adam.hoda@medecin.test",) * 2
    assert (status.action, status.status, status.is_success) == (DeliveryAction.RELAYED, "2.0.0", True)
    assert (report.envelope_id, report.original_message_id) == ("mss-8f2c", LETTER.message_id)
    assert (report.reporting_mta, report.reason, report.is_formal) == ("operateur.test", None, True)


@pytest.mark.parametrize("action", ["delivered", "expanded", "Relayed"])
def test_the_other_successes(action: str) -> None:
    report = parse_report(dsn(MESSAGE, RELAYED.replace("relayed", action)))
    assert isinstance(report, DeliveryReport) and report.recipients[0].is_success


def test_a_late_mail_is_neither_delivered_nor_lost() -> None:
    report = parse_report(dsn(MESSAGE, RELAYED.replace("relayed", "delayed").replace("250", "451")))
    assert isinstance(report, DeliveryReport)
    assert report.recipients[0].action is DeliveryAction.DELAYED
    assert (report.recipients[0].is_success, report.reason) == (False, None)


def test_a_failure_gives_the_code_of_the_server_and_its_reason() -> None:
    report = parse_report(dsn(MESSAGE, FAILED))
    assert isinstance(report, DeliveryReport)
    (status,) = report.recipients
    assert (status.reply_code, status.status, status.is_success) == ("550", "5.1.1", False)
    assert report.reason is BounceReason.ADDRESS_INVALID


def test_a_report_on_several_recipients_gives_each() -> None:
    report = parse_report(dsn(MESSAGE, RELAYED, FAILED))
    assert isinstance(report, DeliveryReport)
    assert [status.is_success for status in report.recipients] == [True, False]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("La boîte fermée ne reçoit plus.", BounceReason.MAILBOX_CLOSED),
        ("Patient introuvable.", BounceReason.PATIENT_UNKNOWN),
        ("Adresse invalide.", BounceReason.ADDRESS_INVALID),
        ("Message trop volumineux.", BounceReason.OVERSIZE),
        ("Sans autre précision.", BounceReason.OTHER),
    ],
)
def test_a_bounce_of_mon_espace_sante_in_plain_words(words: str, reason: BounceReason) -> None:
    raw = (
        "Return-Path: <>\r\nFrom: ne-pas-repondre@patient.test\r\nSubject: Message non distribué\r\n"
        "In-Reply-To: <mss-8f2c.2@ch-a.mssante.fr>\r\nX-Failed-Recipients: 146026322000196@patient.test\r\n"
        f'Content-Type: text/plain; charset="utf-8"\r\n\r\n{words}\r\n'
    ).encode()
    report = parse_report(raw)
    assert isinstance(report, DeliveryReport)
    assert (report.reason, report.is_formal) == (reason, False)
    assert report.original_message_id == "<mss-8f2c.2@ch-a.mssante.fr>"
    assert [status.address for status in report.recipients] == ["146026322000196@patient.test"]


def test_a_bounce_that_returns_the_mail_names_it_and_its_recipient() -> None:
    returned = build_document_mail(LETTER)
    raw = (
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@operateur.test\r\n"
        b"Subject: Undelivered Mail Returned to Sender\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n"
        b"--q\r\nContent-Type: text/plain\r\n\r\nmessage size exceeds limit, 552 5.3.4\r\n"
        b"--q\r\nContent-Type: message/rfc822\r\n\r\n" + returned + b"\r\n--q--\r\n"
    )
    report = parse_report(raw)
    assert isinstance(report, DeliveryReport)
    assert (report.original_message_id, report.reason) == (LETTER.message_id, BounceReason.OVERSIZE)
    (status,) = report.recipients
    assert (status.address, status.reply_code, status.status) == (LETTER.recipient.email, "552", "5.3.4")


def test_a_person_who_writes_these_words_is_no_robot() -> None:
    raw = (
        "Return-Path: <a@b.test>\r\nFrom: a@b.test\r\nSubject: TR: Message non distribué\r\n\r\n"
        "Undelivered Mail Returned to Sender"
    ).encode()
    assert parse_report(raw) is None


def test_the_words_of_a_bounce_are_a_setting() -> None:
    raw = b"Return-Path: <>\r\nFrom: robot@x.test\r\nSubject: Retour\r\n\r\nLe compte est absent"
    assert parse_report(raw) is None
    report = parse_report(raw, bounce_words={"compte est absent": BounceReason.PATIENT_UNKNOWN})
    assert isinstance(report, DeliveryReport) and report.reason is BounceReason.PATIENT_UNKNOWN


@pytest.mark.parametrize("flavour", MdnFlavour)
def test_our_own_notices_are_read_in_both_flavours(flavour: MdnFlavour) -> None:
    refused = parse_report(build_mdn(replace(REFUSED, flavour=flavour)))
    assert refused == ReadReport(
        original_message_id=LETTER.message_id,
        reader="servicey_auto@chb.mssante.fr",
        kind=DispositionKind.PROCESSED,
        is_error=True,
        code="902",
        label="Identifiant patient inconnu",
        original_recipient="servicey_auto@chb.mssante.fr",
    )
    done = parse_report(build_mdn(replace(INTEGRATED, flavour=flavour)))
    assert isinstance(done, ReadReport)
    assert (done.is_read, done.is_error, done.code) == (True, False, "")


@pytest.mark.parametrize("flavour", MdnFlavour)
def test_an_accented_label_survives_without_its_accents(flavour: MdnFlavour) -> None:
    fault = IntegrationFault("901", "Auteur non autorisé à remplacer")
    report = parse_report(build_mdn(replace(REFUSED, flavour=flavour, fault=fault)))
    assert isinstance(report, ReadReport)
    assert (report.code, report.label) == ("901", "Auteur non autorise a remplacer")


def mdn(disposition: str, *, subject: str = "Lu") -> bytes:
    return (
        f"From: a@b.test\r\nSubject: {subject}\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        "--b\r\n\r\nlu\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"final-recipient: rfc822;A@b.test\r\noriginal-message-id: <1@x>\r\n{disposition}\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("disposition", "kind", "is_error", "code", "is_read"),
    [
        ("Disposition: manual-action/MDN-sent-manually; displayed", "displayed", False, "", True),
        ("DISPOSITION: automatic-action/MDN-sent-automatically;processed", "processed", False, "", True),
        ("Disposition: manual-action/x; deleted", "deleted", False, "", False),
        ("Disposition: automatic-action/x; dispatched", "dispatched", False, "", False),
        ("Disposition: automatic-action/x; processed/Error: 904^x^y| E", "processed", True, "904", False),
        ("Disposition: automatic-action/x; processed/error: 905^x", "processed", True, "905", False),
        ("Disposition: a/x; processed/error\r\nError: 903^y^z", "processed", True, "903", False),
        ("Disposition: automatic-action/x; processed/error", "processed", True, "906", False),
        ("Disposition: automatic-action/x; failed/failure", "", True, "", False),
    ],
)  # fmt: skip
def test_a_disposition_is_read_whatever_its_generation(
    disposition: str, kind: str, is_error: bool, code: str, is_read: bool
) -> None:
    report = parse_report(mdn(disposition))
    if not kind:
        assert report is None
        return
    assert isinstance(report, ReadReport)
    assert (report.kind, report.is_error, report.code, report.is_read) == (kind, is_error, code, is_read)
    assert (report.original_message_id, report.reader) == ("<1@x>", "a@b.test")


def test_the_code_of_the_subject_serves_where_the_disposition_has_none() -> None:
    subject = "=?utf-8?q?=5BKO_Int=C3=A9gration_syst=C3=A8me_!=5D=5B900=5D?= XDM/1.0/DDM+CR X"
    report = parse_report(mdn("Disposition: automatic-action/x; processed", subject=subject))
    assert isinstance(report, ReadReport)
    assert (report.is_error, report.code) == (True, "900")
    assert report.label.startswith("Version du document incorrecte")


def test_an_ordinary_mail_is_no_report() -> None:
    assert parse_report(build_document_mail(LETTER)) is None
    assert parse_report(build_error_mail(REFUSED)) is None


@given(at=st.integers(0, 2000), junk=st.binary(max_size=40))
def test_a_damaged_report_is_read_or_is_none(at: int, junk: bytes) -> None:
    for raw in (dsn(MESSAGE, RELAYED, FAILED), build_mdn(REFUSED)):
        place = at % len(raw)
        with contextlib.suppress(MailRefused):
            parse_report(raw[:place] + junk + raw[place + len(junk) :])
