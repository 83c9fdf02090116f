"""The DMP in the banner and in the document list: fragments that never hold the page (DPI.DMP/UX.10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from dmp.enums import AccessState, CounterReset
from dmp.rules.access import counts_by_itself
from dmp.selectors import News, documents_in_force, filed_versions
from dmp.services import news_known, news_refresh, news_seen, status_refresh
from dossier.dmp_access import Asked, access_confirmed, asked_for
from dossier.dmp_rows import DmpGroup, fact_of, fact_of_refusal, group_of, news_fact

CHANGED = "dmp"
"""Event of the page: what this person knows of the DMP changed, the list may ask for its section."""
SEEN = "dmp-vu"
"""Event of the page: nothing is new any more, the counter asks what is stored."""
AGAIN_SECONDS: Final = 2
LATER: Final = f"load delay:{AGAIN_SECONDS}s"
"""When a fragment asks again for an answer that another page of the same person waits for."""


@requires("patients.open", polling=True)
@require_GET
def dmp_fact(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Existence and authorisation, beside the identity, without a click (SC.DMP/UX.12, CONF.16)."""
    asked = asked_for(request, patient_uid)
    on_list = "?liste=1" if request.GET.get("liste") else ""
    if asked.consultation is None:
        fact = fact_of_refusal(asked.gate.state, asked.patient, asked.user)
        return render(request, "dossier/_dmp_fact.html", {"dmp": fact})
    checked = status_refresh(asked.consultation, now=asked.now)
    news_url = f"{reverse('dossier:dmp_news', args=[patient_uid])}{on_list}"
    retry_url = f"{reverse('dossier:dmp_fact', args=[patient_uid])}{on_list}"
    if checked.state == AccessState.CHECKING:
        again = _again_url(request)
        if again:
            return render(request, "dossier/_dmp_fact_later.html", {"url": again, "trigger": LATER})
        checked = replace(checked, state=AccessState.UNAVAILABLE)
    fact = fact_of(checked, asked.patient, news_url=news_url, retry_url=retry_url)
    answer = render(request, "dossier/_dmp_fact.html", {"dmp": fact})
    if checked.is_open:
        answer["HX-Trigger-After-Settle"] = CHANGED
    return answer


@requires("patients.open", "dmp.consult", polling=True)
@require_GET
def dmp_news(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """The counter (SC.DMP/UX.15): by itself where the hospital wants it, else on a click (`?chercher=1`).

    `?connu=1` counts what is stored, without any call.
    """
    asked = asked_for(request, patient_uid)
    on_list = bool(request.GET.get("liste"))
    if asked.consultation is None or access_confirmed(asked) is None:
        return HttpResponse("")
    if request.GET.get("connu"):
        fact = news_fact(asked.patient, news_known(asked.consultation), on_list=on_list)
        return render(request, "dossier/_dmp_news.html", {"news": fact})
    if not request.GET.get("chercher") and not _counts_by_itself(asked):
        fact = news_fact(asked.patient, News(), on_list=on_list)
        return render(request, "dossier/_dmp_news.html", {"news": fact, "on_demand": True})
    counted = news_refresh(asked.consultation, now=asked.now)
    again = _again_url(request) if counted.waits else ""
    if again:
        return render(request, "dossier/_dmp_news_later.html", {"url": again, "trigger": LATER})
    fact = news_fact(asked.patient, counted.news, failed=counted.failed or counted.waits, on_list=on_list)
    answer = render(request, "dossier/_dmp_news.html", {"news": fact})
    if not fact.failed:
        answer["HX-Trigger-After-Settle"] = CHANGED
    return answer


@requires("patients.open", "dmp.consult", polling=True)
@require_GET
def dmp_group(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """The DMP section of the list, from what this person already knows: no call leaves.

    `?vu=1` is the click on the counter: it opens the list, and resets it where the hospital chose so.
    `?tout=1` shows what is already in the record too.
    """
    asked = asked_for(request, patient_uid)
    answer = render(
        request,
        "dossier/_dmp_group.html",
        {
            "group": shown_group(
                asked, opened=bool(request.GET.get("vu")), everything=bool(request.GET.get("tout"))
            )
        },
    )
    if request.GET.get("vu") and settings.DMP_COUNTER_RESET == CounterReset.LIST:
        answer["HX-Trigger-After-Settle"] = SEEN
    return answer


@requires("patients.open", "dmp.consult")
@require_POST
def dmp_seen(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """« Tout marquer comme vu »."""
    asked = asked_for(request, patient_uid)
    if asked.consultation is not None:
        news_seen(asked.consultation, now=asked.now)
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(reverse("dossier:patient", args=[patient_uid]))
    answer = render(request, "dossier/_dmp_group.html", {"group": shown_group(asked)})
    answer["HX-Trigger-After-Settle"] = SEEN
    return answer


def shown_group(
    asked: Asked,
    *,
    opened: bool = False,
    everything: bool = False,
    sentence: str = "",
    failures: tuple[str, ...] = (),
) -> DmpGroup:
    """The section as this person may see it now; empty when the access is not confirmed."""
    patient = asked.patient
    status = access_confirmed(asked)
    if asked.consultation is None or status is None:
        return DmpGroup(url=reverse("dossier:dmp_group", args=[patient.uid]))
    documents = documents_in_force(asked.user, patient)
    filed = filed_versions(patient, [one.unique_id for one in documents])
    group = group_of(
        patient,
        asked.user,
        documents,
        filed,
        since=status.seen_at,
        with_filed=everything,
        sentence=sentence,
        failures=failures,
        takes_focus=opened or everything,
    )
    if opened and settings.DMP_COUNTER_RESET == CounterReset.LIST:
        news_seen(asked.consultation, now=asked.now)
    return group


def _again_url(request: HttpRequest) -> str:
    """This fragment a moment later; empty once the person has waited as long as for one question."""
    tried = request.GET.get("essai", "")
    count = int(tried) + 1 if tried.isdecimal() and len(tried) < 4 else 1
    if count * AGAIN_SECONDS > settings.DMP_PATIENCE_SECONDS:
        return ""
    query = request.GET.copy()
    query["essai"] = str(count)
    return f"{request.path}?{query.urlencode()}"


def _counts_by_itself(asked: Asked) -> bool:
    episode = asked.record.episode
    return counts_by_itself(
        kind=episode.kind if episode else "",
        roles=[row.role.code for row in asked.user.assignments_now],
        kinds_counted=settings.DMP_COUNTER_CARE,
        roles_counted=settings.DMP_COUNTER_ROLES,
    )
