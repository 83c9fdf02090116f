"""The exact technical version of the product, shown on every page and written in every trace."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

PROJECT_FILE = Path(__file__).resolve().parent.parent / "pyproject.toml"


@cache
def version() -> str:
    """The version that pyproject.toml declares: the project is run from its tree, not installed."""
    with PROJECT_FILE.open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
