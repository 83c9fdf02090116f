"""What the gate rules need to know, read from the rows of an order at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings

from consent.enums import MessageChoiceValue
from consent.selectors import (
    NOTHING_RECORDED,
    CurrentChoices,
    choices_current_for,
    patients_without_messages,
)
from documents.models import Version
from patients.enums import EpisodeState
from sending.enums import Channel, OrderAction
from sending.models import Order
from sending.rules import Gate, OrderFacts, gate_of


@dataclass(frozen=True, slots=True)
class Known:
    """What the patients of a batch chose: by episode for the DMP, by patient for the messages."""

    choices: Mapping[int, CurrentChoices]
    without_messages: Collection[int]

    def alimentation_of(self, version: Version) -> CurrentChoices:
        return self.choices.get(version.document.episode_id or 0, NOTHING_RECORDED)


def known_for(versions: Iterable[Version], channels: Collection[str]) -> Known:
    """What was chosen about these versions, for these channels: 1 query for the DMP, 1 for the patient."""
    versions = list(versions)
    episodes = {one.document.episode_id for one in versions if one.document.episode_id is not None}
    patients = {one.document.patient_id for one in versions}
    return Known(
        choices=choices_current_for(episodes) if Channel.DMP in channels and episodes else {},
        without_messages=patients_without_messages(patients) if Channel.MSSANTE_PATIENT in channels else (),
    )


def facts_of(
    version: Version, *, channel: Channel, action: OrderAction, known: Known | None = None
) -> OrderFacts:
    """Facts of an order, with the patient as loaded and what was chosen as given, or read now.

    `known` is for batches that read the choices of many at once.
    """
    document = version.document
    patient = document.patient
    known = known or known_for([version], [channel])
    is_opposed = document.patient_id in known.without_messages
    return OrderFacts(
        channel=channel,
        action=action,
        is_qualified=patient.is_qualified,
        is_doubtful=patient.is_doubtful,
        is_under_review=patient.is_identity_under_review or patient.is_closed,
        alimentation=known.alimentation_of(version).alimentation_value,
        is_invisible_patient=version.is_invisible_patient,
        messages=MessageChoiceValue.OPPOSED if is_opposed else None,
        has_derogation=channel == Channel.MSSANTE_PATIENT and has_derogation(version),
    )


def has_derogation(version: Version) -> bool:
    """Whether the patient may be written to before admission, the INS being only recovered.

    Référentiel MSSanté #2, as DSR 3.2.1 says: off unless the hospital sets it (mssante 1.6).
    """
    if not (settings.MSS_PATIENT_ALLOW_UNQUALIFIED and version.document.patient.is_ins_recovered):
        return False
    episode = version.document.episode
    return episode is not None and episode.state == EpisodeState.PLANNED


def gate_now(order: Order) -> Gate:
    """The gate of an order at this moment: asked at creation, at each change, and at send time."""
    return gate_of(facts_of(order.version, channel=Channel(order.channel), action=OrderAction(order.action)))
