"""How fast the directory is called, by all the processes of the installation together (spec mssante 3.4).

The service throttles at 17 calls a second; ours share 15 through Redis, each call reserving its moment.
Without Redis each process keeps to a slower pace of its own: nothing is refused for want of a counter.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

RATE: Final = 15.0
BURST: Final = 2
"""Calls that may leave at once after a rest: with RATE, at most 17 in any second."""
LOCAL_RATE: Final = 3.0
_KEY: Final = "annuaire:next"
_LIFE_MS: Final = 60_000
_RESERVE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local interval, burst, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = math.max(free - (burst - 1) * interval - now, 0)
if wait > longest then return -1 end
redis.call('SET', KEYS[1], free + interval, 'PX', ARGV[4])
return math.ceil(wait)
"""


class Pace:
    """Reserves moments to call. Safe to share between threads."""

    def __init__(self, *, url: str = "", key: str = _KEY) -> None:
        self._redis = redis.Redis.from_url(
            url or settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
        )
        self._key = key
        self._lock = threading.Lock()
        self._local_due = 0.0

    def reserve(self, longest: float) -> float | None:
        """Seconds to wait before calling; None, and nothing reserved, when that is more than `longest`."""
        try:
            waited = self._redis.eval(
                _RESERVE, 1, self._key, 1000 / RATE, BURST, max(longest, 0) * 1000, _LIFE_MS
            )
        except redis.RedisError:
            logger.warning("annuaire.pace.local")
            return self._reserve_here(longest)
        milliseconds = float(waited)
        return None if milliseconds < 0 else milliseconds / 1000

    def _reserve_here(self, longest: float) -> float | None:
        with self._lock:
            now = time.monotonic()
            wait = max(self._local_due - now, 0.0)
            if wait > longest:
                return None
            self._local_due = max(self._local_due, now) + 1 / LOCAL_RATE
            return wait
