"""A document of ours that breaks a rule is not validated: every line of cda.md 12.4, and more."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from interop.cda import codes
from interop.cda.check import Finding, Rule, check_document
from interop.cda.n1 import build_cda_n1
from interop.cda.n3 import build_cda_n3
from interop.ins.codes import INS_NIR_TEST_OID, PRODUCTION_INS_OIDS
from tests.interop.cda import samples
from tests.interop.cda.letters import LETTERS
from tests.interop.cda.official import EXAMPLES, needs_official_data
from tests.interop.cda.test_cda_n1 import DOCUMENTS

N1 = build_cda_n1(samples.full_document(), samples.PDF).decode()
N3 = build_cda_n3(*LETTERS["ldl_ses_full"]).decode()


def drop(name: str) -> Callable[[str], str]:
    """Take the first element of a name out."""
    pattern = rf"<{name}(?: [^>]*)?(?:/>|>.*?</{name}>)"
    return lambda text: re.sub(pattern, "", text, count=1, flags=re.DOTALL)


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, count) if count else text.replace(old, new)


def resub(pattern: str, new: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, new, text, count=1, flags=re.DOTALL)


MASKED = (
    '<confidentialityCode code="MASQUE_PS" displayName="Masqué aux professionnels de santé"'
    ' codeSystem="1.2.250.1.213.1.1.4.13"/>'
)
FACILITY = '<code code="SA01" displayName="Etablissement public de santé"'
FIRST_EVENT = r"(<serviceEvent><code [^>]*/><effectiveTime><low value=\")"

HEADER_MUTATIONS: dict[str, tuple[Callable[[str], str], Rule, str]] = {
    # --- detected by the national rules
    "no realmCode": (drop("realmCode"), Rule.HEADER, "/realmCode"),
    "another realm": (
        swap('<realmCode code="FR"/>', '<realmCode code="US"/>'),
        Rule.HEADER,
        "/realmCode",
    ),
    "another typeId": (swap("POCD_HD000040", "POCD_HD000041"), Rule.HEADER, "/typeId"),
    "no setId": (drop("setId"), Rule.HEADER, "/setId"),
    "no versionNumber": (drop("versionNumber"), Rule.HEADER, "/versionNumber"),
    "no componentOf": (drop("componentOf"), Rule.HEADER, "/componentOf"),
    "no legalAuthenticator": (drop("legalAuthenticator"), Rule.HEADER, "/legalAuthenticator"),
    "no custodian": (drop("custodian"), Rule.HEADER, "/custodian"),
    "no documentationOf": (
        resub(r"<documentationOf>.*</documentationOf>", ""),
        Rule.ACT,
        "/documentationOf",
    ),
    "no author": (resub(r"<author>.*</author>", ""), Rule.PARTICIPANT, "/author"),
    "two custodians": (resub(r"(<custodian>.*</custodian>)", r"\1\1"), Rule.HEADER, "/custodian"),
    "altered CI-SIS template": (
        swap('"1.2.250.1.213.1.1.1.1"', '"1.2.250.1.213.1.1.1.2"'),
        Rule.IDENTITY,
        "/templateId",
    ),
    "fourth template": (
        swap(
            '<templateId root="1.3.6.1.4.1.19376.1.2.20"/>',
            '<templateId root="1.3.6.1.4.1.19376.1.2.20"/><templateId root="1.2.3"/>',
        ),
        Rule.IDENTITY,
        "/templateId",
    ),
    "third template missing": (
        swap('<templateId root="1.3.6.1.4.1.19376.1.2.20"/>', ""),
        Rule.IDENTITY,
        "/templateId",
    ),
    "code out of J07": (swap('code="11490-0"', 'code="11490-9"'), Rule.HEADER, "/code"),
    "confidentiality X": (
        swap('<confidentialityCode code="N"', '<confidentialityCode code="X"'),
        Rule.HEADER,
        "/confidentialityCode",
    ),
    "masking code": (
        resub(
            r"<confidentialityCode [^>]*/>",
            MASKED,
        ),
        Rule.HEADER,
        "/confidentialityCode",
    ),
    "unknown facility": (swap(FACILITY, FACILITY.replace("SA01", "SA99")), Rule.ACT, "/location"),
    "prefix DR": (swap("<prefix>M<", "<prefix>DR<"), Rule.PARTICIPANT, "/prefix"),
    "suffix MME": (swap("<suffix>DR<", "<suffix>MME<"), Rule.PARTICIPANT, "/suffix"),
    "qualifier SP": (
        swap('family qualifier="CL"', 'family qualifier="SP"'),
        Rule.PATIENT,
        "/family",
    ),
    "family without qualifier": (
        swap('<family qualifier="BR">', "<family>"),
        Rule.PATIENT,
        "/family",
    ),
    "null author time": (
        resub(r"(<author>.*?)<time value=[^>]*/>", r'\1<time nullFlavor="UNK"/>'),
        Rule.PARTICIPANT,
        "/author[1]/time",
    ),
    "INS without birthplace": (drop("birthplace"), Rule.INS, "/birthplace"),
    "INS without county": (resub(r"<county>[^<]*</county>", ""), Rule.INS, "/birthplace"),
    "INS with a postal code": (swap("<county>51215<", "<county>5121<"), Rule.INS, "/birthplace"),
    "INS without birth name": (
        resub(r'<family qualifier="BR">[^<]*</family>', ""),
        Rule.INS,
        "/name",
    ),
    "INS without first given name": (
        resub(r'<given qualifier="BR">[^<]*</given>', ""),
        Rule.INS,
        "/name",
    ),
    "INS without list of given names": (
        swap("<given>DOMINIQUE MARIE-LOUISE</given>", ""),
        Rule.INS,
        "/name",
    ),
    "no gender": (drop("administrativeGenderCode"), Rule.PATIENT, "/administrativeGenderCode"),
    "null gender": (
        resub(r"<administrativeGenderCode [^>]*/>", '<administrativeGenderCode nullFlavor="UNK"/>'),
        Rule.PATIENT,
        "/administrativeGenderCode",
    ),
    "null birth time": (
        swap('<birthTime value="19790328"/>', '<birthTime nullFlavor="UNK"/>'),
        Rule.PATIENT,
        "/birthTime",
    ),
    "signature not S": (
        swap('signatureCode code="S"', 'signatureCode code="X"'),
        Rule.PARTICIPANT,
        "/signatureCode",
    ),
    "bad date": (resub(FIRST_EVENT + r"[^\"]*", r"\g<1>20260230"), Rule.VALUE, "/low"),
    "hour without offset": (
        resub(FIRST_EVENT + r"[^\"]*", r"\g<1>202603021017"),
        Rule.VALUE,
        "/low",
    ),
    "end before start": (
        resub(FIRST_EVENT + r"[^\"]*", r"\g<1>20991231"),
        Rule.VALUE,
        "/effectiveTime",
    ),
    "no start of the main act": (
        resub(r"(<serviceEvent>.*?<effectiveTime>)<low [^>]*/>", r"\1"),
        Rule.ACT,
        "/effectiveTime/low",
    ),
    "no performer": (drop("performer"), Rule.ACT, "/performer"),
    "practice setting out of J04": (
        resub(r'(<performer.*?)code="ETABLISSEMENT"', r'\1code="HOPITAL"'),
        Rule.ACT,
        "/performer",
    ),
    "performer of a second act": (
        resub(r"(<performer.*?</performer>)(.*?</serviceEvent>.*?)(</serviceEvent>)", r"\1\2\1\3"),
        Rule.ACT,
        "/performer",
    ),
    "root with a leading zero": (
        swap('root="1.2.250.1.999.1.1.42"', 'root="1.2.250.01.42"'),
        Rule.IDENTITY,
        "/id",
    ),
    "empty extension": (swap('extension="1234567890121"', 'extension=""'), Rule.PATIENT, "/id"),
    "identifier twice": (
        resub(r'(<id root="1\.2\.250\.1\.213\.1\.4\.10"[^>]*/>)', r"\1\1"),
        Rule.VALUE,
        "/id",
    ),
    "bad telecom": (swap("tel:0144534551", "0144534551"), Rule.VALUE, "/telecom"),
    "empty telecom": (swap("tel:0144534551", "tel:"), Rule.VALUE, "/telecom"),
    "unknown use": (swap('use="WP"', 'use="XX"'), Rule.VALUE, ""),
    "body of another type": (
        swap('mediaType="application/pdf"', 'mediaType="text/html"'),
        Rule.BODY,
        "/text",
    ),
    # --- not detected by the national rules
    "INS-C": (swap(INS_NIR_TEST_OID + '"', '1.2.250.1.213.1.4.2"'), Rule.INS, "/id"),
    "short matricule": (swap("279035121518989", "2790351215189"), Rule.INS, "/id"),
    "two INS": (
        swap(
            "<patientRole>",
            '<patientRole><id root="1.2.250.1.213.1.4.8" extension="277076322082910"/>',
        ),
        Rule.INS,
        "/id",
    ),
    "no IPP": (resub(rf'<id root="{re.escape(samples.IPP_ROOT)}"[^>]*/>', ""), Rule.PATIENT, "/id"),
    "citizen address of another INS": (
        swap("mailto:279035121518989@", "mailto:277076322082910@"),
        Rule.INS,
        "/telecom",
    ),
    "en-US": (swap('code="fr-FR"', 'code="en-US"'), Rule.HEADER, "/languageCode"),
    "versionNumber 0": (
        swap('versionNumber value="2"', 'versionNumber value="0"'),
        Rule.IDENTITY,
        "/versionNumber",
    ),
    "version 1 that replaces": (
        swap('versionNumber value="2"', 'versionNumber value="1"'),
        Rule.IDENTITY,
        "/relatedDocument",
    ),
    "version 2 that replaces nothing": (drop("relatedDocument"), Rule.IDENTITY, "/relatedDocument"),
    "setId = id": (
        resub(r'<setId root="[^"]*"', f'<setId root="{samples.ROOT}.1.42"'),
        Rule.IDENTITY,
        "/setId",
    ),
    "replaces itself": (
        resub(r'(<parentDocument><id root=")[^"]*', rf"\g<1>{samples.ROOT}.1.42"),
        Rule.IDENTITY,
        "/relatedDocument",
    ),
    "another relation": (
        swap('typeCode="RPLC"', 'typeCode="APND"'),
        Rule.IDENTITY,
        "/relatedDocument",
    ),
    "lines and parts": (
        swap("<addr><houseNumber>", "<addr><streetAddressLine>x</streetAddressLine><houseNumber>"),
        Rule.VALUE,
        "/addr",
    ),
    "confidentiality V": (
        swap('<confidentialityCode code="N"', '<confidentialityCode code="V"'),
        Rule.HEADER,
        "/confidentialityCode",
    ),
    "effectiveTime without hour": (
        resub(r'(<title>.*?<effectiveTime value=")[^"]*', r"\g<1>20260709"),
        Rule.HEADER,
        "/effectiveTime",
    ),
    "author without code": (
        resub(r"(<assignedAuthor><id [^>]*/>)<code [^>]*/>", r"\1"),
        Rule.PARTICIPANT,
        "/assignedAuthor/code",
    ),
    "specialty with another label": (
        swap("Médecin - Médecine interne (SM)", "Interniste", 0),
        Rule.PARTICIPANT,
        "/code",
    ),
    "type with another label": (
        swap("Lettre de liaison à la sortie d'un établissement de soins", "Lettre"),
        Rule.HEADER,
        "/code",
    ),
    "facility with another label": (
        swap("Etablissement public de santé", "Hôpital"),
        Rule.ACT,
        "/location",
    ),
    "incomplete birth date": (
        swap('birthTime value="19790328"', 'birthTime value="1979"'),
        Rule.PATIENT,
        "/birthTime",
    ),
    "malformed RPPS": (
        swap('extension="801234567897"', 'extension="01234567897"', 0),
        Rule.PARTICIPANT,
        "/id",
    ),
    "malformed FINESS": (
        swap('extension="1750803447"', 'extension="750803447"', 0),
        Rule.PARTICIPANT,
        "/id",
    ),
    "body that is not a PDF": (swap(">JVBERi0", ">AAAAAAA"), Rule.BODY, "/text"),
    "PDF cut in the middle": (
        resub(r'(representation="B64">.{64})[^<]*', r"\1"),
        Rule.BODY,
        "/text",
    ),
    "bad base 64": (resub(r'(representation="B64">)', r"\1*"), Rule.BODY, "/text"),
    "empty title": (resub(r"<title>[^<]*</title>", "<title> </title>"), Rule.HEADER, "/title"),
}

N3_MUTATIONS: dict[str, tuple[Callable[[str], str], Rule, str]] = {
    "no model": (
        swap('<templateId root="1.2.250.1.213.1.1.1.29" extension="2022.01"/>', ""),
        Rule.IDENTITY,
        "/templateId",
    ),
    "no PDF in the copy": (
        resub(r"<observationMedia.*</observationMedia>", ""),
        Rule.BODY,
        "/observationMedia",
    ),
    "reference to nothing": (
        swap('reference value="#synthese"', 'reference value="#ailleurs"'),
        Rule.BODY,
        "/reference",
    ),
    "reference without mark": (
        swap('reference value="#synthese"', 'reference value="synthese"'),
        Rule.BODY,
        "/reference",
    ),
    "anchor twice": (swap('ID="entree"', 'ID="sortie"'), Rule.BODY, "/structuredBody"),
    "missing media": (
        swap('referencedObject="doc-1"', 'referencedObject="doc-2"'),
        Rule.BODY,
        "/renderMultiMedia",
    ),
    "mode of discharge out of its values": (
        swap('code="GEN-092.06.01"', 'code="GEN-092.06.09"'),
        Rule.BODY,
        "/value",
    ),
    "mode of admission out of its values": (
        swap('code="183452005"', 'code="1"'),
        Rule.BODY,
        "/value",
    ),
    "status out of its values": (swap('code="9571008"', 'code="1"'), Rule.BODY, "/value"),
    **{
        f"entry {code} missing": (
            resub(rf'<entry><observation(?:(?!</entry>).)*<code code="{code}".*?</entry>', ""),
            Rule.BODY,
            "/structuredBody",
        )
        for code in ("GEN-065", "ORG-070", "ORG-074", "MED-142", "MED-309", "MED-145", "MED-147")
    },
    **{
        f"section {code} missing": (
            resub(
                rf'<component><section>(?:(?!</section>).)*?<code code="{code}".*?</section></component>',
                "",
            ),
            Rule.BODY,
            "/structuredBody",
        )
        for code in ("33557-0", "42349-1", "42545-4", "10183-2")
    },
    "treatments without entry": (
        resub(r'(code="10183-2".*?</text>)(?:<entry>.*?</entry>)+(</section>)', r"\1\2"),
        Rule.BODY,
        "/section",
    ),
}


def found(text: str, changed: str) -> tuple[Finding, ...]:
    assert changed != text, "the mutation changed nothing"
    return check_document(changed.encode())


@pytest.mark.parametrize("name", HEADER_MUTATIONS)
def test_a_header_that_breaks_a_rule_is_found_where_it_breaks(name: str) -> None:
    mutate, rule, location = HEADER_MUTATIONS[name]
    findings = found(N1, mutate(N1))
    assert any(f.rule is rule and location in f.location for f in findings), findings


@pytest.mark.parametrize("name", N3_MUTATIONS)
def test_a_coded_letter_that_breaks_the_model_is_found(name: str) -> None:
    mutate, rule, location = N3_MUTATIONS[name]
    findings = found(N3, mutate(N3))
    assert any(f.rule is rule and location in f.location for f in findings), findings


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_the_builder_writes_has_no_finding(name: str) -> None:
    assert check_document(build_cda_n1(DOCUMENTS[name], samples.PDF)) == ()


@pytest.mark.parametrize("name", LETTERS)
def test_what_the_builder_of_letters_writes_has_no_finding(name: str) -> None:
    assert check_document(build_cda_n3(*LETTERS[name])) == ()


@pytest.mark.requirement("INS/va1.56")
def test_a_test_identity_is_not_validated_in_production() -> None:
    findings = check_document(N1.encode(), allowed_ins_oids=PRODUCTION_INS_OIDS)
    assert [(f.rule, f.location) for f in findings] == [
        (Rule.INS, "/ClinicalDocument/recordTarget/patientRole/id[1]")
    ]


def test_a_finding_reads_as_a_sentence_with_its_place() -> None:
    (finding,) = check_document(HEADER_MUTATIONS["en-US"][0](N1).encode())
    assert str(finding) == "/ClinicalDocument/languageCode : La langue est fr-FR [header]"


@pytest.mark.parametrize("data", [b"", b"<a/>", b"<!DOCTYPE a><a/>", b"%PDF-1.4"])
def test_bytes_that_are_no_document_are_a_finding(data: bytes) -> None:
    assert [f.rule for f in check_document(data)] == [Rule.XML]


@needs_official_data
@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.xml")) if EXAMPLES.is_dir() else [], ids=lambda path: path.name
)
def test_checking_any_official_document_never_fails(path: Path) -> None:
    """Some examples hold what a producer should not write; none may break the checks."""
    for one in check_document(path.read_bytes()):
        assert one.location.startswith("/")
        assert one.text and one.rule in Rule


@needs_official_data
def test_the_official_discharge_letter_breaks_only_what_we_ask_beyond_the_national_rules() -> None:
    findings = check_document((EXAMPLES / "LDL-SES_2022.01.xml").read_bytes())
    texts = {f.text for f in findings if f.rule is not Rule.VALUE}
    # Its references lack the mark `#`, and one of them leads nowhere.
    assert texts <= {
        "La référence ne mène à aucun texte",
        "L'identifiant national de la structure est mal formé",
        "La valeur n'est pas dans son jeu de valeurs",
    }, texts


def test_a_namespace_prefix_changes_nothing() -> None:
    prefixed = re.sub(
        r"<(/?)(?=[a-z])(?!sdtc:|ns\d|h:)",
        r"<\1h:",
        N1.replace("<ClinicalDocument xmlns=", "<h:ClinicalDocument xmlns:h="),
    )
    prefixed = prefixed.replace("</ClinicalDocument>", "</h:ClinicalDocument>")
    assert check_document(prefixed.encode()) == ()
    assert codes.HL7_V3 in prefixed
