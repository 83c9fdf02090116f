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
from interop.vihf.claims import PatientClaim
from interop.xds import codes
from interop.xds.iti18 import DocumentCriteria, SetCriteria
from interop.xds.metadata import Association, DocumentEntry, SubmissionSet
from national.calls import Call, Recorder, recorded
from national.dmp.ports import AccessContext, Found, Submission, Submitted
from national.errors import NationalServiceError, Rejected, RejectionKind


@dataclass(slots=True)
class DmpMemory:
    """State is open to tests: `entries` by entryUUID, `contents` by uniqueId, `calls` in order.

    `failures` are raised by the next calls, one each; `failures_after` too, but once the effect is done: the
    line was cut before the answer.
    """

    record: Recorder = lambda record: None
    entries: dict[str, DocumentEntry] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    sets: dict[str, SubmissionSet] = field(default_factory=dict)
    links: list[Association] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failures: deque[NationalServiceError] = field(default_factory=deque)
    failures_after: deque[NationalServiceError] = field(default_factory=deque)

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
        """TD3.1, by patient, status and type."""
        with self._called(context, "TD3.1"):
            types = {code.code for code in criteria.type_codes}
            found = tuple(
                entry
                for entry in self.entries.values()
                if entry.patient_id == criteria.patient_id
                and entry.status in criteria.statuses
                and (not types or entry.type_code.code in types)
            )
            return Found(found, total=len(found))

    def documents(self, context: AccessContext, patient: PatientClaim, unique_ids: Sequence[str]) -> Found:
        """TD3.1, known documents."""
        with self._called(context, "TD3.1"):
            found = {uuid: entry for uuid, entry in self.entries.items() if entry.unique_id in unique_ids}
            links = tuple(link for link in self.links if link.source in found or link.target in found)
            return Found(tuple(found.values()), links, len(found))

    def submission_sets(self, context: AccessContext, criteria: SetCriteria) -> tuple[SubmissionSet, ...]:
        """TD3.1, lots."""
        with self._called(context, "TD3.1"):
            return tuple(lot for lot in self.sets.values() if lot.patient_id == criteria.patient_id)

    def associations(
        self, context: AccessContext, patient: PatientClaim, uuids: Sequence[str]
    ) -> tuple[Association, ...]:
        """TD3.1, associations."""
        with self._called(context, "TD3.1"):
            return tuple(link for link in self.links if link.source in uuids or link.target in uuids)

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
