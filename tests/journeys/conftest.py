"""The demonstration hospital, whole: real login, real HL7 port, real DMP of the sandbox, Chromium.

What stands in for the processes of an instance runs in this one: the web in a thread of the live
server, the HL7 listener in another, and the two periodic tasks whenever the test says `carry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings, settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.enums import ProviderKind
from accounts.models import User
from accounts.services import provider_set, roles_install
from audit.context import system_actor
from audit.models import Trace
from dpi.demo.hospital import CITY_DOCTORS, REFERRERS
from dpi.demo.loading import correspondents_keep, demonstration_load
from dpi.demo.people import OFFICIAL_PATIENTS
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, ServiceEndpoint
from exchange.services import development_partner_ensure, messages_hand_over_due
from interop.hl7v2.ack import Ack
from interop.ins.codes import TEST_INS_OIDS
from national.dmp.opening import gateway_close
from national.mail.opening import lines_close
from patients.enums import IdentifierKind
from patients.models import Patient
from pfi.mail_reading import mailboxes_read
from pfi.mail_worker import mails_drain
from pfi.worker import jobs_drain
from sandbox.mail.boxes import PATIENT_DOMAIN
from sandbox.runtime import Sandbox
from sending.worker import orders_drain
from tests.browsers import Chromium, chromium
from tests.exchange.listening import Listening, send
from tests.hospital import plug_dmp
from tests.journeys.sheet import sheet_write
from tests.serving import all_answered
from tests.shared import CHECKOUT, SHARED
from tests.signing_in import sign_in

SCREENS = CHECKOUT / "build" / "screens"
INSTALLER = system_actor("tests")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WORKER = "journey"
DEFERRAL = timedelta(minutes=2, seconds=1)
"""The demonstration's units let a letter wait two minutes."""
EXPECTED = ("Failed to load resource", "htmx:afterRequest", "htmx:sendAbort")
"""Chromium writes down each answer of 4xx, even the wanted ones, and htmx a request that a newer one
replaced; one that failed says more than these."""
NOTICE_ROUNDS = 3
"""A mail, its notice and the acknowledgement that follows."""


@pytest.fixture(scope="session", autouse=True)
def sheet() -> Iterator[None]:
    """What was drawn, beside the reference screens, once all is done."""
    yield
    sheet_write(SCREENS / "journeys", SHARED / "ui")


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    """One browser for the journeys of a file."""
    with chromium() as started:
        yield started


@dataclass
class Person:
    """Somebody at a screen, whose clicks are counted: pointer, Enter and shortcuts; typing is none."""

    page: Page
    address: str
    clicks: int = 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()

    def press(self, key: str) -> None:
        self.clicks += 1
        self.page.keyboard.press(key)

    def check(self, target: Locator) -> None:
        """Answering a closed question is writing, as typing is."""
        target.check()

    @contextmanager
    def budget(self, most: int) -> Iterator[None]:
        """What is done inside takes at most `most` clicks (workflows.md)."""
        before = self.clicks
        yield
        assert self.clicks - before <= most, f"{self.clicks - before} clicks for a budget of {most}"

    def go(self, path: str) -> None:
        """Open an address directly; for the set-up of a test, never inside a budget."""
        self.page.goto(f"{self.address}{path}")

    def log_in(self, name: str) -> None:
        """By Pro Santé Connect, at the sandbox's provider."""
        self.go("/")
        self.page.get_by_role("link", name="S'identifier avec Pro Santé Connect").click()
        self.page.get_by_role("heading", name="Pro Santé Connect").wait_for()
        self.page.get_by_role("button", name=name).click()
        # Said once, when the identity opens the account for the first time.
        first = self.page.get_by_role(
            "heading", name=re.compile("atients|Consulter le DMP|Compte rattaché"), level=1
        )
        first.wait_for()
        if first.text_content() == "Compte rattaché":
            self.page.get_by_role("link", name="Continuer").click()
        # Who may consult the DMP accepts its notice first, twice a year at most.
        self.page.get_by_role("heading", name=re.compile("atients|Consulter le DMP"), level=1).wait_for()
        accept = self.page.locator(".notice .btn--primary")
        if accept.is_visible():
            accept.click()
        self.page.get_by_role("heading", name=re.compile("atients"), level=1).wait_for()

    def toast(self, words: str) -> None:
        expect(self.page.locator("#toasts")).to_contain_text(words)

    def work_row(self, patient: str) -> Locator:
        return self.page.locator("table.envois tr[data-row]").filter(has_text=patient).first

    def document_row(self) -> Locator:
        return self.page.locator("table.docs tr[data-row]").first


@dataclass
class Installation:
    """The running hospital, seen from behind."""

    address: str
    sandbox: Sandbox
    hl7_port: int
    _open: Callable[..., Page]
    people: list[Person] = field(default_factory=list)
    mails: bool = False
    """Whether MSSanté is switched on here: the fixture `mailing`."""

    def sits_down(self, name: str = "", *, width: int = 1440) -> Person:
        """A person in front of a screen, logged in when named."""
        person = Person(self._open(width), self.address)
        self.people.append(person)
        if name:
            person.log_in(name)
        return person

    def carry(self, *, after: timedelta = timedelta(0)) -> None:
        """What the periodic tasks do, until nothing is due; `after` that time has passed.

        Less than the idle time of a session: an open page may ask for something meanwhile.
        """
        assert after < timedelta(minutes=settings.SESSION_LOCK_MINUTES)
        with time_machine.travel(timezone.now() + after, tick=True):
            while orders_drain(worker=WORKER) or jobs_drain(worker=WORKER):
                pass
            for _ in range(NOTICE_ROUNDS if self.mails else 0):
                mails_drain(worker=WORKER)
                mailboxes_read(worker=WORKER)
                messages_hand_over_due(worker=WORKER)

    def inbox(self, address: str) -> list[bytes]:
        """What a mailbox of the operator holds, the oldest first."""
        store = self.sandbox.mail.store
        return [store.content(mail) for mail in reversed(store.all_mails(address))]

    def hear(self, *messages: bytes) -> list[Ack]:
        """Send HL7 messages to the port of the hospital."""
        return send(self.hl7_port, *messages)

    def patient(self, ipp: str) -> Patient:
        return Patient.objects.get(identifiers__kind=IdentifierKind.IPP, identifiers__value=ipp)

    def in_the_dmp(self, patient: Patient) -> list[dict[str, Any]]:
        """Documents of a patient in the sandbox's DMP that this hospital's data base knows."""
        matricule = patient.identifiers.get(kind=IdentifierKind.INS, is_active=True).value
        answer = httpx.get(
            f"{self.sandbox.addresses.admin_url}dmp/documents", params={"ins": matricule}, trust_env=False
        )
        known = set(patient.documents.values_list("versions__unique_id", flat=True))
        return [row for row in answer.raise_for_status().json() if row["unique_id"] in known]

    def traced(self, type: str, **values: object) -> bool:
        return Trace.objects.filter(type=type, **values).exists()


@pytest.fixture
def installation(
    transactional_db: None,
    live_server: LiveServer,
    sandbox: Sandbox,
    settings: LazySettings,
    tmp_path: Path,
    started: Chromium,
) -> Iterator[Installation]:
    """The demonstration, loaded by its services and through its HL7 port, before the first click."""
    settings.INS_ALLOWED_OIDS = sorted(TEST_INS_OIDS)
    settings.DOCUMENT_STORE = tmp_path / "documents"
    settings.DPI_SANDBOX = True
    settings.FORM_ACTION_ORIGINS = [sandbox.addresses.http_url.rstrip("/")]
    callbacks = [f"{live_server.url}/oidc/psc/callback"]
    departures = [f"{live_server.url}/oidc/psc/logout-response"]
    sandbox.psc.client.redirect_uris += callbacks
    sandbox.psc.client.post_logout_redirect_uris += departures
    contexts, complaints = [], []

    def open_page(width: int) -> Page:
        # Without motion: a colour caught in the middle of its transition is no colour of ours.
        context = started.browser.new_context(
            viewport={"width": width, "height": 900}, locale="fr-FR", reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    with all_answered(), Listening() as listening:
        port = listening.start(development_partner_ensure(port=settings.MLLP_PORT))
        settings.MLLP_PORT = port
        roles_install()
        _offer_pro_sante_connect(sandbox)
        demonstration_load(patients=OFFICIAL_PATIENTS)
        # A letter to the DMP alone, unless the journey is about mails.
        InstallationSwitch.objects.filter(code=Switch.PFI_MSS_OUT).update(is_on=False)
        plug_dmp(sandbox)
        yield Installation(live_server.url, sandbox, port, open_page)
        for context in contexts:
            context.close()
    gateway_close()
    sandbox.dmp.faults.clear()
    for address in callbacks:
        sandbox.psc.client.redirect_uris.remove(address)
    for address in departures:
        sandbox.psc.client.post_logout_redirect_uris.remove(address)
    assert [text for text in complaints if not text.startswith(EXPECTED)] == []


@pytest.fixture
def mailing(installation: Installation, settings: LazySettings) -> Iterator[Installation]:
    """The same hospital with MSSanté: the operator and the directory of the sandbox, doctors in the book."""
    settings.MSS_PATIENT_DOMAIN = PATIENT_DOMAIN
    addresses = installation.sandbox.addresses
    certificates = addresses.certificates
    ServiceEndpoint.objects.create(
        service=NationalService.MSSANTE,
        base_url=addresses.mail.smtp_url,
        reading_url=addresses.mail.imap_url,
        ca_path=certificates.ca,
        certificate_path=certificates.client_cert,
        key_path=certificates.client_key,
        is_enabled=True,
    )
    ServiceEndpoint.objects.create(
        service=NationalService.ANNUAIRE,
        base_url=addresses.annuaire.base_url,
        ca_path=certificates.ca,
        api_key_path=addresses.annuaire.key_file,
        is_enabled=True,
    )
    InstallationSwitch.objects.filter(code=Switch.PFI_MSS_OUT).update(is_on=True)
    assert correspondents_keep() == len(CITY_DOCTORS) + len(REFERRERS)
    installation.mails = True
    yield installation
    installation.sandbox.mail.faults.clear()
    lines_close()


def seated(installation: Installation, login: str) -> Person:
    """Somebody whose session is open, as after a login by the provider of the establishment."""
    person = installation.sits_down()
    browser = sign_in(Client(), user(login))
    name = settings.SESSION_COOKIE_NAME
    host = urlsplit(installation.address).hostname
    person.page.context.add_cookies(
        [{"name": name, "value": browser.cookies[name].value, "domain": host or "", "path": "/"}]
    )
    return person


def _offer_pro_sante_connect(sandbox: Sandbox) -> None:
    provider = sandbox.addresses.psc
    provider_set(
        slug="psc",
        label="Pro Santé Connect",
        hint="e-CPS ou carte CPS",
        kind=ProviderKind.PSC,
        issuer=provider.issuer,
        discovery_url=provider.discovery_url,
        client_id=provider.client_id,
        client_secret_path=provider.client_secret_file,
        ca_path=sandbox.addresses.certificates.ca,
        scopes="openid scope_all",
        acr_values="eidas1",
        accepted_acr=["eidas1", "eidas2", "eidas3"],
    )


def is_accessible(page: Page) -> None:
    """No violation of WCAG 2.2 A and AA that axe can see."""
    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []


def user(login: str) -> User:
    return User.objects.get(login=login)
