"""A PDF dropped by a person: readable, not encrypted, and that runs nothing (security 10.4, 20)."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from typing import Any, Final

import pypdf
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, IndirectObject

MAX_PAGES: Final = 2000
MAX_CHAIN: Final = 20
_ACTING: Final = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition", "/GoToE"})


class PdfFault(StrEnum):
    """Why a PDF is refused."""

    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    TOO_MANY_PAGES = "too_many_pages"
    ACTIVE = "active_content"


class PdfRefused(ValueError):
    """A PDF that is not taken; `text` is French."""

    def __init__(self, code: PdfFault, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def check_pdf(content: bytes) -> None:
    """Refuse what is no PDF for a reader that only reads.

    Raises:
        PdfRefused: unreadable, encrypted, too long, or with scripts, programs or forms that are sent.
    """
    try:
        reader = pypdf.PdfReader(BytesIO(content), strict=False)
        if reader.is_encrypted:
            raise PdfRefused(PdfFault.ENCRYPTED, "Le PDF est chiffré")
        if len(reader.pages) > MAX_PAGES:
            raise PdfRefused(PdfFault.TOO_MANY_PAGES, f"Le PDF dépasse {MAX_PAGES} pages")
        is_active = _acts(reader)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, PdfRefused):
            raise
        raise PdfRefused(PdfFault.UNREADABLE, "Le PDF est illisible") from error
    if is_active:
        raise PdfRefused(PdfFault.ACTIVE, "Le PDF contient un script ou lance un programme")


def _acts(reader: pypdf.PdfReader) -> bool:
    root = _dictionary(reader.trailer.get("/Root"))
    names = _dictionary(root.get("/Names"))
    if "/JavaScript" in names or _is_acting(root.get("/OpenAction")) or _any_acting(root.get("/AA")):
        return True
    return any(_page_acts(page) for page in reader.pages)


def _page_acts(page: DictionaryObject) -> bool:
    if _any_acting(page.get("/AA")):
        return True
    annotations = _resolved(page.get("/Annots")) or []
    for annotation in annotations:
        held = _dictionary(annotation)
        if _is_acting(held.get("/A")) or _any_acting(held.get("/AA")):
            return True
    return False


def _any_acting(value: Any) -> bool:
    return any(_is_acting(action) for action in _dictionary(value).values())


def _is_acting(value: Any, depth: int = 0) -> bool:
    """Whether an action, or one chained after it, does more than move in the document."""
    action = _resolved(value)
    if isinstance(action, list):
        return any(_is_acting(one, depth + 1) for one in action[:MAX_CHAIN])
    if not isinstance(action, DictionaryObject):
        return False
    if action.get("/S") in _ACTING or depth > MAX_CHAIN:
        return True
    return _is_acting(action.get("/Next"), depth + 1)


def _dictionary(value: Any) -> DictionaryObject:
    found = _resolved(value)
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def _resolved(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value
