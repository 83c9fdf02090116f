"""Messages out: exact bytes, one FIFO a lineage, retries, one answer noted once (hl7v2 1.6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.context import system_actor
from audit.models import Trace
from exchange import registry
from exchange.enums import Direction, MessageState, Transport
from exchange.errors import NotRetryable
from exchange.events import message_deferred, message_settled
from exchange.models import Message, Partner
from exchange.registry import Outcome
from exchange.rules import HL7_RETRY_END
from exchange.services import (
    message_hand_over,
    message_queue,
    message_retry,
    messages_hand_over_due,
    outgoing,
)
from exchange.tasks import hand_over, sweep
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Hl7Error
from tests.exchange.conftest import Treated
from tests.exchange.messages import TEST_TYPE, message
from tests.exchange.partner_stub import PartnerStub, accept, acknowledge, cut, postpone, refuse
from tests.factories import PartnerFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short_waits(settings: Settings) -> Iterator[None]:
    settings.MLLP_ACK_TIMEOUT_SECONDS = 5
    yield
    outgoing._lines.close()


@pytest.fixture
def settled() -> Iterator[list[tuple[str, bool]]]:
    """States told by the signals, and whether they were told inside a transaction."""
    told: list[tuple[str, bool]] = []

    def note(message: Message, **_: object) -> None:
        told.append((message.state, transaction.get_connection().in_atomic_block))

    message_settled.connect(note)
    message_deferred.connect(note)
    yield told
    message_settled.disconnect(note)
    message_deferred.disconnect(note)


def integrated() -> Partner:
    return PartnerFactory(code="pfi", transport=Transport.INTEGRATED)


def to(stub: PartnerStub) -> Partner:
    return PartnerFactory(host="127.0.0.1", port=stub.port)


def test_the_exact_bytes_are_kept_until_they_leave() -> None:
    raw = message("ZZZ|Réault", control_id="A1")
    row = message_queue(partner=integrated(), raw=raw, lineage="1.2.3")
    row.refresh_from_db()
    assert bytes(row.raw) == raw
    assert (row.state, row.direction, row.control_id, row.lineage) == ("queued", "out", "A1", "1.2.3")


def test_a_message_without_an_id_cannot_be_queued() -> None:
    with pytest.raises(ValueError, match="MSH-10"):
        message_queue(partner=integrated(), raw=b"MSH|^~\\&|DPI\r")


def test_an_integrated_partner_takes_the_message_in_within_the_software(
    treated: Treated, settled: list[tuple[str, bool]]
) -> None:
    row = message_queue(partner=integrated(), raw=message(control_id="A1"))

    sent = message_hand_over(message_id=row.pk, worker="w")

    assert (sent.state, sent.ack_code) == ("acked", "AA")
    arrived = Message.objects.get(direction=Direction.INCOMING)
    assert bytes(arrived.raw) == bytes(sent.raw)
    assert bytes(arrived.ack or b"") == bytes(sent.ack or b"")
    assert settled == [("acked", True)]
    assert treated.count == 1


def test_a_message_is_handed_over_once(treated: Treated) -> None:
    row = message_queue(partner=integrated(), raw=message())
    for _ in range(2):
        message_hand_over(message_id=row.pk, worker="w")
    hand_over(row.pk)
    assert treated.count == 1
    assert Message.objects.get(pk=row.pk).attempts == 1


def test_a_worker_killed_after_the_intake_changes_nothing_for_the_receiver(treated: Treated) -> None:
    """The effect happened, the answer was not noted: the resend gets the first answer."""
    row = message_queue(partner=integrated(), raw=message())
    outgoing._deliver(row)
    Message.objects.filter(pk=row.pk).update(
        state=MessageState.SENT, claimed_by="dead", claimed_until=timezone.now() - timedelta(seconds=1)
    )
    sent = message_hand_over(message_id=row.pk, worker="w")
    assert (sent.state, treated.count) == ("acked", 1)


def test_a_refusal_is_not_sent_again(treated: Treated, settled: list[tuple[str, bool]]) -> None:
    treated.raises.append(Hl7Error("101", "PID^1^3", "Identifiant absent"))
    row = message_queue(partner=integrated(), raw=message())
    sent = message_hand_over(message_id=row.pk, worker="w")
    assert (sent.state, sent.ack_code) == ("rejected", "AE")
    assert sent.error == "101 PID^1^3 Identifiant absent"
    assert messages_hand_over_due(worker="w") == 0
    assert settled == [("rejected", True)]


def test_a_partner_over_a_line_gets_the_exact_bytes_and_its_answer_is_kept(
    settled: list[tuple[str, bool]],
) -> None:
    with PartnerStub() as stub:
        raw = message("ZZZ|Réault")
        row = message_queue(partner=to(stub), raw=raw)
        sent = message_hand_over(message_id=row.pk, worker="w")
    assert stub.received == [raw]
    assert (sent.state, settled) == ("acked", [("acked", True)])


def test_one_connection_serves_several_messages() -> None:
    with PartnerStub() as stub:
        partner = to(stub)
        for _ in range(3):
            message_hand_over(message_id=message_queue(partner=partner, raw=message()).pk, worker="w")
        assert (stub.connections, len(stub.received)) == (1, 3)


@pytest.mark.parametrize("script", [postpone, cut])
def test_ar_and_a_cut_line_defer_the_same_bytes(script: object, settled: list[tuple[str, bool]]) -> None:
    with PartnerStub(script) as stub:  # type: ignore[arg-type]
        raw = message(control_id="A1")
        row = message_queue(partner=to(stub), raw=raw)
        first = message_hand_over(message_id=row.pk, worker="w")
        assert first.state == "deferred"
        assert first.not_before is not None
        wait = first.not_before - timezone.now()
        assert timedelta(seconds=20) < wait <= timedelta(seconds=30)
        stub.script = accept
        assert messages_hand_over_due(worker="w") == 0
        Message.objects.update(not_before=timezone.now())
        assert messages_hand_over_due(worker="w") == 1
    assert stub.received == [raw, raw]
    assert Message.objects.get(pk=row.pk).state == "acked"
    assert settled == [("deferred", True), ("acked", True)]


def test_a_silent_partner_is_waited_for_no_longer_than_the_limit(settings: Settings) -> None:
    settings.MLLP_ACK_TIMEOUT_SECONDS = 0.2
    released = threading.Event()
    with PartnerStub(lambda raw: released.wait(10) and accept(raw)) as stub:
        row = message_queue(partner=to(stub), raw=message())
        sent = message_hand_over(message_id=row.pk, worker="w")
        released.set()
    assert (sent.state, sent.error) == ("deferred", "Pas de réponse dans le délai")


def test_nobody_at_the_address_defers() -> None:
    with PartnerStub() as stub:
        partner = to(stub)
    row = message_queue(partner=partner, raw=message())
    sent = message_hand_over(message_id=row.pk, worker="w")
    assert (sent.state, sent.error) == ("deferred", "Connexion refusée")


def test_tls_without_certificates_defers_and_says_so() -> None:
    row = message_queue(partner=PartnerFactory(host="127.0.0.1", port=1, uses_tls=True), raw=message())
    sent = message_hand_over(message_id=row.pk, worker="w")
    assert sent.state == "deferred"
    assert "MLLP_CERTIFICATE_PATH" in sent.error


def test_the_answer_to_another_message_is_no_answer() -> None:
    with PartnerStub(lambda raw: acknowledge(raw, AckCode.AA, control_id="OTHER")) as stub:
        row = message_queue(partner=to(stub), raw=message(control_id="A1234567"))
        sent = message_hand_over(message_id=row.pk, worker="w")
    assert (sent.state, sent.error) == ("deferred", "Réponse à un autre message")


def test_an_answer_that_is_no_hl7_is_no_answer() -> None:
    with PartnerStub(lambda raw: b"thank you") as stub:
        sent = message_hand_over(message_id=message_queue(partner=to(stub), raw=message()).pk, worker="w")
    assert (sent.state, sent.error) == ("deferred", "Réponse illisible")


def test_delays_grow_and_end_after_three_days(settled: list[tuple[str, bool]]) -> None:
    with PartnerStub() as stub:
        partner = to(stub)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        row = message_queue(partner=partner, raw=message())
        waits = []
        for _ in range(200):
            sent = message_hand_over(message_id=row.pk, worker="w")
            if sent.state != "deferred":
                break
            assert sent.not_before is not None
            waits.append((sent.not_before - timezone.now()).total_seconds())
            clock.move_to(sent.not_before)
    assert waits[:5] == [30, 120, 600, 3600, 3600]
    assert sent.state == "rejected"
    assert sent.done_at is not None and sent.done_at - start >= HL7_RETRY_END
    assert settled[-1] == ("rejected", True)


def test_a_lineage_is_one_fifo(treated: Treated) -> None:
    partner = integrated()
    rows = [
        message_queue(partner=partner, raw=message(control_id=f"A{n}"), lineage="1.2.3") for n in range(3)
    ]
    assert message_hand_over(message_id=rows[2].pk, worker="w").state == "queued"
    assert message_hand_over(message_id=rows[0].pk, worker="w").state == "acked"
    assert message_hand_over(message_id=rows[2].pk, worker="w").state == "queued"
    assert message_hand_over(message_id=rows[1].pk, worker="w").state == "acked"
    assert message_hand_over(message_id=rows[2].pk, worker="w").state == "acked"
    assert [one.header.control_id for one in treated.receptions] == ["A0", "A1", "A2"]


def test_a_deferred_message_holds_its_lineage_and_no_other(treated: Treated) -> None:
    partner = integrated()
    held, behind, other = (
        message_queue(partner=partner, raw=message(control_id=name), lineage=lineage)
        for name, lineage in (("A", "1"), ("B", "1"), ("C", "2"))
    )
    treated.raises.append(Hl7Error("207", "", "Plus tard", ack=AckCode.AR))
    message_hand_over(message_id=held.pk, worker="w")
    assert messages_hand_over_due(worker="w") == 1
    states = dict(Message.objects.filter(direction="out").values_list("control_id", "state"))
    assert states == {"A": "deferred", "B": "queued", "C": "acked"}
    assert behind.pk and other.pk


def test_the_sweep_sends_a_whole_lineage_in_order(treated: Treated) -> None:
    partner = integrated()
    for n in range(3):
        message_queue(partner=partner, raw=message(control_id=f"A{n}"), lineage="1")
    for _ in range(3):
        sweep()
    assert [one.header.control_id for one in treated.receptions] == ["A0", "A1", "A2"]


def test_a_silent_partner_does_not_make_the_others_wait(treated: Treated) -> None:
    with PartnerStub() as stub:
        gone = to(stub)
    for n in range(3):
        message_queue(partner=gone, raw=message(control_id=f"G{n}"))
    message_queue(partner=integrated(), raw=message(control_id="P0"))
    assert messages_hand_over_due(worker="w") == 2
    states = dict(Message.objects.filter(direction="out").values_list("control_id", "state"))
    assert states == {"G0": "deferred", "G1": "queued", "G2": "queued", "P0": "acked"}


def test_a_worker_that_lost_its_lease_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    row = message_queue(partner=integrated(), raw=message())

    def steal(_: object) -> Outcome:
        Message.objects.filter(pk=row.pk).update(claimed_by="other", attempts=2)
        return Outcome()

    monkeypatch.setitem(registry._handlers, (TEST_TYPE, ""), steal)
    message_hand_over(message_id=row.pk, worker="w")
    row.refresh_from_db()
    assert (row.state, row.claimed_by) == ("sent", "other")


def test_a_person_may_send_a_rejected_message_again(treated: Treated) -> None:
    treated.raises.append(Hl7Error("101", "PID^1^3", "Identifiant absent"))
    row = message_queue(partner=integrated(), raw=message())
    message_hand_over(message_id=row.pk, worker="w")
    row.refresh_from_db()

    again = message_retry(message=row, actor=system_actor("test"))

    assert (again.state, again.attempts, again.error) == ("queued", 0, "")
    assert Trace.objects.get().type == "exchange.message.retry"
    with pytest.raises(NotRetryable):
        message_retry(message=row, actor=system_actor("test"))


def test_refused_by_a_line_partner_is_final() -> None:
    with PartnerStub(refuse) as stub:
        row = message_queue(partner=to(stub), raw=message())
        sent = message_hand_over(message_id=row.pk, worker="w")
    assert (sent.state, sent.error) == ("rejected", "101 PID^1^3 Identifiant absent")
