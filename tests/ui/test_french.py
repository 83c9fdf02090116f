"""Dates, ages, names and figures as a French reader writes them."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui import french

NOW = datetime(2025, 3, 8, 13, 38, tzinfo=UTC)


@pytest.mark.parametrize(
    ("birth", "on", "written"),
    [
        (date(1979, 3, 28), date(2025, 3, 8), "45 ans"),
        (date(1979, 3, 28), date(2025, 3, 28), "46 ans"),
        (date(2023, 3, 8), date(2025, 3, 8), "2 ans"),
        (date(2023, 3, 9), date(2025, 3, 8), "23 mois"),
        (date(2025, 1, 8), date(2025, 3, 8), "2 mois"),
        (date(2025, 1, 9), date(2025, 3, 8), "58 jours"),
        (date(2025, 3, 7), date(2025, 3, 8), "1 jour"),
        (date(2025, 3, 8), date(2025, 3, 8), "0 jour"),
        (date(2024, 2, 29), date(2026, 2, 28), "23 mois"),
        (None, date(2025, 3, 8), "—"),
        (date(2025, 3, 9), date(2025, 3, 8), "—"),
    ],
)
def test_age_is_said_in_years_then_months_then_days(birth: date | None, on: date, written: str) -> None:
    assert french.age(birth, on) == written


def test_moments_are_local_and_as_short_as_the_day_allows() -> None:
    assert french.when(datetime(2025, 3, 8, 13, 32, tzinfo=UTC), NOW) == "14:32"
    assert french.when(datetime(2025, 1, 7, 17, 4, tzinfo=UTC), NOW) == "07/01 18:04"
    assert french.when(datetime(2024, 12, 20, 8, 0, tzinfo=UTC), NOW) == "20/12/2024 09:00"
    assert french.moment(datetime(2025, 3, 8, 13, 36, tzinfo=UTC), NOW) == "08/03 14:36"
    assert french.full_moment(datetime(2025, 3, 6, 10, 2, tzinfo=UTC)) == "06/03/2025 11:02"


def test_an_evening_in_utc_is_already_the_next_local_day() -> None:
    assert french.when(datetime(2025, 3, 8, 23, 30, tzinfo=UTC), NOW) == "09/03 00:30"


def test_departures_are_said_in_words_near_and_in_figures_far() -> None:
    assert french.departure(datetime(2025, 3, 8, 21, 0, tzinfo=UTC), NOW) == "aujourd’hui 22:00"
    assert french.departure(datetime(2025, 3, 9, 7, 0, tzinfo=UTC), NOW) == "demain 08:00"
    assert french.departure(datetime(2025, 3, 12, 7, 0, tzinfo=UTC), NOW) == "12/03 08:00"
    assert french.scheduled(datetime(2025, 3, 8, 21, 0, tzinfo=UTC), NOW) == "22:00"
    assert french.scheduled(datetime(2025, 3, 9, 21, 0, tzinfo=UTC), NOW) == "(09/03 22:00)"


def test_days_of_stay_are_counted_from_zero_on_local_days() -> None:
    assert french.stay_day(datetime(2025, 3, 6, 23, 30, tzinfo=UTC), NOW) == "J1"
    assert french.stay_day(NOW, NOW) == "J0"


@pytest.mark.parametrize(
    ("strict", "shown"),
    [
        ("DOMINIQUE", "Dominique"),
        ("JEAN-LUC", "Jean-Luc"),
        ("ISMAËL", "Ismaël"),
        ("D ARTAGNAN", "D Artagnan"),
        ("", ""),
    ],
)
def test_given_names_change_case_and_nothing_else(strict: str, shown: str) -> None:
    assert french.given_name(strict) == shown


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ' -", max_size=40))
def test_given_names_never_lose_or_change_a_letter(strict: str) -> None:
    assert french.given_name(strict).upper() == strict


def test_figures_follow_french_typography() -> None:
    assert french.whole(1270) == "1\u202f270"
    assert french.percent(81.4) == "81,4\u202f%"
    assert french.percent(None) == "—"
    assert french.file_size(188_416) == "184\u00a0Ko"
    assert french.file_size(1_258_291) == "1,2\u00a0Mo"
    assert french.file_size(12) == "12\u00a0o"


def test_a_matricule_is_cut_as_people_read_it() -> None:
    assert french.matricule("279035121518989").replace("\u00a0", " ") == "2 79 03 51 215 189 89"
    assert french.matricule("12") == "12"


def test_absent_dates_are_a_dash() -> None:
    assert (
        french.care_date(None)
        == french.dense_date(None)
        == french.hour(None)
        == french.when(None, NOW)
        == "—"
    )
