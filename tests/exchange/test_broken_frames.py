"""Lines that do not speak MLLP, on real sockets: refused with what and where, kept once, closed.

Source: spec hl7v2 1.1, 1.2.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from django.db import connection
from django.urls import reverse

from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2.ack import Ack, parse_ack
from interop.hl7v2.mllp import HEAD_BYTES, MAX_STRAY_BYTES, FrameDecoder, frame
from tests.exchange.conftest import Treated
from tests.exchange.listening import DEFAULTS, Listening, send
from tests.exchange.messages import message
from tests.exchange.people import administrator, browser_of
from tests.factories import PartnerFactory

SMALL = replace(DEFAULTS, max_frame_bytes=100_000)
THIN = "\u202f"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def said(connected: socket.socket) -> list[Ack]:
    """What the listener says until it closes the line."""
    decoder, found = FrameDecoder(), []
    try:
        while data := connected.recv(65_536):
            found += decoder.feed(data)
    except ConnectionResetError:
        pass
    return [parse_ack(raw) for raw in found]


def told(listening: Listening, sent: bytes, *, is_ended: bool = True) -> list[Ack]:
    """The answers to bytes sent on one line, and the rows written once the listener is closed."""
    port = listening.start(PartnerFactory(), settings=SMALL)
    with connect(port) as connected:
        with suppress(ConnectionError):  # a listener that has seen enough closes the line
            connected.sendall(sent)
            if is_ended:
                connected.shutdown(socket.SHUT_WR)
        answers = said(connected)
    assert [ack.code for ack in send(port, message())] == ["AA"], "the listener lives"
    listening.close()
    return answers


def kept() -> Message:
    """The one row of a broken line."""
    return Message.objects.get(state=MessageState.UNREADABLE)


LONG = b"\x0b" + message(control_id="BIG") + b"OBX|1|TX|" + b"A" * 109_000
CUT = b"\x0b" + message("PID|1||0001", control_id="CUT")
UNFRAMED = message("PID|1||0001", control_id="BARE")
LONG_SIZE, CUT_SIZE, UNFRAMED_SIZE = len(LONG) - 1, len(CUT) - 1, len(UNFRAMED)


@pytest.mark.parametrize(
    ("sent", "control_id", "words"),
    [
        (LONG, "BIG", f"Message trop long{THIN}: "),
        (
            CUT,
            "CUT",
            f"Trame coupée après l’octet {CUT_SIZE + 1} de la ligne, {CUT_SIZE} octets après son début",
        ),
        (UNFRAMED, "BARE", f"Octets hors trame{THIN}: {UNFRAMED_SIZE} à partir de l’octet 1 de la ligne"),
    ],
    ids=["too-long", "cut", "unframed"],
)
def test_each_cause_is_answered_by_its_name_and_place_and_kept(
    listening: Listening, treated: Treated, sent: bytes, control_id: str, words: str
) -> None:
    [ack] = told(listening, sent)
    [fault] = ack.faults
    row = kept()

    assert (ack.code, ack.acknowledged_id, fault.code, fault.location) == ("AR", control_id, "199", "")
    assert fault.text.startswith(words)
    assert row.error.startswith(f"199 {fault.text}")
    assert (row.control_id, row.ack_code, row.type) == (control_id, "AR", "ZTT^Z01^ZTT_Z01")
    assert parse_ack(bytes(row.ack or b"")) == ack
    content = sent.lstrip(b"\x0b")
    assert bytes(row.raw) == content[:HEAD_BYTES]
    assert row.sha256 == hashlib.sha256(bytes(row.raw)).hexdigest()
    assert row.done_at is not None
    assert treated.count == 1  # the message that shows that the listener lives


def test_of_a_message_too_long_the_beginning_is_kept_and_the_length_is_said(
    listening: Listening, treated: Treated
) -> None:
    told(listening, LONG, is_ended=False)
    row = kept()

    assert len(bytes(row.raw)) == HEAD_BYTES
    assert f" octets reçus pour 100{THIN}000 admis, trame ouverte à l’octet 1 de la ligne" in row.error
    assert row.error.endswith(f"seuls les 65{THIN}536 premiers octets sont conservés")


def test_a_place_counts_all_that_the_line_carried(listening: Listening, treated: Treated) -> None:
    before = b"\n" + frame(message(control_id="A1")) + b"\r\n"
    acks = told(listening, before + CUT)

    assert [(ack.code, ack.acknowledged_id) for ack in acks] == [("AA", "A1"), ("AR", "CUT")]
    assert f"Trame coupée après l’octet {len(before) + CUT_SIZE + 1} de la ligne" in kept().error


@pytest.mark.parametrize(
    ("sent", "is_ended"),
    [
        (b"GET / HTTP/1.1\r\n" * 20_000, False),
        (b"\x00\xff" * MAX_STRAY_BYTES, False),
        (b"hello", True),
        (b"\x0bhello", True),
        (b"\x0bMSH|^~\\&|GAM|CHU-X|DPI|CHU-X|20250102101500||ADT^A01|HAL", True),  # MSH-10 may be longer
    ],
)
def test_without_a_header_the_line_is_closed_without_a_word_and_its_bytes_are_kept(
    listening: Listening, treated: Treated, sent: bytes, is_ended: bool
) -> None:
    assert told(listening, sent, is_ended=is_ended) == []
    row = kept()
    assert bytes(row.raw) == sent.lstrip(b"\x0b")[:HEAD_BYTES]
    assert (row.ack, row.ack_code) == (None, "")
    assert row.error.startswith("199 ")


def test_garbage_for_ever_leaves_one_bounded_row_a_line(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory(), settings=SMALL)
    for _ in range(2):
        with connect(port) as connected:
            with pytest.raises(OSError):  # closed by the listener, whatever is still sent
                while True:
                    connected.sendall(b"\x00garbage" * 20_000)
    listening.close()
    rows = Message.objects.all()
    assert len(rows) == 2
    assert {len(bytes(row.raw)) for row in rows} == {HEAD_BYTES}


def test_messages_before_the_garbage_are_answered_and_those_after_it_are_not(
    listening: Listening, treated: Treated
) -> None:
    whole = [frame(message(control_id=f"A{n}")) for n in range(3)]
    acks = told(listening, whole[0] + whole[1] + LONG + b"\x1c\r" + whole[2])
    assert [(ack.code, ack.acknowledged_id) for ack in acks] == [("AA", "A0"), ("AA", "A1"), ("AR", "BIG")]


def test_stray_bytes_around_messages_are_ignored_and_not_kept(listening: Listening, treated: Treated) -> None:
    acks = told(listening, b"\n\n" + frame(message()) + b"\r\n keep-alive " + frame(message()) + b"\n bye")
    assert [ack.code for ack in acks] == ["AA", "AA"]
    assert not Message.objects.filter(state=MessageState.UNREADABLE).exists()


def test_a_frame_left_unfinished_is_refused_when_the_line_falls_silent(
    listening: Listening, treated: Treated
) -> None:
    port = listening.start(PartnerFactory(), settings=replace(SMALL, idle_seconds=2.0))
    with connect(port) as connected:
        connected.sendall(CUT)
        [ack] = said(connected)
    assert (ack.code, ack.acknowledged_id) == ("AR", "CUT")
    assert "Trame coupée" in kept().error


def test_a_frame_whose_line_is_reset_is_kept(listening: Listening, treated: Treated) -> None:
    port = listening.start(PartnerFactory(), settings=SMALL)
    connected = connect(port)
    connected.sendall(frame(message()) + CUT)
    connected.recv(1)  # the first message is answered: the rest was read with it
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()
    assert [ack.code for ack in send(port, message())] == ["AA"]
    listening.close()
    row = kept()
    assert (row.control_id, bytes(row.raw)) == ("CUT", CUT[1:])


def test_a_broken_frame_does_not_take_the_id_of_the_message_that_comes_after_it(
    listening: Listening, treated: Treated
) -> None:
    port = listening.start(PartnerFactory(), settings=SMALL)
    with connect(port) as connected:
        connected.sendall(CUT)
        connected.shutdown(socket.SHUT_WR)
        assert [ack.code for ack in said(connected)] == ["AR"]
    assert [ack.code for ack in send(port, CUT[1:])] == ["AA"]
    assert treated.count == 1


def test_without_the_journal_the_refusal_is_still_said(
    listening: Listening, treated: Treated, caplog: pytest.LogCaptureFixture
) -> None:
    port = listening.start(PartnerFactory(), settings=SMALL)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("ALTER TABLE exchange_message RENAME TO exchange_message_gone")
        try:
            with connect(port) as connected:
                connected.sendall(LONG)
                [ack] = said(connected)
        finally:
            cursor.execute("ALTER TABLE exchange_message_gone RENAME TO exchange_message")
    assert (ack.code, ack.acknowledged_id) == ("AR", "BIG")
    assert [one.code for one in send(port, message())] == ["AA"]


def test_the_journal_shows_what_was_wrong_and_where(listening: Listening, treated: Treated) -> None:
    told(listening, CUT)
    browser = browser_of(administrator())
    html = browser.get(f"{reverse('exchange:journal')}?message={kept().uid}").content.decode()
    assert "Illisible 199" in html
    assert f"199 Trame coupée après l’octet {CUT_SIZE + 1} de la ligne" in html
    assert "doit en envoyer un nouveau" in html
