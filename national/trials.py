"""Trying a service out: one harmless real call that an administrator asks for, its result in words (F-PV-36).

Each service registers what its trial does when the applications are loaded; a provider of identities is
named by its kind and slug (`oidc:etablissement`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from audit.context import Actor
from national.errors import NationalServiceError

TRIAL: Final = "ESSAI"
"""Transaction of the calls that only a trial makes."""
AIR_TRIAL: Final = "ESSAI AIR"
"""The same, at the address where the DMP is consulted."""
TRIALS: Final = (TRIAL, AIR_TRIAL)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial found; `text` is French, for the administrator, `code` stable."""

    passed: bool
    text: str
    code: str = ""


Trial = Callable[[str, Actor], TrialResult]
"""Given what follows the colon of the target, and who asks."""

_trials: dict[str, Trial] = {}


def trial_register(kind: str, trial: Trial) -> None:
    """Declare how the services of a kind are tried out."""
    _trials[kind] = trial


def can_be_tried(target: str) -> bool:
    """Whether somebody declared how to try it out."""
    return target.partition(":")[0] in _trials


def trial_run(target: str, actor: Actor) -> TrialResult:
    """Try a service out; whatever it answers becomes a result."""
    kind, _, name = target.partition(":")
    trial = _trials.get(kind)
    if trial is None:
        return TrialResult(False, "Aucun essai n’existe pour ce service.", "NO_TRIAL")
    try:
        return trial(name, actor)
    except NationalServiceError as error:
        return TrialResult(False, error.message, error.code)
