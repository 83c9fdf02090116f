"""A person withdraws an identity from the account (psc 7.8), after proving again who it is (psc 18)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import SessionEnd
from accounts.models import ExternalIdentity, IdentityProvider, LoginSession, User
from audit.models import Trace
from sandbox.runtime import Sandbox
from tests.accounts.conftest import HOST
from tests.accounts.walk import log_in

pytestmark = pytest.mark.django_db

Callbacks = Callable[..., Any]
LATER = timedelta(minutes=6)


@pytest.fixture
def link(browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User) -> ExternalIdentity:
    """The identity of a doctor who has just logged in by it."""
    log_in(browser, box.psc, "hoda")
    return ExternalIdentity.objects.get()


def page_of(link: ExternalIdentity) -> str:
    return reverse("accounts:unlink", args=[link.pk])


@pytest.mark.requirement("SC.SSI/IAM.91")
def test_a_person_withdraws_the_identity_and_its_sessions_end(
    browser: Client, box: Sandbox, link: ExternalIdentity, hoda: User,
    django_capture_on_commit_callbacks: Callbacks,
) -> None:  # fmt: skip
    there = Client(headers={"host": HOST})
    log_in(there, box.psc, "hoda")
    shown = browser.get("/compte").content.decode()
    assert "Mes identités rattachées" in shown
    assert page_of(link) in shown
    assert "celle-ci comprise" in browser.get(page_of(link)).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(page_of(link))

    assert answer["Location"] == reverse("accounts:logged_out")
    link.refresh_from_db()
    assert link.revoked_at is not None
    trace = Trace.objects.get(type="federated.unlink")
    assert (trace.actor_login, trace.object_uid, trace.reason) == ("ahoda", hoda.uid, "par la personne")
    assert {row.end for row in LoginSession.objects.all()} == {SessionEnd.UNLINKED}
    assert [one.get("/compte").status_code for one in (browser, there)] == [302, 302]


def test_the_link_is_not_made_again_by_itself(browser: Client, box: Sandbox, link: ExternalIdentity) -> None:
    browser.post(page_of(link))

    assert log_in(browser, box.psc, "hoda")["Location"] == reverse("accounts:choose")
    assert not ExternalIdentity.objects.filter(revoked_at__isnull=True).exists()


def test_an_old_proof_is_not_enough_and_a_new_one_goes_on_in_the_same_session(
    browser: Client, box: Sandbox, link: ExternalIdentity
) -> None:
    opened = LoginSession.objects.get()
    with time_machine.travel(timezone.now() + LATER, tick=True):
        asked = browser.get(page_of(link)).content.decode()
        assert "M’identifier de nouveau" in asked
        assert "Dissocier et me déconnecter" not in asked
        assert browser.post(page_of(link)).status_code == 403
        link.refresh_from_db()
        assert link.revoked_at is None

        back = log_in(browser, box.psc, "hoda", preuve="1", next=page_of(link))

        assert back["Location"] == page_of(link)
        assert LoginSession.objects.get().pk == opened.pk
        assert Trace.objects.filter(type="psc.stepup.success", actor_login="ahoda").count() == 1
        assert "Dissocier et me déconnecter" in browser.get(page_of(link)).content.decode()
        assert browser.post(page_of(link)).status_code == 302
    link.refresh_from_db()
    assert link.revoked_at is not None


def test_the_new_proof_asks_the_provider_for_a_new_authentication(
    browser: Client, link: ExternalIdentity
) -> None:
    assert "prompt=login" in browser.get("/oidc/psc/login?preuve=1")["Location"]
    assert "prompt=login" not in Client(headers={"host": HOST}).get("/oidc/psc/login?preuve=1")["Location"]


def test_another_person_who_proves_who_it_is_does_not_go_on_in_this_session(
    browser: Client, box: Sandbox, link: ExternalIdentity, lemaire: User
) -> None:
    log_in(browser, box.psc, "lemaire", preuve="1", next=page_of(link))

    assert "LEMAIRE" in browser.get("/compte").content.decode()
    assert LoginSession.objects.get(user=link.user).end == SessionEnd.REPLACED
    assert browser.post(page_of(link)).status_code == 404


def test_the_identity_of_somebody_else_is_unknown(
    browser: Client, box: Sandbox, link: ExternalIdentity, lemaire: User
) -> None:
    other = Client(headers={"host": HOST})
    log_in(other, box.psc, "lemaire")

    assert other.get(page_of(link)).status_code == 404
    assert other.post(page_of(link)).status_code == 404
    link.refresh_from_db()
    assert link.revoked_at is None


def test_the_identity_of_another_provider_goes_without_ending_this_session(
    browser: Client, box: Sandbox, link: ExternalIdentity, hospital_provider: IdentityProvider
) -> None:
    log_in(Client(headers={"host": HOST}), box.establishment, "hoda", slug="etablissement")
    other = ExternalIdentity.objects.get(provider="etablissement")

    assert browser.post(page_of(other))["Location"] == reverse("accounts:profile")

    assert browser.get("/compte").status_code == 200
    assert LoginSession.objects.get(provider="etablissement").end == SessionEnd.UNLINKED
    assert browser.post(page_of(other)).status_code == 404, "already withdrawn"
