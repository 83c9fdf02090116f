"""The journal's own asynchronous connections: how the listener writes the row of a message."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from django.db import connections
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from exchange.journal import Entry

WAIT_SECONDS: Final = 5.0
_DATABASE_KEYS: Final = {
    "NAME": "dbname",
    "USER": "user",
    "PASSWORD": "password",
    "HOST": "host",
    "PORT": "port",
}
# Options of Django's backend that are no parameters of a connection.
_NOT_PARAMETERS: Final = frozenset({"pool", "isolation_level", "server_side_binding", "assume_role"})


class JournalPool:
    """Writes entries, `size` at once. Connections stay at hand: asking the pool for one each time costs
    as much as the row itself."""

    def __init__(self, size: int) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            kwargs=_parameters(), min_size=1, max_size=size, open=False
        )
        self._places = asyncio.Semaphore(size)
        self._at_hand: list[AsyncConnection[Any]] = []

    async def open(self) -> None:
        """Connect; does nothing when it is open already."""
        if self._pool.closed:
            await self._pool.open(wait=True, timeout=WAIT_SECONDS)

    async def close(self) -> None:
        await self._give_back()
        await self._pool.close()

    async def write(self, entry: Entry) -> tuple[bool, int]:
        """Commit an entry; return whether it is new, and the id of the row to apply (0 when answered).

        A connection that died is replaced and the row written again: if it had been committed, it is
        found as a duplicate.
        """
        async with self._places:
            try:
                return await self._execute(entry)
            except OperationalError:
                await self._give_back()
                return await self._execute(entry)

    async def _execute(self, entry: Entry) -> tuple[bool, int]:
        connection = self._at_hand.pop() if self._at_hand else await self._pool.getconn(WAIT_SECONDS)
        try:
            cursor = await connection.execute(entry.statement, entry.parameters, binary=True)
            is_new = cursor.rowcount == 1
            row = await cursor.fetchone() if is_new and entry.answer is None else None
        except BaseException:
            await self._pool.putconn(connection)
            raise
        self._at_hand.append(connection)
        return is_new, row[0] if row else 0

    async def _give_back(self) -> None:
        """Return what is at hand to the pool, which throws away what is broken."""
        while self._at_hand:
            await self._pool.putconn(self._at_hand.pop())


def _parameters() -> dict[str, Any]:
    """Parameters of Django's own connection, committing at each statement."""
    configured = connections["default"].settings_dict
    options = {name: value for name, value in configured["OPTIONS"].items() if name not in _NOT_PARAMETERS}
    target = {key: configured[name] for name, key in _DATABASE_KEYS.items() if configured.get(name)}
    return {**options, **target, "autocommit": True}
