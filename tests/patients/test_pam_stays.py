"""Stays received by PAM: the whole story of an admission, contradictions, corrections (hl7v2 4.2, 4.4)."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from audit.models import Trace
from exchange.models import Message
from patients.models import CareTeamMember, Episode, Movement, Patient
from tests.factories import EpisodeFactory, SiteFactory, UnitFactory, UserFactory
from tests.patients.adt import adt
from tests.patients.conftest import Receive, last_warning

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("F-DPI-07")]


@pytest.fixture(autouse=True)
def units(db: None) -> None:
    SiteFactory()
    for code in ("6268", "7000", "H1", "H2"):
        UnitFactory(code=code)


def stay() -> Episode:
    return Episode.objects.get()


def test_a_whole_inpatient_story(receive: Receive) -> None:
    def at(hour: int) -> str:
        return f"202403{6 + hour // 24:02d}{hour % 24:02d}0000"

    assert receive("A05", movement="1", at=at(8)).code == "AA"
    assert stay().state == "planned" and stay().planned_at is not None

    assert receive("A01", movement="2", at=at(10), unit="H1", room="12", bed="P").code == "AA"
    assert (stay().state, stay().room, stay().bed) == ("open", "12", "P")

    assert receive("A02", movement="3", at=at(14), medical="7000", unit="H2").code == "AA"
    assert stay().unit and stay().unit.code == "7000"
    assert stay().housing_unit and stay().housing_unit.code == "H2"

    ack = receive(
        "Z99", movement="2", at=at(9), action="UPDATE", historic="Y", original="A01", unit="H1", room="14"
    )
    assert ack.code == "AA"
    assert stay().unit and stay().unit.code == "7000"  # historic: the patient does not move
    assert stay().room == ""
    assert Movement.objects.get(event="A01").room == "14"

    ack = receive("A12", movement="3", at=at(15), action="CANCEL", original="A02", unit="H1", room="15")
    assert ack.code == "AA"
    assert stay().unit and stay().unit.code == "6268"
    assert (stay().room, stay().housing_unit and stay().housing_unit.code) == ("15", "H1")

    assert receive("A21", movement="4", at=at(20)).code == "AA"
    assert receive("A22", movement="5", at=at(22)).code == "AA"
    assert stay().state == "open"

    assert receive("A03", movement="6", at=at(30)).code == "AA"
    assert stay().state == "closed" and stay().discharged_at is not None

    assert receive("A13", movement="6", at=at(31), action="CANCEL", original="A03").code == "AA"
    assert stay().state == "open" and stay().discharged_at is None

    assert receive("A03", movement="7", at=at(40)).code == "AA"
    assert stay().state == "closed"
    assert Patient.objects.count() == 1
    assert set(Message.objects.values_list("state", flat=True)) == {"applied"}
    assert last_warning() == ""


@pytest.mark.parametrize(
    ("event", "patient_class", "kind"),
    [("A01", "I", "I"), ("A04", "O", "O"), ("A04", "E", "E"), ("A04", "R", "R")],
)
def test_kinds_of_admission(receive: Receive, event: str, patient_class: str, kind: str) -> None:
    assert receive(event, patient_class=patient_class).code == "AA"
    assert (stay().state, stay().kind) == ("open", kind)


def test_emergency_becomes_inpatient_and_back(receive: Receive) -> None:
    receive("A04", movement="1", patient_class="E", at="20240306100000")
    receive("A06", movement="2", patient_class="I", at="20240306110000")
    assert stay().kind == "I"
    # A07 cancels the A06 when ZBE-4 says so, and only then.
    receive("A07", movement="2", patient_class="E", at="20240306120000", action="CANCEL", original="A06")
    assert stay().kind == "E"
    receive("A07", movement="3", patient_class="O", at="20240306130000")
    assert stay().kind == "O"
    assert Movement.objects.filter(is_cancelled=False).count() == 2


@pytest.mark.parametrize(("admission", "cancel"), [("A01", "A11"), ("A04", "A11"), ("A05", "A38")])
def test_a_cancelled_admission_cancels_the_stay(receive: Receive, admission: str, cancel: str) -> None:
    receive(admission, movement="1")
    assert receive(cancel, movement="1", action="CANCEL", original=admission).code == "AA"
    assert stay().state == "cancelled"
    assert Movement.objects.get().is_cancelled
    receive(admission, movement="2")
    assert stay().state in ("open", "planned")


def test_attending_doctor_joins_the_team_and_changes(receive: Receive) -> None:
    first, second = UserFactory(rpps="01234567897"), UserFactory(rpps="10000023084")
    receive("A01", movement="1", attending="801234567897^Réault^Pierre^^^^^^X&1.2&ISO^D^^^IDNPS")
    assert (stay().attending_name, stay().attending_rpps) == ("Réault Pierre", "01234567897")
    receive("A54", movement="2", at="20240306120000", attending="10000023084^AGNES^Isabelle^^^^^^^^^^RPPS")
    assert stay().attending_rpps == "10000023084"
    assert set(CareTeamMember.objects.values_list("user", "source")) == {
        (first.pk, "pam"),
        (second.pk, "pam"),
    }
    receive("A55", movement="2", at="20240306120000", action="CANCEL", original="A54")
    assert stay().attending_rpps == "01234567897"


@pytest.mark.requirement("F-DPI-09")
def test_who_addressed_the_patient_is_kept_until_another_one_is_told(receive: Receive) -> None:
    receive("A01", movement="1", referring="10000023084^ROUX^Karim^^^^^^^^^^RPPS")
    assert (stay().referring_name, stay().referring_rpps) == ("ROUX Karim", "10000023084")
    receive("A02", movement="2", at="20240306120000")
    assert stay().referring_rpps == "10000023084"
    receive("A02", movement="3", at="20240306130000", referring='""')
    assert (stay().referring_name, stay().referring_rpps) == ("", "")


# --- What contradicts the known situation is set aside with AA and a warning (ITI-31) -----------
@pytest.mark.parametrize(
    ("event", "fields", "warning"),
    [
        ("A03", {"visit": "UNKNOWN", "movement": "9"}, "venue inconnue"),
        ("A11", {"movement": "9", "action": "CANCEL", "original": "A01"}, "mouvement inconnu"),
        ("A13", {"movement": "1", "action": "CANCEL", "original": "A03"}, "n'annule pas"),
        ("A12", {"movement": "1", "action": "CANCEL", "original": "A02"}, "n'annule pas"),
        ("A02", {"movement": "1"}, "déjà employé"),
    ],
)
def test_a_movement_that_contradicts_the_situation_is_set_aside(
    receive: Receive, event: str, fields: dict[str, str], warning: str
) -> None:
    receive("A01", movement="1")
    before = list(Movement.objects.values())

    assert receive(event, at="20240307110000", **fields).code == "AA"

    assert warning in last_warning()
    assert list(Movement.objects.values()) == before
    assert stay().state == "open"


def test_a_second_discharge_is_set_aside(receive: Receive) -> None:
    receive("A01", movement="1")
    receive("A03", movement="2", at="20240307110000")
    assert receive("A03", movement="3", at="20240308110000").code == "AA"
    assert "Sortie sans séjour ouvert" in last_warning()
    assert Movement.objects.count() == 2


def test_only_the_last_movement_can_be_cancelled(receive: Receive) -> None:
    receive("A01", movement="1", at="20240306100000")
    receive("A02", movement="2", at="20240306110000", medical="7000")
    assert receive("A11", movement="1", action="CANCEL", original="A01").code == "AA"
    assert "Seul le dernier mouvement" in last_warning()
    assert stay().state == "open"


def test_a_correction_of_an_unknown_movement_is_refused(receive: Receive) -> None:
    receive("A01", movement="1")
    ack = receive("Z99", movement="77", action="UPDATE", original="A02")
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == ("AE", "207", "ZBE^1^1")


def test_a_correction_of_an_unknown_stay_is_refused_and_leaves_nothing(receive: Receive) -> None:
    ack = receive("Z99", action="UPDATE", original="A01")
    assert ack.code == "AE"
    assert (Patient.objects.count(), Episode.objects.count(), Trace.objects.count()) == (0, 0, 0)


def test_a_current_correction_moves_the_patient(receive: Receive) -> None:
    receive("A01", movement="1", unit="H1", room="12")
    receive("Z99", movement="1", action="UPDATE", original="A01", unit="H2", room="3", medical="7000")
    assert (stay().room, stay().unit and stay().unit.code) == ("3", "7000")


def test_a_transfer_of_an_unknown_stay_creates_it_with_a_warning(receive: Receive) -> None:
    assert receive("A02").code == "AA"
    assert stay().state == "open"
    assert "venue créée" in last_warning()


def test_the_visit_of_another_patient_is_refused(receive: Receive) -> None:
    receive("A01", movement="1")
    ack = receive("A02", ipp="000999", ins="", name="AUTRE", movement="2", at="20240306120000")
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == ("AE", "207", "PV1^1^19")
    assert Patient.objects.count() == 1


# --- Movement identifiers ------------------------------------------------------------------------
def test_the_same_movement_again_changes_nothing(receive: Receive) -> None:
    receive("A01", movement="1", unit="H1")
    before = Movement.objects.values("id", "housing_unit_code", "nature").get()
    assert receive("A01", movement="1", unit="H1").code == "AA"
    assert Movement.objects.values("id", "housing_unit_code", "nature").get() == before


def test_one_movement_in_several_messages_is_united(receive: Receive) -> None:
    receive("A01", movement="1", nature="M", medical="6268", unit="")
    receive("A01", movement="1", nature="H", medical="6268", unit="H1", room="12")
    row = Movement.objects.get()
    assert (row.nature, row.medical_unit_code, row.housing_unit_code, row.room) == ("MH", "6268", "H1", "12")
    assert stay().room == "12"


def test_one_movement_id_in_two_visits_is_two_movements(receive: Receive) -> None:
    """The official examples give the movement 312 to four visits (hl7v2 5.1)."""
    for number in ("V1", "V2"):
        assert receive("A01", visit=number, account=number, movement="312").code == "AA"
    assert Movement.objects.count() == 2
    assert Episode.objects.count() == 2


def test_a_late_movement_is_filed_at_its_date(receive: Receive) -> None:
    receive("A01", movement="1", at="20240306100000")
    receive("A02", movement="3", at="20240306150000", medical="7000")
    receive("A02", movement="2", at="20240306120000", medical="6268")
    assert stay().unit and stay().unit.code == "7000"
    assert "rangé à sa date" in last_warning()


def test_the_stay_is_found_by_its_account_without_visit_number(receive: Receive) -> None:
    receive("A01", movement="1")
    raw = b"\r".join(
        line if not line.startswith(b"PV1") else b"PV1|1|I|^^"
        for line in adt("A02", movement="2", at="20240306120000", medical="7000").split(b"\r")
    )
    assert receive(raw).code == "AA"
    assert stay().unit and stay().unit.code == "7000"


@pytest.mark.parametrize("authority", ["", "CHU-Y&000897406&N"])
def test_the_stay_is_found_whatever_authority_its_number_is_given(receive: Receive, authority: str) -> None:
    """No strict check of the authority of a visit number (hl7v2 5.1)."""
    receive("A01", movement="1")
    raw = adt("A03", movement="2", at="20240307110000")
    assert receive(raw.replace(b"^^^CHU-X&000897406&M^VN", f"^^^{authority}^VN".encode())).code == "AA"
    assert stay().state == "closed"


def test_a_number_of_two_stays_is_told_apart_by_its_authority_alone(receive: Receive) -> None:
    """Two stays of one patient under one number: only the exact authority tells which one is meant."""
    receive("A01", movement="1")
    second = adt("A01", movement="2", at="20240307110000")
    Episode.objects.update(visit_authority="AUTRE")
    EpisodeFactory(patient=Patient.objects.get(), visit_number=stay().visit_number, visit_authority="TIERS")
    assert receive(second).code == "AA"
    assert Episode.objects.count() == 3


def test_the_number_of_another_patient_under_another_authority_is_another_stay(receive: Receive) -> None:
    receive("A01", movement="1")
    raw = adt("A01", ipp="000999", ins="", name="AUTRE", movement="2", at="20240306120000")
    assert receive(raw.replace(b"^^^CHU-X&000897406&M^VN", b"^^^CHU-Y&000000001&M^VN")).code == "AA"
    assert Episode.objects.values("patient").distinct().count() == 2


# --- Units ---------------------------------------------------------------------------------------
def test_an_unknown_unit_is_created_from_the_message_and_flagged(receive: Receive) -> None:
    receive("A01", medical="9999")
    unit = stay().unit
    assert unit is not None
    assert (unit.code, unit.name) == ("9999", "Libellé 9999")
    assert "Unité 9999 inconnue" in last_warning()
    assert Trace.objects.filter(type="settings.change", object_uid=unit.uid).exists()


def test_three_responsibilities_are_kept_apart(receive: Receive) -> None:
    receive("A01", medical="6268", nursing="7000", unit="H1")
    episode = stay()
    assert [one and one.code for one in (episode.unit, episode.nursing_unit, episode.housing_unit)] == [
        "6268",
        "7000",
        "H1",
    ]


# --- Other events --------------------------------------------------------------------------------
@pytest.mark.parametrize("event", ["A14", "A15", "A16", "A25", "A26", "A27", "A09", "A10", "A33", "A32"])
def test_an_option_that_is_not_claimed_is_ignored_or_refused(
    receive: Receive, settings: Settings, event: str
) -> None:
    cancelled = {"action": "CANCEL", "original": "A14"} if event in ("A25", "A26", "A27") else {}
    assert receive(event, **cancelled).code == "AA"
    assert f"{event} non pris en charge" in last_warning()
    assert Patient.objects.count() == 0
    settings.PAM_OPTIONAL_EVENTS = "refuse"
    ack = receive(event, **cancelled)
    assert (ack.code, ack.faults[0].code) == ("AR", "201")


@pytest.mark.parametrize("event", ["A23", "A29", "A34", "A36", "A50", "A51", "B01"])
def test_an_event_that_is_not_french_is_refused(receive: Receive, event: str) -> None:
    ack = receive(adt("A28").replace(b"ADT^A28", f"ADT^{event}".encode()))
    assert (ack.code, ack.faults[0].code) == ("AE", "201")
    assert Patient.objects.count() == 0


def test_a_merge_is_refused_and_kept_for_the_identity_cell(receive: Receive) -> None:
    raw = (
        adt("A28")
        .replace(b"ADT^A28^ADT_A01", b"ADT^A40^ADT_A39")
        .replace(b"PV1||N\r", b"MRG|000009^^^CHU-X&1&N^PI\r")
    )
    ack = receive(raw)
    assert (ack.code, ack.faults[0].code) == ("AE", "201")
    assert "identitovigilance" in ack.faults[0].text
    assert Message.objects.get().state == "refused"


def test_a08_updates_identity_and_visit_without_a_movement(receive: Receive) -> None:
    receive("A01", movement="1", name="ANCIEN", ins="", reliability="PROV")
    raw = (
        adt("A31", name="NOUVEAU", ins="", reliability="PROV")
        .replace(b"ADT^A31^ADT_A05", b"ADT^A08^ADT_A01")
        .replace(b"ADT^A31", b"ADT^A08")
        .replace(
            b"PV1||N\r",
            b"PV1|1|I|||||||||||||||||000897406^^^CHU-X&000897406&M^VN\rPV2|||||||||20240312100000\r",
        )
    )
    assert receive(raw).code == "AA"
    assert Patient.objects.get().birth_name == "NOUVEAU"
    assert stay().expected_discharge_at is not None
    assert Movement.objects.count() == 1
    assert "A08" in last_warning()


@pytest.mark.parametrize("missing", ["EVN", "PID", "PV1", "ZBE"])
def test_a_missing_segment_is_refused_100_with_its_name(receive: Receive, missing: str) -> None:
    raw = b"\r".join(line for line in adt("A01").split(b"\r") if not line.startswith(missing.encode()))
    ack = receive(raw)
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == ("AE", "100", f"{missing}^1")
    assert Patient.objects.count() == 0


def test_unknown_segments_and_fields_are_ignored(receive: Receive) -> None:
    raw = adt("A01").replace(b"HMS\r", b"HMS|x|y|z\rZZZ|anything\rOBX|1\r")
    assert receive(raw).code == "AA"


def test_each_stay_leaves_its_trace(receive: Receive) -> None:
    receive("A01")
    trace = Trace.objects.get(type="episode.change")
    assert (trace.actor_login, trace.object_uid, trace.patient_uid) == (
        "hl7.gam",
        stay().uid,
        Patient.objects.get().uid,
    )


def test_dmp_hint_of_the_message_is_kept(receive: Receive) -> None:
    receive("A01", zfa="FERME|20240306")
    assert stay().dmp_hint == "FERME"
