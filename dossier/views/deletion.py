"""Deleting a validated document: why, whom it is asked of, then done (SC.DMP/CONF.03)."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from documents.enums import VersionState
from documents.errors import NotDeletable, NotOurs, VersionMoved
from documents.models import Version
from documents.services import document_delete
from dossier.access import reader, version_for_page
from dossier.banner import banner_of, rail_of
from dossier.deletion import (
    DeletionPage,
    done_words,
    holders_of,
    motives_of,
    notes_of,
    wishes_of_form,
)
from patients.selectors import record
from sending.selectors import orders_of_documents
from ui.french import care_date

NO_MOTIVE = "Choisissez un motif : rien n’a été supprimé."


@requires("patients.open", "documents.view", "documents.delete")
@require_http_methods(["GET", "POST"])
def deletion(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """The page that says where the deletion goes; POST deletes, or says why not."""
    user, actor = reader(request)
    version = version_for_page(request, version_uid, opens_record=request.method == "GET")
    _check(version)
    if request.method == "GET":
        return _page(request, version)
    wishes = wishes_of_form(request.POST, version)
    if wishes is None:
        return _page(request, version, error=NO_MOTIVE)
    deleted = document_delete(version=version, wishes=wishes, author=user, actor=actor)
    messages.success(request, done_words(orders_of_documents([deleted.document_id])[deleted.document_id]))
    patient_url = reverse("dossier:patient", args=[deleted.document.patient.uid])
    return HttpResponseRedirect(f"{patient_url}?document={deleted.uid}")


def _check(version: Version) -> None:
    """Refuse at once what the service would refuse."""
    if not version.document.is_produced:
        raise NotOurs()
    if version.state == VersionState.REPLACED:
        raise VersionMoved()
    if version.state != VersionState.CURRENT:
        raise NotDeletable()


def _page(request: HttpRequest, version: Version, *, error: str = "") -> HttpResponse:
    user, _ = reader(request)
    document = version.document
    asked = request.POST.getlist("destinataire") if request.method == "POST" else None
    holders = holders_of(version, asked)
    act_at = timezone.localtime(version.act_at or version.edited_at)
    page = DeletionPage(
        title=f"Supprimer : {document.title}",
        about=f"Version {version.number} du {care_date(act_at.date())}, {version.author_label}",
        motives=motives_of(request.POST.get("motif", "")),
        holders=holders,
        notes=notes_of(version, holders),
        url=reverse("dossier:deletion", args=[version.uid]),
        cancel_url=f"{reverse('dossier:patient', args=[document.patient.uid])}?document={version.uid}",
        error=error,
    )
    context = {
        "banner": banner_of(record(document.patient), user),
        "rail": rail_of(document.patient, user, current="documents"),
        "page": page,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return render(request, "dossier/deletion.html", context, status=status)
