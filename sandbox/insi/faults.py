"""What INSi does wrong when told to: one effect on each of the next requests.

- The line: `delay:<ms>`, `hang`, `reset`, `http:<code>`.
- The answer: `malformed`, `xxe`, `nobody` (01), `several` (02), `no_key`, `no_place`, `lunar`.
- A refusal: `fault:<code>`, as `fault:desir_550`.
"""

import itertools
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

_ALONE: Final = frozenset(
    {"hang", "reset", "malformed", "xxe", "nobody", "several", "no_key", "no_place", "lunar"}
)
_WITH_ARGUMENT: Final = frozenset({"delay", "http", "fault"})
_NUMERIC: Final = frozenset({"delay", "http"})


class UnknownInsiEffectError(ValueError):
    """No such effect."""


@dataclass(frozen=True, slots=True)
class InsiEffect:
    """What happens to one request."""

    name: str = ""
    argument: str = ""

    @property
    def text(self) -> str:
        """As it was asked for."""
        return f"{self.name}:{self.argument}" if self.argument else self.name

    @classmethod
    def of(cls, text: str) -> "InsiEffect":
        """Read `name` or `name:argument`. UnknownInsiEffectError when it is neither."""
        name, separator, argument = text.partition(":")
        if name in _ALONE and not separator:
            return cls(name)
        if name not in _WITH_ARGUMENT or not argument or (name in _NUMERIC and not argument.isdigit()):
            raise UnknownInsiEffectError(text)
        return cls(name, argument)


class InsiFaults:
    """The effects that wait, in order. May be used from several threads."""

    def __init__(self) -> None:
        self._effects: deque[InsiEffect] = deque()
        self._lock = threading.Lock()

    def add(self, effect: str, *, times: int = 1) -> None:
        read = InsiEffect.of(effect)
        with self._lock:
            self._effects.extend(itertools.repeat(read, times))

    def waiting(self) -> list[str]:
        """What will go wrong with the next requests, in order."""
        with self._lock:
            return [one.text for one in self._effects]

    def clear(self) -> None:
        with self._lock:
            self._effects.clear()

    def take(self) -> InsiEffect:
        """The effect on this request; one without name does nothing."""
        with self._lock:
            return self._effects.popleft() if self._effects else InsiEffect()
