"""The work list of sendings, of the units or of one patient, and its actions (workflows 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.models import User
from audit.errors import ApplicationError
from dossier.access import reader, record_for_page
from dossier.banner import banner_of, rail_of
from dossier.document_list import RowAction, detail_of, state_of
from dossier.editor import gate_words
from dossier.filters import work_filters, work_menus
from sending import services
from sending.enums import OrderReason, OrderState
from sending.models import Order
from sending.rules import Gate, may_cancel, may_hold, may_release, may_retry, may_send_now
from sending.selectors import PAGE, WorkFilters, counts_by_state, orders_visible, work_list
from ui.components import Column, Entry, Group

ACTIONS: dict[str, tuple[str, str, Callable[..., Order], Callable[[OrderState], Any]]] = {
    "hold": ("Retenir", "pause", services.order_hold, may_hold),
    "release": ("Libérer", "play", services.order_release, may_release),
    "send_now": ("Envoyer maintenant", "send", services.order_send_now, may_send_now),
    "retry": ("Relancer", "refresh", services.order_retry, may_retry),
    "cancel": ("Annuler l’envoi", "x", services.order_cancel, may_cancel),
}
DONE_WORDS = {
    "hold": "retenu",
    "release": "libéré",
    "send_now": "avancé",
    "retry": "relancé",
    "cancel": "annulé",
}
NEXT_WORDS = {
    OrderState.HELD: "Ne part pas tant qu’il est retenu.",
    OrderState.SCHEDULED: "Part seul à l’heure dite.",
    OrderState.WAITING_IDENTITY: "Part seul dès que l’INS est qualifiée.",
    OrderState.SENDING: "Remis à la plateforme d’intermédiation.",
    OrderState.HANDED_OVER: "Accusé du DMP attendu.",
    OrderState.RECEIVED_DMP: "Le DMP a le document.",
    OrderState.CANCELLED: "Ne partira pas.",
    OrderState.SUPERSEDED: "Une version plus récente part à sa place.",
}


@requires("sending.list")
@require_GET
def envois(request: HttpRequest) -> HttpResponse:
    """Orders of the units of the reader."""
    user, _ = reader(request)
    filters = work_filters(request.GET)
    context = _list_context(request, user, filters, reverse("dossier:envois"))
    context |= {"views": _views(request, user), "views_label": "Vues des envois"}
    return render(request, "dossier/envois.html", context)


@requires("sending.list", polling=True)
@require_GET
def envois_rows(request: HttpRequest) -> HttpResponse:
    """The rows alone, asked every 30 s by the page."""
    user, _ = reader(request)
    context = _list_context(request, user, work_filters(request.GET), reverse("dossier:envois"))
    return render(request, "dossier/_envois_rows.html", context)


@requires("sending.list", "patients.open")
@require_GET
def patient_envois(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Orders of one patient."""
    user, _ = reader(request)
    record = record_for_page(request, patient_uid)
    asked = work_filters(request.GET)
    filters = WorkFilters(asked.states, asked.channels, asked.text, record.patient, asked.ascending)
    url = reverse("dossier:patient_envois", args=[patient_uid])
    context = _list_context(request, user, filters, url)
    context |= {
        "banner": banner_of(record, user),
        "rail": rail_of(record.patient, user, current="envois"),
        "rows_url": "",
    }
    return render(request, "dossier/envois.html", context)


@requires("sending.hold")
@require_POST
def order_act(request: HttpRequest, order_uid: UUID, action: str) -> HttpResponse:
    """One action on one order; answers the row by htmx, else goes back where it came from."""
    user, actor = reader(request)
    found = orders_visible(user, [order_uid])
    if action not in ACTIONS or not found:
        raise Http404
    _, _, act, _ = ACTIONS[action]
    order = act(order=found[0], actor=actor)
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_envois_row.html", {"row": row_of(order, user)})
    messages.success(request, f"Envoi {DONE_WORDS[action]}.")
    return HttpResponseRedirect(_back(request))


@requires("sending.hold")
@require_POST
def orders_act(request: HttpRequest) -> HttpResponse:
    """One action on the checked orders; says how many were done and why the others were not."""
    user, actor = reader(request)
    action = request.POST.get("action", "")
    if action not in ACTIONS:
        raise Http404
    _, _, act, _ = ACTIONS[action]
    done, refusals = 0, []
    for order in orders_visible(user, _uids(request.POST.getlist("order"))):
        try:
            act(order=order, actor=actor)
            done += 1
        except ApplicationError as error:
            refusals.append(error.message)
    if done:
        messages.success(
            request, f"{done} envoi{'s' if done > 1 else ''} {DONE_WORDS[action]}{'s' if done > 1 else ''}."
        )
    for refusal in sorted(set(refusals)):
        messages.error(request, refusal)
    return HttpResponseRedirect(_back(request))


def row_of(order: Order, user: User) -> dict[str, Any]:
    """Inputs of dossier/_envois_row.html."""
    version = order.version
    document = version.document
    patient = document.patient
    may_act = user.has_perm("sending.hold")
    allowed = [
        name for name, (*_, rule) in ACTIONS.items() if may_act and rule(OrderState(order.state)).is_allowed
    ]
    patient_url = reverse("dossier:patient", args=[patient.uid]) if user.has_perm("patients.open") else ""
    headline, following = _words(order)
    return {
        "uid": order.uid,
        "validated_at": version.validated_at,
        "birth_name": patient.birth_name,
        "given_name": patient.first_birth_given_name,
        "sex": patient.sex,
        "birth_date": patient.birth_date,
        "patient_url": patient_url,
        "document": document.title,
        "document_url": f"{patient_url}?document={version.uid}",
        "who": " · ".join(
            part for part in (version.author_label, document.unit.name if document.unit else "") if part
        ),
        "channel": order.channel,
        "state": state_of(order),
        "detail": detail_of(order),
        "code": order.error_code,
        "headline": headline,
        "next": following,
        "action": _button(order, allowed[0]) if allowed else None,
        "more": [_button(order, name) for name in allowed[1:]],
        "actions": " ".join(allowed),
        "checked": False,
    }


def _words(order: Order) -> tuple[str, str]:
    """What happened and what follows, in plain words."""
    state = OrderState(order.state)
    if state == OrderState.FAILED:
        return order.error_text or "L’envoi a échoué.", "Corriger puis relancer."
    if state == OrderState.BLOCKED:
        return gate_words(Gate(state, OrderReason(order.reason))), "Part seul si l’opposition est levée."
    if state == OrderState.WAITING_IDENTITY:
        return gate_words(Gate(state, OrderReason(order.reason))), NEXT_WORDS[state]
    if order.is_uncertain:
        return "Réponse perdue", "Le DMP est interrogé avant tout nouvel envoi."
    return "", NEXT_WORDS.get(state, "")


def _button(order: Order, name: str) -> RowAction:
    label, icon, _, _ = ACTIONS[name]
    key = "r" if name in ("hold", "release") else ""
    return RowAction(label, icon, reverse("dossier:order_act", args=[order.uid, name]), key)


def _list_context(request: HttpRequest, user: User, filters: WorkFilters, url: str) -> dict[str, Any]:
    page = _page_number(request)
    orders = list(work_list(user, filters)[: page * PAGE + 1])
    shown = orders[: page * PAGE]
    query = request.GET.copy()
    query["page"] = str(page + 1)
    now = timezone.now()
    narrowed = bool(filters.states or filters.channels or filters.text)
    rows_query = request.GET.urlencode()
    return {
        "subtitle": _counted(len(shown), more=len(orders) > len(shown)),
        "refreshed_at": now,
        "refresh_url": f"{url}?{rows_query}" if rows_query else url,
        "filters": work_menus(filters),
        "text": filters.text,
        "filter_action": url,
        "clear_url": url if narrowed else "",
        "columns": _columns(url, filters),
        "rows": [row_of(order, user) for order in shown],
        "rows_url": f"{reverse('dossier:envois_rows')}?{rows_query}",
        "bulk_url": reverse("dossier:orders_act"),
        "more_url": f"{url}?{query.urlencode()}" if len(orders) > len(shown) else "",
    }


def _counted(count: int, *, more: bool) -> str:
    return f"{count}{'+' if more else ''} envoi{'s' if count > 1 else ''}"


def _columns(url: str, filters: WorkFilters) -> dict[str, Column]:
    date = Column(
        "Validé le",
        url if filters.ascending else f"{url}?tri=date",
        "ascending" if filters.ascending else "descending",
    )
    return {
        "validated": date,
        "patient": Column("Patient", ""),
        "document": Column("Document", ""),
        "channel": Column("Canal", ""),
        "state": Column("État", ""),
    }


def _views(request: HttpRequest, user: User) -> list[Group]:
    """Saved views with their counts: what to treat, what to follow."""
    counts = counts_by_state(user)
    asked = tuple(request.GET.getlist("etat"))
    url = reverse("dossier:envois")

    def entry(label: str, icon: str, *states: OrderState) -> Entry:
        values = tuple(state.value for state in states)
        query = "&".join(f"etat={value}" for value in values)
        return Entry(
            label,
            f"{url}?{query}",
            icon,
            current=bool(asked) and set(asked) == set(values),
            count=sum(counts.get(value, 0) for value in values),
        )

    return [
        Group(
            "À traiter",
            [
                entry("Échecs", "octagon-alert", OrderState.FAILED),
                entry("Retenus", "pause", OrderState.HELD),
                entry("INS à qualifier", "hourglass", OrderState.WAITING_IDENTITY),
            ],
        ),
        Group(
            "Suivi",
            [
                entry("Programmés", "clock", OrderState.SCHEDULED),
                entry("En cours", "send", OrderState.SENDING, OrderState.HANDED_OVER),
                entry("Bloqués", "ban", OrderState.BLOCKED),
                entry("Reçus par le DMP", "check", OrderState.RECEIVED_DMP),
                Entry("Tous", url, "list", current=not asked, count=sum(counts.values())),
            ],
        ),
    ]


def _page_number(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return min(max(int(asked), 1), 40) if asked.isdigit() else 1


def _uids(values: list[str]) -> list[UUID]:
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _back(request: HttpRequest) -> str:
    """The page that the action came from, if it is ours."""
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure()):
        return referer
    return reverse("dossier:envois")
