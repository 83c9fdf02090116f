"""Fields that take one form and give one form: what is written in the schema is what is accepted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime
from rest_framework import serializers

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class Moment(serializers.DateTimeField):
    """A moment: given in UTC, taken with its offset, so that nobody guesses a time zone."""

    default_error_messages = {"naive": "Précisez le fuseau : 2026-03-06T10:00:00Z ou +01:00."}

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, value: Any) -> datetime:
        found = parse_datetime(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is None:
            self.fail("naive")
        return super().to_internal_value(value)


class Flag(serializers.BooleanField):
    """`true` or `false`, not what reads like them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Text(serializers.CharField):
    """A text, not what could be written as one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Uid(serializers.UUIDField):
    """A public identifier in its canonical form."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return UUID(data)
