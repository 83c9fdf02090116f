"""From HTML to PDF/A-1b, with embedded fonts and nothing fetched from outside.

Source: DSR 3.2.1 (PDF/A-1 copy of every produced document), dependencies section 5. WeasyPrint
writes the file; the finisher rewrites the XMP packet, because PDF/A-1 validators want each
namespace declared on its own `rdf:Description`.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from django.conf import settings

from audit.errors import ApplicationError

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

# Pango's font map belongs to one thread at a time; printing is bound by the interpreter's lock anyway.
_PRINTING = threading.Lock()

PDF_VARIANT = "pdf/a-1b"
STYLESHEET = Path(__file__).with_name("print.css")
REPLACEMENT = "?"

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 pdfaid:part="1" pdfaid:conformance="B"/>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" pdf:Producer="{producer}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


class PrintingUnavailable(ApplicationError):
    """Pango or the font is missing on this machine: nothing can be printed nor validated."""

    def __init__(self) -> None:
        super().__init__(
            "La production de PDF est indisponible sur ce serveur (bibliothèque Pango ou police absente). "
            "Votre brouillon est conservé ; prévenez l’administrateur technique.",
            code="printing_unavailable",
        )


@cache
def _covered_characters() -> frozenset[int]:
    """Code points of the print font, regular and bold."""
    from fontTools.ttLib import TTFont

    covered: set[int] | None = None
    for path in settings.PRINT_FONTS:
        try:
            with TTFont(path, lazy=True) as font:
                points = set(font.getBestCmap())
        except OSError as error:
            raise PrintingUnavailable() from error
        covered = points if covered is None else covered & points
    return frozenset(covered or ())


def printable(text: str) -> str:
    """`text` in NFC, where a character that the font lacks becomes `?`: a PDF/A has no blank glyph."""
    covered = _covered_characters()
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        character if ord(character) in covered or character in "\n\r\t" else REPLACEMENT
        for character in composed
    )


@lru_cache(maxsize=1)
def _stylesheet(modified: float) -> CSS:
    from weasyprint import CSS

    return CSS(string=STYLESHEET.read_text("utf-8"))


@cache
def _fonts() -> FontConfiguration:
    """The fonts of the system, read once: a configuration of its own for each page is never freed whole."""
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


def _refuse_fetch(url: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Nothing is read from a file or the network while printing (spec security 10.8)."""
    raise ValueError("fetch refused while printing")


def html_to_pdf(html: str, *, title: str, author: str) -> bytes:
    """Print `html`, already escaped and made printable, as PDF/A-1b bytes.

    Raises PrintingUnavailable when the system library or the font is missing.
    """
    try:
        from weasyprint import HTML
    except OSError as error:
        raise PrintingUnavailable() from error
    document = HTML(string=html, url_fetcher=_refuse_fetch)
    with _PRINTING:
        content: bytes = document.write_pdf(
            stylesheets=[_stylesheet(STYLESHEET.stat().st_mtime)],
            pdf_variant=PDF_VARIANT,
            finisher=_XmpFinisher(title=title, author=author),
            font_config=_fonts(),
        )
    return content


class _XmpFinisher:
    """Replaces the XMP packet by one whose values equal those of the Info dictionary."""

    def __init__(self, *, title: str, author: str) -> None:
        self.title = title
        self.author = author

    def __call__(self, document: Any, pdf: Any) -> None:
        producer = _pdf_text(pdf.info.get("Producer"))
        packet = XMP.format(
            title=escape(self.title),
            author=escape(self.author),
            producer=escape(producer, {'"': "&quot;"}),
        )
        for item in pdf.objects:
            if getattr(item, "extra", {}).get("Type") == "/Metadata":
                item.stream = [packet.encode("utf-8")]


def _pdf_text(value: Any) -> str:
    """The text of a pydyf string, or of none."""
    return str(getattr(value, "string", value or ""))
