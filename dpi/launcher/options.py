"""What the person who typed the command chose: ports and folder, nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dpi.engines import Account, permits
from dpi.words import FALSE_WORDS, TRUE_WORDS

ENTER = 0o1


class LaunchRefused(Exception):
    """The instance cannot start; one French line for the person."""


@dataclass(frozen=True, slots=True)
class Options:
    """Ports and folder of an instance, servers that exist already, demonstration hospital or not."""

    port: int
    mllp_port: int
    state: Path
    database_url: str = ""
    database_owner_url: str = ""
    redis_url: str = ""
    loads_demonstration: bool = True


def read_options(environment: Mapping[str, str], account: Account | None) -> Options:
    """Options from the variables that README.md and docs/configuration.md list."""
    port = _port(environment, "DPI_PORT", 8000)
    mllp_port = _port(environment, "DPI_MLLP_PORT", 2575)
    if port == mllp_port:
        raise LaunchRefused(f"DPI_PORT et DPI_MLLP_PORT valent tous deux {port} : choisissez-en un autre.")
    written = environment.get("DPI_STATE", "").strip()
    state = Path(written).expanduser().absolute() if written else default_state(environment, account)
    return Options(
        port=port,
        mllp_port=mllp_port,
        state=state,
        database_url=environment.get("DATABASE_URL", "").strip(),
        database_owner_url=environment.get("DATABASE_OWNER_URL", "").strip(),
        redis_url=environment.get("REDIS_URL", "").strip(),
        loads_demonstration=_flag(environment, "DPI_DEMO"),
    )


def default_state(environment: Mapping[str, str], account: Account | None) -> Path:
    """Root's home is closed to the server's account, so root has a folder of the system."""
    if account is not None:
        return Path("/var/lib/dpi-demo")
    base = environment.get("XDG_STATE_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "state") / "dpi"


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    written = environment.get(name, "").strip()
    if not written:
        return default
    if not written.isdecimal() or not 1 <= int(written) <= 65535:
        raise LaunchRefused(f"La variable {name} vaut « {written} » : un port de 1 à 65535 est attendu.")
    return int(written)


def _flag(environment: Mapping[str, str], name: str) -> bool:
    written = environment.get(name, "").strip().lower()
    if written in ("", *TRUE_WORDS):
        return True
    if written in FALSE_WORDS:
        return False
    raise LaunchRefused(f"La variable {name} vaut « {written} » : écrivez true ou false.")


def check_reachable(state: Path, account: Account | None) -> None:
    """Refuse a folder that the user of the servers could never enter."""
    existing = state
    while not existing.exists():
        existing = existing.parent
    if account is not None and not all(
        permits(folder, account, ENTER) for folder in (existing, *existing.parents)
    ):
        raise LaunchRefused(
            f"Le dossier {state} est inaccessible au compte « nobody » qui fait tourner les serveurs : "
            "choisissez-en un autre par DPI_STATE."
        )
    if account is None and not os.access(existing, os.W_OK | os.X_OK):
        raise LaunchRefused(f"Le dossier {state} ne peut être écrit : choisissez-en un autre par DPI_STATE.")
