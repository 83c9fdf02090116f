"""Errors of the intermediation that a person reads."""

from __future__ import annotations

from audit.errors import ApplicationError


class JobNotReplayable(ApplicationError):
    """The rules, or the room that gave the order, refuse that a job is tried again."""
