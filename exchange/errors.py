"""Errors of the exchange room."""

from __future__ import annotations

from audit.errors import ApplicationError


class NoAnswer(Exception):
    """The partner did not answer, or not to our message: the same bytes will be sent again.

    The text names the event, in French, for the journal.
    """


class NotRetryable(ApplicationError):
    """Only an outgoing message that was rejected or abandoned is sent again by hand."""


class TlsNotConfigured(ApplicationError):
    """A partner asks for TLS and the installation has no certificate for its lines."""
