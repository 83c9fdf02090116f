"""What a person may send or apply again, and what the rules keep (F-PFI-19; hl7v2 1.5, 1.6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from audit.context import system_actor
from audit.models import Trace
from exchange import registry
from exchange.enums import MessageState, Transport
from exchange.errors import NotRetryable
from exchange.models import Message
from exchange.registry import objection_register
from exchange.rules import ByHand, by_hand
from exchange.services import (
    message_hand_over,
    message_queue,
    message_receive,
    message_replay,
    message_retry,
    outgoing,
)
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.errors import Hl7Error
from tests.exchange.conftest import Treated
from tests.exchange.messages import TEST_TYPE, message
from tests.exchange.partner_stub import PartnerStub, accept, postpone
from tests.factories import PartnerFactory

ACTOR = system_actor("tests")


@pytest.fixture(autouse=True)
def _lines_closed() -> Iterator[None]:
    yield
    outgoing._lines.close()


@pytest.mark.parametrize(
    ("direction", "state", "kind", "profile", "ack", "act"),
    [
        ("out", "acked", "MDM^T02", "", "AA", None),
        ("out", "queued", "MDM^T02", "", "", None),
        ("out", "sent", "MDM^T02", "", "", None),
        ("out", "deferred", "MDM^T02", "", "AR", ByHand.RESEND),
        ("out", "rejected", "ZAM^Z01", "", "AE", ByHand.RESEND),
        ("out", "rejected", "MDM^T02", "", "", ByHand.RESEND),
        ("out", "rejected", "MDM^T02", "1.1^CISIS_CDA_HL7_LPS", "AE", None),
        ("out", "rejected", "MDM^T02", "1.1^CISIS_CDA_HL7_LPS", "", ByHand.RESEND),
        ("in", "applied", "ADT^A01", "", "AA", None),
        ("in", "stored", "MDM^T02", "", "", ByHand.REPLAY),
        ("in", "refused", "ADT^A01", "", "AE", ByHand.REPLAY),
        ("in", "refused", "ZAM^Z01", "", "AE", ByHand.REPLAY),
        ("in", "refused", "MDM^T02", "2.1^CISIS_CDA_HL7_V2", "AE", None),
        ("in", "conflict", "ADT^A01", "", "AE", None),
        ("in", "unreadable", "", "", "AE", None),
    ],
)
def test_each_state_allows_one_act_or_says_why_none(
    direction: str, state: str, kind: str, profile: str, ack: str, act: ByHand | None
) -> None:
    verdict = by_hand(direction=direction, state=state, message_type=kind, profile=profile, ack_code=ack)

    assert verdict.act is act
    assert bool(verdict.refusal) is (act is None)


@pytest.mark.django_db(transaction=True)
class TestReplay:
    @pytest.mark.requirement("F-PFI-19")
    def test_a_refused_admission_is_applied_from_its_bytes_once_its_cause_is_mended(
        self, treated: Treated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(registry._handlers, ("ADT", ""), treated)
        treated.raises = [Hl7Error("207", "PV1^1^3", "Unité inconnue")]
        raw = message("EVN||20250102", kind="ADT^A01^ADT_A01")
        first = message_receive(partner=PartnerFactory(), raw=raw)
        row = Message.objects.get()
        assert (row.state, row.ack_code) == (MessageState.REFUSED, "AE")

        after = message_replay(message=row, actor=ACTOR)

        assert after.state == MessageState.APPLIED
        assert bytes(after.ack or b"") == first, "the sender was answered once"
        assert treated.receptions[-1].parsed.serialize() == raw
        trace = Trace.objects.get(type="exchange.message.replay")
        assert trace.object_uid == row.uid
        assert trace.actor_login == "tests"

    def test_a_message_that_a_defect_holds_back_is_taken_up_at_once(self, treated: Treated) -> None:
        treated.raises = [RuntimeError("défaut")]
        message_receive(partner=PartnerFactory(), raw=message())
        row = Message.objects.get()
        assert row.state == MessageState.STORED and row.not_before is not None

        assert message_replay(message=row, actor=ACTOR).state == MessageState.APPLIED
        assert treated.count == 2

    def test_a_message_still_refused_says_so_and_waits_for_nobody(
        self, treated: Treated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(registry._handlers, ("ADT", ""), treated)
        treated.raises = [Hl7Error("207", "", "Non"), Hl7Error("207", "", "Toujours non")]
        message_receive(partner=PartnerFactory(), raw=message(kind="ADT^A01^ADT_A01"))

        after = message_replay(message=Message.objects.get(), actor=ACTOR)

        assert (after.state, after.ack_code) == (MessageState.REFUSED, "AE")
        assert "Toujours non" in after.error

    def test_an_applied_message_has_no_second_effect(self, treated: Treated) -> None:
        message_receive(partner=PartnerFactory(), raw=message())

        with pytest.raises(NotRetryable, match="appliqué"):
            message_replay(message=Message.objects.get(), actor=ACTOR)
        assert treated.count == 1
        assert not Trace.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestResend:
    def test_a_deferred_message_leaves_at_once_with_the_same_bytes(self) -> None:
        with PartnerStub(postpone) as stub:
            partner = PartnerFactory(host="127.0.0.1", port=stub.port)
            row = message_queue(partner=partner, raw=message())
            deferred = message_hand_over(message_id=row.pk, worker="w")
            assert deferred.state == MessageState.DEFERRED

            stub.script = accept
            message_retry(message=deferred, actor=ACTOR)
            after = message_hand_over(message_id=row.pk, worker="w")

        assert after.state == MessageState.ACKED
        assert stub.received == [bytes(row.raw)] * 2
        assert {parse_ack(bytes(after.ack or b"")).acknowledged_id} == {row.control_id}

    def test_an_accepted_message_is_never_sent_again(self, treated: Treated) -> None:
        row = message_queue(partner=PartnerFactory(transport=Transport.INTEGRATED), raw=message())
        accepted = message_hand_over(message_id=row.pk, worker="w")

        with pytest.raises(NotRetryable, match="ne doit pas être réémis"):
            message_retry(message=accepted, actor=ACTOR)

    def test_the_room_that_took_a_message_back_keeps_it_from_leaving_by_hand(
        self, treated: Treated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry, "_objections", [])
        objection_register(lambda one: "Non" if one.type.startswith(TEST_TYPE) else "")
        row = message_queue(partner=PartnerFactory(), raw=message())
        Message.objects.filter(pk=row.pk).update(state=MessageState.REJECTED)

        with pytest.raises(NotRetryable, match="Non"):
            message_retry(message=row, actor=ACTOR)
        row.refresh_from_db()
        assert row.state == MessageState.REJECTED
