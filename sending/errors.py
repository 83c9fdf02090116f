"""Refusals of the sending room."""

from __future__ import annotations

from audit.errors import ApplicationError


class OrderRefused(ApplicationError):
    """The action is not possible in the present state of the order."""

    def __init__(self, refusal: str) -> None:
        super().__init__(refusal, code="order_refused")
