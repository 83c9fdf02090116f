"""Counters of past months are frozen, rates are not (stats C11, C12; design 3)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from audit.models import Trace
from establishment.models import Unit
from patients.models import Episode
from stats.models import MonthlyFigure
from stats.rules.months import Month
from stats.services import months_close
from tests.stats.world import APRIL, MARCH, A, B, day, extract

pytestmark = pytest.mark.requirement("SC.STAT/ES.01")


@pytest.fixture
def letters(world):
    """One letter that arrived in March, one that failed then and arrives in April."""
    stay = world.stay(exit="03-05")
    world.letter(stay, "ok 03-06")
    late = world.letter(stay, "KO 03-30")
    return stay, late


def test_every_month_that_ended_is_closed_once_and_traced(letters):
    closed = months_close(now=day("04-15"))
    assert (closed[0], closed[-1], len(closed)) == (Month(2024, 1), MARCH, 15)
    assert months_close(now=day("04-15")) == []
    assert months_close(now=day("04-30 23:59")) == []
    assert months_close(now=day("05-01 00:00")) == [APRIL]
    assert Trace.objects.filter(type="stats.close").count() == 16
    assert MonthlyFigure.objects.filter(month=MARCH.first_day, finess=A, doc_type="LDL").exists()


def test_a_month_without_any_event_is_closed_by_its_zeros(world):
    months_close(now=day("04-15"))
    rows = MonthlyFigure.objects.filter(month=Month(2024, 2).first_day)
    assert set(rows.values_list("value", flat=True)) == {0}
    assert set(rows.values_list("finess", flat=True)) == {"TOUS"}


def test_frozen_and_counted_figures_are_the_same(letters):
    before = extract("04-15", by_service=True)
    months_close(now=day("04-15"))
    after = extract("04-15", by_service=True)

    def above_zero(found):
        return {key: value for key, value in found.tally.counts.items() if value}

    assert above_zero(after) == above_zero(before)
    assert after.tally.ratios == before.tally.ratios


def test_what_happens_after_the_closing_moves_the_rates_alone(world, letters):
    stay, late = letters
    months_close(now=day("04-15"))
    order = late.versions.get().orders.get()
    world.event(order, "ok 04-16")
    Unit.objects.filter(pk=stay.unit_id).update(site=world.units[B].site)
    Episode.objects.filter(pk=stay.pk).update(discharged_at=day("04-01"))

    found = extract("04-20")

    assert found.counts("ALI_DMP_FLUX_OK", doc_type="LDL") == [1, 1]
    assert found.counts("ALI_DMP_FLUX_KO", doc_type="LDL") == [1, 0]
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, A, doc_type="LDL") == (0, 0, None)
    assert found.ratio("ALI_DMP_TX_SEJ", APRIL, B, doc_type="LDL") == (1, 1, "100.00")


def test_the_current_month_is_counted_again_each_time(world, letters):
    months_close(now=day("04-15"))
    world.letter(letters[0], "ok 04-16")
    assert extract("04-17").count("ALI_DMP_FLUX_OK", APRIL, doc_type="LDL") == 1


@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_a_frozen_counter(letters, change):
    months_close(now=day("04-15"))
    rows = MonthlyFigure.objects.filter(value=1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(value=2) if change == "update" else rows.delete()
    assert rows.exists()


def test_a_closing_that_is_late_freezes_the_same_figures(world, letters):
    """A task that was missed is made good: what came since belongs to its own month."""
    stay, late = letters
    world.event(late.versions.get().orders.get(), "ok 04-16")
    months_close(now=day("06-10") + timedelta(hours=3))
    found = extract("06-10")
    assert found.counts("ALI_DMP_FLUX_OK", doc_type="LDL") == [1, 1]
    assert found.counts("ALI_DMP_FLUX_KO", doc_type="LDL") == [1, 0]
