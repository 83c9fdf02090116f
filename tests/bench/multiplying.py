"""Many rows out of one, by the database itself: what a service wrote once, copied with other values."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from django.db.models import Model


def multiply(
    owner: psycopg.Connection, row: Model, source: str, *, where: str = "true", **values: str
) -> int:
    """Insert one copy of `row` for each line of `source` that `where` keeps; returns how many.

    `source` is what stands after FROM, `values` are SQL expressions over it by column; every other column
    is that of the row. Identifiers are new. The texts are those of the bench, never anybody's input.
    """
    table = row._meta.db_table
    columns = [
        field.column
        for field in row._meta.concrete_fields
        if not (field.primary_key or field.generated or field.column in values)
    ]
    if any(field.column == "uid" for field in row._meta.concrete_fields):
        values.setdefault("uid", "gen_random_uuid()")
    copied = {column: f"template.{column}" for column in columns if column not in values}
    chosen: Mapping[str, str] = copied | values
    done = owner.execute(
        f"INSERT INTO {table} ({', '.join(chosen)}) SELECT {', '.join(chosen.values())} "  # noqa: S608
        f"FROM {table} AS template CROSS JOIN {source} WHERE template.id = {row.pk} AND {where}"
    )
    return done.rowcount
