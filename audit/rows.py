"""INSERT of whole rows, whose statement is written once for a model: what an admission does ten times.

Django compiles an INSERT anew for each row, and that costs as much as the row itself. Everything else, and
all that reads, stays with its ORM.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

_Fields: TypeAlias = "tuple[Field[Any, Any], ...]"


def rows_insert(*rows: Model) -> None:
    """Insert new rows of one model in one statement, in their order, and set their keys.

    As `bulk_create`, no signal is sent; unlike it, values are plain ones, never expressions. What the
    database generates comes back into the rows.

    Raises:
        IntegrityError, DataError: as the database refuses them; none is inserted.
        ValueError: a row gives a value to a column that another leaves to the database.
    """
    if not rows:
        return
    model = type(rows[0])
    written = _given(rows[0])
    if any(_given(row) != written for row in rows[1:]):
        raise ValueError("rows of one statement give values to the same columns")
    returned = tuple(field for field in model._meta.db_returning_fields if field not in written)
    values = [
        field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in written
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(model, written, returned, len(rows)), values)
        found = cursor.fetchall()
    for row, generated in zip(rows, found, strict=True):
        for field, value in zip(returned, generated, strict=True):
            setattr(row, field.attname, value)
        row._state.adding = False
        row._state.db = connection.alias


def _given(row: Model) -> _Fields:
    """The columns that the database does not fill by itself: key, generated value, default of its own."""
    return tuple(
        field
        for field in row._meta.local_concrete_fields
        if not (field.generated or field.primary_key)
        and not isinstance(getattr(row, field.attname), DatabaseDefault)
    )


@cache
def _statement(model: type[Model], written: _Fields, returned: _Fields, count: int) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in written)
    row = ", ".join(_placeholder(field) for field in written)
    generated = ", ".join(quote(str(field.column)) for field in returned)
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({names}) "  # noqa: S608 - names of our models only
        f"VALUES {', '.join([f'({row})'] * count)} RETURNING {generated}"
    )


def _placeholder(field: Field[Any, Any]) -> str:
    """An array says its type: the database cannot guess that of an empty one."""
    is_array = field.get_internal_type() == "ArrayField"
    return f"%s::{field.db_type(connection)}" if is_array else "%s"
