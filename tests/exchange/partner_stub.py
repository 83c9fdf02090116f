"""A partner that listens, answers what it is told, and remembers what it got."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from django.utils import timezone

from exchange.identifiers import new_control_id
from interop.hl7v2.ack import build_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Fault
from interop.hl7v2.header import peek_header
from interop.hl7v2.mllp import FrameDecoder, frame

Script = Callable[[bytes], bytes | None]


def accept(raw: bytes) -> bytes:
    return acknowledge(raw, AckCode.AA)


def refuse(raw: bytes) -> bytes:
    return acknowledge(raw, AckCode.AE, Fault("101", "PID^1^3", "Identifiant absent"))


def postpone(raw: bytes) -> bytes:
    return acknowledge(raw, AckCode.AR, Fault("207", "", "Service arrêté"))


def cut(raw: bytes) -> None:
    """Take the message, close without a word."""


def acknowledge(raw: bytes, code: AckCode, *faults: Fault, control_id: str = "") -> bytes:
    header = peek_header(raw)
    assert header is not None
    ack = build_ack(header, code=code, control_id=new_control_id(), sent_at=timezone.now(), faults=faults)
    return ack.replace(header.control_id.encode(), control_id.encode()) if control_id else ack


class PartnerStub:
    """One thread; `script` answers each message, None cuts the line."""

    def __init__(self, script: Script = accept) -> None:
        self.script = script
        self.received: list[bytes] = []
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connected in self._open:
            with suppress(OSError):  # already closed by its own thread
                connected.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connected)
            self._converse(connected)

    def _converse(self, connected: socket.socket) -> None:
        decoder = FrameDecoder()
        try:
            while data := connected.recv(65_536):
                for raw in decoder.feed(data):
                    self.received.append(raw)
                    answer = self.script(raw)
                    if answer is None:
                        return
                    connected.sendall(frame(answer))
        except OSError:
            return
        finally:
            connected.close()
