"""Who gave an order, as far as this installation knows: may its work be tried again by hand?

The PFI alone cannot know that the order was cancelled since; the project tells it when the DPI is installed
beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from pfi.models import Job

Objection = Callable[[Job], str]
"""Says in French why a failed job is not tried again, or nothing."""

_objections: list[Objection] = []


def objection_register(objection: Objection) -> None:
    """Let the creator of orders be asked before a failed job is tried again."""
    if objection not in _objections:
        _objections.append(objection)


def objection_to_replay(job: Job) -> str:
    """The first objection; empty when nobody has one."""
    return next((said for objection in _objections if (said := objection(job))), "")
