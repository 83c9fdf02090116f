"""The folder of an instance: held by one launcher at a time, private, and the same at the next start.

```
env            variables of the instance, 0600 (dpi.state)
lock           held by the launcher while it lives
postgresql/    data of the database            valkey/    data of the broker
s/             sockets                         engines/   copies of the programs, when needed
documents/     bytes of the documents          sandbox/   state of the stand-ins
log/           one file a process, emptied at each start
migrated       digest of the migrations applied
```
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dpi import engines
from dpi.launcher.options import LaunchRefused
from dpi.launcher.ports import Ports
from dpi.state import read_environment

LAST_INSTANCE_SECONDS = 10.0


@dataclass(slots=True)
class Folder:
    """An open state folder; `previous` is the environment of the last start."""

    path: Path
    account: engines.Account | None
    lock: TextIO
    previous: dict[str, str]

    @property
    def data(self) -> Path:
        return self.path / "postgresql"

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def private(self, name: str) -> Path:
        """A folder of ours, closed to others."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def remembered_secret(self, name: str) -> str:
        """A secret of the instance: that of the last start, or a new one."""
        return self.previous.get(name) or secrets.token_urlsafe(48)

    def remembered_port(self, name: str, ports: Ports) -> int:
        """A port of the instance, held; picked free once: addresses that others keep hold it."""
        kept = self.previous.get(name, "")
        if not kept.isdecimal():
            return ports.hold_free()
        return ports.hold(int(kept), f"changez {name} dans {self.path / 'env'}")


def open_folder(path: Path, account: engines.Account | None) -> Folder:
    """Take the folder, or refuse it with one line when another instance lives in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Root: the servers' account passes through; what is inside is closed folder by folder.
        path.chmod(0o700 if account is None else 0o711)
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise LaunchRefused(f"Le dossier {path} ne peut être écrit : {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid = lock.read().strip()
        lock.close()
        raise LaunchRefused(f"Une instance tourne déjà dans {path} (processus {pid}).") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    folder = Folder(path, account, lock, read_environment(path))
    _wait_for_last_instance(folder)
    logs = folder.private("log")
    for old in logs.glob("*.log"):
        old.unlink()
    return folder


def _wait_for_last_instance(folder: Folder) -> None:
    """A launcher that was killed leaves a server that is closing: give it the time."""
    deadline = time.monotonic() + LAST_INSTANCE_SECONDS
    while (pid := engines.live_postmaster(folder.data)) is not None:
        if time.monotonic() > deadline:
            raise LaunchRefused(f"Un serveur PostgreSQL travaille déjà dans {folder.data} (processus {pid}).")
        time.sleep(0.1)
