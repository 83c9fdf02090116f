"""What the parts of a body need to know of their document."""

from dataclasses import dataclass
from datetime import tzinfo
from uuid import NAMESPACE_OID, uuid5

from interop.cda.datatypes import Id


@dataclass(frozen=True, slots=True)
class BodyContext:
    """The document being built: its identifier, from which those of its parts derive, and its time zone."""

    document_id: Id
    zone: tzinfo

    def part_id(self, path: str) -> Id:
        """Return the identifier of a section or entry: the same at each build of the same document."""
        name = f"{self.document_id.root}^{self.document_id.extension}/{path}"
        return Id(str(uuid5(NAMESPACE_OID, name)).upper())
