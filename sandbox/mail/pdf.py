"""A page of text as a PDF, written by hand: what a doctor in town joins to a letter."""

from collections.abc import Sequence
from typing import Final

_LINE_HEIGHT: Final = 18
_MAX_LINES: Final = 40


def text_pdf(title: str, lines: Sequence[str]) -> bytes:
    """Return a PDF of one page: a title and lines of text, in Helvetica."""
    shown = [f"BT /F1 16 Tf 60 780 Td {_text(title)} Tj ET"]
    for number, line in enumerate(lines[:_MAX_LINES]):
        shown.append(f"BT /F1 11 Tf 60 {745 - number * _LINE_HEIGHT} Td {_text(line)} Tj ET")
    stream = "\n".join(shown).encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % place for place in places)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(document)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"({escaped})"
