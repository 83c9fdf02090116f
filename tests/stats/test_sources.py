"""The figures of what really happened: rows written by the services of the other rooms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give, roles_install, user_create, user_enable, user_suspend
from audit.context import system_actor
from dmp.criteria import SearchCriteria
from dmp.services import document_open, documents_integrate, documents_search
from documents.enums import Intake, Origin, ReceiptOutcome, ReceiptRequest
from documents.models import Document
from documents.received import IncomingDeletion, Refusal
from documents.services import ImportBy, document_delete_received, document_receive, reception_refuse
from national.errors import Unavailable
from patients.enums import EpisodeState
from patients.models import Episode
from sending.models import Order
from sending.services import order_fail, order_received_dmp, order_retry
from stats.rules.figures import ALL, UNKNOWN_FINESS
from stats.rules.months import Month
from stats.selectors.tally import reading_now, tally_of
from tests.dmp.conftest import Room, room
from tests.documents.arrivals import archive, arriving, imported_by_hand, incoming, plain_pdf
from tests.hospital import Ward
from tests.stats.world import Found

__all__ = ["room"]

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)
JULY, AUGUST = Month(2026, 7), Month(2026, 8)
SITE = "990000101"
ACTOR = system_actor("hl7.pfi")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=True) as travelled:
        yield travelled


def found() -> Found:
    return Found(tally_of(reading_now()))


def leave(ward: Ward, at: datetime) -> None:
    Episode.objects.filter(pk=ward.episode.pk).update(state=EpisodeState.CLOSED, discharged_at=at)


@pytest.mark.requirement("SC.STAT/ES.01", "F-PFI-21")
def test_a_letter_that_fails_then_arrives_the_month_after(ward, clock):
    """Validated, refused, tried again, acknowledged: by the services that do it."""
    ward.write_letter()
    order_fail(order=Order.objects.get(), code="DMPClosed", text="DMP fermé", kind="refused_dmp")
    leave(ward, timezone.now())
    clock.move_to(datetime(2026, 8, 3, 9, tzinfo=UTC))
    order = order_retry(order=Order.objects.get(), actor=ward.actor)
    Order.objects.update(state="handed_over")
    order_received_dmp(order=order, at=datetime(2026, 7, 31, 9, tzinfo=UTC))
    clock.shift(timedelta(seconds=1))

    figures = found()

    axes = {"finess": SITE, "doc_type": "LDL"}
    assert figures.counts("ALI_DMP_FLUX_KO", (JULY, AUGUST), **axes) == [1, 0]
    assert figures.counts("ALI_DMP_FLUX_OK", (JULY, AUGUST), **axes) == [0, 1]
    assert figures.ratio("ALI_DMP_TX_SEJ", JULY, **axes) == (1, 1, "100.00")


class TestConsultation:
    @pytest.mark.requirement("SC.STAT/ES.01")
    def test_who_searched_and_what_was_opened_and_filed(self, room: Room) -> None:
        room.authorised()
        for lineage in (1, 2, 3):
            room.deposit(arriving(lineage=lineage))
        line = room.line()
        documents = list(
            documents_search(room.consultation(), SearchCriteria(), now=timezone.now(), line=line).documents
        )
        document_open(room.consultation(), documents[0], line=line)
        documents_integrate(room.consultation(), documents[:2], now=timezone.now(), line=line)
        leave(room.ward, timezone.now())

        figures = found()

        axes = {"month": JULY, "finess": SITE}
        assert figures.count("CON_DMP_NB_UTIL", profession="10", **axes) == 1
        assert figures.ratio("CON_DMP_TX_UTIL", profession="10", **axes) == (1, 1, "100.00")
        assert figures.count("CON_DMP_NB_DOC", doc_type="LDL", **axes) == 2
        assert figures.ratio("CON_DMP_TX_SEJ", type_code="11490-0", **axes) == (1, 1, "100.00")
        assert figures.ratio("CON_DMP_TX_SEJ", doc_type="TOUS", **axes) == (1, 1, "100.00")

    def test_a_test_of_existence_and_a_failed_search_are_no_consultation(self, room: Room) -> None:
        room.line().existence()
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ReadTimeout"))
        documents_search(room.consultation(), SearchCriteria(), now=timezone.now(), line=room.line())
        assert found().count("CON_DMP_NB_UTIL", JULY, ALL, profession="TOUS") == 0

    def test_an_account_counts_in_the_months_when_it_was_active(self, ward, clock):
        roles_install()
        user = user_create(
            login="cmartin", family_name="MARTIN", given_name="Chloé", profession="60", actor=ACTOR
        )
        assignment_give(user=user, role=RoleCode.SOIGNANT, unit=ward.unit, giver=None, actor=ACTOR)
        user_suspend(user=user, actor=ACTOR)
        clock.move_to(datetime(2026, 9, 3, 9, tzinfo=UTC))
        user_enable(user=user, actor=ACTOR)
        clock.move_to(datetime(2026, 10, 3, 9, tzinfo=UTC))

        figures = found()

        counts = [
            figures.ratio("CON_DMP_TX_UTIL", Month(2026, number), SITE, profession="60")[1]
            for number in range(6, 11)
        ]
        assert counts == [0, 1, 0, 1, 1]


class TestReception:
    @pytest.mark.requirement("SC.STAT/ES.01", "F-PFI-21")
    def test_e13_by_the_service_that_files(self, ward: Ward) -> None:
        def receive(cda: bytes, **changes: object) -> None:
            document_receive(
                patient=ward.patient,
                incoming=incoming(cda, unit=ward.unit, **changes),
                actor=ACTOR,
                at=timezone.now(),
            )

        another = {"traits": {"birth_name": "PAT-QUATRE"}}
        receive(arriving(lineage=1))
        receive(arriving(lineage=1))
        receive(arriving(2, lineage=1, replaces=1), request=ReceiptRequest.REPLACE)
        receive(arriving(lineage=2, **another))
        self.by_hand(ward, archive(arriving(lineage=2, **another)))
        self.by_hand(ward, plain_pdf())
        reception_refuse(
            incoming=incoming(arriving(lineage=5), unit=ward.unit),
            refusal=Refusal(ReceiptOutcome.REFUSED_IDENTITY, "902", "Aucun patient ne porte cet INS."),
            actor=ACTOR,
            at=timezone.now(),
        )
        deleted = Document.objects.get(set_id__endswith=".2.1").versions.get(state="current")
        document_delete_received(
            patient=ward.patient,
            incoming=IncomingDeletion(
                unique_id=deleted.unique_id,
                origin=Origin.MSSANTE,
                intake=Intake.AUTOMATIC,
                unit=ward.unit,
            ),
            actor=ACTOR,
            at=timezone.now(),
        )

        figures = found()

        for doc_type in ("LDL", "TOUS"):
            axes = {"month": JULY, "finess": SITE, "doc_type": doc_type}
            assert figures.count("MSSREC_AUTO_OK", **axes) == 1
            assert figures.count("MSSREC_AUTO_KO", **axes) == 2
            assert figures.count("MSSREC_MAN_CDA_OK", **axes) == 1
            assert figures.count("MSSREC_MAN_NONCDA", **axes) == 1
        assert not {key for key in figures.tally.counts if key.finess == UNKNOWN_FINESS}

    def by_hand(self, ward: Ward, content: bytes) -> None:
        """Dropped, the patient chosen, confirmed: as the page does it."""
        roles_install()
        if not ward.doctor.assignments.exists():
            assignment_give(
                user=ward.doctor, role=RoleCode.PRESCRIPTEUR, unit=ward.unit, giver=None, actor=ACTOR
            )
        user = User.objects.get(pk=ward.doctor.pk)
        imported_by_hand(content, patient=ward.patient, by=ImportBy(user, user.as_actor()))
