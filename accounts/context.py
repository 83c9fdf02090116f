"""What every template may know of the person and the session."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.rules import Phase


def rights(request: HttpRequest) -> dict[str, Any]:
    """`perms_held`, role and unit in words, and when the session ends; empty while it is locked."""
    user = getattr(request, "user", None)
    state = getattr(request, "session_state", None)
    if not isinstance(user, User) or state is None or getattr(request, "phase", None) is not Phase.OPEN:
        return {"perms_held": frozenset()}
    first = next(iter(user.assignments_now), None)
    return {
        "perms_held": user.granted_permissions,
        "session_role": str(first.role) if first else "",
        "session_unit": first.unit if first else None,
        "session_ends_at": state.ends_at,
        "session_lock_minutes": settings.SESSION_LOCK_MINUTES,
    }
