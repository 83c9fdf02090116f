"""Journey 9 in Chromium: login, lock, logout, each page readable by everybody (workflows 9; ui 6.22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.enums import RoleCode
from accounts.models import IdentityProvider, User
from establishment.models import Unit
from sandbox.runtime import Sandbox
from tests.accounts.conftest import account
from tests.browsers import Chromium, chromium
from tests.serving import all_answered

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ORIGIN_OF_PICTURES = Path(__file__).resolve().parents[2] / "build" / "screens" / "accounts"


@pytest.fixture
def address(
    live_server: LiveServer, box: Sandbox, psc: IdentityProvider, hospital_provider: IdentityProvider
) -> Iterator[str]:
    """Our site on its own port, known to the provider."""
    origin = live_server.url
    box.psc.client.redirect_uris.append(f"{origin}/oidc/psc/callback")
    box.psc.client.post_logout_redirect_uris.append(f"{origin}/oidc/psc/logout-response")
    yield origin
    box.psc.client.redirect_uris.remove(f"{origin}/oidc/psc/callback")
    box.psc.client.post_logout_redirect_uris.remove(f"{origin}/oidc/psc/logout-response")


@pytest.fixture
def people(roles: None, unit: Unit) -> list[User]:
    return [
        account("ahoda", "hoda", RoleCode.PRESCRIPTEUR, unit),
        account("cmarchand", "marchand", RoleCode.PRESCRIPTEUR, unit),
        account("blemaire", "lemaire", RoleCode.PRESCRIPTEUR, unit),
        account("blemaire2", "lemaire", RoleCode.PRESCRIPTEUR),
    ]


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(started: Chromium, people: list[User], address: str) -> Iterator[Page]:
    """A page of Chromium; complaints of its console fail the test."""
    complaints: list[str] = []
    context = started.browser.new_context(viewport={"width": 1280, "height": 860}, locale="fr-FR")
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    with all_answered():
        yield opened
        context.close()
    # Chromium itself writes down each answer of 4xx, even the wanted ones.
    assert [text for text in complaints if "Failed to load resource" not in text] == []


def shown(page: Page, name: str) -> None:
    """The page is complete, accessible, and kept as a picture."""
    result = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert result.violations_count == 0, result.generate_report()
    ORIGIN_OF_PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ORIGIN_OF_PICTURES / f"{name}.png")


def through_pro_sante_connect(page: Page, person: str) -> None:
    page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
    page.get_by_role("heading", name="Pro Santé Connect").wait_for()
    page.get_by_role("button", name=person).click()


@pytest.mark.requirement("SC.PSC.01", "SC.SSI/IE.38", "SC.SSI/IE.39")
def test_a_doctor_logs_in_locks_unlocks_and_leaves(page: Page, address: str) -> None:
    page.goto(f"{address}/?next=/compte")
    shown(page, "login")

    through_pro_sante_connect(page, "HODA")
    page.get_by_role("heading", name="Compte rattaché").wait_for()
    shown(page, "linked")
    page.get_by_role("link", name="Continuer").click()
    page.get_by_role("heading", name="Consulter le DMP et Mon espace santé").wait_for()
    shown(page, "notice")
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("heading", name="Mon compte").wait_for()
    shown(page, "profile")

    page.get_by_role("button", name="Verrouiller").click()
    page.get_by_role("heading", name="Session verrouillée").wait_for()
    shown(page, "locked")
    page.goto(f"{address}/compte")
    page.get_by_role("heading", name="Session verrouillée").wait_for()
    page.get_by_role("link", name="Déverrouiller").click()
    page.get_by_role("button", name="HODA").click()
    page.get_by_role("heading", name="Mon compte").wait_for()

    page.get_by_role("main").get_by_role("button", name="Se déconnecter").click()
    page.get_by_role("heading", name="Vous êtes déconnecté").wait_for()
    shown(page, "logged_out")
    page.go_back()
    page.reload()
    page.get_by_role("heading", name="Connexion").wait_for()
    page.goto(f"{address}/deconnexion/terminee")
    page.get_by_role("link", name="Fermer aussi ma session").click()
    page.get_by_text("Vous êtes aussi déconnecté de Pro Santé Connect.").wait_for()


@pytest.mark.requirement("SC.PSC.08")
def test_who_has_no_account_or_two_reads_what_to_do(page: Page, address: str) -> None:
    page.goto(address)
    through_pro_sante_connect(page, "VASSEUR")
    page.get_by_role("heading", name="Aucun compte").wait_for()
    shown(page, "no_account")
    page.get_by_role("button", name="Demander un accès").click()
    page.get_by_role("heading", name="Demande transmise").wait_for()
    shown(page, "request_sent")

    page.goto(address)
    through_pro_sante_connect(page, "LEMAIRE")
    page.get_by_role("heading", name="Choisir un compte").wait_for()
    shown(page, "choose")


@pytest.mark.parametrize("width", [1440, 1024, 320])
def test_an_exercise_is_chosen_by_the_keyboard_alone(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}/?next=/compte")
    through_pro_sante_connect(page, "MARCHAND")
    page.get_by_role("link", name="Continuer").click()
    page.get_by_role("heading", name="Choisir un exercice").wait_for()
    shown(page, f"activity-{width}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Cardiologie")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="HOPITAL SAINT-ROCH")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Consulter le DMP et Mon espace santé").wait_for()
    page.get_by_role("main").get_by_role("button").click()
    page.get_by_role("heading", name="Mon compte").wait_for()
    expect(page.locator(".status__activity")).to_contain_text(
        "Qualifié en Médecine Générale, HOPITAL SAINT-ROCH"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing overflows"
    shown(page, f"profile-{width}")
    page.get_by_role("link", name="Dissocier cette identité").click()
    page.get_by_role("heading", name="Dissocier une identité").wait_for()
    expect(page.get_by_role("button", name="Dissocier et me déconnecter")).to_be_visible()
    shown(page, f"unlink-{width}")
    page.goto(f"{address}/a-propos")
    page.get_by_role("heading", name="À propos").wait_for()
    shown(page, f"about-{width}")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/compte")
    shown(page, f"profile-dark-{width}")


def test_cancelling_comes_back_with_a_sentence(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
    page.get_by_role("button", name="Annuler").click()
    page.get_by_role("heading", name="Connexion impossible").wait_for()
    shown(page, "refused")
    page.get_by_role("link", name="Revenir à la connexion").click()
    page.get_by_role("heading", name="Connexion").wait_for()
