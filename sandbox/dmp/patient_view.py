"""What a patient sees of the DMP in Mon espace santé.

Source: confidentiality codes of the DMP. What time changes (a document hidden for three months) is done by
the calendar, before anybody looks.
"""

from dataclasses import dataclass

from interop.xds import codes as xds
from sandbox.dmp.records import Document, Ins
from sandbox.dmp.registry import Registry


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


def is_visible(document: Document, *, guardian: bool) -> bool:
    """May the patient (or a legal representative) see this version?"""
    if guardian and xds.VISIBILITY_HIDDEN_GUARDIANS in document.confidentiality:
        return False
    return not document.is_hidden_from_patient


def view_of(registry: Registry, ins: Ins, *, guardian: bool = False) -> PatientView:
    """What the patient, or a legal representative, sees now. Newest deposit first."""
    versions: dict[str, list[Document]] = {}
    for document in registry.documents(ins):
        if not document.is_signature and document.status != xds.STATUS_DELETED:
            versions.setdefault(document.set_id, []).append(document)
    shown, told = [], 0
    for chain in versions.values():
        current = chain[-1]
        if is_visible(current, guardian=guardian):
            former = tuple(
                version for version in reversed(chain[:-1]) if is_visible(version, guardian=guardian)
            )
            shown.append(PatientDocument(current, former))
        elif current.is_hidden_from_patient and registry.is_told(current):
            told += 1
    shown.sort(key=lambda item: item.current.submitted_at, reverse=True)
    return PatientView(tuple(shown), told)
