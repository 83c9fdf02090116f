"""Fixtures and rules of every test: real engines, the application's rights, no network, no lost time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.signals import connection_created

from dpi.launcher.ports import Ports
from tests.engines import FOLDER_VARIABLE, TestEngines
from tests.network import forbid_network
from tests.shared import ABSENT, SHARED

# Generated cases: the same number everywhere, more in `make check-long`; a busy machine is no failure.
_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=_SLOW)
hypothesis.settings.register_profile(
    "long", deadline=None, derandomize=False, suppress_health_check=_SLOW, max_examples=2000
)
hypothesis.settings.load_profile("long" if os.environ.get("DPI_LONG") else "house")

pytest_plugins = ["tests.requirements_report", "tests.hospital", "tests.browsers"]

ENGINES = pytest.StashKey[TestEngines]()
NEEDS_ENGINES = frozenset({"db", "transactional_db", "django_db_setup", "live_server", "engines"})
APPEND_ONLY = {"audit_trace": "audit_trace_append_only", "audit_seal": "audit_seal_append_only"}


def pytest_configure(config: pytest.Config) -> None:
    forbid_network()
    _let_flush_empty_the_trace()
    if hasattr(config, "workerinput"):
        return
    config.stash[ENGINES] = TestEngines(Path(os.environ[FOLDER_VARIABLE]))
    if config.getoption("numprocesses", None) and not config.option.collectonly:
        config.stash[ENGINES].start()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only", action="store_true", help="run only the tests that use the database or the broker"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --database-only (a second engine), tests that touch no engine would prove nothing more."""
    if config.getoption("--database-only"):
        config.hook.pytest_deselected(items=[item for item in items if not _needs_engines(item)])
        items[:] = [item for item in items if _needs_engines(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without workers, the engines start only when a collected test needs them."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if any(_needs_engines(item) for item in session.items):
        config.stash[ENGINES].start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if ENGINES in config.stash:
        config.stash[ENGINES].stop()


def _needs_engines(item: pytest.Item) -> bool:
    used = NEEDS_ENGINES.intersection(getattr(item, "fixturenames", ()))
    return bool(used) or item.get_closest_marker("django_db") is not None


def _let_flush_empty_the_trace() -> None:
    """Transactional tests empty the tables by TRUNCATE, which the trace refuses: here only, it may.

    The statements run in one transaction, as the owner of the tables for its length.
    """
    original = DatabaseOperations.sql_flush

    def sql_flush(
        self: DatabaseOperations,
        style: object,
        tables: list[str],
        *,
        reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:
        statements = original(
            self, style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
        )
        guarded = [(table, trigger) for table, trigger in APPEND_ONLY.items() if table in tables]
        return [
            f"SET LOCAL ROLE {self.connection.settings_dict['USER']}",
            *(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}" for table, trigger in guarded),
            *statements,
            *(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}" for table, trigger in guarded),
        ]

    DatabaseOperations.sql_flush = sql_flush  # type: ignore[method-assign,assignment]  # tests only


def _take_application_role(connection: BaseDatabaseWrapper, **_: object) -> None:
    """The session of a test belongs to the owner, its current role is the application's.

    So a test has exactly the rights of the product, and the set-up may still empty the tables.
    """
    if str(connection.settings_dict["NAME"]).startswith("test_"):
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {settings.DATABASE_APPLICATION_ROLE}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """After the owner's migrations, every connection works with the application's rights."""
    for connection in connections.all():
        connection.close()
    connection_created.connect(_take_application_role)
    yield
    connection_created.disconnect(_take_application_role)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of official data, or a skip with its reason."""
    if not SHARED.is_dir():
        pytest.skip(ABSENT)
    return SHARED


@pytest.fixture
def engines() -> Path:
    """The folder of the sockets; asking for it starts the servers even without a database."""
    return Path(os.environ[FOLDER_VARIABLE])


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Ports for the programs that a test starts: nobody else is given them before the test ends."""
    held = Ports()
    yield held
    held.close()


@pytest.fixture(autouse=True)
def _clean_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test that may use the broker or the cache begins with an empty one (its worker's own)."""
    yield
    if NEEDS_ENGINES.intersection(request.fixturenames):
        from django.core.cache import cache

        cache.clear()
