"""Writing a document: blocks, checks, validation panel (ui reference 6.8 to 6.10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from consent.enums import ChoiceValue
from consent.selectors import choices_current
from documents.models import Version
from documents.prefill import prefilled
from documents.writing import (
    TREATMENT_STATUSES,
    WRITING_MODELS,
    Option,
    Section,
    SectionKind,
    WritingModel,
    invalid_answers,
    is_asked,
    missing_sections,
)
from patients.enums import IdentityStatus
from patients.models import Episode, Patient
from patients.selectors import AlertLine
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason
from sending.facts import facts_of
from ui.pills import label

MAX_TEXT = 40_000
MAX_MOMENT = 30
FROM_THE_RECORD = "repris du dossier"
ADULT_AGE = 18


@dataclass(frozen=True, slots=True)
class Block:
    """Inputs of documents/_block.html."""

    key: str
    title: str
    kind: str
    required: bool
    help: str
    shown: bool
    value: str = ""
    options: Sequence[Option] = ()
    rows: Sequence[Mapping[str, str]] = ()
    none: bool = False
    statuses: Sequence[Option] = TREATMENT_STATUSES
    source: str = ""
    error: str = ""
    depends_key: str = ""
    depends_value: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of « Contrôles du document »."""

    outcome: str
    title: str
    detail: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of « Ce qui partira à la validation »."""

    icon: str
    title: str
    detail: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """Inputs of documents/_helper.html."""

    checks: Sequence[Check]
    leaving: Sequence[Line]
    inserts: Sequence[object] = ()
    tabs: Sequence[object] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What stops the validation; `anchor` is the key of the heading."""

    text: str
    anchor: str = ""


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
    """What the person answered in the panel."""

    to_dmp: bool
    invisible_patient: bool
    masque_ps: bool
    invisible_rep_legaux: bool
    not_before: str = ""


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
    rep_legaux_reason: str = ""
    masque_ps_reason: str = ""
    invisible_patient_reason: str = ""
    visibility_source: str = ""
    departure: datetime | None = None
    departure_text: str = ""
    not_before: str = ""
    error: str = ""
    directory_url: str = ""
    still_invisible: Sequence[object] = field(default_factory=tuple)


def body_of_form(model: WritingModel, data: QueryDict) -> dict[str, Any]:
    """The body as the form sends it; unknown fields are ignored, texts are cut at 40,000 characters."""
    return {section.key: _answer(section, data) for section in model.sections}


def blocks_of(version: Version, body: Mapping[str, Any], *, alerts: Iterable[AlertLine]) -> list[Block]:
    """The form, one block for each heading of the model; what is still as taken from the record says so."""
    model = WRITING_MODELS[version.document.model]
    taken = prefilled(model, alerts)
    return [
        _block(section, body, FROM_THE_RECORD if _is_taken(section, body, taken) else "")
        for section in model.sections
    ]


def helper_of(version: Version, user: User) -> Helper:
    """What is checked and what will leave, beside the text."""
    document = version.document
    return Helper(
        checks=_checks(version, user), leaving=_leaving(version, document.patient, document.episode)
    )


def asked_in_panel(data: QueryDict) -> Asked:
    """The answers of the panel, kept when it comes back with an error."""
    return Asked(
        to_dmp=Channel.DMP.value in data.getlist("recipient"),
        invisible_patient=data.get("visibility") == "invisible",
        masque_ps=bool(data.get("masque_ps")),
        invisible_rep_legaux=bool(data.get("invisible_rep_legaux")),
        not_before=data.get("not_before", "")[:MAX_MOMENT],
    )


def panel_of(version: Version, user: User, *, asked: Asked | None = None, error: str = "") -> Panel:
    """The panel that decides everything at once; with problems, nothing can be validated."""
    asked = asked or Asked(
        to_dmp=True,
        invisible_patient=version.is_invisible_patient,
        masque_ps=version.is_masque_ps,
        invisible_rep_legaux=version.is_invisible_rep_legaux,
    )
    document = version.document
    patient = document.patient
    write_url = reverse("dossier:letter_edit", args=[version.uid])
    departure = _departure(version)
    is_minor = patient.birth_date is not None and _years(patient) < ADULT_AGE
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
        cancel_url=write_url,
        revision=version.revision,
        problems=problems_of(version, user),
        recipients=(_dmp_recipient(version, departure, asked.to_dmp),),
        invisible_patient=asked.invisible_patient,
        masque_ps=asked.masque_ps,
        invisible_rep_legaux=asked.invisible_rep_legaux,
        not_before=asked.not_before,
        rep_legaux_reason="" if is_minor else "sans objet : majeur",
        departure=departure if departure > timezone.now() else None,
        error=error,
    )


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
    if not (user.rpps and user.profession):
        problems.append(Problem("Votre compte n’a ni RPPS ni profession : il ne peut pas valider."))
    return problems


def _answer(section: Section, data: QueryDict) -> Any:
    if section.kind is not SectionKind.TREATMENTS:
        return data.get(section.key, "").replace("\r\n", "\n")[:MAX_TEXT]
    columns = (data.getlist(f"{section.key}-{part}") for part in ("name", "dosage", "status"))
    rows = [
        {"name": name.strip()[:300], "dosage": dosage.strip()[:300], "status": status}
        for name, dosage, status in zip(*columns, strict=False)
        if name.strip()
    ]
    return {"none": bool(data.get(f"{section.key}-none")) and not rows, "rows": rows}


def _is_taken(section: Section, body: Mapping[str, Any], taken: Mapping[str, str]) -> bool:
    return bool(taken.get(section.key)) and body.get(section.key) == taken[section.key]


def _block(section: Section, body: Mapping[str, Any], source: str) -> Block:
    answer = body.get(section.key, "")
    treatments = answer if isinstance(answer, dict) else {}
    depends_key, depends_value = section.depends_on or ("", "")
    return Block(
        key=section.key,
        title=section.title,
        kind=section.kind.value,
        required=section.is_required,
        help=section.help,
        shown=is_asked(section, body),
        value=answer if isinstance(answer, str) else "",
        options=section.options,
        rows=treatments.get("rows", ()),
        none=treatments.get("none", False),
        source=source,
        depends_key=depends_key,
        depends_value=depends_value,
    )


def _checks(version: Version, user: User) -> list[Check]:
    patient = version.document.patient
    model = WRITING_MODELS[version.document.model]
    missing = missing_sections(model, version.body)
    required = [section for section in model.sections if section.is_required]
    identity = (
        Check("passed", "Identité qualifiée", "Le PDF portera le datamatrix « INS à scanner ».")
        if patient.is_qualified
        else Check(
            "warning",
            IdentityStatus(patient.identity_status).label,
            "Ni matricule INS ni datamatrix ; pas de DMP.",
        )
    )
    sections = (
        Check("passed", "Rubriques obligatoires remplies", f"{len(required)} sur {len(required)}")
        if not missing
        else Check(
            "failed",
            f"{len(missing)} rubrique{'s' if len(missing) > 1 else ''} à remplir",
            ", ".join(section.title for section in missing[:3]) + ("…" if len(missing) > 3 else ""),
            missing[0].key,
        )
    )
    author = (
        Check("passed", "Auteur et RPPS connus", user.display_name)
        if user.rpps and user.profession
        else Check("failed", "Auteur sans RPPS ou sans profession", "Ce compte ne peut pas valider.")
    )
    return [identity, sections, author]


def _leaving(version: Version, patient: Patient, episode: Episode | None) -> list[Line]:
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=OrderAction.INITIAL))
    choice = choices_current(episode).alimentation_value if episode else ChoiceValue.NOT_COLLECTED
    word = label("choice", choice).lower()
    lines = [
        Line("cloud", "DMP · Mon espace santé", f"Alimentation : {word}")
        if gate.is_open
        else Line("ban", "DMP : rien ne part", gate_words(gate.reason), "warn")
    ]
    departure = _departure(version)
    if gate.is_open and departure > timezone.now():
        local = timezone.localtime(departure)
        lines.append(
            Line(
                "clock",
                f"Départ à {local:%H:%M}",
                "Vous pourrez retenir l’envoi jusque-là.",
                "info",
            )
        )
    return lines


def gate_words(reason: str) -> str:
    """Why an order waits or would wait, in words."""
    return str(OrderReason(reason).label)


def _dmp_recipient(version: Version, departure: datetime, is_checked: bool) -> Recipient:
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


def _departure(version: Version) -> datetime:
    unit = version.document.unit
    delay = unit.send_delay_minutes if unit and unit.send_delay_minutes is not None else None
    return rules.departure(
        validated_at=timezone.now(),
        delay_minutes=settings.SENDING_DELAY_MINUTES if delay is None else delay,
        chosen=None,
    )


def _years(patient: Patient) -> int:
    today = timezone.localdate()
    birth = patient.birth_date
    if birth is None:
        return ADULT_AGE
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
