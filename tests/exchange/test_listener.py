"""The listener on real sockets: framing, limits, TLS, several messages, several senders."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from exchange.enums import PamAck
from exchange.errors import NoAnswer
from exchange.models import Message
from exchange.tls import client_context, server_context
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.mllp import HEAD_BYTES, FrameDecoder, frame
from tests.exchange.conftest import Treated
from tests.exchange.listening import DEFAULTS, Listening, line_to, send
from tests.exchange.messages import message
from tests.factories import PartnerFactory
from tests.interop import pki


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_messages(connected: socket.socket, count: int) -> list[bytes]:
    decoder, found = FrameDecoder(), []
    while len(found) < count and (data := connected.recv(65_536)):
        found += decoder.feed(data)
    return found


def test_several_messages_on_one_line_are_answered_in_their_order(
    listening: Listening, treated: Treated
) -> None:
    port = listening.start(PartnerFactory())
    acks = send(port, *(message(control_id=f"A{n}") for n in range(5)))
    assert [ack.acknowledged_id for ack in acks] == [f"A{n}" for n in range(5)]
    assert {ack.code for ack in acks} == {"AA"}


def test_messages_sent_without_waiting_are_all_answered(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory())
    with connect(port) as connected:
        connected.sendall(b"".join(frame(message(control_id=f"A{n}")) for n in range(20)))
        answers = read_messages(connected, 20)
    assert [parse_ack(raw).acknowledged_id for raw in answers] == [f"A{n}" for n in range(20)]
    assert treated.count == 20


def test_a_frame_cut_in_single_bytes_is_read(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory())
    with connect(port) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(message(control_id="A1")):
            connected.send(bytes([byte]))
        [answered] = read_messages(connected, 1)
    assert parse_ack(answered).acknowledged_id == "A1"


def test_a_sender_that_closes_after_its_message_still_gets_the_answer(
    listening: Listening, treated: Treated
) -> None:
    port = listening.start(PartnerFactory())
    with connect(port) as connected:
        connected.sendall(frame(message(control_id="A1"))[:-1])  # no CR after FS
        connected.shutdown(socket.SHUT_WR)
        [answered] = read_messages(connected, 1)
    assert parse_ack(answered).code == "AA"


def test_stray_bytes_between_frames_are_ignored(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory())
    with connect(port) as connected:
        connected.sendall(b"\n\n" + frame(message()) + b"\r\n keep-alive " + frame(message()))
        assert len(read_messages(connected, 2)) == 2


@pytest.mark.slow
def test_a_message_of_thirty_mebibytes_is_kept_and_answered(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory())
    [ack] = send(port, message("OBX|1|ED|||^^^Base64^" + "QUJD" * (30 * 2**18), control_id="BIG"))
    assert (ack.code, ack.acknowledged_id) == ("AA", "BIG")
    assert len(bytes(Message.objects.get().raw)) > 30 * 2**20


@pytest.mark.slow
def test_thirty_mebibytes_of_nothing_are_refused_and_the_listener_lives(
    listening: Listening, treated: Treated
) -> None:
    port = listening.start(PartnerFactory())
    [ack] = send(port, message("ZZZ" + "|^~&" * (7 * 2**20 + 2**19), control_id="BIG"))
    assert (ack.code, ack.faults[0].code) == ("AE", "199")
    assert [one.code for one in send(port, message())] == ["AA"]


@pytest.mark.parametrize(
    ("charset", "codec"), [("8859/1", "iso8859-1"), ("8859/15", "iso8859-15"), ("UNICODE UTF-8", "utf-8")]
)
def test_accents_are_read_in_the_declared_charset(
    listening: Listening, treated: Treated, charset: str, codec: str
) -> None:
    port = listening.start(PartnerFactory())
    send(port, message("ZZZ|Réault Noël", charset=charset, codec=codec))
    assert treated.receptions[0].parsed.get("ZZZ-1") == "Réault Noël"


def test_an_idle_line_is_closed(listening: Listening) -> None:
    port = listening.start(PartnerFactory(), settings=replace(DEFAULTS, idle_seconds=0.2))
    with connect(port) as connected:
        assert _ends(connected)


def test_a_line_too_many_is_closed_at_once(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory(), settings=replace(DEFAULTS, max_connections=1))
    with line_to(port) as first:
        first.exchange(message())
        with connect(port) as second:
            assert _ends(second)
        assert b"MSA|AA" in first.exchange(message())


def test_senders_at_the_same_time_get_one_effect_each(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory())
    raws = [message(control_id=f"A{n}") for n in range(12)]
    answers: dict[int, list[bytes]] = {}

    def sender(number: int) -> None:
        with line_to(port) as line:
            answers[number] = [line.exchange(raw) for raw in raws]

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert treated.count == 12
    assert answers[0] == answers[1] == answers[2]
    assert Message.objects.count() == 12


def test_in_stored_mode_waiting_rows_wake_the_sweep(listening: Listening) -> None:
    woken = threading.Event()
    port = listening.start(PartnerFactory(pam_ack=PamAck.STORED), woken=woken.set)
    [ack] = send(port, message("EVN||20250102", kind="ADT^A31^ADT_A05"))
    assert ack.code == "AA" and woken.is_set()
    assert Message.objects.get().state == "stored"


def test_without_the_journal_nothing_is_taken_in_charge(
    listening: Listening, treated: Treated, caplog: pytest.LogCaptureFixture
) -> None:
    port = listening.start(PartnerFactory())
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("ALTER TABLE exchange_message RENAME TO exchange_message_gone")
        try:
            [ack] = send(port, message())
        finally:
            cursor.execute("ALTER TABLE exchange_message_gone RENAME TO exchange_message")
    assert ack.code == "AR"
    assert treated.count == 0
    assert [one.code for one in send(port, message())] == ["AA"]


def test_after_the_database_cut_its_connections_messages_go_on(
    listening: Listening, treated: Treated, caplog: pytest.LogCaptureFixture
) -> None:
    port = listening.start(PartnerFactory())
    assert [ack.code for ack in send(port, message())] == ["AA"]
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert [ack.code for ack in send(port, message(), message())] == ["AA", "AA"]
    assert Message.objects.filter(state="applied").count() == 3


# --- TLS -----------------------------------------------------------------------------------------
@pytest.fixture
def certificates(tmp_path: Path, settings: Settings) -> dict[str, Path]:
    """The files of a server, of the partner that is expected and of another one."""
    files = {"ca": tmp_path / "ca.pem"}
    files["ca"].write_bytes(pki.authority().certificate_pem)
    for name, purpose in (("server", "server"), ("gam", "client"), ("other", "client")):
        identity = pki.issued(f"{name}.chu.example", purpose=purpose)
        (tmp_path / f"{name}.pem").write_bytes(identity.certificate_pem)
        (tmp_path / f"{name}.key").write_bytes(identity.key_pem)
        files[name] = tmp_path / f"{name}.pem"
    settings.MLLP_CA_PATH = files["ca"]
    settings.MLLP_CERTIFICATE_PATH = files["server"]
    settings.MLLP_KEY_PATH = tmp_path / "server.key"
    return files


def _as(name: str, files: dict[str, Path], settings: Settings) -> ssl.SSLContext:
    settings.MLLP_CERTIFICATE_PATH = files[name]
    settings.MLLP_KEY_PATH = files[name].with_suffix(".key")
    return client_context()


def test_the_expected_certificate_opens_the_line(
    listening: Listening, treated: Treated, certificates: dict[str, Path], settings: Settings
) -> None:
    subject = pki.issued("gam.chu.example", purpose="client").certificate.subject.rfc4514_string()
    port = listening.start(PartnerFactory(uses_tls=True, peer_subject=subject), tls=server_context())
    with line_to(port, tls=_as("gam", certificates, settings)) as line:
        assert b"MSA|AA" in line.exchange(message())


@pytest.mark.parametrize(
    "sent", [b"\x0b" + message(control_id="CUT"), b"\x0b" + b"A" * 200_000], ids=["cut", "too-long"]
)
def test_what_a_tls_line_broke_is_kept_too(
    listening: Listening,
    treated: Treated,
    certificates: dict[str, Path],
    settings: Settings,
    sent: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    subject = pki.issued("gam.chu.example", purpose="client").certificate.subject.rfc4514_string()
    limited = replace(DEFAULTS, max_frame_bytes=100_000)
    partner = PartnerFactory(uses_tls=True, peer_subject=subject)
    port = listening.start(partner, settings=limited, tls=server_context())
    context = _as("gam", certificates, settings)
    with context.wrap_socket(connect(port), server_hostname="localhost") as connected:
        with suppress(ConnectionError):
            connected.sendall(sent)
            connected.shutdown(socket.SHUT_WR)
            # Closed with anything left to read, the line would be reset, and what it holds unread lost.
            while connected.recv(65_536):
                continue
    with line_to(port, tls=context) as line:
        assert b"MSA|AA" in line.exchange(message())
    listening.close()
    row = Message.objects.get(state="unreadable")
    assert bytes(row.raw) == sent[1 : 1 + HEAD_BYTES]
    assert "asyncio" not in {record.name for record in caplog.records}


def test_another_certificate_of_the_same_authority_is_closed(
    listening: Listening, treated: Treated, certificates: dict[str, Path], settings: Settings
) -> None:
    subject = pki.issued("gam.chu.example", purpose="client").certificate.subject.rfc4514_string()
    port = listening.start(PartnerFactory(uses_tls=True, peer_subject=subject), tls=server_context())
    with line_to(port, tls=_as("other", certificates, settings)) as line, pytest.raises(NoAnswer):
        line.exchange(message())
    assert Message.objects.count() == 0


def test_without_a_certificate_nobody_enters(
    listening: Listening, treated: Treated, certificates: dict[str, Path]
) -> None:
    port = listening.start(PartnerFactory(uses_tls=True), tls=server_context())
    context = ssl.create_default_context(cafile=str(certificates["ca"]))
    with line_to(port, tls=context) as line, pytest.raises(NoAnswer):
        line.exchange(message())
    with line_to(port) as plain, pytest.raises(NoAnswer):
        plain.exchange(message())
    assert Message.objects.count() == 0


def _ends(connected: socket.socket) -> bool:
    """Whether the other side closes, whatever it says first."""
    try:
        while connected.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True
