"""The téléservice INSi as the product sees it (spec ins 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from audit.context import Actor
from interop.insi.answer import Result
from interop.insi.request import Search


@dataclass(frozen=True, slots=True)
class InsiAnswer:
    """An answer, and the very bytes that carried it (EXI REC 07, 08)."""

    result: Result
    raw: bytes
    message_id: str


class Insi(Protocol):
    """Searches of INSi. Every method raises `Unavailable` or `Rejected`, nothing else."""

    def search(self, search: Search, *, actor: Actor, patient_uid: UUID | None) -> InsiAnswer:
        """WS_INS2: one search by traits; 01 and 02 are answers, not errors."""
