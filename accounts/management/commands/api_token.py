"""`manage.py api_token`: gives a software of the hospital its key to the API, shown once; or revokes it."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug
from django.db import transaction
from django.utils import timezone

from accounts.errors import AccountError
from accounts.models import ApiToken
from accounts.scopes import SCOPES
from accounts.services import INSTALLER, api_token_create, api_token_revoke, service_account_open
from establishment.models import Unit

EVERY = "tous"
DEFAULT_DAYS = 365


class Command(BaseCommand):
    help = "Donne, montre ou révoque les jetons d'un logiciel de l'établissement."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Nom du logiciel : celui de son compte de service.")
        parser.add_argument("--scope", action="append", default=[], choices=sorted(SCOPES), dest="scopes")
        parser.add_argument(
            "--unit", action="append", default=[], dest="units", help="Code d'une UF ; sans : toutes."
        )
        parser.add_argument("--expires", type=int, default=DEFAULT_DAYS, metavar="JOURS")
        parser.add_argument("--reason", default="", help="Justification, ou motif de révocation.")
        parser.add_argument(
            "--revoke",
            nargs="?",
            const=EVERY,
            metavar="DÉBUT",
            help="Révoque le jeton qui commence ainsi ; sans valeur, tous ceux de ce nom.",
        )
        parser.add_argument("--list", action="store_true", dest="lists", help="Montre les jetons de ce nom.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        validate_slug(name)
        if options["lists"]:
            self._list(name)
        elif options["revoke"]:
            self._revoke(name, options["revoke"], options["reason"])
        else:
            self._give(name, options)

    def _give(self, name: str, options: dict[str, Any]) -> None:
        units = list(Unit.objects.filter(code__in=options["units"]))
        unknown = sorted(set(options["units"]) - {unit.code for unit in units})
        if unknown:
            raise CommandError(f"UF inconnue : {', '.join(unknown)}.")
        if not options["scopes"]:
            raise CommandError(f"Nommez au moins une portée (--scope) : {', '.join(sorted(SCOPES))}.")
        try:
            with transaction.atomic():
                owner = service_account_open(login=name, units=units, actor=INSTALLER)
                issued = api_token_create(
                    owner=owner,
                    scopes=options["scopes"],
                    expires_at=timezone.now() + timedelta(days=options["expires"]),
                    justification=options["reason"],
                    actor=INSTALLER,
                )
        except AccountError as error:
            raise CommandError(error.message) from error
        self.stderr.write(
            f"Jeton de {name}, valable jusqu'au {issued.token.expires_at:%d/%m/%Y}. "
            "Il n'est montré qu'ici : gardez-le au coffre."
        )
        self.stdout.write(issued.text)

    def _revoke(self, name: str, prefix: str, reason: str) -> None:
        tokens = ApiToken.objects.filter(owner__login=name, revoked_at__isnull=True)
        if prefix != EVERY:
            tokens = tokens.filter(prefix=prefix)
        rows = list(tokens)
        if not rows:
            raise CommandError("Aucun jeton en vigueur de ce nom.")
        for row in rows:
            api_token_revoke(token=row, actor=INSTALLER, reason=reason)
        self.stdout.write(f"{len(rows)} jeton(s) révoqué(s)")

    def _list(self, name: str) -> None:
        for row in ApiToken.objects.filter(owner__login=name):
            state = "révoqué" if row.revoked_at else f"jusqu'au {row.expires_at:%d/%m/%Y}"
            used = f"{row.last_used_at:%d/%m/%Y %H:%M}" if row.last_used_at else "jamais servi"
            self.stdout.write(f"{row.prefix}  {state}  {used}  {' '.join(row.scopes)}")
