"""The validation panel: everything about a document decided at once (ui reference 6.10; F-PV-48)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from documents.models import Version
from documents.rules import is_minor
from documents.writing import WRITING_MODELS, invalid_answers, missing_sections
from dossier.recipients import Candidate, DirectoryGroup, candidates_of, fitted, gate_reason
from mssante.selectors import reply_mailbox
from patients.enums import Sex
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason
from sending.facts import facts_of
from ui.french import and_list

MAX_MOMENT = 30
MAX_RECIPIENTS = 50
PAPER_KEY = "paper"
REPLY_FIELD = "patient_reply"
MASKED_WARNING = "Le document sera masqué aux professionnels du DMP, pas à ceux qui le reçoivent."


@dataclass(frozen=True, slots=True)
class Problem:
    """What stops the validation; `anchor` is the key of the heading."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """A choice under the line of a recipient."""

    name: str
    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of « Destinataires »."""

    value: str
    who: str
    detail: str
    channel: str
    checked: bool
    state: str
    departure: datetime | None = None
    reason: str = ""
    disabled: bool = False
    name: str = "recipient"
    option: Option | None = None


@dataclass(frozen=True, slots=True)
class PanelPatient:
    """Who the document is about, repeated in the panel: the wrong patient is stopped here."""

    birth_name: str
    given_name: str
    sex: str
    birth_date: Any
    status: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person answered in the panel; `recipients` None: nothing was asked yet.

    `mail_size` is that of the mail that was refused as too big, in bytes.
    """

    recipients: tuple[str, ...] | None = None
    invisible_patient: bool = False
    masque_ps: bool = False
    invisible_rep_legaux: bool = False
    connexion_secrete: bool = False
    patient_reply: bool | None = None
    not_before: str = ""
    search: str = ""
    mail_size: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """Inputs of documents/_validation_panel.html."""

    title: str
    patient: PanelPatient
    url: str
    cancel_url: str
    revision: int
    problems: Sequence[Problem] = ()
    recipients: Sequence[Recipient] = ()
    invisible_patient: bool = False
    masque_ps: bool = False
    invisible_rep_legaux: bool = False
    connexion_secrete: bool = False
    rep_legaux_reason: str = ""
    masque_ps_reason: str = ""
    invisible_patient_reason: str = ""
    visibility_source: str = ""
    departure: datetime | None = None
    departure_text: str = ""
    not_before: str = ""
    error: str = ""
    find_url: str = ""
    search: str = ""
    found: Sequence[Candidate] | None = None
    directory_url: str = ""
    directory: DirectoryGroup | None = None
    still_invisible: Sequence[object] = field(default_factory=tuple)


def asked_in_panel(data: QueryDict) -> Asked:
    """The answers of the panel, kept when it comes back with an error or with what a search found."""
    return Asked(
        recipients=tuple(data.getlist("recipient"))[:MAX_RECIPIENTS],
        invisible_patient=data.get("visibility") == "invisible",
        masque_ps=bool(data.get("masque_ps")),
        invisible_rep_legaux=bool(data.get("invisible_rep_legaux")),
        connexion_secrete=bool(data.get("connexion_secrete")),
        patient_reply=bool(data.get(REPLY_FIELD)),
        not_before=data.get("not_before", "")[:MAX_MOMENT],
        search=data.get("q", "")[:100],
    )


def panel_of(
    version: Version,
    user: User,
    *,
    asked: Asked | None = None,
    found: Sequence[Candidate] | None = None,
    directory: DirectoryGroup | None = None,
    error: str = "",
) -> Panel:
    """The panel that decides everything at once; with problems, nothing can be validated."""
    asked = asked or Asked(
        invisible_patient=version.is_invisible_patient,
        masque_ps=version.is_masque_ps,
        invisible_rep_legaux=version.is_invisible_rep_legaux,
        connexion_secrete=version.is_connexion_secrete,
    )
    document = version.document
    patient = document.patient
    departure = departure_of(version)
    return Panel(
        title=f"Valider : {document.title}",
        patient=PanelPatient(
            patient.birth_name,
            patient.first_birth_given_name,
            patient.sex,
            patient.birth_date,
            patient.identity_status,
        ),
        url=reverse("dossier:letter_validate", args=[version.uid]),
        cancel_url=reverse("dossier:letter_edit", args=[version.uid]),
        revision=version.revision,
        problems=problems_of(version, user),
        recipients=recipients_of(version, asked, departure),
        invisible_patient=asked.invisible_patient,
        masque_ps=asked.masque_ps,
        invisible_rep_legaux=asked.invisible_rep_legaux,
        connexion_secrete=asked.connexion_secrete,
        not_before=asked.not_before,
        rep_legaux_reason="" if is_minor(patient.birth_date, timezone.localdate()) else "sans objet : majeur",
        departure=departure if departure > timezone.now() else None,
        error=error,
        find_url=reverse("dossier:recipients_find", args=[version.uid]),
        search=asked.search,
        found=found,
        directory_url=directory_url_of(version, user),
        directory=directory,
    )


def directory_url_of(version: Version, user: User) -> str:
    """Where the panel searches the national directory; empty for who may not."""
    if not user.has_perm("mssante.directory"):
        return ""
    return reverse("dossier:recipients_directory", args=[version.uid])


def recipients_of(version: Version, asked: Asked, departure: datetime) -> list[Recipient]:
    """The lines of the panel: the DMP, each recipient of a mail, and paper for what is left."""
    size = asked.mail_size
    candidates = [fitted(one, size) for one in candidates_of(version, asked=asked.recipients or ())]
    lines = [_dmp_line(version, departure, _is_ticked("dmp", asked, by_default=True))]
    lines += [mail_line(version, one, asked, departure) for one in candidates]
    return [*lines, _paper_line(version, candidates, asked)] if candidates else lines


def paper_words(version: Version, candidates: Sequence[Candidate]) -> str:
    """Who is left for paper, in words; empty when everybody is served."""
    left = [_named(version, one) for one in candidates if one.unserved]
    return and_list(left)


def problems_of(version: Version, user: User) -> list[Problem]:
    """Everything that validation would refuse, said before one tries."""
    model = WRITING_MODELS[version.document.model]
    problems = [
        Problem(f"« {section.title} » n’est pas rempli.", section.key)
        for section in missing_sections(model, version.body)
    ]
    problems += [
        Problem(f"« {section.title} » : réponse inconnue.", section.key)
        for section in invalid_answers(model, version.body)
    ]
    patient = version.document.patient
    if patient.is_closed:
        problems.append(Problem("Cette identité est fermée : aucun document ne peut y être ajouté."))
    if patient.birth_date is None:
        problems.append(Problem("La date de naissance est inconnue : complétez l’identité."))
    if not (user.rpps and user.acting.profession):
        problems.append(Problem("Votre compte n’a ni RPPS ni profession : il ne peut pas valider."))
    return problems


def gate_words(reason: str) -> str:
    """Why an order waits or would wait, in words."""
    return str(OrderReason(reason).label)


def departure_of(version: Version) -> datetime:
    """When what is validated now would leave, with the deferral of the unit."""
    unit = version.document.unit
    delay = unit.send_delay_minutes if unit and unit.send_delay_minutes is not None else None
    return rules.departure(
        validated_at=timezone.now(),
        delay_minutes=settings.SENDING_DELAY_MINUTES if delay is None else delay,
        chosen=None,
    )


def _is_ticked(key: str, asked: Asked, *, by_default: bool) -> bool:
    return by_default if asked.recipients is None else key in asked.recipients


def _dmp_line(version: Version, departure: datetime, is_checked: bool) -> Recipient:
    action = OrderAction.REPLACE if version.number > 1 else OrderAction.INITIAL
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=action))
    return Recipient(
        value=Channel.DMP.value,
        who="DMP · Mon espace santé",
        detail="Remplace la version précédente" if version.number > 1 else "Alimentation du DMP",
        channel=Channel.DMP.value,
        checked=is_checked,
        state=gate.state.value,
        departure=departure if departure > timezone.now() else None,
        reason="" if gate.is_open else gate_words(gate.reason),
    )


def mail_line(version: Version, one: Candidate, asked: Asked, departure: datetime) -> Recipient:
    if one.wish is None:  # no address is known, or the mail is too big: nothing to tick
        return Recipient(
            value="", who=one.who, detail=one.detail, channel=one.channel, checked=False, state="",
            disabled=True,
        )  # fmt: skip
    gate = gate_reason(version, one.channel)
    option = _reply_option(version, one, asked) if one.channel == Channel.MSSANTE_PATIENT else None
    return Recipient(
        value=one.key,
        who=one.who,
        detail=one.detail,
        channel=one.channel.value,
        checked=_is_ticked(one.key, asked, by_default=one.is_default),
        state=gate.state.value,
        departure=departure if departure > timezone.now() else None,
        reason="" if gate.is_open else f"{one.detail} · {gate_words(gate.reason)}",
        option=option,
    )


def _reply_option(version: Version, one: Candidate, asked: Asked) -> Option | None:
    """Let the patient answer (SC.MSS/CONF.24): offered only where people of the unit read a mailbox."""
    if reply_mailbox(version.document.unit_id) is None:
        return None
    by_default = one.wish is not None and not one.wish.closes_reply
    return Option(
        name=REPLY_FIELD,
        label="Permettre la réponse",
        checked=by_default if asked.patient_reply is None else asked.patient_reply,
    )


def _paper_line(version: Version, candidates: Sequence[Candidate], asked: Asked) -> Recipient:
    left = paper_words(version, candidates)
    return Recipient(
        value=PAPER_KEY,
        who="Papier",
        detail=f"À remettre : {left}" if left else "Inutile : chacun est déjà servi",
        channel=PAPER_KEY,
        checked=_is_ticked(PAPER_KEY, asked, by_default=bool(left)),
        state="",
    )


def _named(version: Version, one: Candidate) -> str:
    """« le Dr ROUX Karim (adresse MSSanté inconnue) », « la patiente (refuse les messages) »."""
    if one.channel == Channel.MSSANTE_PATIENT:
        who = "la patiente" if version.document.patient.sex == Sex.FEMALE else "le patient"
    else:
        who = f"le {one.who}" if one.who.startswith("Dr ") else one.who
    return f"{who} ({one.unserved})"
