"""Processes of the product started by a run, and stopped with it by their own ids."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dpi.engines import die_with_parent, stop
from dpi.launcher.plan import CHECKOUT
from tests.bench.context import folder

READY_SECONDS = 60.0


class ChildFailed(Exception):
    """A process of the product did not start."""


@contextmanager
def running(
    name: str, *arguments: str, ready: Callable[[], bool], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python ARGUMENTS` in this run's environment, from when it is `ready` until the block ends."""
    log = folder() / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent(os.getpid()),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ChildFailed(f"{name}: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        stop(process, signal.SIGTERM)


def written(file: Path) -> Callable[[], bool]:
    """Ready once the process has written this file."""
    return lambda: file.exists() and file.stat().st_size > 0


def descendants(pid: int) -> list[int]:
    """Ids of the processes started by a process, at any depth."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
