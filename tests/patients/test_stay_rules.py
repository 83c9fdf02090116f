"""A stay replayed from its movements (hl7v2 4.2, 4.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.enums import EpisodeKind, EpisodeState
from patients.rules.stay import Content, Step, stay_of

DAY = datetime(2025, 1, 10, 9, tzinfo=UTC)


def step(event: str, hours: float = 0, **said: str) -> Step:
    return Step(event=event, at=DAY + timedelta(hours=hours), rank=int(hours * 60) + 1, **said)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], EpisodeState.CANCELLED),
        (["A05"], EpisodeState.PLANNED),
        (["A01"], EpisodeState.OPEN),
        (["A04"], EpisodeState.OPEN),
        (["A02"], EpisodeState.OPEN),
        (["A01", "A02"], EpisodeState.OPEN),
        (["A01", "A03"], EpisodeState.CLOSED),
        (["A01", "A21", "A22"], EpisodeState.OPEN),
        (["A01", "A03", "A02"], EpisodeState.CLOSED),
        (["A01", "A03", "A01"], EpisodeState.OPEN),
        (["A04", "A06"], EpisodeState.OPEN),
    ],
)
def test_state_after_movements(events: list[str], state: EpisodeState) -> None:
    assert stay_of(step(event, hours) for hours, event in enumerate(events)).state == state


def test_a_planned_date_after_the_admission_does_not_undo_it() -> None:
    stay = stay_of([step("A05", 48), step("A01", 0)])
    assert stay.state == EpisodeState.OPEN
    assert stay.planned_at == DAY + timedelta(hours=48)
    assert stay.admitted_at == DAY


def test_dates_are_those_of_the_admission_and_of_the_discharge() -> None:
    stay = stay_of([step("A01"), step("A02", 5), step("A03", 30)])
    assert (stay.admitted_at, stay.discharged_at) == (DAY, DAY + timedelta(hours=30))


def test_what_a_movement_does_not_say_stays() -> None:
    stay = stay_of(
        [
            step("A01", medical_unit="6268", nursing_unit="6268", housing_unit="H1", room="12", bed="P",
                 attending_name="RÉAULT Pierre", attending_rpps="1", patient_class="I"),
            step("A02", 1, medical_unit="7000"),
            step("A54", 2, attending_name="AGNES Isabelle"),
        ]
    )  # fmt: skip
    assert (stay.medical_unit, stay.nursing_unit, stay.housing_unit) == ("7000", "6268", "H1")
    assert (stay.room, stay.bed, stay.attending_name, stay.attending_rpps) == (
        "12",
        "P",
        "AGNES Isabelle",
        "",
    )
    assert stay.kind == EpisodeKind.INPATIENT


def test_a_new_housing_unit_empties_room_and_bed() -> None:
    stay = stay_of([step("A01", housing_unit="H1", room="12", bed="P"), step("A02", 1, housing_unit="H2")])
    assert (stay.housing_unit, stay.room, stay.bed) == ("H2", "", "")


@pytest.mark.parametrize(("given_class", "kind"), [("V", "O"), ("", "N"), ("Z", "N"), ("R", "R")])
def test_kind_of_stay(given_class: str, kind: str) -> None:
    assert stay_of([step("A01", patient_class=given_class)]).kind == kind


def test_the_order_of_arrival_changes_nothing() -> None:
    steps = [
        step("A05", 0, medical_unit="1"),
        step("A01", 1, medical_unit="2", housing_unit="H1", room="1"),
        step("A02", 2, medical_unit="3", housing_unit="H2"),
        step("A03", 3),
    ]
    assert len({stay_of(order) for order in permutations(steps)}) == 1


codes = st.sampled_from(["", "U1", "U2"])
contents = st.builds(
    Content,
    nature=st.sampled_from(["", "S", "H", "M", "SM", "SH", "MH", "HMS"]),
    medical_unit=codes,
    nursing_unit=codes,
    housing_unit=codes,
    room=codes,
    bed=codes,
)


@given(contents, contents)
def test_merging_two_messages_of_one_movement_loses_nothing(first: Content, later: Content) -> None:
    merged = first.merged_with(later)
    assert merged.merged_with(later) == merged
    for name in ("medical_unit", "nursing_unit", "housing_unit", "room", "bed"):
        assert getattr(merged, name) == (getattr(later, name) or getattr(first, name))


@pytest.mark.parametrize(
    ("first", "later", "merged"),
    [("S", "M", "SM"), ("H", "SM", "HMS"), ("L", "D", "LD"), ("HMS", "S", "HMS")],
)
def test_natures_are_united(first: str, later: str, merged: str) -> None:
    assert Content(nature=first).merged_with(Content(nature=later)).nature == merged
