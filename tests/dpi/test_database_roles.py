"""The two roles of the database: the application adds to the trace and cannot undo it (security 8.5)."""

from __future__ import annotations

import os
import socket

import psycopg
import pytest
from django.db import Error, connection, transaction
from psycopg.errors import InsufficientPrivilege

from audit.context import system_actor
from audit.enums import Action
from audit.models import Seal, Trace
from audit.services import trace_write

pytestmark = pytest.mark.django_db


@pytest.fixture
def application():
    """A session opened as the application's role itself, with its own password."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"], user="dpi_app", password="only-in-tests", dbname=settings["NAME"]
    ) as session:
        yield session
        session.rollback()


def test_tests_run_with_the_rights_of_the_application():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        assert cursor.fetchone() == ("dpi_app", "dpi_owner")


def test_the_application_may_add_to_the_trace_and_read_it():
    trace = trace_write(type="test.write", action=Action.EXECUTE, actor=system_actor("tests"))
    assert Trace.objects.get(pk=trace.pk).actor_login == "tests"


@pytest.mark.requirement("SC.SSI/IAM.91")
@pytest.mark.parametrize("table", ["audit_trace", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_cannot_change_or_empty_the_trace(application, table, statement):
    column = {"audit_trace": "type = 'x'", "audit_seal": "hash = 'x'"}[table]
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        application.execute(statement.format(table, column))


@pytest.mark.requirement("SC.SSI/IAM.91")
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_trace DISABLE TRIGGER audit_trace_append_only",
        "DROP TRIGGER audit_trace_append_only ON audit_trace",
        "DROP TABLE audit_seal",
        "ALTER TABLE audit_trace ADD COLUMN x int",
        "CREATE TABLE x (id int)",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "SET ROLE dpi_owner",
        "SET session_replication_role = replica",
        "DELETE FROM django_migrations",
    ],
)
def test_the_application_has_no_way_around(application, statement):
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement)


@pytest.mark.requirement("SC.SSI/IAM.91")
@pytest.mark.parametrize("model", [Trace, Seal])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_even_the_owner_is_refused_by_the_trigger(model, statement):
    table = model._meta.db_table
    column = {Trace: "type = 'x'", Seal: "hash = 'x'"}[model]
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(statement.format(table, column))


@pytest.mark.django_db(transaction=True)
def test_transactional_tests_leave_the_trigger_armed_after_emptying_the_tables(django_db_blocker):
    trace_write(type="test.flush", action=Action.EXECUTE, actor=system_actor("tests"))
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0)
    assert not Trace.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgenabled FROM pg_trigger"
            " WHERE tgname IN ('audit_trace_append_only', 'audit_seal_append_only')"
        )
        assert cursor.fetchall() == [("O",), ("O",)]


def test_the_servers_of_the_tests_listen_on_sockets_only():
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.join(connection.settings_dict["HOST"], "valkey.sock"))
