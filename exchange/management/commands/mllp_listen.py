"""Listen to the HL7 partners: one port for each (spec hl7v2 1.1)."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from exchange.errors import TlsNotConfigured
from exchange.listener import Listener, ListenerSettings
from exchange.models import Partner
from exchange.selectors import partners_listening
from exchange.services import development_partner_ensure
from exchange.tasks import SweepWaker
from exchange.tls import server_context

_PR_SET_PDEATHSIG = 1


class Command(BaseCommand):
    help = "Écoute les partenaires HL7 (MLLP), un port par partenaire, jusqu'à SIGINT ou SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--processes", type=int, default=1, help="nombre de processus (1)")
        parser.add_argument("--ready-file", type=Path, help="fichier écrit quand les ports sont ouverts")

    def handle(self, *args: Any, processes: int, ready_file: Path | None, **options: Any) -> None:
        if settings.DPI_SANDBOX:
            development_partner_ensure(port=settings.MLLP_PORT)
        partners = partners_listening(sandbox=settings.DPI_SANDBOX)
        if not partners:
            raise CommandError("Aucun partenaire n'a de port d'écoute : rien à faire.")
        if any(partner.uses_tls for partner in partners):
            _check_certificates()
        bound = [(partner, _bind(partner)) for partner in partners]
        connections.close_all()  # a connection is never shared by two processes
        gc.collect()
        gc.freeze()  # what is loaded stays: the collector need not walk it again at each message
        children = [_fork(bound) for _ in range(processes - 1)]
        for partner, opened in bound:
            address = opened.getsockname()
            self.stdout.write(f"MLLP : {partner.code} écoute sur {address[0]}:{address[1]}")
        self.stdout.flush()
        try:
            is_whole = asyncio.run(_run(bound, ready_file))
        finally:
            _stop(children)
        if not is_whole:
            raise CommandError("Un processus de l'écoute s'est arrêté : l'écoute entière s'arrête.")


def _check_certificates() -> None:
    try:
        server_context()
    except (TlsNotConfigured, OSError) as error:
        raise CommandError(f"Certificats des lignes HL7 : {error}") from None


def _bind(partner: Partner) -> socket.socket:
    try:
        return socket.create_server((settings.MLLP_BIND, partner.listen_port or 0), reuse_port=False)
    except OSError as error:
        raise CommandError(
            f"Port {partner.listen_port} (partenaire {partner.code}) impossible à ouvrir : {error.strerror}."
        ) from None


def _fork(bound: list[tuple[Partner, socket.socket]]) -> int:
    """Start one more process on the same ports; it dies with this one."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
    try:
        asyncio.run(_run(bound, None))
    finally:
        sys.stdout.flush()
        os._exit(0)


def _stop(children: list[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)  # one that died is still ours to wait for: its pid is not reused
    for pid in children:
        os.waitpid(pid, 0)


async def _run(bound: list[tuple[Partner, socket.socket]], ready_file: Path | None) -> bool:
    """Serve until a signal asks to stop; False when a process of ours died instead."""
    stopped, is_whole = asyncio.Event(), True

    def child_died() -> None:
        nonlocal is_whole
        is_whole = False
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGCHLD, child_died)
    listener = Listener(
        ListenerSettings(
            max_frame_bytes=settings.MLLP_MAX_FRAME_BYTES,
            max_connections=settings.MLLP_MAX_CONNECTIONS,
            idle_seconds=settings.MLLP_IDLE_SECONDS,
            threads=settings.MLLP_THREADS,
            allows_plain=settings.MLLP_ALLOW_PLAIN,
        ),
        woken=SweepWaker(),
    )
    for partner, opened in bound:
        await listener.serve(partner, opened, server_context() if partner.uses_tls else None)
    if ready_file is not None:
        ready_file.write_text(f"{os.getpid()}\n", "utf-8")
    await stopped.wait()
    loop.remove_signal_handler(signal.SIGCHLD)
    await listener.close()
    return is_whole
