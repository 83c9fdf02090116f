"""What a document of the DMP replaces, when it does not say so itself (dmp 6.5, documents without setId)."""

from __future__ import annotations

from dmp.consultation import Consultation
from dmp.line import Line
from dmp.models import RemoteDocument
from dmp.rules.documents import CHAIN_LENGTH
from documents.header import ReceivedHeader
from documents.selectors import held_by_id
from interop.xds import codes


def replaced_in_registry(
    consultation: Consultation, document: RemoteDocument, header: ReceivedHeader, line: Line
) -> str:
    """uniqueId of the nearest older version that the record holds, by the RPLC of the registry; or empty.

    A document that has a setId, or that names a version of the record, needs no call.

    Raises:
        NationalServiceError: the registry did not say.
    """
    if header.set_id:
        return ""
    named = (header.parent_id, document.replaces)
    known = next((name for name in named if _is_here(consultation, name)), "")
    return known or _walked_back(consultation, document.unique_id, line)


def _walked_back(consultation: Consultation, unique_id: str, line: Line) -> str:
    found = line.documents([unique_id])
    for _ in range(CHAIN_LENGTH):
        names = {entry.entry_id for entry in found.entries}
        parents = [
            link.target
            for link in found.associations
            if link.kind == codes.ASSOCIATION_REPLACE and link.source in names
        ]
        if not parents:
            return ""
        found = line.documents(entry_uuids=parents)
        for entry in found.entries:
            if _is_here(consultation, entry.unique_id):
                return entry.unique_id
    return ""


def _is_here(consultation: Consultation, unique_id: str) -> bool:
    held = held_by_id(unique_id, consultation.patient)
    return held is not None and held.same_patient
