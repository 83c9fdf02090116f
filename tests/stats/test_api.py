"""Indicators by the API: the same figures as the file, by month, and the file itself (SC.STAT/ES.01)."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from audit.models import Trace
from stats.enums import Chapter
from stats.rules.months import Period
from stats.selectors.exporting import Wanted, csv_lines, figures_for
from tests.calling import actor_is, caller, client_of, issue, problem_of
from tests.factories import AssignmentFactory, RoleFactory
from tests.signing_in import sign_in
from tests.stats.world import MARCH, A, World, day

pytestmark = pytest.mark.django_db

READ = "stats:read"
NOW = day("04-15 08:00")


def figures(client: Client, **query: Any) -> Any:
    return client.get(reverse("api:stats_figures"), {"month": "2025-03"} | query)


def exported(client: Client, **query: Any) -> Any:
    return client.get(reverse("api:stats_csv"), query)


class TestFigures:
    def test_a_month_says_what_the_file_says(self, world: World):
        for exit, event in (("03-02", "ok 03-06"), ("03-03", "ok 04-02"), ("03-04", "KO 03-31")):
            world.letter(world.stay(exit=exit), event)
        with time_machine.travel(NOW, tick=False):
            found = figures(caller(READ)).json()
            wanted = list(figures_for(Wanted(Period(MARCH, MARCH)), NOW))

        assert (found["month"], found["extracted_at"]) == ("2025-03", "2025-04-15T06:00:00Z")
        assert [row["indicator"] for row in found["results"]] == [one.key.indicator for one in wanted]
        [rate] = [
            row
            for row in found["results"]
            if (row["indicator"], row["finess"], row["doc_type"]) == ("ALI_DMP_TX_SEJ", A, "LDL")
        ]
        assert (rate["numerator"], rate["denominator"], rate["rate"]) == (2, 3, 66.67)
        assert (rate["unit"], rate["value"]) == ("PCT", None)

    def test_a_rate_without_base_is_null_and_never_zero(self, world: World):
        rates = [row for row in figures(caller(READ)).json()["results"] if row["unit"] == "PCT"]
        assert rates
        assert all((row["rate"], row["denominator"]) == (None, 0) for row in rates)

    def test_a_site_and_chapters_narrow_it(self, world: World):
        found = figures(caller(READ), finess=A, chapter=["ALI", "INFO"]).json()["results"]
        assert {row["finess"] for row in found} == {A}
        assert {row["chapter"] for row in found} == {Chapter.ALI, Chapter.INFO}

    @pytest.mark.parametrize(
        "query",
        [{"month": ""}, {"month": "2025-13"}, {"month": "03-2025"}, {"chapter": "X1"}, {"by_service": "1"}],
    )
    def test_what_does_not_suit_is_refused(self, world: World, query: dict[str, str]):
        found = problem_of(figures(caller(READ), **query), 400)
        assert [one["field"] for one in found["errors"]] == list(query)

    def test_a_reading_is_traced(self, world: World):
        issued = issue(READ)
        figures(client_of(issued), finess=A)
        trace = Trace.objects.get(type="report.run")
        assert actor_is(trace, issued.token)
        assert trace.detail == {"month": "2025-03", "finess": A, "by_service": False}


class TestCsv:
    def test_it_is_the_file_of_the_command(self, world: World):
        world.letter(world.stay(exit="03-02"), "ok 03-06")
        with time_machine.travel(NOW, tick=False):
            answer = exported(caller(READ), from_month="2025-03", to_month="2025-03")
            wanted = "".join(csv_lines(Wanted(Period(MARCH, MARCH)), NOW))

        assert answer.content.decode() == wanted
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == (
            'attachment; filename="indicateurs_010000001_2025-04-15.csv"'
        )

    def test_an_extraction_is_traced(self, world: World):
        issued = issue(READ)
        exported(client_of(issued), from_month="2025-03", to_month="2025-03")
        trace = Trace.objects.get(type="stats.export")
        assert actor_is(trace, issued.token)
        assert (trace.detail["from"], trace.detail["to"]) == ("2025-03", "2025-03")

    @pytest.mark.parametrize(
        "query",
        [
            {"from_month": "2025-04", "to_month": "2025-03"},
            {"from_month": "2025-12", "to_month": "2025-01"},
            {"from_month": "2020-01", "to_month": "2025-03"},
            {"from_month": "2000-01"},
        ],
    )
    def test_a_period_that_cannot_be_is_refused(self, world: World, query: dict[str, str]):
        assert problem_of(exported(caller(READ), **query), 422)["code"] == "period_refused"
        assert problem_of(exported(caller(READ), from_month="2025"), 400)["code"] == "invalid"

    def test_extractions_are_limited_by_the_hour(self, world: World, settings: Any):
        settings.API_EXPORTS_PER_HOUR = 1
        client = caller(READ)
        month = {"from_month": "2025-03", "to_month": "2025-03"}
        assert [exported(client, **month).status_code for _ in range(2)] == [200, 429]


class TestWhoMayRead:
    def test_a_token_of_some_units_reads_no_figure_of_the_establishment(self, world: World):
        issued = issue(READ, units=[next(iter(world.units.values()))])
        for answer in (figures(client_of(issued)), exported(client_of(issued))):
            assert problem_of(answer, 403)["code"] == "units"
        refused = Trace.objects.filter(type="access.refused")
        assert [one.reason for one in refused] == ["units", "units"]
        assert all(actor_is(one, issued.token) for one in refused)

    def test_people_of_the_steering_read_and_carers_do_not(self, world: World):
        def status(code: RoleCode) -> int:
            person = AssignmentFactory(role=RoleFactory(code=code), unit=None).user
            return figures(sign_in(Client(), person)).status_code

        assert status(RoleCode.PILOTAGE) == 200
        assert status(RoleCode.PRESCRIPTEUR) == 403

    def test_a_hospital_that_is_not_described_is_said(self):
        assert problem_of(figures(caller(READ)), 409)["code"] == "establishment_unknown"
        assert problem_of(exported(caller(READ)), 409)["code"] == "establishment_unknown"
