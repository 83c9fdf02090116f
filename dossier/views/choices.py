"""Information and non-opposition of the patient, for the current episode (journey 1, step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from accounts.models import User
from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.models import Choice
from consent.selectors import CurrentChoices, choices_current, choices_history
from consent.services import choices_record
from dossier.access import reader, record_for_page
from dossier.banner import banner_of, rail_of, stay_words
from dossier.views.message_choice import message_card
from patients.models import Episode
from patients.selectors import Record, stays_with_choices

BY_MESSAGE = "logiciel d’admission"
FEEDING = (
    (ChoiceValue.NOT_COLLECTED, "Non recueillie", "Les documents partent"),
    (ChoiceValue.NOT_OPPOSED, "Informé – non opposé", "Les documents partent"),
    (ChoiceValue.OPPOSED, "Informé – opposé", "Rien ne part au DMP"),
)
READING = (
    (ChoiceValue.NOT_COLLECTED, "Non recueillie", "Consultation impossible"),
    (ChoiceValue.NOT_OPPOSED, "Informé – non opposé", "L’équipe peut consulter"),
    (ChoiceValue.OPPOSED, "Informé – opposé", "Personne ne consulte"),
)
SPOKEN = (
    "Votre dossier médical, dans Mon espace santé, peut recevoir les documents de votre séjour : "
    "lettre de sortie, comptes rendus, résultats. Vous pouvez vous y opposer ; vos soins n’en dépendent pas.",
    "L’équipe qui vous soigne peut aussi consulter votre dossier médical pendant ce séjour. Vous "
    "pouvez vous y opposer, sans avoir à donner de raison.",
    "Vous pouvez changer d’avis à tout moment, ici ou sur monespacesante.fr.",
)


@requires("consent.view", "patients.identity_view")
@require_http_methods(["GET", "POST"])
def choices(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """The two subjects, their three values, their history; recording asks `consent.record`."""
    user, actor = reader(request)
    record = record_for_page(request, patient_uid)
    stays = stays_with_choices(record)
    episode = _asked_stay(request, stays)
    if episode is None:
        messages.error(request, "Ce patient n’a pas de séjour : aucun choix à recueillir.")
        return HttpResponseRedirect(reverse("dossier:search"))
    if request.method == "GET":
        return _page(request, record, episode, user)
    if not user.has_perm("consent.record"):
        raise PermissionDenied
    asked = {subject: request.POST.get(subject.value, "") for subject in Subject}
    errors = {
        subject: "Choisir une des trois réponses."
        for subject, value in asked.items()
        if value not in ChoiceValue
    }
    if errors:
        return _page(request, record, episode, user, asked=asked, errors=errors)
    concerned = stays if request.POST.get("every_stay") else (episode,)
    with transaction.atomic():
        _stays_lock(concerned)
        if request.POST.get("known", "") != choices_current(episode).known:
            return _page(request, record, episode, user, is_stale=True)
        for stay in concerned:
            choices_record(
                episode=stay,
                alimentation=ChoiceValue(asked[Subject.ALIMENTATION]),
                consultation=ChoiceValue(asked[Subject.CONSULTATION]),
                by_representative=bool(request.POST.get("representative")),
                actor=actor,
            )
    messages.success(request, _recorded_words(len(concerned)))
    return HttpResponseRedirect(_url(patient_uid, episode))


def _asked_stay(request: HttpRequest, stays: Sequence[Episode]) -> Episode | None:
    """The stay of `?sejour=`, never another in its place; without it, the first."""
    asked = request.GET.get("sejour", "")
    if not asked:
        return stays[0] if stays else None
    found = next((one for one in stays if str(one.uid) == asked), None)
    if found is None:
        raise Http404
    return found


def _stays_lock(stays: Sequence[Episode]) -> None:
    """In the order of the rows, so that two persons never wait for each other."""
    locked = Episode.objects.select_for_update(of=("self",)).filter(pk__in=[one.pk for one in stays])
    list(locked.order_by("id").values_list("pk"))


STALE = "Un choix vient d’être enregistré ailleurs : rien n’a été changé, voici les choix à jour."


def _page(
    request: HttpRequest,
    record: Record,
    episode: Episode,
    user: User,
    *,
    asked: dict[Subject, str] | None = None,
    errors: dict[Subject, str] | None = None,
    is_stale: bool = False,
) -> HttpResponse:
    current = choices_current(episode)
    history = list(choices_history(episode))
    values = asked or {
        Subject.ALIMENTATION: current.alimentation_value,
        Subject.CONSULTATION: current.consultation_value,
    }
    errors = errors or {}
    context = {
        "banner": banner_of(record, user, choices=current),
        "rail": rail_of(record.patient, user, current="choices"),
        "steps": [],
        "url": _url(record.patient.uid, episode),
        "stay": stay_words(episode),
        "other_stays": [
            {"label": stay_words(one), "url": _url(record.patient.uid, one)}
            for one in stays_with_choices(record)
            if one != episode
        ],
        "stay_form": None,
        "alimentation": {
            "value": values[Subject.ALIMENTATION],
            "error": errors.get(Subject.ALIMENTATION, ""),
        },
        "consultation": {
            "value": values[Subject.CONSULTATION],
            "error": errors.get(Subject.CONSULTATION, ""),
        },
        "alimentation_choices": FEEDING,
        "consultation_choices": READING,
        "representative": bool(asked and request.POST.get("representative"))
        or any(row.by_representative for row in history[:2]),
        "message_card": message_card(record.patient),
        "may_record": user.has_perm("consent.record"),
        "known": current.known,
        "errors": STALE if is_stale else "Les choix n’ont pas été enregistrés." if errors else "",
        "history": history_lines(history, current),
        "allows": _allows(current),
        "spoken_text": SPOKEN,
        "save_label": "Enregistrer",
        "back_url": reverse("dossier:patient", args=[record.patient.uid])
        if user.has_perm("patients.open")
        else reverse("dossier:home"),
    }
    status = 409 if is_stale else 422 if errors else 200
    return render(request, "consent/choices.html", context, status=status)


def _url(patient_uid: UUID, episode: Episode) -> str:
    return f"{reverse('dossier:choices', args=[patient_uid])}?sejour={episode.uid}"


def _recorded_words(count: int) -> str:
    words = "Choix du patient enregistrés"
    return f"{words}." if count == 1 else f"{words} pour {count} séjours."


def history_lines(history: Sequence[Choice], current: CurrentChoices) -> list[dict[str, Any]]:
    """The history, last written first; both subjects recorded in one act make one line."""
    return [_history_line(list(rows), current) for _, rows in groupby(history, key=_act_of)]


def _act_of(row: Choice) -> tuple[Any, ...]:
    return row.collected_at, row.source, row.author_login, row.message_uid, row.is_effective


def _history_line(rows: list[Choice], current: CurrentChoices) -> dict[str, Any]:
    values = {row.subject: row.value for row in rows}
    counting = [row for row in rows if row == current.of(Subject(row.subject))]
    first = rows[0]
    return {
        "at": first.collected_at,
        "alimentation": values.get(Subject.ALIMENTATION, ""),
        "consultation": values.get(Subject.CONSULTATION, ""),
        "source": first.source,
        "by": BY_MESSAGE if first.source == ChoiceSource.PAM else first.author_login,
        "by_representative": any(row.by_representative for row in rows),
        "is_current": bool(counting),
        "is_void": not first.is_effective,
    }


def _allows(current: CurrentChoices) -> list[dict[str, str]]:
    """« Ce que cela permet », from the gate rules."""
    return [
        {
            "tone": "ok" if current.feeding else "neu",
            "icon": "check" if current.feeding else "ban",
            "title": "Envoi au DMP" + (" possible" if current.feeding else " arrêté"),
            "detail": "Les documents validés partent." if current.feeding else "Les envois sont bloqués.",
        },
        {
            "tone": "ok" if current.consulting else "neu",
            "icon": "check" if current.consulting else "ban",
            "title": "Consultation" + (" possible" if current.consulting else " impossible"),
            "detail": "Par toute l’équipe de soins du séjour."
            if current.consulting
            else "Aucune demande n’est faite au DMP.",
        },
    ]
