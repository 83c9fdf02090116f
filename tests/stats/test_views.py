"""The pages of the indicators: what they say, to whom, and what they leave in the trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from lxml import html
from redis.exceptions import ConnectionError as RedisGone

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install
from audit.context import system_actor
from audit.models import Trace
from consent.enums import ChoiceValue
from sending.models import Order
from stats import tasks
from stats.enums import ExportState
from stats.models import Export
from stats.rules.months import Month, Period
from stats.selectors.exporting import Wanted, csv_lines
from tests.factories import UserFactory
from tests.signing_in import sign_in
from tests.stats.world import EJ, A, B, World, day

NOW = day("04-15 09:00")


@pytest.fixture(autouse=True)
def _in_april():
    with time_machine.travel(NOW, tick=False) as travelled:
        yield travelled


def person(role: RoleCode) -> User:
    roles_install()
    user = UserFactory(profession="", rpps="")
    assignment_give(user=user, role=role, giver=None, actor=system_actor("tests"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def pilot(world: World) -> Client:
    return sign_in(Client(), person(RoleCode.PILOTAGE), opened_at=NOW)


@pytest.fixture
def watcher(world: World) -> Client:
    """Identitovigilance: figures and identities."""
    return sign_in(Client(), person(RoleCode.IDENTITOVIGILANCE), opened_at=NOW)


@pytest.fixture
def march(world: World) -> World:
    """Three stays at A in March, two of them with their letter in the DMP; one at B without."""
    for number, event in ((2, "ok 03-06"), (3, "ok 04-02"), (4, "KO 03-31")):
        stay = world.stay(exit=f"03-0{number}")
        world.letter(stay, event)
        world.choose(stay, "03-01", alimentation=ChoiceValue.NOT_OPPOSED)
    world.stay(exit="03-09", at=B)
    return world


def page(client: Client, name: str, *arguments: str, **query: str) -> html.HtmlElement:
    answer = client.get(reverse(name, args=arguments), query)
    assert answer.status_code == 200
    return html.document_fromstring(answer.content.decode())


def text(element: html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


class TestOverview:
    @pytest.mark.requirement("F-PV-29", "F-PV-30", "F-PV-32")
    def test_it_shows_the_last_month_that_ended_with_the_definition_of_each_figure(self, march, pilot):
        shown = page(pilot, "stats:overview")
        assert "Mois clôturé : mars 2025" in text(shown.find_class("page__head")[0])
        card = shown.find_class("figure-card")[0]
        assert "Lettres de liaison au DMP 50,0 % 2 sur 4" in text(card)
        assert "Séjours clôturés en mars dont la lettre de liaison a été versée au DMP." in text(card)
        line = card.xpath(".//*[@role='img']/@aria-label")
        assert " ".join(line[0].split()) == "50,0 % en mars 2025, seul mois avec un taux"
        row = shown.xpath("//table[1]/tbody/tr[1]")[0]
        assert text(row).startswith("Lettre de liaison à la sortie LDL 1 1 2 / 4 50,00")
        for card in shown.find_class("card"):
            assert (
                card.find_class("figure-card__definition")
                or card.find_class("card__foot")
                or card.tag == "aside"
            )

    @pytest.mark.requirement("F-PV-31")
    def test_site_month_and_service_are_two_clicks_away_and_change_every_figure(self, march, pilot):
        shown = page(pilot, "stats:overview", finess=A)
        assert "66,7 % 2 sur 3" in text(shown.find_class("figure-card")[0])
        shown = page(pilot, "stats:overview", service="U-B")
        assert "0,0 % 0 sur 1" in text(shown.find_class("figure-card")[0])
        shown = page(pilot, "stats:overview", mois="2025-04")
        assert "Mois en cours : avril 2025" in text(shown.find_class("page__head")[0])
        assert "0 sur 0" in text(shown.find_class("figure-card")[0])
        menus = [text(menu.find("summary")) for menu in shown.xpath("//details[@name='choix']")]
        assert menus == ["FINESS : tous", "Période : avr. 2025", "Service : tous"]

    @pytest.mark.parametrize(
        "query", [{"finess": "x"}, {"mois": "2019-01"}, {"mois": "x"}, {"service": "\x00"}]
    )
    def test_what_does_not_exist_is_the_default(self, march, pilot, query):
        shown = page(pilot, "stats:overview", **query)
        assert "2 sur 4" in text(shown.find_class("figure-card")[0])

    def test_an_empty_base_is_a_dash_and_never_zero(self, world, pilot):
        card = page(pilot, "stats:overview").find_class("figure-card")[0]
        assert text(card).startswith("Lettres de liaison au DMP — 0 sur 0")
        assert card.xpath(".//*[@role='img']/@aria-label") == ["Aucun taux sur les douze derniers mois"]

    def test_figures_are_kept_with_their_hour_until_they_are_asked_again(self, march, pilot, _in_april):
        page(pilot, "stats:overview")
        march.letter(march.stay(exit="03-12"), "ok 03-13")
        _in_april.shift(timedelta(minutes=5))
        shown = page(pilot, "stats:overview")
        assert "extrait le 15/04/2025 09:00" in text(shown)
        assert "2 sur 4" in text(shown.find_class("figure-card")[0])
        shown = page(pilot, "stats:overview", actualiser="1")
        assert "extrait le 15/04/2025 09:05" in text(shown)
        assert "3 sur 5" in text(shown.find_class("figure-card")[0])

    def test_without_the_cache_the_page_counts_by_itself(self, march, pilot, monkeypatch):
        def gone(*_, **__):
            raise RedisGone("connection refused")

        monkeypatch.setattr(cache, "get", gone)
        monkeypatch.setattr(cache, "set", gone)
        assert "2 sur 4" in text(page(pilot, "stats:overview").find_class("figure-card")[0])

    def test_reading_figures_is_traced(self, march, pilot):
        page(pilot, "stats:overview", finess=A)
        trace = Trace.objects.get(type="report.run")
        assert trace.detail == {"page": "overview", "month": "2025-03", "finess": A}


class TestChapters:
    @pytest.mark.requirement("F-PV-32")
    @pytest.mark.parametrize(
        ("slug", "words"),
        [
            ("alimentation", "ALI_DMP_HISTO_OK"),
            ("consultation", "CON_DMP_TX_CONS"),
            ("mssante", "X_MSSPRO_ENV_OK"),
            ("mon-espace-sante", "MSSPAT_TX_PAT"),
            ("reception", "MSSREC_MAN_NONCDA"),
            ("information", "X_INS_TX_QUALIF"),
        ],
    )
    def test_each_indicator_has_its_section_and_its_definition(self, march, pilot, slug, words):
        shown = page(pilot, "stats:chapter", slug)
        sections = shown.xpath("//section")
        assert shown.get_element_by_id(words) is not None
        assert all("Définition." in text(section) for section in sections)

    def test_another_name_is_no_page(self, pilot):
        assert pilot.get(reverse("stats:chapter", args=["autre"])).status_code == 404

    def test_types_of_the_dmp_and_professions_that_were_met_have_their_line(self, world, pilot):
        doctor = world.account("10")
        stay = world.stay(exit="03-05")
        world.integrate(doctor, stay, "03-01", "1.2.888.1", "11502-2")
        shown = text(page(pilot, "stats:chapter", "consultation"))
        assert "CR d'examens biologiques 11502-2 1 / 1 100,00" in shown
        assert "Médecin 10 1 / 1 100,00" in shown


class TestAlarms:
    def alarms(self, client: Client) -> list[str]:
        shown = page(client, "stats:overview", actualiser="1")
        return [text(note) for note in shown.xpath("//aside//*[contains(@class, 'note ')]")]

    @pytest.mark.requirement("F-PV-42")
    def test_a_channel_to_which_things_are_given_and_that_answers_nothing_is_silent(self, world, pilot):
        order = world.order(world.document(world.stay(exit="04-10")), "ok 04-14 08:00")
        Order.objects.filter(pk=order.pk).update(changed_at=day("04-14 08:00"))
        assert self.alarms(pilot) == ["Flux DMP : régulier Dernier succès : 14/04 08:00"]
        waiting = world.order(world.document(world.stay(exit="04-10")))
        Order.objects.filter(pk=waiting.pk).update(state="handed_over", changed_at=day("04-14 08:30"))
        assert self.alarms(pilot) == ["Flux DMP : muet Dernier succès : 14/04 08:00 Seuil d’alarme : 24 h"]

    @pytest.mark.requirement("F-PV-42")
    def test_a_drop_of_the_feeding_rate_is_said_with_its_threshold(self, world, pilot):
        for month in ("01", "02"):
            for number in range(20):
                world.letter(
                    world.stay(entry=f"{month}-01", exit=f"{month}-10"), f"ok {month}-{11 + number % 9}"
                )
        for number in range(20):
            stay = world.stay(exit="03-10")
            if number < 15:
                world.letter(stay, "ok 03-11")
        assert any(
            "Lettres de liaison au DMP : 25,0 points de moins" in alarm for alarm in self.alarms(pilot)
        )

    @pytest.mark.requirement("F-PV-42")
    def test_a_low_rate_of_qualified_identities_and_what_has_no_finess_are_said(self, world, pilot):
        stay = world.stay(exit="03-05")
        stay.unit = None
        stay.save()
        alarms = self.alarms(pilot)
        assert any(alarm.startswith("Identités qualifiées : 0,0 %") for alarm in alarms)
        assert any(alarm.startswith("Activité sans FINESS") for alarm in alarms)


class TestStays:
    QUERY = {"indicateur": "ALI_DMP_TX_SEJ", "mois": "2025-03", "type": "LDL", "finess": A}

    @pytest.mark.requirement("F-PV-32")
    def test_who_may_see_identities_reads_which_stays_are_counted(self, march, watcher):
        shown = page(watcher, "stats:stays", **self.QUERY)
        rows = shown.xpath("//tbody/tr")
        assert "2 sur 3" in text(shown)
        assert [text(row).rpartition(" ")[2] for row in rows] == ["Non", "Oui", "Oui"]
        trace = Trace.objects.get(type="list.view", object_type="stats.stays")
        assert len(trace.detail["patients"]) == 3
        shown = page(watcher, "stats:stays", **self.QUERY, comptes="non")
        assert len(shown.xpath("//tbody/tr")) == 1

    @pytest.mark.requirement("F-PV-30")
    def test_pilotage_reads_the_figures_and_no_identity(self, march, pilot):
        assert pilot.get(reverse("stats:stays"), self.QUERY).status_code == 403
        name = march.stay(exit="03-20").patient.birth_name
        for address in (reverse("stats:overview"), reverse("stats:chapter", args=["alimentation"])):
            content = pilot.get(address).content.decode()
            assert "indicateurs/sejours" not in content
            assert name not in content

    @pytest.mark.parametrize(
        "change",
        [
            {"indicateur": "ALI_DMP_FLUX_OK"},
            {"mois": "x"},
            {"type": "TOUS"},
            {"type": "\x00"},
            {"volet": "x"},
        ],
    )
    def test_only_rates_of_stays_have_a_list(self, march, watcher, change):
        assert watcher.get(reverse("stats:stays"), self.QUERY | change).status_code == 404

    def test_information_of_consultations_has_its_list_too(self, world, watcher):
        world.consultation("03-05")
        shown = page(watcher, "stats:stays", indicateur="INFO_CONS_NONOPP", mois="2025-03", volet="GLOBAL")
        assert "0 sur 1" in text(shown)

    def test_pages_follow_one_another(self, world, watcher):
        for _ in range(51):
            world.stay(exit="03-05")
        first = page(watcher, "stats:stays", **self.QUERY)
        assert (len(first.xpath("//tbody/tr")), "Les 50 suivants" in text(first)) == (50, True)
        second = page(watcher, "stats:stays", **self.QUERY, page="2")
        assert (len(second.xpath("//tbody/tr")), "Les 50 précédents" in text(second)) == (1, True)


class TestExport:
    @pytest.mark.requirement("SC.STAT/ES.01", "F-PV-29")
    def test_one_button_gives_the_whole_file_and_leaves_a_trace(self, march, pilot):
        answer = pilot.post(reverse("stats:export"))
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == f'attachment; filename="indicateurs_{EJ}_2025-04-15.csv"'
        expected = "".join(csv_lines(Wanted(Period(Month(2024, 1), Month(2025, 4))), NOW)).encode()
        assert b"".join(answer.streaming_content) == expected
        trace = Trace.objects.get(type="stats.export")
        assert trace.actor_role == "pilotage"
        assert trace.detail == {"from": "2024-01", "to": "2025-04", "finess": "", "by_service": False}

    @pytest.mark.requirement("F-PV-30")
    def test_site_and_period_may_be_chosen(self, march, pilot):
        answer = pilot.post(reverse("stats:export"), {"finess": A, "du": "2025-03", "au": "2025-03"})
        content = b"".join(answer.streaming_content).decode()
        assert {line.split(";")[3] for line in content.splitlines()[1:]} == {f'"{A}"'}
        assert {line.split(";")[5] for line in content.splitlines()[1:]} == {'"2025-03"'}

    @pytest.mark.parametrize(
        "period",
        [{"du": "2025-03", "au": "2025-02"}, {"du": "2015-01"}, {"au": "2025-05"}],
    )
    def test_a_period_that_is_none_is_refused_with_words(self, march, pilot, period):
        answer = pilot.post(reverse("stats:export"), period)
        assert answer.status_code == 409
        assert "Demandez de 1 à 60 mois, dans l’ordre." in answer.content.decode()

    def test_a_large_file_is_prepared_and_taken_for_a_day(self, march, pilot, settings, _in_april):
        settings.STATS_DIRECT_LINES = 10
        answer = pilot.post(reverse("stats:export"), {"services": "1"}, follow=True)
        assert "Export en préparation" in answer.content.decode()
        assert 'hx-trigger="every 5s"' in answer.content.decode()
        tasks.exports()
        export = Export.objects.get()
        shown = page(pilot, "stats:exports")
        assert "Prêt" in text(shown) and "par service" in text(shown)
        [address] = shown.xpath("//a[contains(., 'Télécharger')]/@href")
        assert pilot.get(address).content == bytes(export.content)
        assert Trace.objects.filter(type="stats.download", object_uid=export.uid).count() == 1
        _in_april.shift(timedelta(hours=11))
        Export.objects.update(expires_at=NOW)
        client = sign_in(Client(), person(RoleCode.PILOTAGE), opened_at=NOW + timedelta(hours=11))
        assert client.get(address).status_code == 409
        assert "Lien expiré" in text(page(client, "stats:exports"))
        assert export.state == ExportState.READY

    def test_a_file_of_nobody_is_not_found(self, pilot):
        unknown = "00000000-0000-4000-8000-000000000000"
        assert pilot.get(reverse("stats:download", args=[unknown])).status_code == 404

    def test_the_page_says_how_the_monthly_file_is_set(self, world, pilot, settings, tmp_path):
        assert "STATS_EXPORT_FOLDER" in text(page(pilot, "stats:exports"))
        settings.STATS_EXPORT_FOLDER = tmp_path
        tasks.monthly()
        shown = text(page(pilot, "stats:exports"))
        assert f"Écrit le 2 de chaque mois à partir de 5 h dans le dossier {tmp_path}." in shown
        assert f"Dernier fichier : indicateurs_{EJ}_2025-04-15.csv" in shown


def test_pilotage_starts_on_the_indicators(world, pilot):
    bar = page(pilot, "stats:overview").find_class("bar")[0]
    assert bar.find_class("bar__home")[0].get("href") == reverse("stats:overview")
    assert "Indicateurs" in text(bar)
    assert "Mes patients" not in text(bar)
