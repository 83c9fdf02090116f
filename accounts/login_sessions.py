"""The table of open sessions: what a user's list shows and what "log out everywhere" ends (security 5)."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.enums import SessionEnd
from accounts.models import LoginSession, User
from audit.context import Actor, system_actor
from audit.enums import Action
from audit.services import trace_write

SWEEPER = system_actor("accounts.sweep")


def stored_session(key: str) -> SessionBase:
    """The session of that key in the configured store."""
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return store(key)


@transaction.atomic
def login_session_end(
    *, session: LoginSession, end: SessionEnd, actor: Actor, event: str, provider_event: str = ""
) -> None:
    """Mark a session as ended and empty its store; done once, whoever asks."""
    ended = LoginSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(
        ended_at=timezone.now(), end=end
    )
    if not ended:
        return
    trace_write(
        type=event,
        action=Action.EXECUTE,
        actor=actor,
        object_type="user",
        object_uid=session.user.uid,
        reason=end,
        detail={"provider": session.provider},
    )
    key = session.session_key
    transaction.on_commit(lambda: stored_session(key).delete())


def user_sessions_end(
    *,
    user: User,
    actor: Actor,
    end: SessionEnd = SessionEnd.KILLED,
    except_key: str = "",
    provider: str = "",
) -> int:
    """End every open session of a user, but the one of `except_key`; return how many.

    Only those of a provider when it is named.
    """
    open_ones = LoginSession.objects.filter(user=user, ended_at__isnull=True).select_related("user")
    if provider:
        open_ones = open_ones.filter(provider=provider)
    rows = list(open_ones.exclude(session_key=except_key))
    for row in rows:
        login_session_end(session=row, end=end, actor=actor, event="session.killed")
    return len(rows)


def sessions_sweep(*, opened_before: datetime, user: User | None = None) -> int:
    """End the sessions that nobody came back to close, of one user or of all; return how many.

    No request will ever meet their limit: without this they would count as open for ever.
    """
    rows = LoginSession.objects.filter(ended_at__isnull=True, opened_at__lt=opened_before)
    if user is not None:
        rows = rows.filter(user=user)
    stale = list(rows.select_related("user"))
    for row in stale:
        login_session_end(session=row, end=SessionEnd.EXPIRED, actor=SWEEPER, event="session.expired")
    return len(stale)


def expired_sessions_clear() -> None:
    """Take out of the store the sessions past their life, those of visitors included."""
    stored_session("").clear_expired()
