"""INSi in memory: the port without the wire, for unit tests of what stands on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from audit.context import Actor
from interop.insi.answer import parse_result
from interop.insi.request import Search
from interop.soap.envelope import parse_envelope
from national.errors import NationalServiceError
from national.insi.ports import InsiAnswer

NOBODY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    b'<RESULTAT xmlns="http://www.cnamts.fr/INSiResultat"><CR><CodeCR>01</CodeCR>'
    b"<LibelleCR>Aucune identite trouvee</LibelleCR></CR></RESULTAT></s:Body></s:Envelope>"
)


@dataclass(slots=True)
class InsiMemory:
    """Answers the envelope that `find` gives; `failures` come first; `searches` is what was asked."""

    find: Callable[[Search], bytes] = lambda search: NOBODY
    failures: deque[NationalServiceError] = field(default_factory=deque)
    searches: list[Search] = field(default_factory=list)

    def search(self, search: Search, *, actor: Actor, patient_uid: UUID | None) -> InsiAnswer:
        """WS_INS2."""
        self.searches.append(search)
        if self.failures:
            raise self.failures.popleft()
        raw = self.find(search)
        return InsiAnswer(parse_result(parse_envelope(raw).body), raw, f"uuid:{len(self.searches)}")
