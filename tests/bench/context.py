"""Where a run works."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """The folder of this run, removed with the engines."""
    return Path(os.environ["DPI_BENCH_FOLDER"])
