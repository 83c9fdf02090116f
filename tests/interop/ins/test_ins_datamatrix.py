"""The INS datamatrix: worked examples, reading, symbol (SC.CDA/VISU.04; ins.md 14)."""

import re
from dataclasses import replace
from datetime import date
from io import BytesIO

import pikepdf
import pytest
import weasyprint
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from interop.ins.codes import (
    INS_NIR_DEMO_OID,
    INS_NIR_OID,
    INS_NIR_TEST_OID,
    PRODUCTION_INS_OIDS,
    TEST_INS_OIDS,
)
from interop.ins.datamatrix import (
    GROUP_SEPARATOR,
    HEADER,
    LEGEND,
    DatamatrixError,
    Scan,
    ScanProblem,
    ScanRefused,
    build_payload,
    build_svg,
    datamatrix_modules,
    parse_payload,
    scan_problems,
)
from interop.ins.key import Ins, nir_key
from interop.ins.traits import Sex, StrictTraits
from interop.xml import parse_xml

GS = "\x1d"
DOMINIQUE = StrictTraits(
    "PAT-TROIS", "DOMINIQUE MARIE-LOUISE", "DOMINIQUE", date(1979, 3, 28), Sex.FEMALE, "51215"
)
DOMINIQUE_INS = Ins("279035121518989", INS_NIR_TEST_OID)
DOMINIQUE_PAYLOAD = (
    "IS010000000000000000000000S1279035121518989S21.2.250.1.213.1.4.10S3DOMINIQUE MARIE-LOUISE\x1d"
    "S4PAT-TROIS\x1dS5FS628-03-1979S751215"
)
CORSICAN = StrictTraits("ADRTROIS", "DOMINIQUE", "DOMINIQUE", date(1997, 2, 26), Sex.FEMALE, "2A020")
CORSICAN_INS = Ins("297022A02077878", INS_NIR_OID)
CORSICAN_PAYLOAD = (
    "IS010000000000000000000000S1297022A02077878S21.2.250.1.213.1.4.8\x1dS3DOMINIQUE\x1d"
    "S4ADRTROIS\x1dS5FS626-02-1997S72A020"
)

names = st.from_regex(r"\A[A-Z]{1,20}((-| |')[A-Z]{1,20}){0,3}\Z")


def rasterize(svg: str, scale: int = 4) -> Image.Image:
    """Draw the rectangles of the paths, as a printer would."""
    root = parse_xml(svg.encode())
    side = int(root.get("viewBox").split()[2])
    image = Image.new("L", (side * scale, side * scale), 128)
    draw = ImageDraw.Draw(image)
    for path in root:
        colour = {"#ffffff": 255, "#000000": 0}[path.get("fill")]
        for x, y, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", path.get("d")):
            left, top = int(x) * scale, int(y) * scale
            draw.rectangle(
                (left, top, left + int(width) * scale - 1, top + int(height) * scale - 1), fill=colour
            )
    return image


def decode(svg: str) -> bytes:
    (found,) = zxingcpp.read_barcodes(rasterize(svg), formats=zxingcpp.BarcodeFormat.DataMatrix)
    return found.bytes


@pytest.mark.requirement("SC.CDA/VISU.04")
def test_the_payloads_of_the_official_examples_are_exact() -> None:
    assert build_payload(DOMINIQUE, DOMINIQUE_INS) == DOMINIQUE_PAYLOAD
    assert len(DOMINIQUE_PAYLOAD) == 124
    assert build_payload(CORSICAN, CORSICAN_INS) == CORSICAN_PAYLOAD
    assert len(CORSICAN_PAYLOAD) == 110


def test_a_field_at_its_maximum_has_no_separator() -> None:
    long = replace(DOMINIQUE, birth_name="A" * 100, birth_given_names="B" * 100)
    payload = build_payload(long, DOMINIQUE_INS)
    assert GS not in payload
    assert parse_payload(payload).birth_name == "A" * 100


def test_the_last_block_has_no_separator_when_the_place_is_unknown() -> None:
    payload = build_payload(replace(DOMINIQUE, birth_place_cog=""), DOMINIQUE_INS)
    assert payload.endswith("S628-03-1979")
    assert parse_payload(payload).birth_place_cog == ""


def test_the_names_are_put_in_the_lexical_profile() -> None:
    accented = replace(DOMINIQUE, birth_name="Pât-Trois", birth_given_names="Dominique Marie-Louise")
    assert build_payload(accented, DOMINIQUE_INS) == DOMINIQUE_PAYLOAD


@pytest.mark.requirement("SC.CDA/VISU.04")
@pytest.mark.parametrize(
    ("traits", "ins"),
    [
        (replace(DOMINIQUE, sex=Sex.UNDETERMINED), DOMINIQUE_INS),
        (replace(DOMINIQUE, birth_name="PAT3"), DOMINIQUE_INS),
        (replace(DOMINIQUE, birth_given_names=""), DOMINIQUE_INS),
        (replace(DOMINIQUE, birth_place_cog="Paris"), DOMINIQUE_INS),
        (DOMINIQUE, replace(DOMINIQUE_INS, matricule="")),
        (DOMINIQUE, replace(DOMINIQUE_INS, oid="1.2.250.1.213.1.4.2")),
    ],
)
def test_an_identity_that_cannot_be_written_is_refused(traits: StrictTraits, ins: Ins) -> None:
    with pytest.raises(DatamatrixError):
        build_payload(traits, ins)


def test_a_test_identity_gets_no_datamatrix_in_production() -> None:
    with pytest.raises(DatamatrixError):
        build_payload(DOMINIQUE, DOMINIQUE_INS, allowed_oids=PRODUCTION_INS_OIDS)


@pytest.mark.requirement("SC.CDA/VISU.04")
@pytest.mark.parametrize("payload", [DOMINIQUE_PAYLOAD, CORSICAN_PAYLOAD])
def test_the_printed_symbol_is_read_back_byte_for_byte(payload: str) -> None:
    assert decode(build_svg(payload)) == payload.encode("ascii")


def test_the_longest_identity_is_read_back_byte_for_byte() -> None:
    long = replace(CORSICAN, birth_name="A" * 99, birth_given_names="B" * 49 + " " + "C" * 49)
    payload = build_payload(long, CORSICAN_INS)
    assert decode(build_svg(payload)) == payload.encode("ascii")


@settings(max_examples=25, deadline=None)
@given(names, names, st.dates(date(1880, 1, 1), date(2100, 1, 1)), st.sampled_from("MF"), st.booleans())
def test_any_identity_survives_the_round_trip(
    birth_name: str, given_names: str, born: date, sex: str, with_place: bool
) -> None:
    number = f"{'1' if sex == 'M' else '2'}{born:%y%m}63220123"
    ins = Ins(number + nir_key(number), INS_NIR_DEMO_OID)
    traits = StrictTraits(birth_name, given_names, given_names, born, Sex(sex), "99134" if with_place else "")
    scan = parse_payload(decode(build_svg(build_payload(traits, ins))))
    assert scan == Scan(ins, given_names, birth_name, traits.sex, born, traits.birth_place_cog)
    assert scan_problems(scan, allowed_oids=frozenset({INS_NIR_DEMO_OID})) == ()


def test_the_symbol_is_square_opaque_and_has_two_quiet_modules() -> None:
    svg = build_svg(DOMINIQUE_PAYLOAD, module_mm=0.4)
    rows = datamatrix_modules(DOMINIQUE_PAYLOAD)
    side = len(rows) + 4
    assert {len(row) for row in rows} == {len(rows)}
    root = parse_xml(svg.encode())
    assert root.get("viewBox") == f"0 0 {side} {side}"
    assert root.get("width") == root.get("height") == f"{side * 0.4:.2f}mm"
    assert root.get("shape-rendering") == "crispEdges"
    assert not re.search(r"opacity|rgba|gradient|filter|mask|style|image", svg)
    image = rasterize(svg, scale=1)
    border = [image.getpixel((x, y)) for x in range(side) for y in range(side) if min(x, y) < 2]
    assert set(border) == {255}
    assert [
        [1 - image.getpixel((x, y)) // 255 for x in range(2, side - 2)] for y in range(2, side - 2)
    ] == rows


def test_blocks_are_read_in_any_order() -> None:
    blocks = ["S751215", "S4PAT-TROIS" + GS, "S628-03-1979", "S1279035121518989", "S5F"]
    text = HEADER + "".join(blocks) + "S3DOMINIQUE MARIE-LOUISE" + GS + "S21.2.250.1.213.1.4.10"
    assert parse_payload(text) == parse_payload(DOMINIQUE_PAYLOAD)


@pytest.mark.parametrize(
    "scanned",
    [
        DOMINIQUE_PAYLOAD.replace(GROUP_SEPARATOR, "<GS>"),
        DOMINIQUE_PAYLOAD.encode(),
        DOMINIQUE_PAYLOAD + "\r\n",
        DOMINIQUE_PAYLOAD + GS,
        DOMINIQUE_PAYLOAD.replace("1.4.10S3", "1.4.10" + GS + "S3"),
    ],
)
def test_what_keyboards_and_readers_yield_is_read(scanned: bytes | str) -> None:
    scan = parse_payload(scanned)
    assert scan == Scan(
        DOMINIQUE_INS, "DOMINIQUE MARIE-LOUISE", "PAT-TROIS", Sex.FEMALE, date(1979, 3, 28), "51215"
    )


@pytest.mark.parametrize(
    "scanned",
    [
        "",
        "3401597100321",
        HEADER,
        b"\xff\xfe",
        DOMINIQUE_PAYLOAD[1:],
        DOMINIQUE_PAYLOAD[:-1],
        DOMINIQUE_PAYLOAD + "S5F",
        DOMINIQUE_PAYLOAD + "X1",
        DOMINIQUE_PAYLOAD.replace("S5F", ""),
        DOMINIQUE_PAYLOAD.replace("S5F", "S5I"),
        DOMINIQUE_PAYLOAD.replace("S4PAT-TROIS", "S4"),
        DOMINIQUE_PAYLOAD.replace("28-03-1979", "30-02-1979"),
        DOMINIQUE_PAYLOAD.replace("28-03-1979", "1979-03-28"),
        DOMINIQUE_PAYLOAD.replace(GROUP_SEPARATOR, ""),
    ],
)
def test_what_is_not_an_ins_datamatrix_is_refused_in_french(scanned: bytes | str) -> None:
    with pytest.raises(ScanRefused, match=r"datamatrix INS|Datamatrix INS"):
        parse_payload(scanned)


def test_a_scan_with_a_false_key_or_a_foreign_authority_is_not_used() -> None:
    wrong = parse_payload(DOMINIQUE_PAYLOAD.replace("279035121518989", "279035121518988"))
    assert scan_problems(wrong, allowed_oids=TEST_INS_OIDS) == (ScanProblem.MATRICULE_KEY,)
    assert scan_problems(wrong, allowed_oids=PRODUCTION_INS_OIDS) == (
        ScanProblem.MATRICULE_KEY,
        ScanProblem.OID_NOT_ALLOWED,
    )
    shapeless = parse_payload(DOMINIQUE_PAYLOAD.replace("279035121518989", "9" * 15))
    assert scan_problems(shapeless, allowed_oids=TEST_INS_OIDS) == (ScanProblem.MATRICULE_FORM,)
    # A published vector whose authority has 20 characters and no separator, its numbers being invented.
    invented = parse_payload(HEADER + "S1123549685274612S225978456325481569525S3TEST1 TEST2 TEST" + GS
                             + "S4DATAMATRIXTEST" + GS + "S5MS631-08-2021S717000")  # fmt: skip
    assert invented.ins == Ins("123549685274612", "25978456325481569525")
    assert ScanProblem.OID_NOT_ALLOWED in scan_problems(invented, allowed_oids=TEST_INS_OIDS)


@pytest.mark.requirement("SC.CDA/VISU.04")
def test_the_symbol_stays_opaque_vector_drawing_in_a_pdf_a() -> None:
    page = f"<html lang='fr'><title>INS</title><body>{build_svg(DOMINIQUE_PAYLOAD)}<p>{LEGEND}</p>"
    pdf = weasyprint.HTML(string=page).write_pdf(pdf_variant="pdf/a-1b")
    with pikepdf.open(BytesIO(pdf)) as document:
        drawn = b"".join(page.Contents.read_bytes() for page in document.pages)
        for item in document.objects:
            if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
                assert "/SMask" not in item
                assert item.get("/ca", 1) == item.get("/CA", 1) == 1
                assert item.get("/Subtype") != "/Image"
    assert drawn.count(b" re") + drawn.count(b" l") > 100
