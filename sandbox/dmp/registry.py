"""State of the DMP: patients, authorisations, submission sets, documents, their content.

Everything that changes is one line of an append-only journal, on the disk before the answer leaves;
contents are files named by their SHA-256, on the disk before the line that mentions them. Opening replays
the journal.
"""

import hashlib
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from interop.xds import codes as xds
from sandbox.codes import OID_DMP_REPOSITORY
from sandbox.demo import DmpState, Patient
from sandbox.dmp.ebxml import (
    Association,
    Registered,
    RegistryObject,
    read_xml,
)
from sandbox.storage import ContentFile, Journal

AUTHORISATION_VALIDITY: Final = timedelta(days=183)
"""Six months: life of the authorisation of a professional."""

Ins = tuple[str, str]
"""Matricule and identifier of its authority."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A content on the disk: its place in the file of contents, its size in bytes, its SHA-1."""

    place: int
    size: int
    sha1: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document as registered. `version` counts its metadata, `set_version` the versions of the document."""

    entry_uuid: str
    logical_id: str
    version: int
    status: str
    ins: Ins
    lot_uuid: str
    content: Kept
    set_id: str
    set_version: int
    submitted_at: str
    structure: str
    actor: str
    metadata: RegistryObject = field(repr=False)

    @property
    def unique_id(self) -> str:
        return self.metadata.unique_id

    @property
    def confidentiality(self) -> tuple[str, ...]:
        return self.metadata.confidentiality

    @property
    def is_signature(self) -> bool:
        return self.metadata.is_signature

    @property
    def is_hidden_from_patient(self) -> bool:
        return xds.VISIBILITY_HIDDEN_PATIENT in self.confidentiality

    @property
    def registered(self) -> Registered:
        """What the registry adds to the metadata when it returns them."""
        return Registered(
            self.entry_uuid,
            self.logical_id,
            self.status,
            self.version,
            (
                (xds.SLOT_REPOSITORY_UNIQUE_ID, OID_DMP_REPOSITORY),
                (xds.SLOT_HASH, self.content.sha1),
                (xds.SLOT_SIZE, str(self.content.size)),
            ),
        )


@dataclass(frozen=True, slots=True)
class Lot:
    """A submission set as registered."""

    entry_uuid: str
    ins: Ins
    submitted_at: str
    metadata: RegistryObject = field(repr=False)

    @property
    def unique_id(self) -> str:
        return self.metadata.unique_id

    @property
    def registered(self) -> Registered:
        """What the registry adds to the metadata when it returns them."""
        return Registered(self.entry_uuid, self.entry_uuid, xds.STATUS_APPROVED, 1)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document that passed every check, whose content is kept."""

    metadata: RegistryObject
    content: Kept
    set_id: str = ""
    set_version: int = 0
    replaces: str = ""
    """entryUUID of the document that it replaces."""


@dataclass(frozen=True, slots=True)
class NewLot:
    """A submission that passed every check."""

    metadata: RegistryObject
    documents: tuple[NewDocument, ...]
    ins: Ins
    structure: str
    actor: str


class Registry:
    """The registry and its repository. `lock` makes checks and registration one step."""

    def __init__(self, folder: Path, patients: Sequence[Patient]) -> None:
        self.lock = threading.RLock()
        self._contents = ContentFile(folder / "contents.bin")
        self._journal = Journal(folder / "dmp.jsonl")
        self._patients: dict[Ins, Patient] = {(person.matricule, person.oid): person for person in patients}
        self._authorisations: dict[tuple[Ins, str], str] = {}
        self._blocked: set[tuple[Ins, str]] = set()
        self._documents: dict[str, Document] = {}
        self._by_unique_id: dict[str, str] = {}
        self._lots: dict[str, Lot] = {}
        self._lot_ids: set[str] = set()
        self._of_patient: dict[Ins, list[str]] = {}
        self._in_force: dict[tuple[Ins, str], str] = {}
        self._links: dict[str, list[Association]] = {}
        for entry in self._journal.entries():
            self._apply(entry)

    def close(self) -> None:
        self._journal.close()
        self._contents.close()

    def _record(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        match entry["event"]:
            case "submission":
                self._apply_submission(entry)
            case "patient":
                person = Patient(**(entry["patient"] | {"state": DmpState(entry["patient"]["state"])}))
                self._patients[person.matricule, person.oid] = person
            case "authorisation":
                self._apply_authorisation(entry)

    # Patients and authorisations

    def patient(self, ins: Ins) -> Patient | None:
        """The person, whatever the state of the DMP; None when unknown."""
        return self._patients.get(ins)

    def patients(self) -> tuple[Patient, ...]:
        return tuple(self._patients.values())

    def put_patient(self, person: Patient) -> None:
        """Add a person or change the state of a DMP."""
        with self.lock:
            self._record(
                {
                    "event": "patient",
                    "patient": {
                        "matricule": person.matricule, "oid": person.oid, "family": person.family,
                        "given": person.given, "birth_date": person.birth_date, "sex": person.sex,
                        "state": person.state.value,
                    },
                }
            )  # fmt: skip

    def set_authorisation(self, ins: Ins, actor: str, state: str, now: datetime) -> None:
        """`valid` grants from now, `expired` as if long ago, `blocked` forbids, `none` forgets."""
        granted = now - (2 * AUTHORISATION_VALIDITY if state == "expired" else timedelta())
        with self.lock:
            self._record(
                {
                    "event": "authorisation", "ins": list(ins), "actor": actor, "state": state,
                    "granted": granted.isoformat(),
                }
            )  # fmt: skip

    def _apply_authorisation(self, entry: dict[str, Any]) -> None:
        key = (_ins(entry["ins"]), entry["actor"])
        self._authorisations.pop(key, None)
        self._blocked.discard(key)
        if entry["state"] == "blocked":
            self._blocked.add(key)
        elif entry["state"] in ("valid", "expired"):
            self._authorisations[key] = entry["granted"]

    def authorisation(self, ins: Ins, actor: str, now: datetime) -> str:
        """`valid`, `expired`, `blocked` or `none`."""
        key = (ins, actor)
        with self.lock:
            if key in self._blocked:
                return "blocked"
            granted = self._authorisations.get(key)
        if granted is None:
            return "none"
        return "valid" if datetime.fromisoformat(granted) + AUTHORISATION_VALIDITY > now else "expired"

    # Documents

    def document(self, entry_uuid: str) -> Document | None:
        return self._documents.get(entry_uuid)

    def by_unique_id(self, unique_id: str) -> Document | None:
        """The current metadata version of a document."""
        return self._documents.get(self._by_unique_id.get(unique_id, ""))

    def documents(self, ins: Ins) -> tuple[Document, ...]:
        """Every document of a patient, signature objects included, in the order of registration."""
        with self.lock:
            return tuple(self._documents[identifier] for identifier in self._of_patient.get(ins, ()))

    def has_lot(self, unique_id: str) -> bool:
        return unique_id in self._lot_ids

    def lots(self, ins: Ins) -> tuple[Lot, ...]:
        with self.lock:
            return tuple(lot for lot in self._lots.values() if lot.ins == ins)

    def lot(self, entry_uuid: str) -> Lot | None:
        return self._lots.get(entry_uuid)

    def associations_of(self, identifiers: Iterable[str]) -> tuple[Association, ...]:
        """Associations that start from or lead to one of the objects, each once."""
        with self.lock:
            links = [link for identifier in identifiers for link in self._links.get(identifier, ())]
        return tuple({link.identifier: link for link in links}.values())

    def current_of_set(self, ins: Ins, set_id: str) -> Document | None:
        """The version in force of a document, by its setId."""
        return self._documents.get(self._in_force.get((ins, set_id), ""))

    def content(self, document: Document) -> bytes:
        return self._contents.read(document.content.place, document.content.size)

    def keep(self, contents: Mapping[str, bytes]) -> dict[str, Kept]:
        """Store contents, before the submission that refers to them is written."""
        places = self._contents.append(list(contents.values()))
        return {
            identifier: Kept(place, len(content), hashlib.sha1(content, usedforsecurity=False).hexdigest())
            for place, (identifier, content) in zip(places, contents.items(), strict=True)
        }

    # Registration

    def register(self, lot: NewLot, now: datetime) -> Lot:
        """Write a submission whole. The caller holds `lock` since its checks, and calls `sync` after it."""
        with self.lock:
            entry = self._submission_entry(lot, now)
            self._journal.write(entry)
            self._apply(entry)
            return self._lots[entry["lot"]["uuid"]]

    def sync(self) -> None:
        """Wait until all that is registered is on the disk; without the lock: several wait together."""
        self._journal.sync()

    def _submission_entry(self, lot: NewLot, now: datetime) -> dict[str, Any]:
        uuids = {lot.metadata.identifier: _new_uuid()}
        documents = []
        for new in lot.documents:
            entry_uuid = uuids.setdefault(new.metadata.identifier, _new_uuid())
            documents.append(
                {
                    "uuid": entry_uuid, "lid": entry_uuid, "xml": new.metadata.xml.decode(),
                    "content": asdict(new.content),
                    "set_id": new.set_id, "set_version": new.set_version, "replaces": new.replaces,
                }
            )  # fmt: skip
        return {
            "event": "submission", "at": now.isoformat(), "ins": list(lot.ins), "structure": lot.structure,
            "actor": lot.actor, "documents": documents,
            "lot": {"uuid": uuids[lot.metadata.identifier], "xml": lot.metadata.xml.decode()},
        }  # fmt: skip

    def _apply_submission(self, entry: dict[str, Any]) -> None:
        ins, lot_uuid = _ins(entry["ins"]), entry["lot"]["uuid"]
        lot = Lot(lot_uuid, ins, entry["at"], read_xml(entry["lot"]["xml"].encode()))
        self._lots[lot_uuid] = lot
        self._lot_ids.add(lot.unique_id)
        for row in entry["documents"]:
            document = Document(
                entry_uuid=row["uuid"], logical_id=row["lid"], version=1, status=xds.STATUS_APPROVED, ins=ins,
                lot_uuid=lot_uuid, content=Kept(**row["content"]),
                set_id=row["set_id"], set_version=row["set_version"], submitted_at=entry["at"],
                structure=entry["structure"], actor=entry["actor"], metadata=read_xml(row["xml"].encode()),
            )  # fmt: skip
            self._documents[document.entry_uuid] = document
            self._by_unique_id[document.unique_id] = document.entry_uuid
            self._of_patient.setdefault(ins, []).append(document.entry_uuid)
            if document.set_id:
                self._in_force[ins, document.set_id] = document.entry_uuid
            original = (xds.SLOT_SUBMISSION_SET_STATUS, xds.SUBMISSION_SET_ORIGINAL)
            self._link(xds.ASSOCIATION_HAS_MEMBER, lot_uuid, document.entry_uuid, original)
            if document.is_signature:
                self._link(xds.ASSOCIATION_SIGNS, document.entry_uuid, lot_uuid)
            if row["replaces"]:
                self._link(xds.ASSOCIATION_REPLACE, document.entry_uuid, row["replaces"])
                replaced = self._documents[row["replaces"]]
                self._documents[row["replaces"]] = replace(replaced, status=xds.STATUS_DEPRECATED)

    def _link(self, kind: str, source: str, target: str, slot: tuple[str, str] | None = None) -> None:
        # Derived from the journal, so that a restart gives the same identifier.
        identifier = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {source} {target}")
        slots: dict[str, tuple[str, ...]] = {slot[0]: (slot[1],)} if slot else {}
        link = Association(f"urn:uuid:{identifier}", kind, source, target, slots)
        for end in (source, target):
            self._links.setdefault(end, []).append(link)


def _new_uuid() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def _ins(pair: Sequence[str]) -> Ins:
    return pair[0], pair[1]
