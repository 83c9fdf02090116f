"""Which sort and filters a list is read with: those asked for, else those kept for the reader.

A form of filters (it always sends `texte`) and a sort link change what is kept. A saved view of the
rail (`vue`) shows something else for once and changes nothing. `effacer` forgets the filters.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, QueryDict

from accounts.models import User
from dossier.enums import ListPage
from dossier.selectors import list_preference
from dossier.services import list_preference_set

SORT = "tri"
TEXT = "texte"
VIEW = "vue"
CLEAR = "effacer"
KEPT_LENGTH = 500


def list_query(request: HttpRequest, user: User, page: ListPage, filters: Sequence[str]) -> QueryDict:
    """The query to read a list with; what the person changed is kept for the next time. 1 or 3 queries."""
    asked = request.GET
    if VIEW in asked:
        return asked
    kept = list_preference(user, page)
    query = QueryDict(kept, mutable=True)
    if CLEAR in asked or TEXT in asked:
        for name in filters:
            query.setlist(name, [] if CLEAR in asked else asked.getlist(name))
    if SORT in asked:
        query[SORT] = asked[SORT]
    changed = query.urlencode()
    if changed != kept and len(changed) <= KEPT_LENGTH:
        list_preference_set(user=user, page=page, query=changed)
    if TEXT in asked and CLEAR not in asked:
        query[TEXT] = asked[TEXT]
    return query
