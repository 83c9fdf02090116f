"""The work list of sendings, of the units or of one patient, and its actions (workflows 3.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.models import User
from accounts.selectors import units_of
from audit.context import Actor
from audit.errors import ApplicationError
from documents.selectors import document_row
from dossier.access import reader, record_for_page, version_for_page
from dossier.banner import banner_of, rail_of
from dossier.document_list import ARRIVED_STATES, GROUP, RowAction, detail_of, return_words, state_of
from dossier.document_list import row_of as document_row_of
from dossier.enums import ListPage
from dossier.filters import WORK_FILTERS, work_filters, work_menus
from dossier.panel import gate_words
from dossier.remembered import CLEAR, SORT, VIEW, list_query
from mssante.rules import TOO_BIG
from sending import services
from sending.enums import Channel, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.models import Order
from sending.rules import lacks_open_dmp, may_cancel, may_hold, may_release, may_retry, may_send_now
from sending.selectors import (
    PAGE,
    WorkFilters,
    WorkSort,
    counts_by_state,
    orders_of_documents,
    orders_visible,
    work_list,
)
from sending.services import order_request
from sending.tasks import wake_after_commit
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
SORT_HINTS = {
    WorkSort.TO_TREAT: "Tri : à traiter d’abord.",
    WorkSort.DATE_DESC: "Tri : les plus récents d’abord.",
    WorkSort.DATE_ASC: "Tri : les plus anciens d’abord.",
}
# One selection is one page of the list at most; « Afficher 50 de plus » goes to 2,000.
PAGE_ORDERS = 2000
# What « Annuler » in the toast does, for the actions that can be taken back.
UNDO = {"hold": "release", "release": "hold"}
# Which row asked: the document list and the work list answer their own.
DOCUMENT_ROW = "doc-"
NEXT_WORDS = {
    OrderState.HELD: "Ne part pas tant qu’il est retenu.",
    OrderState.SCHEDULED: "Part seul à l’heure dite.",
    OrderState.WAITING_IDENTITY: "Part seul dès que l’INS est qualifiée.",
    OrderState.SENDING: "Remis à la plateforme d’intermédiation.",
    OrderState.HANDED_OVER: "Accusé du DMP attendu.",
    OrderState.RECEIVED_DMP: "Le DMP a le document.",
    OrderState.DELIVERED: "Dans la boîte du destinataire.",
    OrderState.READ: "Lu par le destinataire.",
    OrderState.CANCELLED: "Ne partira pas.",
    OrderState.SUPERSEDED: "Une version plus récente part à sa place.",
}


BLOCKED_WORDS = {
    OrderReason.OPPOSITION: "Part seul si l’opposition est levée.",
    OrderReason.OPPOSITION_MES: "Part seul si le patient accepte de nouveau les messages.",
    OrderReason.INVISIBLE_PATIENT: "Part seul quand le document est rendu visible au patient.",
}


@requires("sending.list")
@require_GET
def envois(request: HttpRequest) -> HttpResponse:
    """Orders of the units of the reader, what must be treated first."""
    user, _ = reader(request)
    query = list_query(request, user, ListPage.SENDINGS, WORK_FILTERS)
    filters = work_filters(query, now=timezone.now())
    context = _list_context(request, user, filters, query, reverse("dossier:envois"))
    rows_query = _rows_query(query, page=_page_number(request))
    context |= {
        "views": _views(filters, user),
        "views_label": "Vues des envois",
        "rows_url": f"{reverse('dossier:envois_rows')}?{rows_query}",
        "filters_hint": f"{SORT_HINTS[filters.sort]} Vos filtres sont gardés.",
    }
    return render(request, "dossier/envois.html", context)


@requires("sending.list", polling=True)
@require_GET
def envois_rows(request: HttpRequest) -> HttpResponse:
    """The rows alone, asked every 30 s by the page, which names its filters whole."""
    user, _ = reader(request)
    context = _list_context(
        request, user, work_filters(request.GET, now=timezone.now()), request.GET, reverse("dossier:envois")
    )
    return render(request, "dossier/_envois_rows.html", context)


@requires("sending.list", "patients.open")
@require_GET
def patient_envois(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Orders of one patient."""
    user, _ = reader(request)
    record = record_for_page(request, patient_uid)
    filters = replace(work_filters(request.GET, now=timezone.now()), patient=record.patient)
    url = reverse("dossier:patient_envois", args=[patient_uid])
    context = _list_context(request, user, filters, request.GET, url)
    context |= {"banner": banner_of(record, user), "rail": rail_of(record.patient, user, current="envois")}
    return render(request, "dossier/envois.html", context)


@requires("sending.hold")
@require_POST
def order_act(request: HttpRequest, order_uid: UUID, action: str) -> HttpResponse:
    """One action on one order; answers the row by htmx, else goes back where it came from."""
    user, actor = reader(request)
    found = orders_visible(user, [order_uid])
    if action not in ACTIONS or not found:
        raise Http404
    is_fragment = bool(request.headers.get("HX-Request"))
    try:
        order = _act(found[0], action, actor, is_group=bool(request.GET.get(GROUP)))
        wake_after_commit()
    except OrderRefused as refusal:
        if not is_fragment:
            raise
        answer = HttpResponse(refusal.message, status=409, content_type="text/plain; charset=utf-8")
        # What the person sees is late: the list asks for its rows again.
        answer["HX-Trigger"] = "actualiser"
        return answer
    if is_fragment:
        return _row_answer(request, order, user, action)
    messages.success(request, f"Envoi {DONE_WORDS[action]}.")
    return HttpResponseRedirect(_back(request))


@transaction.atomic
def _act(order: Order, action: str, actor: Actor, *, is_group: bool) -> Order:
    """Act on an order, and on the others of its version that the action concerns too (`is_group`)."""
    _, _, act, rule = ACTIONS[action]
    done = act(order=order, actor=actor)
    beside = Order.objects.filter(version=order.version_id).exclude(pk=order.pk)
    for other in beside.order_by("id") if is_group else ():
        if rule(OrderState(other.state)).is_allowed:
            act(order=other, actor=actor)
    return done


@requires("patients.open", "documents.view", "sending.hold")
@require_POST
def send_dmp(request: HttpRequest, version_uid: UUID) -> HttpResponse:
    """Send to the DMP a document that was never sent (SC.DMP/HISTO.01)."""
    _, actor = reader(request)
    version = version_for_page(request, version_uid)
    order_request(version=version, actor=actor)
    wake_after_commit()
    messages.success(request, "Envoi au DMP demandé.")
    patient_url = reverse("dossier:patient", args=[version.document.patient.uid])
    return HttpResponseRedirect(f"{patient_url}?document={version.uid}")


@requires("sending.hold")
@require_POST
def orders_act(request: HttpRequest) -> HttpResponse:
    """One action on the checked orders; says how many were done and why the others were not."""
    user, actor = reader(request)
    action = request.POST.get("action", "")
    if action not in ACTIONS:
        raise Http404
    _, _, act, _ = ACTIONS[action]
    uids = _uids(request.POST.getlist("order"))[:PAGE_ORDERS]
    done, refusals = 0, Counter[str]()
    for order in orders_visible(user, uids):
        try:
            act(order=order, actor=actor)
            done += 1
        except ApplicationError as error:
            refusals[error.message] += 1
    if done:
        wake_after_commit()
        messages.success(request, f"{_number(done, 'envoi')} {DONE_WORDS[action]}{'s' if done > 1 else ''}.")
    for refusal, count in sorted(refusals.items()):
        messages.error(
            request, f"{_number(count, 'envoi')} non modifié{'s' if count > 1 else ''} : {refusal}"
        )
    if not (done or refusals):
        messages.error(request, "Aucun envoi n’est coché : rien n’a été modifié.")
    return HttpResponseRedirect(_back(request))


@dataclass(frozen=True, slots=True)
class Done:
    """Inputs of dossier/_done_toast.html."""

    strong: str
    text: str
    undo_url: str = ""
    undo_target: str = ""


def _row_answer(request: HttpRequest, order: Order, user: User, action: str) -> HttpResponse:
    """The row that asked, as it is now, and a toast with what takes the action back."""
    asked_by = request.headers.get("HX-Target", "")
    document = order.version.document
    undo = UNDO.get(action, "")
    is_undoable = bool(undo) and ACTIONS[undo][3](OrderState(order.state)).is_allowed
    context: dict[str, Any] = {
        "done": Done(
            strong=f"Envoi {DONE_WORDS[action]}.",
            text=f"{document.patient.birth_name}, {document.title}.",
            undo_url=_undo_url(request, order, undo) if is_undoable else "",
            undo_target=f"#{asked_by}",
        )
    }
    if asked_by.startswith(DOCUMENT_ROW):
        orders = orders_of_documents([document.pk])[document.pk]
        row = document_row_of(document_row(document.pk), orders, user, selected=None)
        answer = render(request, "dossier/_document_row.html", context | {"row": row})
    else:
        answer = render(request, "dossier/_envois_row.html", context | {"row": row_of(order, user)})
    answer["HX-Trigger"] = "envoi"
    return answer


def _undo_url(request: HttpRequest, order: Order, undo: str) -> str:
    """Taken back for as many recipients as it was done."""
    url = reverse("dossier:order_act", args=[order.uid, undo])
    return f"{url}?{GROUP}=1" if request.GET.get(GROUP) else url


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
        "who": _who(order),
        "channel": order.channel,
        "state": state_of(order),
        # Why there is no DMP is said in full beside it.
        "detail": "" if lacks_open_dmp(order.channel, order.error_code) else detail_of(order),
        "code": order.error_code,
        "headline": headline,
        "next": following,
        "action": _button(order, allowed[0]) if allowed else None,
        "more": [_button(order, name) for name in allowed[1:]],
        "actions": " ".join(allowed),
        "checked": False,
    }


def _who(order: Order) -> str:
    """The recipient of a mail, else the author: author or recipient (ui reference 6.12)."""
    if order.recipient_label:
        return " · ".join(part for part in (order.recipient_label, order.recipient_role) if part)
    version = order.version
    unit = version.document.unit
    return " · ".join(part for part in (version.author_label, unit.name if unit else "") if part)


def _words(order: Order) -> tuple[str, str]:
    """What happened and what follows, in plain words."""
    state = OrderState(order.state)
    is_mail = order.channel != Channel.DMP
    if state == OrderState.FAILED:
        return order.error_text or "L’envoi a échoué.", _repair_words(order)
    if state == OrderState.BLOCKED:
        return gate_words(order.reason), BLOCKED_WORDS.get(OrderReason(order.reason), "")
    if state == OrderState.WAITING_IDENTITY:
        return gate_words(order.reason), NEXT_WORDS[state]
    if returned := return_words(order):
        return returned[0].upper() + returned[1:], "Vérifier auprès du destinataire."
    if order.is_uncertain and is_mail:
        return "Aucun avis de remise", "L’opérateur n’a rien dit : vérifier auprès du destinataire."
    if order.is_uncertain:
        return "Réponse perdue", "Le DMP est interrogé avant tout nouvel envoi."
    if state == OrderState.HANDED_OVER and is_mail:
        return "", "Avis de remise attendu."
    return "", NEXT_WORDS.get(state, "")


def _repair_words(order: Order) -> str:
    """What to do about a failure, with its code."""
    if order.error_code == TOO_BIG:
        return "Envoyer par le DMP, ou imprimer."
    code = f" ({order.error_code})" if order.error_code else ""
    if lacks_open_dmp(order.channel, order.error_code):
        return f"{_without_dmp(order)}{code}"
    if order.channel == Channel.MSSANTE_PATIENT:
        return f"Remettre le document sur papier, ou relancer.{code}"
    if order.channel == Channel.MSSANTE_PRO:
        return f"Choisir une autre adresse, ou relancer.{code}"
    return f"Corriger puis relancer.{code}"


def _without_dmp(order: Order) -> str:
    """What follows a failure for want of an open DMP: one more try by itself, or nothing but a person."""
    if order.relaunch_at is not None:
        return f"Relance automatique le {timezone.localtime(order.relaunch_at):%d/%m/%Y}."
    return "Relancer quand le patient aura un DMP ouvert."


def _button(order: Order, name: str) -> RowAction:
    label, icon, _, _ = ACTIONS[name]
    key = "r" if name in ("hold", "release") else ""
    return RowAction(label, icon, reverse("dossier:order_act", args=[order.uid, name]), key)


def _list_context(
    request: HttpRequest, user: User, filters: WorkFilters, query: QueryDict, url: str
) -> dict[str, Any]:
    page = _page_number(request)
    orders = list(work_list(user, filters)[: page * PAGE + 1])
    shown = orders[: page * PAGE]
    has_more = len(orders) > len(shown)
    narrowed = any((filters.states, filters.channels, filters.units, filters.since, filters.text))
    return {
        "subtitle": f"{_number(len(shown), 'envoi')}{', les premiers' if has_more else ''}",
        "refreshed_at": timezone.now(),
        "refresh_url": request.get_full_path(),
        "filters": work_menus(filters, query, units_of(user)),
        "text": filters.text,
        "filter_action": url,
        "filters_hint": SORT_HINTS[filters.sort],
        "clear_url": f"{url}?{CLEAR}=1" if narrowed else "",
        "columns": _columns(url, filters),
        "rows": [row_of(order, user) for order in shown],
        "bulk_url": reverse("dossier:orders_act"),
        "more_url": f"{url}?{_rows_query(query, page=page + 1)}" if has_more else "",
    }


def _rows_query(query: QueryDict, *, page: int) -> str:
    """The whole query of the rows shown: a saved view, so that asking for it changes no preference."""
    whole = query.copy()
    whole[VIEW] = whole.get(VIEW, "lignes")
    whole["page"] = str(page)
    return whole.urlencode()


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"


def _columns(url: str, filters: WorkFilters) -> dict[str, Column]:
    """Two sorts: what must be treated first (column État), and the date of validation both ways."""
    by_date = {WorkSort.DATE_ASC: "ascending", WorkSort.DATE_DESC: "descending"}.get(filters.sort, "")
    next_date = WorkSort.DATE_ASC if filters.sort == WorkSort.DATE_DESC else WorkSort.DATE_DESC
    return {
        "validated": Column("Validé le", f"{url}?{SORT}={next_date.value}", by_date),
        "patient": Column("Patient", ""),
        "document": Column("Document", ""),
        "channel": Column("Canal", ""),
        "state": Column(
            "État",
            f"{url}?{SORT}={WorkSort.TO_TREAT.value}",
            "ascending" if filters.sort == WorkSort.TO_TREAT else "",
        ),
    }


def _views(filters: WorkFilters, user: User) -> list[Group]:
    """Saved views with their counts: what to treat, what to follow."""
    counts = counts_by_state(user)
    url = reverse("dossier:envois")

    def entry(label: str, icon: str, *states: OrderState) -> Entry:
        values = {state.value for state in states}
        query = "&".join([f"{VIEW}=1", *(f"etat={value}" for value in sorted(values))])
        return Entry(
            label,
            f"{url}?{query}",
            icon,
            current=set(filters.states) == values,
            count=sum(counts.get(value, 0) for value in values),
        )

    every_count = sum(counts.values())
    every = Entry("Tous", f"{url}?{VIEW}=1", "list", current=not filters.states, count=every_count)
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
                entry("Aboutis", "check-check", *ARRIVED_STATES),
                every,
            ],
        ),
    ]


def _page_number(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return min(max(int(asked), 1), 40) if asked.isdecimal() and len(asked) < 4 else 1


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
