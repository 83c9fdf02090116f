"""What a letter must say before it may be validated (spec cda 7.1)."""

import pytest

from documents.writing import (
    LDL_SES,
    cleaned_body,
    empty_body,
    invalid_answers,
    is_asked,
    missing_sections,
)
from tests.documents.snapshots import BODY


def _keys(sections):
    return {section.key for section in sections}


@pytest.mark.requirement("HOP/va1.03")
def test_the_sections_that_the_volet_requires_are_required():
    assert _keys(missing_sections(LDL_SES, empty_body(LDL_SES))) == {
        "motif",
        "modalite_entree",
        "synthese",
        "micro_organismes",
        "transfusion",
        "derives_sang",
        "traitements",
        "modalite_sortie",
    }


def test_a_complete_letter_lacks_nothing():
    assert missing_sections(LDL_SES, BODY) == []
    assert invalid_answers(LDL_SES, BODY) == []


def test_blank_text_is_not_an_answer():
    assert _keys(missing_sections(LDL_SES, BODY | {"motif": " \n\t"})) == {"motif"}


def test_no_treatment_is_an_answer_and_an_empty_table_is_not():
    assert missing_sections(LDL_SES, BODY | {"traitements": {"none": True, "rows": []}}) == []
    assert _keys(missing_sections(LDL_SES, BODY | {"traitements": {"none": False, "rows": []}})) == {
        "traitements"
    }


@pytest.mark.parametrize(
    ("question", "dependent"),
    [
        ("transfusion", "transfusion_incident"),
        ("derives_sang", "derives_sang_incident"),
        ("micro_organismes", "micro_organismes_identifies"),
    ],
)
def test_a_dependent_section_is_asked_only_after_a_yes(question, dependent):
    section = LDL_SES.section(dependent)
    assert is_asked(section, BODY | {question: "oui"})
    assert not is_asked(section, BODY | {question: "non"})


def test_an_answer_outside_the_options_is_refused():
    assert _keys(invalid_answers(LDL_SES, BODY | {"modalite_sortie": "fugue"})) == {"modalite_sortie"}


def test_a_body_takes_the_shape_of_its_model_whatever_was_sent():
    sent = {
        "motif": "Chute\x00 à domicile",
        "synthese": ["liste"],
        "inconnu": "perdu",
        "traitements": {"rows": [{"name": "Paracétamol", "extra": 1}, {"name": ""}, "texte"], "none": True},
    }
    body = cleaned_body(LDL_SES, sent)
    assert body.keys() == empty_body(LDL_SES).keys()
    assert (body["motif"], body["synthese"]) == ("Chute à domicile", "")
    assert body["traitements"] == {
        "none": False,
        "rows": [{"name": "Paracétamol", "dosage": "", "status": ""}],
    }


def test_cleaning_a_clean_body_changes_nothing():
    assert cleaned_body(LDL_SES, BODY) == BODY
    assert cleaned_body(LDL_SES, empty_body(LDL_SES)) == empty_body(LDL_SES)
    assert cleaned_body(LDL_SES, {"traitements": {"none": True, "rows": None}})["traitements"]["none"]
