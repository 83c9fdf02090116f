"""The table of calls to national services."""

from __future__ import annotations

from dataclasses import fields

from national.calls import CallRecord
from national.models import Call


def call_keep(record: CallRecord) -> None:
    """Write the row of one call; the recorder that adapters are given."""
    Call.objects.create(**{field.name: getattr(record, field.name) for field in fields(record)})
