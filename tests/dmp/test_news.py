"""The counter of what others deposited: first access, next accesses, replacements, changes (dmp 6.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import User
from dmp.criteria import SearchCriteria
from dmp.enums import DocumentStatus
from dmp.line import Line
from dmp.models import DmpStatus, RemoteDocument
from dmp.selectors import News, news_for_patients
from dmp.services import preset_save
from dmp.services.news import Counted, news_known, news_refresh, news_seen
from documents.enums import Intake, Origin
from documents.services import document_receive
from interop.cda.identifiers import finess_id
from interop.cda.model import Act, Author, Organization
from interop.xds import codes
from interop.xds.metadata import Association, Code
from interop.xds.times import dtm_from_instant
from national.errors import Unavailable
from tests.dmp.conftest import Room
from tests.documents.arrivals import arriving, incoming
from tests.interop.cda.samples import DOCTOR

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)
HIDDEN = (codes.VISIBILITY_HIDDEN_PATIENT,)


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    """The letters of the samples are of March and July 2026."""
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def room(room: Room) -> Room:
    room.authorised()
    return room


def count(room: Room, user: User | None = None) -> Counted:
    consultation = room.consultation(user)
    return news_refresh(consultation, now=timezone.now(), line=room.line(user))


def later(minutes: int) -> time_machine.travel:
    return time_machine.travel(NOW + timedelta(minutes=minutes), tick=True)


class CutLine(Line):
    """Lots are answered, what they hold is not."""

    def associations(self, uuids: Sequence[str]) -> tuple[Association, ...]:
        raise Unavailable("Le DMP ne répond pas.", code="ReadTimeout")


class TestFirstAccess:
    @pytest.mark.requirement("SC.DMP/UX.15", "F-PV-15")
    def test_documents_of_others_are_counted_hidden_ones_apart(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        room.deposit(arriving(lineage=2), visibility=HIDDEN)
        found = count(room)
        assert found.news == News(count=2, invisible=1)
        assert room.dmp.calls[-1:] == ["TD3.1"]

    def test_ours_are_not_news(self, room: Room) -> None:
        ours = Organization("HOPITAL DES TROIS RIVIERES", finess_id("990000101"))
        room.deposit(arriving(lineage=1, authors=(Author(replace(DOCTOR, organization=ours), NOW),)))
        assert count(room).news == News()
        assert RemoteDocument.objects.get().is_ours

    def test_what_the_record_already_holds_is_no_news(self, room: Room) -> None:
        cda = arriving(lineage=1)
        document_receive(
            patient=room.patient,
            incoming=incoming(cda, origin=Origin.MSSANTE, intake=Intake.AUTOMATIC),
            actor=room.ward.actor,
            at=timezone.now(),
        )
        room.deposit(cda)
        assert count(room).news == News()

    def test_only_two_years_of_acts_are_asked_for(self, room: Room) -> None:
        old = Act(start=NOW - timedelta(days=731), performer=DOCTOR)
        recent = Act(start=NOW - timedelta(days=729), performer=DOCTOR)
        room.deposit(arriving(lineage=1, acts=(old,)))
        room.deposit(arriving(lineage=2, acts=(recent,)))
        assert count(room).news.count == 1

    @pytest.mark.requirement("SC.DMP/UX.17")
    def test_the_criteria_of_the_person_decide_what_is_counted(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        preset_save(
            user=room.doctor,
            name="Ma discipline",
            criteria=SearchCriteria(specialty="cardio"),
            is_for_counter=True,
        )
        assert count(room).news == News()
        preset_save(
            user=room.doctor,
            name="Ma discipline",
            criteria=SearchCriteria(author="david"),
            is_for_counter=True,
        )
        DmpStatus.objects.all().delete()
        assert count(room).news.count == 1


class TestNextAccesses:
    def test_only_what_came_since_is_asked_for_and_nothing_is_lost(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        count(room)
        with later(60):
            room.deposit(arriving(lineage=2))
            room.dmp.calls.clear()
            assert count(room).news.count == 2  # the first one was never looked at
            assert room.dmp.calls == ["TD3.1", "TD3.1", "TD3.1"]
        with later(120):
            count(room)
        with later(180):
            room.dmp.calls.clear()
            assert count(room).news.count == 2
            assert room.dmp.calls == ["TD3.1"]

    def test_what_came_while_the_dmp_failed_is_counted_afterwards(self, room: Room) -> None:
        count(room)
        first = DmpStatus.objects.get().called_at
        with later(60):
            room.deposit(arriving(lineage=2))
            for _ in range(3):
                room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
                failed = count(room)
                assert failed.failed and failed.sentence
                assert DmpStatus.objects.get().called_at == first
                room.dmp.failures.clear()
        with later(120):
            found = count(room)
            assert not found.failed
            assert found.news.count == 1
            assert DmpStatus.objects.get().called_at != first

    def test_a_failure_between_two_queries_keeps_t0(self, room: Room) -> None:
        count(room)
        first = DmpStatus.objects.get().called_at
        with later(60):
            room.deposit(arriving(lineage=2))
            line = CutLine(room.consultation(), gateway=room.dmp)
            assert news_refresh(room.consultation(), now=timezone.now(), line=line).failed
            assert DmpStatus.objects.get().called_at == first
            assert count(room).news.count == 1

    def test_the_counter_goes_to_zero_when_the_list_was_opened(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        count(room)
        assert news_seen(room.consultation(), now=timezone.now()) == 1
        assert news_known(room.consultation()) == News()
        with later(60):
            room.deposit(arriving(lineage=2))
            found = count(room)
            assert found.news.count == 1
            assert found.since == DmpStatus.objects.get().seen_at

    def test_a_deposit_dated_just_before_by_another_clock_is_not_missed(self, room: Room) -> None:
        count(room)
        with later(60):
            room.deposit(arriving(lineage=2), at=NOW - timedelta(minutes=5))
            assert count(room).news.count == 1

    def test_twenty_five_deposits_are_asked_for_twenty_at_a_time(self, room: Room) -> None:
        count(room)
        with later(60):
            for lineage in range(1, 26):
                room.deposit(arriving(lineage=lineage))
            room.dmp.calls.clear()
            assert count(room).news.count == 25
            assert len(room.dmp.calls) == 4  # lots, associations, 20 documents, 5 documents


class TestReplacements:
    """Case A: the newer document takes the place of the one that was seen or is in the record."""

    def test_a_document_of_the_record_has_a_newer_version_in_the_dmp(self, room: Room) -> None:
        first = arriving(1, lineage=1)
        room.deposit(first)
        document_receive(
            patient=room.patient,
            incoming=incoming(first, origin=Origin.DMP, intake=Intake.MANUAL),
            actor=room.ward.actor,
            at=timezone.now(),
        )
        assert count(room).news == News()
        with later(60):
            old = RemoteDocument.objects.get()
            new = room.deposit(arriving(2, lineage=1, replaces=1), replaces=old.unique_id)
            assert count(room).news.count == 1
        old.refresh_from_db()
        assert old.status == DocumentStatus.DEPRECATED
        assert old.replaced_by == new
        assert RemoteDocument.objects.get(unique_id=new).replaces == old.unique_id

    def test_the_replaced_one_is_asked_for_when_this_person_never_saw_it(self, room: Room) -> None:
        first = room.deposit(arriving(1, lineage=1))
        other = room.colleague()
        room.authorised(other)
        count(room, other)
        news_seen(room.consultation(other), now=timezone.now())
        RemoteDocument.objects.all().delete()
        with later(60):
            new = room.deposit(arriving(2, lineage=1, replaces=1), replaces=first)
            count(room, other)
        assert RemoteDocument.objects.get(unique_id=new).replaces == first

    def test_a_chain_of_three_leads_to_its_end(self, room: Room) -> None:
        first = room.deposit(arriving(1, lineage=1))
        count(room)
        with later(60):
            second = room.deposit(arriving(2, lineage=1, replaces=1), replaces=first)
            third = room.deposit(arriving(3, lineage=1, replaces=2), replaces=second)
            assert count(room).news.count == 1
        assert RemoteDocument.objects.get(unique_id=first).replaced_by == third
        listed = RemoteDocument.objects.seen_by(room.doctor, [room.patient.pk]).listed()
        assert [row.unique_id for row in listed] == [third]


class TestChanges:
    """Case B: the same document, other metadata."""

    def test_a_document_made_visible_elsewhere_changes_its_mark(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        count(room)
        row = RemoteDocument.objects.get()
        assert row.is_invisible_patient
        with later(60):
            entry = room.dmp.entries[row.entry_uuid]
            kept = tuple(code for code in entry.confidentiality_codes if code.code not in HIDDEN)
            room.authorised(room.colleague())
            lot = next(iter(room.dmp.sets.values()))
            room.dmp.set_visibility(room.consultation().context, lot, entry=entry, confidentiality=kept)
            # The registry says it by a new lot that holds the new version of the metadata.
            moved = next(one for one in room.dmp.entries.values() if one.unique_id == unique_id)
            _new_lot(room, moved.entry_id)
            count(room)
        row.refresh_from_db()
        assert not row.is_invisible_patient
        assert row.entry_uuid == moved.entry_id
        assert RemoteDocument.objects.count() == 1

    def test_a_deletion_in_the_dmp_takes_the_row_out_of_the_list(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        count(room)
        row = RemoteDocument.objects.get()
        with later(60):
            _new_lot(
                room,
                row.entry_uuid,
                kind=codes.ASSOCIATION_UPDATE_STATUS,
                slots=((codes.SLOT_NEW_STATUS, codes.STATUS_DELETED),),
            )
            assert count(room).news == News()
        row.refresh_from_db()
        assert row.status == DocumentStatus.DELETED


def _new_lot(
    room: Room,
    target: str,
    kind: str = codes.ASSOCIATION_HAS_MEMBER,
    slots: tuple[tuple[str, str], ...] = (),
) -> None:
    first = next(iter(room.dmp.sets.values()))
    uuid = f"urn:uuid:lot-{len(room.dmp.sets)}"
    room.dmp.sets[uuid] = replace(first, entry_id=uuid, submission_time=dtm_from_instant(timezone.now()))
    room.dmp.links.append(Association(kind, uuid, target, slots))


class TestSharing:
    @pytest.mark.requirement("F-PV-14")
    def test_two_doctors_have_each_their_own_list_and_counter(self, room: Room) -> None:
        other = room.colleague()
        room.authorised(other)
        room.deposit(arriving(lineage=1))
        count(room)
        news_seen(room.consultation(), now=timezone.now())
        assert news_for_patients(other, [room.patient.pk]) == {}
        found = count(room, other)
        assert found.news.count == 1
        assert news_known(room.consultation()) == News()
        assert {row.user_id for row in RemoteDocument.objects.all()} == {room.doctor.pk, other.pk}


class TestEvents:
    @pytest.mark.requirement("SC.DMP/UX.15")
    def test_a_fixed_period_leaves_older_deposits_uncounted(self, room: Room, settings: LazySettings) -> None:
        settings.DMP_COUNTER_EVENT, settings.DMP_COUNTER_DAYS = "period", 30
        room.deposit(arriving(lineage=1, created=NOW - timedelta(days=40)))
        room.deposit(arriving(lineage=2, created=NOW - timedelta(days=20)))
        assert count(room).news.count == 1
        listed = RemoteDocument.objects.seen_by(room.doctor, [room.patient.pk]).listed()
        assert listed.count() == 2

    def test_the_last_integration_is_an_event_too(self, room: Room, settings: LazySettings) -> None:
        settings.DMP_COUNTER_EVENT = "last_integration"
        room.deposit(arriving(lineage=1, created=NOW - timedelta(days=40)))
        document_receive(
            patient=room.patient,
            incoming=incoming(arriving(lineage=9), origin=Origin.DMP, intake=Intake.MANUAL),
            actor=room.ward.actor,
            at=NOW - timedelta(days=30),
        )
        assert count(room).news == News()

    def test_without_such_an_event_everything_counts(self, room: Room, settings: LazySettings) -> None:
        settings.DMP_COUNTER_EVENT = "last_visit"
        room.deposit(arriving(lineage=1, created=NOW - timedelta(days=40)))
        assert count(room).news.count == 1


class TestHostileMetadata:
    def test_what_cannot_be_named_or_is_a_signature_is_left_out(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        room.deposit(arriving(lineage=2))
        uuids = list(room.dmp.entries)
        room.dmp.entries[uuids[0]] = replace(room.dmp.entries[uuids[0]], unique_id="1." * 80)
        signature = Code(codes.SIGNATURE_TYPE, "ASTM")
        room.dmp.entries[uuids[1]] = replace(room.dmp.entries[uuids[1]], type_code=signature)
        assert count(room).news == News()
        assert not RemoteDocument.objects.exists()

    def test_long_and_unreadable_values_are_cut_never_an_error(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        [(uuid, entry)] = room.dmp.entries.items()
        room.dmp.entries[uuid] = replace(
            entry, title="T" * 5000, creation_time="hier", service_stop_time="x", size=2**60, hash="z" * 99
        )
        assert count(room).news.count == 1
        row = RemoteDocument.objects.get()
        assert len(row.title) == 300
        assert row.created_at is None
