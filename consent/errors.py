"""Refusals of the consent room."""

from __future__ import annotations

from audit.errors import ApplicationError


class ChoiceRefused(ApplicationError):
    """A choice that cannot be recorded as given."""
