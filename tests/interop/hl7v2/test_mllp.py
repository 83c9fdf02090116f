"""MLLP framing: packets, several messages, hostile streams."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2 import FrameDecoder, FrameError, FrameTooLarge, frame, unframe
from interop.hl7v2.mllp import MAX_STRAY_BYTES

contents = st.binary(max_size=60).map(lambda data: data.replace(b"\x0b", b"").replace(b"\x1c", b""))


def test_a_frame_is_start_message_end() -> None:
    assert frame(b"MSH|") == b"\x0bMSH|\x1c\r"


@given(contents)
def test_unframe_undoes_frame(message: bytes) -> None:
    assert unframe(frame(message)) == message


@pytest.mark.parametrize("message", [b"a\x0bb", b"a\x1cb", b"a\x1c\rb"])
def test_a_message_that_would_be_cut_is_not_framed(message: bytes) -> None:
    with pytest.raises(FrameError):
        frame(message)


@given(st.lists(contents, max_size=6), st.data())
def test_messages_come_out_whatever_the_packets(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(
        frame(message) + data.draw(st.sampled_from([b"", b"\n", b"\r\n"])) for message in messages
    )
    decoder = FrameDecoder()
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += decoder.feed(stream[:size])
        stream = stream[size:]
    assert received == messages
    assert decoder.close() is None
    assert not decoder.pending


@given(st.lists(st.binary(max_size=40)))
def test_arbitrary_packets_raise_nothing_but_a_frame_error(packets: list[bytes]) -> None:
    decoder = FrameDecoder(max_bytes=64)
    try:
        for packet in packets:
            decoder.feed(packet)
        decoder.close()
    except FrameError:
        pass


def test_stray_bytes_between_frames_are_ignored() -> None:
    assert FrameDecoder().feed(b"\nnoise" + frame(b"one") + b"\r\n" + frame(b"two")) == [b"one", b"two"]


def test_a_peer_that_does_not_speak_mllp_is_cut() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"x" * MAX_STRAY_BYTES)
    with pytest.raises(FrameError):
        decoder.feed(b"GET / HTTP/1.1\r\n")


def test_keep_alive_line_feeds_are_never_counted_against_the_peer() -> None:
    decoder = FrameDecoder()
    for _ in range(3):
        assert decoder.feed(b"\n" * MAX_STRAY_BYTES) == []
    assert decoder.feed(frame(b"one")) == [b"one"]


def test_a_frame_begun_again_gives_the_last_message_only() -> None:
    assert FrameDecoder().feed(b"\x0bMSH|lost" + frame(b"MSH|kept")) == [b"MSH|kept"]


def test_a_missing_carriage_return_is_tolerated_before_a_frame_and_at_the_end() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"\x0bone\x1c" + b"\x0btwo\x1c") == [b"one"]
    assert decoder.pending
    assert decoder.close() == b"two"
    assert not decoder.pending


def test_an_end_byte_alone_does_not_end_a_message() -> None:
    assert FrameDecoder().feed(b"\x0ba\x1cb\x1c\r") == [b"a\x1cb"]


def test_a_stream_that_ends_inside_a_frame_is_an_error() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"\x0bMSH|half")
    with pytest.raises(FrameError) as cut:
        decoder.close()
    assert cut.value.head == b"MSH|half"


def test_a_frame_above_the_limit_is_refused_before_it_is_whole() -> None:
    decoder = FrameDecoder(max_bytes=1000)
    decoder.feed(b"\x0bMSH|" + b"x" * 900)
    with pytest.raises(FrameTooLarge) as refused:
        decoder.feed(b"x" * 200)
    assert refused.value.head.startswith(b"MSH|")


def test_the_limit_holds_for_a_whole_frame_in_one_packet() -> None:
    assert FrameDecoder(max_bytes=10).feed(frame(b"x" * 10)) == [b"x" * 10]
    with pytest.raises(FrameTooLarge):
        FrameDecoder(max_bytes=10).feed(frame(b"x" * 11))


@pytest.mark.parametrize("data", [b"", b"MSH|", b"\x0bMSH|", frame(b"one") + frame(b"two")])
def test_unframe_wants_exactly_one_frame(data: bytes) -> None:
    with pytest.raises(FrameError):
        unframe(data)


def test_a_large_message_in_small_packets_stays_linear() -> None:
    stream = frame(b"x" * (15 * 1024 * 1024))
    decoder = FrameDecoder()
    started = time.process_time()
    received = [
        message for at in range(0, len(stream), 4096) for message in decoder.feed(stream[at : at + 4096])
    ]
    assert [len(message) for message in received] == [15 * 1024 * 1024]
    assert time.process_time() - started < 5
