"""A directory in memory: the port without the wire, for unit tests of what stands on it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from audit.context import Actor
from national.annuaire.ports import DirectoryAnswer, DirectoryQuery, DirectoryRow
from national.annuaire.rows import answers
from national.errors import NationalServiceError


@dataclass(slots=True)
class DirectoryMemory:
    """`rows` is what the directory holds, `asked` the searches in order; `failures` are raised, one each."""

    rows: list[DirectoryRow] = field(default_factory=list)
    asked: list[DirectoryQuery | str] = field(default_factory=list)
    failures: deque[NationalServiceError] = field(default_factory=deque)

    def search(self, query: DirectoryQuery, actor: Actor) -> DirectoryAnswer:
        self._note(query)
        return DirectoryAnswer([row for row in self.rows if answers(query, row)])

    def knows(self, address: str, actor: Actor) -> bool:
        self._note(address)
        return any(row.address == address.lower() for row in self.rows)

    def _note(self, asked: DirectoryQuery | str) -> None:
        self.asked.append(asked)
        if self.failures:
            raise self.failures.popleft()
