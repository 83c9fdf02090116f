"""« Envoyer à un autre destinataire… », from the pane of a validated document (F-PV-48)."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import requires
from audit.errors import ApplicationError
from documents.models import Version
from dossier.access import reader, version_for_page
from dossier.banner import banner_of, rail_of
from dossier.late_sending import LatePage, done_words, late_directory_url, late_page
from dossier.panel import MAX_RECIPIENTS, REPLY_FIELD, asked_in_panel
from dossier.recipients import (
    directory_keep,
    found_in_the_book,
    found_in_the_directory,
    picked_by_hand,
    wishes_of,
)
from patients.selectors import record
from sending.services import orders_add, version_may_leave
from sending.tasks import wake_after_commit

NOBODY = "Aucun destinataire n’est coché : rien n’est envoyé."


@requires("patients.open", "documents.view", "sending.add")
@require_http_methods(["GET", "POST"])
def sending_add(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Choose who else receives a document; POST orders it, by the rules of the validation."""
    user, actor = reader(request)
    version = version_for_page(request, version_uid, opens_record=request.method == "GET")
    version_may_leave(version)
    if request.method == "GET":
        return _page(request, version, late_page(version, user))
    ticked = request.POST.getlist("recipient")[:MAX_RECIPIENTS]
    asked = asked_in_panel(request.POST)
    recipients = wishes_of(version, ticked, may_reply=bool(request.POST.get(REPLY_FIELD)))
    if not recipients:
        return _page(request, version, late_page(version, user, asked=asked, error=NOBODY))
    try:
        orders = orders_add(version=version, recipients=recipients, actor=actor)
    except ApplicationError as error:
        return _page(request, version, late_page(version, user, asked=asked, error=error.message))
    directory_keep(ticked, actor=actor)
    wake_after_commit()
    messages.success(request, done_words(orders))
    patient_url = reverse("dossier:patient", args=[version.document.patient.uid])
    return HttpResponseRedirect(f"{patient_url}?document={version.uid}")


@requires("patients.open", "documents.view", "sending.add")
@require_POST
def find(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Search the address book from the page: what was found, to tick."""
    user, _ = reader(request)
    version = version_for_page(request, version_uid)
    asked = asked_in_panel(request.POST)
    picked = picked_by_hand(version, asked.recipients or ())
    found = found_in_the_book(asked.search, beside={one.key for one in picked})
    if request.headers.get("HX-Request"):
        context = {
            "found": found,
            "picked": picked,
            "search": asked.search,
            "directory_url": late_directory_url(version, user),
        }
        return render(request, "documents/_recipients_found.html", context)
    return _page(request, version, late_page(version, user, asked=asked, found=found))


@requires("patients.open", "documents.view", "sending.add", "mssante.directory")
@require_POST
def directory(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Search the national directory from the page: what it has beside the address book, to tick."""
    user, actor = reader(request)
    version = version_for_page(request, version_uid)
    asked = asked_in_panel(request.POST)
    picked = picked_by_hand(version, asked.recipients or ())
    found = found_in_the_book(asked.search, beside={one.key for one in picked})
    shown = {one.wish.address for one in (*picked, *found) if one.wish}
    group = found_in_the_directory(asked.search, actor=actor, beside=shown)
    if request.headers.get("HX-Request"):
        return render(request, "documents/_recipients_directory.html", {"directory": group})
    return _page(request, version, late_page(version, user, asked=asked, found=found, directory=group))


def _page(request: HttpRequest, version: Version, page: LatePage) -> HttpResponse:
    user, _ = reader(request)
    patient = version.document.patient
    context = {
        "banner": banner_of(record(patient), user),
        "rail": rail_of(patient, user, current="documents"),
        "page": page,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if page.error else HTTPStatus.OK
    return render(request, "dossier/sending_add.html", context, status=status)
