"""Opening a record: what is asked of the DMP, what is kept, what is traced (dmp 6.2, 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.acting import Activity
from accounts.assurance import Assurance
from accounts.models import User
from audit.context import Origin, origin_set
from audit.models import Trace
from consent.enums import ChoiceValue, Subject
from dmp.asking import asking
from dmp.enums import AccessState, DocumentStatus
from dmp.line import PLACES, Line
from dmp.models import DmpStatus, RemoteDocument
from dmp.services import status_refresh
from dmp.services.status import QUESTION, Checked
from establishment.models import ServiceEndpoint
from interop.vihf.claims import PatientClaim
from national.dmp.memory import DmpMemory
from national.dmp.ports import AccessContext, Authorisation, DmpState, Existence
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from patients.enums import EpisodeState
from tests.dmp.conftest import Room, strong
from tests.hospital import MATRICULE


def opened(room: Room) -> Checked:
    return status_refresh(room.consultation(), now=timezone.now(), line=room.line())


def said(room: Room, state: DmpState) -> None:
    room.dmp.existences[MATRICULE] = Existence(state, Authorisation.NONE)


class Refusing(DmpMemory):
    """A DMP that grants nobody anything."""

    def authorise(self, context: AccessContext, patient: PatientClaim) -> None:
        self.calls.append("TD0.3")
        raise Rejected("DMPAccessDeniedByRightsService", kind=RejectionKind.RIGHTS)


class TestGate:
    def test_a_doctor_of_the_unit_with_everything_in_order_may_ask(self, room: Room) -> None:
        consultation = room.consultation()
        assert consultation.structure == "1990000101"
        assert consultation.context.name_id == "899700900014"
        assert [role.code for role in consultation.context.roles] == ["10", "SM26"]
        assert consultation.context.authentication_declaration == "CONF_EXI_PGSSIS"

    def test_the_declared_method_is_a_word_that_the_hospital_may_change(
        self, room: Room, settings: LazySettings
    ) -> None:
        settings.DMP_VIHF_WORDS = settings.DMP_VIHF_WORDS | {"air_declaration": "CONF_AUTRE"}
        assert room.consultation().context.authentication_declaration == "CONF_AUTRE"

    def test_the_activity_of_the_session_is_the_one_that_goes_out(self, room: Room) -> None:
        user = User.objects.get(pk=room.doctor.pk)
        user.activity = Activity(
            "10", "SM04", "HODA", "Alice", "SA40", "990000101", "990000010", "HOPITAL DES TROIS RIVIERES", "L"
        )
        consultation = room.consultation(user)
        context = consultation.context
        assert [role.code for role in context.roles] == ["10", "SM04"]
        assert context.sector == "SA40"
        assert context.structure == "1990000101", "the establishment as configured, never the claim"
        assert consultation.author.specialty.code == "G15_10/SM04"
        status_refresh(consultation, now=timezone.now(), line=Line(consultation, gateway=room.dmp))
        traced = Trace.objects.filter(detail__has_key="transaction").latest("id").detail
        assert (traced["specialty"], traced["sector"]) == ("SM04", "SA40")

    def test_every_precondition_is_read_where_it_stands(self, room: Room, settings: LazySettings) -> None:
        weak = Assurance("psc", "psc:eidas1:MOBILE", timezone.now() - timedelta(hours=4), two_factor=True)
        assert room.access(assurance=weak).gate.state == AccessState.SESSION_TOO_WEAK
        one = Assurance("local", "pwd", timezone.now(), two_factor=False)
        assert room.access(assurance=one).gate.state == AccessState.SESSION_TOO_WEAK
        settings.DMP_AIR_SITES = []
        assert room.access().gate.state == AccessState.NOT_ENABLED
        settings.DMP_AIR_SITES = ["tous"]
        assert room.access().gate.is_open
        ServiceEndpoint.objects.update(is_enabled=False)
        assert room.access().gate.state == AccessState.NOT_ENABLED

    @pytest.mark.requirement("SC.DMP/AIRS.06")
    def test_a_person_without_rpps_never_consults(self, room: Room) -> None:
        room.doctor.rpps = ""
        room.doctor.save()
        assert room.access().gate.state == AccessState.SESSION_TOO_WEAK
        assert room.access().consultation is None

    @pytest.mark.requirement("SC.DMP/CONF.09.BIS")
    @pytest.mark.parametrize(
        ("value", "state"),
        [
            (ChoiceValue.NOT_COLLECTED, AccessState.NOT_INFORMED),
            (ChoiceValue.OPPOSED, AccessState.OPPOSED),
            (ChoiceValue.NOT_OPPOSED, AccessState.CHECKING),
        ],
    )
    def test_the_choice_of_the_current_stay_decides(
        self, room: Room, value: ChoiceValue, state: AccessState
    ) -> None:
        room.choose(value)
        assert room.access().gate.state == state
        # The other subject says nothing of the consultation.
        room.choose(ChoiceValue.NOT_OPPOSED, Subject.ALIMENTATION)
        assert room.access().gate.state == state

    def test_the_end_of_the_stay_ends_the_consultation(self, room: Room, settings: LazySettings) -> None:
        episode = room.ward.episode
        episode.state, episode.discharged_at = EpisodeState.CLOSED, timezone.now() - timedelta(hours=1)
        episode.save()
        assert room.access().gate.state == AccessState.STAY_ENDED
        settings.DMP_STAY_GRACE_DAYS = 1
        assert room.access().gate.is_open

    def test_an_identity_under_review_is_not_asked_about(self, room: Room) -> None:
        patient = room.patient
        patient.is_identity_under_review = True
        patient.save()
        assert room.access().gate.state == AccessState.INS_NOT_QUALIFIED


class TestStatus:
    @pytest.mark.requirement("SC.DMP/CONF.16", "SC.DMP/UX.12")
    def test_a_missing_authorisation_is_positioned_then_only_checked(self, room: Room) -> None:
        assert opened(room).state == AccessState.OPEN
        assert room.dmp.calls == ["TD0.2", "TD0.3", "TD0.2"]
        room.dmp.calls.clear()
        with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
            assert opened(room).state == AccessState.OPEN
        assert room.dmp.calls == ["TD0.2"]

    def test_within_the_quarter_of_an_hour_nothing_is_asked(self, room: Room) -> None:
        opened(room)
        room.dmp.calls.clear()
        assert opened(room).state == AccessState.OPEN
        assert room.dmp.calls == []

    def test_a_new_session_asks_again(self, room: Room) -> None:
        with origin_set(Origin(session="first")):
            opened(room)
        room.dmp.calls.clear()
        with origin_set(Origin(session="second")):
            opened(room)
        assert room.dmp.calls == ["TD0.2"]

    @pytest.mark.requirement("SC.DMP/CONF.16")
    def test_a_professional_blocked_by_the_patient_is_told_and_never_asks(self, room: Room) -> None:
        room.dmp.authorisations[MATRICULE, "899700900014"] = Authorisation.BLOCKED
        assert opened(room).state == AccessState.BLOCKED
        with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
            assert opened(room).state == AccessState.BLOCKED
        assert "TD0.3" not in room.dmp.calls

    def test_after_six_months_the_authorisation_is_positioned_again(self, room: Room) -> None:
        room.dmp.authorisations[MATRICULE, "899700900014"] = Authorisation.EXPIRED
        assert opened(room).state == AccessState.OPEN
        assert room.dmp.calls == ["TD0.2", "TD0.3", "TD0.2"]

    @pytest.mark.parametrize(
        ("state", "shown"), [(DmpState.NONE, AccessState.NONE), (DmpState.CLOSED, AccessState.CLOSED)]
    )
    def test_without_an_open_dmp_nothing_more_is_asked(
        self, room: Room, state: DmpState, shown: AccessState
    ) -> None:
        said(room, state)
        assert opened(room).state == shown
        assert room.dmp.calls == ["TD0.2"]
        assert opened(room).state == shown
        assert room.dmp.calls == ["TD0.2"]

    def test_a_refused_authorisation_is_shown_and_not_repeated_that_day(self, room: Room) -> None:
        room.dmp = Refusing()
        assert opened(room).state == AccessState.NOT_ALLOWED
        with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
            assert opened(room).state == AccessState.NOT_ALLOWED
        assert room.dmp.calls.count("TD0.3") == 1

    def test_a_lost_answer_to_the_authorisation_is_looked_up(self, room: Room) -> None:
        room.dmp.failures_after.append(Uncertain("Sans réponse.", code="ReadTimeout"))
        assert opened(room).state == AccessState.OPEN
        assert room.dmp.calls == ["TD0.2", "TD0.3", "TD0.2"]

    @pytest.mark.requirement("DPI.DMP/UX.10")
    def test_a_failure_is_a_state_with_its_time_never_an_error(self, room: Room) -> None:
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ConnectError"))
        found = opened(room)
        assert (found.state, found.last_state) == (AccessState.UNAVAILABLE, None)
        assert opened(room).state == AccessState.OPEN
        with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=True):
            room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ConnectError"))
            found = opened(room)
        assert (found.state, found.last_state) == (AccessState.UNAVAILABLE, AccessState.OPEN)

    def test_a_defect_of_configuration_is_no_refusal_of_the_patient(self, room: Room) -> None:
        room.dmp.failures.append(Rejected("DMPInvalidCertificate", kind=RejectionKind.CONFIGURATION))
        found = opened(room)
        assert found.state == AccessState.REJECTED
        assert "DMPInvalidCertificate" in found.sentence, "a refusal is not told as a failure (dmp 2.6)"

    def test_without_a_place_the_thread_goes_back_to_the_pages(
        self, room: Room, settings: LazySettings
    ) -> None:
        settings.DMP_CALLS_AT_ONCE = 1
        with PLACES.taken(1):
            assert opened(room).state == AccessState.CHECKING
        assert room.dmp.calls == []
        assert opened(room).state == AccessState.OPEN

    def test_another_page_of_the_same_person_waits_for_the_first(self, room: Room) -> None:
        with asking(room.consultation(), QUESTION):
            assert opened(room).state == AccessState.CHECKING
            other = room.colleague()
            found = status_refresh(room.consultation(other), now=timezone.now(), line=room.line(other))
            assert found.state == AccessState.OPEN
        assert opened(room).state == AccessState.OPEN

    def test_without_cache_each_page_asks(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        def down(*args: object) -> bool:
            raise RedisError("down")

        monkeypatch.setattr(cache, "add", down)
        assert opened(room).state == AccessState.OPEN

    def test_no_call_leaves_once_nobody_waits_any_more(self, room: Room) -> None:
        line = room.line()
        line.patience = 0
        found = status_refresh(room.consultation(), now=timezone.now(), line=line)
        assert found.state == AccessState.UNAVAILABLE
        assert room.dmp.calls == []


class TestSharing:
    @pytest.mark.requirement("F-PV-14", "SC.DMP/AIRS.06")
    def test_two_doctors_never_share_an_answer(self, room: Room) -> None:
        other = room.colleague()
        room.dmp.authorisations[MATRICULE, f"8{other.rpps}"] = Authorisation.BLOCKED
        assert opened(room).state == AccessState.OPEN
        found = status_refresh(room.consultation(other), now=timezone.now(), line=room.line(other))
        assert found.state == AccessState.BLOCKED
        assert DmpStatus.objects.count() == 2
        existence = Trace.objects.filter(type="dmp.existence").order_by("id")
        assert {row.actor_subject_name_id for row in existence} == {"899700900014", "899700900022"}


class TestForgetting:
    def remote(self, room: Room) -> None:
        RemoteDocument.objects.create(
            patient=room.patient,
            user=room.doctor,
            unique_id="1.2.3",
            entry_uuid="urn:uuid:1",
            status=DocumentStatus.APPROVED,
        )

    def test_an_opposition_takes_away_what_was_learnt(self, room: Room) -> None:
        opened(room)
        self.remote(room)
        room.choose(ChoiceValue.OPPOSED)
        assert not DmpStatus.objects.exists()
        assert not RemoteDocument.objects.exists()

    def test_a_confirmed_choice_only_asks_again(self, room: Room) -> None:
        opened(room)
        room.choose(ChoiceValue.NOT_COLLECTED)
        room.choose(ChoiceValue.NOT_OPPOSED)
        room.dmp.calls.clear()
        opened(room)
        assert room.dmp.calls == ["TD0.2"]

    def test_feeding_opposed_leaves_the_consultation_alone(self, room: Room) -> None:
        opened(room)
        self.remote(room)
        room.choose(ChoiceValue.OPPOSED, Subject.ALIMENTATION)
        assert RemoteDocument.objects.exists()

    def test_a_refusal_of_rights_drops_the_cache(self, room: Room) -> None:
        opened(room)
        room.dmp.authorisations.clear()
        line = room.line()
        with pytest.raises(Rejected):
            line.documents(["1.2.3"])
        assert DmpStatus.objects.get().checked_at is None


class TestTraces:
    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_each_transaction_is_one_row_that_says_who_for_whom_and_how_it_ended(self, room: Room) -> None:
        with origin_set(Origin(ip="10.1.2.3", session="abc")):
            opened(room)
        rows = list(Trace.objects.filter(type__startswith="dmp.").exclude(type="dmp.notice").order_by("id"))
        assert [row.type for row in rows] == ["dmp.existence", "dmp.authorise", "dmp.existence"]
        row = rows[1]
        assert (row.action, row.outcome) == ("U", "success")
        assert row.actor_uid == room.doctor.uid
        assert row.actor_subject_name_id == "899700900014"
        assert row.patient_uid == room.patient.uid
        assert row.patient_ins == MATRICULE
        assert row.ip == "10.1.2.3"
        detail = row.detail
        assert detail["transaction"] == "TD0.3"
        assert detail["mode"] == "AIR_SIMPLIFIE"
        assert detail["factors"] == 2
        assert detail["profession"] == "10"
        assert detail["structure"] == "1990000101"
        assert detail["ipp"] == "000003"
        assert detail["episode"] == str(room.ward.episode.uid)
        assert detail["message"].startswith("urn:uuid:")
        assert detail["information"] == "not_opposed"
        assert detail["choice"]
        assert detail["auth_time"]

    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_a_failure_is_traced_as_one(self, room: Room) -> None:
        room.dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ConnectError"))
        opened(room)
        row = Trace.objects.get(type="dmp.existence")
        assert (row.outcome, row.detail["code"]) == ("failure", "ConnectError")

    def test_what_the_gate_stops_leaves_no_transaction(self, room: Room) -> None:
        room.choose(ChoiceValue.OPPOSED)
        assert room.access(assurance=strong()).consultation is None
        assert not Trace.objects.filter(type="dmp.existence").exists()
