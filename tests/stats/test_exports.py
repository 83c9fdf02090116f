"""Files prepared in the background, and the monthly one (workflows 8; F-PV-29)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import IntegrityError, transaction

from audit.models import Trace
from stats import tasks
from stats.enums import ExportState
from stats.errors import ExportExpired, ExportNotReady
from stats.models import Export, MonthlyFigure
from stats.rules.months import Month, Period
from stats.selectors.exporting import Wanted, csv_lines
from stats.services import export_build, export_monthly, export_open, export_request, exports_expire
from tests.factories import UserFactory
from tests.stats.world import APRIL, EJ, MARCH, day

NOW = day("04-15 08:00")
WANTED = Wanted(Period(MARCH, APRIL), by_service=True)


@pytest.fixture
def user(db: None):
    return UserFactory()


def ask(user, now=NOW) -> Export:
    return export_request(wanted=WANTED, user=user, actor=user.as_actor(), now=now)


class TestBackground:
    @pytest.mark.requirement("F-PV-29")
    def test_a_worker_prepares_the_file_that_would_have_come_at_once(self, world, user):
        ask(user)
        with time_machine.travel(NOW, tick=False):
            assert tasks.exports() == 1
            assert tasks.exports() == 0
        export = Export.objects.get()
        expected = "".join(csv_lines(WANTED, NOW)).encode()
        assert (export.state, bytes(export.content)) == (ExportState.READY, expected)
        assert (export.size, export.file_name) == (len(expected), f"indicateurs_{EJ}_2025-04-15.csv")
        assert export.expires_at == NOW + timedelta(hours=24)
        trace = Trace.objects.get(type="stats.export")
        assert (trace.actor_uid, trace.detail["by_service"]) == (user.uid, True)

    def test_taking_it_is_traced_and_its_link_lasts_a_day(self, world, user):
        export = export_build(export=ask(user), now=NOW)
        just_before = NOW + timedelta(hours=24, microseconds=-1)
        assert export_open(export=export, actor=user.as_actor(), now=just_before) == bytes(export.content)
        trace = Trace.objects.get(type="stats.download")
        assert (trace.actor_uid, trace.object_uid) == (user.uid, export.uid)
        with pytest.raises(ExportExpired):
            export_open(export=export, actor=user.as_actor(), now=NOW + timedelta(hours=24))

    def test_a_file_whose_link_is_over_is_emptied_and_stays_as_a_row(self, world, user):
        export = export_build(export=ask(user), now=NOW)
        assert exports_expire(now=NOW + timedelta(hours=23)) == 0
        assert exports_expire(now=NOW + timedelta(hours=25)) == 1
        export.refresh_from_db()
        assert (export.state, export.content) == (ExportState.EXPIRED, None)
        with pytest.raises(ExportExpired):
            export_open(export=export, actor=user.as_actor(), now=NOW)

    def test_a_file_that_is_not_ready_is_not_taken(self, world, user):
        with pytest.raises(ExportNotReady):
            export_open(export=ask(user), actor=user.as_actor(), now=NOW)
        assert not Trace.objects.filter(type="stats.download").exists()

    def test_what_was_begun_and_never_ended_fails_in_the_end(self, world, user):
        """A worker that dies leaves a lease; a file that kills its worker is given up."""
        ask(user)
        Export.objects.update(attempts=3, claimed_until=NOW - timedelta(minutes=1))
        with time_machine.travel(NOW, tick=False):
            tasks.exports()
        assert Export.objects.get().state == ExportState.FAILED

    def test_a_file_that_another_worker_prepares_is_left_to_it(self, world, user):
        ask(user)
        Export.objects.update(claimed_by="other", claimed_until=NOW + timedelta(minutes=5))
        with time_machine.travel(NOW, tick=False):
            assert tasks.exports() == 0

    def test_the_database_wants_a_file_behind_ready(self, world, user):
        export = ask(user)
        with pytest.raises(IntegrityError), transaction.atomic():
            Export.objects.filter(pk=export.pk).update(state=ExportState.READY)


class TestMonthly:
    @pytest.fixture(autouse=True)
    def _folder(self, settings, tmp_path: Path):
        settings.STATS_EXPORT_FOLDER = tmp_path
        settings.STATS_EXPORT_DAY = 2
        settings.STATS_EXPORT_HOUR = 5

    @pytest.mark.requirement("F-PV-29")
    def test_it_is_written_once_a_month_from_its_day_and_hour(self, world, tmp_path):
        assert export_monthly(now=day("04-01 23:00")) is None
        assert export_monthly(now=day("04-02 04:59")) is None
        written = export_monthly(now=day("04-02 05:00"))
        assert written is not None and written.is_scheduled
        path = tmp_path / f"indicateurs_{EJ}_2025-04-02.csv"
        expected = "".join(csv_lines(Wanted(Period(Month(2024, 1), APRIL)), day("04-02 05:00"))).encode()
        assert path.read_bytes() == expected
        assert list(tmp_path.iterdir()) == [path]
        assert export_monthly(now=day("04-20")) is None
        assert export_monthly(now=day("05-03")) is not None
        assert Trace.objects.filter(type="stats.export", actor_login="stats.monthly").count() == 2

    def test_a_task_that_was_missed_is_made_good(self, world):
        assert export_monthly(now=day("04-28 12:00")) is not None

    def test_without_a_folder_nothing_is_written(self, world, settings):
        settings.STATS_EXPORT_FOLDER = None
        assert export_monthly(now=day("04-02 05:00")) is None

    def test_a_folder_that_cannot_be_written_is_said_and_tried_again(self, world, settings, tmp_path):
        settings.STATS_EXPORT_FOLDER = tmp_path / "absent"
        with time_machine.travel(day("04-02 06:00"), tick=False):
            tasks.monthly()
        assert not Export.objects.exists()
        assert MonthlyFigure.objects.filter(month=MARCH.first_day).exists()
        (tmp_path / "absent").mkdir()
        with time_machine.travel(day("04-02 07:00"), tick=False):
            tasks.monthly()
        assert Export.objects.get().state == ExportState.READY
