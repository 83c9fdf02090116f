"""`start_first` and `start_again`: from the command to « DPI prêt », demonstration hospital loaded.

Whole instances of the launcher, as `make run` starts them once all is installed, in a folder and on ports of
their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dpi.engines import die_with_parent, stop
from dpi.launcher.plan import CHECKOUT, shell
from dpi.launcher.ports import Ports
from tests.bench.figures import Figure, timed

AGAIN = 3
READY = "DPI prêt"


def measure() -> Iterator[Figure | str]:
    """One first start, then several on the same data."""
    home = Path(tempfile.mkdtemp(prefix="dpi-bench-start-"))
    try:
        home.chmod(0o711)  # root: the servers run under an account that must pass through
        with closing(Ports()) as ports:
            chosen = {name: str(ports.hold_free()) for name in ("DPI_PORT", "DPI_MLLP_PORT")}
            environment = shell() | chosen | {"DPI_STATE": str(home / "state")}
            seconds = [_start(environment) for _ in range(1 + AGAIN)]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    yield timed("start_first", seconds[:1])
    yield timed("start_again", seconds[1:])


def _start(environment: dict[str, str]) -> float:
    """Seconds until the instance says that it is ready; it is stopped then."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "dpi.launcher"],
        env=environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, preexec_fn=die_with_parent(os.getpid()),
    )  # fmt: skip
    said = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(READY):
                return time.perf_counter() - started
        raise RuntimeError("".join(said))
    finally:
        stop(process, signal.SIGTERM)
