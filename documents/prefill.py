"""What the record already knows, written in a new draft (workflows 3.1). Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from documents.writing import WritingModel
from patients.enums import AlertKind, AlertState
from patients.selectors import AlertLine

ALLERGIES = "allergies"
NO_KNOWN_ALLERGY = "Aucune allergie connue."


def prefilled(model: WritingModel, alerts: Iterable[AlertLine]) -> dict[str, str]:
    """The sections of `model` that the record answers, by key.

    Nothing is invented: allergies that nobody recorded leave their heading empty, which is not
    « aucune allergie connue ».
    """
    keys = {section.key for section in model.sections}
    found = {ALLERGIES: _allergies(alerts)}
    return {key: text for key, text in found.items() if key in keys and text}


def _allergies(alerts: Iterable[AlertLine]) -> str:
    line = next((alert for alert in alerts if alert.kind == AlertKind.ALLERGY), None)
    if line is None or line.state == AlertState.NOT_RECORDED:
        return ""
    if line.state == AlertState.NONE_KNOWN:
        return NO_KNOWN_ALLERGY
    return "\n".join(line.labels)
