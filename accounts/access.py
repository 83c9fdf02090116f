"""Default deny: a view says who may open it, or nobody may (security 3.1, 9 A01)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from accounts.permissions import checked

_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What a view asks of the person.

    `permissions` must all be held. `polling`: the page asks by itself, so the request is no activity
    of the person and does not keep the session open. `while_locked`: also for a locked session;
    `while_expired`: also for a password that must be changed first; `while_choosing`: also before the
    activity of the session is chosen.
    """

    permissions: tuple[str, ...] = ()
    anonymous: bool = False
    polling: bool = False
    while_locked: bool = False
    while_expired: bool = False
    while_choosing: bool = False


def requires(*permissions: str, polling: bool = False) -> Callable[[_View], _View]:
    """Open the view, function or class, to people who hold every permission named."""
    if not permissions:
        raise ValueError("name a permission, or use signed_in")
    rule = AccessRule(permissions=checked(permissions), polling=polling)
    return lambda view: _mark(view, rule)


def signed_in(
    *,
    polling: bool = False,
    while_locked: bool = False,
    while_expired: bool = False,
    while_choosing: bool = False,
) -> Callable[[_View], _View]:
    """Open the view to every logged-in person, whatever the rights."""
    rule = AccessRule(
        polling=polling,
        while_locked=while_locked,
        while_expired=while_locked or while_expired,
        while_choosing=while_locked or while_choosing,
    )
    return lambda view: _mark(view, rule)


def public(view: _View) -> _View:
    """Open the view to everybody: login, health."""
    return _mark(view, AccessRule(anonymous=True))


def access_rule_of(view: Callable[..., Any]) -> AccessRule | None:
    """The rule declared on a resolved view, on its class, or by Django's `login_not_required`."""
    for holder in (view, getattr(view, "view_class", None), getattr(view, "cls", None)):
        rule = getattr(holder, "access_rule", None)
        if isinstance(rule, AccessRule):
            return rule
    if getattr(view, "login_required", None) is False:
        return AccessRule(anonymous=True)
    return None


def is_api(view: Callable[..., Any]) -> bool:
    """Whether a resolved view is an endpoint of the API, which asks its own callers (accounts.api)."""
    return getattr(getattr(view, "cls", None), "answers_as_api", False) is True


def _mark(view: _View, rule: AccessRule) -> _View:
    view.access_rule = rule  # type: ignore[attr-defined]  # read back by access_rule_of
    return view
