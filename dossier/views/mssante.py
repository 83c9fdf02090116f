"""MSSanté: what arrived for the units of a person, filed or refused (workflows 4 and 5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.models import User
from accounts.selectors import units_of
from documents.enums import Intake, NoticeKind, ReceiptOutcome
from documents.models import ReceptionNotice
from documents.selectors import (
    PAGE,
    NoticeCounts,
    ReceptionFilters,
    notice_counts,
    notice_visible,
    notices_inbox,
    notices_unseen,
    receptions_history,
)
from documents.services import notice_report, notices_see, notices_unsee, reception_view
from dossier.access import reader
from dossier.enums import ListPage
from dossier.inbox import history_row, item_of, rejection_of
from dossier.remembered import CLEAR, VIEW, list_query
from mssante.enums import IncomingState
from mssante.selectors import mails_to_review
from ui.components import Entry, Filter, Group, Option
from ui.french import whole

FILTERS: Final = ("unite", "periode", "issue", "entree")
PERIODS: Final = {"7": "7 jours", "30": "30 jours", "90": "90 jours"}
RECEIVED, REJECTED, IMPORTED, HISTORY = "recus", "rejetes", "importes", "historique"
LONGEST: Final = 500


@requires("documents.received")
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """Rejections first, then what was filed by itself; one rejection beside them (SC.MSS/UX.38, UX.40)."""
    user, actor = reader(request)
    asked = request.GET.get("avis", "")
    context = _page(request, user) | {"groups": _groups(request, user, selected=asked)}
    notice = _notice(user, asked)
    if notice is not None and notice.kind == NoticeKind.REJECTED:
        reception_view(reception=notice.reception, actor=actor)
        context |= {"rejection": rejection_of(notice, user), "pane_open": True}
    return render(request, "dossier/mssante.html", context)


@requires("documents.received")
@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """Every arrival, whatever became of it, by patient, unit, sender, date and outcome (F-PV-28)."""
    user, _ = reader(request)
    filters = _filters(_query(request, user))
    rows = receptions_history(user, filters, limit=_limit(request))
    context = _page(request, user) | {
        "rows": [history_row(row) for row in rows],
        "more_url": _more_url(request, len(rows)),
    }
    return render(request, "dossier/mssante_history.html", context)


@requires("documents.received", "patients.open", "documents.view")
@require_GET
def open_document(request: HttpRequest, reception_uid: UUID) -> HttpResponse:
    """One click: the document in its record, and its news seen."""
    user, actor = reader(request)
    notice = _notice_or_404(user, reception_uid)
    reception = notice.reception
    if reception.patient is None or reception.version is None:
        raise Http404
    notices_see(notices=[notice], user=user, actor=actor, at=timezone.now())
    return HttpResponseRedirect(_record_url(notice))


@requires("documents.received")
@require_POST
def see(request: HttpRequest, reception_uid: UUID) -> HttpResponse:
    """Mark one arrival as seen, or one rejection as dealt with."""
    user, actor = reader(request)
    notice = _notice_or_404(user, reception_uid)
    at = timezone.now()
    notices_see(notices=[notice], user=user, actor=actor, at=at)
    is_rejection = notice.kind == NoticeKind.REJECTED
    if request.POST.get("retour") == "dossier":
        return HttpResponseRedirect(_record_url(notice))
    return _done(request, "Marqué comme traité." if is_rejection else "Marqué comme vu.", at)


@requires("documents.received")
@require_POST
def see_all(request: HttpRequest) -> HttpResponse:
    """« Tout marquer comme vu »: what was filed by itself, never a rejection."""
    user, actor = reader(request)
    at = timezone.now()
    marked = notices_see(notices=notices_unseen(user), user=user, actor=actor, at=at)
    count = len(marked)
    words = (
        f"{whole(count)} document{'s' * (count > 1)} marqué{'s' * (count > 1)} comme vu{'s' * (count > 1)}."
    )
    return _done(request, words, at if count else None)


@requires("documents.received")
@require_POST
def unsee(request: HttpRequest) -> HttpResponse:
    """« Annuler »: take back what this person marked at that instant."""
    user, actor = reader(request)
    at = parse_datetime(request.GET.get("instant", ""))
    if at is None or at.tzinfo is None:
        raise Http404
    notices_unsee(user=user, actor=actor, at=at)
    return _done(request, "Marque retirée.", None)


@requires("documents.received")
@require_POST
def report(request: HttpRequest, reception_uid: UUID) -> HttpResponse:
    """Ask the identity cell to look at a rejection (workflows 5.5)."""
    user, actor = reader(request)
    notice = _notice_or_404(user, reception_uid)
    if notice.kind != NoticeKind.REJECTED:
        raise Http404
    is_new = notice_report(notice=notice, user=user, actor=actor)
    words = "Signalé à la cellule d’identitovigilance." if is_new else "Déjà signalé."
    messages.success(request, words)
    return HttpResponseRedirect(f"{reverse('dossier:mssante')}?avis={reception_uid}")


def _record_url(notice: ReceptionNotice) -> str:
    """The document in its record."""
    reception = notice.reception
    if reception.patient is None or reception.version is None:
        return reverse("dossier:mssante")
    url = reverse("dossier:patient", args=[reception.patient.uid])
    return f"{url}?document={reception.version.uid}"


def _page(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the inbox and the history share: rail, filters, counts."""
    filters = _filters(_query(request, user))
    counts = notice_counts(user)
    url = request.path
    return {
        "views": _views(request, user, counts),
        "views_label": "Listes de MSSanté",
        "subtitle": _subtitle(user, counts),
        "filters": _menus(user, filters),
        "text": filters.text,
        "text_label": "Patient, émetteur, titre",
        "filter_action": url,
        "clear_url": f"{url}?{CLEAR}=1" if _is_narrowed(filters) else "",
        "refresh_url": request.get_full_path(),
        "unseen": counts.unseen,
        "import_url": reverse("dossier:import_new") if user.has_perm("documents.import") else "",
    }


def _groups(request: HttpRequest, user: User, *, selected: str = "") -> dict[str, Any]:
    filters = _filters(_query(request, user))
    view = request.GET.get(VIEW, "")
    limit = _limit(request)
    rejected = [] if view == RECEIVED else notices_inbox(user, filters, rejected=True, limit=limit)
    filed = [] if view == REJECTED else notices_inbox(user, filters, rejected=False, limit=limit)
    return {
        "rejected": [item_of(notice, selected=selected) for notice in rejected],
        "filed": [item_of(notice, selected=selected) for notice in filed],
        "unseen": sum(1 for notice in filed if notice.seen_at is None),
        "shows_rejected": view != RECEIVED,
        "shows_filed": view != REJECTED,
        "see_all_url": reverse("dossier:mssante_see_all"),
        "more_url": _more_url(request, max(len(rejected), len(filed))),
    }


def _done(request: HttpRequest, words: str, at: datetime | None) -> HttpResponse:
    """The list as it is now, with its toast and its undo; without script, the page again."""
    user, _ = reader(request)
    undo = f"{reverse('dossier:mssante_unsee')}?instant={at.isoformat()}".replace("+", "%2B") if at else ""
    if not request.headers.get("HX-Request"):
        messages.success(request, words)
        return HttpResponseRedirect(reverse("dossier:mssante"))
    context = {
        "groups": _groups(request, user),
        "done": {"strong": "", "text": words, "undo_url": undo, "undo_target": "#liste"},
    }
    return render(request, "dossier/_mssante_list.html", context)


def _query(request: HttpRequest, user: User) -> QueryDict:
    return list_query(request, user, ListPage.RECEIVED, FILTERS)


def _filters(query: QueryDict) -> ReceptionFilters:
    period = query.get("periode", "")
    since = timezone.now() - timedelta(days=int(period)) if period in PERIODS else None
    intake = query.get("entree", "")
    return ReceptionFilters(
        units=tuple(query.getlist("unite")),
        outcomes=tuple(value for value in query.getlist("issue") if value in ReceiptOutcome),
        since=since,
        text=query.get("texte", "").replace("\x00", "").strip()[:100],
        intake=intake if intake in Intake.values else "",
    )


def _is_narrowed(filters: ReceptionFilters) -> bool:
    return bool(filters.units or filters.outcomes or filters.since or filters.text or filters.intake)


def _menus(user: User, filters: ReceptionFilters) -> list[Filter]:
    units = [Option(unit.code, unit.name, unit.code in filters.units) for unit in units_of(user)]
    chosen = ""
    if filters.since is not None:
        chosen = str((timezone.now() - filters.since).days)
    periods = [Option(days, words, days == chosen) for days, words in PERIODS.items()]
    outcomes = [Option(value, label, value in filters.outcomes) for value, label in ReceiptOutcome.choices]
    menus = [Filter("periode", "Période", periods), Filter("issue", "Issue", outcomes)]
    return [Filter("unite", "Unité", units), *menus] if len(units) > 1 else menus


def _views(request: HttpRequest, user: User, counts: NoticeCounts) -> list[Group]:
    url, history_url = reverse("dossier:mssante"), reverse("dossier:mssante_history")
    view = request.GET.get(VIEW, "")
    is_history = request.path == history_url
    imported = request.GET.get("entree") == Intake.MANUAL
    entries = [
        Entry("Tout ce qui attend", url, "inbox", current=not view and not is_history),
        Entry(
            "Rejetés",
            f"{url}?{VIEW}={REJECTED}",
            "mail-x",
            current=view == REJECTED,
            alarm=counts.rejected,
            count=0,
        ),
        Entry("Reçus", f"{url}?{VIEW}={RECEIVED}", "mail", current=view == RECEIVED, count=counts.unseen),
        Entry(
            "Importés à la main",
            f"{history_url}?{VIEW}={IMPORTED}&entree={Intake.MANUAL}",
            "upload",
            current=is_history and imported,
        ),
        Entry(
            "Tout l’historique",
            f"{history_url}?{VIEW}={HISTORY}",
            "history",
            current=is_history and not imported,
        ),
    ]
    if user.has_perm("mssante.review"):
        count = mails_to_review(user, IncomingState.TO_REVIEW).count()
        entries.append(Entry("Courriels à reprendre", reverse("dossier:mails"), "mail-x", count=count))
    return [Group("MSSanté de l’unité", entries)]


def _subtitle(user: User, counts: NoticeCounts) -> str:
    words = [f"{whole(counts.unseen)} à voir"]
    if counts.rejected:
        words.append(f"{whole(counts.rejected)} rejet{'s' * (counts.rejected > 1)}")
    units = units_of(user)
    place = units[0].name if len(units) == 1 else ""
    return " · ".join([*([place] if place else []), *words])


def _limit(request: HttpRequest) -> int:
    asked = request.GET.get("limite", "")
    return min(int(asked), LONGEST) if asked.isascii() and asked.isdigit() and len(asked) < 5 else PAGE


def _more_url(request: HttpRequest, count: int) -> str:
    limit = _limit(request)
    if count < limit or limit >= LONGEST:
        return ""
    query = request.GET.copy()
    query["limite"] = str(limit + PAGE)
    return f"{request.path}?{query.urlencode()}"


def _notice(user: User, uid: str) -> ReceptionNotice | None:
    try:
        return notice_visible(user, UUID(uid))
    except (ValueError, ReceptionNotice.DoesNotExist):
        return None


def _notice_or_404(user: User, uid: UUID) -> ReceptionNotice:
    try:
        return notice_visible(user, uid)
    except ReceptionNotice.DoesNotExist as error:
        raise Http404 from error
