"""Pages of a list by cursor: stable whatever is added meanwhile, and no internal key outside.

A list goes from the newest row to the oldest. The cursor names the last row shown by its public
identifier, looked up among the rows that the caller may see.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound

UNKNOWN_CURSOR = "Ce curseur ne désigne aucune ligne de cette liste : reprenez au début."

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[_Row]):
    """`next` is the cursor of what follows, None after the last row."""

    rows: list[_Row]
    next: str | None


def page_of(rows: QuerySet[_Row], query: dict[str, Any]) -> Page[_Row]:
    """The page that `query` (validated by PageQuery) asks of `rows`, whose model has a `uid`.

    1 query, and one more with a cursor. Raises NotFound for a cursor that names none of these rows.
    """
    limit, cursor = query["limit"], query.get("cursor")
    if cursor is not None:
        named = rows.filter(uid=_uid(cursor)).prefetch_related(None).order_by()
        last = named.values_list("pk", flat=True).first()
        if last is None:
            raise NotFound(UNKNOWN_CURSOR, code="cursor_unknown")
        rows = rows.filter(pk__lt=last)
    found = list(rows.order_by("-pk")[: limit + 1])
    shown = found[:limit]
    following = cursor_of(shown[-1]) if len(found) > limit else None
    return Page(shown, following)


def cursor_of(row: Model) -> str:
    uid: UUID = row.uid  # type: ignore[attr-defined]  # every row of the API has one
    return base64.urlsafe_b64encode(uid.bytes).rstrip(b"=").decode()


def _uid(cursor: str) -> UUID:
    """The identifier in a cursor of the right form (PageQuery)."""
    return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
