"""The exact technical version of the product, shown on every page and written in every trace."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

PROJECT_FILE = Path(__file__).resolve().parent.parent / "pyproject.toml"


def version() -> str:
    """The version that pyproject.toml declares: the project is run from its tree, not installed."""
    return str(_project()["version"])


def licence() -> str:
    """The licence that pyproject.toml declares, as SPDX writes it."""
    return str(_project()["license"]["text"])


@cache
def _project() -> dict[str, Any]:
    with PROJECT_FILE.open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["project"]
    return found
