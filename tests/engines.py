"""Real engines for a test run: one PostgreSQL and one Valkey, one database per worker.

The process that the person started (not the workers of xdist) starts them, on sockets in a folder
of its own, and stops them at the end. `DPI_TEST_POSTGRES=15` takes Debian's PostgreSQL 15 instead
of the embedded 18.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg

from dpi import engines, roles

FOLDER_VARIABLE = "DPI_TEST_ENGINES"
PASSWORD = "only-in-tests"  # noqa: S105 - a throw-away server on a private socket
# Nothing here survives the run: durability would only cost time.
FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200",
    "shared_buffers=128MB", "jit=off",
)  # fmt: skip


def programs_of_debian(version: str) -> Path:
    """Where Debian puts the programs of a PostgreSQL version."""
    folder = Path(f"/usr/lib/postgresql/{version}/bin")
    if not (folder / "initdb").exists():
        raise engines.EngineError(f"PostgreSQL {version} manque : apt-get install postgresql-{version}.")
    return folder


class TestEngines:
    """The servers of one run; `options` and `durable` say how much they promise (the bench: all)."""

    __test__ = False

    def __init__(self, folder: Path, *, options: Sequence[str] = FAST, durable: bool = False) -> None:
        self.folder = folder
        self._options = options
        self._durable = durable
        self._postgres: engines.Postgres | None = None
        self._valkey: engines.Valkey | None = None

    def start(self) -> None:
        """Start both servers and prepare the two roles; does nothing the second time."""
        if self._postgres is not None:
            return
        account = engines.server_account()
        folder = engines.private_folder(self.folder, account, 0o711)
        wanted = os.environ.get("DPI_TEST_POSTGRES", "")
        programs = (
            programs_of_debian(wanted)
            if wanted and wanted != "18"
            else engines.postgres_programs(folder / "engines", account)
        )
        self._postgres = engines.start_postgres(
            programs,
            folder / "data",
            folder,
            folder / "postgres.log",
            password=PASSWORD,
            options=self._options,
        )
        self._valkey = engines.start_valkey(
            engines.valkey_program(folder / "engines", account),
            folder / "valkey",
            folder,
            folder / "valkey.log",
            password=PASSWORD,
            durable=self._durable,
        )
        with psycopg.connect(
            host=str(folder), user="dpi", password=PASSWORD, dbname="template1", autocommit=True
        ) as connection:
            roles.ensure_role(connection, roles.OWNER, PASSWORD, create_databases=True)
            roles.ensure_role(connection, roles.APPLICATION, PASSWORD, create_databases=False)
            # The application's role is taken by SET ROLE inside a session of the owner (conftest).
            connection.execute(f"GRANT {roles.APPLICATION} TO {roles.OWNER}")
            roles.ensure_extensions(connection)

    def stop(self) -> None:
        """Stop what was started and remove the folder."""
        for server in (self._valkey, self._postgres):
            if server is not None:
                server.stop()
        self._postgres = self._valkey = None
        shutil.rmtree(self.folder, ignore_errors=True)
