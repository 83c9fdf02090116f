"""The traces of the accesses to the DMP, as a file (SC.DMP/CONF.15; spec dmp 7).

By professionals, patient and period, so that every trace of one or several professionals can be delivered
within the seven working days of a request of the Assurance maladie.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from audit.context import Actor
from audit.enums import Action
from audit.models import Trace
from audit.services import trace_write
from documents.enums import Origin
from documents.models import Document
from patients.trace_files import (
    CHUNK,
    TraceQuery,
    asked,
    by_professionals,
    patient_uids,
    plain,
    within_period,
    written,
)

VIEW_LOCAL: Final = "VIEW_LOCAL"

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


def traces_of(query: TraceQuery) -> QuerySet[Trace]:
    """Every trace of an access to the DMP that the query asks for, oldest first.

    The later reading of a document that came from the DMP is one of them (VIEW_LOCAL).
    """
    from_dmp = Document.objects.filter(origins__contains=[Origin.DMP]).values("uid")
    rows = Trace.objects.filter(Q(type__startswith="dmp.") | Q(type="document.view", object_uid__in=from_dmp))
    rows = within_period(rows.filter(by_professionals(query)), query)
    if query.patient:
        rows = rows.filter(patient_uid__in=patient_uids(query.patient))
    return rows.select_related("seal").order_by("id")


def traces_export(*, query: TraceQuery, form: str, actor: Actor) -> Iterator[str]:
    """The file, piece by piece; that it was asked for is traced first."""
    with transaction.atomic():
        trace_write(
            type="dmp.trace_export",
            action=Action.READ,
            actor=actor,
            object_type="audit.trace",
            detail=asked(query) | {"format": form},
        )
    rows = traces_of(query).iterator(chunk_size=CHUNK)
    return written(map(_values, rows), COLUMNS, form)


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
    return plain(value)
