"""What the record already holds decides what an integration does (dmp 6.5, mssante 2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Trace
from dmp.enums import AccessState
from dmp.models import DmpStatus, RemoteDocument
from documents.enums import Intake, Origin, VersionState
from documents.models import Reception, Version
from documents.received import IncomingDeletion
from documents.services import document_delete_received, document_receive
from tests.dmp.conftest import Room
from tests.documents.arrivals import arriving, incoming
from tests.dossier.conftest import htmx, seen
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
