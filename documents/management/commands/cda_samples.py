"""`manage.py cda_samples DIR`: every kind of document the product produces, for the national tools."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents.checking import findings_of
from documents.rendering import renderings_build
from documents.samples import samples


class Command(BaseCommand):
    help = "Écrit un échantillon de chaque document produit, CDA et PDF/A-1 ; la base n’est pas touchée."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="Dossier d’arrivée, créé au besoin.")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = [self._write(folder, sample.name, sample.snapshot) for sample in samples()]
        except OSError as error:
            raise CommandError(f"Écriture impossible dans {folder} : {error.strerror}.") from error
        self.stdout.write(f"{len(written)} documents (CDA et PDF) écrits dans {folder}")

    def _write(self, folder: Path, name: str, snapshot: dict[str, Any]) -> str:
        renderings = renderings_build(snapshot)
        findings = findings_of(snapshot, renderings)
        if findings:
            raise CommandError(f"{name} n’est pas conforme : {' ; '.join(findings)}.")
        (folder / f"{name}.xml").write_bytes(renderings.cda)
        (folder / f"{name}.pdf").write_bytes(renderings.pdf)
        return name
