"""Reads of the patients room: relation of care, search, unit list, record."""

from patients.selectors.access import CareRelation, RelationKind, care_relation, relations_for
from patients.selectors.matching import holder_of, holders_of, traits_of
from patients.selectors.record import (
    AlertLine,
    Record,
    TeamLine,
    UnitRow,
    alert_lines,
    episode_by_uid,
    episodes_of,
    matricule_of,
    patient_by_uid,
    record,
    stays_to_conclude,
    stays_with_choices,
    unit_list,
)
from patients.selectors.search import (
    EpisodeSummary,
    SearchCriteria,
    SearchResult,
    SearchRow,
    Tier,
    criteria_of,
    search,
)

__all__ = [
    "AlertLine",
    "CareRelation",
    "EpisodeSummary",
    "Record",
    "RelationKind",
    "SearchCriteria",
    "SearchResult",
    "SearchRow",
    "TeamLine",
    "Tier",
    "UnitRow",
    "alert_lines",
    "care_relation",
    "criteria_of",
    "episode_by_uid",
    "episodes_of",
    "holder_of",
    "holders_of",
    "matricule_of",
    "patient_by_uid",
    "record",
    "relations_for",
    "search",
    "stays_to_conclude",
    "stays_with_choices",
    "traits_of",
    "unit_list",
]
