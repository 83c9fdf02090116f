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
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket
from typing import Final, cast

from django.db import DatabaseError
from django.utils import timezone
from psycopg import Error
from psycopg_pool import PoolTimeout

from exchange.answers import DEFERRED_FAULT, FRAME_FAULT, answer
from exchange.effect_threads import EffectThreads
from exchange.journal import Envelope, read_envelope
from exchange.journal_pool import JournalPool
from exchange.models import Partner
from exchange.rules import may_connect
from exchange.services import message_answer_again, message_apply, message_entry
from exchange.tls import is_expected_peer
from interop.hl7v2.codes import AckCode
from interop.hl7v2.header import peek_header
from interop.hl7v2.mllp import FrameDecoder, FrameError, frame

logger = logging.getLogger(__name__)

_BACKLOG: Final = 128
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
            return _unavailable(envelope, error)
        if self._woken is not None:
            self._woken()
        return entry.answer


class _Line(asyncio.Protocol):
    """One connection of a partner: messages are answered one after the other, in their order.

    Reading pauses when messages pile up, writing waits for a peer that does not read: what a line may
    hold in memory is about two frames.
    """

    def __init__(self, listener: Listener, partner: Partner) -> None:
        self._listener = listener
        self._partner = partner
        self._decoder = FrameDecoder(listener.settings.max_frame_bytes)
        self._waiting: deque[bytes] = deque()
        self._work: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_ending = False
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
        self._heard_at = self._loop.time()
        try:
            messages = self._decoder.feed(data)
        except FrameError as error:
            self._refuse_frame(error)
            return
        if messages:
            self._accept(messages)

    def eof_received(self) -> bool:
        """The peer sends no more; what it sent is still answered."""
        self._is_ending = True
        try:
            last = self._decoder.close()
        except FrameError as error:
            self._refuse_frame(error)
            return True
        if last is not None:
            self._accept([last])
        return self._work is not None

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            reason = type(exc).__name__
            logger.info("mllp.line.cut", extra={"partner": self._partner.code, "reason": reason})
        if self._watch is not None:
            self._watch.cancel()
        self._is_ending = True
        self._waiting.clear()
        self._writable.set()
        self._listener.lines.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # --- Our side --------------------------------------------------------------------------------
    async def finish(self) -> None:
        """Answer the message in hand, take no other, close."""
        self._is_ending = True
        self._waiting.clear()
        if self._work is not None:
            await self._work
        self._transport.close()

    def _accept(self, messages: list[bytes]) -> None:
        """Queue messages; a peer that does not wait for its answers is not read meanwhile."""
        self._waiting.extend(messages)
        if self._work is None:
            self._work = self._loop.create_task(self._answer_waiting())
        else:
            self._transport.pause_reading()

    async def _answer_waiting(self) -> None:
        try:
            while self._waiting:
                reply = await self._listener.take_in(self._partner, self._waiting.popleft())
                if reply and not self._transport.is_closing():
                    self._transport.write(frame(reply))
                    await self._writable.wait()
        except BaseException:
            self._is_ending = True  # the peer is not left waiting for an answer that will not come
            raise
        finally:
            self._work = None
            self._heard_at = self._loop.time()
            if self._is_ending:
                self._transport.close()
            elif not self._transport.is_reading() and not self._transport.is_closing():
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

    def _refuse_frame(self, error: FrameError) -> None:
        """Close a line that does not speak MLLP; AR first when a header came (spec hl7v2 1.2)."""
        logger.warning("mllp.frame.refused", extra={"partner": self._partner.code, "reason": str(error)})
        header = peek_header(error.head)
        reply = answer(header, AckCode.AR, [FRAME_FAULT]) if header is not None else b""
        if reply:
            self._transport.write(frame(reply))
        self._is_ending = True
        self._transport.close()

    def _check_idle(self) -> None:
        """Close a line that said nothing for too long; one that waits for our answer is not idle."""
        silence = self._loop.time() - self._heard_at if self._work is None else 0.0
        rest = self._listener.settings.idle_seconds - silence
        if rest <= 0:
            self._transport.close()
        else:
            self._watch = self._loop.call_later(rest, self._check_idle)


def _unavailable(envelope: Envelope, error: Exception) -> bytes:
    """The journal cannot be written: nothing was taken in charge, the sender comes again."""
    logger.error("hl7.journal.unavailable", extra={"reason": type(error).__name__})
    return answer(envelope.header, AckCode.AR, [DEFERRED_FAULT])
