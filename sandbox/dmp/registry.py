"""State of the DMP: patients, authorisations, submission sets, documents, their content.

Everything that changes is one line of an append-only journal, on the disk before the answer leaves;
contents are on the disk before the line that mentions them. Opening replays the journal.
"""

import hashlib
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from interop.xds import codes as xds
from sandbox.demo import DmpState, Patient
from sandbox.dmp.dates import add_months
from sandbox.dmp.ebxml import Association, read_xml
from sandbox.dmp.records import Document, Ins, Kept, Lot, NewLot, Update
from sandbox.storage import ContentFile, Journal

AUTHORISATION_MONTHS: Final = 6
"""Life of the authorisation of a professional."""


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
        self._by_logical_id: dict[str, str] = {}
        self._hidden: dict[str, None] = {}
        self._told: set[str] = set()
        self._marks: set[str] = set()
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
            case "update":
                self._apply_update(entry)
            case "told":
                self._told.add(entry["lid"])
            case "mark":
                self._marks.add(entry["name"])
            case "patient":
                person = Patient(**(entry["patient"] | {"state": DmpState(entry["patient"]["state"])}))
                self._patients[person.matricule, person.oid] = person
            case "authorisation":
                self._apply_authorisation(entry)

    def has_mark(self, name: str) -> bool:
        """Was this done once for all?"""
        return name in self._marks

    def mark(self, name: str) -> None:
        """Note that something was done once for all."""
        with self.lock:
            self._record({"event": "mark", "name": name})

    # Patients and authorisations

    def patient(self, ins: Ins) -> Patient | None:
        """The person, whatever the state of the DMP; None when unknown."""
        return self._patients.get(ins)

    def patients(self) -> tuple[Patient, ...]:
        return tuple(self._patients.values())

    def put_patient(self, person: Patient) -> None:
        """Add a person or change the state of a DMP."""
        with self.lock:
            self._record({"event": "patient", "patient": asdict(person) | {"state": person.state.value}})

    def set_authorisation(self, ins: Ins, actor: str, state: str, now: datetime) -> None:
        """`valid` grants from now, `expired` as if long ago, `blocked` forbids, `none` forgets."""
        granted = add_months(now, -2 * AUTHORISATION_MONTHS) if state == "expired" else now
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
        ends = add_months(datetime.fromisoformat(granted), AUTHORISATION_MONTHS)
        return "valid" if now < ends else "expired"

    def authorisations(self, ins: Ins, now: datetime) -> dict[str, str]:
        """State by professional, blocked ones among them."""
        with self.lock:
            actors = [actor for known, actor in (*self._authorisations, *self._blocked) if known == ins]
        return {actor: self.authorisation(ins, actor, now) for actor in actors}

    # Documents

    def document(self, entry_uuid: str) -> Document | None:
        return self._documents.get(entry_uuid)

    def by_unique_id(self, unique_id: str) -> Document | None:
        """The current metadata version of a document."""
        return self._documents.get(self._by_unique_id.get(unique_id, ""))

    def by_logical_id(self, logical_id: str) -> Document | None:
        """The current metadata version of a document."""
        return self._documents.get(self._by_logical_id.get(logical_id, ""))

    def documents(self, ins: Ins) -> tuple[Document, ...]:
        """Every document of a patient, signature objects included, in the order of registration."""
        with self.lock:
            return tuple(self._documents[identifier] for identifier in self._of_patient.get(ins, ()))

    def hidden_documents(self) -> tuple[Document, ...]:
        """Documents of all patients that their patient does not see; signature objects left out."""
        with self.lock:
            return tuple(self._documents[identifier] for identifier in self._hidden)

    def is_told(self, document: Document) -> bool:
        """Was the patient told that a document exists which he does not see?"""
        return document.logical_id in self._told

    def tell(self, document: Document, now: datetime) -> None:
        """Note that the patient was told."""
        with self.lock:
            self._record({"event": "told", "lid": document.logical_id, "at": now.isoformat()})

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

    def update(self, change: Update, structure: str, actor: str, now: datetime) -> Document:
        """Write a change of metadata or of status; the rules are those of `register`.

        Other metadata are another version of the entry: a new entryUUID, the same logical id, and the
        former version is deprecated. A status changes where it stands.
        """
        with self.lock:
            entry = {
                "event": "update", "at": now.isoformat(), "target": change.target.entry_uuid,
                "uuid": _new_uuid() if change.metadata is not None else change.target.entry_uuid,
                "xml": change.metadata.xml.decode() if change.metadata is not None else "",
                "status": change.status, "structure": structure, "actor": actor,
                "lot": {"uuid": _new_uuid(), "xml": change.lot.xml.decode()},
            }  # fmt: skip
            self._journal.write(entry)
            self._apply(entry)
            return self._documents[str(entry["uuid"])]

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

    def _apply_lot(self, row: dict[str, Any], ins: Ins, at: str) -> Lot:
        lot = Lot(row["uuid"], ins, at, read_xml(row["xml"].encode()))
        self._lots[lot.entry_uuid] = lot
        self._lot_ids.add(lot.unique_id)
        return lot

    def _apply_submission(self, entry: dict[str, Any]) -> None:
        ins = _ins(entry["ins"])
        lot = self._apply_lot(entry["lot"], ins, entry["at"])
        for row in entry["documents"]:
            replaced = self._documents.get(row["replaces"])
            document = Document(
                entry_uuid=row["uuid"], logical_id=row["lid"], version=1, status=xds.STATUS_APPROVED, ins=ins,
                lot_uuid=lot.entry_uuid, content=Kept(**row["content"]),
                set_id=row["set_id"], set_version=row["set_version"], submitted_at=entry["at"],
                deposited_at=replaced.deposited_at if replaced else entry["at"],
                structure=entry["structure"], actor=entry["actor"], metadata=read_xml(row["xml"].encode()),
            )  # fmt: skip
            self._of_patient.setdefault(ins, []).append(document.entry_uuid)
            self._put(document)
            self._link(xds.ASSOCIATION_HAS_MEMBER, lot.entry_uuid, document.entry_uuid, _ORIGINAL)
            if document.is_signature:
                self._link(xds.ASSOCIATION_SIGNS, document.entry_uuid, lot.entry_uuid)
            if replaced:
                self._link(xds.ASSOCIATION_REPLACE, document.entry_uuid, replaced.entry_uuid)
                self._put(replace(replaced, status=xds.STATUS_DEPRECATED))

    def _apply_update(self, entry: dict[str, Any]) -> None:
        target = self._documents[entry["target"]]
        lot = self._apply_lot(entry["lot"], target.ins, entry["at"])
        if not entry["xml"]:
            self._put(replace(target, status=entry["status"]))
            return
        document = replace(
            target,
            entry_uuid=entry["uuid"],
            version=target.version + 1,
            metadata=read_xml(entry["xml"].encode()),
        )
        former = replace(target, status=xds.STATUS_DEPRECATED, is_superseded=True)
        self._documents[former.entry_uuid] = former
        self._hidden.pop(former.entry_uuid, None)
        listed = self._of_patient[target.ins]
        listed[listed.index(former.entry_uuid)] = document.entry_uuid
        self._move_links(former.entry_uuid, document.entry_uuid)
        self._put(document)
        previous = (xds.SLOT_PREVIOUS_VERSION, str(target.version))
        self._link(xds.ASSOCIATION_HAS_MEMBER, lot.entry_uuid, document.entry_uuid, _ORIGINAL, previous)

    def _put(self, document: Document) -> None:
        """Keep a current version of a document, and what leads to it."""
        self._documents[document.entry_uuid] = document
        self._by_unique_id[document.unique_id] = document.entry_uuid
        self._by_logical_id[document.logical_id] = document.entry_uuid
        family = (document.ins, document.set_id)
        if document.status == xds.STATUS_DELETED:
            self._in_force.pop(family, None)
        elif document.set_id and document.status != xds.STATUS_DEPRECATED:
            self._in_force[family] = document.entry_uuid
        is_hidden = document.is_hidden_from_patient and document.status != xds.STATUS_DELETED
        if is_hidden and not document.is_signature:
            self._hidden[document.entry_uuid] = None
        else:
            self._hidden.pop(document.entry_uuid, None)

    def _link(self, kind: str, source: str, target: str, *slots: tuple[str, str]) -> None:
        # Derived from the journal, so that a restart gives the same identifier.
        identifier = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {source} {target}")
        held: dict[str, tuple[str, ...]] = {name: (value,) for name, value in slots}
        link = Association(f"urn:uuid:{identifier}", kind, source, target, held)
        for end in (source, target):
            self._links.setdefault(end, []).append(link)

    def _move_links(self, former: str, current: str) -> None:
        """Replacements follow the entry to its new metadata; membership in its lot stays where it was."""
        for link in list(self._links.get(former, ())):
            if link.kind != xds.ASSOCIATION_REPLACE:
                continue
            for end in (link.source, link.target):
                self._links[end].remove(link)
            source = current if link.source == former else link.source
            target = current if link.target == former else link.target
            self._link(link.kind, source, target)


_ORIGINAL: Final = (xds.SLOT_SUBMISSION_SET_STATUS, xds.SUBMISSION_SET_ORIGINAL)


def _new_uuid() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def _ins(pair: Sequence[str]) -> Ins:
    return pair[0], pair[1]
