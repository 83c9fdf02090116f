"""`manage.py roles_export`: the matrix of rights in force, as CSV (security 3.1)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.exports import roles_csv


class Command(BaseCommand):
    help = "Écrit la matrice des droits (permission par rôle) en CSV sur la sortie standard."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(roles_csv(), ending="")
