"""A PDF of one or more pages of text: the standard fonts of every reader, no image, no script."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

_LINES_OF_PAGE: Final = 52
_CHARACTERS_OF_LINE: Final = 92
_LEFT, _TOP, _LEADING = 56, 786, 14


def build_pdf(title: str, lines: Sequence[str]) -> bytes:
    """Return a PDF 1.4: a title, then lines that are wrapped; the same bytes for the same text."""
    wrapped = [part for line in lines for part in (wrap(line, _CHARACTERS_OF_LINE) or [""])]
    pages = [wrapped[start : start + _LINES_OF_PAGE] for start in range(0, len(wrapped), _LINES_OF_PAGE)]
    pages = pages or [[]]
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        content = _content(title if number == 0 else f"{title} (suite)", page)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R "
            b"/F2 4 0 R >> >> /Contents " + str(6 + 2 * number).encode() + b" 0 R >>"
        )
        length = str(len(content)).encode()
        objects.append(b"<< /Length " + length + b" >>\nstream\n" + content + b"\nendstream")
    return _file(objects)


def _content(title: str, lines: Sequence[str]) -> bytes:
    parts = [b"BT", f"/F2 14 Tf {_LEFT} {_TOP} Td".encode(), b"(" + _escaped(title) + b") Tj"]
    parts.append(f"/F1 10 Tf {_LEADING} TL T*".encode())
    parts += [b"T* (" + _escaped(line) + b") Tj" for line in lines]
    return b"\n".join([*parts, b"ET"])


def _escaped(text: str) -> bytes:
    """Text in the encoding of the fonts; what it lacks becomes a question mark."""
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: Sequence[bytes]) -> bytes:
    body = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    body += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    body += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(body)
