"""Default deny: the rule of a view, the role in which one acts, what a refusal leaves (security 3, 9)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.access import requires
from accounts.enums import RoleCode
from accounts.models import Assignment, User
from accounts.permissions import UnknownPermission
from accounts.services import assignment_give, assignment_revoke, user_suspend
from audit.models import Trace
from establishment.models import Unit
from tests.accounts.conftest import INSTALLER, account
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.sample_urls")]


@pytest.mark.parametrize("path", ["/t/forgotten", "/t/forgotten-class"])
def test_a_view_that_declares_nothing_is_closed_to_everybody(
    path: str, client: Client, hoda: User, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get(path).status_code == 403
    assert sign_in(client, hoda).get(path).status_code == 403


def test_the_actor_has_the_role_that_grants_the_view(client: Client, hoda: User) -> None:
    answer = sign_in(client, hoda).get("/t/search")

    assert answer.content.decode() == "prescripteur 6268 psc:eidas1:CARD"
    assert answer["Cache-Control"] == "no-store"


def test_of_two_roles_the_one_that_grants_is_the_actor_s(client: Client, roles: None, unit: Unit) -> None:
    user = account("msocial", "martin", RoleCode.SOCIAL)
    assignment_give(user=user, role=RoleCode.SOIGNANT, giver=None, actor=INSTALLER, unit=unit)
    sign_in(client, user)

    assert client.get("/t/search").content.decode().startswith("social ")
    client.get("/t/polled")
    assert client.get("/t/record").status_code == 200


@pytest.mark.requirement("SC.SSI/GEN.18")
def test_a_technical_administrator_sees_no_patient(client: Client, roles: None) -> None:
    user = account("adm-tech", "roux", RoleCode.ADMIN_TECHNIQUE)

    for path in ("/t/search", "/t/record", "/t/polled"):
        assert sign_in(client, user).get(path).status_code == 403
    refused = Trace.objects.filter(type="access.refused").first()
    assert refused is not None
    assert (refused.actor_login, refused.outcome) == ("adm-tech", "refused")
    assert refused.detail == {"permissions": ["patients.search"], "view": "searched"}


def test_a_refused_call_reads_json(client: Client, roles: None) -> None:
    user = account("adm-tech", "roux", RoleCode.ADMIN_TECHNIQUE)

    answer = sign_in(client, user).get("/t/search", headers={"accept": "application/json"})

    assert (answer.status_code, answer.json()) == (403, {"code": "forbidden"})


def test_a_right_that_was_withdrawn_is_gone_at_the_next_request(client: Client, hoda: User) -> None:
    sign_in(client, hoda)
    assert client.get("/t/search").status_code == 200

    assignment_revoke(assignment=Assignment.objects.get(user=hoda), actor=INSTALLER)

    assert client.get("/t/search").status_code == 403


def test_a_right_outside_its_period_does_not_count(client: Client, hoda: User) -> None:
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    Assignment.objects.filter(user=hoda).update(since=tomorrow)

    assert sign_in(client, hoda).get("/t/search").status_code == 403


@pytest.mark.requirement("SC.SSI/IAM.91")
def test_suspending_an_account_ends_its_sessions_at_once(
    client: Client, hoda: User, django_capture_on_commit_callbacks: object
) -> None:
    sign_in(client, hoda)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        user_suspend(user=hoda, actor=INSTALLER, reason="départ")

    assert client.get("/t/anybody").status_code == 302
    assert Trace.objects.filter(type="account.disable", object_uid=hoda.uid).exists()
    assert Trace.objects.filter(type="session.killed", object_uid=hoda.uid).exists()


def test_a_view_cannot_ask_for_a_permission_that_does_not_exist() -> None:
    with pytest.raises(UnknownPermission):
        requires("patients.everything")
    with pytest.raises(ValueError, match="signed_in"):
        requires()


def test_the_answer_names_the_correlation_of_its_traces(client: Client, hoda: User, roles: None) -> None:
    user = account("adm-tech", "roux", RoleCode.ADMIN_TECHNIQUE)

    answer = sign_in(client, user).get("/t/search")

    trace = Trace.objects.get(type="access.refused")
    assert trace.correlation == answer["X-Correlation-ID"]
    assert trace.ip == "127.0.0.1"
    assert len(trace.session) == 64


def test_a_forged_forwarding_header_does_not_choose_the_address(client: Client, settings: object) -> None:
    from audit.middleware import client_ip

    request = client.get("/", headers={"x-forwarded-for": "1.2.3.4, 10.0.0.7"}).wsgi_request
    assert client_ip(request) == "127.0.0.1"
    settings.DPI_TRUSTED_PROXIES = 1  # type: ignore[attr-defined]
    assert client_ip(request) == "10.0.0.7"
