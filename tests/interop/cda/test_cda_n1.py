"""Documents with a PDF as body: conform, exact, stable (cda.md 2 to 6.1, 13)."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from interop.cda import codes
from interop.cda.datatypes import Address, Id
from interop.cda.model import Author, DocumentHeader, Guardian, Patient, RelatedDocument
from interop.cda.n1 import build_cda_n1
from interop.cda.value_sets import document_types
from interop.ins.codes import IdentityStatus
from interop.xml import canonical_xml, parse_xml
from tests.interop.cda import samples
from tests.interop.cda.official import check_cda, needs_official_data

GOLDEN = Path(__file__).parents[1] / "golden" / "cda"
NS = {"c": codes.HL7_V3}

DOCUMENTS = {
    "n1_minimal": samples.minimal_document(),
    "n1_full": samples.full_document(),
    "n1_qualified": replace(samples.minimal_document(), patient=samples.QUALIFIED),
}


@needs_official_data
def test_every_document_is_conform_to_the_national_rules_without_a_warning(tmp_path: Path) -> None:
    files = []
    for name, document in DOCUMENTS.items():
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_bytes(build_cda_n1(document, samples.PDF))
    for code, label in document_types().items():
        files.append(tmp_path / f"type_{code}.xml")
        typed = replace(samples.full_document(), type=label, title=label.display)
        files[-1].write_bytes(build_cda_n1(typed, samples.PDF))
    assert check_cda(*files) == ""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_bytes_are_those_of_the_golden_file(name: str) -> None:
    built = build_cda_n1(DOCUMENTS[name], samples.PDF)
    golden = (GOLDEN / f"{name}.xml").read_bytes()
    assert canonical_xml(parse_xml(built)) == canonical_xml(parse_xml(golden))
    assert build_cda_n1(DOCUMENTS[name], samples.PDF) == built


def root_of(document: DocumentHeader):
    return parse_xml(build_cda_n1(document, samples.PDF))


def test_the_body_is_the_pdf_in_base64() -> None:
    (text,) = root_of(samples.minimal_document()).xpath("c:component/c:nonXMLBody/c:text", namespaces=NS)
    assert dict(text.attrib) == {"mediaType": "application/pdf", "representation": "B64"}
    assert b64decode(text.text, validate=True) == samples.PDF


def test_the_header_has_exactly_the_three_templates_of_n1() -> None:
    templates = root_of(samples.full_document()).xpath("c:templateId/@root", namespaces=NS)
    assert templates == [
        codes.TEMPLATE_HL7_FRANCE.root,
        codes.TEMPLATE_CISIS.root,
        codes.TEMPLATE_N1.root,
    ]


@pytest.mark.requirement("INS/va1.56")
@pytest.mark.parametrize("status", sorted(set(IdentityStatus) - {IdentityStatus.QUALIFIED}))
def test_an_identity_that_is_not_qualified_leaves_without_ins(status: IdentityStatus) -> None:
    patient = replace(samples.PROVISIONAL, identity_status=status)
    ids = root_of(replace(samples.minimal_document(), patient=patient)).xpath(
        "c:recordTarget/c:patientRole/c:id/@root", namespaces=NS
    )
    assert ids == [samples.IPP_ROOT]
    with pytest.raises(ValueError, match="INS of a qualified identity"):
        replace(patient, ins=samples.INS)


@pytest.mark.requirement("INS/va1.56")
def test_a_qualified_identity_leaves_with_ins_and_all_its_traits() -> None:
    root = root_of(replace(samples.minimal_document(), patient=samples.QUALIFIED))
    role = root.find("c:recordTarget/c:patientRole", NS)
    assert [(i.get("root"), i.get("extension")) for i in role.findall("c:id", NS)] == [
        (samples.INS.oid, samples.INS.matricule),
        (samples.IPP_ROOT, "1234567890121"),
    ]
    names = [(n.tag.split("}")[1], n.get("qualifier"), n.text) for n in role.find("c:patient/c:name", NS)]
    assert names == [
        ("family", "BR", "PAT-TROIS"),
        ("given", None, "DOMINIQUE MARIE-LOUISE"),
        ("given", "BR", "DOMINIQUE"),
        ("family", "CL", "PAT-TROIS"),
        ("given", "CL", "DOMINIQUE"),
    ]
    assert role.find("c:patient/c:birthTime", NS).get("value") == "19790328"
    assert role.find("c:patient/c:administrativeGenderCode", NS).get("code") == "F"
    assert role.findtext("c:patient/c:birthplace/c:place/c:addr/c:county", None, NS) == "51215"
    with pytest.raises(ValueError, match="INS of a qualified identity"):
        replace(samples.QUALIFIED, ins=None)


def test_the_used_names_are_never_filled_from_the_birth_names() -> None:
    qualifiers = root_of(samples.minimal_document()).xpath(
        "c:recordTarget//c:patient/c:name/*/@qualifier", namespaces=NS
    )
    assert "CL" not in qualifiers


def test_moments_are_written_in_local_time_with_their_offset() -> None:
    summer = datetime(2026, 7, 9, 13, 4, 5, tzinfo=UTC)
    winter = datetime(2026, 1, 9, 13, 4, 5, tzinfo=UTC)
    document = replace(samples.minimal_document(), created=summer)
    assert root_of(document).find("c:effectiveTime", NS).get("value") == "20260709150405+0200"
    document = replace(document, created=winter)
    assert root_of(document).find("c:effectiveTime", NS).get("value") == "20260109140405+0100"
    document = replace(document, time_zone="Indian/Reunion")
    assert root_of(document).find("c:effectiveTime", NS).get("value") == "20260109170405+0400"
    with pytest.raises(ValueError, match="time zone"):
        root_of(replace(document, created=datetime(2026, 1, 9)))


def test_a_replacement_names_what_it_replaces_and_nothing_else_does() -> None:
    related = root_of(samples.full_document()).find("c:relatedDocument", NS)
    assert related.get("typeCode") == "RPLC"
    assert related.find("c:parentDocument/c:id", NS).get("root") == f"{samples.ROOT}.1.41"
    assert root_of(samples.minimal_document()).find("c:relatedDocument", NS) is None


def test_only_the_main_act_has_a_performer() -> None:
    acts = root_of(samples.full_document()).findall("c:documentationOf/c:serviceEvent", NS)
    assert [len(act.findall("c:performer", NS)) for act in acts] == [1, 0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version_number": 0}, "numbered from 1"),
        ({"version_number": 1, "replaces": RelatedDocument(Id("1.2.3"))}, "replaces nothing"),
        ({"set_id": samples.minimal_document().id}, "not that of its set"),
        ({"authors": ()}, "author"),
        ({"acts": ()}, "act"),
        ({"acts": (replace(samples.minimal_document().acts[0], performer=None),)}, "performer"),
        (
            {
                "acts": (
                    replace(
                        samples.minimal_document().acts[0],
                        performer=replace(samples.DOCTOR, organization=None),
                    ),
                )
            },
            "cadre d'exercice",
        ),
    ],
)
def test_a_header_that_contradicts_itself_cannot_be_made(change: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(samples.minimal_document(), **change)


def test_values_that_contradict_themselves_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="lines or parts"):
        Address(lines=("1 rue X",), city="PARIS")
    with pytest.raises(ValueError, match="lines or parts"):
        Address(use="H")
    with pytest.raises(ValueError, match="seven"):
        Address(lines=("x",) * 8)
    with pytest.raises(ValueError, match="either a person"):
        Guardian()
    with pytest.raises(ValueError, match="national identifier"):
        Author(replace(samples.DOCTOR, id=None), date(2026, 7, 9))
    with pytest.raises(ValueError, match="given name"):
        Patient(
            IdentityStatus.PROVISIONAL,
            replace(samples.TRAITS, birth_given_names="", first_birth_given_name=""),
            samples.QUALIFIED.ipp,
        )


def test_only_the_media_types_of_the_profile_make_a_body() -> None:
    with pytest.raises(ValueError, match="text/html"):
        build_cda_n1(samples.minimal_document(), b"<p>", "text/html")
    with pytest.raises(ValueError, match="empty"):
        build_cda_n1(samples.minimal_document(), b"")
    assert b'mediaType="text/plain"' in build_cda_n1(samples.minimal_document(), b"texte", "text/plain")


def test_text_pasted_with_control_characters_still_makes_a_document() -> None:
    pasted = replace(samples.minimal_document(), title="Lettre\x0b de\x00 liaison")
    assert root_of(pasted).findtext("c:title", None, NS) == "Lettre de liaison"
