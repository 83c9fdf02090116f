"""What became of a message, step by step: its technical answer, then the business acknowledgements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exchange.enums import Direction, MessageState
from exchange.models import TROUBLED_STATES, Message
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.names import event_name
from interop.hl7v2.tokens import parse_message
from interop.hl7v2.zam import parse_zam

ANSWER_WORDS: Final = {
    codes.AckCode.AA.value: "accepté",
    codes.AckCode.AE.value: "refusé",
    codes.AckCode.AR.value: "à présenter de nouveau",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when, what, a second line; `tone` is that of the interface (ok, bad, info)."""

    at: datetime
    title: str
    text: str = ""
    tone: str = "ok"


def timeline(message: Message, acknowledgements: Iterable[Message]) -> list[Step]:
    """Steps in the order of time. `acknowledgements` may hold those of other messages: OBX-4 tells."""
    is_out = message.direction == Direction.OUTGOING
    steps = [Step(message.created_at, "Confié à la ligne" if is_out else "Reçu", message.control_id, "info")]
    if message.done_at is not None:
        steps.append(_settled(message, message.done_at, is_out=is_out))
    elif message.not_before is not None:
        steps.append(Step(message.not_before, "Nouvel essai prévu", _attempts(message.attempts), "info"))
    for other in acknowledgements:
        step = _acknowledged(other, message.control_id)
        if step is not None:
            steps.append(step)
    return sorted(steps, key=lambda step: step.at)


def duration_ms(message: Message) -> int | None:
    """From the journal to the last answer; None while there is none."""
    if message.done_at is None or not message.ack_code:
        return None
    return round((message.done_at - message.created_at).total_seconds() * 1000)


def _settled(message: Message, at: datetime, *, is_out: bool) -> Step:
    tone = "bad" if message.state in TROUBLED_STATES else "ok"
    if not message.ack_code:
        return Step(at, "Abandonné" if is_out else "Traité", _attempts(message.attempts), tone)
    words = ANSWER_WORDS.get(message.ack_code, "")
    title = f"ACK {message.ack_code}" + ("" if is_out else " rendu")
    if not is_out and message.state == MessageState.APPLIED and message.ack_code != codes.AckCode.AA:
        return Step(at, "Appliqué", f"premier ACK {message.ack_code}", "ok")
    return Step(at, title, words, tone)


def _acknowledged(other: Message, control_id: str) -> Step | None:
    try:
        zam = parse_zam(parse_message(bytes(other.raw), default_charset=other.partner.charset))
    except Hl7Error:
        return None
    if zam.acknowledged_id != control_id:
        return None
    title = "^".join(other.type.split("^")[:2])
    if zam.success:
        return Step(other.created_at, title, event_name(other.type))
    code = zam.fault.application_code if zam.fault else ""
    return Step(other.created_at, title, f"refus {code}".strip(), "bad")


def _attempts(count: int) -> str:
    return f"{count} essai{'s' if count > 1 else ''}" if count else ""
