"""The MLLP listener: one asyncio server per partner port (spec hl7v2 1.1, 1.6; security 10.5).

The journal row is written from the event loop with psycopg's own pool; the business effect runs in
threads with Django's connections. A message is answered once its row, and by default its effect, is
committed: a listener killed in between finds the row again when the sender comes back.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from socket import socket
from typing import Final, cast

from django.db import DatabaseError
from django.utils import timezone
from psycopg import Error
from psycopg_pool import PoolTimeout

from exchange.answers import DEFERRED_FAULT, answer
from exchange.effect_threads import EffectThreads
from exchange.journal import read_envelope
from exchange.journal_pool import JournalPool
from exchange.models import Partner
from exchange.rules import may_connect
from exchange.services import frame_entry, message_answer_again, message_apply, message_entry
from exchange.tls import is_expected_peer
from interop.hl7v2.codes import AckCode
from interop.hl7v2.header import Header
from interop.hl7v2.mllp import FrameDecoder, FrameError, frame

logger = logging.getLogger(__name__)

_BACKLOG: Final = 128
# How long a line that was refused is still read, so that its peer comes to read why.
_LINGER_SECONDS: Final = 5.0
# Above it, the fingerprint of a message is computed outside the event loop.
_LARGE_BYTES: Final = 1024 * 1024


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
        self.settings = settings
        self._woken = woken
        self._effects = EffectThreads(settings.threads)
        self._journal = JournalPool(settings.threads)
        self._servers: list[asyncio.Server] = []
        self.lines: set[_Line] = set()

    async def serve(self, partner: Partner, bound: socket, tls: ssl.SSLContext | None) -> None:
        """Accept the lines of one partner on a socket that is already bound."""
        await self._journal.open()
        server = await asyncio.get_running_loop().create_server(
            lambda: _Line(self, partner), sock=bound, ssl=tls, backlog=_BACKLOG
        )
        self._servers.append(server)

    async def close(self) -> None:
        """Stop accepting, answer the messages in hand, free the connections."""
        for server in self._servers:
            server.close()
        await asyncio.gather(*[line.finish() for line in list(self.lines)])
        await asyncio.to_thread(self._effects.close)
        await self._journal.close()

    async def take_in(self, partner: Partner, raw: bytes) -> bytes:
        """Store one message, by default apply it, and return its acknowledgement."""
        now = timezone.now()
        if len(raw) > _LARGE_BYTES:
            envelope = await asyncio.to_thread(read_envelope, raw, partner_id=partner.pk, received_at=now)
        else:
            envelope = read_envelope(raw, partner_id=partner.pk, received_at=now)
        entry = message_entry(partner=partner, envelope=envelope)
        try:
            is_new, message_id = await self._journal.write(entry)
            if not is_new:
                return await self._effects.run(message_answer_again, envelope=envelope)
            if entry.answer is None:
                return await self._effects.run(message_apply, message_id=message_id, partner=partner)
        except (DatabaseError, Error, PoolTimeout) as error:
            return _unavailable(envelope.header, error)
        if self._woken is not None:
            self._woken()
        return entry.answer

    async def refuse(self, partner: Partner, error: FrameError) -> bytes:
        """Keep what is not MLLP, and return its refusal; empty when nobody can be answered."""
        logger.warning(
            "mllp.frame.refused",
            extra={"partner": partner.code, "reason": str(error), "at": error.at, "received": error.received},
        )
        limit = self.settings.max_frame_bytes
        entry = frame_entry(partner=partner, error=error, limit=limit, now=timezone.now())
        try:
            await self._journal.write(entry)
        except (DatabaseError, Error, PoolTimeout) as failure:
            logger.error("hl7.journal.unavailable", extra={"reason": type(failure).__name__})
        return entry.answer or b""


class _Line(asyncio.Protocol):
    """One connection of a partner: messages are answered one after the other, in their order.

    Reading pauses when messages pile up, writing waits for a peer that does not read: what a line may
    hold in memory is about two frames. What is not MLLP is told and kept once, then the line is closed: what
    came before it is answered first, what comes after it is thrown away.
    """

    def __init__(self, listener: Listener, partner: Partner) -> None:
        self._listener = listener
        self._partner = partner
        self._decoder = FrameDecoder(listener.settings.max_frame_bytes)
        self._waiting: deque[bytes | FrameError] = deque()
        self._work: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_ending = False
        self._is_broken = False
        self._is_lost = False
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None

    # --- What the event loop tells ---------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        reason = self._refusal()
        if reason:
            logger.warning("mllp.line.refused", extra={"partner": self._partner.code, "reason": reason})
            self._transport.abort()
            return
        self._listener.lines.add(self)
        self._watch = self._loop.call_later(self._listener.settings.idle_seconds, self._check_idle)

    def data_received(self, data: bytes) -> None:
        if self._is_broken or self._is_ending:
            return
        self._heard_at = self._loop.time()
        try:
            messages = self._decoder.feed(data)
        except FrameError as error:
            self._break(error)
            return
        if messages:
            self._accept(messages)

    def eof_received(self) -> bool:
        """The peer sends no more; what it sent is still answered."""
        self._end()
        is_plain = self._transport.get_extra_info("ssl_object") is None
        return is_plain and self._work is not None  # TLS has no half-open line

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            reason = type(exc).__name__
            logger.info("mllp.line.cut", extra={"partner": self._partner.code, "reason": reason})
        if self._watch is not None:
            self._watch.cancel()
        self._is_lost = True
        self._keep_faults()
        self._end()
        self._writable.set()
        if self._work is None:
            self._listener.lines.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # --- Our side --------------------------------------------------------------------------------
    async def finish(self) -> None:
        """Answer the message in hand, take no other, close."""
        self._is_ending = True
        self._keep_faults()
        if self._work is not None:
            await self._work
        self._transport.close()

    def _keep_faults(self) -> None:
        """Forget the messages that nobody took in charge, which come again; what was no MLLP does not."""
        self._waiting = deque(kept for kept in self._waiting if isinstance(kept, FrameError))

    def _end(self) -> None:
        """No byte will come any more: take what was whole, and what was not for what it is. Once."""
        if self._is_ending or self._is_broken:
            self._is_ending = True
            return
        self._is_ending = True
        try:
            last = self._decoder.close()
        except FrameError as error:
            self._break(error)
            return
        if last is not None:
            self._accept([last])

    def _break(self, error: FrameError) -> None:
        """The line does not speak MLLP: answer what came whole, then refuse the rest, once."""
        self._is_broken = True
        self._accept([*error.messages, error])

    def _accept(self, messages: Sequence[bytes | FrameError]) -> None:
        """Queue messages; a peer that does not wait for its answers is not read meanwhile."""
        self._waiting.extend(messages)
        if self._work is None:
            self._work = self._loop.create_task(self._answer_waiting())
        else:
            self._transport.pause_reading()

    async def _answer_waiting(self) -> None:
        was_told = False
        try:
            while self._waiting:
                reply = await self._reply_to(self._waiting.popleft())
                was_told = bool(reply)
                if reply and not self._transport.is_closing():
                    self._transport.write(frame(reply))
                    await self._writable.wait()
        except BaseException:
            self._is_ending = True  # the peer is not left waiting for an answer that will not come
            raise
        finally:
            self._work = None
            self._heard_at = self._loop.time()
            self._go_on(was_told)

    async def _reply_to(self, received: bytes | FrameError) -> bytes:
        if isinstance(received, FrameError):
            return await self._listener.refuse(self._partner, received)
        return await self._listener.take_in(self._partner, received)

    def _go_on(self, was_told: bool) -> None:
        """After the answers: read on, close, or read a moment more what a refused peer still sends.

        A line closed under the bytes of its peer is reset, and the peer never reads why it was refused.
        """
        if self._is_lost:
            self._listener.lines.discard(self)
        is_lingering = self._is_broken and was_told and not self._is_ending
        if self._transport.is_closing():
            return
        if self._is_ending or (self._is_broken and not is_lingering):
            self._transport.close()
            return
        if is_lingering:
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._loop.call_later(_LINGER_SECONDS, self._transport.close)
        if not self._transport.is_reading():
            self._transport.resume_reading()

    def _refusal(self) -> str:
        """Why this peer may not speak, empty when it may (security 10.5)."""
        settings = self._listener.settings
        peer = self._transport.get_extra_info("peername")
        tls = self._transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if len(self._listener.lines) >= settings.max_connections:
            return "too many lines"
        if not may_connect(
            self._partner, host=str(peer[0]) if peer else "", allows_plain=settings.allows_plain
        ):
            return "address refused"
        if self._partner.uses_tls and not is_expected_peer(self._partner.peer_subject, certificate):
            return "certificate refused"
        return ""

    def _check_idle(self) -> None:
        """Close a line that said nothing for too long; one that waits for our answer is not idle."""
        silence = self._loop.time() - self._heard_at if self._work is None else 0.0
        rest = self._listener.settings.idle_seconds - silence
        if rest <= 0:
            self._end()
            if self._work is None:
                self._transport.close()
        else:
            self._watch = self._loop.call_later(rest, self._check_idle)


def _unavailable(header: Header | None, error: Exception) -> bytes:
    """The journal cannot be written: nothing was taken in charge, the sender comes again."""
    logger.error("hl7.journal.unavailable", extra={"reason": type(error).__name__})
    return answer(header, AckCode.AR, [DEFERRED_FAULT])
