"""The table of calls to national services."""

from __future__ import annotations

from dataclasses import fields

from national.calls import CallRecord
from national.models import Call

TRACE_ONLY = frozenset({"assertion_id", "address"})
"""Fields of a record that go to the trace of the act, not to the table of calls."""


def call_keep(record: CallRecord) -> None:
    """Write the row of one call; the recorder that adapters are given."""
    columns = {field.name for field in fields(record)} - TRACE_ONLY
    Call.objects.create(**{name: getattr(record, name) for name in columns})
