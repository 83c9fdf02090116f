"""The pages of the sandbox in Chromium: readable by all, and usable with their own policies."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sandbox.mail.boxes import APPLICATION_BOX
from sandbox.mail.letters import Case
from sandbox.runtime import Sandbox
from tests.browsers import Chromium, chromium
from tests.sandbox.mail_client import DOCTOR
from tests.sandbox.test_psc import CALLBACK, authorization_url
from tests.sandbox.wire import INS, DmpClient, Draft

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture(params=["light", "dark"])
def page(started: Chromium, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = started.browser.new_context(color_scheme=request.param, viewport={"width": 1024, "height": 800})
    yield context.new_page()
    context.close()


def complaints(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES)
    return [f"{item['id']}: {item['nodes'][0]['html']}" for item in found.response["violations"]]


def test_every_page_is_accessible(box: Sandbox, hospital: DmpClient, page: Page) -> None:
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    hospital.submit(Draft(first.letter.next(), replaced_uuid=uuid))
    box.letters.send(Case.MATCH, matricule=INS[0], author="petit")
    box.mail.deposit(DOCTOR, b"From: pfi@ch.test\r\nSubject: x\r\n\r\nbonjour\r\n", sender="pfi@ch.test")
    home = box.addresses.http_url
    mail = box.addresses.mail.pages_url
    for address in (
        f"{home}/",
        f"{home}/pannes",
        box.addresses.mes_url,
        f"{box.addresses.mes_url}{INS[1]}/{INS[0]}",
        mail,
        f"{mail}boite/{APPLICATION_BOX}",
        f"{mail}courriel/1",
        f"{mail}courriel/2",
        f"{mail}ecrire",
        authorization_url(box),
        box.addresses.psc.end_session_endpoint,
    ):
        page.goto(address)
        assert complaints(page) == [], address


def test_a_person_signs_in_with_two_clicks_of_the_keyboard(box: Sandbox, page: Page) -> None:
    """The form leads to the application although the page's policy forbids every other address."""
    page.route(CALLBACK + "**", lambda route: route.fulfill(status=200, body="retour"))
    page.goto(authorization_url(box))
    page.get_by_label("e-CPS").check()
    page.get_by_role("button", name="Dr Bruno LEMAIRE").press("Enter")
    page.wait_for_url(CALLBACK + "**")
    assert "code=" in page.url
    page.goto(authorization_url(box))
    assert page.get_by_role("button", name="Poursuivre en tant que Dr Bruno LEMAIRE").is_visible()


def test_a_page_fits_a_narrow_screen(box: Sandbox, page: Page) -> None:
    box.letters.send(Case.MATCH, matricule=INS[0], author="petit")
    page.set_viewport_size({"width": 320, "height": 700})
    mail = box.addresses.mail.pages_url
    for address in (authorization_url(box), mail, f"{mail}courriel/1", f"{mail}ecrire"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
