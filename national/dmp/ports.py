"""The DMP as the product sees it: the official transactions, in English.

Source: spec dmp 1.1 (catalogue), 3.3 to 3.7, 4 (interface). Feeding is done in indirect mode (structure),
consultation in AIR mode (structure and identified professional): `AccessContext.mode` says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from interop.vihf.claims import AuthenticationMode, PatientClaim, Purpose, Role
from interop.vihf.codes import AC_UNSPECIFIED
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import Association, Code, DocumentEntry, SubmissionSet
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


class DmpState(StrEnum):
    """State of the DMP of a patient (TD0.2)."""

    OPEN = "open"
    CLOSED = "closed"
    NONE = "none"


class Authorisation(StrEnum):
    """Authorisation of one professional on one DMP (TD0.2).

    UNKNOWN is a status that no setting names: to be treated as "not authorised" (spec dmp 1.4).
    """

    VALID = "valid"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Existence:
    """What TD0.2 says. The traits that it returns are never shown (RG_0320), so not kept either.

    `closed_on` is a DTM as received, `closing_reason` the code and text of the closure;
    `is_attached` tells the link with Mon espace santé, None when not said; `raw_authorisation` is
    the code received, for technical screens.
    """

    state: DmpState
    authorisation: Authorisation
    closed_on: str = ""
    closing_reason: str = ""
    is_attached: bool | None = None
    raw_authorisation: str = ""


@dataclass(frozen=True, slots=True)
class DocumentAddress:
    """Where a document is kept, and its uniqueId: both as TD3.1 returned them."""

    repository_unique_id: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The bytes of one document, as received: the caller compares them with hash and size."""

    address: DocumentAddress
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The documents that came; `errors` tell those that did not (partial success)."""

    documents: tuple[Retrieved, ...]
    errors: tuple[RegistryError, ...] = ()


class DmpFeeding(Protocol):
    """What the structure does in indirect mode (spec dmp 1.8).

    Every method raises `Unavailable`, `Rejected` or `Uncertain`, nothing else; `Uncertain` comes only from
    what changes something at the DMP: `submit` and `set_status`.
    """

    def existence(self, context: AccessContext, patient: PatientClaim) -> Existence:
        """TD0.2: state of the DMP (PRPA_IN201307UV02).

        In AIR mode, the authorisation of the professional of the context too: it says nothing of feeding.
        """

    def submit(self, context: AccessContext, submission: Submission) -> Submitted:
        """TD2.1: feed the DMP with new documents, or with replacements (ITI-41)."""

    def references(self, context: AccessContext, patient: PatientClaim, unique_id: str) -> tuple[str, ...]:
        """TD3.1b: entryUUIDs of a document known by its uniqueId; empty when the DMP has none (ITI-18)."""

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


class DmpGateway(DmpFeeding, Protocol):
    """And what an identified professional does in AIR mode. Errors as above.

    `authorise` and `set_visibility` change something at the DMP too.
    """

    def authorise(self, context: AccessContext, patient: PatientClaim) -> None:
        """TD0.3, AJOUT: authorise the professional of the context, also when already authorised."""

    def search(self, context: AccessContext, criteria: DocumentCriteria) -> Found:
        """TD3.1: documents of a patient by criteria (ITI-18 FindDocuments)."""

    def documents(
        self,
        context: AccessContext,
        patient: PatientClaim,
        unique_ids: Sequence[str] = (),
        *,
        entry_uuids: Sequence[str] = (),
    ) -> Found:
        """TD3.1: metadata and replacements of known documents (ITI-18 GetDocumentsAndAssociations).

        Documents are named by uniqueId or by entryUUID: by one of the two, ValueError otherwise.
        """

    def submission_sets(self, context: AccessContext, criteria: SetCriteria) -> tuple[SubmissionSet, ...]:
        """TD3.1: lots deposited in a period (ITI-18 FindSubmissionSets)."""

    def associations(
        self, context: AccessContext, patient: PatientClaim, uuids: Sequence[str]
    ) -> tuple[Association, ...]:
        """TD3.1: what lots contain and what documents replace (ITI-18 GetAssociations)."""

    def retrieve(
        self, context: AccessContext, patient: PatientClaim, addresses: Sequence[DocumentAddress]
    ) -> Retrieval:
        """TD3.2: the content of one or several documents (ITI-43). Rejected when none came."""

    def set_visibility(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry: DocumentEntry,
        confidentiality: tuple[Code, ...],
    ) -> Submitted:
        """TD3.3b, TD3.3a: give a document this confidentiality, whole (ITI-57).

        `entry` is as a search returned it just before: its version is compared by the registry, and its
        entryUUID is another one afterwards (read it again).
        """
