"""A logged-in test client, without a provider: the session is the one that a login would leave."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.assurance import LOCAL_PROVIDER, PASSWORD_LEVEL, Assurance
from accounts.models import LoginSession, User
from accounts.rules import SessionTimes
from accounts.sessions import SessionState, session_write

PSC_BACKEND = "accounts.oidc.backend.ProviderBackend"
LOCAL_BACKEND = "django.contrib.auth.backends.ModelBackend"


def sign_in(client: Client, user: User, *, psc: bool = True, opened_at: datetime | None = None) -> Client:
    """Log `user` in, by Pro Santé Connect with two factors, or by password when `psc` is False."""
    now = opened_at or timezone.now()
    client.force_login(user, backend=PSC_BACKEND if psc else LOCAL_BACKEND)
    session = import_module(settings.SESSION_ENGINE).SessionStore(
        client.cookies[settings.SESSION_COOKIE_NAME].value
    )
    assurance = (
        Assurance("psc", "psc:eidas1:CARD", now, two_factor=True)
        if psc
        else Assurance(LOCAL_PROVIDER, PASSWORD_LEVEL, now, two_factor=False)
    )
    row = LoginSession.objects.create(
        user=user,
        session_key=session.session_key,
        provider=assurance.provider,
        assurance=assurance.level,
        opened_at=now,
    )
    session_write(
        session,
        SessionState(
            login_session=row.pk,
            assurance=assurance,
            is_psc=psc,
            times=SessionTimes(opened_at=now, active_at=now),
        ),
    )
    session.save()
    return client
