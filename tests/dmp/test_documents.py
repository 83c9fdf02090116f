"""Viewing, integrating, making visible, checking what the record holds (dmp 3.6, 6.5, 6.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from audit.models import Trace
from dmp.criteria import SearchCriteria
from dmp.enums import DocumentStatus
from dmp.models import RemoteDocument
from dmp.services import (
    document_open,
    documents_integrate,
    documents_search,
    known_check,
    local_check,
    summary_of,
    visibility_change,
)
from dmp.services.checking import LocalCheck
from dmp.services.retrieving import Integrated
from dmp.services.visibility import VisibilityChange, VisibilityOutcome
from documents.enums import Intake, Origin, VersionState
from documents.models import Document, Reception, Version
from documents.services import document_receive
from documents.store import content_get
from interop.xds import codes
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from tests.dmp.conftest import Room
from tests.documents.arrivals import arriving, incoming

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)
HIDDEN = (codes.VISIBILITY_HIDDEN_PATIENT,)
BOTH = (codes.VISIBILITY_HIDDEN_PATIENT, codes.VISIBILITY_HIDDEN_GUARDIANS)


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def room(room: Room) -> Room:
    room.authorised()
    return room


def seen(room: Room) -> list[RemoteDocument]:
    found = documents_search(room.consultation(), SearchCriteria(), now=timezone.now(), line=room.line())
    return list(found.documents)


def integrate(room: Room, documents: Sequence[RemoteDocument]) -> list[Integrated]:
    return documents_integrate(room.consultation(), documents, now=timezone.now(), line=room.line())


def receive(room: Room, cda: bytes, origin: Origin = Origin.DMP) -> Version:
    receipt = document_receive(
        patient=room.patient,
        incoming=incoming(cda, origin=origin, intake=Intake.MANUAL),
        actor=room.ward.actor,
        at=timezone.now(),
    )
    assert receipt.version is not None
    return receipt.version


class TestViewing:
    def test_viewing_gives_the_bytes_and_files_nothing(self, room: Room) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda)
        [document] = seen(room)
        opened = document_open(room.consultation(), document, line=room.line())
        assert opened.content == cda
        assert not opened.is_altered
        assert not Document.objects.exists()
        assert not Reception.objects.exists()

    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_the_transaction_and_the_act_are_traced(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        [document] = seen(room)
        document_open(room.consultation(), document, line=room.line())
        call = Trace.objects.get(type="dmp.retrieve")
        assert call.detail["documents"] == [document.unique_id]
        act = Trace.objects.get(type="dmp.view")
        assert (act.object_uid, act.detail["unique_id"]) == (document.uid, document.unique_id)
        assert act.detail["profession"] == "10"

    def test_other_bytes_than_the_metadata_say_are_shown_with_a_warning(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1))
        [document] = seen(room)
        room.dmp.contents[unique_id] = arriving(lineage=1, title="Autre")
        assert document_open(room.consultation(), document, line=room.line()).is_altered

    def test_a_failure_is_a_sentence(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        [document] = seen(room)
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        opened = document_open(room.consultation(), document, line=room.line())
        assert (opened.is_there, opened.sentence) == (False, "Le DMP ne répond pas.")


class TestIntegration:
    @pytest.mark.requirement("SC.DMP/UX.31", "SC.CDA/INT.08", "SC.CDA/INT.17")
    def test_a_selection_is_filed_and_each_one_says_what_became_of_it(self, room: Room) -> None:
        known = arriving(1, lineage=1)
        receive(room, known, Origin.MSSANTE)
        receive(room, arriving(1, lineage=2), Origin.MSSANTE)
        room.deposit(known)
        room.deposit(arriving(2, lineage=2, replaces=1))
        room.deposit(arriving(1, lineage=3))
        room.deposit(arriving(1, lineage=4))
        done = integrate(room, seen(room))
        assert summary_of(done) == "2 intégrés, 1 déjà présent, 1 remplacé"
        assert Document.objects.count() == 4
        document = Document.objects.get(set_id__endswith=".2.1")
        assert document.origins == [Origin.MSSANTE, Origin.DMP]
        newest = Version.objects.get(document__set_id__endswith=".2.2", state=VersionState.CURRENT)
        assert newest.number == 2
        former = Version.objects.get(document__set_id__endswith=".2.2", state=VersionState.REPLACED)
        assert content_get(former.cda_sha256)

    def test_the_bytes_stay_as_they_came_with_where_they_came_from(self, room: Room) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda, visibility=HIDDEN)
        [document] = seen(room)
        [one] = integrate(room, [document])
        assert one.version is not None
        assert content_get(one.version.cda_sha256) == cda
        assert one.version.is_invisible_patient
        assert one.version.document.unit == room.ward.unit
        reception = Reception.objects.get()
        assert (reception.origin, reception.intake) == (Origin.DMP, Intake.MANUAL)
        assert reception.source_id == document.entry_uuid
        assert reception.extra["logical_id"] == document.logical_id
        assert reception.actor_uid == room.doctor.uid

    def test_a_document_that_names_another_person_is_refused(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        [document] = seen(room)
        room.dmp.contents[document.unique_id] = arriving(lineage=1, traits={"birth_name": "PAT-QUATRE"})
        [one] = integrate(room, [document])
        assert one.outcome == "refused_identity"
        assert not Document.objects.exists()
        trace = Trace.objects.filter(type="dmp.integrate", object_type="dmp.document").get()
        assert (trace.outcome, trace.detail["altered"]) == ("refused", True)

    @pytest.mark.requirement("SC.DMP/UX.31")
    def test_one_that_does_not_come_stops_no_other(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        lost = room.deposit(arriving(lineage=2))
        del room.dmp.contents[lost]
        done = integrate(room, seen(room))
        assert summary_of(done) == "1 intégré, 1 non récupéré"

    def test_a_dmp_that_fails_loses_nothing(self, room: Room) -> None:
        room.deposit(arriving(lineage=1))
        documents = seen(room)
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        done = integrate(room, documents)
        assert [one.sentence for one in done] == ["Le DMP ne répond pas."]
        assert not Reception.objects.exists()

    def test_an_older_version_is_left_in_the_dmp(self, room: Room) -> None:
        first = arriving(1, lineage=1)
        room.deposit(first)
        receive(room, arriving(2, lineage=1, replaces=1))
        [one] = integrate(room, seen(room))
        assert one.outcome == "older"

    def test_six_documents_are_retrieved_by_five(self, room: Room) -> None:
        for lineage in range(1, 7):
            room.deposit(arriving(lineage=lineage))
        documents = seen(room)
        room.dmp.calls.clear()
        integrate(room, documents)
        assert room.dmp.calls == ["TD3.2", "TD3.2"]


class TestVisibility:
    def change(
        self, room: Room, unique_id: str, *, to_patient: bool = True, to_guardians: bool = False
    ) -> VisibilityChange:
        return visibility_change(
            room.consultation(),
            unique_id=unique_id,
            to_patient=to_patient,
            to_guardians=to_guardians,
            now=timezone.now(),
            line=room.line(),
        )

    @pytest.mark.requirement("SC.DMP/UX.14.BIS", "F-PV-19")
    def test_a_document_of_others_is_made_visible_in_the_dmp_itself(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=BOTH)
        [document] = seen(room)
        room.dmp.calls.clear()
        found = self.change(room, unique_id)
        assert found.outcome == VisibilityOutcome.DONE
        assert room.dmp.calls == ["TD3.1", "TD3.3b", "TD3.1"]
        [entry] = room.dmp.entries.values()
        assert entry.visibility == {codes.VISIBILITY_HIDDEN_GUARDIANS}
        assert entry.confidentiality_codes[0].code == "N"
        document.refresh_from_db()
        assert not document.is_invisible_patient
        assert document.entry_uuid == entry.entry_id
        trace = Trace.objects.get(type="dmp.make_visible")
        assert (trace.action, trace.detail["to_patient"], trace.detail["result"]) == ("U", True, "done")

    def test_guardians_alone_or_both(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=BOTH)
        self.change(room, unique_id, to_patient=False, to_guardians=True)
        [entry] = room.dmp.entries.values()
        assert entry.visibility == {codes.VISIBILITY_HIDDEN_PATIENT}
        self.change(room, unique_id, to_patient=True, to_guardians=True)
        [entry] = room.dmp.entries.values()
        assert not entry.visibility

    def test_the_flags_of_the_record_follow(self, room: Room) -> None:
        cda = arriving(lineage=1)
        unique_id = room.deposit(cda, visibility=HIDDEN)
        [document] = seen(room)
        [one] = integrate(room, [document])
        assert one.version is not None and one.version.is_invisible_patient
        self.change(room, unique_id)
        one.version.refresh_from_db()
        assert not one.version.is_invisible_patient
        assert one.version.number == 1
        assert Trace.objects.filter(type="document.visibility").exists()

    def test_a_lost_answer_is_looked_up(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        room.dmp.failures_after.append(Uncertain("Sans réponse.", code="ReadTimeout"))
        assert self.change(room, unique_id).outcome == VisibilityOutcome.DONE

    def test_asked_twice_it_is_done_once(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        self.change(room, unique_id)
        room.dmp.calls.clear()
        assert self.change(room, unique_id).outcome == VisibilityOutcome.ALREADY
        assert room.dmp.calls == ["TD3.1"]

    def test_a_change_made_meanwhile_is_told(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        room.dmp.failures_after.clear()
        original = dict(room.dmp.entries)
        [entry] = original.values()
        line = room.line()

        class Meanwhile(type(room.dmp)):  # type: ignore[misc]
            def set_visibility(self, *arguments: object, **named: object) -> object:
                raise Rejected(codes.ERROR_METADATA_VERSION, kind=RejectionKind.DATA)

        line.gateway = Meanwhile(entries=room.dmp.entries, authorisations=room.dmp.authorisations)
        found = visibility_change(
            room.consultation(),
            unique_id=unique_id,
            to_patient=True,
            to_guardians=False,
            now=timezone.now(),
            line=line,
        )
        assert found.outcome == VisibilityOutcome.CHANGED
        assert entry.visibility

    def test_a_refusal_says_whom_to_ask(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        room.dmp.authorisations.clear()
        found = self.change(room, unique_id)
        assert found.outcome == VisibilityOutcome.REFUSED
        assert "auteur" in found.sentence

    def test_one_that_the_dmp_has_not_is_told(self, room: Room) -> None:
        assert self.change(room, "1.2.3").outcome == VisibilityOutcome.NOT_FOUND

    def test_a_failure_says_that_nothing_changed(self, room: Room) -> None:
        unique_id = room.deposit(arriving(lineage=1), visibility=HIDDEN)
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        found = self.change(room, unique_id)
        assert found.sentence == "Le DMP ne répond pas. Rien n’a été modifié."


class TestLocalCheck:
    def check(self, room: Room, version: Version) -> LocalCheck:
        return local_check(room.consultation(), version, now=timezone.now(), line=room.line())

    @pytest.mark.requirement("SC.CDA/DD.05", "F-PV-05")
    def test_a_newer_version_in_the_dmp_is_told(self, room: Room) -> None:
        first = arriving(1, lineage=1)
        old = room.deposit(first)
        version = receive(room, first)
        assert self.check(room, version) == LocalCheck()
        second = room.deposit(arriving(2, lineage=1, replaces=1), replaces=old)
        third = room.deposit(arriving(3, lineage=1, replaces=2), replaces=second)
        with time_machine.travel(NOW + timedelta(minutes=16), tick=True):
            found = self.check(room, version)
        assert found.newer is not None
        assert found.newer.unique_id == third
        assert known_check(room.doctor, room.patient, [old])[old].newer == found.newer

    @pytest.mark.requirement("SC.CDA/VISU.02")
    def test_integrating_it_takes_the_offer_away(self, room: Room) -> None:
        first = arriving(1, lineage=1)
        old = room.deposit(first)
        version = receive(room, first)
        room.deposit(arriving(2, lineage=1, replaces=1), replaces=old)
        found = self.check(room, version)
        assert found.newer is not None
        [one] = integrate(room, [found.newer])
        assert one.outcome == "replaced"
        assert known_check(room.doctor, room.patient, [old])[old].newer is None
        version.refresh_from_db()
        assert version.state == VersionState.REPLACED

    def test_it_is_asked_once_a_quarter_of_an_hour(self, room: Room) -> None:
        first = arriving(1, lineage=1)
        room.deposit(first)
        version = receive(room, first)
        self.check(room, version)
        room.dmp.calls.clear()
        self.check(room, version)
        assert room.dmp.calls == []
        with time_machine.travel(NOW + timedelta(minutes=16), tick=True):
            self.check(room, version)
        assert room.dmp.calls == ["TD3.1"]

    @pytest.mark.requirement("SC.CDA/DD.05")
    def test_a_deletion_said_by_the_dmp_marks_the_imported_document(self, room: Room) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda)
        version = receive(room, cda)
        [uuid] = room.dmp.entries
        room.dmp.entries[uuid] = replace(room.dmp.entries[uuid], status=codes.STATUS_DELETED)
        assert self.check(room, version).is_deleted
        version.refresh_from_db()
        assert version.state == VersionState.DELETED
        assert content_get(version.cda_sha256) == cda

    def test_one_that_is_no_longer_found_is_told_to_this_person_alone(self, room: Room) -> None:
        """The patient may have masked it to this person: the record of the others says nothing."""
        cda = arriving(lineage=1)
        unique_id = room.deposit(cda)
        version = receive(room, cda)
        room.dmp.entries.clear()
        assert self.check(room, version).is_deleted
        version.refresh_from_db()
        assert version.state == VersionState.CURRENT
        assert known_check(room.doctor, room.patient, [unique_id])[unique_id].is_deleted
        other = room.colleague()
        assert known_check(other, room.patient, [unique_id]) == {}
        assert RemoteDocument.objects.get().status == DocumentStatus.DELETED

    def test_the_visibility_of_the_record_follows_what_is_read(self, room: Room) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda)
        version = receive(room, cda)
        Version.objects.filter(pk=version.pk).update(is_invisible_patient=True)
        self.check(room, version)
        version.refresh_from_db()
        assert not version.is_invisible_patient

    def test_a_failure_is_said_and_marks_nothing(self, room: Room) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda)
        version = receive(room, cda)
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        found = self.check(room, version)
        assert (found.failed, found.is_deleted) == (True, False)
        assert not RemoteDocument.objects.exists()
