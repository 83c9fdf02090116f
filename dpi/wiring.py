"""What only the project can join: the integrated PFI learns the patients' choices.

`sending` and `pfi` know nothing of each other and speak HL7 v2; this is the other thread
between the DPI and the PFI installed beside it (README decision 7, F-PFI-03).
"""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from consent.enums import Subject
from consent.events import choice_changed, message_choice_changed
from consent.selectors import choices_current, choices_current_for, patients_without_messages
from exchange.enums import Transport
from exchange.models import Message
from exchange.services import message_hand_over
from exchange.tasks import hand_over
from patients.enums import IdentifierKind
from patients.models import Episode, Identifier, Patient
from pfi.creators import objection_register
from pfi.mails import mails_oppose
from pfi.models import Job
from pfi.services import jobs_oppose
from pfi.stays import Known, Stay, refusal_source_register, stay_source_register
from sending.selectors import objection_to_carry_again


def connect() -> None:
    """Called once, when the applications are loaded."""
    stay_source_register(known_of)
    objection_register(objection_to_replay)
    refusal_source_register(refuses_messages)
    message_choice_changed.connect(on_message_choice, dispatch_uid="dpi.wiring.message_choice_changed")
    choice_changed.connect(on_choice_changed, dispatch_uid="dpi.wiring.choice_changed")


def known_of(stay: Stay) -> Known:
    """What the DPI knows of a stay: the patient behind its IPP, and the choice that counts.

    A visit number that two stays share is opposed when one of them is.
    """
    episodes = Episode.objects.filter(visit_number=stay.visit_number).values_list("pk", flat=True)
    choices = choices_current_for(list(episodes) if stay.visit_number else [])
    return Known(
        is_opposed=any(not choice.feeding.allowed for choice in choices.values()),
        patient_uid=_patient_uid(stay.ipp),
    )


def refuses_messages(patient_uid: UUID) -> bool:
    """Whether the patient refuses messages, as recorded in the DPI (MSS/va1.20)."""
    ids = list(Patient.objects.filter(uid=patient_uid).values_list("pk", flat=True))
    return bool(patients_without_messages(ids))


def on_message_choice(*, patient: Patient, **kwargs: Any) -> None:
    """A refusal ends the mails to the patient that have not left; their ZAM leave after the commit."""
    if refuses_messages(patient.uid):
        mails_oppose(patient_uid=patient.uid)


def objection_to_replay(job: Job) -> str:
    """Whether the DPI still waits for what a failed job of the PFI would carry."""
    return objection_to_carry_again(job.message.control_id, channel=job.channel)


def _patient_uid(ipp: str) -> UUID | None:
    owners = Identifier.objects.filter(kind=IdentifierKind.IPP, value=ipp, is_active=True)
    found = list(owners.values_list("patient__uid", flat=True)[:2]) if ipp else []
    return found[0] if len(found) == 1 else None


def on_choice_changed(*, episode: Episode, subject: Subject, **kwargs: Any) -> None:
    """An opposition ends the jobs that have not started; their ZAM leave after the commit."""
    if subject != Subject.ALIMENTATION or choices_current(episode).feeding.allowed:
        return
    for message in jobs_oppose(visit_number=episode.visit_number):
        transaction.on_commit(partial(_hand_over, message), robust=True)


def _hand_over(message: Message) -> None:
    """In the same software at once; a partner on a line must not keep a screen waiting."""
    if message.partner.transport == Transport.INTEGRATED:
        message_hand_over(message_id=message.pk, worker=f"{socket.gethostname()}:{os.getpid()}")
    else:
        hand_over.apply_async(args=(message.pk,), retry=False)
