"""The multi-criteria search (dmp 6.4; SC.DMP/UX.14, UX.27) and the criteria that people keep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Trace
from dmp.criteria import (
    SearchCriteria,
    criteria_of,
    criteria_of_query,
    day_of,
    unreadable_dates,
    widened,
)
from dmp.errors import PresetRefused
from dmp.models import SearchPreset
from dmp.services import documents_search, preset_delete, preset_save
from dmp.services.searching import Search
from interop.cda.model import Act
from interop.xds import codes
from interop.xds.composed import Cx
from national.errors import Rejected, RejectionKind, Unavailable
from tests.dmp.conftest import Room
from tests.documents.arrivals import arriving
from tests.interop.cda.samples import DOCTOR

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)
PATIENT = Cx("279035121518989", "1.2.3", codes.CX_INS)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
CRITERIA = st.builds(
    SearchCriteria,
    types=st.sets(st.sampled_from(["11490-0", "11488-4"])).map(tuple),
    classes=st.sets(st.sampled_from(["10", "11", "90"])).map(tuple),
    months=st.sampled_from(["", "3", "24", "all"]),
    act_from=st.none() | DAYS,
    deposited_to=st.none() | DAYS,
    author=st.sampled_from(["", "HODA", "d’Été & fils", "a=b;c"]),
    hidden_patient=st.booleans(),
    archived=st.booleans(),
)


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def room(room: Room) -> Room:
    room.authorised()
    return room


def search(room: Room, **asked: object) -> Search:
    criteria = SearchCriteria(**asked)  # type: ignore[arg-type]
    return documents_search(room.consultation(), criteria, now=timezone.now(), line=room.line())


def titles(found: Search) -> list[str]:
    return [row.title for row in found.documents]


class TestCriteria:
    @given(CRITERIA)
    def test_a_preset_gives_back_what_was_kept(self, criteria: SearchCriteria) -> None:
        assert criteria_of_query(criteria.query) == criteria

    @given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=20), max_size=3)))
    def test_whatever_is_typed_is_never_an_error(self, asked: dict[str, list[str]]) -> None:
        criteria_of(asked)
        unreadable_dates(asked)

    @pytest.mark.parametrize(
        ("text", "day"),
        [
            ("28/03/1979", date(1979, 3, 28)),
            ("28031979", date(1979, 3, 28)),
            ("28/3/79", date(1979, 3, 28)),
            ("1979-03-28", date(1979, 3, 28)),
            ("31/02/2020", None),
            ("demain", None),
            ("01/01/0001", None),
        ],
    )
    def test_dates_are_read_as_people_write_them(self, text: str, day: date | None) -> None:
        assert day_of(text) == day

    def test_an_unreadable_date_is_named(self) -> None:
        assert unreadable_dates({"act_from": ["demain"], "act_to": [""]}) == ["act_from"]

    def test_two_years_are_asked_for_unless_the_person_says_otherwise(self) -> None:
        since = NOW - timedelta(days=730)
        assert SearchCriteria().asked(PATIENT, since=since, now=NOW).service_start_from == since
        assert SearchCriteria(months="all").asked(PATIENT, since=since, now=NOW).service_start_from is None
        dated = SearchCriteria(act_to=date(2020, 1, 1)).asked(PATIENT, since=since, now=NOW)
        assert dated.service_start_from is None
        assert dated.service_start_to == datetime(2020, 1, 1, 23, tzinfo=UTC)

    @pytest.mark.requirement("SC.DMP/UX.27")
    def test_what_the_registry_knows_is_asked_of_the_registry(self) -> None:
        asked = SearchCriteria(
            types=("11490-0",),
            classes=("10",),
            settings=("ETABLISSEMENT",),
            sectors=("SA01",),
            formats=(codes.FORMAT_PDF,),
            hidden_patient=True,
            hidden_guardians=True,
            archived=True,
            obsolete=True,
            created_from=date(2026, 1, 1),
        ).asked(PATIENT, since=None, now=NOW)
        assert [code.code for code in asked.type_codes] == ["11490-0"]
        assert [code.code for code in asked.class_codes] == ["10"]
        assert [code.code for code in asked.practice_settings] == ["ETABLISSEMENT"]
        assert [code.code for code in asked.facility_types] == ["SA01"]
        assert [code.code for code in asked.format_codes] == [codes.FORMAT_PDF]
        assert {code.code for code in asked.confidentiality_codes} == {
            codes.VISIBILITY_HIDDEN_PATIENT,
            codes.VISIBILITY_HIDDEN_GUARDIANS,
        }
        assert asked.statuses == (codes.STATUS_APPROVED, codes.STATUS_ARCHIVED, codes.STATUS_DEPRECATED)
        assert asked.creation_from == datetime(2025, 12, 31, 23, tzinfo=UTC)

    def test_widening_keeps_the_types_alone(self) -> None:
        narrow = SearchCriteria(types=("11490-0",), author="HODA", hidden_patient=True)
        assert widened(narrow) == SearchCriteria(types=("11490-0",))


class TestSearch:
    @pytest.mark.requirement("SC.DMP/UX.14", "SC.DMP/UX.27")
    def test_it_gives_the_metadata_newest_act_first(self, room: Room) -> None:
        old = Act(start=NOW - timedelta(days=300), performer=DOCTOR)
        new = Act(start=NOW - timedelta(days=30), performer=DOCTOR)
        room.deposit(arriving(lineage=1, title="Ancien", acts=(old,)))
        room.deposit(arriving(lineage=2, title="Récent", acts=(new,)))
        found = search(room)
        assert titles(found) == ["Récent", "Ancien"]
        row = found.documents[0]
        assert row.type_label.startswith("Lettre de liaison")
        assert (row.type_code, row.author, row.institution) == (
            "11490-0",
            "DAVID Charles",
            "Centre hospitalier de démonstration",
        )
        assert row.specialty
        assert row.format_code == codes.FORMAT_PDF
        assert row.act_at == NOW - timedelta(days=30)

    def test_a_search_is_an_explicit_act_and_makes_nothing_new(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        assert search(room).documents[0].seen_at is not None

    @pytest.mark.requirement("SC.DMP/UX.27", "F-PV-16")
    def test_hidden_documents_are_found_by_that_criterion(self, room: Room) -> None:
        room.deposit(arriving(lineage=1, title="Visible"))
        room.deposit(arriving(lineage=2, title="Caché"), visibility=(codes.VISIBILITY_HIDDEN_PATIENT,))
        assert titles(search(room, hidden_patient=True)) == ["Caché"]

    def test_words_are_compared_without_case_nor_accents_and_say_what_they_left_out(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        found = search(room, author="dAvid")
        assert (len(found.documents), found.left_out) == (1, 0)
        found = search(room, author="HODA")
        assert (len(found.documents), found.left_out) == (0, 1)
        assert len(search(room, structure="démonstration").documents) == 1
        assert len(search(room, specialty="zzz").documents) == 0

    def test_older_versions_and_archives_come_on_demand(self, room: Room) -> None:
        first = room.deposit(arriving(1, lineage=1, title="Version 1"))
        room.deposit(arriving(2, lineage=1, replaces=1, title="Version 2"), replaces=first)
        assert titles(search(room)) == ["Version 2"]
        assert set(titles(search(room, obsolete=True))) == {"Version 1", "Version 2"}

    def test_a_date_of_deposit_is_searched_by_lots(self, room: Room) -> None:
        room.deposit(arriving(lineage=1, title="Avant"), at=NOW - timedelta(days=20))
        room.deposit(arriving(lineage=2, title="Après"), at=NOW - timedelta(days=2))
        room.dmp.calls.clear()
        found = search(room, deposited_from=(NOW - timedelta(days=5)).date())
        assert titles(found) == ["Après"]
        assert found.documents[0].deposited_at == NOW - timedelta(days=2)
        assert len(room.dmp.calls) == 3
        assert titles(search(room, deposited_to=(NOW - timedelta(days=30)).date())) == []

    def test_too_many_results_say_what_to_do(self, room: Room) -> None:
        room.dmp.failures.append(Rejected(codes.ERROR_TOO_MANY_RESULTS, kind=RejectionKind.DATA))
        found = search(room)
        assert found.failed
        assert "réduisez la période" in found.sentence

    def test_a_failure_is_said_and_finds_nothing(self, room: Room) -> None:
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        found = search(room)
        assert (found.failed, found.sentence, found.documents) == (True, "Le DMP ne répond pas.", ())

    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_it_is_traced_with_its_count(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        search(room)
        row = Trace.objects.filter(type="dmp.search").latest("id")
        assert row.detail["transaction"] == "TD3.1"
        assert row.detail["count"] == 1
        assert row.detail["profession"] == "10"
        assert "Compte rendu" not in str(row.detail)


class TestPresets:
    @pytest.mark.requirement("SC.DMP/UX.17")
    def test_a_person_keeps_searches_and_one_for_the_counter(self, room: Room) -> None:
        user = room.doctor
        first = preset_save(
            user=user, name=" Imagerie ", criteria=SearchCriteria(classes=("31",)), is_for_counter=True
        )
        second = preset_save(
            user=user, name="Lettres", criteria=SearchCriteria(types=("11490-0",)), is_for_counter=True
        )
        first.refresh_from_db()
        assert (first.name, first.is_for_counter, second.is_for_counter) == ("Imagerie", False, True)
        preset_save(user=user, name="Lettres", criteria=SearchCriteria(), is_for_counter=False)
        assert SearchPreset.objects.get(name="Lettres").query == ""
        preset_delete(user=room.colleague(), pk=first.pk)
        assert SearchPreset.objects.filter(pk=first.pk).exists()
        preset_delete(user=user, pk=first.pk)
        assert not SearchPreset.objects.filter(pk=first.pk).exists()

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61])
    def test_a_name_is_asked_for(self, room: Room, name: str) -> None:
        with pytest.raises(PresetRefused):
            preset_save(user=room.doctor, name=name, criteria=SearchCriteria(), is_for_counter=False)

    def test_twenty_are_enough(self, room: Room) -> None:
        for number in range(20):
            preset_save(user=room.doctor, name=str(number), criteria=SearchCriteria(), is_for_counter=False)
        with pytest.raises(PresetRefused):
            preset_save(user=room.doctor, name="20", criteria=SearchCriteria(), is_for_counter=False)
