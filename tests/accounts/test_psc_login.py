"""Login by Pro Santé Connect against a provider that speaks the real wire (psc 4 to 7, 14)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ExternalIdentity, IdentityProvider, LoginSession, User
from accounts.navigation import home_url
from accounts.oidc.arrival import linked_url
from audit.models import Trace
from sandbox.runtime import Sandbox
from tests.accounts.walk import authorization_address, come_back, log_in

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("SC.PSC.01", "SC.PSC.08")
def test_a_doctor_logs_in_and_the_account_is_found_by_rpps(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    answer = log_in(browser, box.psc, "hoda")

    assert answer.status_code == 302
    assert answer["Location"] == linked_url(home_url())
    told = browser.get(answer["Location"]).content.decode()
    assert "Compte rattaché" in told
    assert "899700900014" in told
    assert browser.get(answer["Location"])["Location"] == home_url()
    page = browser.get(reverse("accounts:profile"))
    assert page.status_code == 200
    assert "HODA Alice" in page.content.decode()
    identity = ExternalIdentity.objects.get()
    assert (identity.user, identity.subject, identity.method) == (hoda, "899700900014", "rpps")
    session = LoginSession.objects.get()
    assert (session.user, session.assurance) == (hoda, "psc:eidas3:CARD")
    assert list(Trace.objects.filter(type__startswith="psc.").values_list("type", flat=True)) == [
        "psc.login.start",
        "psc.link.created",
        "psc.login.success",
    ]


@pytest.mark.requirement("SC.PSC.01")
def test_the_request_asks_what_pro_sante_connect_wants(
    browser: Client, psc: IdentityProvider, box: Sandbox
) -> None:
    address = urlsplit(authorization_address(browser))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}

    assert query["scope"] == "openid scope_all"
    assert query["acr_values"] == "eidas1"
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) == len(query["nonce"]) == 43
    assert query["redirect_uri"] == "http://localhost:8999/oidc/psc/callback"
    assert "secret" not in address.query


@pytest.mark.parametrize("host", ["localhost:8999", "127.0.0.1:8999"])
def test_both_names_of_the_machine_work(host: str, box: Sandbox, psc: IdentityProvider, hoda: User) -> None:
    browser = Client(headers={"host": host})

    assert log_in(browser, box.psc, "hoda").status_code == 302
    assert LoginSession.objects.get().user == hoda


def test_the_second_login_uses_the_link(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    User.objects.filter(pk=hoda.pk).update(rpps="", rpps_source="", rpps_verified_at=None)

    assert log_in(Client(headers={"host": "localhost:8999"}), box.psc, "hoda").status_code == 302
    assert ExternalIdentity.objects.get().last_login_at is not None


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("bad_signature", "PSC-03"),
        ("expired", "PSC-03"),
        ("issued_in_future", "PSC-03"),
        ("wrong_nonce", "PSC-03"),
        ("wrong_audience", "PSC-03"),
        ("wrong_issuer", "PSC-03"),
        ("wrong_authorized_party", "PSC-03"),
        ("wrong_access_hash", "PSC-03"),
        ("alg_none", "PSC-03"),
        ("hs256", "PSC-03"),
        ("wrong_kid", "PSC-03"),
        ("other_subject", "PSC-03"),
        ("userinfo_refused", "PSC-03"),
        ("wrong_response_issuer", "PSC-02"),
        ("down", "PSC-06"),
    ],
)
@pytest.mark.requirement("SC.PSC.01")
def test_a_dishonest_provider_opens_nothing_and_breaks_nothing(
    switch: str, code: str, browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    address = authorization_address(browser)
    box.psc.switches.update({switch: True})

    answer = come_back(browser, box.psc.sign_in(address, "hoda"))

    assert answer.status_code in (400, 403, 503)
    page = answer.content.decode()
    assert code in page
    assert "Connexion impossible" in page
    assert not LoginSession.objects.exists()
    assert browser.get(reverse("accounts:profile")).status_code == 302
    failure = Trace.objects.get(type="psc.login.failure")
    assert (failure.outcome, failure.detail["code"]) == ("failure", code)


def test_a_level_that_the_hospital_refuses_is_refused(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    box.psc.switches.update({"acr": "eidas0"})

    answer = log_in(browser, box.psc, "hoda")

    assert "PSC-07" in answer.content.decode()
    assert not LoginSession.objects.exists()


def test_userinfo_signed_as_a_jwt_is_read(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    box.psc.switches.update({"userinfo_jwt": True})

    assert log_in(browser, box.psc, "hoda").status_code == 302
    assert LoginSession.objects.get().user == hoda


def test_a_callback_that_is_replayed_is_refused(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    address = box.psc.sign_in(authorization_address(browser), "hoda")
    come_back(browser, address)
    browser.cookies.clear()

    answer = come_back(browser, address)

    assert answer.status_code == 400
    assert "PSC-02" in answer.content.decode()


def test_a_state_older_than_five_minutes_is_refused(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    address = box.psc.sign_in(authorization_address(browser), "hoda")

    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        answer = come_back(browser, address)

    assert "PSC-02" in answer.content.decode()


def test_a_cancelled_login_says_so(browser: Client, psc: IdentityProvider) -> None:
    state = parse_qs(urlsplit(authorization_address(browser)).query)["state"][0]

    answer = browser.get("/oidc/psc/callback", {"error": "access_denied", "state": state})

    assert answer.status_code == 403
    assert "PSC-01" in answer.content.decode()


@pytest.mark.requirement("SC.PSC.08")
def test_a_professional_without_account_gets_no_access_and_may_ask(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    answer = log_in(browser, box.psc, "vasseur")

    assert answer["Location"] == reverse("accounts:no_account")
    page = browser.get(answer["Location"])
    assert page.status_code == 403
    assert "PSC-04" in page.content.decode()
    assert User.objects.count() == 1
    assert browser.get(reverse("accounts:profile")).status_code == 302
