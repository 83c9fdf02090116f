"""What a patient sees of the DMP in Mon espace santé.

Sources: confidentiality codes of the DMP, and the calendar of a document hidden from the patient: told of its
existence after one month, visible to all after three months.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from interop.xds import codes as xds
from sandbox.dmp.registry import Document, Ins, Registry

TOLD_AFTER_MONTHS: Final = 1
VISIBLE_AFTER_MONTHS: Final = 3


@dataclass(frozen=True, slots=True)
class PatientDocument:
    """A document with its former versions, newest first."""

    current: Document
    former: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class PatientView:
    """Documents that the reader sees; `told` are those whose existence alone is known."""

    documents: tuple[PatientDocument, ...]
    told: int


def add_months(instant: datetime, months: int) -> datetime:
    """Same day some months later, the last of the month when there is no such day."""
    index = instant.month - 1 + months
    year, month = instant.year + index // 12, index % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))


def is_visible(document: Document, deposited: datetime, now: datetime, *, guardian: bool) -> bool:
    """May the patient (or a legal representative) see this version?

    `deposited` is when the first version of the document came: a replacement does not start the delay anew.
    """
    if guardian and xds.VISIBILITY_HIDDEN_GUARDIANS in document.confidentiality:
        return False
    return not document.is_hidden_from_patient or now >= add_months(deposited, VISIBLE_AFTER_MONTHS)


def view_of(registry: Registry, ins: Ins, now: datetime, *, guardian: bool = False) -> PatientView:
    """What the patient, or a legal representative, sees now. Newest deposit first."""
    versions: dict[str, list[Document]] = {}
    for document in registry.documents(ins):
        if not document.is_signature and document.status != xds.STATUS_DELETED:
            versions.setdefault(document.set_id, []).append(document)
    shown, told = [], 0
    for chain in versions.values():
        deposited = datetime.fromisoformat(chain[0].submitted_at)
        current = chain[-1]
        if is_visible(current, deposited, now, guardian=guardian):
            former = tuple(
                version
                for version in reversed(chain[:-1])
                if is_visible(version, deposited, now, guardian=guardian)
            )
            shown.append(PatientDocument(current, former))
        elif current.is_hidden_from_patient and now >= add_months(deposited, TOLD_AFTER_MONTHS):
            told += 1
    shown.sort(key=lambda item: item.current.submitted_at, reverse=True)
    return PatientView(tuple(shown), told)
