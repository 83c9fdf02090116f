"""What arrived, as it is told to the people concerned."""

from __future__ import annotations

from django.db.models import QuerySet

from documents.enums import ReceiptOutcome
from documents.models import Reception

FILED = (ReceiptOutcome.INTEGRATED, ReceiptOutcome.REPLACED, ReceiptOutcome.DUPLICATE, ReceiptOutcome.DELETED)
"""Outcomes that touched a document of a record."""


def receptions_of_document(document_id: int) -> QuerySet[Reception]:
    """How a document came into the record, oldest first: its provenances. 1 query."""
    return Reception.objects.filter(document_id=document_id, outcome__in=FILED).order_by("id")
