"""The operator as the installation describes it: lines kept by process, opened again after a change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.context import system_actor
from establishment.enums import NationalService
from establishment.services import endpoint_set
from national.enums import CallOutcome
from national.errors import Rejected, RejectionKind
from national.mail.opening import (
    ADDRESS_UNUSABLE,
    NOT_CONFIGURED,
    lines_close,
    mail_reader,
    mail_sender,
)
from national.mail.ports import Mail
from national.models import Call
from national.transport import TlsFiles
from tests.factories import LegalEntityFactory
from tests.national.mail_lines import ImapScript, SmtpScript, lines

pytestmark = pytest.mark.django_db
ACTOR = system_actor("tests")
MAIL = Mail(b"Subject: x\r\n\r\nx\r\n", "pfi@ch.test", "dr@medecin.test", "mss-1", True, "<mss-1@ch.test>")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    lines_close()
    yield
    lines_close()


def configure(files: TlsFiles, **values: str | bool) -> None:
    endpoint_set(
        service=NationalService.MSSANTE,
        actor=ACTOR,
        ca_path=str(files.authorities),
        certificate_path=str(files.certificate),
        key_path=str(files.key),
        **({"is_enabled": True} | values),
    )


def test_without_an_operator_nothing_leaves() -> None:
    for opening in (mail_sender, lambda: mail_reader("pfi@ch.test")):
        with pytest.raises(Rejected) as caught:
            opening()
        assert (caught.value.code, caught.value.kind) == (NOT_CONFIGURED, RejectionKind.CONFIGURATION)


def test_an_operator_that_is_stopped_is_none(tls_files: TlsFiles) -> None:
    configure(tls_files, base_url="smtp://localhost:1", reading_url="imap://localhost:1", is_enabled=False)
    with pytest.raises(Rejected):
        mail_sender()


@pytest.mark.parametrize(("base_url", "reading_url"), [("https://x", "imap://x"), ("smtp://x", "")])
def test_an_address_of_another_kind_is_refused(tls_files: TlsFiles, base_url: str, reading_url: str) -> None:
    LegalEntityFactory()
    configure(tls_files, base_url=base_url, reading_url=reading_url)
    with pytest.raises(Rejected) as caught:
        mail_sender()
    assert (caught.value.code, caught.value.kind) == (ADDRESS_UNUSABLE, RejectionKind.CONFIGURATION)


def test_lines_are_kept_and_every_exchange_leaves_its_trace(tls_files: TlsFiles, tmp_path: Path) -> None:
    entity = LegalEntityFactory()
    smtp, imap = SmtpScript(replies={"RCPT": ["550 5.1.1 unknown"]}), ImapScript({1: b"Subject: x\r\n\r\n"})
    with lines(tmp_path, smtp) as sending, lines(tmp_path, imap) as reading:
        configure(
            tls_files,
            base_url=f"smtp://localhost:{sending.port}",
            reading_url=f"imap://localhost:{reading.port}",
        )
        sender, reader = mail_sender(), mail_reader("pfi@ch.test")
        assert (mail_sender(), mail_reader("pfi@ch.test")) == (sender, reader)
        assert mail_reader("autre@ch.test") is not reader
        with pytest.raises(Rejected):
            sender.send(MAIL)
        sender.send(MAIL)
        reader.fetch(reader.waiting(1)[0].uid)
        configure(
            tls_files,
            base_url=f"smtp://127.0.0.1:{sending.port}",
            reading_url=f"imap://localhost:{reading.port}",
        )
        assert mail_sender() is not sender
        lines_close()
    calls = list(Call.objects.order_by("id"))
    assert [(call.transaction, call.outcome, call.code) for call in calls] == [
        ("SMTP.SEND", CallOutcome.REJECTED, "550"),
        ("SMTP.SEND", CallOutcome.SUCCESS, ""),
        ("IMAP.LIST", CallOutcome.SUCCESS, ""),
        ("IMAP.FETCH", CallOutcome.SUCCESS, ""),
    ]
    assert calls[0].text == "5.1.1 unknown"
    assert {call.service for call in calls} == {NationalService.MSSANTE}
    assert {call.structure for call in calls} == {entity.finess}
    assert [call.message_id for call in calls[1:]] == ["mss-1@ch.test", "pfi@ch.test", "pfi@ch.test 1"]
