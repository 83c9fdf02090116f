"""The web session of a person: opened at login, locked, unlocked, ended (security 5, psc 18).

What a session knows of itself lives in one entry of Django's session, server-side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.acting import Activity, activities_read
from accounts.assurance import Assurance
from accounts.enums import ProviderKind, SessionEnd
from accounts.login_sessions import login_session_end, sessions_sweep
from accounts.models import IdentityProvider, LoginSession, User
from accounts.rules import Phase, SessionLimits, SessionTimes, SessionVerdict, session_verdict
from accounts.selectors import LastLogin, actor_of, last_login_of, open_sessions_of
from accounts.vault import open_tokens, seal_tokens
from audit.context import Actor, current_origin, origin_set
from audit.enums import Action
from audit.middleware import session_digest
from audit.services import trace_write

ENTRY = "login"
ACTIVITY_STEP = timedelta(seconds=30)
"""Activity is written down at most this often: a session may lock this much early, never late."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """What one login left in the session. `is_psc` decides the absolute limit.

    `activities` are those that Pro Santé Connect names in this establishment, `activity` the one in which
    the person acts until the end of the session: the only one, or the one chosen (psc 6.4, 20).
    """

    login_session: int
    assurance: Assurance
    is_psc: bool
    times: SessionTimes
    subject: str = ""
    sid: str = ""
    tokens: str = ""
    activities: tuple[Activity, ...] = ()
    activity: Activity | None = None

    @property
    def must_choose_activity(self) -> bool:
        return len(self.activities) > 1 and self.activity is None

    @property
    def limits(self) -> SessionLimits:
        hours = settings.SESSION_HOURS_PSC if self.is_psc else settings.SESSION_HOURS_LOCAL
        return SessionLimits(
            idle=timedelta(minutes=settings.SESSION_LOCK_MINUTES),
            locked=timedelta(hours=settings.SESSION_LOCKED_HOURS),
            absolute=timedelta(hours=hours),
        )

    def verdict(self, now: datetime) -> SessionVerdict:
        return session_verdict(self.times, self.limits, now)

    @property
    def ends_at(self) -> datetime:
        return self.times.opened_at + self.limits.absolute


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """The session of a person at a provider: `sid` names it there, `tokens` are in clear until stored."""

    subject: str
    sid: str
    tokens: dict[str, str]


@dataclass(frozen=True, slots=True)
class Login:
    """A proved identity that opens a session. `tokens` are the provider's, in clear until stored."""

    user: User
    backend: str
    assurance: Assurance
    event: str
    provider: IdentityProvider | None = None
    subject: str = ""
    sid: str = ""
    tokens: dict[str, str] | None = None
    activities: tuple[Activity, ...] = ()
    detail: dict[str, Any] | None = None


def session_read(session: SessionBase) -> SessionState | None:
    """The state of a session, or None when no login opened it."""
    entry = session.get(ENTRY)
    if not isinstance(entry, dict):
        return None
    locked = entry["locked_at"]
    # A session opened by the release before holds neither.
    activities, chosen = activities_read(entry.get("activities", ())), entry.get("activity")
    return SessionState(
        login_session=entry["login_session"],
        assurance=Assurance(
            provider=entry["provider"],
            level=entry["level"],
            auth_time=_moment(entry["auth_time"]),
            two_factor=entry["two_factor"],
        ),
        is_psc=entry["is_psc"],
        times=SessionTimes(
            opened_at=_moment(entry["opened_at"]),
            active_at=_moment(entry["active_at"]),
            locked_at=_moment(locked) if locked is not None else None,
        ),
        subject=entry["subject"],
        sid=entry["sid"],
        tokens=entry["tokens"],
        activities=activities,
        activity=activities[chosen] if chosen is not None else None,
    )


def session_write(session: SessionBase, state: SessionState) -> None:
    locked = state.times.locked_at
    session[ENTRY] = {
        "login_session": state.login_session,
        "provider": state.assurance.provider,
        "level": state.assurance.level,
        "auth_time": state.assurance.auth_time.timestamp(),
        "two_factor": state.assurance.two_factor,
        "is_psc": state.is_psc,
        "opened_at": state.times.opened_at.timestamp(),
        "active_at": state.times.active_at.timestamp(),
        "locked_at": locked.timestamp() if locked else None,
        "subject": state.subject,
        "sid": state.sid,
        "tokens": state.tokens,
        "activities": [asdict(activity) for activity in state.activities],
        "activity": state.activities.index(state.activity) if state.activity else None,
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def session_open(request: HttpRequest, login: Login) -> LastLogin:
    """Open the session of a proved identity; return what the person is told of the login before.

    The key is renewed (fixation), a session of another person on this workstation ends, and the
    oldest sessions over the allowed number close. Traced as `login.event`.
    """
    now = timezone.now()
    _leave_former(request, login.user)
    last = last_login_of(login.user)
    auth.login(request, login.user, backend=login.backend)
    request.session.cycle_key()
    actor = actor_of(login.user, assurance=login.assurance.level)
    origin = replace(current_origin(), session=session_digest(request.session.session_key))
    with origin_set(origin), transaction.atomic():
        row = LoginSession.objects.create(
            user=login.user,
            session_key=request.session.session_key or "",
            provider=login.assurance.provider,
            assurance=login.assurance.level,
            sid=login.sid,
            ip=origin.ip,
            opened_at=now,
        )
        trace_write(
            type=login.event,
            action=Action.EXECUTE,
            actor=actor,
            object_type="user",
            object_uid=login.user.uid,
            detail=login.detail,
        )
        _close_oldest(login.user, actor=actor, now=now)
    state = SessionState(
        login_session=row.pk,
        assurance=login.assurance,
        is_psc=login.provider is not None and login.provider.kind == ProviderKind.PSC,
        times=SessionTimes(opened_at=now, active_at=now),
        subject=login.subject,
        sid=login.sid,
        tokens=seal_tokens(login.tokens) if login.tokens else "",
        activities=login.activities,
        activity=login.activities[0] if len(login.activities) == 1 else None,
    )
    session_write(request.session, state)
    return last


def _leave_former(request: HttpRequest, user: User) -> None:
    """End the session that this browser held: of another person, or of the same one logging in again."""
    state = session_read(request.session)
    if state is None:
        return
    former = LoginSession.objects.select_related("user").filter(pk=state.login_session).first()
    if former is not None:
        login_session_end(
            session=former,
            end=SessionEnd.REPLACED,
            actor=actor_of(former.user, assurance=state.assurance.level),
            event="session.replaced",
        )
    request.session.flush()


def longest_session() -> timedelta:
    """The absolute limit of the session that may last longest."""
    return timedelta(hours=max(settings.SESSION_HOURS_LOCAL, settings.SESSION_HOURS_PSC))


def _close_oldest(user: User, *, actor: Actor, now: datetime) -> None:
    sessions_sweep(user=user, opened_before=now - longest_session())
    for row in open_sessions_of(user)[settings.SESSION_COUNT_MAX :]:
        login_session_end(session=row, end=SessionEnd.TOO_MANY, actor=actor, event="session.killed")


def session_end(request: HttpRequest, user: User, end: SessionEnd, *, event: str) -> dict[str, str]:
    """End the session of this request and return the provider's tokens that it held."""
    state = session_read(request.session)
    tokens: dict[str, str] = {}
    if state is not None:
        tokens = open_tokens(state.tokens)
        row = LoginSession.objects.select_related("user").filter(pk=state.login_session).first()
        if row is not None:
            actor = actor_of(user, assurance=state.assurance.level)
            login_session_end(session=row, end=end, actor=actor, event=event)
    auth.logout(request)
    return tokens


def session_touch(session: SessionBase, state: SessionState, now: datetime) -> None:
    """Note that the person did something."""
    if now - state.times.active_at >= ACTIVITY_STEP:
        session_write(session, replace(state, times=replace(state.times, active_at=now)))


def session_activity_choose(
    session: SessionBase, state: SessionState, activity: Activity, *, user: User, actor: Actor
) -> SessionState:
    """Note in which activity the person acts, frozen until the end of the session (psc 6.4, 20)."""
    chosen = replace(state, activity=activity)
    session_write(session, chosen)
    trace_write(
        type="psc.account.chosen",
        action=Action.EXECUTE,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
        detail={"provider": state.assurance.provider, "activity": activity.as_detail()},
    )
    return chosen


def session_lock(request: HttpRequest, state: SessionState, actor: Actor) -> None:
    """Lock the screen at the person's request; the server refuses data from now on."""
    now = timezone.now()
    session_write(request.session, replace(state, times=replace(state.times, locked_at=now)))
    _trace_lock("session.locked", actor)


def session_unlock(
    request: HttpRequest,
    state: SessionState,
    assurance: Assurance,
    actor: Actor,
    *,
    event: str = "session.unlocked",
    renewal: ProviderSession | None = None,
) -> None:
    """Go on with a session after the same person proved who it is again; the key is renewed.

    The absolute limit keeps running from the first login. `renewal` is the provider's session of the new
    proof: it is that one which ends this session from now on, and which logout ends (psc 11).
    """
    now = timezone.now()
    times = replace(state.times, active_at=now, locked_at=None)
    state, row = replace(state, times=times, assurance=assurance), {}
    if renewal is not None:
        tokens = seal_tokens(renewal.tokens) if renewal.tokens else ""
        state = replace(state, subject=renewal.subject, sid=renewal.sid, tokens=tokens)
        row = {"provider": assurance.provider, "sid": renewal.sid}
    session_write(request.session, state)
    request.session.cycle_key()
    LoginSession.objects.filter(pk=state.login_session).update(session_key=request.session.session_key, **row)
    origin = replace(current_origin(), session=session_digest(request.session.session_key))
    with origin_set(origin):
        _trace_lock(event, actor)


def _trace_lock(event: str, actor: Actor) -> None:
    trace_write(type=event, action=Action.EXECUTE, actor=actor, object_type="user", object_uid=actor.uid)


def phase_of(request: HttpRequest) -> Phase | None:
    """Where the session of a request stands; None when nobody is logged in."""
    state = session_read(request.session)
    return state.verdict(timezone.now()).phase if state else None
