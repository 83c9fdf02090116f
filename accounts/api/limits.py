"""How often a caller may call, counted in the cache by windows (security 10.6).

Without Redis nothing is counted and everybody keeps working (house style 7).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog
from django.conf import settings
from django.core.cache import cache
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)

CALLS, SEARCHES, EXPORTS = "calls", "searches", "exports"
_SECONDS: Final = {CALLS: 60, SEARCHES: 60, EXPORTS: 3600}
_REFUSALS: Final = 30
_REFUSAL_SECONDS: Final = 60


class CallLimit(BaseThrottle):
    """So many calls for a caller in each window; the view's `limit` names a stricter count beside it."""

    def __init__(self) -> None:
        self.left: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        limits = {CALLS, getattr(view, "limit", CALLS)}
        return all(self._counts(name, request.auth) for name in sorted(limits))

    def wait(self) -> float | None:
        return self.left

    def _counts(self, name: str, caller: Any) -> bool:
        seconds = _SECONDS[name]
        count = counted(f"{name}:{caller.key}", seconds)
        if count <= allowed(name):
            return True
        self.left = seconds - time.time() % seconds
        return False


def allowed(name: str) -> int:
    """Calls of that kind in one window: settings API_CALLS_PER_MINUTE and its sisters."""
    found: dict[str, int] = {
        CALLS: settings.API_CALLS_PER_MINUTE,
        SEARCHES: settings.API_SEARCHES_PER_MINUTE,
        EXPORTS: settings.API_EXPORTS_PER_HOUR,
    }
    return found[name]


def refusal_count(ip: str | None) -> None:
    """Count a token that was refused to an address."""
    counted(f"refusals:{ip}", _REFUSAL_SECONDS)


def refusals_check(ip: str | None) -> None:
    """Raise Throttled for an address whose tokens were refused too often of late.

    Nothing is looked up nor traced then: somebody who guesses does not fill the trace.
    """
    if read(f"refusals:{ip}", _REFUSAL_SECONDS) >= _REFUSALS:
        raise Throttled(wait=int(_REFUSAL_SECONDS - time.time() % _REFUSAL_SECONDS))


def counted(key: str, seconds: int) -> int:
    """Add one to the count of this window and return it; 0 when the cache cannot be reached."""
    name = _window(key, seconds)
    try:
        cache.add(name, 0, 2 * seconds)
        return int(cache.incr(name))
    except (redis.RedisError, ValueError):
        log.warning("api.limits_not_counted")
        return 0


def read(key: str, seconds: int) -> int:
    """The count of this window; 0 when the cache cannot be reached."""
    try:
        return int(cache.get(_window(key, seconds)) or 0)
    except redis.RedisError:
        return 0


def _window(key: str, seconds: int) -> str:
    return f"api:{key}:{int(time.time() // seconds)}"
