"""Rules of the work of the intermediation, as pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from national.dmp.ports import DmpState
from pfi.enums import JobChannel, JobState

REPLAYED: Final = frozenset({JobChannel.DMP})
"""Channels whose carrier asks the service before it repeats a submission."""

NOT_FAILED: Final = "Seul un travail en échec définitif peut être rejoué."
NEWER: Final = (
    "Un travail plus récent du même document est parti ou va partir\u202f: celui-ci n’est pas rejoué."
)
BY_ORDER: Final = "Ce canal se relance par un nouvel envoi\u202f: son travail n’est pas rejoué ici."


def replay_refusal(*, state: str, channel: str, has_later_job: bool) -> str:
    """F-PFI-19: a job of the dead-letter list may be tried again, never after a newer one of its document.

    Returns the sentence that says why not, or nothing.
    """
    if state != JobState.FAILED:
        return NOT_FAILED
    if channel not in REPLAYED:
        return BY_ORDER
    return NEWER if has_later_job else ""


def existence_serves(
    state: DmpState, *, checked_at: datetime, tried_again_at: datetime | None, now: datetime, life: timedelta
) -> bool:
    """Whether what TD0.2 said of a patient spares another TD0.2 (spec dmp 8: 24 h for each INS).

    That there is no open DMP serves the other documents of the patient too, but never another try of a
    document that began after it was said: who tries again thinks that the DMP was opened meanwhile.
    """
    is_fresh = checked_at <= now < checked_at + life
    return is_fresh and (state is DmpState.OPEN or tried_again_at is None or checked_at >= tried_again_at)
