"""Metadata received from the DMP, kept for the one person who asked (EX_AIR-085).

Whatever the registry returns is somebody else's text: cut to what a page shows, never trusted to be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from dmp.consultation import Consultation
from dmp.models import RemoteDocument
from dmp.rules.documents import is_of_others, is_signature, status_of
from establishment.models import LegalEntity, Site
from interop.vihf import codes as vihf
from interop.xds.metadata import Code, DocumentEntry
from interop.xds.times import instant_from_dtm

UNIQUE_ID_LENGTH: Final = 128
ENTRY_UUID_LENGTH: Final = 64
_IDENTITY: Final = ("patient_id", "user_id", "unique_id", "uid", "id", "found_at", "seen_at")


def own_structures() -> frozenset[str]:
    """National identifiers under which this hospital deposits: its entity and its sites. 2 queries."""
    numbers = [
        *LegalEntity.objects.values_list("finess", flat=True),
        *Site.objects.values_list("finess", flat=True),
    ]
    return frozenset(f"{vihf.FINESS_PREFIX}{number}" for number in numbers)


@transaction.atomic
def entries_keep(
    consultation: Consultation,
    entries: Sequence[DocumentEntry],
    *,
    now: datetime,
    seen: bool = False,
    replaces: Mapping[str, str] | None = None,
    deposited: Mapping[str, datetime] | None = None,
) -> list[RemoteDocument]:
    """Keep what was returned, one row per document; an older version of metadata changes nothing.

    `seen`: the person looks at them now. `replaces` and `deposited` are by uniqueId. Signatures of lots,
    and what cannot be named, are left out.
    """
    usable = {
        entry.unique_id: entry
        for entry in sorted(entries, key=lambda entry: entry.version)
        if not is_signature(entry)
        and 0 < len(entry.unique_id) <= UNIQUE_ID_LENGTH
        and 0 < len(entry.entry_id) <= ENTRY_UUID_LENGTH
    }
    mine = RemoteDocument.objects.filter(
        user=consultation.user, patient=consultation.patient, unique_id__in=usable
    )
    known = {row.unique_id: row for row in mine.select_for_update(of=("self",))}
    own = own_structures()
    kept = []
    for unique_id, entry in usable.items():
        row = known.get(unique_id) or RemoteDocument(
            patient=consultation.patient, user=consultation.user, unique_id=unique_id, found_at=now
        )
        if row.pk is None or entry.version >= row.version:
            for name, value in _columns(entry, is_ours=not is_of_others(entry, own)).items():
                setattr(row, name, value)
        row.replaces = (replaces or {}).get(unique_id, row.replaces)
        row.deposited_at = (deposited or {}).get(unique_id, row.deposited_at)
        row.checked_at = now
        if seen and row.seen_at is None:
            row.seen_at = now
        kept.append(row)
    _write(kept)
    return kept


def _write(rows: list[RemoteDocument]) -> None:
    columns = [
        field.attname for field in RemoteDocument._meta.concrete_fields if field.attname not in _IDENTITY
    ]
    new = [row for row in rows if row.pk is None]
    RemoteDocument.objects.bulk_create(new)
    former = [row for row in rows if row not in new]
    if former:
        RemoteDocument.objects.bulk_update(former, [*columns, "seen_at"])


def _columns(entry: DocumentEntry, *, is_ours: bool) -> dict[str, Any]:
    author = entry.authors[0] if entry.authors else None
    person = author.person if author else None
    places = [place for one in entry.authors for place in one.institutions]
    return {
        "entry_uuid": entry.entry_id,
        "logical_id": entry.logical_id[:ENTRY_UUID_LENGTH],
        "repository_unique_id": entry.repository_unique_id[:64],
        "version": entry.version,
        "status": status_of(entry),
        "title": entry.title[:300],
        "type_code": entry.type_code.code[:40],
        "type_label": _label(entry.type_code),
        "class_code": entry.class_code.code[:40],
        "class_label": _label(entry.class_code),
        "format_code": entry.format_code.code[:120],
        "practice_setting": _label(entry.practice_setting_code),
        "facility_type": _label(entry.facility_type_code),
        "event_codes": [_label(code) for code in entry.event_codes][:20],
        "author": f"{person.family} {person.given}".strip()[:200] if person else "",
        "specialty": _label(author.specialty) if author else "",
        "institution": next((place.name[:200] for place in places if place.name), ""),
        "institution_ids": sorted({place.identifier[:40] for place in places if place.identifier})[:20],
        "is_ours": is_ours,
        "act_at": _moment(entry.service_start_time),
        "created_at": _moment(entry.creation_time),
        "mime_type": entry.mime_type[:80],
        "sha1": entry.hash[:40],
        "size": entry.size,
        "confidentiality": [code.code[:40] for code in entry.confidentiality_codes][:8],
    }


def _label(code: Code) -> str:
    """The label of a code, or the code where the registry gives none."""
    return (code.label or code.code)[:200]


def _moment(dtm: str) -> datetime | None:
    try:
        return instant_from_dtm(dtm)
    except ValueError:
        return None
