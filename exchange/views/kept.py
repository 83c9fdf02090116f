"""Filters of a technical list, kept for the session of the reader (ui reference 6.6).

A form of filters always sends `texte`; a saved view of the rail (`vue`) shows something else for once and
changes nothing; `effacer` forgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.http import QueryDict

from accounts.http import SignedInRequest

TEXT: Final = "texte"
VIEW: Final = "vue"
CLEAR: Final = "effacer"
TEXT_LENGTH: Final = 100
KEPT_LENGTH: Final = 500
_SESSION: Final = "exchange_filters"


def kept_query(request: SignedInRequest, page: str, filters: Sequence[str]) -> QueryDict:
    """The query to read a list with; what the person changed is kept until logout."""
    asked = request.GET
    if VIEW in asked:
        return asked
    kept: dict[str, str] = request.session.get(_SESSION, {})
    query = QueryDict(kept.get(page, ""), mutable=True)
    if CLEAR in asked or TEXT in asked:
        for name in filters:
            query.setlist(name, [] if CLEAR in asked else asked.getlist(name))
        changed = query.urlencode()
        if changed != kept.get(page, "") and len(changed) <= KEPT_LENGTH:
            request.session[_SESSION] = kept | {page: changed}
    if TEXT in asked and CLEAR not in asked:
        query[TEXT] = asked[TEXT]
    return query


def typed_text(data: QueryDict) -> str:
    """What was typed; a NUL, which PostgreSQL refuses, is dropped."""
    return data.get(TEXT, "").replace("\x00", "").strip()[:TEXT_LENGTH]


def page_number(data: QueryDict, *, most: int) -> int:
    """How many pages of 50 are shown."""
    asked = data.get("page", "1")
    return min(max(int(asked), 1), most) if asked.isdecimal() and len(asked) < 6 else 1
