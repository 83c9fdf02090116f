"""A DMP in memory: the port without the wire, for unit tests of what stands on it.

It keeps what the registry would keep (ids, statuses, replacements) and refuses what the registry refuses for
those ids. What the wire checks (certificates, signature, metadata) is proven with the real adapter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from establishment.enums import NationalService
from interop.vihf.claims import AuthenticationMode, PatientClaim
from interop.xds import codes
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.metadata import Association, Code, DocumentEntry, SubmissionSet
from interop.xds.responses import RegistryError
from interop.xds.times import dtm_from_instant
from national.calls import Call, Recorder, recorded
from national.dmp.ports import (
    AccessContext,
    Authorisation,
    DmpState,
    DocumentAddress,
    Existence,
    Found,
    Retrieval,
    Retrieved,
    Submission,
    Submitted,
)
from national.errors import NationalServiceError, Rejected, RejectionKind


@dataclass(slots=True)
class DmpMemory:
    """State is open to tests: `entries` by entryUUID, `contents` by uniqueId, `calls` in order.

    `existences` by matricule say the state of a DMP (open when not said), `authorisations` by matricule
    and national identifier of the professional who may read it (none when not said). `failures` are raised
    by the next calls, one each; `failures_after` too, but once the effect is done: the line was cut before
    the answer.
    """

    record: Recorder = lambda record: None
    entries: dict[str, DocumentEntry] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    sets: dict[str, SubmissionSet] = field(default_factory=dict)
    links: list[Association] = field(default_factory=list)
    existences: dict[str, Existence] = field(default_factory=dict)
    authorisations: dict[tuple[str, str], Authorisation] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failures: deque[NationalServiceError] = field(default_factory=deque)
    failures_after: deque[NationalServiceError] = field(default_factory=deque)

    def existence(self, context: AccessContext, patient: PatientClaim) -> Existence:
        """TD0.2."""
        with self._called(context, "TD0.2"):
            found = self.existences.get(patient.matricule, Existence(DmpState.OPEN, Authorisation.NONE))
            return replace(found, authorisation=self._authorisation(context, patient.matricule))

    def authorise(self, context: AccessContext, patient: PatientClaim) -> None:
        """TD0.3."""
        with self._called(context, "TD0.3"):
            is_blocked = self._authorisation(context, patient.matricule) is Authorisation.BLOCKED
            if is_blocked or context.mode is not AuthenticationMode.AIR:
                raise Rejected(codes.DMP_ACCESS_DENIED, kind=RejectionKind.RIGHTS)
            self.authorisations[patient.matricule, context.name_id] = Authorisation.VALID
            self._fail(self.failures_after)

    def submit(self, context: AccessContext, submission: Submission) -> Submitted:
        """TD2.1."""
        with self._called(context, "TD2.1") as message_id:
            for document in submission.documents:
                self._check_new(document.entry.unique_id, document.replaces)
            lot_uuid = f"urn:uuid:{uuid4()}"
            self.sets[lot_uuid] = replace(submission.lot, entry_id=lot_uuid, status=codes.STATUS_APPROVED)
            for document in submission.documents:
                uuid = self._register(document.entry)
                self.contents[document.entry.unique_id] = document.content
                self.links.append(Association(codes.ASSOCIATION_HAS_MEMBER, lot_uuid, uuid))
                if document.replaces:
                    self._change_status(document.replaces, codes.STATUS_DEPRECATED)
                    self.links.append(Association(codes.ASSOCIATION_REPLACE, uuid, document.replaces))
            self._fail(self.failures_after)
        return Submitted(message_id)

    def references(self, context: AccessContext, patient: PatientClaim, unique_id: str) -> tuple[str, ...]:
        """TD3.1b."""
        with self._called(context, "TD3.1b"):
            return tuple(
                uuid
                for uuid, entry in self.entries.items()
                if entry.unique_id == unique_id and entry.status != codes.STATUS_DELETED
            )

    def search(self, context: AccessContext, criteria: DocumentCriteria) -> Found:
        """TD3.1, by the criteria that tests need."""
        with self._called(context, "TD3.1"):
            self._check_reader(context, criteria.patient_id.value)
            entries = self.entries.values()
            found = tuple(entry for entry in entries if _fits(entry, criteria))
            return Found(found, total=len(found))

    def documents(
        self,
        context: AccessContext,
        patient: PatientClaim,
        unique_ids: Sequence[str] = (),
        *,
        entry_uuids: Sequence[str] = (),
    ) -> Found:
        """TD3.1, known documents."""
        if bool(unique_ids) == bool(entry_uuids):
            raise ValueError("documents are asked by uniqueId or by entryUUID, never by both")
        with self._called(context, "TD3.1"):
            self._check_reader(context, patient.matricule)
            found = {
                uuid: entry
                for uuid, entry in self.entries.items()
                if entry.unique_id in unique_ids or uuid in entry_uuids
            }
            links = tuple(link for link in self.links if link.source in found or link.target in found)
            return Found(tuple(found.values()), links, len(found))

    def submission_sets(self, context: AccessContext, criteria: SetCriteria) -> tuple[SubmissionSet, ...]:
        """TD3.1, lots."""
        with self._called(context, "TD3.1"):
            self._check_reader(context, criteria.patient_id.value)
            return tuple(
                lot
                for lot in self.sets.values()
                if lot.patient_id == criteria.patient_id
                and _within(lot.submission_time, criteria.submitted_from, criteria.submitted_to)
            )

    def associations(
        self, context: AccessContext, patient: PatientClaim, uuids: Sequence[str]
    ) -> tuple[Association, ...]:
        """TD3.1, associations."""
        with self._called(context, "TD3.1"):
            self._check_reader(context, patient.matricule)
            return tuple(link for link in self.links if link.source in uuids or link.target in uuids)

    def retrieve(
        self, context: AccessContext, patient: PatientClaim, addresses: Sequence[DocumentAddress]
    ) -> Retrieval:
        """TD3.2; contents that are not there are told as errors."""
        with self._called(context, "TD3.2"):
            self._check_reader(context, patient.matricule)
            found = tuple(
                Retrieved(address, codes.MIME_CDA, self.contents[address.unique_id])
                for address in addresses
                if address.unique_id in self.contents
            )
            errors = tuple(
                RegistryError(codes.ERROR_DOCUMENT_UNIQUE_ID, f"uniqueId={address.unique_id}")
                for address in addresses
                if address.unique_id not in self.contents
            )
            if not found:
                raise Rejected(codes.ERROR_DOCUMENT_UNIQUE_ID, kind=RejectionKind.DATA)
            return Retrieval(found, errors)

    def set_visibility(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry: DocumentEntry,
        confidentiality: tuple[Code, ...],
    ) -> Submitted:
        """TD3.3b: the version of the metadata that follows takes the place of the one given."""
        with self._called(context, "TD3.3b") as message_id:
            self._check_reader(context, lot.patient_id.value)
            current = self.entries.get(entry.entry_id)
            if current is None or current.version != entry.version:
                raise Rejected(codes.ERROR_METADATA_VERSION, kind=RejectionKind.DATA)
            uuid = f"urn:uuid:{uuid4()}"
            del self.entries[entry.entry_id]
            self.entries[uuid] = replace(
                current,
                entry_id=uuid,
                version=current.version + 1,
                confidentiality_codes=confidentiality,
            )
            self.links = [_moved(link, entry.entry_id, uuid) for link in self.links]
            self._fail(self.failures_after)
        return Submitted(message_id)

    def set_status(
        self,
        context: AccessContext,
        lot: SubmissionSet,
        *,
        entry_uuid: str,
        original_status: str,
        new_status: str,
    ) -> Submitted:
        """TD3.3c, TD3.3d."""
        transaction = "TD3.3c" if new_status == codes.STATUS_DELETED else "TD3.3d"
        with self._called(context, transaction) as message_id:
            entry = self.entries.get(entry_uuid)
            if entry is None or entry.status != original_status:
                raise Rejected(codes.ERROR_METADATA_UPDATE, kind=RejectionKind.DATA)
            self._change_status(entry_uuid, new_status)
            self._fail(self.failures_after)
        return Submitted(message_id)

    @contextmanager
    def _called(self, context: AccessContext, transaction: str) -> Iterator[str]:
        message_id = f"urn:uuid:{uuid4()}"
        call = Call(
            NationalService.DMP,
            transaction,
            message_id,
            context.actor_uid,
            context.actor_label,
            context.patient_uid,
            context.structure,
        )
        self.calls.append(transaction)
        with recorded(call, record=self.record, started_at=datetime.now(UTC)):
            self._fail(self.failures)
            yield message_id

    def _authorisation(self, context: AccessContext, matricule: str) -> Authorisation:
        return self.authorisations.get((matricule, context.name_id), Authorisation.NONE)

    def _check_reader(self, context: AccessContext, matricule: str) -> None:
        """A professional who reads needs an authorisation in force (spec dmp 1.4)."""
        is_reader = context.mode is AuthenticationMode.AIR
        if is_reader and self._authorisation(context, matricule) is not Authorisation.VALID:
            raise Rejected(codes.DMP_ACCESS_DENIED, kind=RejectionKind.RIGHTS)

    def _fail(self, failures: deque[NationalServiceError]) -> None:
        if failures:
            raise failures.popleft()

    def _check_new(self, unique_id: str, replaces: str) -> None:
        if any(entry.unique_id == unique_id for entry in self.entries.values()):
            raise Rejected(codes.ERROR_DUPLICATE_UNIQUE_ID, kind=RejectionKind.DUPLICATE)
        parent = self.entries.get(replaces)
        if replaces and (parent is None or parent.status == codes.STATUS_DELETED):
            raise Rejected(codes.ERROR_REGISTRY_METADATA, kind=RejectionKind.DATA)
        if parent is not None and parent.status == codes.STATUS_DEPRECATED:
            raise Rejected(codes.ERROR_DEPRECATED_DOCUMENT, kind=RejectionKind.DATA)

    def _register(self, entry: DocumentEntry) -> str:
        uuid = f"urn:uuid:{uuid4()}"
        self.entries[uuid] = replace(
            entry, entry_id=uuid, logical_id=uuid, version=1, status=codes.STATUS_APPROVED
        )
        return uuid

    def _change_status(self, uuid: str, status: str) -> None:
        self.entries[uuid] = replace(self.entries[uuid], status=status)


def _fits(entry: DocumentEntry, criteria: DocumentCriteria) -> bool:
    coded = (
        (criteria.type_codes, (entry.type_code,)),
        (criteria.class_codes, (entry.class_code,)),
        (criteria.confidentiality_codes, entry.confidentiality_codes),
    )
    return (
        entry.patient_id == criteria.patient_id
        and entry.status in criteria.statuses
        and all(not wanted or _pairs(wanted) & _pairs(held) for wanted, held in coded)
        and _within(entry.service_start_time, criteria.service_start_from, criteria.service_start_to)
        and _within(entry.creation_time, criteria.creation_from, criteria.creation_to)
    )


def _pairs(values: Sequence[Code]) -> set[tuple[str, str]]:
    return {(value.code, value.system) for value in values}


def _within(dtm: str, begin: datetime | None, end: datetime | None) -> bool:
    """Tell whether a DTM is in a period: begin included, end excluded (IHE)."""
    moment = dtm.ljust(len("YYYYMMDDhhmmss"), "0")
    after = begin is None or dtm_from_instant(begin) <= moment
    return after and (end is None or moment < dtm_from_instant(end))


def _moved(link: Association, old: str, new: str) -> Association:
    """A relation of a document is that of its last version of metadata."""
    source = new if link.source == old else link.source
    return replace(link, source=source, target=new if link.target == old else link.target)
