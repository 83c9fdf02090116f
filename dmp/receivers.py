"""Answers to the signals of lower rooms: what was learnt of a DMP may no longer be shown."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from consent.enums import Subject
from consent.events import choice_changed
from consent.selectors import choices_current
from dmp import services
from patients.events import identity_changed
from patients.models import Episode, IdentityEvent, Patient


@receiver(choice_changed)
def on_choice_changed(*, episode: Episode, subject: Subject, **kwargs: Any) -> None:
    """A change of the consultation closes the views of the DMP (dmp 5.5, 6.2)."""
    if subject != Subject.CONSULTATION:
        return
    if choices_current(episode).consulting:
        services.statuses_drop(patient=episode.patient)
    else:
        services.patient_forget(patient=episode.patient)


@receiver(identity_changed)
def on_identity_changed(*, patient: Patient, event: IdentityEvent, **kwargs: Any) -> None:
    """Another INS, or an identity no longer qualified: it may be another person's DMP."""
    ins_moved = event.before.get("ins_matricule") != event.after.get("ins_matricule")
    if ins_moved or not patient.is_qualified:
        services.patient_forget(patient=patient)
