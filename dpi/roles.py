"""The two database roles, and the databases they use (security 8.5, 10.7).

`dpi_owner` owns the tables and runs the migrations; `dpi_app` reads and writes rows, has no DDL, and
may only add to the trace: the migration `audit.0003_application_role` gives and takes its rights.
This module prepares the servers that the launcher and the tests start. On a hospital's server the
administrator runs the same statements once (docs/installation.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

OWNER = "dpi_owner"
APPLICATION = "dpi_app"
EXTENSIONS = ("pg_trgm", "unaccent", "fuzzystrmatch", "btree_gin", "btree_gist")


def ensure_role(connection: psycopg.Connection, role: str, password: str, *, create_databases: bool) -> None:
    """Create or update a login role without any other power."""
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    connection.execute(
        sql.SQL("{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEROLE {createdb} PASSWORD {password}").format(
            verb=sql.SQL("ALTER" if exists else "CREATE"),
            role=sql.Identifier(role),
            createdb=sql.SQL("CREATEDB" if create_databases else "NOCREATEDB"),
            password=sql.Literal(password),
        )
    )


def ensure_database(connection: psycopg.Connection, name: str) -> bool:
    """Create the database of the owner; False when it exists."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return False
    connection.execute(
        sql.SQL("CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'").format(
            name=sql.Identifier(name), owner=sql.Identifier(OWNER)
        )
    )
    return True


def ensure_extensions(connection: psycopg.Connection) -> None:
    """Install what the search of patients needs in the database of the connection."""
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))


def prepare_server(
    sockets: Path, superuser_password: str, passwords: Mapping[str, str], database: str
) -> None:
    """Both roles, the owner's database and its extensions, on a server of ours; any number of times."""

    def session(name: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(sockets), user="dpi", password=superuser_password, dbname=name, autocommit=True
        )

    with session("postgres") as connection:
        for role in (OWNER, APPLICATION):
            ensure_role(connection, role, passwords[role], create_databases=False)
        ensure_database(connection, database)
    with session(database) as connection:
        ensure_extensions(connection)
