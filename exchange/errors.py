"""Errors of the exchange room."""

from __future__ import annotations

from audit.errors import ApplicationError


class NoAnswer(Exception):
    """The partner did not answer, or not to our message: the same bytes will be sent again.

    The text names the event, in French, for the journal.
    """


class NotRetryable(ApplicationError):
    """The rules, or the room that queued the message, refuse that a person sends or applies it again."""


class TlsNotConfigured(ApplicationError):
    """A partner asks for TLS and the installation has no certificate for its lines."""
