"""Answers to the signals of lower rooms: each calls one service of this room."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.dispatch import receiver

from audit.context import Actor
from consent.enums import Subject
from consent.events import choice_changed, message_choice_changed
from documents.events import (
    document_deleted,
    version_reissued,
    version_replaced,
    version_validated,
    visibility_changed,
)
from documents.models import Version
from documents.wishes import DeletionWishes, SendingWishes
from exchange.events import message_settled
from exchange.models import Message
from patients.events import identity_changed
from patients.models import Episode, IdentityEvent, Patient
from sending import rules, services
from sending.enums import Channel
from sending.models import Order
from sending.tasks import wake_after_commit


@receiver(version_validated)
def on_version_validated(
    *, version: Version, wishes: SendingWishes, actor: Actor, at: datetime, **kwargs: Any
) -> None:
    services.orders_of_validation(version=version, wishes=wishes, actor=actor, at=at)
    wake_after_commit()


@receiver(version_replaced)
def on_version_replaced(*, version: Version, at: datetime, **kwargs: Any) -> None:
    services.orders_supersede(version=version, at=at)


@receiver(version_reissued)
def on_version_reissued(
    *,
    version: Version,
    issued: Version,
    at: datetime,
    actor: Actor,
    is_visibility_change: bool,
    **kwargs: Any,
) -> None:
    services.orders_take_over(version=version, issued=issued, at=at)
    if is_visibility_change:
        services.visibility_order_create(version=issued, actor=actor, at=at)
        wake_after_commit()


@receiver(document_deleted)
def on_document_deleted(
    *, version: Version, wishes: DeletionWishes, actor: Actor, at: datetime, **kwargs: Any
) -> None:
    services.orders_delete(version=version, wishes=wishes, actor=actor, at=at)
    wake_after_commit()


@receiver(visibility_changed)
def on_visibility_changed(*, version: Version, **kwargs: Any) -> None:
    """What waited for the document to be visible to the patient may leave (workflows 6.7)."""
    _reconsider(Order.objects.filter(version=version))


@receiver(choice_changed)
def on_choice_changed(*, episode: Episode, subject: Subject, **kwargs: Any) -> None:
    if subject == Subject.ALIMENTATION:
        _reconsider(Order.objects.filter(version__document__episode=episode))


@receiver(message_choice_changed)
def on_message_choice_changed(*, patient: Patient, **kwargs: Any) -> None:
    orders = Order.objects.filter(version__document__patient=patient, channel=Channel.MSSANTE_PATIENT)
    _reconsider(orders)


@receiver(identity_changed)
def on_identity_changed(*, patient: Patient, event: IdentityEvent, **kwargs: Any) -> None:
    is_new = not event.before.get("status")
    if not is_new:
        _reconsider(Order.objects.filter(version__document__patient=patient))


@receiver(message_settled)
def on_message_settled(*, message: Message, **kwargs: Any) -> None:
    services.message_orders_settle(message=message)


def _reconsider(orders: QuerySet[Order]) -> None:
    """Nearly every admission message comes here and few patients have orders: nothing is locked when
    none waits, and the worker is woken only when one moved."""
    waiting = orders.filter(state__in=rules.RECONSIDERED_STATES)
    if waiting.exists() and services.orders_reconsider(orders=orders):
        wake_after_commit()
