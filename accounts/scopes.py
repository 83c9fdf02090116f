"""Scopes of the application tokens: what each lets a software of the hospital do (security 3.2, 10.6).

A scope is a set of permissions; a permission that no scope holds cannot be given to a token. Reading
raw messages, administration and writing in the record are in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from accounts.permissions import checked


@dataclass(frozen=True, slots=True)
class Scope:
    """What a scope allows, in French for whoever gives it, and the permissions that it stands for."""

    label: str
    permissions: tuple[str, ...]


def _scope(label: str, *permissions: str) -> Scope:
    return Scope(label, checked(permissions))


SCOPES: Final[dict[str, Scope]] = {
    "patients:read": _scope(
        "Rechercher un patient, lire son identité, ses épisodes et ses mouvements",
        "patients.search",
        "patients.identity_view",
    ),
    "ins:read": _scope("Lire le matricule INS d'une identité qualifiée", "patients.ins_view"),
    "choices:read": _scope(
        "Lire l'information et les choix du patient", "consent.view", "patients.identity_view"
    ),
    "choices:write": _scope(
        "Enregistrer l'information et les choix du patient",
        "consent.view",
        "consent.record",
        "patients.identity_view",
    ),
    "documents:read": _scope("Lire les documents du dossier", "patients.open", "documents.view"),
    "receptions:read": _scope(
        "Lire ce qui est arrivé d'ailleurs, classé ou refusé", "patients.open", "documents.view"
    ),
    "orders:read": _scope("Lire les envois et leur histoire", "sending.list"),
    "orders:write": _scope(
        "Retenir, libérer, avancer, annuler et relancer un envoi", "sending.list", "sending.hold"
    ),
    "stats:read": _scope("Lire et exporter les indicateurs", "stats.view", "stats.export"),
}


def permissions_of(scopes: Iterable[str]) -> frozenset[str]:
    """Permissions that these scopes give together; a scope that no longer exists gives none."""
    return frozenset(
        permission for name in scopes if name in SCOPES for permission in SCOPES[name].permissions
    )
