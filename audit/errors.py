"""The root of every error that a user may be shown."""

from __future__ import annotations


class ApplicationError(Exception):
    """An expected refusal, with a French sentence that says what happened and what to do next.

    Anything else that rises is a defect. Rooms derive their own errors from this one; views and
    tasks catch only this tree.
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
