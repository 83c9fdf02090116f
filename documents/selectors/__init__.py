"""Reads of the documents room."""

from documents.selectors.filed import FiledFilters, document_filed, documents_filed
from documents.selectors.filing import (
    held_by_id,
    held_by_set,
    recipient_of,
    stay_for_filing,
    unit_of_recipients,
)
from documents.selectors.listed import (
    DocumentRow,
    DocumentSort,
    document_row,
    documents_for_patient,
    drafts_of,
    version_to_show,
)
from documents.selectors.receptions import ArrivalFilters, arrivals, receptions_of_document

__all__ = [
    "ArrivalFilters",
    "DocumentRow",
    "DocumentSort",
    "FiledFilters",
    "arrivals",
    "document_filed",
    "document_row",
    "documents_filed",
    "documents_for_patient",
    "drafts_of",
    "held_by_id",
    "held_by_set",
    "receptions_of_document",
    "recipient_of",
    "stay_for_filing",
    "unit_of_recipients",
    "version_to_show",
]
