"""Threads in which the listener applies messages, each with a connection of Django of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper


class EffectThreads:
    """Runs services in threads. Connections stay open as long as they work."""

    def __init__(self, count: int) -> None:
        self._connections: list[BaseDatabaseWrapper] = []
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="hl7-effect", initializer=self._begin)

    async def run(self, call: Callable[..., bytes], **arguments: Any) -> bytes:
        """Call a service that may be called again: it is, once, when the database cut its connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _insist, partial(call, **arguments))

    def close(self) -> None:
        """Let the services in hand end, then close the connections."""
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _begin(self) -> None:
        """In a new thread, note its connection."""
        connection = connections["default"]
        connection.inc_thread_sharing()  # closed by the thread that closes the listener
        self._connections.append(connection)


def _insist(call: Callable[[], bytes]) -> bytes:
    try:
        return call()
    except (OperationalError, InterfaceError):
        connections["default"].close()
        return call()
