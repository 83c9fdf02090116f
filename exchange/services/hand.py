"""What a person does with a message of the journal: send it again, apply it again (F-PFI-19)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from exchange.enums import MessageState
from exchange.errors import NotRetryable
from exchange.models import Message
from exchange.registry import objection_to_resend
from exchange.rules import ByHand, by_hand
from exchange.services.intake import message_apply


def message_retry(*, message: Message, actor: Actor) -> Message:
    """Send a message that was rejected, given up or put off: same bytes, same MSH-10.

    It leaves with the next sweep, or at once when the caller wakes the worker after the commit.

    Raises:
        NotRetryable: the rules or the room that queued it refuse (`exchange.rules.by_hand`).
    """
    with transaction.atomic():
        locked = _locked(message, ByHand.RESEND)
        if locked.state == MessageState.DEFERRED:
            changes: dict[str, object] = {"not_before": None}
        else:
            objection = objection_to_resend(locked)
            if objection:
                raise NotRetryable(objection)
            changes = {
                "state": MessageState.QUEUED,
                "created_at": timezone.now(),
                "attempts": 0,
                "not_before": None,
                "done_at": None,
                "error": "",
            }
        Message.objects.filter(pk=locked.pk).update(**changes)
        _trace(locked, "exchange.message.retry", actor)
    return Message.objects.select_related("partner").get(pk=message.pk)


def message_replay(*, message: Message, actor: Actor) -> Message:
    """Apply a message that was refused or held back, from its stored bytes.

    The answer that its sender got stands. Never call it inside a transaction.

    Raises:
        NotRetryable: its state does not allow it.
    """
    with transaction.atomic(durable=True):
        locked = _locked(message, ByHand.REPLAY)
        Message.objects.filter(pk=locked.pk).update(
            state=MessageState.STORED, attempts=1, not_before=None, done_at=None, error=""
        )
        _trace(locked, "exchange.message.replay", actor)
    message_apply(message_id=message.pk)
    return Message.objects.select_related("partner").get(pk=message.pk)


def _locked(message: Message, act: ByHand) -> Message:
    """The message under lock, when its state allows the act; NotRetryable with the words of the rule."""
    locked = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
    verdict = by_hand(
        direction=locked.direction,
        state=locked.state,
        message_type=locked.type,
        profile=locked.profile,
        ack_code=locked.ack_code,
    )
    if verdict.act is not act:
        raise NotRetryable(verdict.refusal or "Cette action ne vaut pas pour ce message.")
    return locked


def _trace(message: Message, event: str, actor: Actor) -> None:
    trace_write(
        type=event,
        action=Action.EXECUTE,
        actor=actor,
        patient_uid=message.patient_uid,
        object_type="exchange.message",
        object_uid=message.uid,
        detail={"control_id": message.control_id, "state": message.state},
    )
