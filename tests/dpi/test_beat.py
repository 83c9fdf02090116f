"""Exactly one scheduler works, whatever is started; another takes over when it is gone (house style 7)."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection

from dpi import beat
from dpi.celery import app
from tests.exchange.processes import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def other():
    """Another process's session on the same database."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        autocommit=True,
    ) as session:
        yield session


@pytest.fixture
def scheduler(monkeypatch):
    """A scheduler whose tasks are noted instead of sent."""
    scheduler = beat.SingleScheduler(app, lazy=False)
    scheduler.sent = []
    monkeypatch.setattr(scheduler, "apply_async", lambda entry, **kwargs: scheduler.sent.append(entry.task))
    for entry in scheduler.schedule.values():
        entry.last_run_at = entry.last_run_at.replace(year=2000)
    scheduler.populate_heap()
    yield scheduler
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")


def test_the_one_that_holds_the_lock_sends_what_is_due(scheduler):
    scheduler.tick()
    assert scheduler.sent


def test_a_second_one_stands_by_then_takes_over(scheduler, other):
    other.execute("SELECT pg_advisory_lock(%s)", [beat.LOCK_KEY])
    assert scheduler.tick() == beat.STANDBY_SECONDS
    assert not scheduler.sent
    other.close()

    def taken():
        scheduler.tick()
        return scheduler.sent

    wait_until(taken, what="the server noticed the closed session")


def test_losing_the_database_stops_the_work_without_stopping_the_process(scheduler, monkeypatch):
    scheduler.tick()
    scheduler.sent.clear()

    def refuse(*args, **kwargs):
        raise OperationalError

    with monkeypatch.context() as cut:
        cut.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)
        cut.setattr(connection, "close", lambda: None)
        assert scheduler.tick() == beat.STANDBY_SECONDS
    assert not scheduler.sent
