"""Calls to the national services, listed without identity."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from establishment.enums import NationalService
from national.enums import CallOutcome
from national.models import Call
from national.selectors import health_of
from tests.exchange.people import administrator, browser_of

pytestmark = pytest.mark.django_db

CALLS = "/echanges/appels/"


def call(**values: object) -> Call:
    return Call.objects.create(
        **{
            "service": NationalService.DMP,
            "transaction": "TD2.1",
            "message_id": f"urn:uuid:{uuid.uuid4()}",
            "actor_label": "pfi.worker",
            "structure": "1990000101",
            "duration_ms": 212,
            "outcome": CallOutcome.SUCCESS,
        }
        | values
    )


@pytest.fixture
def admin() -> Client:
    return browser_of(administrator())


def lines(browser: Client, query: str = "") -> int:
    html = browser.get(f"{CALLS}{query}").content.decode()
    return html.count('<td class="figure nowrap">')


def test_a_call_says_who_what_how_long_and_with_which_outcome(admin: Client) -> None:
    call(outcome=CallOutcome.REJECTED, code="DMPPatientUnknown", text="INS 279035121518989 inconnu")
    html = admin.get(CALLS).content.decode()

    for words in ("DMP / Mon espace santé", "TD2.1", "pfi.worker", "1990000101", "DMPPatientUnknown", "212"):
        assert words in html
    assert "279035121518989" not in html
    assert "INS *** inconnu" in html


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("?texte=&service=psc", 1),
        ("?texte=&issue=unavailable", 1),
        ("?texte=td2", 2),
        ("?texte=&periode=7", 4),
    ],
)
def test_calls_are_narrowed_by_service_outcome_period_and_text(query: str, kept: int, admin: Client) -> None:
    call()
    call(outcome=CallOutcome.UNAVAILABLE, code="ConnectError")
    call(service=NationalService.PSC, transaction="token")
    call(started_at=timezone.now() - timedelta(days=3), transaction="TD3.1")

    assert lines(admin, query) == kept


def test_the_rail_counts_calls_without_answer_and_not_refusals(admin: Client) -> None:
    call(outcome=CallOutcome.UNAVAILABLE)
    call(outcome=CallOutcome.UNCERTAIN)
    call(outcome=CallOutcome.REJECTED)
    html = admin.get(f"{CALLS}?vue=1&service=dmp").content.decode()

    assert re.search(r'aria-current="page">[^§]*?Mon espace santé</span>[^§]*?--bad">2<', html)


def test_the_health_of_a_service_is_read_from_its_calls() -> None:
    failed = call(outcome=CallOutcome.UNAVAILABLE, started_at=timezone.now() - timedelta(hours=3))
    refused = call(outcome=CallOutcome.REJECTED, started_at=timezone.now() - timedelta(hours=2))
    done = call(started_at=timezone.now() - timedelta(hours=1))
    call(service=NationalService.PSC)

    health = health_of(NationalService.DMP)

    assert (health.last, health.success, health.refusal, health.failure) == (done, done, refused, failed)
    assert health_of(NationalService.INSI).last is None
