"""Traces handed over to an auditor: by professionals, patient and period, as a file.

What the traces of the DMP (SC.DMP/CONF.15) and those of MSSanté (SC.MSS/UX.37) have in common.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.exports import BOM, neutral
from accounts.models import User
from audit.models import Trace
from interop.vihf import codes as vihf
from patients.enums import IdentifierKind
from patients.models import Identifier

CHUNK: Final = 1000
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """What is asked for: nothing given is everybody, everything, any time.

    `professionals` are RPPS numbers or logins; `patient` an IPP or a matricule INS. `until` is excluded.
    """

    professionals: tuple[str, ...] = ()
    patient: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """What was typed and names nobody: the form says so rather than giving an empty file."""

    professionals: tuple[str, ...] = ()
    patient: str = ""

    def __bool__(self) -> bool:
        return bool(self.professionals or self.patient)


def unknown_in(query: TraceQuery) -> Unknown:
    """Professionals and patient of a query that this hospital does not know."""
    known = set(User.objects.values_list("login", flat=True).filter(login__in=query.professionals))
    known |= set(User.objects.values_list("rpps", flat=True).filter(rpps__in=query.professionals))
    strangers = tuple(one for one in query.professionals if one not in known)
    lost = query.patient if query.patient and not patient_uids(query.patient) else ""
    return Unknown(strangers, lost)


def by_professionals(query: TraceQuery) -> Q:
    """Acts of the professionals asked for; every act when none is."""
    if not query.professionals:
        return Q()
    return Q(actor_login__in=query.professionals) | Q(actor_subject_name_id__in=national_ids(query))


def national_ids(query: TraceQuery) -> list[str]:
    """National identifiers that the professionals asked for would have, by their RPPS."""
    return [f"{vihf.RPPS_PREFIX}{one}" for one in query.professionals]


def within_period(rows: QuerySet[Trace], query: TraceQuery) -> QuerySet[Trace]:
    """The rows of the period asked for, its end excluded."""
    if query.since:
        rows = rows.filter(time__gte=query.since)
    if query.until:
        rows = rows.filter(time__lt=query.until)
    return rows


def patient_uids(identifier: str) -> list[UUID]:
    """Patients of an IPP or of a matricule INS, former ones included. 1 query."""
    kinds = [IdentifierKind.IPP, IdentifierKind.INS]
    rows = Identifier.objects.filter(value=identifier, kind__in=kinds)
    return list(rows.values_list("patient__uid", flat=True).distinct())


def asked(query: TraceQuery) -> dict[str, Any]:
    """The criteria as they are traced: which professionals and days, never which patient."""
    return {
        "professionals": list(query.professionals),
        "has_patient": bool(query.patient),
        "since": query.since.isoformat() if query.since else "",
        "until": query.until.isoformat() if query.until else "",
    }


def written(rows: Iterator[Mapping[str, Any]], columns: Sequence[str], form: str) -> Iterator[str]:
    """The file, piece by piece: CSV (`;`, UTF-8 with BOM, formulas neutralised), or one JSON a line.

    Every row has the columns, and its values are of JSON.
    """
    if form == "jsonl":
        for row in rows:
            yield json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n"
        return
    yield BOM + _line(columns)
    for row in rows:
        yield _line([neutral(_text(row[name])) for name in columns])


def plain(value: object) -> object:
    """A value of a trace as JSON: text for an identifier, nothing for None; a date is for the caller."""
    return "" if value is None else str(value) if isinstance(value, UUID) else value


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
