"""Reading an application mailbox: nothing marked before its time, nothing lost (mssante.md 1.2, 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable
from national.mail.imap import ImapReader
from national.mail.ports import MAIL_GONE, MAIL_TOO_LARGE, MailReader, Quota, Waiting
from national.transport import CERTIFICATE_REFUSED, SERVER_NOT_TRUSTED, TlsFiles
from tests.interop import pki
from tests.national.mail_lines import ImapScript, Kept, LineServer, lines, operator
from tests.national.server import closed_port

BOX = "pfi@ch.test"
RAW = b"From: a@b.test\r\nSubject: \xc3\xa9\r\n\r\nbonjour )\r\n"


@dataclass
class Bench:
    reader: ImapReader
    script: ImapScript
    server: LineServer
    kept: Kept


Start = Callable[..., Bench]


@pytest.fixture
def start(tls_files: TlsFiles, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def starting(
            script: ImapScript | None = None, *, files: TlsFiles = tls_files, **options: float
        ) -> Bench:
            played = script or ImapScript({3: RAW, 5: RAW * 2})
            server = stack.enter_context(lines(tmp_path, played, is_tls=played.is_tls))
            kept = Kept()
            settings = operator(files, imap=server.port, is_tls=played.is_tls, **options)
            reader = ImapReader(settings, BOX, record=kept)
            stack.callback(reader.close)
            return Bench(reader, played, server, kept)

        yield starting


def failure(it: Bench, call: Callable[[ImapReader], object]) -> NationalServiceError:
    with pytest.raises(NationalServiceError) as caught:
        call(it.reader)
    assert it.kept.calls[-1].code == caught.value.code
    return caught.value


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_mailbox_is_opened_by_the_certificate_in_its_name(start: Start, is_tls: bool) -> None:
    it = start(ImapScript({3: RAW, 5: RAW * 2}, is_tls=is_tls))
    port: MailReader = it.reader
    assert port.waiting(10) == [Waiting(3, 7, len(RAW)), Waiting(5, 7, 2 * len(RAW))]
    assert it.script.identity == BOX
    (call,) = it.kept.calls
    assert (call.transaction, call.message_id, call.outcome) == ("IMAP.LIST", BOX, CallOutcome.SUCCESS)


def test_the_oldest_mails_come_first_and_no_more_than_asked(start: Start) -> None:
    it = start()
    assert [waiting.uid for waiting in it.reader.waiting(1)] == [3]
    it.script.marked[3] = ["$MSSProcessed"]
    assert [waiting.uid for waiting in it.reader.waiting(9)] == [5]
    it.script.inbox.clear()
    assert it.reader.waiting(9) == []


def test_a_mail_is_read_whole_without_being_marked(start: Start) -> None:
    it = start()
    assert it.reader.fetch(3) == RAW
    assert it.reader.fetch_headers(3) == RAW.partition(b"bonjour")[0]
    assert it.script.marked == {}
    assert not any("BODY[" in said for said in it.script.heard)


def test_a_mail_is_marked_then_moved_to_a_folder_made_for_it(start: Start) -> None:
    it = start()
    it.reader.done([3], "Traites")
    assert it.script.marked == {3: ["\\Seen", "$MSSProcessed"]}
    assert (it.script.folders, set(it.script.inbox)) == ({"Traites": [3]}, {5})
    it.reader.done([5], "Traites")
    assert len([said for said in it.script.heard if said.startswith("CREATE")]) == 1


@pytest.mark.parametrize("capabilities", ["MOVE UIDPLUS", "UIDPLUS"])
def test_several_mails_are_put_away_together_and_the_others_stay(start: Start, capabilities: str) -> None:
    script = ImapScript({3: RAW, 5: RAW, 8: RAW}, capabilities=f"IMAP4rev1 AUTH=EXTERNAL {capabilities}")
    it = start(script)
    it.reader.done([3, 8], "Traites")
    assert (script.folders, set(script.inbox)) == ({"Traites": [3, 8]}, {5})
    assert script.marked[3] == script.marked[8]


def test_an_operator_without_move_copies_and_erases_that_mail_alone(start: Start) -> None:
    it = start(ImapScript({3: RAW, 5: RAW}, capabilities="IMAP4rev1 AUTH=EXTERNAL UIDPLUS"))
    it.reader.done([3], "Erreurs")
    assert (it.script.folders, set(it.script.inbox)) == ({"Erreurs": [3]}, {5})
    assert "UID EXPUNGE 3" in it.script.heard


def test_an_operator_without_expunge_by_uid_keeps_the_mail_marked_for_deletion(start: Start) -> None:
    it = start(ImapScript({3: RAW}, capabilities="IMAP4rev1 AUTH=EXTERNAL"))
    it.reader.done([3], "Traites")
    assert "\\Deleted" in it.script.marked[3]
    assert not any("EXPUNGE" in said for said in it.script.heard)


def test_an_operator_without_keywords_is_read_all_the_same(start: Start) -> None:
    it = start(ImapScript({3: RAW}, permanent="\\Seen \\Deleted"))
    assert [waiting.uid for waiting in it.reader.waiting(9)] == [3]
    it.reader.done([3], "Traites")
    assert it.script.marked == {3: ["\\Seen"]}


def test_a_mail_already_moved_is_no_error(start: Start) -> None:
    it = start()
    it.reader.done([99], "Traites")
    assert it.script.folders == {"Traites": []}


def test_a_mail_that_is_gone_is_said_so(start: Start) -> None:
    it = start()
    for call in (lambda reader: reader.fetch(99), lambda reader: reader.fetch_headers(99)):
        error = failure(it, call)
        assert (type(error), error.code) == (Rejected, MAIL_GONE)


def test_no_more_than_the_limit_is_ever_read(start: Start) -> None:
    it = start(ImapScript({3: RAW + b"x" * 5000}))
    error = failure(it, lambda reader: reader.fetch(3))
    assert (type(error), error.code) == (Rejected, MAIL_TOO_LARGE)
    assert any("<0.1001>" in said for said in it.script.heard)
    assert it.reader.fetch_headers(3).startswith(b"From:")


def test_the_room_of_a_mailbox_is_told_or_not(start: Start) -> None:
    it = start(ImapScript(capabilities="IMAP4rev1 AUTH=EXTERNAL QUOTA"))
    quota = it.reader.quota()
    assert quota == Quota(8 * 1024, 10 * 1024)
    assert quota is not None and quota.ratio == 0.8
    assert start().reader.quota() is None


def test_nothing_is_said_in_clear(start: Start) -> None:
    it = start(ImapScript(has_tls=False))
    error = failure(it, lambda reader: reader.waiting(9))
    assert (type(error), error.code) == (Unavailable, "TLS_NOT_OFFERED")
    assert not any(said.startswith("AUTHENTICATE") for said in it.script.heard)


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        ("TAG NO [AUTHORIZATIONFAILED] no", Rejected, "MAILBOX_REFUSED"),
        ("TAG NO [UNAVAILABLE] later", Unavailable, "UNAVAILABLE"),
    ],
)
def test_a_mailbox_that_is_refused_is_a_matter_of_configuration(
    start: Start, reply: str, kind: type[NationalServiceError], code: str
) -> None:
    it = start(ImapScript(replies={"AUTHENTICATE": [reply]}))
    error = failure(it, lambda reader: reader.waiting(9))
    assert (type(error), error.code) == (kind, code)
    if isinstance(error, Rejected):
        assert error.kind is RejectionKind.CONFIGURATION
    it.reader.waiting(9)


@pytest.mark.parametrize(
    "verb", ["CAPABILITY", "STARTTLS", "AUTHENTICATE", "SELECT", "UID SEARCH", "UID FETCH"]
)
@pytest.mark.parametrize(
    "reply", [None, "TAG NO no", "TAG BAD what", "* BYE gone", "garbage ((", "* 1 FETCH ((("]
)
def test_whatever_goes_wrong_is_for_later_and_the_next_poll_works(
    start: Start, verb: str, reply: str | None
) -> None:
    it = start(ImapScript({3: RAW}, replies={verb: [reply]}))
    error = failure(it, lambda reader: [reader.waiting(9), reader.fetch(3)])
    if verb != "AUTHENTICATE" or (reply or "x")[0] not in "T*":
        assert isinstance(error, Unavailable)
    it.script.replies.clear()
    assert [waiting.uid for waiting in it.reader.waiting(9)] == [3]


def test_an_operator_that_says_nothing_is_left_in_time(start: Start) -> None:
    it = start(ImapScript({3: RAW}, silent={"UID SEARCH"}), read_timeout=0.2)
    assert isinstance(failure(it, lambda reader: reader.waiting(9)), Unavailable)
    it.script.silent.clear()
    assert [waiting.uid for waiting in it.reader.waiting(9)] == [3]


def test_one_line_serves_many_commands_and_a_silent_one_is_opened_again(start: Start) -> None:
    it = start()
    it.reader.waiting(9)
    it.reader.fetch(3)
    assert it.server.connections == 1
    it.script.replies["NOOP"] = [None]
    it.script.uid_validity = 8
    assert it.reader.waiting(9)[0].uid_validity == 8
    assert it.server.connections == 2


def test_nobody_listens(tls_files: TlsFiles) -> None:
    reader = ImapReader(operator(tls_files, imap=closed_port()), BOX, record=Kept())
    with pytest.raises(Unavailable):
        reader.waiting(1)


@pytest.mark.parametrize("is_tls", [False, True])
def test_authorities_of_both_sides_are_checked(start: Start, tmp_path: Path, is_tls: bool) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(pki.authority("AC INCONNUE").certificate_pem)
    own = (tmp_path / "client.pem", tmp_path / "client.key")
    it = start(ImapScript(is_tls=is_tls), files=TlsFiles(other, *own))
    assert failure(it, lambda reader: reader.waiting(1)).code == SERVER_NOT_TRUSTED
    rogue = pki.issued("client", purpose="client", by="AC INCONNUE")
    (tmp_path / "rogue.pem").write_bytes(rogue.certificate_pem)
    (tmp_path / "rogue.key").write_bytes(rogue.key_pem)
    files = TlsFiles(tmp_path / "ca.pem", tmp_path / "rogue.pem", tmp_path / "rogue.key")
    error = failure(start(ImapScript(is_tls=is_tls), files=files), lambda reader: reader.waiting(1))
    assert (type(error), error.code) == (Rejected, CERTIFICATE_REFUSED)
