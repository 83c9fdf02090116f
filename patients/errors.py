"""Refusals of the patients room, in words for the user."""

from __future__ import annotations

from audit.errors import ApplicationError


class IdentityRefused(ApplicationError):
    """An identity that cannot be written as given."""


class ForbiddenTransition(ApplicationError):
    """The identity cannot move that way from its status (ins 7.3)."""


class InsiRefused(ApplicationError):
    """INSi cannot be asked about this identity, or its answer cannot be taken as it is."""


class AlertRefused(ApplicationError):
    """An alert that contradicts itself: a known one without label, a label without known."""


class AccessRefused(ApplicationError):
    """No care relation with this patient (security 3.3)."""


class TeamRefused(ApplicationError):
    """A member cannot be added to or removed from a care team."""


class SearchRefused(ApplicationError):
    """Criteria that would list too many persons, or a matricule that is not whole (ins 9.1)."""
