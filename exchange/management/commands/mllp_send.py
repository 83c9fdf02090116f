"""Send HL7 files over MLLP and print the answers."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange.errors import NoAnswer
from exchange.identifiers import new_control_id
from exchange.lines import Line, LineSettings
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Hl7Error

_CONTROL_ID_INDEX = 9  # MSH-10, MSH-1 being the separator itself


class Command(BaseCommand):
    help = "Envoie des messages HL7 v2 par MLLP et affiche les réponses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FICHIER")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=None, help="défaut : le port de développement")
        parser.add_argument(
            "--fresh-ids", action="store_true", help="donne à chaque message un nouvel identifiant (MSH-10)"
        )

    def handle(
        self, *args: Any, files: list[Path], host: str, port: int | None, fresh_ids: bool, **options: Any
    ) -> None:
        line_settings = LineSettings(
            host=host,
            port=port or settings.MLLP_PORT,
            connect_timeout=settings.MLLP_CONNECT_TIMEOUT_SECONDS,
            ack_timeout=settings.MLLP_ACK_TIMEOUT_SECONDS,
            max_bytes=settings.MLLP_MAX_FRAME_BYTES,
        )
        refused = 0
        with Line(line_settings) as line:
            for file in files:
                refused += not self._send(line, file, fresh_ids)
        if refused:
            raise CommandError(f"{refused} message(s) sur {len(files)} sans acceptation.")

    def _send(self, line: Line, file: Path, fresh_ids: bool) -> bool:
        """Send one file and print its answer; True when it was accepted."""
        try:
            message = file.read_bytes()
        except OSError as error:
            raise CommandError(f"Le fichier {file} ne peut être lu : {error.strerror}.") from None
        message = with_fresh_id(message) if fresh_ids else message
        try:
            answer = line.exchange(message)
        except NoAnswer as silence:
            self.stdout.write(f"{file.name} : {silence}")
            return False
        self.stdout.write(f"{file.name} :")
        for segment in answer.decode("utf-8", "replace").split("\r"):
            if segment:
                self.stdout.write(f"  {segment}")
        try:
            return parse_ack(answer).code == AckCode.AA
        except Hl7Error:
            return False


def with_fresh_id(message: bytes) -> bytes:
    """Return a message under a new MSH-10: the official examples repeat theirs (spec hl7v2 1.6)."""
    start = message.find(b"MSH")
    if start < 0 or len(message) < start + 4:
        return message
    separator = message[start + 3 : start + 4]
    fields = message[start:].split(separator, _CONTROL_ID_INDEX + 1)
    if len(fields) <= _CONTROL_ID_INDEX or b"\r" in separator.join(fields[:-1]):
        return message
    fields[_CONTROL_ID_INDEX] = new_control_id().encode("ascii")
    return message[:start] + separator.join(fields)
