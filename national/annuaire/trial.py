"""Trying the directory out: looking for an address that nobody has (F-PV-36)."""

from __future__ import annotations

from typing import Final

from audit.context import Actor
from national.annuaire.opening import directory
from national.trials import TrialResult

NOBODY: Final = "essai@exemple.invalid"


def directory_try(_name: str, actor: Actor) -> TrialResult:
    """Ask whether an address that cannot exist is known; any answer will do."""
    directory().knows(NOBODY, actor)
    return TrialResult(True, "L’Annuaire santé répond et accepte la clé d’accès.")
