"""Redis spares calls and wakes workers: when it is gone, people still log in and work (house-style 7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as project
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from accounts.enums import SessionEnd
from accounts.models import IdentityProvider, LoginSession, User
from accounts.services import provider_set
from sandbox.runtime import Sandbox
from tests.accounts.walk import log_in

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


@pytest.fixture
def no_redis(settings: Any, tmp_path: Any) -> None:
    """A server that nobody finds."""
    gone = project.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/gone.sock"}
    settings.CACHES = {"default": gone}
    caches["default"].close()


def test_a_doctor_logs_in_and_works_without_redis(
    no_redis: None, browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    assert browser.get("/").status_code == 200
    assert log_in(browser, box.psc, "hoda").status_code == 302

    assert browser.get(reverse("accounts:profile")).status_code == 200
    assert browser.post(reverse("accounts:logout")).status_code == 302
    assert LoginSession.objects.get().ended_at is not None


def test_the_provider_ends_a_session_without_redis(
    no_redis: None, browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    provider_set(slug="psc", backchannel_logout=True)
    log_in(browser, box.psc, "hoda")
    session = box.psc.live_session(LoginSession.objects.get().sid)
    assert session is not None

    answer = browser.post("/oidc/psc/backchannel-logout", {"logout_token": box.psc.logout_token(session)})

    assert answer.status_code == 200
    assert LoginSession.objects.get().end == SessionEnd.PROVIDER


def test_a_session_ended_by_the_administration_is_ended_without_redis(
    no_redis: None, browser: Client, box: Sandbox, psc: IdentityProvider, hoda: User
) -> None:
    log_in(browser, box.psc, "hoda")

    browser.session.delete()

    assert browser.get(reverse("accounts:profile")).status_code == 302
