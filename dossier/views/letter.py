"""Writing and validating a document (journey 3 of workflows.md)."""

from __future__ import annotations

from datetime import datetime
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
from dossier.editor import Panel, blocks_of, body_of_form, helper_of, panel_of
from patients.selectors import record

CONFLICT = 409


@requires("patients.open", "documents.write")
@require_POST
def letter_new(request: HttpRequest, patient_uid: UUID, model: str) -> HttpResponse:
    """Open a draft for the current episode and go write it."""
    user, actor = reader(request)
    if model not in WRITING_MODELS:
        raise Http404
    opened = record_for_page(request, patient_uid)
    draft = draft_create(
        patient=opened.patient, episode=opened.episode, unit=None, model=model, author=user, actor=actor
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
    version = _draft(request, version_uid)
    if request.method == "GET":
        return _page(request, version, user)
    try:
        version = _save(request, version)
    except (DraftChanged, NotADraft) as error:
        return HttpResponse(error.message, status=CONFLICT, content_type="text/plain; charset=utf-8")
    if request.headers.get("HX-Request"):
        context = {"revision": version.revision, "helper": helper_of(version, user)}
        return render(request, "documents/_saved.html", context)
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
    except (DraftChanged, NotADraft) as error:
        return HttpResponse(error.message, status=CONFLICT, content_type="text/plain; charset=utf-8")
    panel = panel_of(version, user)
    if request.headers.get("HX-Request"):
        context = {"panel": panel, "revision": version.revision, "helper": helper_of(version, user)}
        return render(request, "dossier/_panel_answer.html", context)
    return _page(request, version, user, panel=panel)


@requires("patients.open", "documents.write", "documents.validate")
@require_POST
def letter_validate(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Validate and schedule, or validate and hold; what fails keeps the draft and says why."""
    user, actor = reader(request)
    version = _draft(request, version_uid)
    revision = int(request.POST.get("revision", "0") or 0)
    try:
        validated = version_validate(
            version=version, revision=revision, author=user, actor=actor, wishes=_wishes(request)
        )
    except ApplicationError as error:
        return _page(request, version, user, panel=panel_of(version, user, error=error.message))
    held = request.POST.get("decision") == "hold"
    messages.success(
        request, "Document validé, envoi retenu." if held else "Document validé, envoi programmé."
    )
    patient_url = reverse("dossier:patient", args=[validated.document.patient.uid])
    return HttpResponseRedirect(f"{patient_url}?document={validated.uid}")


def _draft(request: HttpRequest, version_uid: UUID) -> Version:
    version = version_for_page(request, version_uid)
    if version.state != VersionState.DRAFT:
        raise NotADraft()
    return version


def _save(request: HttpRequest, version: Version) -> Version:
    model = WRITING_MODELS[version.document.model]
    return draft_save(
        version=version,
        revision=int(request.POST.get("revision", "-1") or -1),
        title=version.document.title,
        body=body_of_form(model, request.POST),
    )


def _wishes(request: HttpRequest) -> SendingWishes:
    data = request.POST
    return SendingWishes(
        to_dmp="dmp" in data.getlist("recipient"),
        hold=data.get("decision") == "hold",
        not_before=_chosen_moment(data.get("not_before", "")),
        visibility=Visibility(
            is_masque_ps=bool(data.get("masque_ps")),
            is_invisible_patient=data.get("visibility") == "invisible",
            is_invisible_rep_legaux=bool(data.get("invisible_rep_legaux")),
        ),
    )


def _chosen_moment(text: str) -> datetime | None:
    try:
        chosen = parse_datetime(text) if text else None
    except ValueError:
        return None
    if chosen is None:
        return None
    return timezone.make_aware(chosen) if timezone.is_naive(chosen) else chosen


def _page(request: HttpRequest, version: Version, user: User, *, panel: Panel | None = None) -> HttpResponse:
    """The editor; a draft is shown as it was saved last."""
    version = version_for_page(request, version.uid)
    document = version.document
    opened = record(document.patient)
    may_validate = user.has_perm("documents.validate")
    context = {
        "banner": banner_of(opened, user),
        "rail": rail_of(document.patient, user, current="documents"),
        "title": document.title,
        "type_label": WRITING_MODELS[document.model].type_label,
        "save_url": reverse("dossier:letter_edit", args=[version.uid]),
        "revision": version.revision,
        "saved_at": version.edited_at if version.revision else None,
        "preview_url": reverse("dossier:document_pdf", args=[version.uid]),
        "validate_url": reverse("dossier:letter_panel", args=[version.uid]) if may_validate else "",
        "validation": panel,
        "model_label": WRITING_MODELS[document.model].title,
        "blocks": blocks_of(version, version.body),
        "helper": helper_of(version, user),
    }
    return render(request, "documents/letter_edit.html", context)
