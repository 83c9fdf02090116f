"""Who treats which incoming message: one handler per message type and profile.

Rooms above register their handlers when they are loaded (house-style, section 2), so that
`exchange` knows none of them. Routing is by content: MSH-9.1, then MSH-21.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from audit.context import Actor, system_actor
from exchange.models import Message, Partner
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Fault
from interop.hl7v2.header import Header
from interop.hl7v2.tokens import Message as ParsedMessage


@dataclass(frozen=True, slots=True)
class Reception:
    """An incoming message as a handler gets it; `message` is its row, locked."""

    message: Message
    parsed: ParsedMessage
    header: Header
    partner: Partner

    @property
    def actor(self) -> Actor:
        """The partner as the actor of what its message changes."""
        return system_actor(f"hl7.{self.partner.code}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler answers.

    `warnings` are French sentences for the journal. `code` AE with `faults` refuses while keeping
    what the handler wrote (flow 6); a refusal that must leave no trace raises `Hl7Error` instead.
    """

    warnings: tuple[str, ...] = ()
    patient_uid: UUID | None = None
    code: AckCode = AckCode.AA
    faults: tuple[Fault, ...] = ()


Handler = Callable[[Reception], Outcome]

_handlers: dict[tuple[str, str], Handler] = {}


def handler_register(handler: Handler, *, message: str, profile: str = "") -> None:
    """Declare who treats a message type; an empty `profile` takes what no exact profile claims.

    Raises:
        ValueError: two handlers claim the same messages.
    """
    known = _handlers.setdefault((message, profile), handler)
    if known is not handler:
        raise ValueError(f"{message} {profile or '*'} already has a handler")


def handler_for(header: Header) -> Handler | None:
    """Return the handler of a message, None when this software treats no such message."""
    exact = _handlers.get((header.message, header.profile))
    return exact or _handlers.get((header.message, ""))


Objection = Callable[[Message], str]
"""Says in French why a person may not send a rejected message again, or nothing."""

_objections: list[Objection] = []


def objection_register(objection: Objection) -> None:
    """Let the room that queues messages keep what it took back from leaving by another door."""
    if objection not in _objections:
        _objections.append(objection)


def objection_to_resend(message: Message) -> str:
    """The first objection to sending a rejected message again by hand; empty when there is none."""
    return next((said for objection in _objections if (said := objection(message))), "")
