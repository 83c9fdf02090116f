"""Journey 9 (a) of workflows.md: Pro Santé Connect finds the one account of an RPPS, and opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from establishment.enums import NationalService
from national.models import Call
from sandbox.psc.provider import Provider
from tests.journeys.conftest import Installation

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SLOW_MS = 3000
HOME = re.compile("atients")


@pytest.fixture
def provider(installation: Installation) -> Iterator[Provider]:
    """The provider of the sandbox, honest and quick again afterwards."""
    psc = installation.sandbox.psc
    yield psc
    psc.switches.reset()


@pytest.mark.requirement("SC.PSC.01", "SC.PSC.08", "SC.SSI/IE.38")
def test_one_click_for_us_and_the_account_of_the_rpps_is_opened(installation: Installation) -> None:
    doctor = installation.sits_down()
    doctor.go("/")
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name="S'identifier avec Pro Santé Connect"))
        doctor.page.get_by_role("heading", name="Pro Santé Connect").wait_for()
    doctor.page.get_by_role("button", name="HODA").click()
    expect(doctor.page.get_by_role("heading", name="Compte rattaché", level=1)).to_be_visible()
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name="Continuer"))
    doctor.page.get_by_role("heading", name="Consulter le DMP", level=1).wait_for()
    doctor.page.locator(".notice .btn--primary").click()
    expect(doctor.page.get_by_role("heading", name=HOME, level=1)).to_be_visible()
    for type in ("psc.link.created", "psc.login.success", "dmp.notice"):
        assert installation.traced(type, actor_login="ahoda"), type
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("button", name="Se déconnecter").first)
    expect(doctor.page.get_by_role("heading", name="Vous êtes déconnecté")).to_be_visible()
    doctor.page.go_back()
    expect(doctor.page.get_by_text("PAT-TROIS")).to_have_count(0)


def test_an_exercise_among_several_costs_one_click_and_is_said_until_the_end(
    installation: Installation,
) -> None:
    doctor = installation.sits_down()
    doctor.go("/")
    doctor.page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
    doctor.page.get_by_role("button", name="MARCHAND").click()
    doctor.page.get_by_role("link", name="Continuer").click()
    expect(doctor.page.get_by_role("heading", name="Choisir un exercice", level=1)).to_be_visible()
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("button", name="HOPITAL SAINT-ROCH"))
    doctor.page.get_by_role("heading", name="Consulter le DMP", level=1).wait_for()
    doctor.page.locator(".notice .btn--primary").click()
    expect(doctor.page.get_by_role("heading", name=HOME, level=1)).to_be_visible()
    expect(doctor.page.locator(".status__activity")).to_contain_text("HOPITAL SAINT-ROCH, salarié")
    assert installation.traced("psc.account.chosen", actor_login="cmarchand")


def test_a_provider_that_takes_three_seconds_opens_all_the_same(
    installation: Installation, provider: Provider
) -> None:
    provider.switches.update({"slow_ms": SLOW_MS})
    doctor = installation.sits_down()
    calls = Call.objects.filter(service=NationalService.PSC)
    doctor.go("/")
    assert not calls.exists(), "our own page asks nobody"
    doctor.log_in("HODA")
    assert calls.filter(duration_ms__gte=SLOW_MS).exists()
    assert installation.traced("psc.login.success", actor_login="ahoda")


@pytest.mark.requirement("SC.PSC.01")
def test_a_provider_that_is_down_is_said_in_words_and_the_way_back_is_there(
    installation: Installation, provider: Provider
) -> None:
    provider.switches.update({"down": True})
    doctor = installation.sits_down()
    doctor.go("/")
    doctor.page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
    expect(doctor.page.get_by_role("heading", name="Connexion impossible")).to_be_visible()
    expect(doctor.page.get_by_text("PSC-06")).to_be_visible()
    provider.switches.reset()
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name="Revenir à la connexion"))
    doctor.log_in("HODA")


def test_whose_rpps_is_nobodys_reaches_no_patient(installation: Installation) -> None:
    stranger = installation.sits_down()
    stranger.go("/")
    stranger.page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
    stranger.page.get_by_role("button", name="VASSEUR").click()
    expect(stranger.page.get_by_role("heading", name="Aucun compte")).to_be_visible()
    stranger.go(f"/patients/{installation.patient('000003').uid}/")
    expect(stranger.page.get_by_text("PAT-TROIS")).to_have_count(0)
    assert installation.traced("psc.login.failure")
