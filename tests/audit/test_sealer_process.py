"""The sealer as the process it is: it seals each second and stops when asked (security 8.5)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from audit.context import system_actor
from audit.enums import Action
from audit.models import Seal, Trace
from audit.selectors import chain_verify
from audit.services import trace_write

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sealer(engines: Path, transactional_db: None) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py seal_traces` on the test database, with SIGTERM inherited as ignored."""
    name = connection.settings_dict["NAME"]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
        "DATABASE_URL": f"postgresql://dpi_app:only-in-tests@/{name}?host={engines}",
        "DPI_AS_OWNER": "false",
        "DPI_AUDIT_KEY": settings.DPI_AUDIT_KEY,
        "DPI_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "seal_traces"],
        cwd=ROOT,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(condition: object, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit, "the condition never came true"
        time.sleep(0.05)


@pytest.mark.slow
def test_it_seals_what_others_commit_and_stops_on_sigterm(sealer: subprocess.Popen[bytes]) -> None:
    for number in range(3):
        trace_write(
            type="patient.open", action=Action.READ, actor=system_actor("tests"), detail={"n": number}
        )

    until(lambda: Seal.objects.count() == 3)
    trace_write(type="patient.open", action=Action.READ, actor=system_actor("tests"))
    until(lambda: Seal.objects.count() == Trace.objects.count())

    assert chain_verify(key=settings.DPI_AUDIT_KEY.encode()).is_sound
    sealer.send_signal(signal.SIGTERM)
    assert sealer.wait(timeout=10) == 0
