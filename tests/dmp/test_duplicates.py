"""What the record already holds decides what an integration does (dmp 6.5, mssante 2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Trace
from dmp.criteria import SearchCriteria
from dmp.enums import AccessState
from dmp.line import Line
from dmp.models import DmpStatus, RemoteDocument
from dmp.services import documents_integrate, documents_search, local_check
from dmp.services.retrieving import Integrated
from documents.enums import Intake, Origin, ReceiptOutcome, VersionState
from documents.models import Reception, Version
from documents.received import IncomingDeletion
from documents.services import document_delete_received, document_receive
from documents.store import content_get
from interop.cda.datatypes import Id
from interop.cda.identifiers import finess_id
from interop.cda.model import Author, Professional
from interop.xds import codes
from national.dmp.ports import DocumentAddress, Retrieval
from national.errors import Unavailable
from tests.dmp.conftest import Room
from tests.documents.arrivals import AT, SENDER_ROOT, arriving, incoming, without_set
from tests.dossier.conftest import htmx, seen
from tests.interop.cda.samples import DOCTOR, HOSPITAL
from tests.signing_in import sign_in

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def room(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    room.authorised()
    monkeypatch.setattr("dmp.line.dmp_gateway", lambda mode: room.dmp)
    return room


@pytest.fixture
def doctor(room: Room) -> Client:
    return sign_in(Client(), room.doctor)


def receive(room: Room, cda: bytes, origin: Origin = Origin.MSSANTE) -> Version:
    receipt = document_receive(
        patient=room.patient,
        incoming=incoming(cda, origin=origin, intake=Intake.MANUAL),
        actor=room.ward.actor,
        at=timezone.now(),
    )
    assert receipt.version is not None
    return receipt.version


def delete(room: Room, version: Version) -> None:
    """Its sender asks for it."""
    request = IncomingDeletion(unique_id=version.unique_id, origin=Origin.MSSANTE, intake=Intake.AUTOMATIC)
    document_delete_received(patient=room.patient, incoming=request, actor=room.ward.actor, at=timezone.now())


class TestDeletedBefore:
    @pytest.fixture
    def removed(self, room: Room, doctor: Client) -> Version:
        """Deleted from the record at its sender's request; the DMP still has it."""
        cda = arriving(title="Biopsie")
        version = receive(room, cda)
        delete(room, version)
        room.deposit(cda)
        for name in ("dmp_fact", "dmp_results"):
            doctor.get(reverse(f"dossier:{name}", args=[room.patient.uid]), headers=htmx())
        return version

    def test_it_does_not_come_back_by_itself(self, room: Room, doctor: Client, removed: Version) -> None:
        chosen = str(RemoteDocument.objects.get().uid)
        address = reverse("dossier:dmp_integrate", args=[room.patient.uid])
        shown = seen(doctor.post(address, {"document": [chosen]}, headers=htmx("liste")))
        assert "1 supprimé auparavant" in shown.text
        removed.refresh_from_db()
        assert removed.state == VersionState.DELETED

    @pytest.mark.requirement("SC.MSS/UX.05")
    def test_the_person_files_it_again_from_the_list_with_a_motive(
        self, room: Room, doctor: Client, removed: Version
    ) -> None:
        listed = doctor.get(
            reverse("dossier:dmp_group", args=[room.patient.uid]), {"tout": "1"}, headers=htmx()
        )
        text = listed.content.decode()
        address = reverse("dossier:dmp_refile", args=[RemoteDocument.objects.get().uid])
        assert address in text and "Supprimé du dossier" in text and "Déjà au dossier" not in text
        page = seen(doctor.get(address))
        assert "Biopsie" in page.text and page.has("#motif") and page.has("section.banner")
        assert "Écrivez pourquoi" in seen(doctor.post(address, {"motif": " \x00"}), 422).text
        removed.refresh_from_db()
        assert removed.state == VersionState.DELETED

        answer = doctor.post(address, {"motif": "Le labo confirme"}, follow=True)

        assert "Document classé de nouveau au dossier" in seen(answer).text
        removed.refresh_from_db()
        assert removed.state == VersionState.CURRENT
        assert removed.document.origins == [Origin.MSSANTE, Origin.DMP]
        reception = Reception.objects.latest("id")
        assert reception.extra["refiled_for"] == "Le labo confirme"
        assert reception.unit == room.ward.unit
        assert Trace.objects.get(type="dmp.integrate", object_type="reception").detail["again"]
        assert doctor.get(address).status_code == 404, "nothing is deleted any more"

    def test_another_identity_stops_it_whatever_the_motive(
        self, room: Room, doctor: Client, removed: Version
    ) -> None:
        type(room.patient).objects.update(birth_place_cog="63221")
        address = reverse("dossier:dmp_refile", args=[RemoteDocument.objects.get().uid])
        answer = doctor.post(address, {"motif": "Si"}, follow=True)
        assert "L’identité du document n’est pas exactement celle du patient" in seen(answer).text
        removed.refresh_from_db()
        assert removed.state == VersionState.DELETED

    def test_once_the_access_is_closed_nothing_is_asked(
        self, room: Room, doctor: Client, removed: Version
    ) -> None:
        address = reverse("dossier:dmp_refile", args=[RemoteDocument.objects.get().uid])
        DmpStatus.objects.update(state=AccessState.BLOCKED)
        room.dmp.calls.clear()
        for page in (seen(doctor.get(address)), seen(doctor.post(address, {"motif": "Si"}), 422)):
            assert "rien n’a été demandé" in page.text and "Biopsie" not in page.text
        assert room.dmp.calls == []


ANOTHER_PLACE = replace(
    DOCTOR,
    id=Id("1.2.250.1.71.4.2.1", "810100000099"),
    organization=replace(HOSPITAL, name="Cabinet", id=finess_id("750000001")),
)


def integrate(room: Room, unique_id: str) -> Integrated:
    """The person finds it in the DMP and integrates it."""
    documents_search(room.consultation(), SearchCriteria(), now=timezone.now())
    document = RemoteDocument.objects.get(unique_id=unique_id)
    [one] = documents_integrate(room.consultation(), [document], now=timezone.now())
    return one


@pytest.mark.requirement("F-PV-49", "SC.CDA/INT.17")
class TestTable:
    """One test for each row of the table of dmp 6.5."""

    def test_the_same_id_is_already_there_and_takes_the_identifiers_of_the_dmp(self, room: Room) -> None:
        cda = arriving()
        version = receive(room, cda)
        one = integrate(room, room.deposit(cda))
        assert (one.outcome, one.sentence) == (
            ReceiptOutcome.DUPLICATE,
            "Document déjà présent : rien n’a été ajouté.",
        )
        assert Version.objects.get() == version
        version.document.refresh_from_db()
        assert version.document.origins == [Origin.MSSANTE, Origin.DMP]
        linked = Reception.objects.latest("id")
        assert linked.version == version
        assert linked.source_id and linked.extra["entry_uuid"] == linked.source_id

    @pytest.mark.parametrize("author", [DOCTOR, ANOTHER_PLACE])
    def test_the_same_set_and_a_higher_version_is_the_next_version_whoever_wrote_it(
        self, room: Room, author: Professional
    ) -> None:
        """The right of the author is a rule of MSSanté: the registry let this version in."""
        first = receive(room, arriving(1))
        one = integrate(room, room.deposit(arriving(2, replaces=1, authors=(Author(author, AT),))))
        assert one.outcome == ReceiptOutcome.REPLACED
        first.refresh_from_db()
        assert (first.state, one.version and one.version.document) == (VersionState.REPLACED, first.document)
        assert content_get(first.cda_sha256)

    @pytest.mark.parametrize("number", [1, 2])
    def test_the_same_set_and_no_higher_version_stays_in_the_dmp(self, room: Room, number: int) -> None:
        held = receive(room, arriving(2))
        one = integrate(room, room.deposit(arriving(number, id=Id(f"{SENDER_ROOT}.1.777"))))
        assert one.outcome == ReceiptOutcome.OLDER and "plus récente" in one.sentence
        assert Version.objects.get() == held
        assert RemoteDocument.objects.exists(), "it may still be viewed there"

    @pytest.mark.parametrize("between", [False, True])
    def test_without_set_the_replacement_that_the_registry_knows_is_the_next_version(
        self, room: Room, between: bool
    ) -> None:
        """The CDA says nothing; RPLC leads to a version of the record, at once or one step further."""
        old = without_set(arriving(1))
        first = receive(room, old)
        parent = room.deposit(old)
        if between:
            parent = room.deposit(without_set(arriving(2)), replaces=parent)
        one = integrate(room, room.deposit(without_set(arriving(3)), replaces=parent))
        assert one.outcome == ReceiptOutcome.REPLACED
        first.refresh_from_db()
        assert (first.state, one.version and one.version.document) == (VersionState.REPLACED, first.document)

    def test_when_the_registry_does_not_say_what_it_replaces_nothing_is_filed(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = without_set(arriving(1))
        receive(room, old)
        unique_id = room.deposit(without_set(arriving(2)), replaces=room.deposit(old))
        documents_search(room.consultation(), SearchCriteria(), now=timezone.now())
        document = RemoteDocument.objects.get(unique_id=unique_id)
        retrieve = Line.retrieve

        def then_silent(line: Line, addresses: Sequence[DocumentAddress]) -> Retrieval:
            found = retrieve(line, addresses)
            room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
            return found

        monkeypatch.setattr(Line, "retrieve", then_silent)
        [one] = documents_integrate(room.consultation(), [document], now=timezone.now())
        assert (one.outcome, one.sentence) == ("not_retrieved", "Le DMP ne répond pas.")
        assert Version.objects.count() == 1

    def test_without_set_nor_replacement_it_is_another_document(self, room: Room) -> None:
        receive(room, without_set(arriving(1)))
        assert integrate(room, room.deposit(without_set(arriving(2)))).outcome == ReceiptOutcome.INTEGRATED
        assert Version.objects.filter(state=VersionState.CURRENT).count() == 2

    def test_what_the_record_has_not_is_integrated(self, room: Room) -> None:
        assert integrate(room, room.deposit(arriving())).outcome == ReceiptOutcome.INTEGRATED

    @pytest.mark.requirement("SC.CDA/DD.05")
    @pytest.mark.parametrize("says", ["deleted", "not found"])
    def test_what_the_dmp_deleted_is_marked_and_keeps_its_content(self, room: Room, says: str) -> None:
        cda = arriving()
        version = receive(room, cda, Origin.DMP)
        room.deposit(cda)
        [uuid] = room.dmp.entries
        if says == "deleted":
            room.dmp.entries[uuid] = replace(room.dmp.entries[uuid], status=codes.STATUS_DELETED)
        else:
            room.dmp.entries.clear()
        assert local_check(room.consultation(), version, now=timezone.now()).is_deleted
        version.refresh_from_db()
        assert content_get(version.cda_sha256) == cda
        assert (version.state == VersionState.DELETED) == (says == "deleted")
