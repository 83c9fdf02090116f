"""MLLP framing: `0x0B` message `0x1C 0x0D`. Pure functions over bytes; sockets belong to the listener.

Source: HL7 Transport Specification MLLP release 1; tolerances of hl7v2.md 1.1 and 1.2.
"""

START = 0x0B
END = 0x1C
CARRIAGE_RETURN = 0x0D
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
"""Limit of one frame (security.md 10.4)."""
MAX_STRAY_BYTES = 64 * 1024
"""Bytes tolerated between two frames before the peer is judged not to speak MLLP."""
HEAD_BYTES = 64 * 1024
"""First bytes of a broken frame that its error holds: what is kept of it, however long it was."""

_START = bytes((START,))
_END = bytes((END,))
_TRAILER = bytes((END, CARRIAGE_RETURN))
_LINE_ENDS = b"\r\n"
_MSH = b"MSH"


class FrameError(Exception):
    """The bytes on the line are not MLLP, or exceed a limit: the connection must be closed.

    `head` holds the first bytes of what is wrong, `HEAD_BYTES` at most, so that a refusal may be answered
    when MSH is there; `received` how many bytes of it came; `at` the place of the first one on the line,
    counted from 1, 0 when there is no line. `messages` are those that the same packet completed before.
    """

    def __init__(self, text: str, head: bytes = b"", *, at: int = 0, received: int = 0) -> None:
        super().__init__(text)
        self.head = head
        self.at = at
        self.received = received
        self.messages: list[bytes] = []


class StrayBytes(FrameError):
    """Bytes outside frames: a peer that does not speak MLLP."""


class FrameCut(FrameError):
    """The line ended inside a frame."""


class FrameTooLarge(FrameError):
    """A frame is above the limit."""


def frame(message: bytes) -> bytes:
    """Wrap one message.

    Raises:
        FrameError: the message itself holds a framing byte, and would be cut by the receiver.
    """
    if _START in message or _END in message:
        raise FrameError("the message holds a framing byte", message[:HEAD_BYTES])
    return _START + message + _TRAILER


def unframe(data: bytes) -> bytes:
    """Return the message of exactly one frame.

    Raises:
        FrameError: no frame, an unfinished frame, or more than one.
    """
    decoder = FrameDecoder(max_bytes=max(len(data), 1))
    messages = decoder.feed(data)
    last = decoder.close()
    if last is not None:
        messages.append(last)
    if len(messages) != 1:
        raise FrameError(f"{len(messages)} frames instead of one", data[:HEAD_BYTES])
    return messages[0]


class FrameDecoder:
    """Cut a stream of bytes into messages, whatever the packets.

    Ignores stray bytes between frames (keep-alive LF) up to `MAX_STRAY_BYTES`; takes what follows the last
    `0x0B` when a sender starts a frame again; accepts a missing `0x0D` before the next frame and at the end
    of the stream. Each byte is searched once.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._passed = 0  # bytes of the line that left the buffer
        self._inside = False
        self._searched = 0
        self._has_framed = False
        self._forget_stray()

    @property
    def pending(self) -> bool:
        """Whether a frame was begun and not ended."""
        return self._inside

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete, in order.

        Raises:
            FrameTooLarge: the frame being received is above the limit.
            StrayBytes: too many bytes outside frames.
        """
        self._buffer += data
        messages: list[bytes] = []
        try:
            while self._inside or self._find_start():
                message = self._take_message()
                if message is None:
                    break
                messages.append(message)
        except FrameError as error:
            error.messages = messages
            raise
        return messages

    def close(self) -> bytes | None:
        """Return the last message when the stream ended right after `0x1C`, without `0x0D`.

        Raises:
            FrameCut: the stream ended inside a frame.
            StrayBytes: it ended after bytes outside frames, on a line that never held a frame, or with what
                looks like a message that was not framed.
        """
        if not self._inside:
            if self._stray and (not self._has_framed or self._stray_head.startswith(_MSH)):
                raise self._stray_error("the stream ended outside a frame")
            return None
        if self._buffer[-1:] == _END and len(self._buffer) > 1:
            message = self._content(len(self._buffer) - 1)
            self._leave(len(self._buffer))
            self._inside = False
            return message
        raise self._broken(FrameCut, "the stream ended inside a frame", self._buffer.rfind(START) + 1)

    def _find_start(self) -> bool:
        at = self._buffer.find(START)
        size = len(self._buffer) if at < 0 else at
        if size:
            self._note_stray(size)
            if self._stray > MAX_STRAY_BYTES:
                raise self._stray_error("too many bytes outside frames")
        if at < 0:
            self._leave(size)
            return False
        self._leave(at + 1)
        self._inside, self._searched = True, 0
        return True

    def _take_message(self) -> bytes | None:
        """Take the message that ends first in the buffer, or None when its end has not come."""
        while True:
            at = self._buffer.find(END, self._searched)
            if (at if at >= 0 else len(self._buffer)) > self._max_bytes:
                raise self._broken(FrameTooLarge, f"frame above {self._max_bytes} bytes", 0)
            if at < 0:
                self._searched = len(self._buffer)
                return None
            if at + 1 == len(self._buffer):  # the byte that decides has not come
                self._searched = at
                return None
            following = self._buffer[at + 1]
            if following in (CARRIAGE_RETURN, START):
                message = self._content(at)
                self._leave(at + 1 + (following == CARRIAGE_RETURN))
                self._inside, self._has_framed = False, True
                self._forget_stray()
                return message
            self._searched = at + 1

    def _content(self, end: int) -> bytes:
        restart = self._buffer.rfind(START, 0, end)
        return bytes(memoryview(self._buffer)[restart + 1 : end])

    def _leave(self, count: int) -> None:
        del self._buffer[:count]
        self._passed += count

    def _broken(self, kind: type[FrameError], text: str, start: int) -> FrameError:
        """The error of the frame being received, whose content begins at `start` in the buffer."""
        head = bytes(self._buffer[start : start + HEAD_BYTES])
        return kind(text, head, at=self._passed + start, received=len(self._buffer) - start)

    def _note_stray(self, count: int) -> None:
        """Count bytes outside frames, line ends apart, and hold the first ones."""
        line_ends = self._buffer.count(b"\n", 0, count) + self._buffer.count(b"\r", 0, count)
        self._stray += count - line_ends
        if not self._stray:
            return
        found = self._buffer[:count]
        if not self._stray_received:
            found = found.lstrip(_LINE_ENDS)
            self._stray_at = self._passed + count - len(found) + 1
        self._stray_received += len(found)
        self._stray_head += found[: HEAD_BYTES - len(self._stray_head)]

    def _forget_stray(self) -> None:
        self._stray = self._stray_at = self._stray_received = 0
        self._stray_head = b""

    def _stray_error(self, text: str) -> StrayBytes:
        return StrayBytes(text, self._stray_head, at=self._stray_at, received=self._stray_received)
