"""A circuit breaker: stop calling a service that does not answer (spec dmp 9, rule 4).

State of one process, on purpose: coordination between processes is not worth a lock here, and each process
finds out by itself after a few calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Breaker:
    """Opens after `threshold` failures in a row; after `cooldown` seconds one call is let through to try.

    A `threshold` of 0 never opens.
    """

    def __init__(self, *, threshold: int, cooldown: float, clock: Callable[[], float]) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._blocked_until = 0.0

    def allows(self) -> bool:
        """Tell whether a call may leave now."""
        with self._lock:
            if not self._threshold or self._failures < self._threshold:
                return True
            if self._clock() < self._blocked_until:
                return False
            # This call is the trial; the others wait for its outcome, or for another cooldown.
            self._blocked_until = self._clock() + self._cooldown
            return True

    def succeeded(self) -> None:
        """The service answered, be it a refusal."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """The service did not answer."""
        with self._lock:
            self._failures += 1
            self._blocked_until = self._clock() + self._cooldown
