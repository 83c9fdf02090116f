"""Local passwords: administrators alone, counted, delayed, locked, renewed (security 4.1, IAM.92, IE.36)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import AccountKind, RoleCode, RoleFamily
from accounts.errors import AccountError
from accounts.models import LoginSession, User
from accounts.rules import may_log_in_by_password, password_delay, password_has_expired
from accounts.services import assignment_give, password_set, user_create
from accounts.validators import ContextValidator, HistoryValidator, LengthValidator
from accounts.views import REFUSED
from audit.models import Trace
from establishment.models import Unit
from tests.accounts.conftest import INSTALLER, STRONG_PASSWORD

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def attempt(client: Client, login: str, password: str) -> int:
    answer = client.post(reverse("accounts:login_local"), {"username": login, "password": password})
    if answer.status_code == 422:
        assert REFUSED in answer.content.decode()
    return answer.status_code


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IAM.92")
def test_a_local_administrator_logs_in(client: Client, administrator: User) -> None:
    assert attempt(client, "adm-durand", STRONG_PASSWORD) == 302

    page = client.get(reverse("accounts:profile"))
    assert "DURAND Paul" in page.content.decode()
    assert LoginSession.objects.get().assurance == "pwd"
    trace = Trace.objects.get(type="login.success")
    assert (trace.actor_login, trace.actor_role, trace.assurance) == (
        "adm-durand", "admin_fonctionnel", "pwd",
    )  # fmt: skip


@pytest.mark.django_db
def test_a_clinician_with_a_password_does_not(client: Client, hoda: User) -> None:
    password_set(user=hoda, password=STRONG_PASSWORD, actor=INSTALLER)
    User.objects.filter(pk=hoda.pk).update(may_use_password=True)

    assert attempt(client, "ahoda", STRONG_PASSWORD) == 422
    assert not LoginSession.objects.exists()
    assert Trace.objects.get(type="login.failure").reason == "not a local administrator"


@pytest.mark.parametrize(
    ("flag", "kind", "families", "expected"),
    [
        (True, AccountKind.NOMINATIVE, [RoleFamily.ADMIN_FONCTIONNEL], True),
        (True, AccountKind.NOMINATIVE, [RoleFamily.ADMIN_TECHNIQUE], True),
        (False, AccountKind.NOMINATIVE, [RoleFamily.ADMIN_TECHNIQUE], False),
        (True, AccountKind.NOMINATIVE, [RoleFamily.CARE], False),
        (True, AccountKind.NOMINATIVE, [], False),
        (True, AccountKind.SERVICE, [RoleFamily.ADMIN_TECHNIQUE], False),
        (True, AccountKind.TRAINING, [RoleFamily.ADMIN_TECHNIQUE], False),
    ],
)
def test_who_may_log_in_by_password(flag: bool, kind: str, families: list[str], expected: bool) -> None:
    assert may_log_in_by_password(flag=flag, kind=kind, families=families) is expected


@pytest.mark.django_db
def test_unknown_wrong_and_suspended_read_the_same(client: Client, administrator: User) -> None:
    assert attempt(client, "nobody", "x") == 422
    assert attempt(client, "adm-durand", "x") == 422
    User.objects.filter(pk=administrator.pk).update(is_active=False)
    assert attempt(client, "adm-durand", STRONG_PASSWORD) == 422

    failures = Trace.objects.filter(type="login.failure").order_by("id")
    assert [failure.object_uid for failure in failures] == [None, administrator.uid, administrator.uid]
    assert STRONG_PASSWORD not in str(list(Trace.objects.values()))


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IAM.92", "SC.SSI/IE.36")
def test_five_failures_lock_the_account_from_everywhere(client: Client, administrator: User) -> None:
    moment = timezone.now()
    for number in range(5):
        with time_machine.travel(moment + timedelta(minutes=number), tick=False):
            assert attempt(client, "adm-durand", "wrong") == 422
    with time_machine.travel(moment + timedelta(minutes=6), tick=False):
        elsewhere = Client(REMOTE_ADDR="10.9.8.7")
        assert attempt(client, "adm-durand", STRONG_PASSWORD) == 422
        assert attempt(elsewhere, "adm-durand", STRONG_PASSWORD) == 422
    assert Trace.objects.filter(type="login.failure", reason="locked").count() >= 2
    with time_machine.travel(moment + timedelta(minutes=40), tick=False):
        assert attempt(client, "adm-durand", STRONG_PASSWORD) == 302


@pytest.mark.django_db
def test_an_address_that_tries_five_names_is_locked(client: Client, administrator: User) -> None:
    for name in ("a", "b", "c", "d", "e"):
        attempt(client, name, "x")

    assert attempt(client, "adm-durand", STRONG_PASSWORD) == 422
    assert attempt(Client(REMOTE_ADDR="10.9.8.7"), "adm-durand", STRONG_PASSWORD) == 302


@pytest.mark.django_db
def test_from_the_third_failure_the_next_attempt_waits(client: Client, administrator: User) -> None:
    with time_machine.travel(NOW, tick=False):
        administrator.password_changed_at = NOW
        administrator.save()
        administrator.assignments.update(since=NOW)
        for _ in range(3):
            attempt(client, "adm-durand", "wrong")
    with time_machine.travel(NOW + timedelta(seconds=4), tick=False):
        assert attempt(client, "adm-durand", STRONG_PASSWORD) == 422
    with time_machine.travel(NOW + timedelta(seconds=6), tick=False):
        assert attempt(client, "adm-durand", STRONG_PASSWORD) == 302


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (2, 0), (3, 5), (4, 10), (5, 20)])
def test_the_delay_grows(failures: int, seconds: int) -> None:
    assert password_delay(failures) == timedelta(seconds=seconds)


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IE.39")
def test_after_login_one_reads_the_last_one_and_the_failures(client: Client, administrator: User) -> None:
    attempt(client, "adm-durand", STRONG_PASSWORD)
    client.post(reverse("accounts:logout"))
    attempt(client, "adm-durand", "wrong")
    attempt(client, "adm-durand", STRONG_PASSWORD)

    page = client.get(reverse("accounts:profile")).content.decode()

    assert "Dernière connexion le" in page
    assert "1 tentative(s) échouée(s)" in page


@pytest.mark.django_db
def test_a_password_of_a_megabyte_never_reaches_the_hasher(client: Client, administrator: User) -> None:
    answer = client.post(reverse("accounts:login_local"), {"username": "adm-durand", "password": "x" * 2**20})

    assert answer.status_code == 422
    assert not Trace.objects.filter(type="login.failure").exists()


@pytest.mark.django_db
def test_local_login_can_be_switched_off(client: Client, administrator: User, settings: object) -> None:
    settings.LOCAL_LOGIN_ENABLED = False  # type: ignore[attr-defined]

    page = client.get("/").content.decode()
    answer = client.post(
        reverse("accounts:login_local"), {"username": "adm-durand", "password": STRONG_PASSWORD}
    )

    assert "mot de passe" not in page
    assert answer.status_code == 422
    assert not LoginSession.objects.exists()


# --- Policy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("Ab1!Ab1!Ab1", False),
        ("Ab1!Ab1!Ab1!", True),
        ("abcdefghijkl1", False),
        ("abcdefghijklm1", True),
        ("un deux six dix cent mil roi", True),
    ],
)
@pytest.mark.requirement("SC.SSI/IE.36")
def test_length_and_classes_for_users(password: str, accepted: bool) -> None:
    if accepted:
        LengthValidator().validate(password)
    else:
        with pytest.raises(ValidationError):
            LengthValidator().validate(password)


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IAM.92")
def test_an_administrator_needs_fifteen(administrator: User) -> None:
    with pytest.raises(AccountError, match="15"):
        password_set(user=administrator, password="Marelle-v-27qx", actor=INSTALLER)
    password_set(user=administrator, password="Marelle-v-27qxz", actor=INSTALLER)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password", ["xxxDurandxxxxxxxx", "adm-durand-12345", "les-trois-rivieres-!", "2026xxxxxx!x"]
)
def test_words_of_the_account_and_the_hospital_are_refused(
    password: str, administrator: User, unit: Unit
) -> None:
    with pytest.raises(ValidationError):
        ContextValidator().validate(password, administrator)


@pytest.mark.django_db
def test_the_last_ten_passwords_do_not_come_back(administrator: User) -> None:
    for number in range(10):
        password_set(user=administrator, password=f"Marelle-violette-{number}x!", actor=INSTALLER)

    with pytest.raises(ValidationError):
        HistoryValidator().validate(STRONG_PASSWORD, administrator)
    password_set(user=administrator, password="Marelle-violette-11x!", actor=INSTALLER)
    HistoryValidator().validate(STRONG_PASSWORD, administrator)


@pytest.mark.parametrize(("days", "expired"), [(364, False), (366, True)])
def test_a_privileged_password_lives_twelve_months(days: int, expired: bool) -> None:
    assert password_has_expired(NOW, NOW + timedelta(days=days), 12) is expired
    assert password_has_expired(None, NOW, 12)


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IAM.92")
def test_an_expired_password_opens_only_its_own_change(client: Client, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(password_changed_at=timezone.now() - timedelta(days=400))
    attempt(client, "adm-durand", STRONG_PASSWORD)

    blocked = client.get(reverse("accounts:profile"))
    assert blocked["Location"].startswith(reverse("accounts:password"))
    values = {"current": STRONG_PASSWORD, "new": "Autre-Marelle-verte-9", "again": "Autre-Marelle-verte-9"}
    changed = client.post(reverse("accounts:password"), values)

    assert changed["Location"] == reverse("accounts:profile")
    assert client.get(reverse("accounts:profile")).status_code == 200
    assert Trace.objects.filter(type="password.change.success", actor_login="adm-durand").exists()


@pytest.mark.django_db
@pytest.mark.requirement("SC.SSI/IAM.91")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"current": "wrong", "new": "Autre-Marelle-verte-9", "again": "Autre-Marelle-verte-9"}, "current"),
        ({"current": STRONG_PASSWORD, "new": "court", "again": "court"}, "new"),
    ],
)
def test_a_refused_change_is_traced(
    values: dict[str, str], field: str, client: Client, administrator: User
) -> None:
    attempt(client, "adm-durand", STRONG_PASSWORD)

    answer = client.post(reverse("accounts:password"), values)

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert Trace.objects.filter(type="password.change.failure", outcome="failure").count() == 1


@pytest.mark.django_db
def test_the_login_is_never_given_again(administrator: User) -> None:
    with pytest.raises(AccountError, match="jamais réattribué"):
        user_create(login="adm-durand", family_name="X", given_name="Y", actor=INSTALLER)


@pytest.mark.django_db
def test_passwords_rest_in_argon2_in_production() -> None:
    from dpi.settings import base

    assert base.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


@pytest.mark.django_db
def test_a_second_administrator_account_of_a_clinician_stays_apart(hoda: User, roles: None) -> None:
    with pytest.raises(AccountError, match="autre famille"):
        assignment_give(user=hoda, role=RoleCode.ADMIN_TECHNIQUE, giver=None, actor=INSTALLER)
