"""A line to a partner: one MLLP connection, one message at a time (spec hl7v2 1.1)."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from exchange.errors import NoAnswer
from exchange.tls import is_expected_peer
from interop.hl7v2.mllp import FrameDecoder, FrameError, frame

_RECEIVED_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Where a partner listens and how long we wait, in seconds.

    `tls` is None on a plain line; `peer_subject`, when given, is the only certificate accepted.
    """

    host: str
    port: int
    connect_timeout: float
    ack_timeout: float
    max_bytes: int
    tls: ssl.SSLContext | None = None
    peer_subject: str = ""


class Line:
    """An open connection, made again after any mishap. Not shared between threads."""

    def __init__(self, settings: LineSettings) -> None:
        self._settings = settings
        self._socket: socket.socket | None = None
        self._decoder = FrameDecoder(settings.max_bytes)

    def exchange(self, message: bytes) -> bytes:
        """Send one message and return the next message of the partner.

        Raises:
            NoAnswer: no connection, no answer in time, or a line cut; the connection is closed.
        """
        try:
            connected = self._socket or self._connect()
            connected.settimeout(self._settings.ack_timeout)
            connected.sendall(frame(message))
            return self._receive(connected)
        except (OSError, FrameError) as error:
            self.close()
            raise NoAnswer(_reason(error)) from error

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._decoder = FrameDecoder(self._settings.max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> socket.socket:
        settings = self._settings
        connected = socket.create_connection((settings.host, settings.port), settings.connect_timeout)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.tls is not None:
                connected = settings.tls.wrap_socket(connected, server_hostname=settings.host)
                if not is_expected_peer(settings.peer_subject, connected.getpeercert(binary_form=True)):
                    raise ssl.SSLError("unexpected certificate")
        except OSError:
            connected.close()
            raise
        self._socket = connected
        return connected

    def _receive(self, connected: socket.socket) -> bytes:
        while True:
            data = connected.recv(_RECEIVED_AT_ONCE)
            if not data:
                last = self._decoder.close()
                self.close()
                if last is None:
                    raise NoAnswer("Ligne coupée avant la réponse")
                return last
            messages = self._decoder.feed(data)
            if messages:
                return messages[-1]


class LinePool(threading.local):
    """The lines of one thread, kept open between messages, by settings."""

    def __init__(self) -> None:
        self._lines: dict[LineSettings, Line] = {}

    def line(self, settings: LineSettings) -> Line:
        if settings not in self._lines:
            self._lines[settings] = Line(settings)
        return self._lines[settings]

    def close(self) -> None:
        """Close every line of this thread."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "Pas de réponse dans le délai"
        case ConnectionRefusedError():
            return "Connexion refusée"
        case ssl.SSLError():
            return "Certificat refusé"
        case FrameError():
            return "La réponse n'est pas du MLLP"
    return f"Ligne coupée ({type(error).__name__})"
