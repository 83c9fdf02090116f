"""Importing by hand: drop, choose the patient, confirm (SC.MSS/UX.39; workflows 5.4, at most 4 clicks)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import requires
from audit.errors import ApplicationError
from documents.dropped import MAX_BYTES, Dropped, DroppedKind, DropRefused
from documents.models import HandImport
from documents.received import Receipt
from documents.services import (
    ImportBy,
    LooseFile,
    dropped_of,
    import_file,
    import_open,
    loose_file_import,
)
from dossier.access import reader
from dossier.importing import candidates, confirming, filing, lines_of, search_words, type_options
from establishment.models import Unit
from patients.models import Patient
from patients.selectors import care_relation, patient_by_uid

FILE: Final = "fichier"
UNPROCESSABLE: Final = 422


@requires("documents.import", "patients.search")
@require_http_methods(["GET", "POST"])
def import_new(request: HttpRequest) -> HttpResponse:
    """Drop a file: archive IHE_XDM, CDA, mail or PDF. One that cannot be opened is said at once."""
    user, actor = reader(request)
    patient = _patient(request.POST.get("patient", "") or request.GET.get("patient", ""))
    context: dict[str, Any] = {"patient": patient, "action": reverse("dossier:import_new")}
    if request.method == "GET":
        return render(request, "dossier/import_new.html", context)
    dropped = request.FILES.get(FILE)
    if dropped is None:
        return _again(request, context, "Choisissez le fichier à importer.")
    if dropped.size is None or dropped.size > MAX_BYTES:
        return _again(request, context, f"Le fichier dépasse {MAX_BYTES // 2**20} Mo. Rien n’a été importé.")
    try:
        opened = import_open(
            user=user, actor=actor, content=dropped.read(), name=dropped.name or "", patient=patient
        )
    except DropRefused as error:
        return _again(request, context, error.message, error.code)
    return HttpResponseRedirect(reverse("dossier:import", args=[opened.uid]))


@requires("documents.import", "patients.search")
@require_GET
def import_show(request: HttpRequest, import_uid: UUID) -> HttpResponse:
    """What the file holds; whom it may be about, or the chosen patient beside the documents."""
    user, actor = reader(request)
    opened = _mine(request, import_uid)
    dropped = dropped_of(opened)
    patient = _patient(request.GET.get("patient", "")) or (opened.patient if "q" not in request.GET else None)
    context = _context(opened, dropped, patient) | _where_to(request, dropped, patient)
    if patient is None:
        received = dropped.documents[0].header.parsed.patient if dropped.documents else None
        query = request.GET.get("q", search_words(received) if received else "").replace("\x00", "")[:200]
        context |= {"query": query, "candidates": [], "is_searched": bool(query)}
        if query:
            ins = received.ins if received is not None else None
            rows, refusal = candidates(opened, ins, query, user, actor)
            context |= {"candidates": rows, "refusal": refusal}
    elif dropped.documents:
        context |= {"confirming": confirming(dropped, patient, user)}
    return render(request, "dossier/import.html", context)


@requires("documents.import", "patients.search")
@require_POST
def import_confirm(request: HttpRequest, import_uid: UUID) -> HttpResponse:
    """« Je confirme l’identité »: file the chosen documents, and go where they are."""
    user, actor = reader(request)
    opened = _mine(request, import_uid)
    patient = _patient(request.POST.get("patient", ""))
    if patient is None:
        raise Http404
    by = ImportBy(user, actor, _unit(request))
    try:
        if dropped_of(opened).kind == DroppedKind.PDF:
            receipts = [loose_file_import(opened=opened, patient=patient, file=_loose_file(request), by=by)]
        else:
            receipts = import_file(
                opened=opened,
                patient=patient,
                chosen=request.POST.getlist("document"),
                motive=request.POST.get("motif", "")[:300],
                by=by,
            )
    except ApplicationError as error:
        dropped = dropped_of(opened)
        context = _context(opened, dropped, patient) | _where_to(request, dropped, patient)
        context |= {"error": error.message, "motive": request.POST.get("motif", "")[:300]}
        if dropped.documents:
            context |= {"confirming": confirming(dropped, patient, user)}
        return render(request, "dossier/import.html", context, status=UNPROCESSABLE)
    for receipt in receipts:
        say = messages.success if receipt.is_accepted else messages.warning
        say(request, receipt.sentence)
    return HttpResponseRedirect(_where(request, patient, receipts))


def _where(request: HttpRequest, patient: Patient, receipts: list[Receipt]) -> str:
    """The first document that was filed, for who may open the record; else the history."""
    user, _ = reader(request)
    filed = next((receipt.version for receipt in receipts if receipt.is_accepted and receipt.version), None)
    may_read = user.has_perm("patients.open") and user.has_perm("documents.view")
    if filed is not None and may_read and care_relation(user, patient):
        return f"{reverse('dossier:patient', args=[patient.uid])}?document={filed.uid}"
    if user.has_perm("documents.received"):
        return f"{reverse('dossier:mssante_history')}?vue=importes&entree=manual"
    return reverse("dossier:start")


def _context(opened: HandImport, dropped: Dropped, patient: Patient | None) -> dict[str, Any]:
    is_pdf = dropped.kind == DroppedKind.PDF
    return {
        "opened": opened,
        "is_pdf": is_pdf,
        "warnings": dropped.warnings,
        "lines": lines_of(dropped, patient),
        "patient": patient,
        "types": type_options() if is_pdf else (),
        "search_url": reverse("dossier:import", args=[opened.uid]),
        "confirm_url": reverse("dossier:import_confirm", args=[opened.uid]),
        "new_url": reverse("dossier:import_new"),
        "today": timezone.localdate(),
    }


def _where_to(request: HttpRequest, dropped: Dropped, patient: Patient | None) -> dict[str, Any]:
    """Where the documents would go, said before the confirmation; the unit is asked for lack of it."""
    if patient is None:
        return {}
    user, actor = reader(request)
    return {"filing": filing(dropped, patient, user, actor)}


def _unit(request: HttpRequest) -> Unit | None:
    return Unit.objects.filter(
        code=request.POST.get("unite", "").replace("\x00", "")[:20], is_active=True
    ).first()


def _loose_file(request: HttpRequest) -> LooseFile:
    day = request.POST.get("date", "")
    try:
        at = datetime.strptime(day, "%d/%m/%Y").replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    except ValueError as error:
        raise ApplicationError(
            "Écrivez la date du document sous la forme jj/mm/aaaa.", code="date_missing"
        ) from error
    return LooseFile(
        title=request.POST.get("titre", "").replace("\x00", "")[:200],
        type_code=request.POST.get("type", ""),
        act_at=at,
    )


def _again(request: HttpRequest, context: dict[str, Any], text: str, code: str = "") -> HttpResponse:
    context |= {"error": text, "code": code}
    return render(request, "dossier/import_new.html", context, status=UNPROCESSABLE)


def _mine(request: HttpRequest, uid: UUID) -> HandImport:
    """An import of this person: nobody goes on with the file of another."""
    user, _ = reader(request)
    try:
        return HandImport.objects.select_related("patient").get(uid=uid, user=user)
    except HandImport.DoesNotExist as error:
        raise Http404 from error


def _patient(uid: str) -> Patient | None:
    try:
        return patient_by_uid(UUID(uid))
    except (ValueError, Patient.DoesNotExist):
        return None
