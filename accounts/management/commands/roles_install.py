"""`manage.py roles_install`: creates the roles and offers them what is new; run after each migration."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import roles_install


class Command(BaseCommand):
    help = "Installe les rôles et leurs droits par défaut, sans toucher à ce que l'établissement a changé."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = roles_install()
        self.stdout.write(f"{len(changed)} rôle(s) installé(s) ou complété(s)")
