"""Documents as other software reads them: filed versions alone, never a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from documents.enums import VersionState
from documents.models import Document, Version
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class FiledFilters:
    """What a list of filed documents is narrowed to; empty means everything.

    `states` and the days of the act are those of the last version filed, which is the one shown.
    """

    types: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    episode: UUID | None = None
    act_since: date | None = None
    act_until: date | None = None


def documents_filed(patient: Patient, filters: FiledFilters) -> QuerySet[Document]:
    """Documents of a patient that have left the draft, with `filed`, their versions, newest first."""
    last = (
        Version.objects.exclude(state=VersionState.DRAFT).filter(document=OuterRef("pk")).order_by("-number")
    )
    documents = (
        Document.objects.filter(patient=patient)
        .annotate(last_state=Subquery(last.values("state")[:1]), last_act=Subquery(last.values("act_at")[:1]))
        .filter(last_state__isnull=False)
    )
    if filters.states:
        documents = documents.filter(last_state__in=filters.states)
    if filters.act_since:
        documents = documents.filter(last_act__date__gte=filters.act_since)
    if filters.act_until:
        documents = documents.filter(last_act__date__lte=filters.act_until)
    if filters.types:
        documents = documents.filter(type_code__in=filters.types)
    if filters.origins:
        documents = documents.filter(origins__overlap=list(filters.origins))
    if filters.episode:
        documents = documents.filter(episode__uid=filters.episode)
    return with_filed_versions(documents)


def document_filed(uid: UUID) -> Document:
    """One document with its filed versions; Document.DoesNotExist when unknown or still a draft."""
    document = with_filed_versions(Document.objects.select_related("patient")).get(uid=uid)
    if not document.filed:  # type: ignore[attr-defined]  # prefetched just above
        raise Document.DoesNotExist
    return document


def with_filed_versions(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Add to each document `filed`, its versions without the draft, newest first."""
    filed = Version.objects.exclude(state=VersionState.DRAFT).defer("body", "snapshot").order_by("-number")
    return documents.select_related("unit", "episode").prefetch_related(
        Prefetch("versions", queryset=filed, to_attr="filed")
    )
