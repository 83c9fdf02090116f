"""The PDF of a document that came without one (mssante 1.5; ECO.2.1.5)."""

import io
from dataclasses import replace

import pikepdf
import pypdf
import pytest

from interop.cda.parse import parse_cda
from pfi import pdf_copy
from pfi.pdf_copy import can_be_copied, pdf_copy_of
from tests.documents.arrivals import arriving
from tests.interop.cda.official import EXAMPLES, needs_official_data
from ui.printing import PrintingUnavailable

TEXT = b'<text mediaType="text/plain" representation="TXT">%s</text>'


def with_body(text):
    """A document whose body is a text, as another software writes it."""
    content = arriving()
    start, end = content.index(b"<text mediaType"), content.index(b"</text>") + len(b"</text>")
    return content[:start] + TEXT % text.encode() + content[end:]


def copy_of(content):
    return pdf_copy_of(parse_cda(content), content)


def words_of(pdf):
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def is_pdf_a(pdf):
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        metadata = opened.open_metadata()
        fonts = [
            found
            for found in opened.objects
            if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/FontDescriptor"
        ]
        assert fonts
        assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
        return (metadata.get("pdfaid:part"), metadata.get("pdfaid:conformance")) == ("1", "B")


@pytest.mark.requirement("MSS/va1.23")
def test_a_text_without_pdf_is_printed_with_its_header():
    content = with_body("Température ≥ 38,5 °C, à revoir sous 48 h.")
    assert can_be_copied(parse_cda(content), content)
    pdf = copy_of(content)
    assert is_pdf_a(pdf)
    assert "Température ≥ 38,5 °C, à revoir sous 48 h." in words_of(pdf)
    assert "PAT-TROIS" in words_of(pdf)


@pytest.mark.requirement("MSS/va1.23")
def test_the_pdf_inside_the_document_is_the_copy_itself():
    content = arriving()
    assert copy_of(content) == parse_cda(content).body.pdf


@needs_official_data
def test_official_documents_without_pdf_are_printed_or_said_to_have_no_copy():
    printed = refused = 0
    for path in sorted(EXAMPLES.glob("**/*.xml")):
        content = path.read_bytes()
        if b"<structuredBody" not in content or len(content) > 150_000:
            continue
        cda = parse_cda(content)
        if cda.body.pdf:
            continue
        if not can_be_copied(cda, content):
            assert copy_of(content) == b""
            refused += 1
        elif printed < 3:
            assert is_pdf_a(copy_of(content)), path.name
            printed += 1
    assert printed == 3
    assert refused


@needs_official_data
def test_a_table_of_nine_columns_stays_on_the_sheet():
    (path,) = EXAMPLES.glob("**/AUTOPRESENTABLE_LDL-EES_2022.01.xml")
    edges = []
    for page in pypdf.PdfReader(io.BytesIO(copy_of(path.read_bytes()))).pages:
        page.extract_text(
            visitor_text=lambda text, cm, tm, font, size: (
                edges.append(tm[4] * cm[0] + cm[4]) if text.strip() else None
            )
        )
    width, margin = 595, 48  # A4, 17 mm
    assert edges
    assert max(edges) < width - margin - 20


@needs_official_data
def test_a_table_too_wide_for_a_sheet_is_not_cut():
    (path,) = EXAMPLES.glob("**/AUTOPRESENTABLE_LDL-EES_2022.01.xml")
    content = path.read_bytes()
    start = content.index(b"</th>") + len(b"</th>")
    wide = content[:start] + b"<th>Colonne</th>" * 12 + content[start:]
    assert can_be_copied(parse_cda(content), content)
    assert not can_be_copied(parse_cda(wide), wide)


@pytest.mark.parametrize("text", ["Voir 𓀀 ici", "漢字"])
def test_what_the_font_lacks_is_not_left_out_in_silence(text):
    content = with_body(text)
    assert not can_be_copied(parse_cda(content), content)
    assert copy_of(content) == b""


def test_a_server_that_cannot_print_sends_the_archive_alone(monkeypatch, caplog):
    def fails(*args, **kwargs):
        raise PrintingUnavailable()

    content = with_body("Bonjour")
    monkeypatch.setattr(pdf_copy, "html_to_pdf", fails)
    assert copy_of(content) == b""
    assert "pfi.mail.not_printed" in caplog.text
    monkeypatch.setattr(pdf_copy, "printable", fails)
    assert not can_be_copied(parse_cda(content), content)


def test_a_body_that_cannot_be_shown_has_no_copy():
    content = with_body("x").replace(b"text/plain", b"application/x-unknown")
    assert not can_be_copied(parse_cda(content), content)


def test_an_author_without_structure_is_no_obstacle():
    content = with_body("Bonjour")
    cda = parse_cda(content)
    assert pdf_copy_of(replace(cda, authors=()), content).startswith(b"%PDF")
