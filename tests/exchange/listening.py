"""Helpers of the tests that speak MLLP: a listener in a thread, a client, messages."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings

from exchange.identifiers import new_control_id
from exchange.lines import Line, LineSettings
from exchange.listener import Listener, ListenerSettings
from exchange.models import Partner
from interop.hl7v2.ack import Ack, parse_ack

DEFAULTS = ListenerSettings(
    max_frame_bytes=64 * 2**20, max_connections=16, idle_seconds=20, threads=2, allows_plain=False
)


class Listening:
    """Listeners of one test, each in its own thread and event loop."""

    def __init__(self) -> None:
        self._stops: list[Callable[[], None]] = []

    def start(
        self,
        partner: Partner,
        *,
        settings: ListenerSettings = DEFAULTS,
        tls: ssl.SSLContext | None = None,
        woken: Callable[[], None] | None = None,
    ) -> int:
        """Serve a partner; returns the port."""
        bound = socket.create_server(("127.0.0.1", 0))
        ready, stop = threading.Event(), threading.Event()
        failures: list[BaseException] = []

        async def run() -> None:
            listener = Listener(settings, woken=woken)
            await listener.serve(partner, bound, tls)
            ready.set()
            await asyncio.to_thread(stop.wait)
            await listener.close()

        def thread() -> None:
            try:
                asyncio.run(run())
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                ready.set()

        running = threading.Thread(target=thread)
        running.start()

        def end() -> None:
            stop.set()
            running.join(30)

        self._stops.append(end)
        assert ready.wait(20) and not failures, failures
        return int(bound.getsockname()[1])

    def close(self) -> None:
        for stop in self._stops:
            stop()
        self._stops.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def line_to(port: int, *, ack_timeout: float = 20, tls: ssl.SSLContext | None = None) -> Line:
    """A client line to a listener of this machine."""
    return Line(
        LineSettings(
            host="127.0.0.1" if tls is None else "localhost",
            port=port,
            connect_timeout=5,
            ack_timeout=ack_timeout,
            max_bytes=settings.MLLP_MAX_FRAME_BYTES,
            tls=tls,
        )
    )


def send(port: int, *messages: bytes) -> list[Ack]:
    """Send messages on one line and return their acknowledgements, read."""
    with line_to(port) as line:
        return [parse_ack(line.exchange(message)) for message in messages]


def official(shared: Path, name: str, *, control_id: str = "") -> bytes:
    """An official example under a fresh MSH-10: all of them repeat theirs (spec hl7v2 1.6)."""
    raw = (shared / "data" / "hl7v2" / name).read_bytes()
    return with_control_id(raw, control_id or new_control_id())


def with_control_id(raw: bytes, control_id: str) -> bytes:
    fields = raw.split(b"|", 10)
    fields[9] = control_id.encode("ascii")
    return b"|".join(fields)
