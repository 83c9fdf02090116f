"""How a call to a national service may fail: three ways, and no other (house-style, section 6).

Adapters raise nothing else. What a user reads is `message`, in French; `code` is stable and for programs;
`text` is what the service said, for technical screens only.
"""

from __future__ import annotations

from enum import StrEnum

from audit.errors import ApplicationError


class RejectionKind(StrEnum):
    """Class of a rejection: decides what stops and what is said (spec dmp 3.7)."""

    DUPLICATE = "duplicate"
    PATIENT = "patient"
    RIGHTS = "rights"
    CONFIGURATION = "configuration"
    DATA = "data"
    UNKNOWN = "unknown"


class NationalServiceError(ApplicationError):
    """A call that did not succeed."""

    def __init__(self, message: str, *, code: str, text: str = "") -> None:
        super().__init__(message, code=code)
        self.text = text


class Unavailable(NationalServiceError):
    """Nothing was done, or the call may simply be repeated: try again later."""


class Uncertain(NationalServiceError):
    """The request left and its outcome is unknown: ask the service what happened before sending again."""


class Rejected(NationalServiceError):
    """The service refused: do not retry, show. `kind` tells whose business it is.

    CONFIGURATION concerns every call of this service (certificate, address): the queue stops and an
    administrator is told.
    """

    def __init__(
        self,
        code: str,
        text: str = "",
        *,
        kind: RejectionKind = RejectionKind.UNKNOWN,
        message: str = "",
    ) -> None:
        super().__init__(message or f"Le service a refusé la demande ({code}).", code=code, text=text)
        self.kind = kind
