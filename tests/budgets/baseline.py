"""How many statements each page sends to the database, as noted in queries.json.

The numbers are compared exactly: a page that asks less is noted too, so that the next one that asks more is
seen. `DPI_NOTE_BUDGETS=1 pytest tests/budgets -n0` writes the file again; its difference is reviewed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

FILE = Path(__file__).with_name("queries.json")
IS_NOTING = bool(os.environ.get("DPI_NOTE_BUDGETS"))
# Tests run inside a transaction, where the product opens savepoints instead.
_NOT_COUNTED = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "SET CONSTRAINTS")


def baseline() -> dict[str, int]:
    """Statements of each page, by its name."""
    found: dict[str, int] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return found


def note(page: str, count: int) -> None:
    """Keep a new number; only for a run that was asked to."""
    FILE.write_text(json.dumps(baseline() | {page: count}, indent=2, sort_keys=True) + "\n", "utf-8")


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent in the block, without those of savepoints."""
    sent: list[str] = []

    def kept(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if not sql.startswith(_NOT_COUNTED):
            sent.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(kept):
        yield sent
