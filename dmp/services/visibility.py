"""Making a document visible to the patient or to legal representatives, in the DMP itself (TD3.3b).

Sources: spec dmp 0.2 (path a), 3.6, 6.7; SC.DMP/UX.14.BIS. No new version, the CDA and what was mailed
stay as they are; the flags kept here follow. There is no way back (EX_3.3-1045).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from audit.enums import Action, Outcome
from dmp.consultation import Consultation
from dmp.enums import DocumentStatus
from dmp.line import Line
from dmp.models import RemoteDocument
from dmp.rules.documents import status_of, visible_after
from dmp.services.storing import entries_keep
from dmp.tracing import act_trace
from documents.services import visibility_follow
from documents.wishes import Visibility
from establishment.identifiers import Branch, oid_allocate
from interop.xds import codes
from interop.xds.metadata import Code, DocumentEntry, SubmissionSet
from interop.xds.nomenclature import UnknownCode, content_type_of_patient_class
from interop.xds.times import dtm_from_instant
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain

OID_SEQUENCE: Final = "dmp_metadata_set_oid"
TRANSACTION: Final = "TD3.3b"


class VisibilityOutcome(StrEnum):
    """What became of the demand."""

    DONE = "done"
    ALREADY = "already"
    CHANGED = "changed"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class VisibilityChange:
    """`sentence` is what the person reads; `document` is the row as it is now."""

    outcome: VisibilityOutcome
    sentence: str
    document: RemoteDocument | None = None

    @property
    def is_done(self) -> bool:
        return self.outcome in (VisibilityOutcome.DONE, VisibilityOutcome.ALREADY)


SENTENCES: Final = {
    VisibilityOutcome.DONE: "Document rendu visible dans Mon espace santé.",
    VisibilityOutcome.ALREADY: "Ce document était déjà visible dans Mon espace santé.",
    VisibilityOutcome.CHANGED: (
        "Ce document a changé dans le DMP entre-temps : relisez-le, puis recommencez si besoin."
    ),
    VisibilityOutcome.REFUSED: (
        "Le DMP n’autorise pas ce changement : demandez à l’auteur du document de le rendre visible."
    ),
    VisibilityOutcome.NOT_FOUND: "Ce document n’est pas dans le DMP.",
}


def visibility_change(
    consultation: Consultation,
    *,
    unique_id: str,
    to_patient: bool,
    to_guardians: bool,
    now: datetime,
    line: Line | None = None,
) -> VisibilityChange:
    """Read the document again, lift what hides it, read it again: the DMP has the last word."""
    line = line or Line(consultation)
    try:
        entry = _current(line, unique_id)
        if entry is None:
            return VisibilityChange(VisibilityOutcome.NOT_FOUND, SENTENCES[VisibilityOutcome.NOT_FOUND])
        wanted = visible_after(entry.confidentiality_codes, to_patient=to_patient, to_guardians=to_guardians)
        outcome = VisibilityOutcome.ALREADY
        if wanted != entry.confidentiality_codes:
            outcome = _asked(consultation, line, entry, wanted, now=now)
            entry = _current(line, unique_id) or entry
    except NationalServiceError as error:
        return _told(consultation, unique_id, error)
    is_visible = entry.visibility <= {code.code for code in wanted}
    if outcome is VisibilityOutcome.DONE and not is_visible:
        outcome = VisibilityOutcome.CHANGED
    row = next(iter(entries_keep(consultation, [entry], now=now, seen=True)), None)
    if row is not None:
        _kept(consultation, row, outcome, to_patient=to_patient, to_guardians=to_guardians, now=now)
    return VisibilityChange(outcome, SENTENCES[outcome], row)


def _asked(
    consultation: Consultation,
    line: Line,
    entry: DocumentEntry,
    wanted: tuple[Code, ...],
    *,
    now: datetime,
) -> VisibilityOutcome:
    """Send TD3.3b; a lost answer is looked up by the reading that follows (dmp 9.4)."""
    try:
        line.set_visibility(lot_of(consultation, entry, now=now), entry=entry, confidentiality=wanted)
    except Uncertain:
        return VisibilityOutcome.DONE
    except Rejected as error:
        if error.code == codes.ERROR_METADATA_VERSION:
            return VisibilityOutcome.CHANGED
        raise
    return VisibilityOutcome.DONE


def _current(line: Line, unique_id: str) -> DocumentEntry | None:
    """The metadata in force: the highest version that is neither deprecated nor deleted."""
    found = [
        entry
        for entry in line.documents([unique_id]).entries
        if entry.unique_id == unique_id
        and status_of(entry) in (DocumentStatus.APPROVED, DocumentStatus.ARCHIVED)
    ]
    return max(found, key=lambda entry: entry.version, default=None)


def lot_of(consultation: Consultation, entry: DocumentEntry, *, now: datetime) -> SubmissionSet:
    """The lot that carries a change of metadata, in the name of the professional (dmp 3.6)."""
    unique_id = oid_allocate(Branch.METADATA_SET, sequence=OID_SEQUENCE)
    try:
        content_type = content_type_of_patient_class(consultation.episode.kind)
    except UnknownCode:
        content_type = content_type_of_patient_class("N")
    return SubmissionSet(
        unique_id=unique_id,
        source_id=unique_id.rpartition(".")[0],
        patient_id=consultation.patient_id,
        submission_time=dtm_from_instant(now),
        authors=(consultation.author,),
        content_type=content_type,
        title=entry.title,
    )


def _kept(
    consultation: Consultation,
    row: RemoteDocument,
    outcome: VisibilityOutcome,
    *,
    to_patient: bool,
    to_guardians: bool,
    now: datetime,
) -> None:
    is_done = outcome in (VisibilityOutcome.DONE, VisibilityOutcome.ALREADY)
    act_trace(
        consultation,
        "dmp.make_visible",
        row,
        transaction=TRANSACTION,
        action=Action.UPDATE,
        outcome=Outcome.SUCCESS if is_done else Outcome.REFUSED,
        to_patient=to_patient,
        to_guardians=to_guardians,
        result=outcome.value,
    )
    local_flags_follow(consultation, row, now=now)


def local_flags_follow(consultation: Consultation, row: RemoteDocument, *, now: datetime) -> None:
    """What the record says of who sees the document is what the DMP says (dmp 0.2, 6.3 case B)."""
    visibility_follow(
        patient=consultation.patient,
        unique_id=row.unique_id,
        visibility=Visibility(
            is_masque_ps=row.is_masque_ps,
            is_invisible_patient=row.is_invisible_patient,
            is_invisible_rep_legaux=row.is_invisible_rep_legaux,
        ),
        actor=consultation.actor,
        at=now,
    )


def _told(consultation: Consultation, unique_id: str, error: NationalServiceError) -> VisibilityChange:
    if isinstance(error, Rejected) and error.kind is RejectionKind.RIGHTS:
        return VisibilityChange(VisibilityOutcome.REFUSED, SENTENCES[VisibilityOutcome.REFUSED])
    return VisibilityChange(VisibilityOutcome.FAILED, f"{error.message} Rien n’a été modifié.")
