"""The coded discharge letter: the whole table of the model, its narrative, its PDF (cda.md 7.1)."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from interop.cda import codes
from interop.cda.datatypes import Code
from interop.cda.ldl_ses import codes as ldl
from interop.cda.ldl_ses.model import Absence, Treatment
from interop.cda.n1 import build_cda_n1
from interop.cda.n3 import build_cda_n3
from interop.cda.parse import parse_cda
from interop.cda.parsed import BodyKind
from interop.ins.datamatrix import build_payload, parse_payload
from interop.ins.traits import ReceivedTraits, hl7_date
from interop.xml import canonical_xml, parse_xml
from tests.interop.cda import samples
from tests.interop.cda.letters import LETTERS, full_letter, letter_header, minimal_letter
from tests.interop.cda.official import check_cda, needs_official_data

GOLDEN = Path(__file__).parents[1] / "golden" / "cda"
NS = {"c": codes.HL7_V3, "xsi": codes.XSI}
XSI_TYPE = f"{{{codes.XSI}}}type"

# Second table of cda.md 7.1: entry, template, code, type of value, is it mandatory?
EVENTS = [
    ("1.2.250.1.213.1.1.3.48.6", "ORG-070", "CE", True),
    ("1.2.250.1.213.1.1.3.48.7", "ORG-074", "CE", True),
    ("1.2.250.1.213.1.1.3.48.9", "MED-142", "ST", True),
    ("1.2.250.1.213.1.1.3.48.3", "MED-143", "ST", False),
    ("1.2.250.1.213.1.1.3.48.8", "MED-309", "BL", True),
    ("1.2.250.1.213.1.1.3.48.5", "MED-144", "ST", False),
    ("1.2.250.1.213.1.1.3.48.10", "MED-145", "BL", True),
    ("1.2.250.1.213.1.1.3.48.1", "MED-146", "ST", False),
    ("1.2.250.1.213.1.1.3.48.2", "MED-147", "BL", True),
    ("1.2.250.1.213.1.1.3.48.4", "MED-148", "ST", False),
]
# First table: LOINC code, all templateIds, is it mandatory?
SECTIONS = [
    ("33557-0", ["1.2.250.1.213.1.1.2.35", "1.2.250.1.213.1.1.2.35.1"], True),
    ("42349-1", ["1.3.6.1.4.1.19376.1.5.3.1.3.1", "1.2.250.1.213.1.1.2.127"], True),
    (
        "42545-4",
        [
            "1.3.6.1.4.1.19376.1.5.3.1.1.21.2.9",
            "1.3.6.1.4.1.19376.1.7.3.1.1.13.7",
            "1.2.250.1.213.1.1.2.163",
            "1.2.250.1.213.1.1.2.163.1",
        ],
        True,
    ),
    ("18610-6", ["1.3.6.1.4.1.19376.1.5.3.1.3.21", "1.2.250.1.213.1.1.2.145"], False),
    ("10183-2", ["1.3.6.1.4.1.19376.1.5.3.1.3.22", "1.2.250.1.213.1.1.2.146"], True),
    ("30954-2", ["1.3.6.1.4.1.19376.1.5.3.1.3.27", "1.2.250.1.213.1.1.2.150"], False),
    (
        "18776-5",
        ["2.16.840.1.113883.10.20.1.10", "1.3.6.1.4.1.19376.1.5.3.1.3.36", "1.2.250.1.213.1.1.2.158"],
        False,
    ),
    (
        "46264-8",
        ["2.16.840.1.11383.10.20.1.7", "1.3.6.1.4.1.19376.1.5.3.1.1.5.3.5", "1.2.250.1.213.1.1.2.1"],
        False,
    ),
    (
        "48765-2",
        ["2.16.840.1.113883.10.20.1.2", "1.3.6.1.4.1.19376.1.5.3.1.3.13", "1.2.250.1.213.1.1.2.137"],
        False,
    ),
]
PDF_SECTION = ("55108-5", ["1.2.250.1.213.1.1.2.243"])


def root_of(name: str):
    return parse_xml(build_cda_n3(*LETTERS[name]))


def sections_of(root) -> list[tuple[str, list[str]]]:
    return [
        (section.find("c:code", NS).get("code"), section.xpath("c:templateId/@root", namespaces=NS))
        for section in root.iterfind("c:component/c:structuredBody/c:component/c:section", NS)
    ]


@needs_official_data
def test_every_letter_is_conform_to_the_model_without_a_warning(tmp_path: Path) -> None:
    files = []
    for name, letter in LETTERS.items():
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_bytes(build_cda_n3(*letter))
    header, letter, pdf = LETTERS["ldl_ses_full"]
    for admission in ldl.ADMISSION_MODES:
        for discharge in ldl.DISCHARGE_MODES:
            files.append(tmp_path / f"{admission.code}_{discharge.code}.xml")
            modes = replace(letter, admission_mode=admission, discharge_mode=discharge)
            files[-1].write_bytes(build_cda_n3(header, modes, pdf))
    assert check_cda(*files, model="LDL-SES_2022.01") == ""


@pytest.mark.parametrize("name", LETTERS)
def test_the_bytes_are_those_of_the_golden_file(name: str) -> None:
    built = build_cda_n3(*LETTERS[name])
    assert canonical_xml(parse_xml(built)) == canonical_xml(parse_xml((GOLDEN / f"{name}.xml").read_bytes()))
    assert build_cda_n3(*LETTERS[name]) == built


def test_the_full_letter_has_every_section_of_the_model_in_order() -> None:
    expected = [(code, templates) for code, templates, _ in SECTIONS]
    assert sections_of(root_of("ldl_ses_full")) == [*expected, PDF_SECTION]


def test_the_minimal_letter_has_the_mandatory_sections_only() -> None:
    expected = [(code, templates) for code, templates, mandatory in SECTIONS if mandatory]
    assert sections_of(root_of("ldl_ses_minimal")) == expected


def test_the_header_declares_the_model() -> None:
    templates = [
        (t.get("root"), t.get("extension")) for t in root_of("ldl_ses_full").iterfind("c:templateId", NS)
    ]
    assert templates == [
        ("2.16.840.1.113883.2.8.2.1", None),
        ("1.2.250.1.213.1.1.1.1", None),
        ("1.2.250.1.213.1.1.1.29", "2022.01"),
    ]


@pytest.mark.parametrize("name", ["ldl_ses_full", "ldl_ses_minimal"])
def test_the_stay_has_every_entry_of_the_table(name: str) -> None:
    root = root_of(name)
    (section,) = root.xpath("//c:section[c:code/@code='42545-4']", namespaces=NS)
    observations = section.findall("c:entry/c:observation", NS)
    found = [
        (
            o.xpath("c:templateId/@root", namespaces=NS),
            o.find("c:code", NS).get("code"),
            o.find("c:value", NS).get(XSI_TYPE),
        )
        for o in observations
    ]
    common = ["1.3.6.1.4.1.19376.1.5.3.1.4.13", "1.2.250.1.213.1.1.3.48"]
    assert found == [
        ([*common, template], code, kind)
        for template, code, kind, mandatory in EVENTS
        if mandatory or name == "ldl_ses_full"
    ]
    for observation in observations:
        assert observation.find("c:code", NS).get("codeSystem") == "1.2.250.1.213.1.1.4.322"
        assert observation.find("c:statusCode", NS).get("code") == "completed"
        assert len(observation.findall("c:id", NS)) == 1
        assert observation.find("c:effectiveTime", NS).attrib


def test_the_status_of_the_document_is_an_entry() -> None:
    (status,) = root_of("ldl_ses_minimal").xpath(
        "//c:section[c:code/@code='33557-0']/c:entry/c:observation", namespaces=NS
    )
    assert status.xpath("c:templateId/@root", namespaces=NS)[2:] == [
        "1.2.250.1.213.1.1.3.48.16",
        "1.2.250.1.213.1.1.3.48.16.1",
    ]
    value = status.find("c:value", NS)
    assert (value.get(XSI_TYPE), value.get("code")) == ("CD", "9571008")


@pytest.mark.parametrize("name", LETTERS)
def test_every_entry_points_to_a_text_that_is_there(name: str) -> None:
    root = root_of(name)
    anchors = root.xpath("//@ID")
    references = root.xpath("//c:reference/@value", namespaces=NS)
    assert len(anchors) == len(set(anchors))
    assert references and {r.removeprefix("#") for r in references} <= set(anchors)
    assert all(r.startswith("#") for r in references)
    for media in root.xpath("//c:renderMultiMedia/@referencedObject", namespaces=NS):
        assert media in anchors


@pytest.mark.parametrize("name", LETTERS)
def test_every_part_has_its_own_identifier(name: str) -> None:
    ids = root_of(name).xpath("//c:structuredBody//c:id[not(@extension)]/@root", namespaces=NS)
    assert len(ids) == len(set(ids))


def test_two_documents_share_no_identifier_of_parts() -> None:
    header, letter, _ = LETTERS["ldl_ses_minimal"]
    other = replace(header, id=codes.Id(f"{samples.ROOT}.1.99"))
    path = "//c:structuredBody//c:id/@root"
    first = set(parse_xml(build_cda_n3(header, letter)).xpath(path, namespaces=NS))
    assert not first & set(parse_xml(build_cda_n3(other, letter)).xpath(path, namespaces=NS))


def narrative(name: str, code: str) -> str:
    (text,) = root_of(name).xpath(f"//c:section[c:code/@code='{code}']/c:text", namespaces=NS)
    return " | ".join(" ".join(cell.itertext()) for cell in text.iter(f"{{{codes.HL7_V3}}}td"))


def test_the_narrative_says_what_the_entries_code() -> None:
    assert "Épisode psychotique" in narrative("ldl_ses_full", "42349-1")
    events = narrative("ldl_ses_full", "42545-4")
    assert "hospitalisation en urgence, 02/03/2026" in events
    assert "Autre établissement de santé, 09/07/2026" in events
    assert "Traitée par antibiotiques < 7 jours & repos." in events
    assert "Oui" in events
    assert narrative("ldl_ses_full", "18610-6") == (
        "03/03/2026 | 01/04/2026 | SOLIAN 100 mg | 1 comprimé | 1 fois par jour | prendre par la bouche"
        " | 100 mg par jour | 200 mg par jour | arrêt à la suite des analyses"
    )
    assert narrative("ldl_ses_full", "10183-2").startswith(
        " |  | LEPONEX 100 mg | 0,5 à 1,5 comprimé | toutes les 12 heures |"
    )
    assert "Pénicilline : urticaire" in narrative("ldl_ses_full", "48765-2")


def test_lines_of_a_text_stay_lines() -> None:
    (content,) = root_of("ldl_ses_full").xpath("//c:content[@ID='synthese']", namespaces=NS)
    assert len(content.findall("c:br", NS)) == 1


def test_no_treatment_and_unknown_treatment_are_not_the_same() -> None:
    path = "//c:section[c:code/@code='10183-2']//c:substanceAdministration/c:code/@code"
    assert root_of("ldl_ses_minimal").xpath(path, namespaces=NS) == ["no-known-medications"]
    assert root_of("ldl_ses_unknown").xpath(path, namespaces=NS) == ["no-medication-info"]
    path = "//c:section[c:code/@code='48765-2']//c:observation/c:value/@code"
    assert root_of("ldl_ses_nothing_known").xpath(path, namespaces=NS) == ["no-known-allergies"]
    assert root_of("ldl_ses_unknown").xpath(path, namespaces=NS) == ["no-allergy-info"]
    assert root_of("ldl_ses_minimal").xpath(path, namespaces=NS) == []


def test_a_treatment_is_coded_as_far_as_it_is_known() -> None:
    root = root_of("ldl_ses_full")
    (coded,) = root.xpath("//c:section[c:code/@code='18610-6']//c:substanceAdministration", namespaces=NS)
    material = coded.find(".//c:manufacturedMaterial", NS)
    assert material.find("c:code", NS).get("codeSystem") == codes.CIS
    assert material.xpath("c:code/c:translation/@codeSystem", namespaces=NS) == [codes.CIP, codes.ATC]
    assert [t.get(XSI_TYPE) for t in coded.findall("c:effectiveTime", NS)] == ["IVL_TS", "PIVL_TS"]
    assert coded.find("c:doseQuantity/c:low", NS).get("value") == "1"
    bare = root.xpath("//c:section[c:code/@code='10183-2']//c:substanceAdministration", namespaces=NS)[1]
    assert bare.find(".//c:manufacturedMaterial/c:code", NS).get("nullFlavor") == "UNK"
    assert bare.findtext(".//c:manufacturedMaterial/c:name", None, NS) == "Préparation magistrale <5 %> & eau"


def test_the_pdf_inside_is_the_pdf_that_was_given() -> None:
    read = parse_cda(build_cda_n3(*LETTERS["ldl_ses_full"]))
    assert (read.body.kind, read.body.pdf) == (BodyKind.N3, samples.PDF)
    assert parse_cda(build_cda_n3(*LETTERS["ldl_ses_minimal"])).body.pdf == b""


@pytest.mark.parametrize(
    "change",
    [
        {"reason": " "},
        {"summary": ""},
        {"admission_mode": ldl.HOME_DISCHARGE},
        {"admission_mode": Code("183452005", codes.SNOMED_CT, "autre libellé")},
        {"discharge_mode": ldl.EMERGENCY_ADMISSION},
        {"status": codes.NORMAL},
        {"discharge_treatments": ()},
        {"allergies": ()},
    ],
)
def test_a_letter_that_the_model_does_not_allow_cannot_be_made(change: dict) -> None:
    with pytest.raises(ValueError, match="discharge letter|empty list"):
        replace(minimal_letter(), **change)


def test_a_header_that_is_not_that_of_a_stay_is_refused() -> None:
    header = letter_header()
    with pytest.raises(ValueError, match="type of a lettre de liaison"):
        build_cda_n3(replace(header, type=codes.CR_OPERATOIRE), full_letter())
    for act in (replace(header.acts[0], code=None), replace(header.acts[0], end=None)):
        with pytest.raises(ValueError, match="from admission to discharge"):
            build_cda_n3(replace(header, acts=(act,)), full_letter())


def test_dates_of_treatments_may_be_unknown() -> None:
    treatments = (Treatment("X", start=date(2026, 3, 3)),)
    letter = replace(minimal_letter(), discharge_treatments=treatments, allergies=Absence.NONE)
    period = parse_xml(build_cda_n3(letter_header(), letter)).find(
        ".//c:substanceAdministration/c:effectiveTime", NS
    )
    assert [dict(bound.attrib) for bound in period] == [{"value": "20260303"}, {"nullFlavor": "UNK"}]


@pytest.mark.requirement("SC.CDA/DD.02")
def test_the_n1_and_the_n3_of_one_version_say_the_same_of_it() -> None:
    header, letter, pdf = LETTERS["ldl_ses_full"]
    n1, n3 = parse_cda(build_cda_n1(header, pdf)), parse_cda(build_cda_n3(header, letter, pdf))
    assert n1.body.pdf == n3.body.pdf == pdf
    assert replace(n1, template_ids=n3.template_ids, body=n3.body) == n3


@pytest.mark.requirement("SC.CDA/VISU.04")
def test_the_datamatrix_says_the_same_identity_as_the_header() -> None:
    header, letter, _ = LETTERS["ldl_ses_full"]
    patient = parse_cda(build_cda_n3(header, letter)).patient
    scan = parse_payload(build_payload(header.patient.traits, header.patient.ins))
    assert scan.ins == patient.ins
    assert patient.traits == ReceivedTraits(
        scan.birth_name,
        scan.birth_given_names,
        header.patient.traits.first_birth_given_name,
        hl7_date(scan.birth_date),
        scan.sex.value,
        scan.birth_place_cog,
    )
