"""Trying INSi out: searching a person that nobody is; "nobody found" is the answer hoped for (F-PV-36)."""

from __future__ import annotations

from datetime import date
from typing import Final

from audit.context import Actor
from interop.insi.request import search_of
from national.insi.opening import insi_line
from national.trials import TRIAL, TrialResult

ANSWERS: Final = "INSi répond et accepte le certificat et le numéro d’autorisation de l’établissement."


def insi_try(_name: str, actor: Actor) -> TrialResult:
    """Search traits that no birth record holds, for no patient; any answer will do."""
    nobody = search_of(birth_name="ESSAI", given_names=("ESSAI",), sex="F", birth_date=date(1900, 1, 1))
    with insi_line() as line:
        line.search(nobody, actor=actor, patient_uid=None, transaction=TRIAL)
    return TrialResult(True, ANSWERS)
