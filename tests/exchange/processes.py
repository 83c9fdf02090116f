"""Programs of the tests: separate processes on the test's database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from tests.shared import CHECKOUT

_PAUSE = threading.Event()


def environment(**more: str) -> dict[str, str]:
    """The product's environment, on the database and the broker of this test."""
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={database['HOST']}"
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
        "DPI_SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": f"postgresql://{address}",
        "REDIS_URL": settings.REDIS_URL,
        "DPI_HTTPS": "false",
        "DPI_LOG_LEVEL": "WARNING",
        **more,
    }


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of the checkout; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], *, seconds: float = 30, what: str = "condition") -> None:
    """Wait for something that another process does."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        _PAUSE.wait(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")
