"""`manage.py load_demo`: the demonstration hospital, loaded once through the real entrances."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dpi.demo import hospital
from dpi.demo.loading import (
    DemonstrationRefused,
    demonstration_fill,
    demonstration_load,
    is_loaded,
)

FIRST_STEPS = (
    "Pour commencer :",
    "  1. Ouvrez l'adresse, choisissez « Pro Santé Connect », puis Dr HODA Alice.",
    "  2. Mes patients, PAT-TROIS Dominique, « Nouveau document », Lettre de liaison de sortie.",
    "  3. Écrivez, « Valider… », « Valider et programmer » : elle part seule, la liste Envois le montre.",
)


class Command(BaseCommand):
    help = "Charge l'hôpital de démonstration ; sans effet la seconde fois."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DPI_SANDBOX:
            raise CommandError("La démonstration ne se charge que dans une instance simulée (DPI_SANDBOX).")
        try:
            loaded = None if is_loaded() else demonstration_load()
            demonstration_fill(is_new=loaded is not None)
        except DemonstrationRefused as error:
            raise CommandError(f"Un message de la démonstration a été refusé : {error}") from error
        self._tell("Comptes de démonstration (Pro Santé Connect, page de choix du simulateur) :", by_psc=True)
        self._tell("Par « Compte de l’établissement » :", by_psc=False)
        if loaded and loaded.passwords:
            self.stdout.write("Administrateurs locaux (affiché cette fois seulement : notez-le) :")
            for login, password in loaded.passwords.items():
                self.stdout.write(f"  {login}, mot de passe {password}")
        for line in FIRST_STEPS:
            self.stdout.write(line)

    def _tell(self, heading: str, *, by_psc: bool) -> None:
        self.stdout.write(heading)
        for user in hospital.USERS:
            if bool(user.rpps or user.structure_identity) if by_psc else bool(user.establishment_identity):
                name = " ".join(part for part in (user.title, user.family_name, user.given_name) if part)
                self.stdout.write(f"  {name}, {user.role.label.lower()}")
