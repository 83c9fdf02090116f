"""Application tokens: given by the command, shown once, used, refused, revoked (security 3.2, 4.2, 8.2)."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import AccountKind, RoleCode
from accounts.errors import AccountError
from accounts.models import ApiToken, Assignment, User
from accounts.permissions import PERMISSIONS
from accounts.scopes import SCOPES, permissions_of
from accounts.services import (
    api_token_create,
    api_token_revoke,
    assignment_revoke,
    roles_install,
    service_account_open,
    user_enable,
    user_suspend,
)
from audit.models import Trace
from tests.calling import ACTOR, actor_is, client_of, issue, problem_of
from tests.factories import UnitFactory, UserFactory
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db


def given(*arguments: str) -> str:
    """Run the command; what it prints is the token."""
    roles_install()
    out = StringIO()
    call_command("api_token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def me(text: str) -> Any:
    return client_of(text).get(reverse("api:me"))


class TestCommand:
    def test_it_gives_a_token_that_opens_the_api_and_shows_it_once(self):
        text = given("pharmacie", "--scope", "patients:read", "--scope", "documents:read", "--expires", "90")

        answer = me(text)

        assert answer.status_code == 200
        assert answer.json() | {"expires_at": None} == {
            "login": "pharmacie",
            "kind": "token",
            "permissions": sorted(permissions_of(["patients:read", "documents:read"])),
            "scopes": ["documents:read", "patients:read"],
            "units": [],
            "every_unit": True,
            "expires_at": None,
        }
        row = ApiToken.objects.get()
        assert text not in str(ApiToken.objects.values()) and text.rpartition("_")[2] not in row.digest
        assert (row.expires_at - row.created_at).days in (89, 90)

    def test_the_account_is_a_service_account_that_nobody_logs_in_with(self, client: Client):
        given("pharmacie", "--scope", "patients:read")

        user = User.objects.get(login="pharmacie")

        assert user.kind == AccountKind.SERVICE
        assert not user.has_usable_password() and not user.may_use_password
        assert user.granted_permissions == frozenset()

    def test_named_units_are_its_habilitations(self):
        UnitFactory(code="6268")
        UnitFactory(code="6270")
        text = given("labo", "--scope", "patients:read", "--unit", "6268")
        given("labo", "--scope", "patients:read", "--unit", "6270")

        found = me(text).json()

        assert (found["units"], found["every_unit"]) == (["6268", "6270"], False)
        assert User.objects.filter(login="labo").count() == 1

    def test_a_second_token_lives_beside_the_first_until_it_is_revoked(self):
        first = given("labo", "--scope", "patients:read")
        second = given("labo", "--scope", "patients:read")
        assert me(first).status_code == me(second).status_code == 200

        given("labo", "--revoke", first.split("_")[1])

        assert problem_of(me(first), 401)["code"] == "token_revoked"
        assert me(second).status_code == 200

    def test_without_a_prefix_every_token_of_the_name_is_revoked(self):
        texts = [given("labo", "--scope", "patients:read") for _ in range(2)]
        other = given("pharmacie", "--scope", "patients:read")

        given("labo", "--revoke", "--reason", "contrat terminé")

        assert [me(text).status_code for text in texts] == [401, 401]
        assert me(other).status_code == 200

    def test_the_list_shows_no_secret(self):
        text = given("labo", "--scope", "patients:read")

        shown = given("labo", "--list")

        assert text.split("_")[1] in shown
        assert text.split("_", 2)[2] not in shown

    @pytest.mark.parametrize(
        "arguments",
        [
            ["labo"],
            ["labo", "--scope", "patients:read", "--unit", "absente"],
            ["labo", "--scope", "patients:read", "--expires", "400"],
            ["labo", "--scope", "patients:read", "--expires", "0"],
            ["labo", "--scope", "accounts:manage"],
            ["hoda", "--scope", "patients:read"],
            ["labo", "--revoke"],
        ],
        ids=" ".join,
    )
    def test_what_cannot_be_given_is_refused_and_leaves_nothing(self, arguments: list[str]):
        UserFactory(login="hoda")

        with pytest.raises(CommandError):
            given(*arguments)

        assert not ApiToken.objects.exists()
        assert not User.objects.filter(login="labo").exists()


class TestScopes:
    def test_a_scope_stands_for_known_permissions_and_none_administers(self):
        held = permissions_of(SCOPES)
        assert held <= set(PERMISSIONS)
        rooms = {name.partition(".")[0] for name in held}
        assert not rooms & {"accounts", "audit", "establishment", "exchange", "pfi"}
        assert not held & {"documents.write", "documents.validate", "documents.delete", "patients.merge"}

    def test_a_scope_that_no_longer_exists_gives_nothing(self):
        assert permissions_of(["gone:read"]) == frozenset()

    def test_a_token_has_what_its_scopes_give_and_no_more(self):
        client = client_of(issue("orders:read"))
        assert set(client.get(reverse("api:me")).json()["permissions"]) == {"sending.list"}


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            "", "dpi", "dpi_", "dpi_0123456789_", "dpi_0123456789_" + "a" * 43,
            "autre_0123456789_" + "a" * 43,
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "a" * 100_000,
        ],
        ids=lambda text: text[:12] or "empty",
    )  # fmt: skip
    def test_what_is_no_token_of_ours_opens_nothing(self, text: str):
        answer = me(text)

        assert problem_of(answer, 401)["code"] == "token_unknown"
        assert answer["WWW-Authenticate"] == 'Bearer realm="dpi"'
        assert Trace.objects.get(type="apikey.use").outcome == "refused"

    def test_the_prefix_of_a_token_without_its_secret_says_nothing_of_it(self):
        issued = issue("patients:read")
        api_token_revoke(token=issued.token, actor=ACTOR)

        answer = me(issued.text[:-1] + ("A" if issued.text[-1] != "A" else "B"))

        assert problem_of(answer, 401)["code"] == "token_unknown"

    def test_an_expired_token_says_so_to_who_holds_it(self):
        issued = issue("patients:read", days=2)

        with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
            assert problem_of(me(issued.text), 401)["code"] == "token_expired"
            refused = Trace.objects.filter(type="apikey.use", outcome="refused").get()

        assert refused.reason == "token_expired"
        assert actor_is(refused, issued.token)

    def test_another_scheme_is_refused_even_with_an_open_session(self, client: Client, hoda: User):
        sign_in(client, hoda)
        for header in ("Basic aG9kYTptb3Q=", "Digest x", "bearer"):
            answer = client.get(reverse("api:me"), headers={"authorization": header})
            assert answer.status_code == 401, header

    def test_nothing_presented_is_401_and_never_a_page(self, client: Client):
        answer = client.get(reverse("api:me"), headers={"accept": "text/html"})
        assert problem_of(answer, 401)["code"] == "not_authenticated"
        assert "Location" not in answer

    def test_who_guesses_is_stopped_and_does_not_fill_the_trace(self):
        for _ in range(40):
            last = me("dpi_0123456789_" + "b" * 43)

        assert problem_of(last, 429)["code"] == "throttled"
        assert int(last["Retry-After"]) >= 1
        assert Trace.objects.filter(type="apikey.use").count() <= 31


class TestLife:
    def test_a_suspended_account_loses_its_tokens_for_good(self):
        issued = issue("patients:read")

        user_suspend(user=issued.token.owner, actor=ACTOR)
        assert me(issued.text).status_code == 401
        user_enable(user=issued.token.owner, actor=ACTOR)

        assert problem_of(me(issued.text), 401)["code"] == "token_revoked"

    def test_an_account_without_habilitation_serves_no_unit(self):
        issued = issue("patients:read")
        assignment_revoke(assignment=Assignment.objects.get(user=issued.token.owner), actor=ACTOR)

        found = me(issued.text).json()

        assert (found["units"], found["every_unit"]) == ([], False)

    def test_a_token_is_created_used_and_revoked_with_one_trace_each(self):
        issued = issue("patients:read", justification="serveur de résultats")
        for _ in range(3):
            me(issued.text)
        api_token_revoke(token=issued.token, actor=ACTOR)
        api_token_revoke(token=issued.token, actor=ACTOR)

        rows = Trace.objects.filter(object_type="apikey").order_by("id")

        assert [row.type for row in rows] == ["apikey.create", "apikey.use", "apikey.revoke"]
        assert all(row.object_uid == issued.token.uid for row in rows)
        assert actor_is(rows[1], issued.token)
        assert issued.text.split("_", 2)[2] not in str(list(Trace.objects.values()))

    def test_a_use_is_noted_again_later(self):
        issued = issue("patients:read")
        me(issued.text)
        first = ApiToken.objects.get().last_used_at
        with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
            me(issued.text)
            assert ApiToken.objects.get().last_used_at > first

    def test_a_person_never_holds_a_token(self):
        with pytest.raises(AccountError):
            api_token_create(
                owner=UserFactory(),
                scopes=["patients:read"],
                expires_at=timezone.now() + timedelta(days=1),
                actor=ACTOR,
            )

    def test_the_database_itself_refuses_a_token_without_end_or_scope(self):
        issued = issue("patients:read")
        for change in ({"expires_at": timezone.now() + timedelta(days=800)}, {"scopes": []}):
            with pytest.raises(IntegrityError), transaction.atomic():
                ApiToken.objects.filter(pk=issued.token.pk).update(**change)

    def test_a_service_account_keeps_what_it_serves(self):
        unit = UnitFactory()
        issue("patients:read")
        with pytest.raises(AccountError):
            service_account_open(login="logiciel", units=[unit], actor=ACTOR)
        assert Assignment.objects.get().role.code == RoleCode.SERVICE


class TestSession:
    def test_a_person_with_an_open_session_calls_with_its_rights(self, client: Client, hoda: User):
        found = sign_in(client, hoda).get(reverse("api:me")).json()

        assert (found["login"], found["kind"], found["scopes"]) == (hoda.login, "session", [])
        assert found["permissions"] == sorted(hoda.granted_permissions)

    def test_a_locked_session_gives_nothing(self, client: Client, hoda: User):
        sign_in(client, hoda)
        client.post(reverse("accounts:lock_now"))

        assert problem_of(client.get(reverse("api:me")), 401)["code"] == "session_locked"

    def test_a_call_does_not_keep_a_session_open(self, client: Client, hoda: User, settings: Any):
        sign_in(client, hoda)
        minutes = settings.SESSION_LOCK_MINUTES
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes - 1), tick=False):
            assert client.get(reverse("api:me")).status_code == 200
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes + 1), tick=False):
            assert client.get(reverse("api:me")).status_code == 401

    def test_an_expired_password_calls_nothing(self, client: Client, hoda: User):
        sign_in(client, hoda, psc=False)
        assert problem_of(client.get(reverse("api:me")), 403)["code"] == "password_expired"

    def test_a_write_from_another_site_is_refused(self, hoda: User):
        client = sign_in(Client(enforce_csrf_checks=True), hoda)
        answer = client.post(reverse("api:unknown", args=["x"]), {}, content_type="application/json")
        assert problem_of(answer, 403)["code"] == "csrf"
