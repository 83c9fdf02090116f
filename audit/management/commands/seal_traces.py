"""`manage.py seal_traces`: the one process that numbers and chains the trace (security 8.5)."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from audit.keys import AuditKeyMissing, audit_key
from audit.models import Seal
from audit.sealing import BATCH, recent_floor, sealer_lock_release, sealer_lock_take, traces_seal

log = structlog.get_logger(__name__)

INTERVAL_S = 1.0
FULL_SWEEP_S = 3600.0
"""Once an hour every unsealed row is looked for, however old, and the head of the chain is logged:
shipped off the machine, that line anchors the chain (security 8.5)."""


class Command(BaseCommand):
    help = "Scelle les traces validées, chaque seconde ; un seul processus à la fois."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Sceller ce qui attend, puis s'arrêter.")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        try:
            key = audit_key()
        except AuditKeyMissing as error:
            raise CommandError(error.message) from error
        if once:
            self.stdout.write(f"{_seal_once(key)} trace(s) scellée(s)")
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        Sealer(key, stop).run()


def _seal_once(key: bytes) -> int:
    if not sealer_lock_take():
        raise CommandError("Un autre processus scelle déjà les traces.")
    try:
        total = 0
        while sealed := traces_seal(key=key):
            total += sealed
        return total
    finally:
        sealer_lock_release()


class Sealer:
    """The loop: holds the lock while its connection lives, and takes it again after an outage."""

    def __init__(self, key: bytes, stop: threading.Event) -> None:
        self.key = key
        self.stop = stop
        self.holds_lock = False
        self.next_sweep = 0.0

    def run(self) -> None:
        log.info("audit.sealer.started")
        while not self.stop.is_set():
            try:
                busy = self.turn()
            except Error as error:
                log.warning("audit.sealer.database_error", error=type(error).__name__)
                self.holds_lock = False
                connection.close()
                busy = False
            if not busy:
                self.stop.wait(INTERVAL_S)
        log.info("audit.sealer.stopped")

    def turn(self) -> bool:
        """One pass; True when more may wait."""
        if not self.holds_lock:
            self.holds_lock = sealer_lock_take()
            if not self.holds_lock:
                return False
            self.next_sweep = 0.0
        sweep = time.monotonic() >= self.next_sweep
        sealed = traces_seal(key=self.key, above=0 if sweep else recent_floor())
        if sealed == BATCH:
            return True
        if sweep:
            self.next_sweep = time.monotonic() + FULL_SWEEP_S
            self._anchor()
        return False

    def _anchor(self) -> None:
        head = Seal.objects.order_by("-seq").first()
        if head is not None:
            log.info("audit.anchor", seq=head.seq, hash=head.hash)
