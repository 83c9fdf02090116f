"""Liveness and readiness, on the real database and the real broker of the run."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache

from dpi import health, tasks


def test_live_answers_without_account_nor_database(client):
    response = client.get("/health/live")
    assert response.status_code == 200
    assert response.json() == {"state": "ok"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_until_a_worker_took_a_task(client):
    cache.clear()
    response = client.get("/health/ready")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["database"]["state"] == parts["broker"]["state"] == "ok"
    assert parts["worker"]["state"] == "failed"


@pytest.mark.django_db
def test_ready_once_the_heartbeat_task_ran(client):
    tasks.heartbeat()
    assert client.get("/health/ready").json()["parts"]["worker"]["state"] == "ok"


@pytest.mark.django_db
def test_a_heartbeat_of_an_earlier_start_proves_nothing(settings):
    health.heartbeat_record(start_id="yesterday")
    settings.DPI_START_ID = "today"
    assert health.check_worker().state is health.State.FAILED


@pytest.mark.django_db
def test_a_heartbeat_that_stopped_is_noticed(settings):
    stale = time.time() - health.HEARTBEAT_LIFE_SECONDS - 1
    cache.set(health.HEARTBEAT_KEY, {"start": settings.DPI_START_ID, "at": stale})
    assert health.check_worker().state is health.State.FAILED


@pytest.mark.parametrize(("days", "state"), [(-1, "failed"), (0, "warning"), (29, "warning"), (30, "ok")])
def test_a_certificate_is_judged_by_the_days_it_has_left(days, state):
    assert health.certificate_finding("Cachet", days).state == state


def test_a_warning_does_not_take_the_product_out_of_service():
    warning = health.Finding(health.State.WARNING, "bientôt")
    assert health.is_ready({"certificate": warning})
    assert not health.is_ready({"certificate": warning, "database": health.Finding(health.State.FAILED, "")})


@pytest.mark.django_db
def test_the_answer_holds_no_version_and_no_address(client, settings):
    body = client.get("/health/ready").content.decode()
    assert settings.DPI_VERSION not in body
    assert settings.REDIS_URL not in body
    assert "/tmp" not in body  # noqa: S108 - a machine path must not leak


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_health_is_only_read(client, method):
    assert getattr(client, method)("/health/live").status_code == 405
