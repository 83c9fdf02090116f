"""Messages in: raw first, one effect, one answer (hl7v2 1.5, 1.6; decision 9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from exchange import registry
from exchange.enums import MessageState, PamAck, Transport
from exchange.models import MAX_ATTEMPTS, Message
from exchange.registry import Outcome, Reception, handler_for, handler_register
from exchange.selectors import integration_work_list, messages_stuck
from exchange.services import message_apply, message_receive, messages_apply_waiting
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Fault, Hl7Error, application_fault
from interop.hl7v2.header import read_header
from interop.hl7v2.tokens import parse_message
from tests.exchange.conftest import Treated
from tests.exchange.messages import TEST_TYPE, message
from tests.factories import MessageFactory, PartnerFactory

pytestmark = pytest.mark.django_db


def test_a_message_is_stored_applied_and_answered(treated: Treated) -> None:
    partner = PartnerFactory()
    raw = message(control_id="A1")

    ack = parse_ack(message_receive(partner=partner, raw=raw))

    assert (ack.code, ack.acknowledged_id) == (AckCode.AA, "A1")
    assert ack.header.message == "ACK" and ack.header.event == "Z01"
    assert ack.header.sender.application.namespace == "DPI"
    assert ack.header.receiver.application.namespace == "GAM"
    row = Message.objects.get()
    assert bytes(row.raw) == raw
    assert (row.state, row.ack_code, row.control_id, row.type) == ("applied", "AA", "A1", "ZTT^Z01^ZTT_Z01")
    assert row.done_at is not None and row.claimed_until is None
    assert treated.receptions[0].actor.login == f"hl7.{partner.code}"


def test_the_same_bytes_again_get_the_first_answer_and_no_second_effect(treated: Treated) -> None:
    partner = PartnerFactory()
    raw = message()

    first = message_receive(partner=partner, raw=raw)
    again = message_receive(partner=partner, raw=raw)

    assert first == again
    assert treated.count == 1
    assert Message.objects.count() == 1


def test_a_refusal_is_answered_again_the_same(treated: Treated) -> None:
    partner = PartnerFactory()
    treated.raises.append(Hl7Error("101", "PID^1^3", "Identifiant absent"))
    raw = message()

    first = message_receive(partner=partner, raw=raw)
    again = message_receive(partner=partner, raw=raw)

    ack = parse_ack(first)
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == (AckCode.AE, "101", "PID^1^3")
    assert first == again
    assert treated.count == 1


def test_an_ar_is_never_replayed_the_message_is_treated_anew(treated: Treated) -> None:
    partner = PartnerFactory()
    treated.raises.append(Hl7Error("207", "", "Plus tard", ack=AckCode.AR))
    raw = message()

    first = parse_ack(message_receive(partner=partner, raw=raw))
    again = parse_ack(message_receive(partner=partner, raw=raw))

    assert (first.code, again.code) == (AckCode.AR, AckCode.AA)
    assert treated.count == 2
    assert Message.objects.get().state == "applied"


def test_other_bytes_under_the_same_id_are_a_conflict(treated: Treated) -> None:
    partner = PartnerFactory()
    message_receive(partner=partner, raw=message("ZZZ|1", control_id="A1"))

    ack = parse_ack(message_receive(partner=partner, raw=message("ZZZ|2", control_id="A1")))

    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == (AckCode.AE, "199", "MSH^1^10")
    assert treated.count == 1
    assert list(Message.objects.order_by("id").values_list("state", flat=True)) == ["applied", "conflict"]


@pytest.mark.parametrize("other", [{"sender": "SGL"}, {"facility": "CHU-Y"}])
def test_the_same_id_from_another_sender_is_another_message(treated: Treated, other: dict[str, str]) -> None:
    partner = PartnerFactory()
    message_receive(partner=partner, raw=message(control_id="A1"))
    message_receive(partner=partner, raw=message(control_id="A1", **other))
    assert treated.count == 2


def test_the_same_id_from_another_partner_is_another_message(treated: Treated) -> None:
    raw = message(control_id="A1")
    for _ in range(2):
        message_receive(partner=PartnerFactory(), raw=raw)
    assert treated.count == 2


# --- What cannot be read -------------------------------------------------------------------------
UNREADABLE = (
    (b"not HL7 at all", "100", "MSH^1"),
    (b"", "100", "MSH^1"),
    (b"PID|1\rMSH|^~\\&|GAM\r", "100", "MSH^1"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01||P|2.5\r", "101", "MSH^1^10"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01|" + b"9" * 300 + b"|P|2.5\r", "102", "MSH^1^10"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01|A\x00B|P|2.5\r", "102", "MSH^1^10"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01|A1|P|2.5\rPID|\x00\r", "102", "PID^1^1"),
    (b"MSH|^^^^|GAM|X|DPI|X|20250102||ZTT^Z01|A1|P|2.5\r", "102", "MSH^1^2"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01|A1|P|2.5|||||FRA|KLINGON\r", "103", "MSH^1^18"),
    (b"MSH|^~\\&|GAM|X|DPI|X|20250102||ZTT^Z01|A1|P|2.5\rthis is no segment\r", "199", "MSH^1"),
)


@pytest.mark.parametrize(("raw", "code", "location"), UNREADABLE)
def test_bytes_that_are_no_message_are_kept_and_refused_with_what_and_where(
    treated: Treated, raw: bytes, code: str, location: str
) -> None:
    answered = message_receive(partner=PartnerFactory(), raw=raw)
    [error] = [line for line in answered.decode().split("\r") if line.startswith("ERR")]
    assert b"MSA|AE" in answered
    assert error.split("|")[2] == location
    assert error.split("|")[3].startswith(f"{code}^")
    row = Message.objects.order_by("id").last()
    assert row is not None
    assert bytes(row.raw) == raw
    assert row.state == MessageState.UNREADABLE
    assert treated.count == 0


def test_a_corrected_message_may_reuse_the_id_of_an_unreadable_one(treated: Treated) -> None:
    partner = PartnerFactory()
    message_receive(partner=partner, raw=message("not a segment", control_id="A1"))
    ack = parse_ack(message_receive(partner=partner, raw=message("ZZZ|1", control_id="A1")))
    assert ack.code == AckCode.AA
    assert treated.count == 1


def test_an_unknown_type_is_kept_and_refused_200(treated: Treated) -> None:
    ack = parse_ack(message_receive(partner=PartnerFactory(), raw=message(kind="SIU^S12^SIU_S12")))
    assert (ack.code, ack.faults[0].code) == (AckCode.AE, "200")
    assert Message.objects.get().state == "refused"


def test_an_acknowledgement_is_never_acknowledged(treated: Treated) -> None:
    raw = message("MSA|AA|X1", kind="ACK^A01^ACK")
    partner = PartnerFactory()
    assert message_receive(partner=partner, raw=raw) == b""
    assert message_receive(partner=partner, raw=raw) == b""
    assert Message.objects.get().state == "refused"


# --- Who may send --------------------------------------------------------------------------------
def test_an_unknown_sender_gets_ar_without_detail_and_may_come_back(treated: Treated) -> None:
    partner = PartnerFactory(application="SIL", facility="CHU-X")
    raw = message(sender="GAM")

    ack = parse_ack(message_receive(partner=partner, raw=raw))

    assert ack.code == AckCode.AR
    assert [fault.location for fault in ack.faults] == [""]
    assert treated.count == 0
    partner.application = "GAM"
    partner.save()
    assert parse_ack(message_receive(partner=partner, raw=raw)).code == AckCode.AA


@pytest.mark.parametrize(
    ("accepted", "sent", "code"), [("P", "T", "AE"), ("PTD", "D", "AA"), ("P", "", "AE")]
)
def test_processing_id_of_another_environment_is_refused_202(
    treated: Treated, accepted: str, sent: str, code: str
) -> None:
    partner = PartnerFactory(processing_ids=accepted)
    ack = parse_ack(message_receive(partner=partner, raw=message(processing=sent)))
    assert ack.code == code
    if code == "AE":
        assert (ack.faults[0].code, ack.faults[0].location) == ("202", "MSH^1^11")


def test_within_the_software_no_sender_is_refused(treated: Treated) -> None:
    partner = PartnerFactory(transport=Transport.INTEGRATED, application="PFI")
    assert parse_ack(message_receive(partner=partner, raw=message(sender="DPI"))).code == AckCode.AA


# --- Effects and defects -------------------------------------------------------------------------
def test_an_effect_may_be_kept_and_refused_together(treated: Treated) -> None:
    treated.outcome = Outcome(code=AckCode.AE, faults=(application_fault("902"),))
    ack = parse_ack(message_receive(partner=PartnerFactory(), raw=message()))
    assert (ack.code, ack.faults[0].code, ack.faults[0].application_code) == (AckCode.AE, "207", "902")
    assert Message.objects.get().state == "refused"


def test_warnings_go_to_the_journal_and_to_the_work_list(treated: Treated) -> None:
    treated.outcome = Outcome(warnings=("Bizarre", "Bizarre", "Étrange"))
    message_receive(partner=PartnerFactory(), raw=message())
    row = Message.objects.get()
    assert (row.state, row.warning) == ("applied", "Bizarre ; Étrange")
    assert list(integration_work_list()) == [row]


def test_a_defect_loses_nothing_and_asks_the_sender_to_come_back(
    treated: Treated, caplog: pytest.LogCaptureFixture
) -> None:
    partner = PartnerFactory()
    treated.raises.append(ZeroDivisionError("a bug"))
    raw = message()

    ack = parse_ack(message_receive(partner=partner, raw=raw))

    assert ack.code == AckCode.AR
    row = Message.objects.get()
    assert (row.state, row.attempts, row.error) == ("stored", 1, "Défaut : ZeroDivisionError")
    assert row.claimed_until is None and row.not_before is not None
    assert row.not_before <= timezone.now() + timedelta(seconds=30)
    assert parse_ack(message_receive(partner=partner, raw=raw)).code == AckCode.AA
    assert Message.objects.get().state == "applied"


def test_values_that_the_database_refuses_are_refused_not_retried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(_: Reception) -> Outcome:
        PartnerFactory(code="x" * 41)
        return Outcome()

    monkeypatch.setitem(registry._handlers, (TEST_TYPE, ""), write)
    ack = parse_ack(message_receive(partner=PartnerFactory(), raw=message()))
    assert (ack.code, ack.faults[0].code) == (AckCode.AE, "207")
    assert Message.objects.get().state == "refused"


def test_a_race_with_another_message_is_run_again(treated: Treated) -> None:
    treated.raises.append(IntegrityError("duplicate key"))
    assert parse_ack(message_receive(partner=PartnerFactory(), raw=message())).code == AckCode.AA
    assert treated.count == 2
    treated.raises += [IntegrityError("duplicate key"), IntegrityError("duplicate key")]
    assert parse_ack(message_receive(partner=PartnerFactory(), raw=message())).code == AckCode.AE


def test_the_sweep_leaves_what_the_database_gives_up_and_goes_on(
    treated: Treated, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [MessageFactory(raw=message()) for _ in range(2)]
    treated.raises.append(OperationalError("canceling statement due to statement timeout"))
    assert messages_apply_waiting(worker="w") == 2
    states = Message.objects.order_by("id").values_list("state", "attempts")
    assert list(states) == [("stored", 1), ("applied", 1)]
    assert rows


def test_the_sweep_takes_up_what_a_defect_left(treated: Treated) -> None:
    treated.raises.append(ZeroDivisionError("a bug"))
    message_receive(partner=PartnerFactory(), raw=message())
    assert messages_apply_waiting(worker="w") == 0  # its time has not come
    Message.objects.update(not_before=timezone.now())

    assert messages_apply_waiting(worker="w") == 1

    row = Message.objects.get()
    assert (row.state, row.attempts) == ("applied", 2)


def test_a_row_of_a_listener_that_died_is_taken_up_when_its_lease_ends(treated: Treated) -> None:
    row = MessageFactory(raw=message(), claimed_by="listener", claimed_until=timezone.now() + timedelta(1))
    assert messages_apply_waiting(worker="w") == 0
    Message.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert messages_apply_waiting(worker="w") == 1
    row.refresh_from_db()
    assert row.state == "applied"


def test_a_row_that_kills_its_workers_stops_at_its_last_attempt(treated: Treated) -> None:
    row = MessageFactory(raw=message(), attempts=MAX_ATTEMPTS)
    assert messages_apply_waiting(worker="w") == 0
    assert list(messages_stuck()) == [row]


def test_applying_twice_has_one_effect(treated: Treated) -> None:
    row = MessageFactory(raw=message())
    first, again = message_apply(message_id=row.pk), message_apply(message_id=row.pk)
    assert first == again
    assert treated.count == 1


def test_messages_of_one_patient_are_swept_in_their_order(treated: Treated) -> None:
    partner = PartnerFactory()
    raws = [message("PID|1||007^^^X^PI", control_id=f"A{n}") for n in range(3)]
    rows = [MessageFactory(partner=partner, raw=raw, lineage="007^^^X^PI") for raw in raws]
    assert [row.pk for row in Message.objects.to_apply()] == [rows[0].pk]
    assert messages_apply_waiting(worker="w") == 3
    assert [one.header.control_id for one in treated.receptions] == ["A0", "A1", "A2"]


def test_a_row_held_back_by_a_defect_does_not_hold_the_next_ones(treated: Treated) -> None:
    partner = PartnerFactory()
    MessageFactory(
        partner=partner,
        raw=message(),
        lineage="007",
        attempts=3,
        not_before=timezone.now() + timedelta(hours=1),
    )
    later = MessageFactory(partner=partner, raw=message(), lineage="007")
    assert messages_apply_waiting(worker="w") == 1
    later.refresh_from_db()
    assert later.state == "applied"


# --- PAM_ACK=stored ------------------------------------------------------------------------------
def test_in_stored_mode_an_adt_is_answered_before_its_effect(db: None) -> None:
    partner = PartnerFactory(pam_ack=PamAck.STORED)
    raw = message("EVN||20250102", control_id="A1", kind="ADT^A01^ADT_A01")

    ack = message_receive(partner=partner, raw=raw)

    assert parse_ack(ack).code == AckCode.AA and parse_ack(ack).acknowledged_id == "A1"
    assert Message.objects.get().state == "stored"
    assert message_receive(partner=partner, raw=raw) == ack
    assert messages_apply_waiting(worker="w") == 1
    row = Message.objects.get()
    assert (row.state, row.ack_code) == ("refused", "AA")  # no PID: on the integration work list
    assert bytes(row.ack or b"") == ack
    assert "PID" in row.error
    assert message_receive(partner=partner, raw=raw) == ack


def test_in_stored_mode_answers_of_one_second_differ_only_by_their_identifiers(db: None) -> None:
    partner = PartnerFactory(pam_ack=PamAck.STORED)
    acks = [
        parse_ack(message_receive(partner=partner, raw=message(control_id=f"A{n}", kind="ADT^A31^ADT_A05")))
        for n in range(3)
    ]
    assert [ack.acknowledged_id for ack in acks] == ["A0", "A1", "A2"]
    assert len({ack.header.control_id for ack in acks}) == 3
    assert {ack.header.event for ack in acks} == {"A31"}


def test_in_stored_mode_other_messages_wait_for_their_effect(treated: Treated) -> None:
    partner = PartnerFactory(pam_ack=PamAck.STORED)
    message_receive(partner=partner, raw=message())
    assert treated.count == 1


def test_in_stored_mode_a_sender_that_is_not_admitted_is_still_refused(db: None) -> None:
    partner = PartnerFactory(pam_ack=PamAck.STORED, application="SIL")
    ack = parse_ack(message_receive(partner=partner, raw=message(kind="ADT^A31^ADT_A05")))
    assert ack.code == AckCode.AR


# --- Routing -------------------------------------------------------------------------------------
def test_the_exact_profile_wins_over_the_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_handlers", {})

    def any_profile(_: object) -> Outcome:
        return Outcome()

    def one_profile(_: object) -> Outcome:
        return Outcome()

    handler_register(any_profile, message="MDM")
    handler_register(one_profile, message="MDM", profile="CISIS_CDA_HL7_V2")
    exact = read_header(parse_message(message(kind="MDM^T02", profile="2.1^CISIS_CDA_HL7_V2")))
    other = read_header(parse_message(message(kind="MDM^T02", profile="1^OTHER")))
    assert handler_for(exact) is one_profile
    assert handler_for(other) is any_profile
    with pytest.raises(ValueError, match="already has a handler"):
        handler_register(one_profile, message="MDM")


def test_fault_of_a_refusal_is_what_the_journal_keeps(treated: Treated) -> None:
    treated.raises.append(Hl7Error.of(Fault("207", "PV1^1^19", "Venue d'un autre patient")))
    message_receive(partner=PartnerFactory(), raw=message())
    assert Message.objects.get().error == "207 PV1^1^19 Venue d'un autre patient"


# --- Characters ----------------------------------------------------------------------------------
@pytest.mark.parametrize("pam_ack", list(PamAck))
@pytest.mark.parametrize("control_id", ["A1", "Né1", "N’1"])
def test_any_character_in_the_header_is_kept_and_answered(pam_ack: PamAck, control_id: str) -> None:
    raw = message(
        "EVN||20250102101500", control_id=control_id, kind="ADT^A31^ADT_A05", sender="G’M", facility="Œuvre"
    )
    ack = parse_ack(message_receive(partner=PartnerFactory(pam_ack=pam_ack), raw=raw))
    row = Message.objects.get()
    assert ack.acknowledged_id == control_id
    assert (row.sending_application, row.sending_facility, row.control_id) == ("G’M", "Œuvre", control_id)


def test_a_field_separator_of_several_bytes_stops_nothing() -> None:
    raw = message("PID|1||0001", kind="ADT^A31^ADT_A05").replace(b"|", "’".encode())
    assert message_receive(partner=PartnerFactory(), raw=raw)
    assert bytes(Message.objects.get().raw) == raw


def test_an_answer_that_the_charset_cannot_write_leaves_in_utf_8_to_the_same_message() -> None:
    raw = message(control_id="A1", kind="SIU^S12^SIU_S12", charset="8859/15", sender="G’M")
    ack = parse_ack(message_receive(partner=PartnerFactory(), raw=raw))
    assert (ack.code, ack.acknowledged_id) == ("AE", "A1")
