"""Fault injection: what the DMP does wrong when told to (vocabulary of spec dmp 10.3).

An effect is a word, or a word and an argument.

- The line: `delay:<ms>`, `hold` (until `release`), `hang`, `reset`, `http:<code>`, `accepted_then_drop`,
  `answer_twice`.
- The answer: `malformed`, `xxe`, `plain_answer`, and the anomalies of a multipart message `truncate`,
  `bad_boundary`, `no_start`, `base64_part`, `lf_only`.
- A refusal: `fault:<subcode>`, `registry:<code>`, `too_many`, `ack_ae:<code>` (TD0.2), `status:<code>`
  (TD0.3).
- The documents: `partial`, `wrong_hash` (TD3.2), `signatures` (signature objects in the results of TD3.1).
- A state that is pretended: `no_dmp`, `dmp_closed`, `blocked`, `auth_expired`, `opposed_break_glass`.
"""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sandbox.dmp.mtom import ANOMALIES

PRETENCES: Final = frozenset({"no_dmp", "dmp_closed", "blocked", "auth_expired", "opposed_break_glass"})
_WITH_ARGUMENT: Final = frozenset({"delay", "http", "fault", "registry", "ack_ae", "status"})
_ALONE: Final = (
    ANOMALIES
    | PRETENCES
    | {
        "hold",
        "hang",
        "reset",
        "too_many",
        "malformed",
        "xxe",
        "plain_answer",
        "accepted_then_drop",
        "answer_twice",
        "partial",
        "wrong_hash",
        "signatures",
    }
)
_HELD_SECONDS: Final = 0.1
_NUMERIC: Final = frozenset({"delay", "http"})
_MATCHES: Final = frozenset({"operation", "ins", "actor", "unique_id"})


class UnknownEffectError(ValueError):
    """No such effect, or a match on something else than operation, ins, actor, unique_id, nth."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one request."""

    name: str
    argument: str = ""

    @classmethod
    def of(cls, text: str) -> "Effect":
        """Read `name` or `name:argument`. UnknownEffectError when it is neither."""
        name, separator, argument = text.partition(":")
        if name in _ALONE and not separator:
            return cls(name)
        if name not in _WITH_ARGUMENT or not argument or (name in _NUMERIC and not argument.isdigit()):
            raise UnknownEffectError(text)
        return cls(name, argument)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a rule may match of a request."""

    operation: str
    ins: str = ""
    actor: str = ""
    unique_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Rule:
    """An effect on the requests that match, `times` times, from the `nth` one on."""

    effect: Effect
    match: dict[str, str] = field(default_factory=dict)
    nth: int = 1
    times: int = 1
    seen: int = 0
    done: int = 0

    def fits(self, occasion: Occasion) -> bool:
        values = {
            "operation": (occasion.operation,),
            "ins": (occasion.ins,),
            "actor": (occasion.actor,),
            "unique_id": occasion.unique_ids,
        }
        return all(_is_meant(name, value, values[name]) for name, value in self.match.items())


def _is_meant(name: str, wanted: str, values: tuple[str, ...]) -> bool:
    """`TD3.3` means each of TD3.3a to d."""
    if name == "operation":
        return any(value.rstrip("abcd") == wanted for value in values) or wanted in values
    return wanted in values


class FaultBook:
    """The rules in force. May be used from several threads."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()

    def add(self, effect: str, *, times: int = 1, nth: int = 1, **match: str) -> None:
        """Add a rule: `add("accepted_then_drop", operation="TD2.1")`. UnknownEffectError when it makes no
        sense.
        """
        if match.keys() - _MATCHES or times < 1 or nth < 1:
            raise UnknownEffectError(f"match on {sorted(match)}, times {times}, nth {nth}")
        rule = Rule(Effect.of(effect), match, nth, times)
        with self._lock:
            self._rules.append(rule)
            if rule.effect.name == "hold":
                self._released.clear()

    def clear(self) -> None:
        """Forget the rules, and let go what they hold."""
        with self._lock:
            self._rules.clear()
        self.release()

    def release(self) -> None:
        """Let every request that is held go on."""
        self._released.set()

    def hold(self, stopping: threading.Event) -> None:
        """Wait until the release, or the end of the sandbox."""
        while not self._released.wait(_HELD_SECONDS) and not stopping.is_set():
            continue

    def list(self) -> list[dict[str, Any]]:
        """The rules and what they did."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def take(self, occasion: Occasion) -> tuple[Effect, ...]:
        """Effects on this request; each rule counts it once."""
        effects = []
        with self._lock:
            for rule in self._rules:
                if not rule.fits(occasion):
                    continue
                rule.seen += 1
                if rule.seen >= rule.nth and rule.done < rule.times:
                    rule.done += 1
                    effects.append(rule.effect)
        return tuple(effects)
