"""Pages about the DMP: how many statements each sends, with an open access and a DMP in memory.

Exact, as tests/budgets/queries.json; those that ask the DMP write their trace and read what they keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from dmp.models import RemoteDocument
from documents.models import Version
from tests.dmp.conftest import Room


@dataclass(frozen=True)
class Shown:
    """What the pages show: a document of the DMP, and one of the record that came from there."""

    room: Room
    document: RemoteDocument
    filed: Version


def of_patient(name: str, query: str = "") -> Callable[[Shown], str]:
    return lambda shown: reverse(f"dossier:{name}", args=[shown.room.patient.uid]) + query


def of_document(name: str, query: str = "") -> Callable[[Shown], str]:
    return lambda shown: reverse(f"dossier:{name}", args=[shown.document.uid]) + query


DMP_PAGES: dict[str, tuple[Callable[[Shown], str], int]] = {
    "dossier:dmp_fact": (of_patient("dmp_fact"), 11),
    "dossier:dmp_news, known": (of_patient("dmp_news", "?connu=1"), 12),
    "dossier:dmp_news, asked": (of_patient("dmp_news", "?chercher=1"), 22),
    "dossier:dmp_group": (of_patient("dmp_group"), 13),
    "dossier:dmp_search": (of_patient("dmp_search"), 18),
    "dossier:dmp_results": (of_patient("dmp_results"), 27),
    "dossier:dmp_document": (of_document("dmp_document"), 21),
    "dossier:dmp_content, metadata": (of_document("dmp_content", "?vue=metadonnees"), 11),
    "dossier:dmp_content": (of_document("dmp_content"), 14),
    "dossier:dmp_pdf": (of_document("dmp_pdf"), 11),
    "dossier:dmp_visibility": (of_document("dmp_visibility"), 19),
    "dossier:version_visibility": (
        lambda shown: reverse("dossier:version_visibility", args=[shown.filed.uid]),
        19,
    ),
    "dossier:version_check": (lambda shown: reverse("dossier:version_check", args=[shown.filed.uid]), 15),
    "dossier:notice": (lambda shown: reverse("dossier:notice"), 8),
    "dossier:home": (lambda shown: reverse("dossier:home"), 17),
    "dossier:patient, access confirmed": (of_patient("patient"), 23),
}
NOT_MEASURED = frozenset({"dossier:dmp_structured", "dossier:dmp_traces", "dossier:mssante_traces"})
"""The same reads as dmp_pdf; forms without any read, for the auditor."""
