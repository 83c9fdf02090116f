"""Refusals of the sending room."""

from __future__ import annotations

from audit.errors import ApplicationError


class MailTooBig(ApplicationError):
    """A document too big for the recipients by mail that were asked for; `size` is that mail's, in bytes."""

    def __init__(self, refusal: str, size: int) -> None:
        super().__init__(refusal, code="mail_too_big")
        self.size = size


class OrderRefused(ApplicationError):
    """The action is not possible in the present state of the order."""

    def __init__(self, refusal: str) -> None:
        super().__init__(refusal, code="order_refused")
