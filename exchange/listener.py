"""The MLLP listener: one asyncio server per partner port (spec hl7v2 1.1, 1.6; security 10.5).

The journal row is written from the event loop with psycopg's own pool; the business effect runs in
threads with Django's connections. A message is answered once its row, and by default its effect, is
committed: a listener killed in between finds the row again when the sender comes back.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Any, Final

from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone
from psycopg import AsyncConnection, Error
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from exchange.answers import DEFERRED_FAULT, FRAME_FAULT, answer
from exchange.journal import INSERT, Envelope, read_envelope
from exchange.models import Partner
from exchange.rules import may_connect
from exchange.services import message_answer_again, message_apply, message_entry
from exchange.tls import is_expected_peer
from interop.hl7v2.codes import AckCode
from interop.hl7v2.header import peek_header
from interop.hl7v2.mllp import FrameDecoder, FrameError, frame

logger = logging.getLogger(__name__)

_RECEIVED_AT_ONCE: Final = 65_536
_POOL_WAIT_SECONDS: Final = 5.0
_BACKLOG: Final = 128
# Above it, the fingerprint of a message is computed outside the event loop.
_LARGE_BYTES: Final = 1024 * 1024
_DATABASE_KEYS: Final = {
    "NAME": "dbname",
    "USER": "user",
    "PASSWORD": "password",
    "HOST": "host",
    "PORT": "port",
}
# Options of Django's backend that are no parameters of a connection.
_NOT_PARAMETERS: Final = frozenset({"pool", "isolation_level", "server_side_binding", "assume_role"})


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Limits of the listener: bytes, seconds, counts."""

    max_frame_bytes: int
    max_connections: int
    idle_seconds: float
    threads: int
    allows_plain: bool = False


class Listener:
    """Serves the ports of the partners until closed. `woken` is called when rows wait to be applied."""

    def __init__(self, settings: ListenerSettings, *, woken: Callable[[], None] | None = None) -> None:
        self._settings = settings
        self._woken = woken
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="hl7-effect")
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            kwargs=journal_connection(), min_size=1, max_size=settings.threads, open=False
        )
        self._servers: list[asyncio.Server] = []
        self._lines: set[asyncio.Task[None]] = set()

    async def serve(self, partner: Partner, sockets: list[socket], tls: ssl.SSLContext | None) -> None:
        """Accept the lines of one partner on sockets that are already bound."""
        if self._pool.closed:
            await self._pool.open(wait=True, timeout=_POOL_WAIT_SECONDS)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._lines.add(task)
                task.add_done_callback(self._lines.discard)
            await self._line(partner, reader, writer)

        for bound in sockets:
            self._servers.append(await asyncio.start_server(connected, sock=bound, ssl=tls, backlog=_BACKLOG))

    async def close(self) -> None:
        """Stop accepting, let the messages in hand be answered, free the connections."""
        for server in self._servers:
            server.close()
        for task in self._lines:
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        self._threads.shutdown(wait=True)
        await self._pool.close()

    async def _line(
        self, partner: Partner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if self._may_speak(partner, writer):
                await self._converse(partner, reader, writer)
        except (ConnectionError, TimeoutError, ssl.SSLError) as error:
            logger.info("mllp.line.cut", extra={"partner": partner.code, "reason": type(error).__name__})
        except asyncio.CancelledError:
            logger.info("mllp.line.closed", extra={"partner": partner.code})
        finally:
            writer.close()
            with suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    def _may_speak(self, partner: Partner, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        host = str(peer[0]) if peer else ""
        if len(self._lines) > self._settings.max_connections:
            reason = "too many lines"
        elif not may_connect(partner, host=host, allows_plain=self._settings.allows_plain):
            reason = "address refused"
        elif partner.uses_tls and not is_expected_peer(partner.peer_subject, _peer_certificate(writer)):
            reason = "certificate refused"
        else:
            return True
        logger.warning("mllp.line.refused", extra={"partner": partner.code, "reason": reason})
        return False

    async def _converse(
        self, partner: Partner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer messages one after the other; several may come on one connection."""
        decoder = FrameDecoder(self._settings.max_frame_bytes)
        while True:
            async with asyncio.timeout(self._settings.idle_seconds):
                data = await reader.read(_RECEIVED_AT_ONCE)
            try:
                messages = decoder.feed(data) if data else _last(decoder)
            except FrameError as error:
                await self._refuse_frame(partner, writer, error)
                return
            for raw in messages:
                taken = asyncio.ensure_future(self._take_in(partner, raw))
                try:
                    reply = await asyncio.shield(taken)
                except asyncio.CancelledError:  # the listener closes: this one is still answered
                    await _write(writer, await taken)
                    raise
                await _write(writer, reply)
            if not data:
                return

    async def _take_in(self, partner: Partner, raw: bytes) -> bytes:
        """Store one message, by default apply it, and return its acknowledgement."""
        now = timezone.now()
        if len(raw) > _LARGE_BYTES:
            envelope = await asyncio.to_thread(read_envelope, raw, partner_id=partner.pk, received_at=now)
        else:
            envelope = read_envelope(raw, partner_id=partner.pk, received_at=now)
        entry = message_entry(partner=partner, envelope=envelope)
        try:
            row = await self._store(entry.parameters)
            if row is None:
                return await self._in_thread(message_answer_again, envelope=envelope)
            if entry.answer is None:
                return await self._in_thread(message_apply, message_id=row)
        except (DatabaseError, Error, PoolTimeout) as error:
            return _unavailable(envelope, error)
        if self._woken is not None:
            self._woken()
        return entry.answer

    async def _store(self, parameters: tuple[Any, ...]) -> int | None:
        async with self._pool.connection(_POOL_WAIT_SECONDS) as connection:
            cursor = await connection.execute(INSERT, parameters, binary=True)
            row = await cursor.fetchone()
        return row[0] if row else None

    async def _in_thread(self, call: Callable[..., bytes], **arguments: Any) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _with_connections, call, arguments)

    async def _refuse_frame(self, partner: Partner, writer: asyncio.StreamWriter, error: FrameError) -> None:
        """Close a line that does not speak MLLP; AR first when a header came (spec hl7v2 1.2)."""
        logger.warning("mllp.frame.refused", extra={"partner": partner.code, "reason": str(error)})
        header = peek_header(error.head)
        if header is not None:
            await _write(writer, answer(header, AckCode.AR, [FRAME_FAULT]))


async def _write(writer: asyncio.StreamWriter, reply: bytes) -> None:
    if reply:
        writer.write(frame(reply))
        await writer.drain()


def journal_connection() -> dict[str, Any]:
    """Parameters of the journal's own connections: those of Django's, committing at each statement."""
    configured = connections["default"].settings_dict
    options = {name: value for name, value in configured["OPTIONS"].items() if name not in _NOT_PARAMETERS}
    target = {key: configured[name] for name, key in _DATABASE_KEYS.items() if configured.get(name)}
    return {**options, **target, "autocommit": True}


def _with_connections(call: Callable[..., bytes], arguments: dict[str, Any]) -> bytes:
    """Run a service in a thread: a connection that died is replaced before and after."""
    close_old_connections()
    try:
        return call(**arguments)
    finally:
        close_old_connections()


def _last(decoder: FrameDecoder) -> list[bytes]:
    """The message that the end of the stream completes, if any."""
    last = decoder.close()
    return [] if last is None else [last]


def _peer_certificate(writer: asyncio.StreamWriter) -> bytes | None:
    tls = writer.get_extra_info("ssl_object")
    return tls.getpeercert(binary_form=True) if tls is not None else None


def _unavailable(envelope: Envelope, error: Exception) -> bytes:
    """The journal cannot be written: nothing was taken in charge, the sender comes again."""
    logger.error("hl7.journal.unavailable", extra={"reason": type(error).__name__})
    return answer(envelope.header, AckCode.AR, [DEFERRED_FAULT])
