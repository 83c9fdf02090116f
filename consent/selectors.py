"""Reads of the patient's choices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from consent.enums import ChoiceValue, MessageChoiceValue, Subject
from consent.models import Choice, MessageChoice
from consent.rules import (
    Decision,
    current_choice,
    current_message_choice,
    may_consult_dmp,
    may_feed_dmp,
    may_mail_patient,
)
from patients.models import Episode, Patient


@dataclass(frozen=True, slots=True)
class CurrentChoices:
    """The choice that counts for each subject of one episode; None when nothing was recorded."""

    alimentation: Choice | None = None
    consultation: Choice | None = None

    def of(self, subject: Subject) -> Choice | None:
        return self.alimentation if subject == Subject.ALIMENTATION else self.consultation

    def value_of(self, subject: Subject) -> ChoiceValue:
        choice = self.of(subject)
        return ChoiceValue(choice.value) if choice else ChoiceValue.NOT_COLLECTED

    @property
    def alimentation_value(self) -> ChoiceValue:
        return self.value_of(Subject.ALIMENTATION)

    @property
    def consultation_value(self) -> ChoiceValue:
        return self.value_of(Subject.CONSULTATION)

    @property
    def feeding(self) -> Decision:
        return may_feed_dmp(self.alimentation_value)

    @property
    def consulting(self) -> Decision:
        return may_consult_dmp(self.consultation_value)

    @property
    def known(self) -> str:
        """Names the state read: who writes says it again, so that nothing is overwritten unseen."""
        return ",".join(str(row.uid) if row else "" for row in (self.alimentation, self.consultation))


NOTHING_RECORDED = CurrentChoices()


def choices_current(episode: Episode) -> CurrentChoices:
    """What counts for an episode. 1 query."""
    return choices_current_for([episode.pk])[episode.pk]


def choices_current_for(episode_ids: Collection[int]) -> dict[int, CurrentChoices]:
    """What counts for each of these episodes. 1 query."""
    rows: dict[tuple[int, str], list[Choice]] = {}
    for choice in Choice.objects.filter(episode_id__in=episode_ids, is_effective=True):
        rows.setdefault((choice.episode_id, choice.subject), []).append(choice)
    return {
        episode_id: CurrentChoices(
            alimentation=current_choice(rows.get((episode_id, Subject.ALIMENTATION), [])),
            consultation=current_choice(rows.get((episode_id, Subject.CONSULTATION), [])),
        )
        for episode_id in episode_ids
    }


def choices_history(episode: Episode) -> QuerySet[Choice]:
    """Everything recorded for an episode, last written first (SC.DMP/CONF.06, F-PV-09)."""
    return Choice.objects.filter(episode=episode).order_by("-id")


def choices_of_patient(patient: Patient) -> QuerySet[Choice]:
    """Everything recorded for a patient, with its episode, last written first."""
    return Choice.objects.filter(episode__patient=patient).select_related("episode").order_by("-id")


def message_choice_current(patient: Patient) -> MessageChoice | None:
    """What counts about the hospital's messages to a patient. 1 query."""
    return current_message_choice(MessageChoice.objects.filter(patient=patient))


def patients_without_messages(patient_ids: Collection[int]) -> set[int]:
    """Those of these patients who refuse messages in Mon espace santé. 1 query."""
    rows: dict[int, list[MessageChoice]] = {}
    for choice in MessageChoice.objects.filter(patient_id__in=patient_ids):
        rows.setdefault(choice.patient_id, []).append(choice)
    refused = set()
    for patient_id, choices in rows.items():
        current = current_message_choice(choices)
        if current is not None and not may_mail_patient(MessageChoiceValue(current.value)):
            refused.add(patient_id)
    return refused


def message_choices_history(patient: Patient) -> QuerySet[MessageChoice]:
    """Everything recorded about messages to a patient, last written first."""
    return MessageChoice.objects.filter(patient=patient).order_by("-id")
