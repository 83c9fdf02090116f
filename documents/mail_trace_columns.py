"""One trace of MSSanté by the columns of its file (spec mssante 1.11).

What a trace does not repeat is completed from the rows that it names: version and type of a document, message
that carried it, duration of an exchange, FINESS of a mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from django.utils import timezone

from audit.models import Trace
from documents.models import Version
from establishment.enums import NationalService
from mssante.models import IncomingDocument, Mailbox
from national.models import Call
from patients.trace_files import CHUNK, plain


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


DIRECTIONS: Final = {Direction.OUT: "Envoyé", Direction.IN: "Reçu"}
OUTGOING: Final = "mssante.mail"
INCOMING: Final = "mssante.incoming"
# What a trace is about says which way the mail goes; a setting or a search goes none.
OBJECTS: Final = {
    OUTGOING: Direction.OUT,
    INCOMING: Direction.IN,
    "reception": Direction.IN,
    "import": Direction.IN,
}
STEP_WORDS: Final = {
    "attempt": "Envoi demandé à l’opérateur",
    "sent": "Accepté par l’opérateur",
    "delivered": "Remis",
    "presumed": "Remise présumée, sans avis",
    "read": "Lu ou traité par le destinataire",
    "unavailable": "Opérateur indisponible",
    "uncertain": "Issue inconnue",
    "left_behind": "Envoi interrompu",
    "configuration": "Structure ou configuration refusée",
    "rejected": "Refusé par l’opérateur",
    "retries_ended": "Abandonné après les reprises",
    "bounced": "Non remis",
    "late_bounce": "Non remis, après un avis de remise",
    "not_treated": "Non traité par le destinataire",
    "opposition": "Patient opposé aux messages",
    "fetch": "Relevé dans la boîte",
    "fetch_again": "Relevé de nouveau",
    "move": "Rangé dans la boîte",
    "mdn_out": "Accusé de traitement envoyé",
    "error_mail_out": "Courriel d’erreur envoyé",
    "answer_again": "Réponse envoyée de nouveau",
    "answer_failed": "Réponse non remise",
    "state_handed_over": "Remis au dossier",
    "state_done": "Traité",
    "state_refused": "Refusé",
    "state_to_review": "Laissé à une personne",
    "reread": "Rendu à la lecture",
    "set_aside": "Écarté par une personne",
    "headers": "En-têtes lus par une personne",
    "text": "Texte lu par une personne",
    "integrate": "Classé au dossier",
    "replace": "Nouvelle version classée",
    "delete": "Marqué supprimé",
    "duplicate": "Déjà présent",
    "reject": "Rejeté",
    "import": "Import à la main commencé",
    "seen": "Marqué comme vu",
    "unseen": "Marque « vu » retirée",
    "handled": "Marqué comme traité",
    "reported": "Signalé à l’identitovigilance",
    "answered": "Signalement clos",
    "view": "Traits lus par une personne",
    "correspondent": "Carnet d’adresses modifié",
    "mailbox": "Boîte réglée",
    "trace_view": "Traces consultées",
    "trace_export": "Traces extraites",
}
_REQUESTS: Final = {
    "fetch": "UID FETCH {imap_uid} BODY.PEEK[]",
    "fetch_again": "UID FETCH {imap_uid} BODY.PEEK[]",
    "move": "UID STORE {imap_uid} +FLAGS (\\Seen $MSSProcessed) ; UID MOVE {imap_uid} {folder}",
    "attempt": "MAIL FROM:<{from}> SIZE={size} ; RCPT TO:<{to}> ; DATA",
    "mdn_out": "MAIL FROM:<> ; RCPT TO:<{answer_to}> ; DATA",
    "error_mail_out": "MAIL FROM:<{mailbox}> ; RCPT TO:<{answer_to}> ; DATA",
    "answer_again": "RCPT TO:<{answer_to}> ; DATA",
    "answer_failed": "RCPT TO:<{answer_to}> ; DATA",
}
_ENDS_OF_A_CALL: Final = frozenset(
    {"sent", "unavailable", "uncertain", "rejected", "retries_ended", "configuration"}
)
_ANSWERS: Final = frozenset({"mdn_out", "error_mail_out", "answer_again", "answer_failed"})
_SEND, _FETCH = "SMTP.SEND", "IMAP.FETCH"

COLUMNS: Final = (
    "identifiant", "date", "sens", "type", "etape", "action", "resultat", "code", "requete", "reponse",
    "duree_ms", "boite", "finess", "message_id", "uidvalidity", "uid", "dossier_boite", "de", "a",
    "objet_courriel", "taille", "sha256", "document", "lignee", "version_document", "type_document",
    "message_hl7", "patient", "ins", "statut_ins", "demandeur", "identifiant_national", "compte", "role",
    "unite", "moyen_authentification", "session", "adresse", "poste", "motif", "objet", "trace_mere",
    "correlation", "version_logiciel", "rang", "sceau",
)  # fmt: skip
_LONGEST_CALL: Final = timedelta(minutes=30)


def mail_trace_rows(rows: Iterable[Trace]) -> Iterator[dict[str, Any]]:
    """Traces by the names of the columns; 3 queries for each thousand, and one in all.

    `trace_mere` is the first of these traces about the same mail: the thread of its treatment.
    """
    sites = _sites()
    first_of: dict[str, str] = {}
    left = iter(rows)
    while chunk := list(islice(left, CHUNK)):
        around = _around(chunk)
        for row in chunk:
            values = _values(row, around)
            own, thread = values["identifiant"], values["message_id"]
            mother = first_of.setdefault(thread, own) if thread else own
            values["trace_mere"] = "" if mother == own else mother
            values["finess"] = sites.get(values["boite"].lower(), "")
            yield values


def step_of(row: Trace) -> str:
    """What was done: the event of a mail sent, the step of a mail read, else the end of the type."""
    found = row.detail.get("event") or row.detail.get("step") or row.type.rpartition(".")[2]
    return str(found)


def message_id_of(row: Trace) -> str:
    return str(row.detail.get("message_id") or row.detail.get("source_id") or "")


@dataclass(slots=True)
class _Around:
    """What the rows that some traces name say of them; calls by (transaction, message), the oldest first."""

    versions: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    carried: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    calls: dict[tuple[str, str], list[tuple[datetime, int]]] = field(default_factory=dict)


def _around(chunk: list[Trace]) -> _Around:
    found = _Around()
    threads = {message_id_of(row) for row in chunk} - {""}
    documents = IncomingDocument.objects.filter(mail__message_id__in=threads).order_by("id")
    for thread, document, control_id in documents.values_list(
        "mail__message_id", "unique_id", "message__control_id"
    ):
        found.carried.setdefault(thread, []).append((document, control_id))
    named = {str(row.detail.get("unique_id", "")) for row in chunk}
    named |= {document for carried in found.carried.values() for document, _ in carried}
    versions = Version.objects.filter(unique_id__in=named - {""})
    for unique_id, number, type_code, set_id in versions.values_list(
        "unique_id", "number", "document__type_code", "document__set_id"
    ):
        found.versions[unique_id] = (number, type_code, set_id)
    keys = {key for row in chunk if (key := _call_of(row))}
    calls = Call.objects.filter(
        service=NationalService.MSSANTE,
        message_id__in={message for _, message in keys},
        started_at__gte=min(row.time for row in chunk) - _LONGEST_CALL,
        started_at__lte=max(row.time for row in chunk),
    )
    for transaction, message, started_at, lasted in calls.order_by("started_at").values_list(
        "transaction", "message_id", "started_at", "duration_ms"
    ):
        found.calls.setdefault((transaction, message), []).append((started_at, lasted))
    return found


def _call_of(row: Trace) -> tuple[str, str] | None:
    """Transaction and message of the exchange that a trace tells the end of."""
    step = step_of(row)
    if row.object_type == OUTGOING and step in _ENDS_OF_A_CALL:
        return _SEND, message_id_of(row).strip("<>")[:80]
    if step in _ANSWERS - {"answer_again"}:
        return _SEND, str(row.detail.get("answer_id", "")).strip("<>")[:80]
    if step in ("fetch", "fetch_again"):
        return _FETCH, f"{row.detail.get('mailbox', '')} {row.detail.get('imap_uid', '')}"[:80]
    return None


def _values(row: Trace, around: _Around) -> dict[str, Any]:
    detail, step, thread = row.detail, step_of(row), message_id_of(row)
    seal = getattr(row, "seal", None)
    way = OBJECTS.get(row.object_type)
    found: dict[str, Any] = {
        "identifiant": str(row.uid),
        "date": timezone.localtime(row.time).isoformat(timespec="milliseconds"),
        "sens": DIRECTIONS[way] if way else "",
        "type": row.type,
        "etape": STEP_WORDS.get(step, step),
        "action": row.get_action_display(),
        "resultat": row.get_outcome_display(),
        "code": detail.get("code", ""),
        "requete": _request(step, detail),
        "reponse": detail.get("reply") or detail.get("text", ""),
        "duree_ms": _duration(row, around),
        "boite": _mailbox_of(row, way),
        "message_id": thread,
        "uidvalidity": detail.get("imap_validity", ""),
        "uid": detail.get("imap_uid", ""),
        "dossier_boite": detail.get("folder", ""),
        "de": detail.get("from", ""),
        "a": _recipient(step, detail),
        "objet_courriel": detail.get("subject", ""),
        "taille": detail.get("size", ""),
        "sha256": detail.get("sha256", ""),
        "statut_ins": detail.get("ins_status", ""),
        "demandeur": detail.get("requester", ""),
        "rang": seal.seq if seal else "",
        "sceau": seal.hash if seal else "",
    }
    return found | _document(row, around.carried.get(thread, []), around) | _person(row)


def _person(row: Trace) -> dict[str, Any]:
    """Who did it, from where, about whom."""
    return {
        "patient": plain(row.patient_uid),
        "ins": row.patient_ins,
        "identifiant_national": row.actor_subject_name_id,
        "compte": row.actor_login,
        "role": row.actor_role,
        "unite": row.actor_service,
        "moyen_authentification": row.assurance,
        "session": row.session,
        "adresse": plain(row.ip),
        "poste": row.workstation,
        "motif": row.reason,
        "objet": plain(row.object_uid),
        "correlation": row.correlation,
        "version_logiciel": row.app_version,
    }


def _document(row: Trace, carried: list[tuple[str, str]], around: _Around) -> dict[str, Any]:
    """Documents of a trace: its own, else all those that its mail brought."""
    own = str(row.detail.get("unique_id", ""))
    brought = [one for one in carried if not own or one[0] == own]
    named = [own] if own else [document for document, _ in carried]
    known = [around.versions[one] for one in named if one in around.versions]
    numbers = [str(number) for number, _, _ in known]
    return {
        "document": ",".join(named),
        "lignee": row.detail.get("set_id")
        or row.detail.get("document_set")
        or ",".join(set_id for _, _, set_id in known),
        "version_document": ",".join(numbers) or row.object_version,
        "type_document": row.detail.get("type") or ",".join(dict.fromkeys(code for _, code, _ in known)),
        "message_hl7": row.detail.get("order") or ",".join(control_id for _, control_id in brought),
    }


def _mailbox_of(row: Trace, way: Direction | None) -> str:
    """Our own mailbox: it is read, or it sends."""
    detail = row.detail
    found = detail.get("mailbox") or (detail.get("from") if way is Direction.OUT else detail.get("to"))
    return str(found or "")


def _recipient(step: str, detail: dict[str, Any]) -> str:
    """To whom the mail of a trace went: the answer where it is one, else our own mailbox for one received."""
    found = detail.get("answer_to") if step in _ANSWERS else detail.get("to") or detail.get("mailbox")
    return str(found or "")


def _request(step: str, detail: dict[str, Any]) -> str:
    """What was asked of the operator; nothing for an act on this side."""
    names = ("imap_uid", "folder", "from", "to", "size", "answer_to", "mailbox")
    return _REQUESTS.get(step, "").format(**{name: detail.get(name, "") for name in names}).strip()


def _duration(row: Trace, around: _Around) -> int | str:
    """Milliseconds of the last exchange of a mail that began before its trace."""
    key = _call_of(row)
    before = (
        [lasted for started_at, lasted in around.calls.get(key, []) if started_at <= row.time] if key else []
    )
    return before[-1] if before else ""


def _sites() -> dict[str, str]:
    """FINESS géographique of each mailbox: its own site, else that of its unit. 1 query."""
    rows = Mailbox.objects.values_list("address", "site__finess", "unit__site__finess")
    return {address.lower(): own or of_unit or "" for address, own, of_unit in rows}
