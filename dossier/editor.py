"""Writing a document: blocks, checks, what will leave (ui reference 6.8, 6.11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
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
    is_asked,
    missing_sections,
)
from dossier.panel import departure_of, gate_words
from dossier.recipients import candidates_of
from patients.enums import IdentityStatus
from patients.selectors import AlertLine
from sending import rules
from sending.enums import Channel, OrderAction
from sending.facts import facts_of
from ui.pills import label

MAX_TEXT = 40_000
MAX_MOMENT = 30
FROM_THE_RECORD = "repris du dossier"


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
    return Helper(checks=_checks(version, user), leaving=_leaving(version))


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
        if user.rpps and user.acting.profession
        else Check("failed", "Auteur sans RPPS ou sans profession", "Ce compte ne peut pas valider.")
    )
    return [identity, sections, author]


def _leaving(version: Version) -> list[Line]:
    """The DMP, then who gets a mail, then when; what cannot leave says why."""
    document = version.document
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=OrderAction.INITIAL))
    episode = document.episode
    choice = choices_current(episode).alimentation_value if episode else ChoiceValue.NOT_COLLECTED
    word = label("choice", choice).lower()
    lines = [
        Line("cloud", "DMP · Mon espace santé", f"Alimentation : {word}")
        if gate.is_open
        else Line("ban", "DMP : rien ne part", gate_words(gate.reason), "warn")
    ]
    mailed = [one for one in candidates_of(version) if one.wish is not None and one.is_default]
    lines += [
        Line("mail" if one.channel == Channel.MSSANTE_PRO else "message", one.who, one.detail)
        for one in mailed
    ]
    departure = departure_of(version)
    if (gate.is_open or mailed) and departure > timezone.now():
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
