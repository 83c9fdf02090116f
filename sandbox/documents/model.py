"""What a document is made of: who wrote it, where, about whom, when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from interop.cda import codes as cda
from sandbox.demo import Patient


class Level(StrEnum):
    """Kind of body: a PDF, a plain text, a letter of discharge in sections with or without its PDF."""

    PDF = "pdf"
    TEXT = "text"
    LETTER = "n3"
    LETTER_WITH_PDF = "n3+pdf"


@dataclass(frozen=True, slots=True)
class Coded:
    """A code with its label, as the value set has it."""

    code: str
    system: str
    label: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A structure: national identifier, sector of activity, setting of practice, where it is."""

    idnat: str
    name: str
    sector: Coded
    setting: Coded
    street: str
    postal_code: str
    city: str
    phone: str


@dataclass(frozen=True, slots=True)
class Writer:
    """A professional of a structure. `specialty` is a code of JDV_J01."""

    idnat: str
    family: str
    given: str
    civility: str
    specialty: Coded
    organisation: Organisation
    title: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A document to write. Without `writer` it is one that the patient deposited.

    `act_start` and `act_stop` bound the act; `lines` are its text. Its identifiers come from `root` and
    from `number`: the same document has the same identifiers at each first start.
    """

    root: str
    number: int
    patient: Patient
    writer: Writer | None
    kind: Coded
    class_code: Coded
    title: str
    lines: tuple[str, ...]
    written_at: datetime
    act_start: datetime
    act_stop: datetime
    level: Level = Level.PDF
    set_number: int = 0
    version: int = 1
    replaces: int = 0
    encounter: cda.Code | None = None
    act: cda.Code | None = None
    restrictions: tuple[str, ...] = ()
    reference_ids: tuple[str, ...] = ()
    status: str = ""
    deposited_at: datetime | None = None

    @property
    def unique_id(self) -> str:
        return f"{self.root}.1.{self.number}"

    @property
    def set_id(self) -> str:
        return f"{self.root}.2.{self.set_number or self.number}"

    @property
    def replaced_id(self) -> str:
        return f"{self.root}.1.{self.replaces}" if self.replaces else ""
