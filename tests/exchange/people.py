"""Readers of the exchange pages: a technical administrator, with or without the right to the content."""

from __future__ import annotations

from collections.abc import Iterable

from django.test import Client

from accounts.enums import RoleCode
from accounts.models import Role, User
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from tests.signing_in import sign_in

ACTOR = system_actor("tests")


def administrator(*, also: Iterable[str] = (), login: str = "adm-sorel") -> User:
    """An administrator with the rights of an installation and those that the hospital added."""
    roles_install()
    if also:
        role = Role.objects.get(code=RoleCode.ADMIN_TECHNIQUE)
        role.permissions = [*role.permissions, *also]
        role.save()
    user = user_create(login=login, family_name="SOREL", given_name="Élise", actor=ACTOR)
    assignment_give(user=user, role=RoleCode.ADMIN_TECHNIQUE, giver=None, actor=ACTOR)
    return user


def browser_of(user: User) -> Client:
    return sign_in(Client(), user)
