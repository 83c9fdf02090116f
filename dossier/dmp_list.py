"""The column DMP of « Mes patients »: what this person already knows, without any call (workflows 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from accounts.models import User
from consent.enums import ChoiceValue
from consent.selectors import CurrentChoices
from dmp.enums import AccessState
from dmp.selectors import News, news_for_patients, statuses_for_patients
from patients.selectors import UnitRow

TOLD = frozenset(
    {
        AccessState.NONE,
        AccessState.CLOSED,
        AccessState.BLOCKED,
        AccessState.NOT_ALLOWED,
        AccessState.UNAVAILABLE,
    }
)
"""Answers of the DMP that are said instead of a count."""


@dataclass(frozen=True, slots=True)
class DmpWords:
    """Inputs of the cell: a state, else a count; `is_known` is false while nothing was asked."""

    state: str = ""
    news: int = 0
    invisible: int = 0
    is_known: bool = False


def dmp_words(
    user: User, rows: Sequence[UnitRow], choices: Mapping[int, CurrentChoices]
) -> dict[int, DmpWords]:
    """For each patient, the state known locally, the last answer, or the count. 2 queries at most."""
    if not user.has_perm("dmp.consult"):
        return {}
    patients = [row.patient.pk for row in rows]
    states = statuses_for_patients(user, patients, now=timezone.now())
    news = news_for_patients(user, patients)
    return {
        row.patient.pk: _words(
            row, choices[row.episode.pk], states.get(row.patient.pk), news.get(row.patient.pk)
        )
        for row in rows
    }


def _words(row: UnitRow, choices: CurrentChoices, state: AccessState | None, news: News | None) -> DmpWords:
    if not choices.consulting:
        opposed = choices.consultation_value == ChoiceValue.OPPOSED
        return DmpWords(AccessState.OPPOSED if opposed else AccessState.NOT_INFORMED)
    if not row.patient.is_qualified or row.patient.is_identity_under_review:
        return DmpWords(AccessState.INS_NOT_QUALIFIED)
    if state in TOLD:
        return DmpWords(state.value)
    found = news or News()
    is_known = state == AccessState.OPEN or found.count > 0
    return DmpWords(news=found.count, invisible=found.invisible, is_known=is_known)
