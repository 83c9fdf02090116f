"""Paper and CDA of one snapshot: same content, PDF/A-1b, INS only when qualified."""

import io
import re
import subprocess
from base64 import b64decode
from pathlib import Path

import pikepdf
import pypdf
import pytest
import zxingcpp
from lxml import etree
from PIL import Image

from documents.checking import findings_of
from documents.rendering import (
    DatamatrixImpossible,
    Renderings,
    html_from_snapshot,
    pdf_from_snapshot,
    renderings_build,
)
from interop.ins.datamatrix import parse_payload
from tests.documents.snapshots import letter, unqualified_letter
from ui.printing import printable

HL7 = {"c": "urn:hl7-org:v3"}


@pytest.fixture(scope="module")
def renderings() -> Renderings:
    return renderings_build(letter())


def _text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def _image(pdf: bytes, folder: Path) -> Image.Image:
    (folder / "page.pdf").write_bytes(pdf)
    subprocess.run(
        ["pdftoppm", "-r", "200", "-f", "1", "-l", "1", "-png", "-singlefile", "page.pdf", "page"],
        cwd=folder,
        check=True,
    )
    return Image.open(folder / "page.png")


@pytest.mark.requirement("SC.CDA/DD.02")
def test_the_cda_holds_the_very_pdf_that_is_printed(renderings):
    root = etree.fromstring(renderings.cda)
    assert b64decode(root.findtext(".//c:nonXMLBody/c:text", namespaces=HL7)) == renderings.pdf
    assert findings_of(letter(), renderings) == []


@pytest.mark.requirement("SC.CDA/DD.02")
def test_title_date_patient_and_author_are_the_same_on_paper_and_in_the_cda(renderings):
    root = etree.fromstring(renderings.cda)
    text = _text(renderings.pdf)
    for path in ("c:title", ".//c:patient/c:name/c:family", ".//c:assignedPerson/c:name/c:family"):
        assert root.findtext(path, namespaces=HL7) in text
    assert root.find("c:effectiveTime", HL7).get("value") == "20260308143200+0100"
    assert "08/03/2026" in text


def test_the_same_snapshot_always_gives_the_same_bytes(renderings):
    assert renderings_build(letter()) == renderings


@pytest.mark.requirement("SC.CDA/VISU.04")
def test_the_datamatrix_of_a_qualified_identity_decodes_to_the_traits_of_the_cda(renderings, tmp_path):
    found = zxingcpp.read_barcodes(
        _image(renderings.pdf, tmp_path), formats=zxingcpp.BarcodeFormat.DataMatrix
    )
    scan = parse_payload(found[0].bytes)
    patient = letter()["patient"]
    assert (scan.ins.matricule, scan.ins.oid) == (patient["ins"], patient["ins_oid"])
    assert (scan.birth_name, scan.birth_given_names) == ("PAT-TROIS", "DOMINIQUE")
    assert (scan.birth_date.isoformat(), scan.birth_place_cog) == (patient["birth_date"], "63220")
    assert "INS à scanner" in _text(renderings.pdf)


@pytest.mark.requirement("SC.CDA/VISU.04")
def test_an_identity_that_is_not_qualified_has_neither_datamatrix_nor_matricule(tmp_path):
    built = renderings_build(unqualified_letter())
    text = _text(built.pdf)
    assert "INS à scanner" not in text
    assert "279035121518989" not in re.sub(r"\s", "", text)
    assert "Identité validée" in text
    assert not zxingcpp.read_barcodes(_image(built.pdf, tmp_path))
    assert b"1.2.250.1.213.1.4." not in built.cda


def test_a_qualified_identity_that_no_datamatrix_can_hold_is_refused_with_words():
    with pytest.raises(DatamatrixImpossible) as refused:
        renderings_build(letter(patient={"sex": "I"}))
    assert "identitovigilance" in refused.value.message


def test_what_the_writer_typed_is_shown_as_text_never_as_markup():
    html = html_from_snapshot(letter(body={"motif": "<script>alert(1)</script> & <b>gras</b>"}))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_character_without_glyph_is_replaced_and_accents_are_composed():
    assert printable("cafe\u0301 \ue000 œ ≥ α") == "café ? œ ≥ α"


def test_a_draft_says_that_it_is_not_validated():
    assert "n’est pas validé" in _text(pdf_from_snapshot(letter(), is_draft=True))


def test_a_long_letter_repeats_the_identity_on_each_page():
    pdf = pdf_from_snapshot(letter(body={"synthese": "Paragraphe du séjour.\n" * 120}))
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    assert len(pages) >= 3
    assert all("PAT-TROIS" in page and "28/03/1979" in page for page in pages)


def test_the_pdf_keeps_the_rules_of_pdfa_that_can_be_read_without_a_validator(renderings):
    with pikepdf.open(io.BytesIO(renderings.pdf)) as pdf:
        assert pdf.pdf_version == "1.4"
        assert not pdf.is_encrypted
        assert "/OutputIntents" in pdf.Root
        assert pdf.open_metadata().get("pdfaid:part") == "1"
        assert pdf.open_metadata().get("pdfaid:conformance") == "B"
        for found in pdf.objects:
            if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/FontDescriptor":
                assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(found.keys())
            if isinstance(found, (pikepdf.Dictionary, pikepdf.Stream)):
                assert "/SMask" not in found
                assert found.get("/CA", 1) == 1 and found.get("/ca", 1) == 1
