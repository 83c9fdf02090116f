"""The chain over the trace holds, and shows whoever touches the past (security 8.5, 18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from audit.chain import GENESIS, canonical, link
from audit.context import Origin, origin_set, system_actor
from audit.enums import Action
from audit.keys import AuditKeyMissing, audit_key
from audit.models import Seal, Trace
from audit.sealing import SEALER_LOCK, recent_floor, traces_seal
from audit.selectors import chain_verify, unsealed_since
from audit.services import trace_write

KEY = b"only-in-tests-the-key-of-the-chain"
VECTORS = (
    (
        {"actor": "u1", "seq": 1, "type": "login.success"},
        "ad67caa2c33f32b6a731b3022d93ce2fe61221ce318d62c415aac4d7dd3b1a15",
    ),
    (
        {"actor": "u1", "patient": "p1", "seq": 2, "type": "patient.open"},
        "1486e34cff21276029a8404c2780099cc4dd28b27a0d4e2c96a925189e38e992",
    ),
)


def act(number: int) -> Trace:
    return trace_write(
        type="patient.open",
        action=Action.READ,
        actor=system_actor("tests"),
        detail={"number": number, "é": 1.5},
    )


@pytest.fixture
def sealed(db: None) -> list[Trace]:
    """Five acts, all sealed."""
    traces = [act(number) for number in range(5)]
    assert traces_seal(key=KEY) == 5
    run("SET CONSTRAINTS ALL IMMEDIATE")
    return traces


@contextmanager
def as_superuser() -> Iterator[None]:
    """The rights of someone who owns the machine: triggers and foreign keys do not stop him."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("RESET ROLE")
    for table in ("audit_trace", "audit_seal"):
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    run(f"ALTER TABLE audit_seal DROP CONSTRAINT IF EXISTS {_foreign_key()}")
    yield
    run(f"SET ROLE {settings.DATABASE_APPLICATION_ROLE}")


def _foreign_key() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_seal'::regclass AND contype = 'f'"
        )
        row = cursor.fetchone()
    return str(row[0]) if row else "none"


def run(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.requirement("SC.SSI/IAM.91")
def test_the_vectors_of_the_specification_hold() -> None:
    previous = GENESIS
    for event, expected in VECTORS:
        previous = link(b"test-key", previous, canonical(event))
        assert previous == expected


def test_hash_and_prev_are_no_part_of_the_canonical_form() -> None:
    assert canonical({"b": 1, "a": "é", "hash": "x", "prev": "y"}) == '{"a":"é","b":1}'


@pytest.mark.requirement("SC.SSI/IAM.91")
def test_an_untouched_chain_is_sound(sealed: list[Trace]) -> None:
    report = chain_verify(key=KEY)

    assert report.is_sound
    assert (report.checked, report.head_seq) == (5, 5)
    assert list(Seal.objects.values_list("seq", flat=True)) == [1, 2, 3, 4, 5]


def test_sealing_again_seals_only_what_is_new(sealed: list[Trace]) -> None:
    act(5)

    assert traces_seal(key=KEY) == 1
    assert traces_seal(key=KEY) == 0
    assert chain_verify(key=KEY).is_sound


@pytest.mark.django_db
def test_a_row_committed_late_below_others_is_sealed_after_them() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_trace', 'id'))")
        reserved = cursor.fetchone()[0]
    first = act(1)
    traces_seal(key=KEY, above=recent_floor())
    Trace.objects.create(id=reserved, type="patient.open", action=Action.READ, actor_login="lent")

    assert reserved < first.pk
    assert traces_seal(key=KEY, above=recent_floor()) == 1
    assert chain_verify(key=KEY).is_sound


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_login", "autre"), ("type", "patient.search"), ("outcome", "refused"), ("reason", "x"),
        ("detail", "{}"), ("time", "2020-01-01T00:00:00Z"), ("actor_role", "auditeur"), ("ip", "10.0.0.1"),
        ("patient_uid", "00000000-0000-4000-8000-000000000000"), ("patient_ins", "1"), ("session", "s"),
        ("object_version", "2"), ("object_type", "document"), ("app_version", "9"), ("correlation", "c"),
        ("uid", "00000000-0000-4000-8000-000000000001"), ("assurance", "pwd"), ("workstation", "w"),
        ("actor_uid", "00000000-0000-4000-8000-000000000000"), ("actor_service", "6268"), ("action", "C"),
        ("actor_subject_name_id", "8"), ("object_uid", "00000000-0000-4000-8000-000000000000"),
    ],
)  # fmt: skip
def test_any_changed_column_breaks_the_chain_there(column: str, value: str, sealed: list[Trace]) -> None:
    with as_superuser():
        statement = "UPDATE audit_trace SET {} = %s WHERE id = %s"
        run(statement.format(column), value, sealed[2].pk)

    broken = chain_verify(key=KEY).broken

    assert broken is not None
    assert (broken.seq, broken.trace_id, broken.what) == (3, sealed[2].pk, "empreinte différente")


def test_every_column_of_the_trace_is_covered_by_the_test_above() -> None:
    mark = test_any_changed_column_breaks_the_chain_there.pytestmark[0]
    covered = {column for column, _ in mark.args[1]}

    assert {field.column for field in Trace._meta.concrete_fields} == covered | {"id"}


def test_a_deleted_trace_is_missed(sealed: list[Trace]) -> None:
    with as_superuser():
        run("DELETE FROM audit_trace WHERE id = %s", sealed[1].pk)

    broken = chain_verify(key=KEY).broken

    assert broken is not None
    assert (broken.seq, broken.trace_id, broken.what) == (2, sealed[1].pk, "trace absente")


def test_a_trace_deleted_with_its_seal_leaves_a_hole(sealed: list[Trace]) -> None:
    with as_superuser():
        run("DELETE FROM audit_seal WHERE seq = 2")
        run("DELETE FROM audit_trace WHERE id = %s", sealed[1].pk)

    broken = chain_verify(key=KEY).broken

    assert broken is not None
    assert (broken.seq, broken.what) == (2, "sceau absent")


def test_an_inserted_trace_cannot_take_a_place_in_the_chain(sealed: list[Trace]) -> None:
    intruder = act(9)
    with as_superuser():
        run("UPDATE audit_seal SET seq = seq + 100 WHERE seq >= 3")
        run("UPDATE audit_seal SET seq = seq - 99 WHERE seq >= 100")
        run(
            "INSERT INTO audit_seal (seq, trace_id, hash, sealed_at) VALUES (3, %s, %s, now())",
            intruder.pk,
            "0" * 64,
        )

    broken = chain_verify(key=KEY).broken

    assert broken is not None
    assert (broken.seq, broken.trace_id) == (3, intruder.pk)


def test_two_rows_that_change_places_are_found(sealed: list[Trace]) -> None:
    with as_superuser():
        run("UPDATE audit_seal SET trace_id = -1 WHERE seq = 2")
        run("UPDATE audit_seal SET trace_id = %s WHERE seq = 3", sealed[1].pk)
        run("UPDATE audit_seal SET trace_id = %s WHERE seq = 2", sealed[2].pk)

    broken = chain_verify(key=KEY).broken

    assert broken is not None
    assert broken.seq == 2


def test_another_key_opens_nothing(sealed: list[Trace]) -> None:
    assert chain_verify(key=b"another key altogether").broken is not None


def test_a_part_of_the_chain_can_be_verified_alone(sealed: list[Trace]) -> None:
    report = chain_verify(key=KEY, first=3, last=4)

    assert report.is_sound
    assert report.checked == 2
    assert chain_verify(key=KEY, first=3, last=9).broken is not None
    assert chain_verify(key=KEY, first=30).broken is not None


@pytest.mark.django_db
def test_a_trace_without_seal_for_over_a_minute_is_reported() -> None:
    with time_machine.travel(timezone.now() - timedelta(seconds=61), tick=False):
        old = act(1)
    act(2)

    report = chain_verify(key=KEY)

    assert report.unsealed == [old.pk]
    assert not report.is_sound
    assert unsealed_since() == old.time


def test_a_backdated_row_shows_as_sealed_late(sealed: list[Trace]) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=3), tick=False):
        act(6)
    traces_seal(key=KEY)

    assert chain_verify(key=KEY).late == 1


# --- What the database itself refuses ---------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_trace", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.requirement("SC.SSI/IAM.91")
def test_the_application_may_only_add(table: str, statement: str, sealed: list[Trace]) -> None:
    column = "reason" if table == "audit_trace" else "hash"
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        run(statement.format(table, column, column))


@pytest.mark.parametrize("table", ["audit_trace", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_is_refused_by_the_trigger(table: str, statement: str, sealed: list[Trace]) -> None:
    column = "reason" if table == "audit_trace" else "hash"
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        run("RESET ROLE")
        run(statement.format(table, column, column))


# --- Commands ---------------------------------------------------------------------------------


def out_of(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_the_commands_seal_and_verify() -> None:
    act(1)
    act(2)

    assert out_of("seal_traces", "--once") == "2 trace(s) scellée(s)\n"
    head = Seal.objects.last()
    assert head is not None
    assert f"Chaîne intacte : 2 maillon(s), tête 2:{head.hash}" in out_of("audit_verify")
    assert "intacte" in out_of("audit_verify", "--anchor", f"2:{head.hash}")


def test_the_verification_fails_and_names_the_first_broken_trace(sealed: list[Trace]) -> None:
    with as_superuser():
        run("UPDATE audit_trace SET reason = 'x' WHERE id IN (%s, %s)", sealed[1].pk, sealed[3].pk)

    with pytest.raises(CommandError, match=f"rang 2, trace {sealed[1].pk} "):
        out_of("audit_verify")


def test_an_anchor_kept_elsewhere_shows_a_truncated_chain(sealed: list[Trace]) -> None:
    head = Seal.objects.last()
    assert head is not None
    with as_superuser():
        run("DELETE FROM audit_seal WHERE seq = 5")
        run("DELETE FROM audit_trace WHERE id = %s", sealed[4].pk)

    assert chain_verify(key=KEY).is_sound
    with pytest.raises(CommandError, match="réécrite ou tronquée"):
        out_of("audit_verify", "--anchor", f"5:{head.hash}")


@pytest.mark.django_db
def test_one_sealer_at_a_time() -> None:
    with psycopg.connect(**_elsewhere()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [SEALER_LOCK])
        with pytest.raises(CommandError, match="déjà"):
            out_of("seal_traces", "--once")


def _elsewhere() -> dict[str, str]:
    values = connection.get_connection_params()
    return {name: values[name] for name in ("dbname", "user", "password", "host") if values.get(name)}


def test_a_process_without_key_neither_seals_nor_judges(settings: object) -> None:
    settings.DPI_AUDIT_KEY = "short"  # type: ignore[attr-defined]

    with pytest.raises(AuditKeyMissing):
        audit_key()
    for command in ("seal_traces", "audit_verify"):
        with pytest.raises(CommandError, match="DPI_AUDIT_KEY"):
            out_of(command)


@pytest.mark.django_db
def test_the_trace_carries_where_the_request_came_from() -> None:
    with origin_set(Origin(ip="10.1.2.3", session="s", correlation="c")):
        trace = act(1)

    assert (trace.ip, trace.session, trace.correlation) == ("10.1.2.3", "s", "c")
