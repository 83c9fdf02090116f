"""INSi in memory: the port without the wire, for unit tests of what stands on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from audit.context import Actor
from interop.insi.answer import Result
from interop.insi.codes import ResultCode
from interop.insi.request import Search
from national.errors import NationalServiceError
from national.insi.ports import InsiAnswer

NOBODY = Result(ResultCode.NOBODY, "Aucune identite trouvee")


@dataclass(slots=True)
class InsiMemory:
    """Answers what `find` gives; `failures` come first, in order; `searches` is what was asked."""

    find: Callable[[Search], Result] = lambda search: NOBODY
    failures: deque[NationalServiceError] = field(default_factory=deque)
    searches: list[Search] = field(default_factory=list)

    def search(self, search: Search, *, actor: Actor, patient_uid: UUID | None) -> InsiAnswer:
        """WS_INS2."""
        self.searches.append(search)
        if self.failures:
            raise self.failures.popleft()
        result = self.find(search)
        return InsiAnswer(result, result.code.encode(), f"uuid:{len(self.searches)}")
