"""Metadata deduced from CDA documents, official ones and ours."""

from dataclasses import replace
from pathlib import Path

import pytest

from interop.cda.datatypes import Code as CdaCode
from interop.cda.datatypes import Id
from interop.cda.parse import parse_cda
from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon
from interop.xds.from_cda import entry_from_cda, patient_id_of, unique_id_of
from interop.xds.metadata import Author, Code, DocumentEntry, MetadataError, entry_problems
from tests.shared import ABSENT, SHARED

EXAMPLES = SHARED / "cisis" / "examples"
LDL = "LDL-SES_2022.01.xml"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason=ABSENT)


def read(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


def entry_of(name: str, **options: object) -> DocumentEntry:
    content = read(name)
    return entry_from_cda(parse_cda(content), content, **options)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.xml")), ids=lambda path: path.name)
def test_every_official_document_gives_complete_metadata(path: Path) -> None:
    content = path.read_bytes()
    assert entry_problems(entry_from_cda(parse_cda(content), content)) == ()


def test_the_official_discharge_letter_gives_these_metadata() -> None:
    entry = entry_of(LDL)
    assert entry == DocumentEntry(
        entry_id="Document01",
        unique_id="1.2.250.1.213.1.1.1.29.2022.1.1",
        patient_id=Cx("279035121518989", "1.2.250.1.213.1.4.10", "NH"),
        title="Lettre de liaison à la sortie de l'établissement de santé",
        creation_time="20191203123000",
        language_code="fr-FR",
        legal_authenticator=Xcn("801234567897", "AUGUIN", "Léon"),
        service_start_time="20191029101700",
        service_stop_time="20191203123000",
        source_patient_id=Cx("1234567890121", "1.2.3.4.567.8.9.10"),
        source_patient_info=(
            "PID-5|PAT-TROIS^DOMINIQUE^DOMINIQUE MARIE-LOUISE^^^^L",
            "PID-5|PAT-TROIS^DOMINIQUE^^^^^D",
            "PID-7|19790328",
            "PID-8|F",
            "PID-11|^^^^^^BDL^^51215",
        ),
        hash=entry.hash,
        size=len(read(LDL)),
        authors=(
            Author(
                person=Xcn("801234567897", "DAVID", "Charles"),
                institutions=(Xon("1750803447", "Hôpital Européen Georges Pompidou"),),
                specialty=Code("G15_10/SM27", codes.OID_SPECIALTY, "Médecin - Médecine interne (SM)"),
            ),
        ),
        class_code=Code("10", codes.OID_CLASS_CODE, "Compte rendu"),
        type_code=Code(
            "11490-0", codes.OID_LOINC, "Lettre de liaison à la sortie d'un établissement de soins"
        ),
        format_code=Code(
            "urn:asip:ci-sis:ldl-ses:2017",
            codes.OID_FORMAT_FR,
            "Lettre de Liaison à la sortie de l'établissement de santé",
        ),
        facility_type_code=Code("SA01", codes.OID_FACILITY_TYPE, "Etablissement public de santé"),
        practice_setting_code=Code("ETABLISSEMENT", codes.OID_PRACTICE_SETTING, "Etablissement de santé"),
        confidentiality_codes=(Code("N", codes.OID_CONFIDENTIALITY_HL7, "Normal"),),
        event_codes=(Code("IMP", "2.16.840.1.113883.5.4", "Hospitalisation (établissement, y compris HAD)"),),
    )


def test_restrictions_follow_the_code_of_the_document() -> None:
    entry = entry_of(LDL, visibility=("INVISIBLE_PATIENT", "MASQUE_PS"))
    assert [code.code for code in entry.confidentiality_codes] == ["N", "MASQUE_PS", "INVISIBLE_PATIENT"]


def test_the_spelling_of_hl7_v2_is_no_restriction_of_xds() -> None:
    with pytest.raises(MetadataError, match="INVISIBLE_REP_LEGAUX"):
        entry_of(LDL, visibility=("INVISIBLE_REP_LEGAUX",))


def test_an_imaging_report_gives_its_modality_region_and_accession_number() -> None:
    entry = entry_of("IMG_CR_IMG_2024.01.xml")
    assert entry.class_code.code == "31"
    assert len({code.system for code in entry.event_codes}) > 1
    assert any(value.endswith(codes.REFERENCE_ACCESSION) for value in entry.reference_ids)


def test_a_document_inside_its_stylesheet_says_so() -> None:
    assert entry_of("AUTOPRESENTABLE_LDL-EES_2022.01.xml").mime_type == codes.MIME_SELF_RENDERING


def test_a_type_without_class_is_refused_unless_one_is_given() -> None:
    content = read(LDL)
    document = replace(parse_cda(content), type=CdaCode("00000-0", codes.OID_LOINC, "Inconnu"))
    with pytest.raises(MetadataError, match="00000-0"):
        entry_from_cda(document, content)
    given = Code("10", codes.OID_CLASS_CODE, "Compte rendu")
    assert entry_from_cda(document, content, class_code=given).class_code == given


def test_a_body_without_format_is_refused() -> None:
    content = read("DOC_NON_STRUCTURE_CDA-R2-N1.xml")
    document = parse_cda(content)
    body = replace(document.body, media_type="video/mpeg")
    with pytest.raises(MetadataError, match="video/mpeg"):
        entry_from_cda(replace(document, body=body), content)


def test_a_header_with_holes_gives_metadata_whose_holes_are_named() -> None:
    content = read(LDL)
    bare = replace(
        parse_cda(content), acts=(), encounter=None, legal_authenticator=None, effective_time="hier"
    )
    problems = entry_problems(entry_from_cda(bare, content))
    assert {problem.split(".")[1].split()[0] for problem in problems} == {
        "creationTime",
        "healthcareFacilityTypeCode",
        "legalAuthenticator",
        "practiceSettingCode",
        "serviceStartTime",
    }


def test_without_ins_the_patient_is_known_by_the_local_identifier() -> None:
    patient = replace(parse_cda(read(LDL)).patient, ins=None, ids=(Id("1.2.3", "IPP1"),))
    assert patient_id_of(patient) == Cx("IPP1", "1.2.3", "PI")


@pytest.mark.parametrize(
    ("identifier", "unique_id"),
    [
        (Id("1.2.3.4"), "1.2.3.4"),
        (Id("1.2.3.4", "56"), "1.2.3.4^56"),
        (Id("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "2.25.329800735698586629295641978511506172918"),
    ],
)
def test_the_unique_id_is_an_oid(identifier: Id, unique_id: str) -> None:
    assert unique_id_of(identifier) == unique_id
