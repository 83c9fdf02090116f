"""What a page about the DMP asks of the database does not grow with what it shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dmp.enums import DocumentStatus
from dmp.models import RemoteDocument
from documents.enums import Intake, Origin
from documents.services import document_receive
from tests.budgets.dmp_pages import DMP_PAGES, Shown
from tests.budgets.test_query_counts import FEW, MANY, count_of
from tests.dmp.conftest import Room
from tests.documents.arrivals import arriving, incoming
from tests.factories import EpisodeFactory, QualifiedPatientFactory
from tests.signing_in import sign_in

NOTED = os.environ.get("DPI_NOTE_DMP_BUDGETS", "")


@pytest.fixture
def shown(room: Room, monkeypatch: pytest.MonkeyPatch) -> Shown:
    monkeypatch.setattr("dmp.line.dmp_gateway", lambda mode: room.dmp)
    room.authorised()
    cda = arriving(lineage=1)
    receipt = document_receive(
        patient=room.patient,
        incoming=incoming(cda, origin=Origin.DMP, intake=Intake.MANUAL),
        actor=room.ward.actor,
        at=timezone.now(),
    )
    room.deposit(cda)
    unique_id = room.deposit(arriving(lineage=2))
    browser = sign_in(Client(), room.doctor)
    browser.get(reverse("dossier:dmp_fact", args=[room.patient.uid]))
    browser.get(reverse("dossier:dmp_results", args=[room.patient.uid]), {"months": "all"})
    assert receipt.version is not None
    found = Shown(room, RemoteDocument.objects.get(unique_id=unique_id), receipt.version)
    return found


def fill(room: Room, count: int) -> None:
    """More documents seen in this DMP, and more patients in the unit."""
    for number in range(count):
        RemoteDocument.objects.create(
            patient=room.patient,
            user=room.doctor,
            unique_id=f"1.2.{RemoteDocument.objects.count()}.{number}",
            entry_uuid=f"urn:uuid:{number}",
            status=DocumentStatus.APPROVED,
            title="CR",
        )
        EpisodeFactory(patient=QualifiedPatientFactory(), unit=room.ward.unit)


@pytest.mark.slow  # one for each page
@pytest.mark.parametrize("page", DMP_PAGES)
def test_a_page_asks_as_often_whatever_it_shows(page: str, shown: Shown) -> None:
    address_of, expected = DMP_PAGES[page]
    browser = sign_in(Client(), shown.room.doctor)
    browser.get(reverse("dossier:dmp_fact", args=[shown.room.patient.uid]))
    address = address_of(shown)
    fill(shown.room, FEW)
    few = count_of(browser, address)
    fill(shown.room, MANY)
    many = count_of(browser, address)

    assert len(many) == len(few), "\n".join(many)
    if NOTED:
        noted = Path(NOTED)
        known = json.loads(noted.read_text()) if noted.exists() else {}
        noted.write_text(json.dumps(known | {page: len(many)}))
        return
    assert len(many) == expected, "\n".join(many)
