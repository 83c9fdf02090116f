"""The patient banner and the rail, present on every page of a patient (ui reference 6.3, 6.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse

from accounts.models import User
from consent.enums import ChoiceValue
from consent.models import Choice
from consent.selectors import CurrentChoices, choices_current
from patients.enums import AlertKind, AlertState
from patients.models import Episode, Patient
from patients.selectors import AlertLine, Record
from ui.components import Entry


@dataclass(frozen=True, slots=True)
class ChoicesFact:
    """Both choices with the date and source of the newest."""

    alimentation: str
    consultation: str
    at: datetime | None
    source: str
    url: str


@dataclass(frozen=True, slots=True)
class StayFact:
    """The stay shown in the banner."""

    number: str
    kind: str
    unit: str
    bed: str
    entered_at: datetime | None
    url: str = ""


@dataclass(frozen=True, slots=True)
class AlertMark:
    """One alert of the banner: state (known, none_known, not_recorded) and label."""

    state: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Banner:
    """Inputs of dossier/_banner.html."""

    birth_name: str
    given_name: str
    sex: str
    birth_date: date | None
    birth_date_note: str
    birth_place: str
    birth_place_code: str
    used_name: str
    ipp: str
    is_deceased: bool
    status: str
    attributes: Sequence[str]
    ins_url: str
    alerts: Sequence[AlertMark] | None
    alerts_url: str
    choices: ChoicesFact | None
    stay: StayFact | None
    team_count: int | None
    dmp_url: str = ""
    dmp: None = None
    team_url: str = ""


def banner_of(record: Record, user: User, *, choices: CurrentChoices | None = None) -> Banner:
    """Everything the banner says of a record; alerts only for those who may open the record."""
    patient = record.patient
    episode = record.episode
    if choices is None and episode is not None:
        choices = choices_current(episode)
    clinical = user.has_perm("patients.open")
    return Banner(
        birth_name=patient.birth_name,
        given_name=patient.first_birth_given_name,
        sex=patient.sex,
        birth_date=patient.birth_date,
        birth_date_note="date estimée" if patient.is_birth_date_estimated else "",
        birth_place=patient.birth_place_label,
        birth_place_code=patient.birth_place_cog,
        used_name=patient.used_name,
        ipp=record.ipp,
        is_deceased=patient.died_at is not None,
        status=patient.identity_status,
        attributes=patient.identity_attributes,
        ins_url=reverse("dossier:ins", args=[patient.uid]) if record.ins else "",
        alerts=alert_marks(record.alerts) if clinical else None,
        alerts_url=reverse("dossier:patient", args=[patient.uid]),
        dmp_url=reverse("dossier:dmp_fact", args=[patient.uid]) if clinical else "",
        choices=_choices_fact(patient, user, choices) if episode else None,
        stay=_stay_fact(episode) if episode else None,
        team_count=len(record.team) if clinical else None,
    )


def alert_marks(lines: Sequence[AlertLine]) -> list[AlertMark]:
    """Allergies always, in one of their three states; other alerts when they are known."""
    marks: list[AlertMark] = []
    for line in lines:
        if line.state == AlertState.KNOWN:
            marks += [AlertMark(line.state, label) for label in line.labels]
        elif line.kind == AlertKind.ALLERGY:
            marks.append(AlertMark(line.state))
    return marks


def rail_of(
    patient: Patient, user: User, *, current: str, counts: dict[str, int] | None = None
) -> list[Entry]:
    """The sections of the record that exist and that this person may open, in their fixed order."""
    counts = counts or {}
    entries = []
    if user.has_perm("documents.view") and user.has_perm("patients.open"):
        entries.append(
            Entry(
                "Dossier médical",
                reverse("dossier:patient", args=[patient.uid]),
                "folder-open",
                current=current == "documents",
                count=counts.get("documents"),
                short="Dossier",
                key="documents",
            )
        )
    if user.has_perm("consent.view"):
        entries.append(
            Entry(
                "Information",
                reverse("dossier:choices", args=[patient.uid]),
                "user-check",
                current=current == "choices",
            )
        )
    if user.has_perm("patients.identity_write"):
        entries.append(
            Entry(
                "Identité",
                reverse("dossier:identity", args=[patient.uid]),
                "id-card",
                current=current == "identity",
            )
        )
    if user.has_perm("sending.list"):
        entries.append(
            Entry(
                "Envois",
                reverse("dossier:patient_envois", args=[patient.uid]),
                "send",
                current=current == "envois",
                count=counts.get("envois"),
            )
        )
    return entries


def _choices_fact(patient: Patient, user: User, choices: CurrentChoices | None) -> ChoicesFact:
    known: list[Choice] = []
    if choices is not None:
        known = [row for row in (choices.alimentation, choices.consultation) if row is not None]
    newest = max(known, key=lambda row: row.collected_at, default=None)
    return ChoicesFact(
        alimentation=choices.alimentation_value if choices else ChoiceValue.NOT_COLLECTED,
        consultation=choices.consultation_value if choices else ChoiceValue.NOT_COLLECTED,
        at=newest.collected_at if newest else None,
        source=newest.source if newest else "",
        url=reverse("dossier:choices", args=[patient.uid]) if user.has_perm("consent.view") else "",
    )


def stay_words(episode: Episode) -> str:
    """`séjour 000897406, CHIR V`: enough to tell two stays apart."""
    number = f"séjour {episode.visit_number}" if episode.visit_number else episode.get_kind_display().lower()
    return f"{number}, {episode.unit.name}" if episode.unit else number


def bed_words(episode: Episode) -> str:
    """Room and bed, `12-1`."""
    return "-".join(part for part in (episode.room, episode.bed) if part)


def _stay_fact(episode: Episode) -> StayFact:
    return StayFact(
        number=episode.visit_number,
        kind=episode.get_kind_display(),
        unit=episode.unit.name if episode.unit else "",
        bed=bed_words(episode),
        entered_at=episode.admitted_at,
    )
