"""The identity of a patient for who manages it: status, INSi beside the record, decisions (ins 7.3, 11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.models import User
from audit.errors import ApplicationError
from dossier.access import IdentityPage, identity_for_page, patient_for_identity, reader
from dossier.banner import Banner, banner_of, rail_of
from dossier.insi import InsiView, Step, ask_refusal, insi_view
from patients.models import InsiQuery
from patients.selectors import insi_queries_of, insi_query_by_uid
from patients.services import insi_accept, insi_ask, insi_confirm_mismatch, insi_refuse
from patients.tasks import insi_after_commit

ACCEPT, REFUSE, WITHDRAW = "accepter", "refuser", "retirer"
SLOW = "lent"
DUPLICATE = (
    "Identité d’INSi acceptée. Un autre dossier porte déjà ce matricule\u202f: doublon à traiter, "
    "rien de nouveau ne part d’ici là."
)
ENTER = "entree"
"""Name of the hidden button that the Enter key presses: accepting takes a press of its own (ui 6.16)."""
POLL_ENDED = 286


@requires("patients.identity_view", "patients.identity_write")
@require_GET
def identity(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Status, last answer of INSi beside the strict traits, former questions."""
    return _page(request, patient_uid)


@requires("patients.identity_view", "patients.identity_write")
@require_POST
def insi_ask_view(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Note the question; a worker asks INSi, the page shows what comes of it."""
    _, actor = reader(request)
    patient = patient_for_identity(patient_uid)
    try:
        with transaction.atomic():
            query = insi_ask(patient=patient, actor=actor)
            insi_after_commit(query.pk)
    except ApplicationError as error:
        return _page(request, patient_uid, error=error.message)
    return HttpResponseRedirect(_url(patient_uid))


@requires("patients.identity_view", "patients.identity_write", polling=True)
@require_GET
def insi_state(request: HttpRequest, query_uid: UUID) -> HttpResponse:
    """The fragment of a question, asked every second until it ended; 204 while nothing changes."""
    user, _ = reader(request)
    query = _query(query_uid)
    view = insi_view(query.patient, query, user, now=timezone.now())
    shown_slow = SLOW in request.GET
    if view.is_waiting and shown_slow == (view.step is Step.SLOW):
        return HttpResponse(status=204)
    status = 200 if view.is_waiting else POLL_ENDED
    return render(request, "dossier/_insi.html", _insi_context(view, query), status=status)


@requires("patients.identity_view", "patients.identity_write", "patients.identity_qualify")
@require_POST
def insi_decide(request: HttpRequest, query_uid: UUID, decision: str) -> HttpResponse:
    """Accept the identity of INSi, refuse it, or withdraw the INS that it contradicts."""
    _, actor = reader(request)
    query = _query(query_uid)
    if ENTER in request.POST:
        return HttpResponseRedirect(_url(query.patient.uid))
    try:
        match decision:
            case "accepter":
                is_checked = request.POST.get("verifie") == "1"
                patient = insi_accept(query=query, actor=actor, differences_checked=is_checked)
                words = DUPLICATE if patient.is_identity_under_review else "Identité d’INSi acceptée."
            case "refuser":
                insi_refuse(query=query, actor=actor)
                words = "Identité d’INSi refusée\u202f: rien n’a été changé."
            case "retirer":
                insi_confirm_mismatch(query=query, actor=actor)
                words = "INS retirée\u202f: elle reste dans l’historique de l’identité."
            case _:
                raise Http404
    except ApplicationError as error:
        return _page(request, query.patient.uid, error=error.message)
    messages.success(request, words)
    return HttpResponseRedirect(_url(query.patient.uid))


def _page(request: HttpRequest, patient_uid: UUID, *, error: str = "") -> HttpResponse:
    user, _ = reader(request)
    found = identity_for_page(request, patient_uid)
    patient = found.record.patient
    queries = insi_queries_of(patient)
    last = queries[0] if queries else None
    view = insi_view(patient, last, user, now=timezone.now())
    context = _insi_context(view, last) | {
        "banner": _banner(found, user),
        "rail": rail_of(patient, user, current="identity"),
        "patient": patient,
        "error": error,
        "ask_url": reverse("dossier:insi_ask", args=[patient_uid]),
        "ask_refusal": ask_refusal(patient),
        "former": queries[1:],
    }
    return render(request, "dossier/identity.html", context, status=409 if error else 200)


def _banner(found: IdentityPage, user: User) -> Banner:
    """Where the reader does not follow the patient, what opens from the banner is left out."""
    banner = banner_of(found.record, user)
    if found.is_followed:
        return banner
    choices = replace(banner.choices, url="") if banner.choices else None
    return replace(banner, ins_url="", choices=choices)


def _insi_context(view: InsiView, query: InsiQuery | None) -> dict[str, Any]:
    context: dict[str, Any] = {"insi": view}
    if query is not None:
        slow = f"?{SLOW}=1" if view.step is Step.SLOW else ""
        context["state_url"] = reverse("dossier:insi_state", args=[query.uid]) + slow
        for name, decision in (
            ("accept_url", ACCEPT),
            ("refuse_url", REFUSE),
            ("withdraw_url", WITHDRAW),
        ):
            context[name] = reverse("dossier:insi_decide", args=[query.uid, decision])
    return context


def _query(query_uid: UUID) -> InsiQuery:
    try:
        return insi_query_by_uid(query_uid)
    except InsiQuery.DoesNotExist as error:
        raise Http404 from error


def _url(patient_uid: UUID) -> str:
    return reverse("dossier:identity", args=[patient_uid])
