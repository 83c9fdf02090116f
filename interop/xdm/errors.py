"""Why an archive is refused."""

from __future__ import annotations

from enum import StrEnum


class XdmRefusal(StrEnum):
    """Stable codes, for programs and for the trace (security.md 10.4, mssante.md 2.2)."""

    NOT_ZIP = "not_zip"
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"
    TOO_MANY_ENTRIES = "too_many_entries"
    NAME = "name"
    DUPLICATE_NAME = "duplicate_name"
    LINK = "link"
    ENCRYPTED = "encrypted"
    METHOD = "method"
    ENTRY_TOO_LARGE = "entry_too_large"
    TOTAL_TOO_LARGE = "total_too_large"
    RATIO = "ratio"
    NESTED_ARCHIVE = "nested_archive"
    NO_METADATA = "no_metadata"
    METADATA = "metadata"
    NO_DOCUMENT = "no_document"
    FILE_MISSING = "file_missing"
    SIZE = "size"
    HASH = "hash"
    NOT_CDA = "not_cda"
    OTHER_ID = "other_id"
    OTHER_PATIENT = "other_patient"
    SEVERAL_PATIENTS = "several_patients"


class XdmRefused(ValueError):
    """An archive that we do not open.

    `code` is stable, `cause` that of the reader of XML or CDA where it is one that refused; `place` names
    the entry, its odd characters escaped; `text` is French and may be shown. No content is repeated.
    """

    def __init__(self, code: XdmRefusal, text: str, place: str = "", *, cause: str = "") -> None:
        super().__init__(f"{text} ({place})" if place else text)
        self.code = code
        self.text = text
        self.place = place
        self.cause = cause

    @property
    def full_code(self) -> str:
        """What a person or a trace needs: `xdm:ratio`, `xdm:not_cda:doctype`."""
        return ":".join(filter(None, ("xdm", str(self.code), self.cause)))
