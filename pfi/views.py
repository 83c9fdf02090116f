"""The work of the intermediation: flows by channel, jobs, what failed and may be tried again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.http import SignedInRequest
from accounts.models import User
from exchange.views.journal import MOST_PAGES, PERIODS, counted
from exchange.views.kept import CLEAR, VIEW, kept_query, page_number, typed_text
from exchange.views.rail import RAIL_LABEL, exchange_rail
from pfi.enums import JobChannel, JobState
from pfi.errors import JobNotReplayable
from pfi.models import Job
from pfi.rules import replay_refusal
from pfi.selectors import (
    PAGE,
    ChannelFigures,
    JobFilters,
    channel_figures,
    events_of,
    has_later_job,
    job_by_uid,
    jobs_count,
)
from pfi.selectors import jobs as jobs_of
from pfi.services import job_replay
from pfi.tasks import wake_after_commit
from ui.components import Entry, Filter, Option
from ui.pills import label

FILTERS: Final = ("canal", "etat", "periode")
EVENT_WORDS: Final = {
    "created": "Reçu et pris en charge",
    "started": "Essai commencé",
    "submitted": "Accepté par le service",
    "found_at_dmp": "Déjà présent dans le DMP",
    "deleted": "Supprimé du DMP",
    "found_deleted": "Déjà absent du DMP",
    "unavailable": "Service indisponible",
    "uncertain": "Sans réponse, issue à vérifier",
    "configuration": "Installation refusée : la file attend",
    "rejected": "Refusé par le service",
    "retries_ended": "Essais épuisés",
    "opposition": "Patient opposé : rien n’est parti",
    "replayed": "Rejoué par une personne",
}


@requires("pfi.jobs")
@require_GET
def jobs(request: SignedInRequest) -> HttpResponse:
    """Jobs, newest first, the flow of each channel above, and the one chosen in the pane."""
    query = kept_query(request, "pfi", FILTERS)
    now = timezone.now()
    filters, period = _filters(query, now)
    page = page_number(query, most=MOST_PAGES)
    found = list(jobs_of(filters)[: page * PAGE + 1])
    url = reverse("pfi:jobs")
    wanted = request.GET.get("travail", "")
    chosen = _job_or_none(wanted) if wanted else None
    if wanted and chosen is None:
        raise Http404
    context: dict[str, Any] = {
        "views": exchange_rail(request.user, current=url),
        "views_label": RAIL_LABEL,
        "subtitle": f"{PERIODS[period][1]} · {counted(jobs_count(filters))}",
        "refresh_url": request.get_full_path(),
        "figures": [(figures, _alarm(figures, now)) for figures in channel_figures(now)],
        "filters": _menus(filters, query),
        "text": filters.text,
        "filter_action": url,
        "clear_url": f"{url}?{CLEAR}=1" if filters.is_narrowed or period != "2" else "",
        "rows": [(job, _url(query, job), job == chosen) for job in found[: page * PAGE]],
        "more_url": f"{url}?{_more(query, page + 1)}" if len(found) > page * PAGE else "",
        "pane": _pane(request.user, chosen) if chosen else None,
        "pane_open": chosen is not None,
    }
    return render(request, "pfi/jobs.html", context)


@requires("pfi.jobs")
@require_GET
def job(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """One job: the pane alone for the script of the list, else the list with it."""
    found = job_by_uid(uid)
    if found is None:
        raise Http404
    if not request.headers.get("HX-Request"):
        return redirect(f"{reverse('pfi:jobs')}?travail={uid}")
    return render(request, "pfi/_job.html", {"pane": _pane(request.user, found)})


@requires("pfi.jobs", "exchange.replay")
@require_POST
def replay(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """Try a failed job again."""
    found = job_by_uid(uid)
    if found is None:
        raise Http404
    try:
        with transaction.atomic():
            job_replay(job=found, actor=request.actor)
            wake_after_commit()
        messages.success(request, "Travail remis en file, sous les mêmes identifiants.")
    except JobNotReplayable as refusal:
        messages.error(request, refusal.message)
    return HttpResponseRedirect(f"{reverse('pfi:jobs')}?travail={uid}")


def _filters(query: QueryDict, now: datetime) -> tuple[JobFilters, str]:
    periods = [key for key in query.getlist("periode") if key in PERIODS]
    period = periods[-1] if periods else "2"
    length = PERIODS[period][0]
    return (
        JobFilters(
            since=now - length if length else None,
            channels=_known(query.getlist("canal"), JobChannel.values),
            states=_known(query.getlist("etat"), JobState.values),
            text=typed_text(query),
        ),
        period,
    )


def _alarm(figures: ChannelFigures, now: datetime) -> str:
    """Why somebody should look at a channel, or nothing (F-PFI-20)."""
    limit = timedelta(hours=settings.PFI_QUEUE_HOURS)
    if figures.waiting_since is not None and now - figures.waiting_since > limit:
        return f"Un ordre attend depuis plus de {settings.PFI_QUEUE_HOURS} h."
    rate = figures.error_rate
    if rate is not None and figures.failed > 1 and rate > settings.PFI_ERROR_PERCENT:
        return f"Plus de {settings.PFI_ERROR_PERCENT} % d’échecs en 24 heures."
    return ""


def _menus(filters: JobFilters, query: QueryDict) -> list[Filter]:
    states = [(state.value, label("job_state", state)) for state in JobState]
    periods = [(key, words) for key, (_, words) in PERIODS.items()]
    return [
        Filter("canal", "Canal", _options(JobChannel.choices, filters.channels)),
        Filter("etat", "État", _options(states, filters.states)),
        Filter("periode", "Période", _options(periods, query.getlist("periode"))),
    ]


def _options(choices: Iterable[tuple[str, Any]], chosen: Sequence[str]) -> list[Option]:
    return [Option(value, str(words), value in chosen) for value, words in choices]


def _known(asked: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in asked if value in values)


def _url(query: QueryDict, one: Job) -> str:
    kept = query.copy()
    kept["travail"] = str(one.uid)
    return f"{reverse('pfi:jobs')}?{kept.urlencode()}"


def _more(query: QueryDict, page: int) -> str:
    whole = query.copy()
    whole[VIEW] = whole.get(VIEW, "lignes")
    whole["page"] = str(page)
    return whole.urlencode()


def _job_or_none(text: str) -> Job | None:
    try:
        return job_by_uid(UUID(text))
    except ValueError:
        return None


def _pane(user: User, one: Job) -> dict[str, Any]:
    """Inputs of pfi/_job.html: the identity of the patient is not among them."""
    refusal = replay_refusal(state=one.state, channel=one.channel, has_later_job=has_later_job(one))
    journal = f"{reverse('exchange:journal')}?vue=1&message={one.message.uid}"
    return {
        "job": one,
        "events": [(event, EVENT_WORDS.get(event.kind, event.kind)) for event in events_of(one)],
        "replay": Entry("Rejouer", reverse("pfi:replay", args=[one.uid]), "play")
        if not refusal and user.has_perm("exchange.replay")
        else None,
        "refusal": refusal if one.state == JobState.FAILED else "",
        "journal_url": journal if user.has_perm("exchange.journal") else "",
        "close_url": reverse("pfi:jobs"),
    }
