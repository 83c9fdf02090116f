"""Whether the patient accepts the hospital's messages in Mon espace santé (MSS/va1.20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import requires
from consent.enums import MessageChoiceValue
from consent.models import MessageChoice
from consent.rules import current_message_choice
from consent.selectors import message_choice_current, message_choices_history
from consent.services import message_choice_record
from dossier.access import reader, record_for_page
from patients.models import Patient

SHOWN = 10
VALUES = (
    (MessageChoiceValue.NOT_OPPOSED, "Accepte les messages", "Les documents choisis partent"),
    (MessageChoiceValue.OPPOSED, "Refuse les messages", "Rien ne part à sa boîte"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history."""

    at: datetime
    value: str
    source: str
    by: str
    by_representative: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class MessageCard:
    """Inputs of consent/_message_choice.html."""

    url: str
    value: str
    known: str
    choices: tuple[tuple[str, str, str], ...] = VALUES
    history: tuple[Line, ...] = ()


def message_card(patient: Patient) -> MessageCard:
    """What the patient said about messages, and what was said before. 1 query."""
    rows = list(message_choices_history(patient))
    current = current_message_choice(rows)
    return MessageCard(
        url=reverse("dossier:message_choice", args=[patient.uid]),
        value=current.value if current else "",
        known=_known(current),
        history=tuple(_line(row, current) for row in rows[:SHOWN]),
    )


@requires("consent.view", "consent.record", "patients.identity_view")
@require_POST
def message_choice(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Record the choice; nothing is overwritten unseen."""
    _, actor = reader(request)
    patient = record_for_page(request, patient_uid).patient
    value = request.POST.get("messages", "")
    back = HttpResponseRedirect(f"{reverse('dossier:choices', args=[patient_uid])}#messages-du-patient")
    if value not in MessageChoiceValue:
        messages.error(request, "Messages de l’hôpital : choisir une des deux réponses.")
        return back
    with transaction.atomic():
        Patient.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=patient.pk)
        if request.POST.get("known_messages", "") != _known(message_choice_current(patient)):
            messages.error(
                request, "Un choix vient d’être enregistré ailleurs : rien n’a été changé, le voici à jour."
            )
            return back
        message_choice_record(
            patient=patient,
            value=MessageChoiceValue(value),
            by_representative=bool(request.POST.get("representative")),
            actor=actor,
        )
    messages.success(request, "Choix sur les messages enregistré.")
    return back


def _known(current: MessageChoice | None) -> str:
    """What the page showed, sent back."""
    return str(current.uid) if current else ""


def _line(row: MessageChoice, current: MessageChoice | None) -> Line:
    return Line(
        at=row.collected_at,
        value=row.get_value_display(),
        source=row.source,
        by=row.author_login,
        by_representative=row.by_representative,
        is_current=current is not None and row.pk == current.pk,
    )
