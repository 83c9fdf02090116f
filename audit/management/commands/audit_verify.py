"""`manage.py audit_verify`: recomputes the chain and names the first broken link (security 8.5)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.keys import AuditKeyMissing, audit_key
from audit.models import Seal
from audit.selectors import ChainReport, chain_verify


class Command(BaseCommand):
    help = "Vérifie la chaîne des traces : premier maillon rompu, traces sans sceau depuis plus de 60 s."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first", type=int, default=1, help="Premier rang vérifié.")
        parser.add_argument("--to", dest="last", type=int, default=None, help="Dernier rang vérifié.")
        parser.add_argument(
            "--anchor",
            metavar="RANG:EMPREINTE",
            help="Tête de chaîne conservée ailleurs : montre une chaîne réécrite ou tronquée.",
        )

    def handle(
        self, *args: Any, first: int = 1, last: int | None = None, anchor: str | None = None, **options: Any
    ) -> None:
        try:
            key = audit_key()
        except AuditKeyMissing as error:
            raise CommandError(error.message) from error
        report = chain_verify(key=key, first=first, last=last)
        problems = [*_problems(report), *(_anchor_problem(anchor) if anchor else ())]
        if problems:
            raise CommandError(" ".join(problems))
        self.stdout.write(
            f"Chaîne intacte : {report.checked} maillon(s), tête {report.head_seq}:{report.head_hash}"
        )
        if report.late:
            self.stdout.write(f"{report.late} trace(s) scellée(s) plus d'une minute après l'acte.")


def _problems(report: ChainReport) -> list[str]:
    problems = []
    if report.broken:
        trace = f", trace {report.broken.trace_id}" if report.broken.trace_id else ""
        problems.append(f"Chaîne rompue au rang {report.broken.seq}{trace} : {report.broken.what}.")
    if report.unsealed:
        shown = ", ".join(str(number) for number in report.unsealed[:10])
        problems.append(f"Trace(s) sans sceau depuis plus de 60 s : {shown} ({len(report.unsealed)} vue(s)).")
    return problems


def _anchor_problem(anchor: str) -> tuple[str, ...]:
    rank, _, digest = anchor.partition(":")
    if not rank.isdigit() or not digest:
        raise CommandError("Une ancre s'écrit RANG:EMPREINTE.")
    if Seal.objects.filter(seq=int(rank), hash=digest).exists():
        return ()
    return (f"La chaîne ne contient pas l'ancre {rank} : elle a été réécrite ou tronquée.",)
