"""Two providers side by side (SC.SSI/IAM.80; psc 9): a second one is configuration, and no mix-up."""

from __future__ import annotations

from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from accounts.models import ExternalIdentity, IdentityProvider, LoginSession, User
from accounts.navigation import arrival_url
from accounts.oidc.arrival import linked_url
from accounts.oidc.client import ProviderClient
from accounts.services import provider_set
from audit.models import Trace
from establishment.enums import Switch
from establishment.models import InstallationSwitch, Unit
from national.models import Call
from sandbox.runtime import Sandbox
from tests.accounts.conftest import account
from tests.accounts.walk import authorization_address, come_back, log_in

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("SC.SSI/IAM.80")
def test_both_providers_open_the_same_account_and_the_trace_names_them(
    box: Sandbox, psc: IdentityProvider, hospital_provider: IdentityProvider, hoda: User
) -> None:
    page = Client(headers={"host": "localhost:8999"}).get("/").content.decode()
    assert "Pro Santé Connect" in page
    assert "Compte de l&#x27;établissement" in page

    log_in(Client(headers={"host": "localhost:8999"}), box.psc, "hoda")
    log_in(Client(headers={"host": "localhost:8999"}), box.establishment, "hoda", slug="etablissement")

    assert {session.user for session in LoginSession.objects.all()} == {hoda}
    assert Trace.objects.get(type="psc.login.success").detail["provider"] == "psc"
    assert Trace.objects.get(type="oidc.login.success").detail["provider"] == "etablissement"
    assert ExternalIdentity.objects.filter(user=hoda).count() == 2


def first_way(browser: Client) -> str:
    """The provider that stands out on the login page."""
    page = browser.get("/").content.decode()
    return page.partition("login__way--first")[2].partition("</a>")[0]


@pytest.mark.requirement("SC.SSI/IAM.80")
def test_the_provider_of_the_last_login_stands_out_unless_it_is_down(
    box: Sandbox,
    psc: IdentityProvider,
    hospital_provider: IdentityProvider,
    hoda: User,
    browser: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "/oidc/psc/" in first_way(browser)
    log_in(browser, box.establishment, "hoda", slug="etablissement")
    browser.post(reverse("accounts:logout"))
    assert "/oidc/etablissement/" in first_way(browser)
    assert "Utilisé la dernière fois" in first_way(browser)
    monkeypatch.setattr(ProviderClient, "seems_down", lambda self: self.provider.slug == "etablissement")
    assert "/oidc/psc/" in first_way(browser)


def test_a_link_may_name_the_provider_and_keeps_where_to_go(
    psc: IdentityProvider, hospital_provider: IdentityProvider, browser: Client
) -> None:
    answer = browser.get("/?idp=etablissement&next=/patients/")
    start = reverse("accounts:oidc_start", args=["etablissement"])
    assert answer["Location"] == f"{start}?next=%2Fpatients%2F"
    outside = browser.get("/?idp=etablissement&next=https://ailleurs.test/")
    assert outside["Location"] == start
    for stranger in ("", "inconnu", "../psc"):
        assert browser.get("/", {"idp": stranger}).status_code == 200
    IdentityProvider.objects.filter(slug="etablissement").update(is_enabled=False)
    assert browser.get("/?idp=etablissement").status_code == 200


@pytest.mark.parametrize(("means", "strong"), [("OTP", True), ("PWD", False)])
def test_two_factors_are_what_the_hospital_declared(
    means: str, strong: bool, box: Sandbox, hospital_provider: IdentityProvider, hoda: User, browser: Client
) -> None:
    log_in(browser, box.establishment, "hoda", slug="etablissement", means=means)

    answer = browser.get(reverse("accounts:profile"))

    assert answer.wsgi_request.assurance.two_factor is strong
    assert answer.wsgi_request.assurance.level == f"oidc:etablissement:{2 if strong else 1}"


def test_an_rpps_claim_that_is_not_trusted_matches_nothing(
    box: Sandbox, hospital_provider: IdentityProvider, hoda: User, browser: Client
) -> None:
    IdentityProvider.objects.update(rpps_claim="")

    answer = log_in(browser, box.establishment, "hoda", slug="etablissement")

    assert answer["Location"] == reverse("accounts:no_account")


@pytest.mark.requirement("SC.SSI/IAM.80")
def test_the_state_of_one_provider_does_not_open_the_callback_of_the_other(
    box: Sandbox, psc: IdentityProvider, hospital_provider: IdentityProvider, hoda: User, browser: Client
) -> None:
    address = box.psc.sign_in(authorization_address(browser), "hoda")
    moved = address.replace("/oidc/psc/", "/oidc/etablissement/")

    answer = come_back(browser, moved)

    assert "PSC-02" in answer.content.decode()
    assert Trace.objects.filter(type="oidc.mixup.detected", outcome="refused").count() == 1
    assert come_back(browser, address).status_code == 400, "the state was spent"
    assert not LoginSession.objects.exists()


def test_without_the_switch_pro_sante_connect_is_not_offered(
    box: Sandbox, psc: IdentityProvider, hospital_provider: IdentityProvider, browser: Client
) -> None:
    InstallationSwitch.objects.filter(code=Switch.PSC).update(is_on=False)

    page = browser.get("/").content.decode()

    assert "Pro Santé Connect" not in page
    assert "Compte de l&#x27;établissement" in page
    assert browser.get("/oidc/psc/login").status_code == 404


@pytest.mark.requirement("SC.PSC.01")
def test_a_provider_that_is_down_is_said_in_words_and_goes_last(
    box: Sandbox, psc: IdentityProvider, hospital_provider: IdentityProvider, browser: Client
) -> None:
    provider_set(slug="psc", discovery_url="https://localhost:1/.well-known/x")

    answer = browser.get("/oidc/psc/login")
    page = browser.get("/").content.decode()

    assert answer.status_code == 503
    assert "PSC-06" in answer.content.decode()
    assert page.index("Compte de l&#x27;établissement") < page.index("Pro Santé Connect")
    assert "ne répond pas actuellement" in page
    assert Call.objects.filter(service="psc", outcome="unavailable").exists()


def test_a_server_of_another_authority_is_not_trusted(
    box: Sandbox, psc: IdentityProvider, browser: Client
) -> None:
    provider_set(slug="psc", ca_path="")

    assert browser.get("/oidc/psc/login").status_code == 503


def test_a_wrong_client_secret_opens_nothing(
    box: Sandbox, psc: IdentityProvider, hoda: User, browser: Client, tmp_path: object
) -> None:
    secret = tmp_path / "secret"  # type: ignore[operator]
    secret.write_text("wrong")
    provider_set(slug="psc", client_secret_path=str(secret))

    answer = log_in(browser, box.psc, "hoda")

    assert "PSC-03" in answer.content.decode()
    assert "invalid_client" in Trace.objects.get(type="psc.login.failure").reason


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "tls_client_auth"])
@pytest.mark.requirement("SC.PSC.01")
def test_the_client_proves_itself_by_secret_or_certificate(
    method: str, box: Sandbox, psc: IdentityProvider, hoda: User, browser: Client
) -> None:
    certificates = box.addresses.certificates
    provider_set(
        slug="psc",
        authentication=method,
        client_secret_path="" if method == "tls_client_auth" else psc.client_secret_path,
        certificate_path=certificates.client_cert,
        key_path=certificates.client_key,
    )

    assert log_in(browser, box.psc, "hoda").status_code == 302
    assert LoginSession.objects.exists()


def test_the_keys_and_the_discovery_are_asked_once(
    box: Sandbox, psc: IdentityProvider, hoda: User, lemaire: User
) -> None:
    for key in ("hoda", "lemaire"):
        log_in(Client(headers={"host": "localhost:8999"}), box.psc, key)

    asked = list(Call.objects.order_by("id").values_list("transaction", flat=True))
    assert asked.count("discovery") == 2
    assert asked.count("token") == asked.count("userinfo") == 2


def test_an_unknown_key_reloads_the_keys_but_not_for_ever(
    box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(Client(headers={"host": "localhost:8999"}), box.psc, "hoda")
    box.psc.switches.update({"wrong_kid": True})
    before = Call.objects.filter(transaction="discovery").count()

    for _ in range(3):
        log_in(Client(headers={"host": "localhost:8999"}), box.psc, "hoda")

    assert Call.objects.filter(transaction="discovery").count() == before + 1


def test_plain_http_outside_this_machine_is_refused(psc: IdentityProvider, settings: object) -> None:
    settings.ALLOWED_HOSTS = ["dpi.example.org"]  # type: ignore[attr-defined]

    answer = Client(headers={"host": "dpi.example.org"}).get("/oidc/psc/login")

    assert answer.status_code == 403
    assert "PSC-03" in answer.content.decode()


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("/compte", "/compte"),
        ("https://evil.example/x", None),
        ("//evil.example", None),
        ("javascript:1", None),
    ],
)
def test_after_login_one_goes_only_to_our_pages(
    wanted: str, kept: str | None, box: Sandbox, psc: IdentityProvider, hoda: User, browser: Client
) -> None:
    answer = log_in(browser, box.psc, "hoda", next=wanted)

    assert answer["Location"] == linked_url(arrival_url(kept))


@pytest.mark.requirement("SC.SSI/IAM.80")
def test_a_provider_is_added_by_one_command(box: Sandbox, roles: None, unit: Unit, browser: Client) -> None:
    account("cmartin", "martin", RoleCode.SOIGNANT, unit)
    address = box.addresses.etablissement
    arguments = [
        "oidc_provider_set", "annexe", "--discovery-url", address.discovery_url, "--client-id",
        address.client_id, "--client-secret-file", address.client_secret_file, "--ca-file",
        box.addresses.certificates.ca, "--label", "Compte de l'annexe", "--second-factor", "otp",
        "--rpps-claim", "rpps",
    ]  # fmt: skip
    call_command(*arguments, stdout=StringIO())
    call_command(*arguments, stdout=StringIO())
    box.establishment.client.redirect_uris.append("http://localhost:8999/oidc/annexe/callback")

    log_in(browser, box.establishment, "martin", slug="annexe")

    assert LoginSession.objects.get().provider == "annexe"
    assert Trace.objects.filter(type__startswith="oidc.provider.").count() == 1
    assert urlsplit(address.issuer).scheme == "https"


def test_the_command_refuses_a_plain_address(db: None) -> None:
    with pytest.raises(CommandError, match="https"):
        call_command(
            "oidc_provider_set", "x", "--discovery-url", "http://x/.well-known/y", "--client-id", "z"
        )


def test_the_login_page_is_ours_and_never_a_redirection(psc: IdentityProvider, browser: Client) -> None:
    for host in ("localhost:8999", "127.0.0.1:8999"):
        assert browser.get("/", headers={"host": host}).status_code == 200
