"""Mails of every mailbox on the disk: contents in one file, what happened to them in a journal.

Everything is there again after a restart, UID and flags included. Safe to share between threads.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.storage import ContentFile, Journal

INBOX: Final = "INBOX"


class NoSuchMailError(LookupError):
    """The mail is no longer there."""


@dataclass(frozen=True, slots=True)
class StoredMail:
    """One mail in one folder of one mailbox."""

    id: int
    box: str
    folder: str
    uid: int
    flags: frozenset[str]
    place: int
    size: int
    received_at: str


@dataclass(slots=True)
class Folder:
    """A folder: its validity, its next UID, and the changes that sessions have not seen yet."""

    validity: int
    next_uid: int = 1
    version: int = 0
    changed: dict[int, int] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)

    def note(self, uid: int, *, is_gone: bool = False) -> None:
        self.version += 1
        (self.gone if is_gone else self.changed)[uid] = self.version
        if is_gone:
            self.changed.pop(uid, None)


class MailStore:
    """Mailboxes by address (lower case)."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.RLock()
        self._journal = Journal(folder / "mails.jsonl")
        self._contents = ContentFile(folder / "mails.bin")
        self._mails: dict[int, StoredMail] = {}
        self._folders: dict[tuple[str, str], Folder] = {}
        self._next_id = 1
        self._validity = 1
        for entry in self._journal.entries():
            self._replay(entry)

    def close(self) -> None:
        self._journal.close()
        self._contents.close()

    # Reads

    def mails(self, box: str, folder: str = INBOX) -> list[StoredMail]:
        """Mails of a folder, in the order of their UID."""
        with self._lock:
            found = [mail for mail in self._mails.values() if (mail.box, mail.folder) == (box, folder)]
        return sorted(found, key=lambda mail: mail.uid)

    def all_mails(self, box: str) -> list[StoredMail]:
        """Mails of every folder of a mailbox, the newest first."""
        with self._lock:
            found = [mail for mail in self._mails.values() if mail.box == box]
        return sorted(found, key=lambda mail: mail.id, reverse=True)

    def mail(self, mail_id: int) -> StoredMail | None:
        return self._mails.get(mail_id)

    def at(self, box: str, folder: str, uid: int) -> StoredMail | None:
        return next((mail for mail in self.mails(box, folder) if mail.uid == uid), None)

    def content(self, mail: StoredMail) -> bytes:
        return self._contents.read(mail.place, mail.size)

    def folder(self, box: str, name: str) -> Folder:
        """A folder of a mailbox. KeyError when there is none; the inbox always exists."""
        with self._lock:
            if name == INBOX and (box, name) not in self._folders:
                self.create_folder(box, name)
            return self._folders[box, name]

    def folder_names(self, box: str) -> list[str]:
        with self._lock:
            return [name for owner, name in self._folders if owner == box]

    def count(self, box: str) -> int:
        with self._lock:
            return sum(mail.box == box for mail in self._mails.values())

    def size_of(self, box: str) -> int:
        """Bytes that a mailbox holds."""
        with self._lock:
            return sum(mail.size for mail in self._mails.values() if mail.box == box)

    # Writes

    def deliver(
        self, box: str, content: bytes, *, folder: str = INBOX, flags: frozenset[str] = frozenset()
    ) -> StoredMail:
        """Put a mail into a mailbox; it is on the disk when this returns."""
        (place,) = self._contents.append([content])
        with self._lock:
            entry = {
                "do": "deliver",
                "id": self._next_id,
                "box": box,
                "folder": folder,
                "uid": self.folder(box, folder).next_uid,
                "flags": sorted(flags),
                "place": place,
                "size": len(content),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            self._write(entry)
            return self._mails[int(str(entry["id"]))]

    def create_folder(self, box: str, name: str) -> None:
        """Make a folder. ValueError when it exists."""
        with self._lock:
            if (box, name) in self._folders:
                raise ValueError(name)
            self._write({"do": "folder", "box": box, "name": name, "validity": self._validity})

    def new_validity(self, box: str) -> None:
        """Give the inbox another UIDVALIDITY and its mails other UIDs, as a restored server would."""
        with self._lock:
            self._write({"do": "validity", "box": box, "validity": self._validity})

    def set_flags(self, mail_id: int, change: Callable[[frozenset[str]], frozenset[str]]) -> StoredMail:
        """Change the flags of a mail. NoSuchMailError when it is gone."""
        with self._lock:
            flags = change(self._present(mail_id).flags)
            self._write({"do": "flags", "id": mail_id, "flags": sorted(flags)})
            return self._mails[mail_id]

    def move(self, mail_id: int, folder: str) -> StoredMail:
        """Move a mail to a folder of its mailbox, under a new UID."""
        with self._lock:
            uid = self.folder(self._present(mail_id).box, folder).next_uid
            self._write({"do": "move", "id": mail_id, "folder": folder, "uid": uid})
            return self._mails[mail_id]

    def copy(self, mail_id: int, folder: str) -> StoredMail:
        """Put a second mail of the same content into a folder."""
        with self._lock:
            mail = self._present(mail_id)
            return self.deliver(mail.box, self.content(mail), folder=folder, flags=mail.flags)

    def delete(self, mail_id: int) -> None:
        """Erase a mail; one already gone is no error."""
        with self._lock:
            if mail_id in self._mails:
                self._write({"do": "delete", "id": mail_id})

    # The journal

    def _present(self, mail_id: int) -> StoredMail:
        mail = self._mails.get(mail_id)
        if mail is None:
            raise NoSuchMailError(mail_id)
        return mail

    def _write(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._replay(entry)

    def _replay(self, entry: dict[str, Any]) -> None:
        match entry["do"]:
            case "folder":
                self._folders[entry["box"], entry["name"]] = Folder(entry["validity"])
                self._validity = max(self._validity, entry["validity"] + 1)
            case "validity":
                self._renumber(entry["box"], entry["validity"])
            case "deliver":
                self._keep(
                    StoredMail(
                        entry["id"],
                        entry["box"],
                        entry["folder"],
                        entry["uid"],
                        frozenset(entry["flags"]),
                        entry["place"],
                        entry["size"],
                        entry["at"],
                    )
                )
                self._next_id = entry["id"] + 1
            case "flags":
                mail = replace(self._mails[entry["id"]], flags=frozenset(entry["flags"]))
                self._mails[mail.id] = mail
                self._folders[mail.box, mail.folder].note(mail.uid)
            case "move":
                mail = self._mails[entry["id"]]
                self._folders[mail.box, mail.folder].note(mail.uid, is_gone=True)
                self._keep(replace(mail, folder=entry["folder"], uid=entry["uid"]))
            case "delete":
                mail = self._mails.pop(entry["id"])
                self._folders[mail.box, mail.folder].note(mail.uid, is_gone=True)

    def _keep(self, mail: StoredMail) -> None:
        self._mails[mail.id] = mail
        folder = self._folders[mail.box, mail.folder]
        folder.next_uid = mail.uid + 1
        folder.note(mail.uid)

    def _renumber(self, box: str, validity: int) -> None:
        mails = self.mails(box)
        folder = Folder(validity)
        self._folders[box, INBOX] = folder
        self._validity = max(self._validity, validity + 1)
        for mail in mails:
            self._keep(replace(mail, uid=folder.next_uid + 100))


def newest(mails: Sequence[StoredMail]) -> StoredMail | None:
    """The mail that came last."""
    return max(mails, key=lambda mail: mail.id, default=None)
