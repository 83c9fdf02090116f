"""What a process holds open to a national service: one of each name, opened again when its making changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """A line, or what stands on one."""

    def close(self) -> None: ...


_Held = TypeVar("_Held", bound=Closable)


class Kept(Generic[_Held]):
    """Things held open under names, each with the key of what it was made from. For every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[object, _Held]] = {}

    def get(self, key: object, make: Callable[[], _Held], *, name: str = "") -> _Held:
        """The one made from `key`, made now when there is none; one made from another key is closed.

        What `make` raises goes through, and the former one stays.
        """
        with self._lock:
            former = self._held.get(name)
            if former is not None and former[0] == key:
                return former[1]
            made = make()
            self._held[name] = (key, made)
            if former is not None:
                former[1].close()
            return made

    def close(self) -> None:
        """Close them all; the next call makes new ones."""
        with self._lock:
            while self._held:
                self._held.popitem()[1][1].close()
