"""The engines of a bench: as durable as in production, a migrated template, one database for each run."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from dpi import roles
from dpi.launcher.plan import CHECKOUT, shell
from dpi.launcher.ports import Ports
from interop.ins.codes import INS_OIDS
from tests.engines import PASSWORD, TestEngines

# Those of `make run`: fsync and synchronous commits stay on.
OPTIONS = ("max_connections=60", "shared_buffers=128MB")
TEMPLATE = "bench_template"


class Installation:
    """Servers, databases and environments, removed at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"dpi-bench-{os.getpid()}-{secrets.token_hex(4)}"
        self._engines = TestEngines(self.folder, options=OPTIONS, durable=True)
        self._runs = 0

    def __enter__(self) -> Self:
        try:
            self._engines.start()
            self._create_database(TEMPLATE, "template1")
            migrate = self.environment(TEMPLATE) | {"DPI_AS_OWNER": "true"}
            run_manage(migrate, "migrate", "--no-input")
        except BaseException:
            self._engines.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engines.stop()

    def new_run(self, name: str) -> dict[str, str]:
        """A fresh database with the schema of today, and the environment that leads to it."""
        self._runs += 1
        database = f"bench_{name}"
        self._create_database(database, TEMPLATE)
        return self.environment(database)

    def environment(self, database: str) -> dict[str, str]:
        """What a process of the product gets; settings are those of production."""
        folder = self.folder / "runs" / database
        folder.mkdir(parents=True, exist_ok=True)
        address = f"/{database}?host={self.folder}"
        return shell() | {
            "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
            "DPI_SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": f"postgresql://{roles.APPLICATION}:{PASSWORD}@{address}",
            "DATABASE_OWNER_URL": f"postgresql://{roles.OWNER}:{PASSWORD}@{address}",
            "REDIS_URL": f"unix://:{PASSWORD}@{self.folder}/valkey.sock?db={self._runs}",
            "DPI_HTTPS": "false",
            "DPI_ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
            "DPI_STATIC_FROM_SOURCES": "true",
            "DPI_DOCUMENT_STORE": str(folder / "documents"),
            "DPI_LOG_LEVEL": "WARNING",
            "DPI_BENCH_FOLDER": str(folder),
            "DPI_MLLP_PORT": str(free_port()),
            "INS_ALLOWED_OIDS": ",".join(sorted(INS_OIDS)),
            "SENDING_DELAY_MINUTES": "0",
        }

    def _create_database(self, name: str, template: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="dpi", password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(roles.OWNER), sql.Identifier(template)
                )
            )


def run_manage(environment: dict[str, str], *arguments: str) -> None:
    """Run a command of the product to its end."""
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=environment, cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def free_port() -> int:
    """A port of the loopback that nobody holds now."""
    with closing(Ports()) as ports:
        return ports.hold_free()
