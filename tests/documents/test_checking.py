"""What stops a produced document before it is validated."""

import pytest

from documents.checking import findings_of, lacking_facts
from documents.rendering import Renderings, renderings_build
from interop.ins.codes import PRODUCTION_INS_OIDS
from tests.documents.snapshots import letter, unqualified_letter


@pytest.fixture(scope="module")
def renderings():
    return renderings_build(letter())


def test_a_complete_letter_has_no_finding(renderings):
    assert lacking_facts(letter()) == []
    assert findings_of(letter(), renderings) == []
    assert lacking_facts(unqualified_letter()) == []


def test_a_matricule_of_test_is_refused_by_an_installation_of_production(renderings):
    findings = findings_of(letter(), renderings, allowed_ins_oids=PRODUCTION_INS_OIDS)
    assert any("recordTarget" in finding for finding in findings)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"patient": {"ipp": ""}}, "IPP"),
        ({"patient": {"birth_date": ""}}, "date de naissance"),
        ({"author": {"rpps": ""}}, "RPPS"),
        ({"author": {"profession": ""}}, "profession"),
        ({"site": {"finess": ""}}, "FINESS"),
        ({"site": {"sector": "SA99"}}, "secteur"),
        ({"unit": {"practice_setting": ""}}, "cadre d’exercice"),
    ],
)
def test_what_the_record_lacks_is_named(change, word):
    (fact,) = lacking_facts(letter(**change))
    assert word in fact


@pytest.mark.requirement("SC.CDA/DD.02")
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"document": {"unique_id": "1.2.3"}}, "identifiant"),
        ({"document": {"set_id": "1.2.3"}}, "setId"),
        ({"document": {"number": 9}}, "version"),
        ({"document": {"type_code": "11506-3"}}, "type"),
        ({"document": {"replaces": "1.2.3"}}, "remplacé"),
        ({"patient": {"ins": ""}}, "INS"),
        ({"patient": {"ins": "275126322074974"}}, "INS"),
    ],
)
def test_a_cda_that_says_other_than_the_snapshot_is_found(renderings, change, word):
    assert any(word in finding for finding in findings_of(letter(**change), renderings))


def test_a_paper_that_is_not_the_one_inside_the_cda_is_found(renderings):
    other = renderings_build(letter(document={"title": "Autre"}))
    findings = findings_of(letter(), Renderings(pdf=other.pdf, cda=renderings.cda))
    assert any("PDF" in finding for finding in findings)


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n", b"%PDF-1.4\n%%EOF"])
def test_a_broken_paper_is_found(renderings, pdf):
    assert findings_of(letter(), Renderings(pdf=pdf, cda=renderings.cda))


def test_bytes_that_are_no_cda_are_found(renderings):
    assert findings_of(letter(), Renderings(pdf=renderings.pdf, cda=b"<html/>"))
    assert findings_of(letter(), Renderings(pdf=renderings.pdf, cda=b"not xml"))
