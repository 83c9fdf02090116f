"""Traces for the auditor: a form, then a list or a file (SC.DMP/CONF.15, SC.MSS/UX.37).

The criteria never stand in the address: an identity would stay in the logs of the servers on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from dmp.criteria import day_of
from dmp.exports import traces_export, traces_of
from documents.mail_trace_columns import DIRECTIONS, Direction, mail_trace_rows
from documents.mail_traces import MailTraceQuery, mail_traces, mail_traces_export, reading_trace
from dossier.access import reader
from patients.trace_files import FORMATS, TraceQuery, unknown_in

MOST_PROFESSIONALS: Final = 200
SHOWN: Final = 100
"""Traces listed on the page; the file has them all."""
EXTRACT, SHOW, COUNT = "extraire", "afficher", "compter"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What was typed, as it is shown again; what is wrong with it; what is asked."""

    typed: dict[str, str]
    errors: list[str]
    query: TraceQuery


@requires("dmp.trace_export")
@require_http_methods(["GET", "POST"])
def dmp_traces(request: HttpRequest) -> HttpResponseBase:
    """The criteria, and on POST the file; what names nobody is said before any file is made."""
    _, actor = reader(request)
    asked = _criteria(request)
    form = asked.typed["format"]
    if request.POST.get("acte") == EXTRACT and not asked.errors:
        return _file("traces-dmp", form, traces_export(query=asked.query, form=form, actor=actor))
    context: dict[str, Any] = {**asked.typed, "errors": asked.errors, "count": None}
    if request.method == "POST" and not asked.errors:
        context["count"] = traces_of(asked.query).count()
    return render(request, "dossier/dmp_traces.html", context, status=422 if asked.errors else 200)


@requires("mssante.trace_export")
@require_http_methods(["GET", "POST"])
def mssante_traces(request: HttpRequest) -> HttpResponseBase:
    """The criteria, and on POST the newest traces, or the file of all; both readings are traced."""
    _, actor = reader(request)
    asked, query = _mail_criteria(request)
    form = asked.typed["format"]
    if request.POST.get("acte") == EXTRACT and not asked.errors:
        return _file("traces-mssante", form, mail_traces_export(query=query, form=form, actor=actor))
    context: dict[str, Any] = {**asked.typed, "errors": asked.errors, "count": None, "most": SHOWN}
    context["directions"] = [("", "Tous"), *((way.value, word) for way, word in DIRECTIONS.items())]
    if request.method == "POST" and not asked.errors:
        found = mail_traces(query)
        context["count"] = found.count()
        newest = list(found.reverse()[:SHOWN])
        rows = mail_trace_rows(newest[::-1])
        context["rows"] = [row | {"at": datetime.fromisoformat(row["date"])} for row in rows][::-1]
        reading_trace(query=query, actor=actor, step="trace_view")
    return render(request, "dossier/mssante_traces.html", context, status=422 if asked.errors else 200)


def _criteria(request: HttpRequest) -> Criteria:
    data = request.POST
    typed = {name: _typed(data, name) for name in ("professionnels", "patient", "du", "au")}
    typed["format"] = data.get("format", "csv")
    query = _query(typed)
    errors = _errors(typed, query) if request.method == "POST" else []
    return Criteria(typed, errors, query)


def _mail_criteria(request: HttpRequest) -> tuple[Criteria, MailTraceQuery]:
    """Those of every trace, and a mailbox and a direction."""
    asked = _criteria(request)
    mailbox, way = _typed(request.POST, "boite"), _typed(request.POST, "sens")
    errors = list(asked.errors)
    direction = next((one for one in Direction if one == way), None)
    if way and direction is None:
        errors.append("Ce sens n’existe pas.")
    if mailbox:
        try:
            validate_email(mailbox)
        except ValidationError:
            errors.append("La boîte est une adresse complète : nom@domaine.")
    query = MailTraceQuery(**asdict(asked.query), mailbox=mailbox, direction=direction)
    return replace(asked, typed=asked.typed | {"boite": mailbox, "sens": way}, errors=errors), query


def _typed(data: Mapping[str, str], name: str) -> str:
    return data.get(name, "").replace("\x00", "").strip()


def _query(typed: dict[str, str]) -> TraceQuery:
    people = tuple(one for one in re.split(r"[\s,;]+", typed["professionnels"]) if one)
    zone = ZoneInfo(settings.TIME_ZONE)
    since, until = day_of(typed["du"]), day_of(typed["au"])
    return TraceQuery(
        professionals=people,
        patient=typed["patient"].replace(" ", ""),
        since=datetime.combine(since, time.min, zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time.min, zone) if until else None,
    )


def _errors(typed: dict[str, str], query: TraceQuery) -> list[str]:
    is_bad = any(typed[name] and day_of(typed[name]) is None for name in ("du", "au"))
    errors = ["Une date est illisible : écrivez-la jj/mm/aaaa."] if is_bad else []
    if typed["format"] not in FORMATS:
        errors.append("Ce format de fichier n’existe pas.")
    if len(query.professionals) > MOST_PROFESSIONALS:
        errors.append(f"Au plus {MOST_PROFESSIONALS} professionnels à la fois.")
    unknown = unknown_in(query)
    if unknown.professionals:
        errors.append(f"Professionnels inconnus ici : {', '.join(unknown.professionals[:10])}.")
    if unknown.patient:
        errors.append("Aucun patient n’a cet IPP ou ce matricule INS.")
    return errors


def _file(name: str, form: str, pieces: Iterator[str]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type=FORMATS[form])
    full_name = f"{name}-{timezone.localdate():%Y%m%d}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{full_name}"'
    answer["Cache-Control"] = "no-store"
    return answer
