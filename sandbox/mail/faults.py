"""What the operator does wrong when told to: by address, so many times.

At the delivery: `full` (452), `down` (421 and the line closed), `greylist` (450), `refuse:<code>` (5xx),
`slow:<ms>` (the last reply is late), `drop` (the mail is taken and the line cut before the reply),
`late_bounce` (accepted, then returned), `silent` (no report of delivery).
At the reading of a mailbox: `read_slow:<ms>`, `read_down` (the mailbox cannot be opened).
An address of `*` is any.
"""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Final

ALONE: Final = frozenset({"full", "down", "greylist", "drop", "late_bounce", "silent", "read_down"})
WITH_ARGUMENT: Final = frozenset({"refuse", "slow", "read_slow"})
AT_READING: Final = frozenset({"read_slow", "read_down"})


class UnknownMailEffectError(ValueError):
    """No such effect."""


@dataclass(frozen=True, slots=True)
class MailEffect:
    """What happens to one delivery or one command."""

    name: str
    argument: str = ""

    @classmethod
    def of(cls, text: str) -> "MailEffect":
        """Read `name` or `name:number`. UnknownMailEffectError when it is neither."""
        name, separator, argument = text.partition(":")
        if name in ALONE and not separator:
            return cls(name)
        if name not in WITH_ARGUMENT or not argument.isdigit():
            raise UnknownMailEffectError(text)
        return cls(name, argument)

    @property
    def seconds(self) -> float:
        return int(self.argument) / 1000


@dataclass(slots=True)
class _Rule:
    effect: str
    address: str
    times: int
    done: int = 0


@dataclass(slots=True)
class MailFaults:
    """Rules, the first that applies first. Safe to share between threads."""

    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, effect: str, *, address: str = "*", times: int = 1) -> None:
        """Make an effect happen to the next `times` deliveries to an address, or readings of it."""
        MailEffect.of(effect)
        with self._lock:
            self._rules.append(_Rule(effect, address.lower(), times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def waiting(self) -> int:
        """How many effects have not happened yet."""
        with self._lock:
            return sum(rule.times - rule.done for rule in self._rules)

    def of_delivery(self, address: str) -> MailEffect | None:
        """The effect for this delivery, which counts as done."""
        return self._next(address, reading=False)

    def of_reading(self, address: str) -> MailEffect | None:
        """The effect for this command on a mailbox, which counts as done."""
        return self._next(address, reading=True)

    def _next(self, address: str, *, reading: bool) -> MailEffect | None:
        with self._lock:
            for rule in self._rules:
                effect = MailEffect.of(rule.effect)
                applies = rule.address in ("*", address.lower()) and (effect.name in AT_READING) == reading
                if applies and rule.done < rule.times:
                    rule.done += 1
                    return effect
        return None
