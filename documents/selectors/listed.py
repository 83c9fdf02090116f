"""Documents as they are listed and shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from documents.enums import VersionState
from documents.models import Document, Version
from interop.cda.value_sets import document_types
from patients.models import Patient


class DocumentSort(StrEnum):
    """SC.CDA/INT.04: by date of act or by type (label of its code), both directions."""

    DATE_DESC = "-date"
    DATE_ASC = "date"
    TYPE_ASC = "type"
    TYPE_DESC = "-type"


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One line of the document list: one document whatever its renderings (SC.CDA/DD.15)."""

    document: Document
    shown: Version
    draft: Version | None
    older: tuple[Version, ...]

    @property
    def at(self) -> datetime:
        return self.shown.act_at or self.shown.edited_at

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version, newest first, the draft included."""
        draft = (self.draft,) if self.draft is not None and self.draft is not self.shown else ()
        return (*draft, self.shown, *self.older)

    @property
    def type_label(self) -> str:
        """Label of the type in JDV_J07; the code itself when the value set has it not."""
        known = document_types().get(self.document.type_code)
        return known.display if known else self.document.type_code


def documents_for_patient(
    patient: Patient, *, sort: DocumentSort = DocumentSort.DATE_DESC
) -> list[DocumentRow]:
    """Every document of a patient with the version to show. 2 queries."""
    # Through the patient, so that each document knows it without asking again.
    documents = patient.documents.select_related("unit").prefetch_related(
        Prefetch("versions", queryset=_light_versions())
    )
    rows = [_row(document) for document in documents]
    by_type = sort in (DocumentSort.TYPE_ASC, DocumentSort.TYPE_DESC)
    rows.sort(key=lambda row: row.at, reverse=sort != DocumentSort.DATE_ASC)
    if by_type:
        rows.sort(key=lambda row: row.type_label.casefold(), reverse=sort == DocumentSort.TYPE_DESC)
    return rows


def document_row(document_id: int) -> DocumentRow:
    """One document with all its versions, as a line of the list. 2 queries; Document.DoesNotExist."""
    documents = Document.objects.select_related("unit", "patient").prefetch_related(
        Prefetch("versions", queryset=_light_versions())
    )
    return _row(documents.get(pk=document_id))


def version_to_show(uid: UUID) -> Version:
    """A version by its public identifier, with all that a page about it needs; DoesNotExist."""
    return Version.objects.select_related(
        "document__patient",
        "document__episode",
        "document__unit__site",
        "author",
        "validated_by",
        "deleted_by",
    ).get(uid=uid)


def drafts_of(author_id: int) -> QuerySet[Version]:
    """Drafts that a writer left open, oldest first (workflows 3.8)."""
    return (
        Version.objects.filter(author_id=author_id, state=VersionState.DRAFT)
        .select_related("document__patient")
        .order_by("edited_at")
    )


def _light_versions() -> QuerySet[Version]:
    return (
        Version.objects.defer("body", "snapshot").select_related("author", "deleted_by").order_by("-number")
    )


def _row(document: Document) -> DocumentRow:
    versions = list(document.versions.all())
    draft = next((version for version in versions if version.state == VersionState.DRAFT), None)
    filed = [version for version in versions if version.state != VersionState.DRAFT]
    shown = filed[0] if filed else versions[0]
    return DocumentRow(document=document, shown=shown, draft=draft, older=tuple(filed[1:]))
