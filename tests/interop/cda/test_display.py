"""Showing documents that anybody may have written (SC.CDA/VISU.01, VISU.03, INT.15; security 10.2, 20)."""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from interop.cda.display import (
    DISPLAY_POLICY,
    attachments_of,
    display_cda,
    facts_of,
    html_of_cda,
    pdf_of_cda,
)
from interop.cda.display import narrative as narrative_module
from interop.cda.display.images import MAX_PIXELS, ImageFault, ImageRefused, data_url
from interop.cda.display.narrative import MAX_PAGE_IMAGE_BYTES, MAX_PAGE_IMAGES, Narrative
from interop.cda.display.rtf import rtf_text
from interop.cda.display.words import time_words
from interop.cda.n1 import build_cda_n1
from interop.cda.parse import parse_cda
from tests.interop.cda.samples import PDF, full_document, minimal_document
from tests.shared import ABSENT, SHARED

EXAMPLES = SHARED / "cisis" / "examples"
official = pytest.mark.skipif(not EXAMPLES.is_dir(), reason=ABSENT)

RTF = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 \b Conclusion\b0\par RAS \'e9t\'e9}"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 2, 2) + b"\x08\x02\x00\x00\x00"
ALLOWED_TAGS = frozenset(
    "html head meta title style body header h1 h2 h3 h4 h5 h6 dl dt dd div main section p ul ol li table "
    "caption thead tbody tfoot tr th td colgroup col span br sub sup small img".split()
)
SAFE_IMAGE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=]*")
ALLOWED_ATTRIBUTES = frozenset({"class", "lang", "charset", "colspan", "rowspan", "src", "alt"})


def structured(text: str, *, after: str = "", title: str = "Conclusion") -> bytes:
    """A structured document with one section of this narrative text and these entries."""
    made = build_cda_n1(minimal_document(), b"x", "text/plain").decode()
    section = f"<section><title>{title}</title><text>{text}</text>{after}</section>"
    body = f"<structuredBody><component>{section}</component></structuredBody>"
    start = made.index("<nonXMLBody>")
    end = made.index("</nonXMLBody>") + len("</nonXMLBody>")
    return (made[:start] + body + made[end:]).encode()


def media(name: str, content: bytes, media_type: str) -> str:
    value = f'<value mediaType="{media_type}" representation="B64">{b64encode(content).decode()}</value>'
    return f'<entry><observationMedia ID="{name}">{value}</observationMedia></entry>'


def shown(data: bytes) -> str:
    return html_of_cda(data).decode()


def main_of(data: bytes) -> str:
    page = shown(data)
    return page[page.index("<main>") : page.index("</main>")]


def assert_can_do_nothing(page: bytes) -> None:
    """Every element and attribute is of the closed list, and no address leads out."""
    root = etree.fromstring(page, etree.HTMLParser(encoding="utf-8"))
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    assert {element.tag for element in elements} <= ALLOWED_TAGS
    for element in elements:
        assert set(element.attrib) <= ALLOWED_ATTRIBUTES
        assert re.fullmatch(
            r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=]*", element.get("src", "data:image/png;base64,")
        )
    assert len(root.findall(".//style")) == 1


@official
@pytest.mark.requirement("SC.CDA/VISU.01")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.xml")), ids=lambda path: path.name)
def test_every_official_document_is_shown_whole_and_safe(path: Path) -> None:
    displayed = display_cda(path.read_bytes())
    document = displayed.document
    assert displayed.html or displayed.pdf
    facts = dict(displayed.facts)
    assert facts["Type"] and facts["Auteur"] and facts["Patient"] and facts["Structure"]
    assert document.patient.ins is None or document.patient.ins.matricule not in str(facts)
    if displayed.html is not None:
        assert_can_do_nothing(displayed.html)
        assert "contenu non affiché" not in displayed.html.decode()
        page = _text_of(etree.fromstring(displayed.html, etree.HTMLParser(encoding="utf-8")))
        assert [text for text in _narrative(path.read_bytes()) if text not in page] == []


def _narrative(data: bytes) -> list[str]:
    """Every piece of text of every narrative block: none may be lost."""
    root = etree.fromstring(data, etree.XMLParser(huge_tree=True))
    blocks = root.iterfind(".//{urn:hl7-org:v3}section/{urn:hl7-org:v3}text")
    return [" ".join(piece.split()) for block in blocks for piece in block.itertext("*")]


def _text_of(root: etree._Element) -> str:
    return " ".join(" ".join(root.itertext("*")).split())


@official
@pytest.mark.requirement("SC.CDA/VISU.03", "SC.CDA/DD.15")
@pytest.mark.parametrize(
    ("name", "has_pdf", "has_page"),
    [
        ("BIO-CR-BIO_2024.01_TSH_1.xml", True, True),
        ("eP-MED-DM_2024.01_PosoStruct.xml", True, True),
        ("LDL-SES_2022.01.xml", False, True),
        ("DOC_NON_STRUCTURE_CDA-R2-N1.xml", True, False),
        ("AUTOPRESENTABLE_LDL-EES_2022.01.xml", False, True),
    ],
)
def test_the_pdf_of_a_document_is_found_to_be_shown_first(name: str, has_pdf: bool, has_page: bool) -> None:
    data = (EXAMPLES / name).read_bytes()
    displayed = display_cda(data)
    assert (displayed.pdf is not None, displayed.html is not None) == (has_pdf, has_page)
    assert pdf_of_cda(data) == displayed.pdf
    assert displayed.pdf is None or displayed.pdf.startswith(b"%PDF-")


@official
def test_annexes_are_kept_apart_and_the_copy_is_none_of_them() -> None:
    data = (EXAMPLES / "BIO-CR-BIO_2024.01_CR-2nde-intention-PDF.xml").read_bytes()
    (annex,) = attachments_of(data)
    assert annex.section == "Compte rendu de laboratoire de seconde intention (PDF)"
    assert annex.content.startswith(b"%PDF-") and annex.content != pdf_of_cda(data)


@official
@pytest.mark.requirement("SC.CDA/INT.15")
def test_the_style_sheet_that_a_document_brings_is_never_run() -> None:
    data = (EXAMPLES / "AUTOPRESENTABLE_LDL-EES_2022.01.xml").read_bytes()
    planted = data.replace(b"</xsl:stylesheet>", b"<script>alert(1)</script></xsl:stylesheet>")
    referenced = (EXAMPLES / "CANCER-PPS_2022.01_feuille-de-style-externe.xml").read_bytes()
    referenced = referenced.replace(
        b"<?xml-stylesheet", b'<?xml-stylesheet href="file:///etc/passwd"?><?xml-stylesheet', 1
    )
    for hostile in (planted, referenced):
        page = html_of_cda(hostile)
        assert_can_do_nothing(page)
        assert b"alert" not in page and b"passwd" not in page


@pytest.mark.requirement("SC.CDA/INT.15")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>',
        '<paragraph onclick="alert(1)" style="background:url(http://evil.test/)">a</paragraph>',
        '<content styleCode="xss expression(alert(1))" class="evil" id="x">a</content>',
        '<linkHtml href="javascript:alert(1)">a</linkHtml>',
        '<table background="http://evil.test/x"><tbody><tr><td bgcolor="url(x)">a</td></tr></tbody></table>',
        '<img src="http://evil.test/x.png"/>',
        '<renderMultiMedia referencedObject="m"/>',
        '<iframe src="http://evil.test/"/><object data="x"/><embed src="x"/><base href="http://evil.test/"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        '<meta http-equiv="refresh" content="0;url=http://evil.test/"/>',
        "<style>body{background:url(http://evil.test/)}</style>",
        "<!-- --><?php echo 1 ?><paragraph>a</paragraph>",
    ],
)
def test_nothing_that_a_narrative_holds_acts(text: str) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    page = html_of_cda(structured(text, after=media("m", svg, "image/png")))
    assert_can_do_nothing(page)
    assert b"onload=" not in page


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=60))
def test_any_text_is_text(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\ufffe", "")
    escaped = "".join(char for char in escaped if char.isprintable())
    page = html_of_cda(structured(f"<paragraph>{escaped}</paragraph>", title=escaped))
    assert_can_do_nothing(page)


def test_the_policy_admits_the_style_of_the_page_and_nothing_else() -> None:
    assert DISPLAY_POLICY.startswith("sandbox; default-src 'none'")
    assert "unsafe" not in DISPLAY_POLICY and "http" not in DISPLAY_POLICY
    style = re.search(r"<style>(.*?)</style>", shown(structured("a")), re.DOTALL)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]


def test_layout_is_rebuilt_from_closed_lists() -> None:
    table = (
        '<table border="1"><caption>Légende</caption>'
        '<thead><tr><th colspan="2" align="center">T</th></tr></thead><tbody><tr><td rowspan="99999">a</td>'
        '<td styleCode="Bold Lrule">b<br/>c<sub>2</sub><sup>3</sup></td></tr></tbody></table>'
    )
    found = main_of(structured(table))
    assert '<th class="center" colspan="2">T</th>' in found
    assert '<td rowspan="1000">a</td>' in found
    assert '<td class="bold">b<br>c<sub>2</sub><sup>3</sup></td>' in found
    assert '<caption class="bold">Légende</caption>' in found
    listing = '<list listType="ordered"><caption>C</caption><item>un</item><item>deux</item></list>'
    assert '<p class="bold">C</p><ol><li>un</li><li>deux</li></ol>' in main_of(structured(listing))


def test_a_link_is_read_and_not_followed() -> None:
    found = main_of(structured('<linkHtml href="https://exemple.test/a">Voir</linkHtml>'))
    assert "<span>Voir (https://exemple.test/a)</span>" in found


def test_what_is_unknown_keeps_its_words_and_what_is_foreign_leaves_a_mark() -> None:
    found = main_of(structured('<nouveau>mot</nouveau><a xmlns="urn:x">caché</a>suite'))
    assert "mot[contenu non affiché]suite" in found and "caché" not in found


def test_a_section_that_is_only_coded_says_so() -> None:
    data = structured("").replace(b"<text></text>", b"")
    assert "Cette rubrique n’a pas de texte" in main_of(data)


def test_an_image_is_shown_by_its_own_bytes_even_when_no_text_names_it() -> None:
    named = structured('<renderMultiMedia referencedObject="m"/>', after=media("m", PNG, "image/jpeg"))
    lost = structured("a", after=media("m", PNG, "image/png"))
    for data in (named, lost):
        assert main_of(data).count('<img src="data:image/png;base64,') == 1
        assert attachments_of(data) == ()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ImageFault.TYPE),
        (b"<svg onload='x'/>", ImageFault.TYPE),
        (PNG[:12], ImageFault.TYPE),
        (b"\xff\xd8\xff\xe0\x00\x10", ImageFault.TYPE),
        (PNG[:16] + struct.pack(">II", 50_000, 50_000) + PNG[24:], ImageFault.PIXELS),
        (PNG[:16] + struct.pack(">II", 0, 5) + PNG[24:], ImageFault.PIXELS),
        (PNG + b"\0" * 21_000_000, ImageFault.SIZE),
    ],
)
def test_an_image_that_is_none_or_too_large_is_not_given_to_the_browser(content: bytes, fault) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImageRefused) as caught:
        data_url(content)
    assert caught.value.fault == fault
    data = structured('<renderMultiMedia referencedObject="m"/>', after=media("m", content, "image/png"))
    if len(content) < 1000:
        assert "<img" not in main_of(data) and "image non affichée" in main_of(data)


def test_an_image_named_again_and_again_does_not_make_the_page_grow_without_end() -> None:
    heavy = PNG + b"\0" * 4_000_000
    repeated = f'<renderMultiMedia referencedObject="{"m " * 200}"/>'
    found = main_of(structured(repeated, after=media("m", heavy, "image/png")))
    assert found.count("<img") == MAX_PAGE_IMAGE_BYTES // len(heavy)
    assert found.count("[image non affichée : le document en montre déjà trop]") == 1
    light = main_of(structured(repeated * 5, after=media("m", PNG, "image/png")))
    assert light.count("<img") == MAX_PAGE_IMAGES


@pytest.mark.parametrize(
    "piece",
    ['<u:a xmlns:u="urn:u"/>', "<zz>a</zz>", "<!-- a -->b", '<renderMultiMedia referencedObject="x"/>'],
)
def test_a_text_of_many_pieces_is_joined_once(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joined at each piece, 600 kB of them took a minute of a worker."""
    joined: list[int] = []
    append = narrative_module._append_text

    def counted(target: etree._Element, text: str) -> None:
        joined.append(len(text))
        append(target, text)

    monkeypatch.setattr(narrative_module, "_append_text", counted)
    main_of(structured(piece * 3000))
    assert len(joined) < 10


def test_the_order_of_words_elements_and_marks_is_kept() -> None:
    text = 'a<zz>b</zz><br/>c<content>d<u:a xmlns:u="urn:u"/><u:b xmlns:u="urn:u"/>e</content>f<zz>g</zz>'
    assert "<div>ab<br>c<span>d[contenu non affiché]e</span>fg</div>" in main_of(structured(text))


def test_many_sections_and_many_images_are_read_in_one_pass() -> None:
    """A page of n sections and n images is n steps: n by n would be minutes of a worker."""
    looked = []
    counted = Counting(looked, [(f"m{n}", SectionOf(n)) for n in range(300)])
    narrative = Narrative(counted)
    for _ in range(300):
        narrative.images_left(etree.Element("section"))
    assert len(looked) <= 2 * 300


class Counting(dict):  # type: ignore[type-arg]
    """Media whose every look is counted."""

    def __init__(self, looked: list[str], rows: list[tuple[str, object]]) -> None:
        super().__init__(rows)
        self.looked = looked

    def items(self):  # type: ignore[no-untyped-def]
        for name, medium in super().items():
            self.looked.append(name)
            yield name, medium


class SectionOf:
    """An image of a section of its own."""

    is_image = True

    def __init__(self, number: int) -> None:
        self.section_element = etree.Element("section", number=str(number))


def test_the_dimensions_of_a_jpeg_are_read_past_its_other_segments() -> None:
    head = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc4\x00\x04cd\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 3, 4)
    assert data_url(head).startswith("data:image/jpeg;base64,")
    huge = head[:-4] + struct.pack(">HH", 65_000, 65_000)
    with pytest.raises(ImageRefused):
        data_url(huge)
    assert 65_000 * 65_000 > MAX_PIXELS


@pytest.mark.requirement("SC.CDA/VISU.01")
@pytest.mark.parametrize(
    ("content", "media_type", "expected"),
    [
        ("Été\nhiver <b>".encode(), "text/plain", "Été\nhiver &lt;b&gt;"),
        ("Été".encode("cp1252"), "text/plain", "Été"),
        (
            rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 \b Conclusion\b0\par RAS \'e9t\'e9}",
            "text/rtf",
            "Conclusion\nRAS été",
        ),
        (PNG, "image/jpeg", '<img src="data:image/png;base64,'),
        (b"II*\x00", "image/tiff", "ne peut pas être affiché ici"),
        (PDF, "application/pdf", "ne peut pas être affiché ici"),
    ],
)
def test_each_unstructured_body_is_shown_as_what_it_is(
    content: bytes, media_type: str, expected: str
) -> None:
    data = build_cda_n1(minimal_document(), content, media_type)
    assert expected in main_of(data)
    assert_can_do_nothing(html_of_cda(data))
    assert pdf_of_cda(data) == (content if media_type == "application/pdf" else None)


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (rb"{\rtf1 a\line b\tab c}", "a\nb\tc"),
        (rb"{\rtf1{\*\generator Word;}\uc1\u233?t\u233\'e9}", "été"),
        (rb"{\rtf1{\pict 0102}{\info{\author X}}vu \{ok\} \\}", "vu {ok} \\"),
        (rb"{\rtf1 {\field{\*\fldinst HYPERLINK http://evil.test}{\fldrslt lien}}}", "lien"),
        (rb"{\rtf1 \u-10179?\u-8704?\u0?fin}", "\ufffd\ufffd\ufffdfin"),
        (b"", ""),
        (b"}}}{{{", ""),
    ],
)
def test_the_text_of_a_rtf_is_read_and_nothing_of_it_obeyed(rtf: bytes, text: str) -> None:
    assert rtf_text(rtf) == text


@given(st.binary(max_size=200))
def test_no_rtf_breaks_the_reader(content: bytes) -> None:
    data = build_cda_n1(minimal_document(), b"{\\rtf1" + content, "text/rtf")
    assert_can_do_nothing(html_of_cda(data))


@pytest.mark.requirement("SC.CDA/VISU.01")
def test_the_facts_of_a_header_are_readable() -> None:
    facts = dict(facts_of(parse_cda(build_cda_n1(full_document(), PDF))))
    assert facts["Auteur"].startswith("Dr DAVID Charles, Médecin")
    assert facts["Responsable"].startswith("Pr AUGUIN Léone")
    assert facts["Date de l’acte"] == "du 02/03/2026 à 10:17 au 09/07/2026 à 13:30"
    assert facts["Patient"] == "PAT-TROIS DOMINIQUE"
    assert facts["Nom et prénom utilisés"] == "D'ARTAGNAN Camille"
    assert facts["Né(e) le"] == "28/03/1979"
    assert facts["INS"] == "présente (NIR)"
    assert (facts["Version"], facts["Remplace"]) == ("2", "1.2.250.1.999.1.1.41")
    assert facts["Lieu"].startswith("Médecine interne, ")
    assert facts["Structure"] == "Centre hospitalier de démonstration"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026", "2026"),
        ("202603", "03/2026"),
        ("20260305", "05/03/2026"),
        ("2026030510", "05/03/2026 à 10:00"),
        ("20260305101700+0100", "05/03/2026 à 10:17"),
        ("20260305101700.5-0400", "05/03/2026 à 10:17"),
        ("hier", "hier"),
        ("", ""),
    ],
)
def test_a_time_is_said_as_its_writer_meant_it(text: str, words: str) -> None:
    assert time_words(text) == words
