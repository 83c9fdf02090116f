"""The DMP as the product sees it: the official transactions, in English.

Source: spec dmp 1.1 (catalogue), 3.3 to 3.7, 4 (interface). Feeding is done in indirect mode (structure),
consultation in AIR mode (structure and identified professional): `AccessContext.mode` says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from interop.vihf.claims import AuthenticationMode, PatientClaim, Purpose, Role
from interop.vihf.codes import AC_UNSPECIFIED
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import Association, DocumentEntry, SubmissionSet
from interop.xds.responses import RegistryError


@dataclass(frozen=True, slots=True)
class AccessContext:
    """Who asks, for which structure, why: the content of the VIHF, and the ids of the trace.

    `structure` is the national identifier of the structure (`1` + FINESS), `sector` its `SAxx`, `name_id` the
    national identifier of the professional (`8` + RPPS). `actor_uid` and `patient_uid` name our rows,
    `actor_label` a process when no user acts. `authenticated_at` is the local login of the user.
    """

    mode: AuthenticationMode
    structure: str
    sector: str
    name_id: str
    subject: str
    roles: tuple[Role, ...]
    authenticated_at: datetime
    authentication_class: str = AC_UNSPECIFIED
    authentication_declaration: str = ""
    purpose: Purpose = Purpose.NORMAL
    access_reason: str = ""
    secret_connection: bool = False
    actor_uid: UUID | None = None
    actor_label: str = ""
    patient_uid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A lot to submit. Its ids are fixed before the first attempt and the same at each (spec dmp 8)."""

    lot: SubmissionSet
    documents: tuple[SubmittedDocument, ...]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The DMP registered the lot. It does not say under which technical ids: ask TD3.1b."""

    message_id: str
    warnings: tuple[RegistryError, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Documents that a search returned; `total` is what the registry counts, -1 when it does not."""

    entries: tuple[DocumentEntry, ...]
    associations: tuple[Association, ...] = ()
    total: int = -1


class DmpGateway(Protocol):
    """Transactions of the DMP. Every method raises `Unavailable`, `Rejected` or `Uncertain`, nothing else.

    Only `submit` and `set_status` change something at the DMP, so only they raise `Uncertain`.
    """

    def submit(self, context: AccessContext, submission: Submission) -> Submitted:
        """TD2.1: feed the DMP with new documents, or with replacements (ITI-41)."""

    def references(self, context: AccessContext, patient: PatientClaim, unique_id: str) -> tuple[str, ...]:
        """TD3.1b: entryUUIDs of a document known by its uniqueId; empty when the DMP has none (ITI-18)."""

    def search(self, context: AccessContext, criteria: DocumentCriteria) -> Found:
        """TD3.1: documents of a patient by criteria (ITI-18 FindDocuments)."""

    def documents(self, context: AccessContext, patient: PatientClaim, unique_ids: Sequence[str]) -> Found:
        """TD3.1: metadata and replacements of known documents (ITI-18 GetDocumentsAndAssociations)."""

    def submission_sets(self, context: AccessContext, criteria: SetCriteria) -> tuple[SubmissionSet, ...]:
        """TD3.1: lots deposited in a period (ITI-18 FindSubmissionSets)."""

    def associations(
        self, context: AccessContext, patient: PatientClaim, uuids: Sequence[str]
    ) -> tuple[Association, ...]:
        """TD3.1: what lots contain and what documents replace (ITI-18 GetAssociations)."""

    def set_status(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry_uuid: str,
        original_status: str,
        new_status: str,
    ) -> Submitted:
        """TD3.3c delete, TD3.3d archive: change the status of one document (ITI-57)."""
