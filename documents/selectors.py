"""Reads of the documents room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from documents.enums import VersionState
from documents.models import Document, Version
from documents.rules import FilingStay, Held, stay_to_file_in
from establishment.models import Unit
from interop.cda.value_sets import document_types
from patients.enums import EpisodeState
from patients.models import Episode, Movement, Patient


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
        "document__patient", "document__episode", "document__unit__site", "author", "validated_by"
    ).get(uid=uid)


def drafts_of(author_id: int) -> QuerySet[Version]:
    """Drafts that a writer left open, oldest first (workflows 3.8)."""
    return (
        Version.objects.filter(author_id=author_id, state=VersionState.DRAFT)
        .select_related("document__patient")
        .order_by("edited_at")
    )


def held_by_id(unique_id: str, patient: Patient) -> Held | None:
    """The version known under an identifier, in whichever record; None. 1 query, none without id."""
    if not unique_id:
        return None
    return _held(_filed_versions().filter(unique_id=unique_id).first(), patient)


def held_by_set(set_id: str, patient: Patient) -> Held | None:
    """The last version filed under a setId, in whichever record; None. 1 query, none without setId."""
    if not set_id:
        return None
    return _held(_filed_versions().filter(document__set_id=set_id).order_by("-number").first(), patient)


def stay_for_filing(patient: Patient, unit: Unit, *, act_at: datetime | None, at: datetime) -> Episode | None:
    """The stay of `patient` in `unit` where a received document is filed (mssante 2.7). 1 query.

    A unit where the patient passed during a stay counts as one of its units.
    """
    passed = Movement.objects.filter(
        Q(medical_unit_code=unit.code) | Q(nursing_unit_code=unit.code) | Q(housing_unit_code=unit.code),
        episode=OuterRef("pk"),
        is_cancelled=False,
    )
    stays = {
        stay.pk: stay
        for stay in patient.episodes.filter(
            Q(unit=unit) | Q(nursing_unit=unit) | Q(housing_unit=unit) | Exists(passed),
            state__in=[EpisodeState.OPEN, EpisodeState.CLOSED],
            admitted_at__isnull=False,
        ).select_related("unit")
    }
    chosen = stay_to_file_in(
        [
            FilingStay(
                pk=stay.pk,
                start=timezone.localdate(stay.admitted_at),
                end=timezone.localdate(stay.discharged_at) if stay.discharged_at else None,
            )
            for stay in stays.values()
        ],
        act=timezone.localdate(act_at) if act_at else None,
        today=timezone.localdate(at),
    )
    return stays[chosen.pk] if chosen else None


def _filed_versions() -> QuerySet[Version]:
    return (
        Version.objects.exclude(state=VersionState.DRAFT).defer("body", "snapshot").select_related("document")
    )


def _held(version: Version | None, patient: Patient) -> Held | None:
    if version is None:
        return None
    return Held(
        pk=version.pk,
        document_pk=version.document_id,
        same_patient=version.document.patient_id == patient.pk,
        sha256=version.cda_sha256,
        state=VersionState(version.state),
        number=version.number,
        is_produced=version.document.is_produced,
        author_keys=frozenset(version.author_keys),
    )


def _light_versions() -> QuerySet[Version]:
    return Version.objects.defer("body", "snapshot").select_related("author").order_by("-number")


def _row(document: Document) -> DocumentRow:
    versions = list(document.versions.all())
    draft = next((version for version in versions if version.state == VersionState.DRAFT), None)
    filed = [version for version in versions if version.state != VersionState.DRAFT]
    shown = filed[0] if filed else versions[0]
    return DocumentRow(document=document, shown=shown, draft=draft, older=tuple(filed[1:]))
