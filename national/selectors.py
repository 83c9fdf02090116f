"""Reads of the calls to national services."""

from __future__ import annotations

from establishment.enums import NationalService
from national.models import Call


def last_call(service: NationalService) -> Call | None:
    """The newest call to a service, by any process of the product; None before the first. 1 query."""
    return Call.objects.filter(service=service).order_by("-started_at").first()
