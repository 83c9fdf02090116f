"""Writing and validating a document (journey 3 of workflows.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import requires
from accounts.models import User
from audit.errors import ApplicationError
from documents.enums import VersionState
from documents.errors import DraftChanged, NotADraft
from documents.models import Version
from documents.services import document_revise, draft_create, draft_save, version_validate
from documents.wishes import SendingWishes, Visibility
from documents.writing import WRITING_MODELS
from dossier.access import reader, record_for_page, version_for_page
from dossier.banner import banner_of, rail_of
from dossier.document_list import CHANNEL_WORDS
from dossier.editor import blocks_of, body_of_form, helper_of
from dossier.errors import ChosenMomentUnreadable, NoStayToConclude
from dossier.panel import (
    MAX_RECIPIENTS,
    PAPER_KEY,
    REPLY_FIELD,
    Panel,
    asked_in_panel,
    directory_url_of,
    gate_words,
    panel_of,
    paper_words,
)
from dossier.recipients import (
    candidates_of,
    directory_keep,
    found_in_the_book,
    found_in_the_directory,
    picked_by_hand,
    wishes_of,
)
from patients.selectors import record, stays_to_conclude
from sending.enums import Channel, OrderState
from sending.errors import MailTooBig
from sending.selectors import orders_of_documents

REVISION_DIGITS = 9
STOPPED_WORDS = {OrderState.BLOCKED: "bloqué", OrderState.WAITING_IDENTITY: "en attente"}
# A moment out of this range is a slip of the keyboard, not a wish.
FIRST_YEAR, LAST_YEAR = 2000, 2100


@requires("patients.open", "documents.write")
@require_POST
def letter_new(request: HttpRequest, patient_uid: UUID, model: str) -> HttpResponse:
    """Open a draft for the stay asked for, else for the likeliest, and go write it."""
    user, actor = reader(request)
    if model not in WRITING_MODELS:
        raise Http404
    opened = record_for_page(request, patient_uid)
    stays = stays_to_conclude(opened)
    asked = request.GET.get("sejour", "")
    stay = next((one for one in stays if not asked or str(one.uid) == asked), None)
    if stay is None:
        raise NoStayToConclude()
    draft = draft_create(
        patient=opened.patient, episode=stay, unit=None, model=model, author=user, actor=actor
    )
    return HttpResponseRedirect(reverse("dossier:letter_edit", args=[draft.uid]))


@requires("patients.open", "documents.write")
@require_POST
def revise(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Open a draft of the next version."""
    user, actor = reader(request)
    version = version_for_page(request, version_uid)
    draft = document_revise(document=version.document, author=user, actor=actor)
    return HttpResponseRedirect(reverse("dossier:letter_edit", args=[draft.uid]))


@requires("patients.open", "documents.write")
@require_http_methods(["GET", "POST"])
def letter_edit(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The form; POST saves it: the fragment of the autosave, or this page again without script."""
    user, _ = reader(request)
    version = _draft(request, version_uid, opens_record=request.method == "GET")
    if request.method == "GET":
        return _page(request, version, user)
    try:
        version = _save(request, version)
    except (DraftChanged, NotADraft) as refusal:
        return _conflict(request, version, user, refusal)
    if request.headers.get("HX-Request"):
        return render(request, "documents/_saved.html", _saved(version, user))
    messages.success(request, "Brouillon enregistré.")
    return HttpResponseRedirect(reverse("dossier:letter_edit", args=[version.uid]))


@requires("patients.open", "documents.write", "documents.validate")
@require_POST
def letter_panel(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Save, then open the panel: beside the form by htmx, in the page without script."""
    user, _ = reader(request)
    version = _draft(request, version_uid)
    try:
        version = _save(request, version)
    except (DraftChanged, NotADraft) as refusal:
        return _conflict(request, version, user, refusal)
    panel = panel_of(version, user)
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_panel_answer.html", {"panel": panel, **_saved(version, user)})
    return _page(request, version, user, panel=panel)


@requires("patients.open", "documents.write", "documents.validate")
@require_POST
def letter_validate(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Validate and schedule, or validate and hold; what fails keeps the draft and says why."""
    user, actor = reader(request)
    version = _draft(request, version_uid)
    left = paper_words(version, candidates_of(version)) if PAPER_KEY in _ticked(request) else ""
    try:
        wishes = _wishes(request, version)
        validated = version_validate(
            version=version, revision=_revision(request), author=user, actor=actor, wishes=wishes
        )
    except (DraftChanged, NotADraft):
        raise
    except ApplicationError as error:
        size = error.size if isinstance(error, MailTooBig) else 0
        asked = replace(asked_in_panel(request.POST), mail_size=size)
        return _page(request, version, user, panel=panel_of(version, user, asked=asked, error=error.message))
    directory_keep(_ticked(request), actor=actor)
    messages.success(request, _done_words(validated))
    if PAPER_KEY in _ticked(request):
        messages.success(request, f"À imprimer pour {left}." if left else "À imprimer.")
    patient_url = reverse("dossier:patient", args=[validated.document.patient.uid])
    return HttpResponseRedirect(f"{patient_url}?document={validated.uid}")


@requires("patients.open", "documents.write", "documents.validate")
@require_POST
def recipients_find(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Search a recipient from the panel: what was found, to tick; without script, the panel again.

    Nothing is saved here: the form of the panel does not hold the text.
    """
    user, _ = reader(request)
    version = _draft(request, version_uid)
    asked = asked_in_panel(request.POST)
    picked = picked_by_hand(version, asked.recipients or ())
    found = found_in_the_book(asked.search, beside={one.key for one in picked})
    if request.headers.get("HX-Request"):
        context = {
            "found": found,
            "picked": picked,
            "search": asked.search,
            "directory_url": directory_url_of(version, user),
        }
        return render(request, "documents/_recipients_found.html", context)
    return _page(request, version, user, panel=panel_of(version, user, asked=asked, found=found))


@requires("patients.open", "documents.write", "documents.validate", "mssante.directory")
@require_POST
def recipients_directory(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Search a recipient in the national directory: what it has beside the address book, to tick."""
    user, actor = reader(request)
    version = _draft(request, version_uid)
    asked = asked_in_panel(request.POST)
    picked = picked_by_hand(version, asked.recipients or ())
    found = found_in_the_book(asked.search, beside={one.key for one in picked})
    shown = {one.wish.address for one in (*picked, *found) if one.wish}
    group = found_in_the_directory(asked.search, actor=actor, beside=shown)
    if request.headers.get("HX-Request"):
        return render(request, "documents/_recipients_directory.html", {"directory": group})
    panel = panel_of(version, user, asked=asked, found=found, directory=group)
    return _page(request, version, user, panel=panel)


def _draft(request: HttpRequest, version_uid: UUID, *, opens_record: bool = False) -> Version:
    version = version_for_page(request, version_uid, opens_record=opens_record)
    if version.state != VersionState.DRAFT:
        raise NotADraft()
    return version


def _save(request: HttpRequest, version: Version) -> Version:
    model = WRITING_MODELS[version.document.model]
    return draft_save(
        version=version,
        revision=_revision(request),
        title=version.document.title,
        body=body_of_form(model, request.POST),
    )


def _revision(request: HttpRequest) -> int:
    """The revision that the form was drawn with; no draft has -1, so nonsense is a conflict."""
    sent = request.POST.get("revision", "")
    return int(sent) if sent.isdecimal() and len(sent) < REVISION_DIGITS else -1


def _saved(version: Version, user: User) -> dict[str, Any]:
    return {
        "revision": version.revision,
        "saved_at": version.edited_at,
        "helper": helper_of(version, user),
    }


def _conflict(
    request: HttpRequest, version: Version, user: User, refusal: DraftChanged | NotADraft
) -> HttpResponse:
    """Nothing was overwritten. By htmx the text is still in the page; without script it is drawn again,
    so that the writer can copy it."""
    if request.headers.get("HX-Request"):
        return HttpResponse(refusal.message, status=409, content_type="text/plain; charset=utf-8")
    if isinstance(refusal, NotADraft):
        raise refusal
    typed = body_of_form(WRITING_MODELS[version.document.model], request.POST)
    return _page(request, version, user, typed=typed, conflict=refusal.message)


def _done_words(version: Version) -> str:
    """What happens to the document now, in the words of its orders."""
    orders = [
        order
        for order in orders_of_documents([version.document_id])[version.document_id]
        if order.version_id == version.pk
    ]
    if not orders:
        return "Document validé, sans aucun envoi."
    states = {OrderState(order.state) for order in orders}
    if states == {OrderState.HELD}:
        return "Document validé, envoi retenu."
    stopped = [order for order in orders if order.state in STOPPED_WORDS]
    scheduled = "Document validé, envoi programmé." if OrderState.SCHEDULED in states else "Document validé."
    if not stopped:
        return scheduled
    told = " ; ".join(
        f"{CHANNEL_WORDS[Channel(order.channel)]} {STOPPED_WORDS[OrderState(order.state)]} : "
        f"{gate_words(order.reason)}"
        for order in stopped
    )
    return f"{scheduled} {told}."


def _ticked(request: HttpRequest) -> list[str]:
    return request.POST.getlist("recipient")[:MAX_RECIPIENTS]


def _wishes(request: HttpRequest, version: Version) -> SendingWishes:
    """What the panel asks; ChosenMomentUnreadable rather than leaving at another time."""
    data = request.POST
    ticked = _ticked(request)
    return SendingWishes(
        to_dmp=Channel.DMP.value in ticked,
        recipients=wishes_of(version, ticked, may_reply=bool(data.get(REPLY_FIELD))),
        hold=data.get("decision") == "hold",
        not_before=_chosen_moment(data.get("not_before", "")),
        visibility=Visibility(
            is_masque_ps=bool(data.get("masque_ps")),
            is_invisible_patient=data.get("visibility") == "invisible",
            is_invisible_rep_legaux=bool(data.get("invisible_rep_legaux")),
            is_connexion_secrete=bool(data.get("connexion_secrete")),
        ),
    )


def _chosen_moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        chosen = parse_datetime(text)
    except ValueError:
        chosen = None
    if chosen is None or not FIRST_YEAR <= chosen.year <= LAST_YEAR:
        raise ChosenMomentUnreadable()
    return timezone.make_aware(chosen) if timezone.is_naive(chosen) else chosen


def _page(
    request: HttpRequest,
    version: Version,
    user: User,
    *,
    panel: Panel | None = None,
    typed: dict[str, Any] | None = None,
    conflict: str = "",
) -> HttpResponse:
    """The editor; a draft is shown as it was saved last, or as `typed` when that could not be saved."""
    document = version.document
    opened = record(document.patient)
    may_validate = user.has_perm("documents.validate")
    context = {
        "banner": banner_of(opened, user),
        "rail": rail_of(document.patient, user, current="documents"),
        "title": document.title,
        "type_label": WRITING_MODELS[document.model].type_label,
        "version_number": version.number,
        "save_url": reverse("dossier:letter_edit", args=[version.uid]),
        "revision": version.revision,
        "saved_at": version.edited_at,
        "preview_url": reverse("dossier:document_pdf", args=[version.uid]),
        "validate_url": reverse("dossier:letter_panel", args=[version.uid]) if may_validate else "",
        "validation": panel,
        "model_label": WRITING_MODELS[document.model].title,
        "blocks": blocks_of(version, typed or version.body, alerts=opened.alerts),
        "helper": helper_of(version, user),
        "conflict": conflict,
    }
    refused = bool(panel and panel.error)
    status = (
        HTTPStatus.CONFLICT if conflict else HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    )
    return render(request, "documents/letter_edit.html", context, status=status)
