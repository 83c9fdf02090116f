"""What the gate rules need to know, read from the rows of an order at one moment."""

from __future__ import annotations

from consent.selectors import CurrentChoices, choices_current
from documents.models import Version
from sending.enums import Channel, OrderAction
from sending.models import Order
from sending.rules import Gate, OrderFacts, gate_of


def facts_of(
    version: Version,
    *,
    channel: Channel,
    action: OrderAction,
    choices: CurrentChoices | None = None,
) -> OrderFacts:
    """Facts of an order, with the patient as loaded and the choices given, or read now.

    `choices` is for batches that read the choices of many episodes at once.
    """
    patient = version.document.patient
    if choices is None and version.document.episode is not None:
        choices = choices_current(version.document.episode)
    return OrderFacts(
        channel=channel,
        action=action,
        is_qualified=patient.is_qualified,
        is_doubtful=patient.is_doubtful,
        is_under_review=patient.is_identity_under_review or patient.is_closed,
        alimentation=choices.alimentation_value if choices else None,
        is_invisible_patient=version.is_invisible_patient,
    )


def gate_now(order: Order) -> Gate:
    """The gate of an order at this moment: asked at creation, at each change, and at send time."""
    return gate_of(facts_of(order.version, channel=Channel(order.channel), action=OrderAction(order.action)))
