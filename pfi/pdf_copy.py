"""The PDF that leaves beside the archive: the one inside the CDA, else one printed from it (mssante 1.5).

A CDA of another software may hold no PDF. Its page is then printed by the one presentation of this product,
header and narrative, as PDF/A-1; where that would not be faithful there is no copy, and the order says so.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from typing import Final

from interop.cda.display.page import UNREADABLE_MARK, html_of_cda
from interop.cda.parsed import ParsedCda
from ui.printing import PrintingUnavailable, html_to_pdf, printable

logger = logging.getLogger(__name__)

NO_COPY: Final = "Document sans PDF et qui ne s’imprime pas fidèlement : le courriel part sans copie PDF"
# The page names fonts of screens: paper has one family, the one whose characters were looked at. A wide
# table must not run over the edge of the sheet.
_FOR_PAPER: Final = """<style>
body { padding: 0; font-size: 9.5pt } body, body * { font-family: "DejaVu Sans" !important }
table { font-size: 7.5pt } th, td { padding: 1pt 2pt; overflow-wrap: break-word }
</style></head>"""


_CELL: Final = re.compile(r"<t[dh][ >]")
MAX_COLUMNS: Final = 12
"""A wider table would run over the edge of a sheet."""


def pdf_copy_of(cda: ParsedCda, content: bytes) -> bytes:
    """The copy of a document, empty where there can be none.

    Raises XmlRefused or CdaRefused for a document that cannot be read.
    """
    if cda.body.pdf:
        return cda.body.pdf
    try:
        page = _page_to_print(content)
        return html_to_pdf(page, title=cda.title, author=_author(cda)) if page else b""
    except PrintingUnavailable:
        logger.exception("pfi.mail.not_printed")
        return b""


def can_be_copied(cda: ParsedCda, content: bytes) -> bool:
    """Whether a mail of this document will have its copy; nothing is printed."""
    try:
        return bool(cda.body.pdf or _page_to_print(content))
    except PrintingUnavailable:
        return False


def _page_to_print(content: bytes) -> str:
    """The page of a document; empty when paper would not say all of it.

    An image may be transparent, which PDF/A-1 forbids; a body that we cannot read, a character that the
    font lacks, the last columns of a very wide table would be lost.
    """
    page = unicodedata.normalize("NFC", html_of_cda(content).decode("utf-8"))
    fits = all(len(_CELL.findall(row)) <= MAX_COLUMNS for row in page.split("<tr"))
    is_whole = fits and "<img" not in page and UNREADABLE_MARK not in page and printable(page) == page
    return page.replace("</head>", _FOR_PAPER, 1) if is_whole else ""


def _author(cda: ParsedCda) -> str:
    author = cda.authors[0] if cda.authors else None
    return author.organization.name if author is not None and author.organization is not None else ""
