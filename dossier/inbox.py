"""What MSSanté brought, as the unit reads it: two groups, and one rejection in detail (ui reference 6.18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Trace
from documents.enums import Intake, NoticeKind, ReceiptOutcome, VersionState
from documents.handlers import TRAIT_WORDS
from documents.models import Reception, ReceptionNotice, Version
from documents.received import REFILED_FOR
from documents.selectors import FILED, DocumentRow, steps_of
from dossier.comparison import Comparison, compare, patient_of_reception
from dossier.document_list import Mark, Row
from exchange.models import Message
from interop.cda.value_sets import document_types
from interop.hl7v2.codes import APPLICATION_ERROR_LABELS
from interop.mail.errors import MailRefused
from interop.mail.opening import MailLimits, open_mail
from mssante.models import IncomingMail
from mssante.selectors import incoming_mail_of, mailbox_at
from patients.models import Patient
from patients.selectors.record import ipps_of
from ui.french import moment

STEP_WORDS: Final = {
    "mssante.integrate": "Classé au dossier",
    "mssante.replace": "Nouvelle version classée, l’ancienne reste lisible",
    "mssante.delete": "Marqué supprimé, reste lisible",
    "mssante.duplicate": "Déjà présent, rien n’a été ajouté",
    "mssante.seen": "Marqué comme vu",
    "mssante.unseen": "Marque « vu » retirée",
    "mssante.handled": "Marqué comme traité",
    "mssante.reported": "Signalé à l’identitovigilance",
    "mssante.answered": "Signalement clos par l’identitovigilance",
}
NOTICE_BYTES: Final = 100 * 2**20
"""A notice repeats the mail it answers, archive and PDF included."""
REQUEST_WORDS: Final = {"initial": "MDM^T02", "replace": "MDM^T10", "delete": "MDM^T04"}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the inbox. `url` opens it; `badge` is a state of the family `reception`."""

    uid: str
    url: str
    title: str
    line: str
    place: str
    badge: str
    badge_detail: str
    is_waiting: bool
    selected: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history: what arrived, from whom, where it went, who saw it."""

    at: datetime
    patient: str
    patient_url: str
    document: str
    sender: str
    unit: str
    outcome: str
    detail: str
    is_refused: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace: when, what, by whom."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class NearRecord:
    """The nearest identity, under the comparison."""

    birth_name: str
    given_name: str
    sex: str
    ipp: str
    status: str
    url: str


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of the refusal; `notice` is the text that was sent, without any content of the document."""

    lines: Sequence[str]
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One rejection: what differs, who was told, who must act, what was done."""

    uid: str
    heading: str
    summary: str
    code: str
    code_label: str
    reason: str
    comparison: Comparison | None
    near: NearRecord | None
    told: Told
    who_acts: str
    steps: Sequence[Step]
    is_handled: bool
    is_reported: bool
    handle_url: str
    report_url: str


def item_of(notice: ReceptionNotice, *, selected: str = "") -> Item:
    """A line for an arrival, filed or refused."""
    reception = notice.reception
    is_rejected = notice.kind == NoticeKind.REJECTED
    is_waiting = notice.seen_at is None
    uid = str(reception.uid)
    url = f"{reverse('dossier:mssante')}?avis={uid}"
    return Item(
        uid=uid,
        url=url if is_rejected else reverse("dossier:mssante_open", args=[uid]),
        title=sender_of(reception) if is_rejected else _patient_words(reception),
        line=_document_words(reception) if is_rejected else f"{_title(reception)} · {sender_of(reception)}",
        place=f"{moment(reception.at, timezone.now())} · {_place_words(notice)}",
        badge="rejected" if is_rejected else (notice.kind if is_waiting else "seen"),
        badge_detail=reception.code if is_rejected else "",
        is_waiting=is_waiting,
        selected=uid == selected,
    )


def with_news(row: Row, kind: str) -> Row:
    """A row of the record whose arrival nobody looked at yet: NOUVEAU, REMPLACÉ, SUPPRIMÉ."""
    return replace(row, marks=[Mark("reception", kind), *row.marks]) if kind else row


def is_put_away(row: DocumentRow, news: Mapping[int, str], shown: Version | None) -> bool:
    """Whether a document that its sender deleted leaves the list: once somebody saw that it was deleted.

    It stays readable: the list says how many there are and shows them on demand (hl7v2 3.5).
    """
    is_deleted = row.shown.state == VersionState.DELETED and not row.document.is_produced
    is_open = shown is not None and shown.document_id == row.document.pk
    return is_deleted and row.document.pk not in news and not is_open


def history_row(reception: Reception) -> HistoryRow:
    """An arrival in the history; its notice, when it has one, is already loaded."""
    notice = getattr(reception, "notice", None)
    patient = reception.patient
    url = ""
    if patient is not None and reception.version is not None:
        url = f"{reverse('dossier:patient', args=[patient.uid])}?document={reception.version.uid}"
    seen = ""
    if notice is not None and notice.seen_at is not None:
        who = notice.seen_by.display_name if notice.seen_by else ""
        seen = f"{moment(notice.seen_at, timezone.now())} {who}".strip()
    return HistoryRow(
        at=reception.at,
        patient=_patient_words(reception),
        patient_url=url,
        document=_document_words(reception),
        sender=sender_of(reception),
        unit=reception.unit.name if reception.unit else "",
        outcome=reception.get_outcome_display(),
        detail=_detail(reception),
        is_refused=reception.outcome not in FILED,
        seen=seen,
    )


def _detail(reception: Reception) -> str:
    """The code of a refusal; else whose hand filed it, and why when it had been deleted."""
    if reception.code or reception.intake != Intake.MANUAL:
        return reception.code
    motive = reception.extra.get(REFILED_FOR, "")
    words = f"à la main, {reception.actor_login}"
    return f"{words}, après suppression : {motive}" if motive else words


def sender_of(reception: Reception) -> str:
    """Who sent it, the address for want of a name."""
    return reception.source_label or reception.source_address or "Émetteur inconnu"


def rejection_of(notice: ReceptionNotice, user: User) -> Rejection:
    """Everything about a rejection; the content of the document stays closed (workflows 5.3)."""
    reception = notice.reception
    received = patient_of_reception(reception)
    comparison = None
    if received is not None:
        comparison = compare(received, reception.candidate, shows_ins=user.has_perm("patients.ins_view"))
    return Rejection(
        uid=str(reception.uid),
        heading=_heading(reception),
        summary=f"{_document_words(reception)} · {sender_of(reception)} · reçu le {_full(reception)}",
        code=reception.code,
        code_label=APPLICATION_ERROR_LABELS.get(reception.code, ""),
        reason=reception.reason,
        comparison=comparison,
        near=near_record(reception.candidate, user) if reception.candidate else None,
        told=_told(reception),
        who_acts=_who_acts(reception),
        steps=_steps(reception),
        is_handled=notice.seen_at is not None,
        is_reported=notice.reported_at is not None,
        handle_url=reverse("dossier:mssante_seen", args=[reception.uid]),
        report_url=reverse("dossier:mssante_report", args=[reception.uid]),
    )


def near_record(patient: Patient, user: User) -> NearRecord:
    """An identity in one line. 1 query."""
    may_open = user.has_perm("patients.open") and user.has_perm("documents.view")
    return NearRecord(
        birth_name=patient.birth_name,
        given_name=patient.first_birth_given_name,
        sex=patient.sex,
        ipp=ipps_of([patient.pk]).get(patient.pk, ""),
        status=patient.identity_status,
        url=reverse("dossier:patient", args=[patient.uid]) if may_open else "",
    )


def _heading(reception: Reception) -> str:
    match reception.outcome:
        case ReceiptOutcome.REFUSED_IDENTITY:
            return "Identité non concordante" if reception.code != "902" else "Patient inconnu ici"
        case ReceiptOutcome.UNREADABLE:
            return "Document illisible"
        case ReceiptOutcome.REFUSED_AUTHOR:
            return "Auteur non autorisé"
        case ReceiptOutcome.OLDER | ReceiptOutcome.UNKNOWN_VERSION:
            return "Version refusée"
    return "Document refusé"


def _patient_words(reception: Reception) -> str:
    patient = reception.patient
    if patient is None:
        return "Sans dossier"
    return f"{patient.birth_name} {patient.first_birth_given_name.title()}"


def _title(reception: Reception) -> str:
    known = document_types().get(reception.type_code)
    return reception.title or (known.display if known else "Document")


def _document_words(reception: Reception) -> str:
    known = document_types().get(reception.type_code)
    words = known.display if known else reception.title or "Document non lu"
    return f"{words} du {timezone.localtime(reception.act_at):%d/%m/%Y}" if reception.act_at else words


def _place_words(notice: ReceptionNotice) -> str:
    reception = notice.reception
    match notice.kind:
        case NoticeKind.REJECTED:
            return _why_words(reception)
        case NoticeKind.DELETED:
            return "supprimé par l’émetteur, barré au dossier"
        case NoticeKind.REPLACED if reception.is_visibility_change:
            return "visibilité modifiée"
        case NoticeKind.REPLACED:
            number = reception.version.number if reception.version else 2
            return f"version {number}, la version {number - 1} reste lisible"
    document = reception.document
    if document is None or document.episode is None:
        return "hors séjour"
    act = f"au {timezone.localtime(reception.act_at):%d/%m/%Y}, " if reception.act_at else ""
    return f"classé {act}séjour {document.episode.visit_number}"


def _why_words(reception: Reception) -> str:
    if reception.code == "902":
        return "patient inconnu de l’établissement"
    names = [TRAIT_WORDS.get(trait, trait) for trait in reception.differing]
    if len(names) == 1:
        kind = "manque" if reception.code == "905" else "diffère"
        return f"un trait {kind} : {names[0]}"
    if names:
        return f"{len(names)} traits : {', '.join(names)}"
    return reception.reason.rstrip(".").lower() or APPLICATION_ERROR_LABELS.get(reception.code, "refusé")


def _full(reception: Reception) -> str:
    return f"{timezone.localtime(reception.at):%d/%m/%Y à %H:%M}"


def _told(reception: Reception) -> Told:
    """The intermediation answers where the mail came from, by a notice or a mail (mssante 2.4).

    What it did is known when it is that of this software; another one is only told of the refusal.
    """
    mail = incoming_mail_of(reception.source_id)
    lines = [f"Réponse {reception.code} rendue à la plateforme d’intermédiation, archive jointe à l’avis."]
    if mail is not None and mail.answer_to:
        sent = f"envoyé le {moment(mail.answered_at, timezone.now())}"
        when = sent if mail.answered_at else "en cours d’envoi"
        return Told([f"Avis de non-intégration à {mail.answer_to}, {when}"], _notice_text(mail))
    mailbox = mailbox_at(reception.recipient_address) if reception.recipient_address else None
    if mailbox is not None and mailbox.error_address:
        lines.append(f"Boîte prévenue des rejets : {mailbox.error_address}")
    elif reception.recipient_address:
        lines.append(f"Boîte qui a reçu le courriel : {reception.recipient_address}")
    return Told(lines)


def _notice_text(mail: IncomingMail) -> str:
    """The words of the notice that was sent, read from its bytes."""
    if not mail.answer_raw:
        return ""
    try:
        opened = open_mail(bytes(mail.answer_raw), limits=MailLimits(max_bytes=NOTICE_BYTES))
    except MailRefused:
        return ""
    return f"{opened.subject}\n\n{opened.text}".strip()


def _who_acts(reception: Reception) -> str:
    nobody = "Aucune unité n’est nommée : la première qui le lit."
    unit = f"Unité {reception.unit.name}, secrétariat." if reception.unit else nobody
    return f"{unit} Une erreur vraie part à l’identitovigilance."


def _steps(reception: Reception) -> list[Step]:
    """The message, the comparison, the answer, then what people did."""
    uid = reception.message_uid
    message = Message.objects.filter(uid=uid).defer("raw").first() if uid else None
    steps = []
    if message is not None:
        words = REQUEST_WORDS.get(reception.request, "MDM")
        steps.append(
            Step(
                _clock(message.created_at), f"Message {words} reçu de la PFI, émetteur {sender_of(reception)}"
            )
        )
    if reception.outcome == ReceiptOutcome.REFUSED_IDENTITY:
        steps.append(
            Step(_clock(reception.at), f"Traits comparés à l’identité qualifiée. {reception.reason}")
        )
    if message is not None and message.done_at is not None:
        answer = f"Réponse {message.ack_code}" + (f", code {reception.code}" if reception.code else "")
        steps.append(Step(_clock(message.done_at), f"{answer}. Aucun classement."))
    return steps + [step for trace in steps_of(reception) if (step := _step(trace))]


def _step(trace: Trace) -> Step | None:
    words = STEP_WORDS.get(trace.type)
    return Step(_clock(trace.time), f"{words}, {trace.actor_login}") if words else None


def _clock(at: datetime) -> str:
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%d/%m %H:%M}"
