"""What only the project can join: the integrated PFI learns the patients' choices.

`sending` and `pfi` know nothing of each other and speak HL7 v2; this is the one other thread
between the DPI and the PFI installed beside it (README decision 7, F-PFI-03).
"""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Any

from django.db import transaction

from consent.enums import Subject
from consent.events import choice_changed
from consent.selectors import choices_current, choices_current_for
from exchange.enums import Transport
from exchange.models import Message
from exchange.services import message_hand_over
from exchange.tasks import hand_over
from patients.models import Episode
from pfi.oppositions import Stay, opposition_source_register
from pfi.services import jobs_oppose


def connect() -> None:
    """Called once, when the applications are loaded."""
    opposition_source_register(is_opposed)
    choice_changed.connect(on_choice_changed, dispatch_uid="dpi.wiring.choice_changed")


def is_opposed(stay: Stay) -> bool:
    """Whether the patient opposed the feeding of the DMP for this stay; unknown stays are not."""
    if not stay.visit_number:
        return False
    episodes = list(Episode.objects.filter(visit_number=stay.visit_number).values_list("pk", flat=True))
    return any(not choices.feeding.allowed for choices in choices_current_for(episodes).values())


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
