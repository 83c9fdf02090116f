"""The options of the indicators must be readable before somebody extracts (spec stats 2, 4)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from patients.enums import EpisodeKind
from stats.document_types import BadMapping, types_by_code


@register()
def options_readable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The types, the kinds of stay and the layout of the file are ones that exist."""
    faults: list[CheckMessage] = []
    try:
        types_by_code(settings.STATS_TYPE_CODES)
    except BadMapping as fault:
        faults.append(
            Error(f"STATS_TYPE_CODES : « {fault} » n'est pas de la forme code=TYPE.", id="stats.E001")
        )
    for name in ("STATS_STAY_KINDS", "STATS_CONSULTATION_KINDS"):
        if unknown := set(getattr(settings, name)) - set(EpisodeKind.values):
            faults.append(Error(f"{name} : nature inconnue, {', '.join(sorted(unknown))}.", id="stats.E002"))
    if set(settings.STATS_STAY_KINDS) & set(settings.STATS_CONSULTATION_KINDS):
        faults.append(Error("Une même nature est un séjour et une consultation.", id="stats.E003"))
    try:
        layout = import_module(settings.STATS_CSV_LAYOUT)
    except ImportError:
        layout = None
    if not (hasattr(layout, "header") and hasattr(layout, "line_of")):
        faults.append(
            Error("STATS_CSV_LAYOUT ne nomme pas un module avec header et line_of.", id="stats.E004")
        )
    return faults
