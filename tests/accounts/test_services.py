"""Writes on accounts and rights: what is refused, and the one trace that each leaves (security 3, 4, 8.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import AccountKind, LinkMethod, RoleCode, RoleFamily
from accounts.errors import AccountError
from accounts.exports import ACCOUNT_COLUMNS, accounts_csv, neutral, roles_csv
from accounts.models import Assignment, ExternalIdentity, IdentityProvider, Role, User
from accounts.permissions import PERMISSIONS
from accounts.roles import DEFAULT_ROLES, refreshed
from accounts.rules import rpps_is_valid
from accounts.services import (
    GrantRefused,
    assignment_give,
    assignment_revoke,
    external_identity_link,
    external_identity_unlink,
    password_set,
    provider_set,
    roles_install,
    user_close,
    user_create,
    user_enable,
    user_suspend,
    user_update,
)
from audit.models import Trace
from establishment.models import Unit
from sandbox import demo
from tests.accounts.conftest import INSTALLER, STRONG_PASSWORD, account
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db


# --- Each act leaves its one trace (SC.SSI/IAM.91) --------------------------------------------


def _suspended(user: User, provider: IdentityProvider) -> None:
    user_suspend(user=user, actor=INSTALLER, reason="départ")


def _enabled(user: User, provider: IdentityProvider) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    user_enable(user=user, actor=INSTALLER, reason="départ")


def _closed(user: User, provider: IdentityProvider) -> None:
    user_close(user=user, actor=INSTALLER, reason="départ")


def _renamed(user: User, provider: IdentityProvider) -> None:
    user_update(user=user, actor=INSTALLER, family_name="HODA-MARTIN")


def _granted(user: User, provider: IdentityProvider) -> None:
    assignment_give(user=user, role=RoleCode.SOIGNANT, giver=None, actor=INSTALLER)


def _revoked(user: User, provider: IdentityProvider) -> None:
    assignment_revoke(assignment=user.assignments.get(), actor=INSTALLER)


def _password(user: User, provider: IdentityProvider) -> None:
    password_set(user=user, password=STRONG_PASSWORD, actor=INSTALLER)


def _linked(user: User, provider: IdentityProvider) -> None:
    external_identity_link(
        user=user, provider=provider, subject="8x", method=LinkMethod.ADMIN, actor=INSTALLER
    )


def _unlinked(user: User, provider: IdentityProvider) -> None:
    identity = ExternalIdentity.objects.create(
        user=user, provider="psc", issuer="i", subject="8x", method=LinkMethod.ADMIN
    )
    external_identity_unlink(identity=identity, actor=INSTALLER)


@pytest.mark.parametrize(
    ("act", "event", "detail"),
    [
        (_suspended, "account.disable", {}),
        (_enabled, "account.enable", {}),
        (_closed, "account.close", {}),
        (_renamed, "attribute.change", {"name": "family_name", "old": "HODA", "new": "HODA-MARTIN"}),
        (_granted, "role.grant", {"role": "soignant", "unit": ""}),
        (_revoked, "role.revoke", {"role": "prescripteur", "unit": "6268"}),
        (_password, "password.change.success", {}),
        (_linked, "psc.link.created", {"provider": "psc", "subject": "8x"}),
        (_unlinked, "federated.unlink", {"provider": "psc", "subject": "8x"}),
    ],
)
@pytest.mark.requirement("SC.SSI/IAM.91", "SC.SSI/IE.32")
def test_each_act_leaves_exactly_one_trace(
    act: Callable[[User, IdentityProvider], None],
    event: str,
    detail: dict[str, str],
    hoda: User,
    psc: IdentityProvider,
) -> None:
    before = set(Trace.objects.values_list("pk", flat=True))

    act(hoda, psc)

    trace = Trace.objects.exclude(pk__in=before).get()
    assert (trace.type, trace.outcome, trace.object_uid) == (event, "success", hoda.uid)
    assert trace.actor_login == INSTALLER.login
    assert detail.items() <= trace.detail.items()


@pytest.mark.requirement("SC.SSI/IE.31", "SC.SSI/IE.33", "SC.SSI/IAM.91")
def test_an_account_is_made_with_its_verified_identity_and_no_right(roles: None) -> None:
    user = account("ahoda", "hoda", None)

    assert (user.rpps, user.rpps_source) == ("99700900014", "admin")
    assert user.rpps_verified_at is not None
    assert user.granted_permissions == frozenset()
    assert not user.has_usable_password()
    assert Trace.objects.get(type="account.create").detail["login"] == "ahoda"


# --- Identity attributes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rpps", "valid"),
    [(person.rpps, True) for person in demo.PROFESSIONALS if person.rpps]
    + [("99700900015", False), ("9970090001", False), ("9970090001a", False), ("", False), ("٩" * 11, False)],
)
@pytest.mark.requirement("SC.SSI/IE.33")
def test_the_key_of_an_rpps(rpps: str, valid: bool) -> None:
    assert rpps_is_valid(rpps) is valid


@pytest.mark.requirement("SC.SSI/IE.31")
def test_an_account_with_a_bad_or_taken_rpps_is_refused(hoda: User) -> None:
    values = {"login": "x", "family_name": "X", "given_name": "Y", "actor": INSTALLER}
    with pytest.raises(AccountError, match="clé juste"):
        user_create(**values, rpps="99700900015")
    with pytest.raises(AccountError, match="second compte"):
        user_create(**values, rpps=hoda.rpps)
    assert user_create(**values, rpps=hoda.rpps, shared_rpps_reason="deux contrats").rpps == hoda.rpps


@pytest.mark.requirement("SC.SSI/IE.32")
def test_a_change_of_rpps_needs_a_reason_unlinks_and_logs_out(
    hoda: User, psc: IdentityProvider, client: Client, django_capture_on_commit_callbacks: object
) -> None:
    external_identity_link(
        user=hoda, provider=psc, subject="899700900014", method=LinkMethod.RPPS, actor=INSTALLER
    )
    sign_in(client, hoda)
    with pytest.raises(AccountError, match="justifié"):
        user_update(user=hoda, actor=INSTALLER, rpps="99700900022")

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        user_update(user=hoda, actor=INSTALLER, rpps="99700900022", reason="erreur de saisie")

    assert ExternalIdentity.objects.get().revoked_at is not None
    assert client.get(reverse("accounts:profile")).status_code == 302
    trace = Trace.objects.get(type="attribute.change")
    assert trace.reason == "erreur de saisie"
    assert trace.detail == {"name": "rpps", "old": "99700900014", "new": "99700900022"}


@pytest.mark.requirement("SC.SSI/IE.32")
def test_nobody_changes_his_own_identity_or_state(hoda: User) -> None:
    with pytest.raises(AccountError):
        user_update(user=hoda, actor=hoda.as_actor(), family_name="X")
    with pytest.raises(AccountError):
        user_suspend(user=hoda, actor=hoda.as_actor())


def test_a_closed_account_stays_closed(hoda: User) -> None:
    user_close(user=hoda, actor=INSTALLER)

    with pytest.raises(AccountError, match="clos"):
        user_enable(user=hoda, actor=INSTALLER)


def test_only_identity_attributes_can_be_changed_that_way(hoda: User) -> None:
    with pytest.raises(TypeError):
        user_update(user=hoda, actor=INSTALLER, is_active="")


# --- Habilitations ----------------------------------------------------------------------------


@pytest.mark.requirement("SC.SSI/GEN.18")
def test_an_administrator_cannot_give_himself_a_role(administrator: User) -> None:
    actor = administrator.as_actor()
    with pytest.raises(GrantRefused):
        assignment_give(user=administrator, role=RoleCode.PRESCRIPTEUR, giver=administrator, actor=actor)

    trace = Trace.objects.get(type="privilege.escalation.refused")
    assert (trace.outcome, trace.reason, trace.detail) == (
        "refused", "to_oneself", {"role": "prescripteur"},
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="not_to_oneself"), transaction.atomic():
        Assignment.objects.create(
            user=administrator,
            role=Role.objects.get(code=RoleCode.ADMIN_FONCTIONNEL),
            family=RoleFamily.ADMIN_FONCTIONNEL,
            given_by=administrator,
        )


def test_who_has_no_mandate_gives_nothing(hoda: User, lemaire: User, administrator: User) -> None:
    with pytest.raises(GrantRefused, match="pas le droit"):
        assignment_give(user=lemaire, role=RoleCode.PHARMACIEN, giver=hoda, actor=hoda.as_actor())
    given = assignment_give(
        user=lemaire, role=RoleCode.PHARMACIEN, giver=administrator, actor=administrator.as_actor()
    )
    assert given.given_by == administrator


@pytest.mark.requirement("SC.SSI/IAM.92", "SC.SSI/GEN.18")
def test_one_account_never_mixes_families(hoda: User) -> None:
    with pytest.raises(GrantRefused, match="autre famille"):
        assignment_give(user=hoda, role=RoleCode.ADMIN_TECHNIQUE, giver=None, actor=INSTALLER)
    with pytest.raises(IntegrityError, match="one_family"), transaction.atomic():
        Assignment.objects.create(
            user=hoda,
            role=Role.objects.get(code=RoleCode.ADMIN_TECHNIQUE),
            family=RoleFamily.ADMIN_TECHNIQUE,
        )


def test_a_person_may_change_family_when_the_former_role_has_ended(hoda: User) -> None:
    now = timezone.now()
    Assignment.objects.filter(user=hoda).update(until=now + timedelta(days=1))
    with pytest.raises(GrantRefused):
        assignment_give(user=hoda, role=RoleCode.ADMISSION, giver=None, actor=INSTALLER)

    later = assignment_give(
        user=hoda, role=RoleCode.ADMISSION, giver=None, actor=INSTALLER, since=now + timedelta(days=2)
    )

    assert later.family == RoleFamily.ADMISSION


@pytest.mark.parametrize(
    ("kind", "role", "match"),
    [
        (AccountKind.SERVICE, RoleCode.PRESCRIPTEUR, "comptes de service"),
        (AccountKind.NOMINATIVE, RoleCode.SERVICE, "comptes de service"),
    ],
)
def test_service_accounts_stay_apart(kind: AccountKind, role: RoleCode, match: str, roles: None) -> None:
    user = user_create(login="flux", family_name="X", given_name="Y", kind=kind, actor=INSTALLER)

    with pytest.raises(GrantRefused, match=match):
        assignment_give(user=user, role=role, giver=None, actor=INSTALLER)


def test_a_suspended_account_receives_nothing(hoda: User) -> None:
    user_suspend(user=hoda, actor=INSTALLER)

    with pytest.raises(GrantRefused, match="suspendu"):
        assignment_give(user=hoda, role=RoleCode.SOIGNANT, giver=None, actor=INSTALLER)


# --- The matrix -------------------------------------------------------------------------------


@pytest.mark.requirement("SC.SSI/GEN.18")
def test_administration_and_steering_hold_no_right_on_patients() -> None:
    clinical = {name for name in PERMISSIONS if name.partition(".")[0] in ("patients", "documents", "dmp")}
    for code in (RoleCode.ADMIN_TECHNIQUE, RoleCode.ADMIN_FONCTIONNEL, RoleCode.PILOTAGE, RoleCode.SERVICE):
        assert not clinical & set(DEFAULT_ROLES[code].permissions)
    for code in (RoleCode.ADMISSION, RoleCode.IDENTITOVIGILANCE):
        granted = set(DEFAULT_ROLES[code].permissions)
        assert not {name for name in granted if name.startswith(("documents.", "dmp.", "sending."))}
        assert "patients.open" not in granted


def test_every_role_of_the_vocabulary_has_its_line() -> None:
    assert set(DEFAULT_ROLES) == set(RoleCode)


def test_installing_the_roles_again_changes_nothing() -> None:
    assert len(roles_install()) == len(RoleCode)
    traces = Trace.objects.count()

    out = StringIO()
    call_command("roles_install", stdout=out)

    assert out.getvalue().startswith("0 rôle")
    assert Trace.objects.count() == traces


def test_an_upgrade_keeps_what_the_hospital_decided() -> None:
    roles_install()
    role = Role.objects.get(code=RoleCode.SECRETAIRE)
    role.permissions = [name for name in role.permissions if name != "sending.hold"] + [
        "stats.view",
        "gone.x",
    ]
    role.offered = [name for name in role.offered if name != "consent.record"]
    role.permissions.remove("consent.record")
    role.save()

    roles_install()

    role.refresh_from_db()
    assert "sending.hold" not in role.permissions, "removed by the hospital"
    assert "stats.view" in role.permissions, "added by the hospital"
    assert "consent.record" in role.permissions, "new in this version"
    assert "gone.x" not in role.permissions, "exists no more"


def test_refreshing_twice_is_refreshing_once() -> None:
    default = frozenset({"patients.search", "stats.view"})
    once = refreshed(frozenset(), frozenset(), default)

    assert once == default
    assert refreshed(once - {"stats.view"}, default, default) == {"patients.search"}


# --- Exports ----------------------------------------------------------------------------------


def test_the_matrix_can_be_read_in_a_spreadsheet(roles: None) -> None:
    out = StringIO()
    call_command("roles_export", stdout=out)
    lines = out.getvalue().splitlines()

    assert out.getvalue() == roles_csv()
    assert lines[0].startswith("\ufeffpermission;libellé;")
    assert len(lines) == len(PERMISSIONS) + 1
    assert all(line.count(";") == len(RoleCode) + 1 for line in lines)


@pytest.mark.requirement("SC.SSI/IAM.94")
def test_the_review_export_has_a_line_for_each_habilitation(
    client: Client, administrator: User, hoda: User, unit: Unit
) -> None:
    assignment_give(user=hoda, role=RoleCode.PHARMACIEN, giver=None, actor=INSTALLER)
    User.objects.filter(pk=hoda.pk).update(family_name="=HYPERLINK(1)")

    answer = sign_in(client, administrator, psc=False).get(reverse("accounts:review_export"))

    text = answer.content.decode()
    rows = [line.split(";") for line in text.splitlines()]
    assert rows[0] == ["\ufefflogin", *ACCOUNT_COLUMNS[1:]]
    assert {len(row) for row in rows} == {len(ACCOUNT_COLUMNS)}
    assert [row[0] for row in rows[1:]] == ["adm-durand", "ahoda", "ahoda"]
    assert rows[2][1] == "'=HYPERLINK(1)"
    assert (rows[1][20], rows[2][20]) == ("O", "N")
    assert rows[2][9] == INSTALLER.login
    assert "argon2" not in text
    assert administrator.password not in text
    trace = Trace.objects.get(type="export.accounts")
    assert (trace.actor_login, trace.detail) == ("adm-durand", {"lines": 3})


def test_the_export_reads_a_constant_number_of_queries(
    hoda: User, django_assert_num_queries: Callable[[int], object]
) -> None:
    with django_assert_num_queries(6):  # type: ignore[attr-defined]
        accounts_csv()
    account("cmartin", "martin", RoleCode.SOIGNANT)
    with django_assert_num_queries(6):  # type: ignore[attr-defined]
        accounts_csv()


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_that_starts_as_a_formula_is_text(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral("x=1") == "x=1"


def test_a_provider_changes_once_and_leaves_one_trace(psc: IdentityProvider) -> None:
    provider_set(slug="psc", label="Pro Santé Connect")
    provider_set(slug="psc", label="PSC")
    provider_set(slug="psc", is_enabled=False)

    events = Trace.objects.filter(type__startswith="oidc.provider.").order_by("id")
    assert [event.type for event in events] == [
        "oidc.provider.created", "oidc.provider.changed", "oidc.provider.disabled",
    ]  # fmt: skip
