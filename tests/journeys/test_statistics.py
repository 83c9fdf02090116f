"""Journey 8 of workflows.md: the DSI exports the statistics, without seeing a patient.

No remote service takes part: nothing to slow down or to cut.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from audit.models import Trace
from patients.enums import EpisodeKind
from patients.models import Episode
from stats import tasks
from stats.definitions import INDICATORS
from stats.rules.months import default_period, month_of_day
from tests.journeys.conftest import Installation, seated
from tests.journeys.test_pages import cuts, shown

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

EXPORT_CLICKS = 2
CHOICE_CLICKS = 2


@pytest.mark.requirement("SC.STAT/ES.01", "F-PV-29", "F-PV-30")
def test_the_dsi_opens_the_figures_and_takes_the_file_in_two_clicks(installation: Installation) -> None:
    reader = seated(installation, "kbenali")
    page = reader.page
    reader.go("/compte")
    with reader.budget(EXPORT_CLICKS):
        reader.click(page.get_by_role("link", name="Indicateurs", exact=True))
        expect(page.get_by_role("heading", name="Indicateurs", level=1)).to_be_visible()
        expect(page.locator(".figure-card")).to_have_count(4)
        expect(page.locator(".figure-card").first).to_contain_text("dont la lettre de liaison a été versée")
        with page.expect_download() as begun:
            reader.click(page.get_by_role("button", name="Exporter CSV"))
    today = timezone.localdate()
    assert begun.value.suggested_filename == f"indicateurs_990000010_{today}.csv"
    content = begun.value.path().read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert {row["Code indicateur"] for row in rows} == {one.code for one in INDICATORS}
    assert {row["Période"] for row in rows} == {month.text for month in default_period(today)}
    stays = Episode.objects.filter(kind=EpisodeKind.INPATIENT, discharged_at__isnull=False)
    closed = stays.latest("discharged_at").discharged_at
    month = month_of_day(timezone.localtime(closed).date()).text
    line = next(
        row
        for row in rows
        if (row["FINESS géographique"], row["Période"], row["Code indicateur"], row["Volet"])
        == ("TOUS", month, "INFO_SEJ_NONOPP", "GLOBAL")
    )
    assert int(line["Dénominateur"]) > 0
    traces = Trace.objects.filter(actor_login="kbenali", type__in=["report.run", "stats.export"])
    assert set(traces.values_list("type", "actor_role")) == {
        ("report.run", "pilotage"),
        ("stats.export", "pilotage"),
    }


@pytest.mark.requirement("F-PV-30", "F-PV-31")
def test_site_and_month_are_two_clicks_each_and_a_large_file_waits_for_a_day(
    installation: Installation, settings
) -> None:
    reader = seated(installation, "kbenali")
    page = reader.page
    reader.go("/indicateurs/")
    with reader.budget(CHOICE_CLICKS):
        reader.click(page.locator("summary", has_text="FINESS"))
        reader.click(page.get_by_role("link", name="990000101"))
    expect(page.locator("summary", has_text="FINESS")).to_contain_text("990000101")
    with reader.budget(CHOICE_CLICKS):
        reader.click(page.locator("summary", has_text="Période"))
        reader.click(page.get_by_role("link", name="(en cours)"))
    expect(page.locator(".page__head")).to_contain_text("Mois en cours")
    expect(page.locator("summary", has_text="FINESS")).to_contain_text("990000101")

    settings.STATS_DIRECT_LINES = 10
    reader.click(page.get_by_role("link", name="Exports CSV"))
    page.get_by_label("Une ligne par service").check()
    reader.click(page.get_by_role("button", name="Exporter CSV"))
    reader.toast("Export en préparation")
    tasks.exports()
    link = page.get_by_role("link", name="Télécharger")
    expect(link).to_be_visible(timeout=15_000)
    with page.expect_download():
        reader.click(link)
    assert installation.traced("stats.download", actor_login="kbenali")


@pytest.mark.requirement("F-PV-30", "F-PV-32")
def test_figures_show_no_patient_and_their_list_opens_to_who_may_see_identities(
    installation: Installation,
) -> None:
    reader = seated(installation, "kbenali")
    page = reader.page
    reader.go("/indicateurs/pages/alimentation")
    names = set(Episode.objects.values_list("patient__birth_name", flat=True))
    assert not [name for name in names if name in page.content()]
    expect(page.get_by_role("link", name="voir les séjours comptés")).to_have_count(0)
    reader.go("/indicateurs/sejours?indicateur=ALI_DMP_TX_SEJ&type=LDL&mois=2025-03")
    expect(page.get_by_role("heading", name="Accès refusé")).to_be_visible()

    watcher = seated(installation, "ifaure")
    watcher.go("/indicateurs/")
    watcher.click(watcher.page.get_by_role("link", name="voir les séjours comptés").first)
    expect(watcher.page.get_by_role("heading", name="Séjours comptés")).to_be_visible()
    assert installation.traced("list.view", actor_login="ifaure", object_type="stats.stays")
    doctor = installation.sits_down("HODA")
    expect(doctor.page.get_by_role("link", name="Indicateurs")).to_have_count(0)
    doctor.go("/indicateurs/")
    expect(doctor.page.get_by_role("heading", name="Accès refusé")).to_be_visible()


def test_pages_of_the_indicators(installation: Installation) -> None:
    """In pictures, beside reference 10, and accessible in both themes."""
    reader = seated(installation, "kbenali")
    page = reader.page
    reader.go("/indicateurs/")
    shown(page, "10-statistics")
    assert cuts(page) == []
    for slug in ("alimentation", "consultation", "information"):
        reader.go(f"/indicateurs/pages/{slug}")
        shown(page, f"10-statistics-{slug}")
    reader.go("/indicateurs/exports/")
    shown(page, "10-statistics-exports")
    watcher = seated(installation, "ifaure")
    month = month_of_day(timezone.localdate().replace(day=1) - timedelta(days=1)).text
    watcher.go(f"/indicateurs/sejours?indicateur=INFO_SEJ_NONOPP&volet=GLOBAL&mois={month}")
    shown(watcher.page, "10-statistics-stays")
