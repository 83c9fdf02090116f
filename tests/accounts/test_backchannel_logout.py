"""The provider ends a session from behind (psc 11.4, 14.8; OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from accounts.enums import RoleCode, SessionEnd
from accounts.models import ExternalIdentity, IdentityProvider, LoginSession, User
from accounts.oidc.backchannel import CALLS_PER_MINUTE, LOGOUT_EVENT, MAX_TOKEN_CHARACTERS
from accounts.services import provider_set
from accounts.sessions import session_read
from accounts.vault import open_tokens
from audit.models import Trace
from establishment.models import Unit
from sandbox.psc.model import Session
from sandbox.runtime import Sandbox
from tests.accounts.conftest import HOST, account
from tests.accounts.walk import log_in
from tests.serving import all_answered

URL = "/oidc/psc/backchannel-logout"
Callbacks = Callable[..., Any]


@pytest.fixture(autouse=True)
def empty_counts() -> None:
    cache.clear()


@pytest.fixture
def told(psc: IdentityProvider) -> IdentityProvider:
    """Pro Santé Connect, allowed to end sessions here."""
    return provider_set(slug="psc", backchannel_logout=True)


@pytest.fixture
def session(browser: Client, box: Sandbox, told: IdentityProvider, hoda: User) -> Session:
    """The session of a doctor at the provider, who is logged in here by it."""
    log_in(browser, box.psc, "hoda")
    found = box.psc.live_session(LoginSession.objects.get().sid)
    assert found is not None
    return found


def post(token: str, **headers: str) -> HttpResponse:
    """As the provider does: no cookie, no CSRF token."""
    caller = Client(enforce_csrf_checks=True, headers={"host": HOST})
    return caller.post(URL, {"logout_token": token}, **headers)


def refused(reason: str) -> None:
    trace = Trace.objects.filter(type="psc.logout.backchannel").latest("id")
    assert (trace.outcome, trace.actor_login) == ("refused", "accounts.oidc.backchannel")
    assert reason in trace.reason, trace.reason


@pytest.mark.django_db
def test_the_token_of_the_provider_ends_the_session_once(
    browser: Client, box: Sandbox, session: Session, django_capture_on_commit_callbacks: Callbacks
) -> None:
    assert browser.get("/compte").status_code == 200
    token = box.psc.logout_token(session)

    with django_capture_on_commit_callbacks(execute=True):
        answer = post(token)

    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (200, b"", "no-store")
    assert browser.get("/compte").status_code == 302
    assert LoginSession.objects.get().end == SessionEnd.PROVIDER
    trace = Trace.objects.get(type="psc.logout.backchannel")
    assert (trace.outcome, trace.reason) == ("success", "provider")

    again = post(token)

    assert (again.status_code, again["Cache-Control"]) == (400, "no-store")
    refused("jti was used already")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"iss": None}, "MissingRequiredClaimError"),
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": None}, "MissingRequiredClaimError"),
        ({"iat": None}, "MissingRequiredClaimError"),
        ({"iat": -121}, "iat too old"),
        ({"iat": 3600}, "ImmatureSignatureError"),
        ({"exp": -3600}, "ExpiredSignatureError"),
        ({"jti": None}, "MissingRequiredClaimError"),
        ({"jti": ""}, "jti is empty"),
        ({"jti": 7}, "InvalidJTIError"),
        ({"events": None}, "MissingRequiredClaimError"),
        ({"events": {}}, "events names no logout"),
        ({"events": [LOGOUT_EVENT]}, "events names no logout"),
        ({"events": {LOGOUT_EVENT: True}}, "events names no logout"),
        ({"nonce": "n"}, "nonce is forbidden"),
        ({"nonce": ""}, "nonce is forbidden"),
        ({"sid": None, "sub": None}, "neither sid nor sub"),
        ({"sid": ["x"], "sub": None}, "neither sid nor sub"),
    ],
    ids=str,
)
def test_a_token_that_breaks_a_rule_ends_nothing(
    changes: dict[str, Any], reason: str, browser: Client, box: Sandbox, session: Session
) -> None:
    now = int(time.time())
    moments = {name: now + changes[name] for name in ("iat", "exp") if changes.get(name)}

    answer = post(box.psc.logout_token(session, **changes | moments))

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert browser.get("/compte").status_code == 200
    refused(reason)


@pytest.mark.django_db
def test_what_is_not_signed_by_the_provider_ends_nothing(
    browser: Client, box: Sandbox, session: Session, psc: IdentityProvider
) -> None:
    claims = jwt.decode(box.psc.logout_token(session), options={"verify_signature": False})
    kid = box.psc.jwks()["keys"][0]["kid"]
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = [
        jwt.encode(claims, "", algorithm="none", headers={"kid": kid}),
        jwt.encode(claims, box.psc.client.secret, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, foreign, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, foreign, algorithm="RS256", headers={"kid": "unknown"}),
        box.psc.logout_token(session)[:-4],
        "a.b.c",
        "",
        "x" * (MAX_TOKEN_CHARACTERS + 1),
    ]

    assert [post(token).status_code for token in forged] == [400] * len(forged)
    assert browser.get("/compte").status_code == 200


@pytest.mark.django_db
def test_an_id_token_is_no_logout_token(browser: Client, box: Sandbox, session: Session) -> None:
    state = session_read(browser.session)
    assert state is not None
    id_token = open_tokens(state.tokens)["id"]
    spoilt = box.psc.logout_token(session, events=None, nonce=session.nonce)

    assert [post(token).status_code for token in (id_token, spoilt)] == [400, 400]
    assert browser.get("/compte").status_code == 200


@pytest.mark.django_db
def test_a_token_of_another_provider_is_refused(
    browser: Client, box: Sandbox, session: Session, hospital_provider: IdentityProvider
) -> None:
    log_in(Client(headers={"host": HOST}), box.establishment, "hoda", slug="etablissement")
    theirs = LoginSession.objects.get(provider="etablissement")
    found = box.establishment.live_session(theirs.sid)
    assert found is not None

    assert post(box.establishment.logout_token(found)).status_code == 400
    elsewhere = "/oidc/etablissement/backchannel-logout"
    assert Client().post(elsewhere, {"logout_token": box.psc.logout_token(session)}).status_code == 404
    assert LoginSession.objects.filter(ended_at__isnull=True).count() == 2


@pytest.mark.django_db
def test_without_sid_every_session_of_the_person_ends_and_nobody_elses(
    box: Sandbox, session: Session, hoda: User, lemaire: User
) -> None:
    for key in ("hoda", "lemaire"):
        log_in(Client(headers={"host": HOST}), box.psc, key)

    assert post(box.psc.logout_token(session, sid=None)).status_code == 200

    assert [row.user for row in LoginSession.objects.filter(ended_at__isnull=True)] == [lemaire]
    assert LoginSession.objects.filter(user=hoda, end=SessionEnd.PROVIDER).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"sid": "unknown"}, {"sub": "f:1:899700900022"}, {"sub": None, "sid": "unknown"}], ids=str
)
def test_a_session_that_is_not_here_is_no_error_and_ends_nothing(
    changes: dict[str, Any], browser: Client, box: Sandbox, session: Session
) -> None:
    assert post(box.psc.logout_token(session, **changes)).status_code == 200
    assert browser.get("/compte").status_code == 200


@pytest.mark.django_db
def test_a_locked_session_ends_too(browser: Client, box: Sandbox, session: Session) -> None:
    browser.post(reverse("accounts:lock_now"))

    post(box.psc.logout_token(session, sub=None))

    assert LoginSession.objects.get().end == SessionEnd.PROVIDER


@pytest.mark.django_db
def test_a_session_unlocked_by_a_new_one_of_the_provider_ends_with_the_new_one(
    browser: Client, box: Sandbox, session: Session
) -> None:
    browser.post(reverse("accounts:lock_now"))
    log_in(browser, box.psc, "hoda")
    newer = box.psc.live_session(LoginSession.objects.get().sid)
    assert newer is not None and newer.sid != session.sid

    post(box.psc.logout_token(session))
    assert LoginSession.objects.get().ended_at is None
    post(box.psc.logout_token(newer))
    assert LoginSession.objects.get().end == SessionEnd.PROVIDER


@pytest.mark.django_db
def test_a_provider_that_was_not_allowed_to_finds_nobody(
    browser: Client, box: Sandbox, session: Session
) -> None:
    provider_set(slug="psc", backchannel_logout=False)

    assert post(box.psc.logout_token(session)).status_code == 404
    assert browser.get("/compte").status_code == 200
    assert not Trace.objects.filter(type="psc.logout.backchannel").exists()


@pytest.mark.django_db
def test_only_a_post_is_heard(told: IdentityProvider) -> None:
    assert Client(headers={"host": HOST}).get(URL).status_code == 405


@pytest.mark.django_db
def test_an_address_that_calls_too_often_is_asked_to_slow_down_and_fills_no_trace(
    told: IdentityProvider, box: Sandbox
) -> None:
    answers = [post("a.b.c").status_code for _ in range(CALLS_PER_MINUTE + 3)]

    assert set(answers[:CALLS_PER_MINUTE]) <= {400}
    assert answers[-1] == 429
    assert Trace.objects.filter(type="psc.logout.backchannel").count() <= CALLS_PER_MINUTE + 2


@pytest.mark.django_db
def test_one_identity_of_two_accounts_ends_both(
    box: Sandbox, session: Session, hoda: User, lemaire: User
) -> None:
    row = LoginSession.objects.get()
    ExternalIdentity.objects.create(
        user=lemaire,
        provider="psc",
        issuer=box.addresses.psc.issuer,
        subject="899700900014",
        sub=box.psc.profile.subject(session.person),
        method="admin",
    )
    LoginSession.objects.create(
        user=lemaire, session_key="other", provider="psc", assurance=row.assurance, sid="other"
    )

    post(box.psc.logout_token(session, sid=None))

    assert not LoginSession.objects.filter(ended_at__isnull=True).exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_provider_itself_tells_us_over_the_wire(
    live_server: LiveServer, box: Sandbox, browser: Client, told: IdentityProvider, roles: None, unit: Unit
) -> None:
    account("spicard", "picard", RoleCode.PRESCRIPTEUR, unit)
    log_in(browser, box.psc, "picard")
    box.psc.client.backchannel_logout_uri = f"{live_server.url}{URL}"
    try:
        with all_answered():
            assert box.psc.log_out("picard") == [200]
    finally:
        box.psc.client.backchannel_logout_uri = ""

    assert browser.get("/compte").status_code == 302
    assert LoginSession.objects.get().end == SessionEnd.PROVIDER
