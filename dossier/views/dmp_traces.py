"""Traces of the accesses to the DMP for the auditor: a form, then a file (SC.DMP/CONF.15)."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from dmp.criteria import day_of
from dmp.exports import FORMATS, TraceQuery, traces_export, traces_of, unknown_in
from dossier.access import reader

MOST_PROFESSIONALS = 200


@requires("dmp.trace_export")
@require_http_methods(["GET", "POST"])
def dmp_traces(request: HttpRequest) -> HttpResponseBase:
    """The criteria, and on POST the file; what names nobody is said before any file is made."""
    _, actor = reader(request)
    # Never in the address: an identity would stay in the logs of the servers on the way.
    data = request.POST
    typed = {name: data.get(name, "").replace("\x00", "").strip() for name in ("professionnels", "patient")}
    days = {name: data.get(name, "").strip() for name in ("du", "au")}
    form = data.get("format", "csv")
    errors = _errors(days, form) if request.method == "POST" else []
    query = _query(typed, days)
    if len(query.professionals) > MOST_PROFESSIONALS:
        errors.append(f"Au plus {MOST_PROFESSIONALS} professionnels à la fois.")
    unknown = unknown_in(query)
    if unknown.professionals:
        errors.append(f"Professionnels inconnus ici : {', '.join(unknown.professionals[:10])}.")
    if unknown.patient:
        errors.append("Aucun patient n’a cet IPP ou ce matricule INS.")
    if data.get("acte") == "extraire" and not errors:
        name = f"traces-dmp-{timezone.localdate():%Y%m%d}.{form}"
        answer = StreamingHttpResponse(
            traces_export(query=query, form=form, actor=actor), content_type=FORMATS[form]
        )
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer
    context: dict[str, Any] = {**typed, **days, "format": form, "errors": errors, "count": None}
    if request.method == "POST" and not errors:
        context["count"] = traces_of(query).count()
    return render(request, "dossier/dmp_traces.html", context, status=422 if errors else 200)


def _query(typed: dict[str, str], days: dict[str, str]) -> TraceQuery:
    people = tuple(one for one in re.split(r"[\s,;]+", typed["professionnels"]) if one)
    zone = ZoneInfo(settings.TIME_ZONE)
    since, until = day_of(days["du"]), day_of(days["au"])
    return TraceQuery(
        professionals=people,
        patient=typed["patient"].replace(" ", ""),
        since=datetime.combine(since, time.min, zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time.min, zone) if until else None,
    )


def _errors(days: dict[str, str], form: str) -> list[str]:
    is_bad = any(day and day_of(day) is None for day in days.values())
    errors = ["Une date est illisible : écrivez-la jj/mm/aaaa."] if is_bad else []
    if form not in FORMATS:
        errors.append("Ce format de fichier n’existe pas.")
    return errors
