"""Requests that the live server still answers when its test is over.

A page that is left keeps its fragments under way in threads of the server: emptying the tables under them
deadlocks, or leaves rows to the next test.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started

PATIENCE = 60.0


@contextmanager
def all_answered() -> Iterator[None]:
    """At its end, every request that began inside is over.

    Raises:
        TimeoutError: one still runs after `PATIENCE` seconds.
    """
    change, under_way = threading.Condition(), 0

    def began(**kwargs: Any) -> None:
        nonlocal under_way
        with change:
            under_way += 1

    def ended(**kwargs: Any) -> None:
        nonlocal under_way
        with change:
            under_way -= 1
            change.notify_all()

    request_started.connect(began, weak=False)
    request_finished.connect(ended, weak=False)
    try:
        yield
        with change:
            if not change.wait_for(lambda: under_way <= 0, PATIENCE):
                raise TimeoutError(f"{under_way} requests still run after their test")
    finally:
        request_started.disconnect(began)
        request_finished.disconnect(ended)
