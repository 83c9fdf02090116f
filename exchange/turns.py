"""How many workers do one kind of work at once, over all processes and hosts.

Work that waits for an outside service must not take every worker: the others keep theirs. Advisory
locks of PostgreSQL, which fall with the process or the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def turn(name: str, *, places: int = 1) -> Iterator[bool]:
    """Whether a place was free for this kind of work; it is given back at the end of the block."""
    for place in range(places):
        key = f"{name} {place}"
        if _taken("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key):
            try:
                yield True
            finally:
                _taken("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)
            return
    yield False


def _taken(statement: str, key: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        row = cursor.fetchone()
    return bool(row and row[0])
