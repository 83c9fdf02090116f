"""Service accounts: one for each software of the hospital that calls ours (security 3.1, 3.2)."""

from __future__ import annotations

from collections.abc import Collection

from accounts.enums import AccountKind, RoleCode
from accounts.errors import AccountError
from accounts.models import User
from accounts.services.habilitations import assignment_give
from accounts.services.people import user_create
from audit.context import Actor
from establishment.models import Unit

GIVEN_NAME = "(logiciel)"


def service_account_open(*, login: str, units: Collection[Unit], actor: Actor) -> User:
    """The service account of that name, opened if need be, serving these units.

    Without units a new account serves the whole establishment. No password, no national identity:
    nobody logs in with it. Raises AccountError when the name is a person's, or when the account
    already serves everything and units are named.
    """
    user = User.objects.filter(login=login).first()
    if user is None:
        user = user_create(
            login=login, family_name=login, given_name=GIVEN_NAME, kind=AccountKind.SERVICE, actor=actor
        )
        wanted: list[Unit | None] = list(units) or [None]
    else:
        wanted = _lacking(user, units)
    for unit in wanted:
        assignment_give(user=user, role=RoleCode.SERVICE, giver=None, actor=actor, unit=unit)
    return User.objects.get(pk=user.pk)


def _lacking(user: User, units: Collection[Unit]) -> list[Unit | None]:
    if user.kind != AccountKind.SERVICE:
        raise AccountError("Ce nom est celui du compte d’une personne : choisissez-en un autre.")
    held = [row.unit for row in user.assignments_now]
    if units and None in held:
        raise AccountError("Ce compte sert déjà tout l’établissement : retirez d’abord cette habilitation.")
    return [unit for unit in units if unit not in held]
