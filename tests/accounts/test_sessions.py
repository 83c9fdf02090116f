"""The life of a session: locked, unlocked, ended (security 5; spec README, decision 19)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.enums import SessionEnd
from accounts.models import Assignment, IdentityProvider, LoginSession, User
from accounts.rules import Phase, SessionLimits, SessionTimes, session_verdict
from accounts.tasks import sweep
from audit.models import Trace
from sandbox.runtime import Sandbox
from tests.accounts.conftest import HOST, STRONG_PASSWORD
from tests.accounts.walk import log_in
from tests.signing_in import sign_in

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LIMITS = SessionLimits(idle=timedelta(minutes=15), locked=timedelta(hours=2), absolute=timedelta(hours=4))
URLS = pytest.mark.urls("tests.accounts.sample_urls")


@pytest.fixture
def hoda_since_start(hoda: User) -> User:
    """Her role was given before the tests' morning."""
    Assignment.objects.update(since=START - timedelta(days=1))
    return hoda


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("active", "locked", "now", "phase", "end"),
    [
        (0, None, 0, Phase.OPEN, None),
        (0, None, 14.9, Phase.OPEN, None),
        (0, None, 15, Phase.LOCKED, None),
        (0, None, 134.9, Phase.LOCKED, None),
        (0, None, 135, Phase.ENDED, SessionEnd.ABANDONED),
        (10, 12, 12, Phase.LOCKED, None),
        (10, 12, 131.9, Phase.LOCKED, None),
        (10, 12, 132, Phase.ENDED, SessionEnd.ABANDONED),
        (239, None, 239.9, Phase.OPEN, None),
        (239, None, 240, Phase.ENDED, SessionEnd.EXPIRED),
        (200, 210, 240, Phase.ENDED, SessionEnd.EXPIRED),
    ],
)
@pytest.mark.requirement("SC.SSI/IE.39")
def test_the_phase_of_a_session(
    active: float, locked: float | None, now: float, phase: Phase, end: SessionEnd | None
) -> None:
    times = SessionTimes(
        opened_at=START,
        active_at=START + minutes(active),
        locked_at=None if locked is None else START + minutes(locked),
    )

    verdict = session_verdict(times, LIMITS, START + minutes(now))

    assert (verdict.phase, verdict.end) == (phase, end)


@given(active=st.integers(0, 300), lock=st.one_of(st.none(), st.integers(0, 300)), steps=st.integers(0, 600))
def test_time_alone_never_reopens_a_session(active: int, lock: int | None, steps: int) -> None:
    order = [Phase.OPEN, Phase.LOCKED, Phase.ENDED]
    times = SessionTimes(START, START + minutes(active), None if lock is None else START + minutes(lock))
    before = session_verdict(times, LIMITS, START + minutes(active))
    after = session_verdict(times, LIMITS, START + minutes(active + steps))

    assert order.index(after.phase) >= order.index(before.phase)


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.39")
def test_after_fifteen_minutes_the_server_gives_no_data(client: Client, hoda: User) -> None:
    with time_machine.travel(START, tick=False):
        sign_in(client, hoda)
    with time_machine.travel(START + minutes(15), tick=False):
        page = client.get(reverse("accounts:profile"))
        call = client.get(reverse("accounts:profile"), headers={"accept": "application/json"})
        fragment = client.get(reverse("accounts:profile"), headers={"hx-request": "true"})
        screen = client.get(page["Location"])

    assert page["Location"] == f"{reverse('accounts:locked')}?next=/compte"
    assert (call.status_code, call.json()) == (401, {"code": "locked"})
    assert fragment["HX-Redirect"] == reverse("accounts:locked")
    assert screen.status_code == 200
    assert "Session verrouillée" in screen.content.decode()


@URLS
@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.39")
def test_a_page_that_asks_by_itself_does_not_keep_the_session_open(
    client: Client, hoda_since_start: User
) -> None:
    with time_machine.travel(START, tick=False):
        sign_in(client, hoda_since_start)
    for minute in (5, 10, 14):
        with time_machine.travel(START + minutes(minute), tick=False):
            assert client.get("/t/polled").status_code == 200
    with time_machine.travel(START + minutes(15), tick=False):
        assert client.get("/t/polled", headers={"hx-request": "true"}).status_code == 401


@URLS
@pytest.mark.django_db
def test_what_the_person_does_keeps_the_session_open(client: Client, hoda_since_start: User) -> None:
    with time_machine.travel(START, tick=False):
        sign_in(client, hoda_since_start)
    for minute in range(10, 240, 10):
        with time_machine.travel(START + minutes(minute), tick=False):
            assert client.get("/t/search").status_code == 200
    with time_machine.travel(START + minutes(240), tick=False):
        assert client.get("/t/search")["Location"] == "/?next=/t/search"

    assert LoginSession.objects.get().end == SessionEnd.EXPIRED
    assert Trace.objects.get(type="session.expired").reason == SessionEnd.EXPIRED


@pytest.mark.django_db
def test_a_local_session_lasts_twelve_hours(client: Client, administrator: User) -> None:
    with time_machine.travel(START, tick=False):
        administrator.password_changed_at = START
        administrator.save()
        sign_in(client, administrator, psc=False)
    for quarter in range(1, 12 * 6):
        with time_machine.travel(START + minutes(10 * quarter), tick=False):
            assert client.get(reverse("accounts:profile")).status_code == 200
    with time_machine.travel(START + timedelta(hours=12), tick=False):
        assert client.get(reverse("accounts:profile"))["Location"].startswith("/?next=")


@pytest.mark.django_db
def test_a_session_left_locked_two_hours_is_closed(client: Client, hoda: User) -> None:
    with time_machine.travel(START, tick=False):
        sign_in(client, hoda)
    with time_machine.travel(START + minutes(135), tick=False):
        answer = client.get(reverse("accounts:profile"))

    assert answer["Location"].startswith("/?next=")
    assert LoginSession.objects.get().end == SessionEnd.ABANDONED


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.38", "SC.PSC.01")
def test_logout_ends_the_session_and_proposes_the_provider_s(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value

    answer = browser.post(reverse("accounts:logout"))

    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    page = browser.get(answer["Location"]).content.decode()
    assert "Vous êtes déconnecté" in page
    assert "eyJ" not in page
    thief = Client(headers={"host": HOST})
    thief.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert thief.get(reverse("accounts:profile")).status_code == 302
    assert LoginSession.objects.get().end == SessionEnd.LOGOUT
    assert Trace.objects.filter(type="psc.logout.local", object_uid=hoda.uid).count() == 1


@pytest.mark.django_db
def test_the_provider_s_session_ends_too_and_comes_back(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    sid = LoginSession.objects.get().sid
    assert box.psc.live_session(sid) is not None
    browser.post(reverse("accounts:logout"))

    answer = browser.get(reverse("accounts:logout_provider"))

    assert answer["Location"].startswith(box.addresses.psc.end_session_endpoint)
    assert "id_token_hint=" in answer["Location"]
    assert box.psc.live_session(sid) is None
    assert Trace.objects.filter(type="psc.logout.rp").count() == 1
    state = answer["Location"].rpartition("state=")[2].partition("&")[0]
    assert browser.get(f"/oidc/psc/logout-response?state={state}")["Location"] == "/"
    again = browser.get(reverse("accounts:logout_provider"))
    assert again["Location"] == "/"


@pytest.mark.django_db
def test_logout_is_a_post(client: Client, hoda: User) -> None:
    assert sign_in(client, hoda).get(reverse("accounts:logout")).status_code == 405


@pytest.mark.django_db
def test_the_session_key_changes_at_login(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    browser.get("/oidc/psc/login")
    before = browser.cookies[settings.SESSION_COOKIE_NAME].value

    log_in(browser, box.psc, "hoda")

    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != before


@pytest.mark.django_db
def test_no_token_rests_in_clear(
    browser: Client,
    box: Sandbox,
    psc: IdentityProvider,
    hoda: User,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    log_in(browser, box.psc, "hoda")

    said = caplog.text + "".join(capsys.readouterr())
    assert "eyJ" not in said
    assert box.psc.client.secret not in said
    stored = str(dict(browser.session.items()))
    assert "eyJ" not in stored
    assert "eyJ" not in str(list(Trace.objects.values()))


@pytest.mark.django_db
def test_the_fourth_session_closes_the_oldest(
    box: Sandbox, psc: IdentityProvider, hoda: User, django_capture_on_commit_callbacks: object
) -> None:
    browsers = [Client(headers={"host": HOST}) for _ in range(4)]
    for browser in browsers:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            log_in(browser, box.psc, "hoda")

    assert browsers[0].get(reverse("accounts:profile")).status_code == 302
    assert [browser.get(reverse("accounts:profile")).status_code for browser in browsers[1:]] == [200] * 3
    assert LoginSession.objects.filter(end=SessionEnd.TOO_MANY).count() == 1


# --- Lock and unlock --------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_same_person_unlocks_by_the_provider_and_goes_on(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    session = browser.session
    session["draft"] = "kept"
    session.save()
    browser.post(reverse("accounts:lock_now"))
    assert browser.get(reverse("accounts:profile"))["Location"].startswith(reverse("accounts:locked"))

    answer = log_in(browser, box.psc, "hoda", next="/compte")

    assert answer["Location"] == "/compte"
    assert browser.get("/compte").status_code == 200
    assert browser.session["draft"] == "kept"
    assert LoginSession.objects.count() == 1
    assert Trace.objects.filter(type="session.unlocked").count() == 1
    assert Trace.objects.filter(type="psc.login.success").count() == 1


@pytest.mark.django_db
def test_another_person_never_goes_on_in_a_locked_session(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User, lemaire: User
) -> None:
    log_in(browser, box.psc, "hoda")
    session = browser.session
    session["draft"] = "hoda's"
    session.save()
    browser.post(reverse("accounts:lock_now"))

    log_in(browser, box.psc, "lemaire")

    assert "LEMAIRE" in browser.get("/compte").content.decode()
    assert "draft" not in browser.session
    assert LoginSession.objects.get(user=hoda).end == SessionEnd.REPLACED
    assert Trace.objects.get(type="session.replaced").actor_login == "ahoda"


@pytest.mark.django_db
def test_cancelling_the_unlock_leaves_the_session_locked(
    browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")
    browser.post(reverse("accounts:lock_now"))
    address = browser.get("/oidc/psc/login")["Location"]
    state = address.partition("state=")[2].partition("&")[0]

    answer = browser.get("/oidc/psc/callback", {"error": "access_denied", "state": state})

    assert "PSC-01" in answer.content.decode()
    assert "prompt=login" in address
    assert browser.get(reverse("accounts:locked")).status_code == 200
    assert LoginSession.objects.get().ended_at is None


@pytest.mark.django_db
def test_an_administrator_unlocks_with_the_password(client: Client, administrator: User) -> None:
    sign_in(client, administrator, psc=False)
    client.post(reverse("accounts:lock_now"))
    wrong = client.post(reverse("accounts:unlock_local"), {"password": "x"})
    assert wrong.status_code == 422

    right = client.post(reverse("accounts:unlock_local"), {"password": STRONG_PASSWORD, "next": "/compte"})

    assert right["Location"] == "/compte"
    assert client.get("/compte").status_code == 200


@pytest.mark.django_db
def test_closing_my_other_sessions_spares_this_one(
    hoda: User, django_capture_on_commit_callbacks: object
) -> None:
    here, there = sign_in(Client(), hoda), sign_in(Client(), hoda)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        here.post(reverse("accounts:sessions_close"))

    assert here.get("/compte").status_code == 200
    assert there.get("/compte").status_code == 302


@pytest.mark.django_db
def test_sessions_that_nobody_closes_are_closed_by_the_sweep(
    client: Client, hoda: User, django_capture_on_commit_callbacks: object
) -> None:
    with time_machine.travel(START, tick=False):
        sign_in(client, hoda)
    with (
        time_machine.travel(START + timedelta(hours=13), tick=False),
        django_capture_on_commit_callbacks(execute=True),  # type: ignore[operator]
    ):
        sweep()

    assert LoginSession.objects.get().end == SessionEnd.EXPIRED
    assert Trace.objects.get(type="session.expired").actor_login == "accounts.sweep"
    assert not Session.objects.exists()
