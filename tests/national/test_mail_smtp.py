"""Handing a mail to the operator: what leaves, and what each reply means (mssante.md 1.2, 1.5, 1.10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.mail.operator import MailServer
from national.mail.ports import Accepted, Mail, MailSender
from national.mail.smtp import SmtpSender
from national.transport import CERTIFICATE_REFUSED, CERTIFICATE_UNREADABLE, SERVER_NOT_TRUSTED, TlsFiles
from tests.interop import pki
from tests.national.mail_lines import Kept, LineServer, SmtpScript, lines, operator
from tests.national.server import closed_port

RAW = b"From: a@b.test\r\nSubject: x\r\n\r\nbonjour\r\n.cach\xc3\xa9\r\n..fin\r\n"
MAIL = Mail(RAW, "pfi@ch.test", "dr@medecin.test", "mss-1", True, message_id="<mss-1@ch.test>")


@dataclass
class Bench:
    sender: SmtpSender
    script: SmtpScript
    server: LineServer
    kept: Kept


Start = Callable[..., Bench]


@pytest.fixture
def start(tls_files: TlsFiles, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def starting(script: SmtpScript | None = None, *, files: TlsFiles = tls_files) -> Bench:
            played = script or SmtpScript()
            server = stack.enter_context(lines(tmp_path, played, is_tls=played.is_tls))
            kept = Kept()
            settings = operator(files, smtp=server.port, is_tls=played.is_tls)
            sender = SmtpSender(settings, record=kept)
            stack.callback(sender.close)
            return Bench(sender, played, server, kept)

        yield starting


def failure(it: Bench, mail: Mail = MAIL) -> NationalServiceError:
    with pytest.raises(NationalServiceError) as caught:
        it.sender.send(mail)
    assert it.kept.calls[-1].code == caught.value.code
    return caught.value


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_mail_leaves_whole_over_tls_with_its_parameters(start: Start, is_tls: bool) -> None:
    it = start(SmtpScript(is_tls=is_tls, has_tls=not is_tls))
    port: MailSender = it.sender
    assert port.send(MAIL) == Accepted(250, "2.0.0 Ok: queued as 1", notice_offered=True)
    (sent,) = it.script.mails
    assert sent[0] == f"mail FROM:<pfi@ch.test> size={len(RAW)} BODY=8BITMIME RET=HDRS ENVID=mss-1".replace(
        "size", "SIZE"
    )
    assert sent[1] == ("rcpt TO:<dr@medecin.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;dr@medecin.test")
    assert sent[2] == RAW.replace(b"\r\n.", b"\r\n..")
    (call,) = it.kept.calls
    assert (call.transaction, call.message_id, call.outcome) == (
        "SMTP.SEND", "mss-1@ch.test", CallOutcome.SUCCESS,
    )  # fmt: skip


def test_a_mail_without_notice_asks_for_failures_only_and_odd_characters_are_escaped(start: Start) -> None:
    it = start()
    it.sender.send(replace(MAIL, wants_delivery_notice=False, envelope_id="a+b c", recipient="a+b@m.test"))
    sent = it.script.mails[0]
    assert "ENVID=a+2Bb+20c" in sent[0]
    assert sent[1] == "rcpt TO:<a+b@m.test> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb@m.test"


def test_an_operator_without_notices_is_said_so(start: Start) -> None:
    it = start(SmtpScript(features=()))
    assert it.sender.send(MAIL).notice_offered is False
    assert it.script.mails[0][0] == "mail FROM:<pfi@ch.test>"
    assert it.script.mails[0][1] == "rcpt TO:<dr@medecin.test>"
    assert it.sender.size_limit() is None


def test_one_line_serves_many_mails(start: Start) -> None:
    it = start()
    for _ in range(3):
        it.sender.send(MAIL)
    assert (it.server.connections, len(it.script.mails)) == (1, 3)


def test_a_line_that_the_operator_cut_between_two_mails_is_opened_again(start: Start) -> None:
    it = start(SmtpScript(replies={"NOOP": [None]}))
    it.sender.send(MAIL)
    it.sender.send(MAIL)
    assert (it.server.connections, len(it.script.mails)) == (2, 2)


def test_the_size_is_asked_once_and_checked_before_anything_leaves(start: Start) -> None:
    it = start(SmtpScript(features=("SIZE 20",)))
    assert it.sender.size_limit() == 20
    error = failure(it)
    assert isinstance(error, Rejected)
    assert (error.code, error.kind, it.script.mails) == ("552", RejectionKind.DATA, [])
    assert it.server.connections == 1


def test_nothing_is_said_in_clear(start: Start) -> None:
    it = start(SmtpScript(has_tls=False))
    error = failure(it)
    assert isinstance(error, Unavailable)
    assert (error.code, len(it.script.heard)) == ("TLS_NOT_OFFERED", 1)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        ("450 4.2.0 greylisted", Unavailable, "450"),
        ("452 4.2.2 mailbox over quota", Unavailable, "452"),
        ("421 4.3.2 closing", Unavailable, "421"),
        ("550 5.1.1 unknown", Rejected, "550"),
        ("554 5.7.1 no", Rejected, "554"),
    ],
)
def test_a_reply_is_a_refusal_or_a_delay_by_its_class(
    start: Start, verb: str, reply: str, kind: type[NationalServiceError], code: str
) -> None:
    it = start(SmtpScript(replies={verb: [reply]}))
    error = failure(it)
    assert type(error) is kind
    assert (error.code, error.text) == (code, reply[4:])
    if isinstance(error, Rejected):
        assert error.kind is RejectionKind.DATA
    assert it.sender.send(MAIL).code == 250


def test_a_structure_that_is_refused_is_no_fault_of_the_mail(start: Start) -> None:
    for verb in ("MAIL", "EHLO"):
        it = start(SmtpScript(replies={verb: ["530 5.7.0 certificate required"]}))
        error = failure(it)
        assert isinstance(error, Rejected)
        assert (error.code, error.kind) == ("530", RejectionKind.CONFIGURATION)


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA"])
def test_a_line_cut_before_the_last_dot_took_nothing(start: Start, verb: str) -> None:
    it = start(SmtpScript(replies={verb: [None]}))
    assert isinstance(failure(it), Unavailable)
    assert it.sender.send(MAIL).code == 250
    assert len(it.script.mails) == 1


def test_a_line_cut_after_the_last_dot_leaves_the_outcome_unknown(start: Start) -> None:
    it = start(SmtpScript(replies={"DOT": [None]}))
    error = failure(it)
    assert isinstance(error, Uncertain)
    assert it.kept.calls[-1].outcome is CallOutcome.UNCERTAIN
    assert len(it.script.mails) == 1


def test_a_busy_or_hostile_greeting_is_no_line(start: Start) -> None:
    assert failure(start(SmtpScript(replies={"GREETING": ["421 4.3.2 busy"]}))).code == "421"
    refused = failure(start(SmtpScript(replies={"GREETING": ["554 go away"]})))
    assert (type(refused), refused.code) == (Rejected, "554")
    assert isinstance(failure(start(SmtpScript(replies={"GREETING": ["bonjour"]}))), Unavailable)


def test_an_operator_that_wants_the_mailbox_is_told_it(start: Start) -> None:
    it = start(SmtpScript(features=("AUTH EXTERNAL PLAIN",)))
    it.sender.send(MAIL)
    it.sender.send(replace(MAIL, sender="autre@ch.test"))
    assert [said for said in it.script.heard if said.startswith("AUTH")] == [
        "AUTH EXTERNAL cGZpQGNoLnRlc3Q=", "AUTH EXTERNAL YXV0cmVAY2gudGVzdA==",
    ]  # fmt: skip
    refused = failure(start(SmtpScript(features=("AUTH EXTERNAL",), replies={"AUTH": ["535 5.7.8 no"]})))
    assert isinstance(refused, Rejected) and refused.kind is RejectionKind.CONFIGURATION


@pytest.mark.parametrize("address", ["dr@medecin.test>\r\nRCPT TO:<x@y.test", "dr", ""])
def test_an_address_that_would_command_never_leaves(start: Start, address: str) -> None:
    it = start()
    mails = [replace(MAIL, recipient=address), *([replace(MAIL, sender=address)] if address else [])]
    for mail in mails:
        error = failure(it, mail)
        assert (type(error), error.code) == (Rejected, "553")
    assert it.script.heard == []


def test_a_report_leaves_without_a_sender(start: Start) -> None:
    it = start()
    it.sender.send(replace(MAIL, sender=""))
    assert it.script.mails[0][0].startswith("mail FROM:<> ")


def test_nobody_listens(tls_files: TlsFiles) -> None:
    kept = Kept()
    with pytest.raises(Unavailable):
        SmtpSender(operator(tls_files, smtp=closed_port()), record=kept).send(MAIL)
    assert kept.calls[0].outcome is CallOutcome.UNAVAILABLE


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_server_of_another_authority_is_not_trusted(start: Start, tmp_path: Path, is_tls: bool) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(pki.authority("AC INCONNUE").certificate_pem)
    files = TlsFiles(other, tmp_path / "client.pem", tmp_path / "client.key")
    error = failure(start(SmtpScript(is_tls=is_tls, has_tls=not is_tls), files=files))
    assert (type(error), error.code) == (Unavailable, SERVER_NOT_TRUSTED)


def test_a_certificate_that_the_operator_does_not_know_is_a_matter_of_configuration(
    start: Start, tmp_path: Path
) -> None:
    rogue = pki.issued("client", purpose="client", by="AC INCONNUE")
    (tmp_path / "rogue.pem").write_bytes(rogue.certificate_pem)
    (tmp_path / "rogue.key").write_bytes(rogue.key_pem)
    error = failure(
        start(files=TlsFiles(tmp_path / "ca.pem", tmp_path / "rogue.pem", tmp_path / "rogue.key"))
    )
    assert isinstance(error, Rejected)
    assert (error.code, error.kind) == (CERTIFICATE_REFUSED, RejectionKind.CONFIGURATION)


def test_certificates_that_cannot_be_read_are_a_matter_of_configuration(
    start: Start, tls_files: TlsFiles
) -> None:
    it = start()
    tls_files.key.write_bytes(b"")
    error = failure(it)
    assert (type(error), error.code, it.server.connections) == (Rejected, CERTIFICATE_UNREADABLE, 0)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://op.test", MailServer("op.test", 587, False)),
        ("smtp://op.test:2525", MailServer("op.test", 2525, False)),
        ("smtps://op.test/", MailServer("op.test", 465, True)),
        ("https://op.test", None),
        ("imap://op.test", None),
        ("smtp:op.test", None),
    ],
)
def test_the_address_of_a_server_says_how_it_is_joined(url: str, server: MailServer | None) -> None:
    if server is None:
        with pytest.raises(ValueError, match="smtp://host:port"):
            MailServer.of_url(url, protocol="smtp")
    else:
        assert MailServer.of_url(url, protocol="smtp") == server
