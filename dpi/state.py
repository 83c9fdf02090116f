"""The state folder of an instance started by `make run`, and its environment file.

The launcher writes `$DPI_STATE/env` (mode 0600): sockets, secrets, sandbox addresses, ports.
`manage.py` reads it when DPI_STATE is set, so that a command speaks to the running instance.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT_FILE = "env"


def read_environment(folder: Path) -> dict[str, str]:
    """The variables written by the launcher; empty when the folder holds none yet."""
    try:
        lines = (folder / ENVIRONMENT_FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_environment(folder: Path, values: Mapping[str, str]) -> None:
    """Replace the file at once, readable by its owner alone."""
    for name, value in values.items():
        if "\n" in value:
            raise ValueError(f"{name}: a value of the environment file holds one line")
    text = "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    new = folder / f".{ENVIRONMENT_FILE}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(folder / ENVIRONMENT_FILE)


def load_environment() -> None:
    """Put the instance's variables into the environment; what is already set there wins."""
    folder = os.environ.get("DPI_STATE", "").strip()
    if folder:
        for name, value in read_environment(Path(folder)).items():
            os.environ.setdefault(name, value)
