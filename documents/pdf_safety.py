"""A PDF that came from elsewhere: one that runs nothing when it is shown (security 10.2, 20; cda 10)."""

from __future__ import annotations

import re
from enum import StrEnum
from io import BytesIO
from typing import Any, Final

import pypdf
from pypdf.errors import DependencyError, PyPdfError
from pypdf.generic import DictionaryObject, IndirectObject

MAX_PAGES: Final = 2000
MAX_CHAIN: Final = 20
MAX_BOOKMARKS: Final = 20_000
_ACTING: Final = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition", "/GoToE"})
_RICH_MEDIA: Final = frozenset({"/RichMedia", "/3D", "/Movie"})
# The same words in bytes that the library cannot read; a name may spell any letter as #xx.
_SPELT = re.compile(rb"#([0-9A-Fa-f]{2})")
_ACTING_WORDS = re.compile(rb"/(?:JavaScript|JS|Launch|ImportData|SubmitForm|Rendition|GoToE)\b")
_FAULTS: Final = (
    PyPdfError,
    DependencyError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
)


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
    except _FAULTS as error:
        if isinstance(error, PdfRefused):
            raise
        raise PdfRefused(PdfFault.UNREADABLE, "Le PDF est illisible") from error
    if is_active:
        raise _active()


def check_pdf_passive(content: bytes) -> None:
    """Refuse the PDF of a received document that runs something, or that opens with a password only.

    A document of care is not refused for a file that our library cannot read and that viewers show: its
    bytes are then searched for the words of an action.

    Raises:
        PdfRefused: scripts, programs, forms that are sent, or encrypted under a password.
    """
    try:
        reader = pypdf.PdfReader(BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise PdfRefused(PdfFault.ENCRYPTED, "Le PDF s’ouvre avec un mot de passe")
        is_read = len(reader.pages) <= MAX_PAGES
        is_active = is_read and _acts(reader)
    except _FAULTS as error:
        if isinstance(error, PdfRefused):
            raise
        is_active = is_read = False
    if not is_read:
        spelt = _SPELT.sub(lambda code: bytes([int(code[1], 16)]), content)
        is_active = _ACTING_WORDS.search(spelt) is not None
    if is_active:
        raise _active()


def _active() -> PdfRefused:
    return PdfRefused(PdfFault.ACTIVE, "Le PDF contient un script ou lance un programme")


def _acts(reader: pypdf.PdfReader) -> bool:
    root = _dictionary(reader.trailer.get("/Root"))
    names, form = _dictionary(root.get("/Names")), _dictionary(root.get("/AcroForm"))
    if "/JavaScript" in names or "/XFA" in form:
        return True
    if _is_acting(root.get("/OpenAction")) or _any_acting(root.get("/AA")):
        return True
    return any(_page_acts(page) for page in reader.pages) or _bookmarks_act(root)


def _bookmarks_act(root: DictionaryObject) -> bool:
    """Bookmarks are a tree of lists, which a file may tie into a ring: a bounded walk."""
    waiting = [_dictionary(root.get("/Outlines")).get("/First")]
    for _ in range(MAX_BOOKMARKS):
        if not waiting:
            return False
        bookmark = _dictionary(waiting.pop())
        if _is_acting(bookmark.get("/A")):
            return True
        waiting += [bookmark.get(key) for key in ("/First", "/Next") if key in bookmark]
    return True


def _page_acts(page: DictionaryObject) -> bool:
    if _any_acting(page.get("/AA")):
        return True
    annotations = _resolved(page.get("/Annots")) or []
    for annotation in annotations:
        held = _dictionary(annotation)
        if _is_acting(held.get("/A")) or _any_acting(held.get("/AA")):
            return True
        if _resolved(held.get("/Subtype")) in _RICH_MEDIA:
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
    if _resolved(action.get("/S")) in _ACTING or depth > MAX_CHAIN:
        return True
    return _is_acting(action.get("/Next"), depth + 1)


def _dictionary(value: Any) -> DictionaryObject:
    found = _resolved(value)
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def _resolved(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value
