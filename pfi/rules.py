"""Rules of the work of the intermediation, as pure functions."""

from __future__ import annotations

from typing import Final

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
