"""Names and values of the archive (IHE ITI-32, CI-SIS; cda.md 9, mssante.md 1.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

INDEX: Final = "INDEX.HTM"
README: Final = "README.TXT"
FOLDER: Final = "IHE_XDM"
SUBSET: Final = f"{FOLDER}/SUBSET01"
METADATA: Final = "METADATA.XML"
DOCUMENT_NAME: Final = "DOC{number:05d}.XML"
MAX_DOCUMENTS: Final = 99_999

ACTION_SLOT: Final = "urn:ans:ci-sis:action"
"""Default name of the slot of the extra metadata `action`: its official name was not read (cda.md 9 [D])."""
ACTION_SUFFIX: Final = "action"

XML_TYPES: Final = frozenset({"text/xml", "application/xml", "application/xslt+xml", "text/x-cda-r2+xml"})
"""Media types of an entry that holds a CDA; the third is that of an autoprésentable one (cda.md 10.4)."""
STYLESHEET_TYPE: Final = "FEUILLE-DE-STYLE"
"""typeCode of a style sheet that travels as a document: never run, never filed."""


class XdmAction(StrEnum):
    """The extra metadata `action`; absent from a first transmission."""

    REPLACE = "C"
    DELETE = "D"
