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
HEAD_BYTES = 4096

_START = bytes((START,))
_END = bytes((END,))
_TRAILER = bytes((END, CARRIAGE_RETURN))


class FrameError(Exception):
    """The bytes on the line are not MLLP, or exceed a limit: the connection must be closed.

    `head` holds the first bytes of the message being received, so that a refusal may be answered when MSH is
    there.
    """

    def __init__(self, text: str, head: bytes = b"") -> None:
        super().__init__(text)
        self.head = head


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
        self._inside = False
        self._searched = 0
        self._stray = 0

    @property
    def pending(self) -> bool:
        """Whether a frame was begun and not ended."""
        return self._inside

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete, in order.

        Raises:
            FrameTooLarge: the frame being received is above the limit.
            FrameError: too many bytes outside frames.
        """
        self._buffer += data
        messages: list[bytes] = []
        while self._inside or self._find_start():
            message = self._take_message()
            if message is None:
                break
            messages.append(message)
        return messages

    def close(self) -> bytes | None:
        """Return the last message when the stream ended right after `0x1C`, without `0x0D`.

        Raises:
            FrameError: the stream ended inside a frame.
        """
        if not self._inside:
            return None
        if self._buffer[-1:] == _END and len(self._buffer) > 1:
            message = self._content(len(self._buffer) - 1)
            self._buffer.clear()
            self._inside = False
            return message
        raise FrameError("the stream ended inside a frame", bytes(self._buffer[:HEAD_BYTES]))

    def _find_start(self) -> bool:
        at = self._buffer.find(START)
        stray = len(self._buffer) if at < 0 else at
        if stray:
            self._stray += stray - self._buffer.count(b"\n", 0, stray) - self._buffer.count(b"\r", 0, stray)
            if self._stray > MAX_STRAY_BYTES:
                raise FrameError("too many bytes outside frames", bytes(self._buffer[:HEAD_BYTES]))
        if at < 0:
            self._buffer.clear()
            return False
        del self._buffer[: at + 1]
        self._inside, self._searched = True, 0
        return True

    def _take_message(self) -> bytes | None:
        """Take the message that ends first in the buffer, or None when its end has not come."""
        while True:
            at = self._buffer.find(END, self._searched)
            if (at if at >= 0 else len(self._buffer)) > self._max_bytes:
                raise FrameTooLarge(f"frame above {self._max_bytes} bytes", bytes(self._buffer[:HEAD_BYTES]))
            if at < 0:
                self._searched = len(self._buffer)
                return None
            if at + 1 == len(self._buffer):  # the byte that decides has not come
                self._searched = at
                return None
            following = self._buffer[at + 1]
            if following in (CARRIAGE_RETURN, START):
                message = self._content(at)
                del self._buffer[: at + 1 + (following == CARRIAGE_RETURN)]
                self._inside, self._stray = False, 0
                return message
            self._searched = at + 1

    def _content(self, end: int) -> bytes:
        restart = self._buffer.rfind(START, 0, end)
        return bytes(memoryview(self._buffer)[restart + 1 : end])
