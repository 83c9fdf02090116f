"""Reading documents: official examples, our own, hostile and broken ones (cda.md 1 to 6, 10.4)."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interop.cda import codes
from interop.cda.check import check_document
from interop.cda.datatypes import Code, Id, PersonName, Telecom
from interop.cda.identifiers import finess_of, rpps_of
from interop.cda.n1 import build_cda_n1
from interop.cda.parse import parse_cda
from interop.cda.parsed import BodyKind, ParsedCda
from interop.cda.refusals import CdaRefusal, CdaRefused
from interop.ins.codes import INS_NIR_OID, INS_NIR_TEST_OID
from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, differing_traits, missing_traits, received_traits
from interop.xml import XmlRefusal, XmlRefused, parse_xml, serialize_xml
from tests.interop.cda import samples
from tests.interop.cda.official import EXAMPLES, MESSAGES, needs_official_data

EXAMPLE_NAMES = sorted(path.name for path in EXAMPLES.glob("*.xml")) if EXAMPLES.is_dir() else []

ANS_PATIENT = ReceivedTraits("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", "DOMINIQUE", "19790328", "F", "51215")


def example(name: str) -> ParsedCda:
    return parse_cda((EXAMPLES / name).read_bytes())


@needs_official_data
@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_an_official_example_gives_all_that_a_reception_needs(name: str) -> None:
    document = example(name)
    assert document.title and document.type.display and document.effective_time
    assert document.set_id is not None and document.set_id != document.id
    assert document.version_number is not None and document.version_number >= 1
    assert document.patient.ins is not None
    assert missing_traits(document.patient.traits) == ()
    assert document.legal_authenticator is not None and document.legal_authenticator.id is not None
    assert document.custodian is not None and document.custodian.id is not None
    assert document.encounter is not None and document.encounter.facility_type is not None
    assert document.main_act is not None and document.main_act.start
    performer = document.main_act.performer
    assert performer is not None and performer.organization is not None
    assert performer.organization.practice_setting is not None
    assert document.confidentiality == codes.NORMAL or document.confidentiality.code == "N"
    if document.body.content:
        assert document.body.pdf.startswith(b"%PDF-")


@needs_official_data
def test_the_official_discharge_letter_is_read_whole() -> None:
    letter = example("LDL-SES_2022.01.xml")
    assert letter.template_ids == (codes.TEMPLATE_HL7_FRANCE, codes.TEMPLATE_CISIS, codes.TEMPLATE_LDL_SES)
    assert letter.id == Id("1.2.250.1.213.1.1.1.29.2022.1.1")
    assert letter.set_id == Id("1.2.250.1.213.1.1.1.29.2022.1")
    assert (letter.version_number, letter.language, letter.replaced) == (1, "fr-FR", None)
    assert letter.type.code == "11490-0"
    assert letter.title == "Lettre de liaison à la sortie de l'établissement de santé"
    assert letter.effective_time == "20191203133000+0100"
    patient = letter.patient
    assert patient.ins == Ins("279035121518989", INS_NIR_TEST_OID)
    assert patient.local_ids == (Id("1.2.3.4.567.8.9.10", "1234567890121"),)
    assert patient.traits == ANS_PATIENT
    assert (patient.used_name, patient.used_given_name) == ("PAT-TROIS", "DOMINIQUE")
    assert patient.birth_place_name == "DOMPREMY"
    assert Telecom("mailto:279035121518989@patient.mssante.fr") in patient.telecoms
    (author,) = letter.authors
    assert rpps_of(author.id) == "01234567897"
    assert author.name == PersonName("DAVID", "Charles", "M", "DR")
    assert author.specialty.code == "G15_10/SM27"
    assert finess_of(author.organization.id) == "750803447"
    assert [r.name.family for r in letter.recipients] == ["BOILEAU", "DUCOUT"]
    assert letter.legal_authenticator.name == PersonName("AUGUIN", "Léon", "M", "PR")
    (doctor,) = letter.participants
    assert (doctor.kind, doctor.function.code, doctor.name.family) == ("INF", "PCP", "MEDIONI")
    assert (letter.main_act.code.code, letter.main_act.start, letter.main_act.end) == (
        "IMP",
        "20191029111700+0100",
        "20191203133000+0100",
    )
    assert letter.encounter.facility_type.code == "SA01"
    assert (letter.body.kind, letter.body.pdf) == (BodyKind.N3, b"")


@needs_official_data
def test_the_pdf_is_found_in_the_body_or_in_its_copy_section() -> None:
    plain = example("DOC_NON_STRUCTURE_CDA-R2-N1.xml")
    assert (plain.body.kind, plain.body.media_type, len(plain.body.pdf)) == (
        BodyKind.N1,
        "application/pdf",
        326650,
    )
    prescription = example("eP-MED-DM_2024.01_PosoStruct.xml")
    assert (prescription.body.kind, len(prescription.body.pdf)) == (BodyKind.N3, 95736)
    assert example("IMG-DA-IMG_2024.01_Mammo-Echo-Seins.xml").body.pdf == b""


@needs_official_data
def test_imaging_facts_are_read() -> None:
    report = example("IMG_CR_IMG_2024.01.xml")
    assert report.accession_numbers and report.orders
    assert report.main_act.translations
    assert report.replaced is not None and report.replaced.id is not None


@needs_official_data
def test_a_document_inside_its_stylesheet_is_the_same_document() -> None:
    wrapped, bare = example("AUTOPRESENTABLE_LDL-EES_2022.01.xml"), example("LDL-EES_2022.01.xml")
    assert wrapped.is_self_presenting and not bare.is_self_presenting
    assert replace(wrapped, is_self_presenting=False) == bare


@needs_official_data
def test_the_two_identities_of_the_official_samples_do_not_match() -> None:
    """One matricule, two places of birth: the natural 904 (ins.md 15)."""
    differing = differing_traits(
        replace(samples.TRAITS, birth_place_cog="63220"),
        samples.INS,
        example("LDL-SES_2022.01.xml").patient.traits,
        samples.INS,
    )
    assert [trait.value for trait in differing] == ["birth_place_cog"]
    assert example("eDISP-MED_2024.01.xml").patient.ins.oid == INS_NIR_OID


def embedded_documents() -> Iterator[bytes]:
    for path in sorted(MESSAGES.rglob("*")):
        if path.is_file():
            for block in re.findall(rb"\^Base64\^([A-Za-z0-9+/=]{2000,})", path.read_bytes()):
                content = b64decode(block + b"=" * (-len(block) % 4))  # one sample has lost its padding
                if b"ClinicalDocument" in content:
                    yield content


@needs_official_data
def test_old_documents_carried_by_the_official_messages_are_read() -> None:
    documents = [parse_cda(content) for content in embedded_documents()]
    assert documents
    for document in documents:
        assert document.id.root and document.patient.ids and document.type.code


def test_what_we_write_is_what_we_read() -> None:
    document = samples.full_document()
    read = parse_cda(build_cda_n1(document, samples.PDF))
    assert read.template_ids == (codes.TEMPLATE_HL7_FRANCE, codes.TEMPLATE_CISIS, codes.TEMPLATE_N1)
    assert (read.id, read.set_id, read.version_number) == (document.id, document.set_id, 2)
    assert (read.type, read.title, read.language) == (document.type, document.title, "fr-FR")
    assert (read.effective_time, read.confidentiality) == ("20260709150405+0200", codes.NORMAL)
    assert read.patient.ins == samples.INS
    assert read.patient.local_ids == (document.patient.ipp,)
    assert read.patient.traits == received_traits(document.patient.traits)
    assert (read.patient.used_name, read.patient.used_given_name) == ("D'ARTAGNAN", "Camille")
    assert read.patient.is_deceased
    assert read.patient.telecoms == document.patient.telecoms
    doctor, device = read.authors
    assert (doctor.id, doctor.name, doctor.specialty) == (
        samples.DOCTOR.id,
        samples.DOCTOR.name,
        samples.DOCTOR.specialty,
    )
    assert (doctor.function, doctor.time) == (codes.ATTENDING, "20260709150405+0200")
    assert (device.device_model, device.device_software, device.name) == ("DPI", "DPI 1.0", None)
    assert read.data_enterer.id == samples.DOCTOR.id
    assert (read.custodian.id, read.custodian.name) == (samples.HOSPITAL.id, samples.HOSPITAL.name)
    assert read.legal_authenticator.name == samples.HEAD.name
    assert [a.id for a in read.authenticators] == [samples.DOCTOR.id]
    assert read.recipients[0].telecoms == document.recipients[0].telecoms
    assert [(p.kind, p.id) for p in read.participants] == [
        ("INF", samples.GENERAL_PRACTITIONER.id),
        ("REFB", None),
    ]
    assert (read.orders, read.accession_numbers) == (
        (document.orders[0].id,),
        (document.orders[0].accession_number,),
    )
    main, other = read.acts
    assert (main.code, main.start, main.end) == (
        codes.INPATIENT,
        "20260302101700+0100",
        "20260709133000+0200",
    )
    assert main.performer.organization.practice_setting == samples.HOSPITAL.practice_setting
    assert (other.start, other.performer) == ("20260305", None)
    assert (read.replaced.id, read.replaced.version_number) == (document.replaces.id, 1)
    assert (read.encounter.ids, read.encounter.code) == ((document.encounter.id,), codes.INPATIENT)
    assert (read.encounter.facility_type.code, read.encounter.place_name) == ("SA01", "Médecine interne")
    assert read.encounter.responsible.id == samples.HEAD.id
    assert (read.body.kind, read.body.pdf) == (BodyKind.N1, samples.PDF)


def minimal() -> bytes:
    return build_cda_n1(replace(samples.minimal_document(), patient=samples.QUALIFIED), samples.PDF)


def changed(pattern: str, replacement: str) -> bytes:
    text, count = re.subn(pattern, replacement, minimal().decode(), count=1, flags=re.DOTALL)
    assert count == 1
    return text.encode()


BROKEN = {
    "another root": (b"<a/>", CdaRefusal.NOT_CDA),
    "no namespace": (b"<ClinicalDocument/>", CdaRefusal.NOT_CDA),
    "stylesheet alone": (f'<s:stylesheet xmlns:s="{codes.XSLT}"/>'.encode(), CdaRefusal.NOT_CDA),
    "empty document": (f'<ClinicalDocument xmlns="{codes.HL7_V3}"/>'.encode(), CdaRefusal.HEADER),
    "no id": (changed(r"<id root=[^>]*/>(<code)", r"\1"), CdaRefusal.HEADER),
    "null id": (changed(r"<id root=[^>]*/>(<code)", r'<id nullFlavor="UNK"/>\1'), CdaRefusal.HEADER),
    "no code": (changed(r"<code [^>]*/>(<title)", r"\1"), CdaRefusal.HEADER),
    "no effectiveTime": (changed(r"<effectiveTime [^>]*/>", ""), CdaRefusal.HEADER),
    "no patient": (changed(r"<recordTarget>.*</recordTarget>", ""), CdaRefusal.HEADER),
    "two patients": (changed(r"(<recordTarget>.*</recordTarget>)", r"\1\1"), CdaRefusal.HEADER),
    "patient without identifier": (
        changed(r"(<patientRole>)<id [^>]*/><id [^>]*/>", r"\1"),
        CdaRefusal.HEADER,
    ),
    "two INS": (
        changed(r"(<patientRole>)", r'\1<id root="1.2.250.1.213.1.4.8" extension="277076322082910"/>'),
        CdaRefusal.HEADER,
    ),
    "no body": (changed(r"<component>.*</component>", ""), CdaRefusal.BODY),
    "bad base 64": (changed(r'(representation="B64">)', r"\1*"), CdaRefusal.BODY),
    "cut base 64": (changed(r'(representation="B64">).', r"\1"), CdaRefusal.BODY),
    "empty PDF": (changed(r'(representation="B64">)[^<]*', r"\1"), CdaRefusal.BODY),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_document_without_what_identifies_it_is_refused(name: str) -> None:
    data, code = BROKEN[name]
    with pytest.raises(CdaRefused) as refused:
        parse_cda(data)
    assert refused.value.code is code
    assert refused.value.text == str(refused.value)


def test_a_hostile_document_is_refused_as_xml() -> None:
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + minimal().split(b"?>\n", 1)[1]
    with pytest.raises(XmlRefused) as refused:
        parse_cda(entity)
    assert refused.value.code is XmlRefusal.DOCTYPE


def test_a_pdf_above_ten_megabytes_is_read() -> None:
    large = samples.PDF + b"0" * 9_000_000
    assert parse_cda(build_cda_n1(samples.minimal_document(), large)).body.pdf == large


def test_white_space_and_line_breaks_in_base_64_are_tolerated() -> None:
    wrapped = "\n".join(re.findall(".{1,76}", b64encode(samples.PDF).decode()))
    data = changed(r'(representation="B64">)[^<]*', rf"\1\n  {wrapped}\n")
    assert parse_cda(data).body.pdf == samples.PDF


def test_a_plain_text_body_is_read() -> None:
    read = parse_cda(build_cda_n1(samples.minimal_document(), "évolution".encode(), "text/plain"))
    assert (read.body.media_type, read.body.content.decode(), read.body.pdf) == (
        "text/plain",
        "évolution",
        b"",
    )
    bare = changed(r'<text mediaType="application/pdf" representation="B64">[^<]*', "<text>en clair")
    assert parse_cda(bare).body.content == b"en clair"


def test_a_marital_name_of_an_older_producer_is_the_used_name() -> None:
    old = changed(r'<family qualifier="CL">[^<]*', '<family qualifier="SP">DURAND')
    assert parse_cda(old).patient.used_name == "DURAND"


def test_a_document_before_2021_has_no_set_nor_version() -> None:
    old = changed(r"<setId [^>]*/><versionNumber [^>]*/>", "")
    read = parse_cda(old)
    assert (read.set_id, read.version_number) == (None, None)


def test_the_retired_ins_c_is_a_local_identifier() -> None:
    old = changed(r'root="1\.2\.250\.1\.213\.1\.4\.10"', 'root="1.2.250.1.213.1.4.2"')
    patient = parse_cda(old).patient
    assert patient.ins is None
    assert patient.local_ids == patient.ids and len(patient.ids) == 2


def test_null_elements_are_nothing() -> None:
    masked = changed(r"<legalAuthenticator>.*</legalAuthenticator>", '<legalAuthenticator nullFlavor="MSK"/>')
    assert parse_cda(masked).legal_authenticator is None
    untitled = changed(r"<code (code=\"11490-0\")[^>]*/>", r"<code \1/>")
    assert parse_cda(untitled).type == Code("11490-0", "", "")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_and_never_break_the_reader(data: st.DataObject) -> None:
    document = build_cda_n1(samples.full_document(), samples.PDF)
    start = data.draw(st.integers(0, len(document) - 1))
    length = data.draw(st.integers(0, 60))
    damaged = document[:start] + data.draw(st.binary(max_size=20)) + document[start + length :]
    try:
        assert parse_cda(damaged).patient.ids
    except (XmlRefused, CdaRefused) as refused:
        assert refused.text
    for found in check_document(damaged):
        assert found.text


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_element_may_be_missing_without_breaking_the_reader(data: st.DataObject) -> None:
    root = parse_xml(build_cda_n1(samples.full_document(), samples.PDF))
    for _ in range(data.draw(st.integers(1, 4))):
        elements = [element for element in root.iter() if element is not root]
        chosen = data.draw(st.sampled_from(elements))
        if data.draw(st.booleans()):
            chosen.getparent().remove(chosen)
        else:
            chosen.attrib.clear()
            chosen.set("nullFlavor", "UNK")
    damaged = serialize_xml(root)
    try:
        assert parse_cda(damaged).id.root
    except CdaRefused as refused:
        assert refused.text
    check_document(damaged)
