"""The table of words for states: complete, distinguishable without colour, never silent."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template

from consent.enums import ChoiceSource, ChoiceValue, Subject
from documents.enums import DeletionMotive, VersionState
from exchange.enums import MessageState
from patients.enums import AlertState, IdentityAttribute, IdentityStatus
from pfi.enums import JobState
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from ui import pills
from ui.icons import ICON_NAMES


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("identity_status", IdentityStatus.values),
        ("identity_attribute", IdentityAttribute.values),
        ("choice", ChoiceValue.values),
        ("choice_subject", Subject.values),
        ("choice_source", ChoiceSource.values),
        ("order_state", OrderState.values),
        ("order_reason", [value for value in OrderReason.values if value]),
        ("order_channel", Channel.values),
        ("order_action", OrderAction.values),
        ("order_origin", OrderOrigin.values),
        ("deletion_motive", DeletionMotive.values),
        ("job_state", JobState.values),
        ("version_state", VersionState.values),
        ("allergy", AlertState.values),
    ],
)
def test_every_stored_state_has_its_word(family: str, values: list[str]) -> None:
    assert set(pills.FAMILIES[family]) == set(values)


def test_states_of_messages_are_split_by_direction() -> None:
    assert set(pills.FAMILIES["message_out"]) | set(pills.FAMILIES["message_in"]) == set(MessageState.values)


def test_the_dmp_access_has_the_eleven_states_of_the_vocabulary() -> None:
    vocabulary = {
        "not_informed", "opposed", "checking", "none", "closed", "open", "blocked", "not_allowed",
        "ins_not_qualified", "unavailable", "break_glass",
    }  # fmt: skip
    assert vocabulary <= set(pills.FAMILIES["dmp_access"])


@pytest.mark.parametrize("family", sorted(pills.FAMILIES))
def test_no_two_states_of_a_family_share_word_icon_and_box(family: str) -> None:
    looks = [(mark.label, mark.icon, mark.weight) for mark in pills.FAMILIES[family].values()]
    assert len(looks) == len(set(looks))


def test_every_icon_named_by_a_state_is_drawn() -> None:
    named = {mark.icon for marks in pills.FAMILIES.values() for mark in marks.values()}
    assert named - {""} <= ICON_NAMES


def test_an_opposition_is_grey_and_never_red() -> None:
    assert pills.FAMILIES["choice"]["opposed"].tone == "neu"
    assert pills.FAMILIES["dmp_access"]["opposed"].tone == "neu"
    assert pills.FAMILIES["order_state"]["blocked"].tone == "neu"


def test_only_failures_are_solid() -> None:
    solid = {
        mark.tone for marks in pills.FAMILIES.values() for mark in marks.values() if mark.weight == "solid"
    }
    assert solid == {"bad"}


def test_unknown_allergies_never_read_as_none() -> None:
    unknown, none = pills.FAMILIES["allergy"]["not_recorded"], pills.FAMILIES["allergy"]["none_known"]
    assert unknown.weight == "dashed" and none.weight == "quiet"
    assert unknown.label == "Allergies non renseignées"


@pytest.mark.parametrize(
    ("family", "state", "detail", "word"),
    [
        ("order_state", "scheduled", "22:00", "Programmé 22:00"),
        ("order_state", "failed", "5.1.1", "Échec (5.1.1)"),
        ("order_state", "blocked", "opposition", "Bloqué – opposition"),
        ("sending", "received_dmp", "07/03", "Reçu DMP 07/03"),
        ("dmp_access", "unavailable", "14:32", "DMP indisponible (14:32)"),
        ("visibility", "invisible_patient", "41 j", "Invisible patient · 41 j"),
        ("allergy", "known", "pénicilline", "Allergie\u202f: pénicilline"),
        ("version_state", "replaced", "v2", "Remplacé par v2"),
    ],
)
def test_a_detail_is_written_as_the_state_wants(family: str, state: str, detail: str, word: str) -> None:
    assert pills.mark(family, state).word(detail=detail) == word


def test_a_state_missing_from_the_table_is_shown_and_not_hidden() -> None:
    assert "État inconnu (lost)" in _render('{% pill "order_state" "lost" %}')


def test_an_unknown_family_is_a_mistake_of_the_template() -> None:
    with pytest.raises(LookupError):
        pills.mark("no_such_family", "held")
    with pytest.raises(LookupError):
        pills.label("order_state", "lost")


def test_a_pill_holds_an_icon_hidden_from_readers_and_a_word() -> None:
    html = _render('{% pill "identity_status" "QUAL" place="banner" %}')
    assert 'class="pill is-tint is-ok pill--banner"' in html
    assert 'aria-hidden="true"' in html and "<span>Identité qualifiée</span>" in html


def test_a_detail_from_outside_is_escaped() -> None:
    assert "<script>" not in _render('{% pill "order_state" "failed" code %}', code="<script>")


def test_origins_are_tiles_and_receptions_badges() -> None:
    assert 'class="tile is-accent"' in _render('{% pill "document_origin" "mssante" %}')
    assert _render('{% pill "reception" "new" %}') == '<span class="badge">NOUVEAU</span>'


def test_every_tone_and_weight_has_its_rule_in_the_style_sheet() -> None:
    css = Path("static/css/components.css").read_text(encoding="utf-8")
    marks = [mark for marks in pills.FAMILIES.values() for mark in marks.values()]
    for mark in marks:
        assert re.search(rf"\.is-{mark.tone}\b", css)
        if mark.weight not in ("badge", "tile"):
            assert f".is-{mark.weight}" in css


def _render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))
