"""The traces of the accesses to the DMP, as a file (SC.DMP/CONF.15; spec dmp 7).

By professionals, patient and period, so that every trace of one or several professionals can be delivered
within the seven working days of a request of the Assurance maladie.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.exports import BOM, neutral
from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.models import Trace
from audit.services import trace_write
from documents.enums import Origin
from documents.models import Document
from interop.vihf import codes as vihf
from patients.enums import IdentifierKind
from patients.models import Identifier

VIEW_LOCAL: Final = "VIEW_LOCAL"
CHUNK: Final = 1000
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}

# Name of the column, and where its value is: of the row, or of its detail.
ROW_COLUMNS: Final = (
    ("identifiant", "uid"),
    ("date", "time"),
    ("type", "type"),
    ("resultat", "outcome"),
    ("identifiant_national", "actor_subject_name_id"),
    ("compte", "actor_login"),
    ("role", "actor_role"),
    ("unite", "actor_service"),
    ("moyen_authentification", "assurance"),
    ("patient", "patient_uid"),
    ("ins", "patient_ins"),
    ("objet", "object_uid"),
    ("version_objet", "object_version"),
    ("adresse", "ip"),
    ("poste", "workstation"),
    ("session", "session"),
    ("correlation", "correlation"),
    ("version_logiciel", "app_version"),
)
DETAIL_COLUMNS: Final = (
    ("transaction", "transaction"),
    ("code", "code"),
    ("nom", "name"),
    ("profession", "profession"),
    ("specialite", "specialty"),
    ("structure", "structure"),
    ("mode", "mode"),
    ("facteurs", "factors"),
    ("authentifie_le", "auth_time"),
    ("ipp", "ipp"),
    ("oid_ins", "ins_oid"),
    ("episode", "episode"),
    ("motif_acces", "purpose"),
    ("information", "information"),
    ("choix", "choice"),
    ("documents", "documents"),
    ("document", "unique_id"),
    ("entree", "entry_uuid"),
    ("type_document", "type_code"),
    ("nombre", "count"),
    ("effet", "result"),
    ("message", "message"),
    ("vihf", "assertion"),
    ("service", "address"),
    ("duree_ms", "duration_ms"),
)
COLUMNS: Final = (*(name for name, _ in ROW_COLUMNS), *(name for name, _ in DETAIL_COLUMNS), "rang", "sceau")


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
    lost = query.patient if query.patient and not _patient_uids(query.patient) else ""
    return Unknown(strangers, lost)


def traces_of(query: TraceQuery) -> QuerySet[Trace]:
    """Every trace of an access to the DMP that the query asks for, oldest first.

    The later reading of a document that came from the DMP is one of them (VIEW_LOCAL).
    """
    from_dmp = Document.objects.filter(origins__contains=[Origin.DMP]).values("uid")
    rows = Trace.objects.filter(Q(type__startswith="dmp.") | Q(type="document.view", object_uid__in=from_dmp))
    if query.professionals:
        nationals = [f"{vihf.RPPS_PREFIX}{one}" for one in query.professionals]
        rows = rows.filter(Q(actor_login__in=query.professionals) | Q(actor_subject_name_id__in=nationals))
    if query.patient:
        rows = rows.filter(patient_uid__in=_patient_uids(query.patient))
    if query.since:
        rows = rows.filter(time__gte=query.since)
    if query.until:
        rows = rows.filter(time__lt=query.until)
    return rows.select_related("seal").order_by("id")


def traces_export(*, query: TraceQuery, form: str, actor: Actor) -> Iterator[str]:
    """The file, piece by piece; that it was asked for is traced first."""
    with transaction.atomic():
        trace_write(
            type="dmp.trace_export",
            action=Action.READ,
            actor=actor,
            object_type="audit.trace",
            detail={
                "professionals": list(query.professionals),
                "has_patient": bool(query.patient),
                "since": query.since.isoformat() if query.since else "",
                "until": query.until.isoformat() if query.until else "",
                "format": form,
            },
        )
    rows = traces_of(query).iterator(chunk_size=CHUNK)
    return _jsonl(rows) if form == "jsonl" else _csv(rows)


def _csv(rows: Iterator[Trace]) -> Iterator[str]:
    yield BOM + _line(COLUMNS)
    for row in rows:
        yield _line([neutral(_text(value)) for value in _values(row).values()])


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _jsonl(rows: Iterator[Trace]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(_values(row), ensure_ascii=False) + "\n"


def _values(row: Trace) -> dict[str, Any]:
    """One trace by the names of the columns; values are of JSON."""
    found = {name: _plain(getattr(row, attribute)) for name, attribute in ROW_COLUMNS}
    found |= {name: row.detail.get(key, "") for name, key in DETAIL_COLUMNS}
    if row.type == "document.view":
        found["transaction"] = VIEW_LOCAL
    seal = getattr(row, "seal", None)
    return found | {"rang": seal.seq if seal else "", "sceau": seal.hash if seal else ""}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value) if isinstance(value, UUID) else value


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _patient_uids(identifier: str) -> list[UUID]:
    kinds = [IdentifierKind.IPP, IdentifierKind.INS]
    rows = Identifier.objects.filter(value=identifier, kind__in=kinds)
    return list(rows.values_list("patient__uid", flat=True).distinct())
