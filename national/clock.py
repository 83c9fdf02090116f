"""Our clock beside that of a service: a token that lives 30 seconds is not signed by a clock that is wrong.

Source: spec dmp 9, rule 5 (refuse to sign when the drift exceeds 5 s). What is remembered is that of one
process, as for the breaker: each finds out by its first answer, and a row tells the administrator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from national.errors import Unavailable

CLOCK_DRIFT = "CLOCK_DRIFT"
LAPSE = 60.0
"""Seconds after which one call is let through to measure again: that is how the end of a drift is learned."""


class ClockWatch:
    """What the answers of a service say of our clock, and whether anything may be signed. For every thread.

    `limit` is the largest drift admitted, `note` is told of a drift at each measure, and of its end.
    """

    def __init__(
        self,
        *,
        limit: Callable[[], timedelta],
        note: Callable[[timedelta], None],
        lapse: float = LAPSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._note = note
        self._lapse = lapse
        self._clock = clock
        self._lock = threading.Lock()
        self._drift: timedelta | None = None
        self._blocked_until = 0.0

    def saw(self, drift: timedelta) -> None:
        """An answer came: `drift` is how far the service is ahead of us, negative when it is behind."""
        is_wrong = abs(drift) > self._limit()
        with self._lock:
            was_wrong = self._drift is not None
            self._drift = drift if is_wrong else None
            self._blocked_until = self._clock() + self._lapse
        if is_wrong or was_wrong:
            self._note(drift)

    def require(self, label: str) -> None:
        """Go on to sign. `label` is the subject of sentences: "Le DMP".

        Raises Unavailable of code `CLOCK_DRIFT` while the last drift seen is too large; once in `lapse` a
        call goes on, to measure again.
        """
        with self._lock:
            drift = self._drift
            if drift is None:
                return
            if self._clock() >= self._blocked_until:
                self._blocked_until = self._clock() + self._lapse
                return
        raise Unavailable(drift_words(label, drift), code=CLOCK_DRIFT)

    def forget(self) -> None:
        """Start again without knowing anything."""
        with self._lock:
            self._drift = None


def drift_words(label: str, drift: timedelta) -> str:
    """The sentence of a drift, for users and administrators."""
    side = "retarde" if drift > timedelta() else "avance"
    return (
        f"L’horloge de ce serveur {side} de {round(abs(drift).total_seconds())} s\u202f: "
        f"{label[0].lower()}{label[1:]} n’est pas appelé avant qu’elle soit remise à l’heure."
    )
