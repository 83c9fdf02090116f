"""Refusals of the consultation room."""

from __future__ import annotations

from audit.errors import ApplicationError


class PresetRefused(ApplicationError):
    """A search cannot be kept as asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="preset_refused")
