"""What the registry holds: documents and submission sets, as registered, and what is asked of it."""

from dataclasses import dataclass, field

from interop.xds import codes as xds
from sandbox.codes import OID_DMP_REPOSITORY
from sandbox.dmp.ebxml import Registered, RegistryObject

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
    """A document as registered. `version` counts its metadata, `set_version` the versions of the document.

    `submitted_at` is when its content came, `deposited_at` when its first version did. A superseded
    document is a former version of the metadata: only its own entryUUID leads to it.
    """

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
    deposited_at: str
    structure: str
    actor: str
    metadata: RegistryObject = field(repr=False)
    is_superseded: bool = False

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
    def authors(self) -> frozenset[str]:
        """National identifiers of those who wrote it, and of the one who sent it."""
        return self.metadata.author_ids | {self.actor}

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


@dataclass(frozen=True, slots=True)
class Update:
    """A change that passed every check: other metadata, or another status, of one document."""

    target: Document
    lot: RegistryObject
    metadata: RegistryObject | None = None
    status: str = ""
