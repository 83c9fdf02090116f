"""`manage.py stats_export`: the CSV of the indicators, without a screen (SC.STAT/ES.01)."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.context import system_actor
from establishment.models import LegalEntity, Site
from stats.rules.months import Month, Period, month_read
from stats.selectors.exporting import Wanted, csv_lines, file_name
from stats.selectors.tally import reading_at
from stats.services import export_trace


def month(text: str) -> Month:
    """A month of the command line."""
    found = month_read(text)
    if found is None:
        raise ArgumentTypeError(f"« {text} » n'est pas un mois : 2025-03 est attendu")
    return found


class Command(BaseCommand):
    help = "Écrit le CSV des indicateurs dans un dossier, ou sur la sortie standard avec « - »."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dossier", nargs="?", default=".", help="dossier du fichier, ou - (défaut : .)")
        parser.add_argument("--from", dest="first", type=month, metavar="AAAA-MM", help="premier mois")
        parser.add_argument("--to", dest="last", type=month, metavar="AAAA-MM", help="dernier mois")
        parser.add_argument("--finess", default="", help="un seul site (défaut : tous, et leur union)")
        parser.add_argument("--by-service", action="store_true", help="ajoute une ligne par service")

    def handle(self, *args: Any, **options: Any) -> None:
        if not LegalEntity.objects.exists():
            raise CommandError("L'établissement n'est pas décrit : docs/installation.md.")
        if options["finess"] and not Site.objects.filter(finess=options["finess"]).exists():
            raise CommandError(f"Aucun site n'a le FINESS {options['finess']}.")
        now = timezone.now()
        usual = reading_at(now).period
        period = Period(options["first"] or usual.first, options["last"] or usual.last)
        if period.last < period.first:
            raise CommandError("Le dernier mois précède le premier.")
        wanted = Wanted(period, options["finess"], options["by_service"])
        lines = csv_lines(wanted, now)
        export_trace(wanted=wanted, actor=system_actor("stats_export"))
        if options["dossier"] == "-":
            for line in lines:
                sys.stdout.buffer.write(line.encode())
            return
        path = Path(options["dossier"]) / file_name(now)
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(f"{path} ne peut être écrit : {error.strerror}.") from None
        self.stdout.write(str(path))
