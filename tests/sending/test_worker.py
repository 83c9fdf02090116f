"""The worker: claims, rules asked again, bytes up to date, messages handed to the PFI."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from consent.enums import ChoiceValue
from documents.enums import VersionState
from documents.models import Version
from documents.store import content_get
from establishment.models import InstallationSwitch
from exchange.enums import MessageState
from exchange.models import Message
from exchange.services import messages_hand_over_due
from interop.cda.parse import parse_cda
from interop.hl7v2 import parse_mdm, parse_message
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from patients.models import Patient
from patients.rules import StatusEvent
from patients.services import identity_event_apply
from sending import preparing, services, worker
from sending.enums import OrderAction, OrderReason, OrderState
from sending.models import Order, OrderEvent
from sending.preparing import MAX_ATTEMPTS, Prepared, orders_prepare
from sending.worker import BATCH, SUSPECT, orders_decide, orders_drain
from tests.hospital import MATRICULE

WORKER = "worker-1"


def order_of(version):
    return Order.objects.select_related("message").get(version=version)


def claim(name=WORKER, limit=BATCH):
    return Order.objects.filter(state=OrderState.SCHEDULED).claim(worker=name, limit=limit)


def decide(claimed, name=WORKER):
    return orders_decide(prepared=list(orders_prepare(claimed)), worker=name)


def sent(order):
    """The order as its PFI would read it."""
    return parse_mdm(parse_message(bytes(order.message.raw)))


# --- what leaves -------------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.01", "SC.ALI/PROG.05")
def test_an_order_that_is_due_is_written_sent_and_accepted(ward):
    version = ward.write_letter()
    assert orders_drain(worker=WORKER) == 1
    order = order_of(version)
    assert (order.state, order.claimed_by, order.claimed_until) == (OrderState.HANDED_OVER, "", None)
    assert order.message.state == MessageState.ACKED
    assert (order.message.lineage, order.message.patient_uid) == (
        version.document.set_id,
        ward.patient.uid,
    )
    assert sent(order).document.content == content_get(version.cda_sha256)
    assert orders_drain(worker=WORKER) == 0


@pytest.mark.requirement("SC.ALI/PROG.05")
def test_an_order_does_not_leave_before_its_time(ward):
    ward.write_letter(not_before=timezone.now() + timedelta(minutes=1))
    assert orders_drain(worker=WORKER) == 0


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_a_pfi_that_does_not_carry_the_dmp_refuses_and_the_order_says_so(ward):
    InstallationSwitch.objects.update(is_on=False)
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    order = order_of(version)
    assert (order.state, order.error_code) == (OrderState.FAILED, "AE")
    assert "canal non activé" in order.error_text


@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-19")
def test_a_pfi_out_of_reach_keeps_the_order_under_way_and_the_same_bytes_leave_again(ward, far_pfi):
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    order = order_of(version)
    assert (order.state, order.message.state) == (OrderState.SENDING, MessageState.DEFERRED)
    assert order.message.not_before > timezone.now()
    assert orders_drain(worker=WORKER) == 0


def test_after_three_days_of_silence_the_order_fails_with_words(ward, far_pfi):
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    Message.objects.update(created_at=timezone.now() - timedelta(hours=73), not_before=None)
    messages_hand_over_due(worker=WORKER)
    order = order_of(version)
    assert (order.state, order.events.last().kind) == (OrderState.FAILED, "no_answer")
    assert order.error_text


# --- rules asked again -------------------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_the_rules_are_asked_again_between_the_claim_and_the_sending(ward):
    version = ward.write_letter()
    prepared = list(orders_prepare(claim()))
    ward.choose(ChoiceValue.OPPOSED)
    Order.objects.update(state=OrderState.SCHEDULED, claimed_by=WORKER)  # the claim came first
    assert orders_decide(prepared=prepared, worker=WORKER) == []
    order = order_of(version)
    assert (order.state, order.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)
    assert not Message.objects.exists()


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_opposition_takes_back_a_message_that_waits_for_the_pfi(ward, far_pfi):
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    ward.choose(ChoiceValue.OPPOSED)
    order = order_of(version)
    assert (order.state, order.reason, order.message) == ("blocked", OrderReason.OPPOSITION, None)
    message = Message.objects.get()
    assert (message.state, message.not_before) == (MessageState.REJECTED, None)
    assert "Opposition" in message.error

    ward.choose(ChoiceValue.NOT_OPPOSED)
    decide(claim())
    again = order_of(version)
    assert again.message.control_id != message.control_id
    assert [event.kind for event in again.events.all()] == [
        "created",
        "sending",
        "taken_back",
        "freed",
        "sending",
    ]


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_a_message_that_is_on_the_line_is_not_taken_back(ward, far_pfi):
    version = ward.write_letter()
    decide(claim())
    Message.objects.update(state=MessageState.SENT)
    ward.choose(ChoiceValue.OPPOSED)
    assert order_of(version).state == OrderState.SENDING


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_a_refusal_that_an_opposition_explains_blocks_the_order_and_does_not_fail_it(ward, far_pfi):
    version = ward.write_letter()
    (message,) = decide(claim())
    Message.objects.update(state=MessageState.SENT)
    ward.choose(ChoiceValue.OPPOSED)
    message.state, message.ack_code, message.error = MessageState.REJECTED, "AE", "207"
    services.message_orders_settle(message=message)
    assert (order_of(version).state, order_of(version).reason) == ("blocked", OrderReason.OPPOSITION)


def test_a_version_that_is_no_longer_current_is_superseded(ward):
    version = ward.write_letter()
    Version.objects.update(state=VersionState.REPLACED)
    assert decide(claim()) == []
    assert order_of(version).state == OrderState.SUPERSEDED


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_a_deletion_leaves_whatever_the_choice_and_the_identity(ward):
    version = ward.write_letter()
    ward.choose(ChoiceValue.OPPOSED)
    identity_event_apply(patient=ward.patient, event=StatusEvent.DOUBTFUL_SET, actor=ward.actor)
    Version.objects.update(state=VersionState.DELETED)
    Order.objects.update(state=OrderState.SCHEDULED, action=OrderAction.DELETE)
    (message,) = decide(claim())
    assert message.type.startswith("MDM^T04")
    carried = sent(order_of(version))
    assert carried.patient.ins.matricule == MATRICULE
    assert carried.document.content == content_get(version.cda_sha256)


# --- bytes up to date (cda 2) ------------------------------------------------------------------
@pytest.mark.requirement("SC.ALI/PROG.05", "SC.DMP/ALI/PROG.02")
def test_a_letter_written_before_the_ins_leaves_with_it_under_the_same_identifier(ward):
    Patient.objects.update(is_ins_recovered=False)
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    assert not Message.objects.exists()
    assert not order_of(version).has_ins
    identity_event_apply(
        patient=ward.patient,
        event=StatusEvent.INSI_ACCEPTED,
        actor=ward.actor,
        ins=Ins(MATRICULE, INS_NIR_TEST_OID),
    )
    orders_drain(worker=WORKER)
    order = order_of(version)
    assert (order.state, order.has_ins) == (OrderState.HANDED_OVER, True)
    cda = parse_cda(sent(order).document.content)
    assert (cda.id.root, cda.version_number) == (version.unique_id, 1)
    assert cda.patient.ins.matricule == MATRICULE


def _correct_name(ward, name="PAT-QUATRE"):
    Patient.objects.filter(pk=ward.patient.pk).update(birth_name=name, identity_stamp=ward.patient.pk + 99)


@pytest.mark.requirement("DPI.CDA/HL7.01", "SC.CDA/DD.02")
def test_bytes_that_left_are_never_rebuilt_the_corrected_identity_is_a_new_version(ward):
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    before = Version.objects.get()
    Order.objects.update(state=OrderState.SCHEDULED, message=None)  # relaunched after a failure
    _correct_name(ward)
    orders_drain(worker=WORKER)
    before.refresh_from_db()
    issued = Version.objects.get(number=2)
    assert (before.state, before.cda_sha256) == (VersionState.REPLACED, version.cda_sha256)
    order = order_of(issued)
    assert (order.state, order.action) == (OrderState.HANDED_OVER, OrderAction.REPLACE)
    carried = sent(order)
    assert (carried.document.replaced_id.root, carried.patient.birth_name) == (
        version.unique_id,
        "PAT-QUATRE",
    )
    assert Order.objects.count() == 1


def test_a_new_address_does_not_reissue_what_left(ward):
    version = ward.write_letter()
    orders_drain(worker=WORKER)
    Order.objects.update(state=OrderState.SCHEDULED, message=None)
    Patient.objects.update(city="AILLEURS", identity_stamp=99)
    orders_drain(worker=WORKER)
    assert Version.objects.count() == 1
    assert order_of(version).state == OrderState.HANDED_OVER


def test_an_identity_that_moves_after_the_message_was_written_waits_for_the_next_round(ward):
    version = ward.write_letter()
    claimed = claim()
    prepared = list(orders_prepare(claimed))
    _correct_name(ward)
    assert orders_decide(prepared=prepared, worker=WORKER) == []
    order = order_of(version)
    assert (order.state, order.claimed_by, order.attempts) == (OrderState.SCHEDULED, "", 0)
    assert order.events.count() == 1
    orders_drain(worker=WORKER)
    assert sent(order_of(version)).patient.birth_name == "PAT-QUATRE"


def test_an_identity_that_moves_during_the_rebuild_waits_for_the_next_round(ward, monkeypatch):
    version = ward.write_letter()
    _correct_name(ward)
    rebuild = preparing.version_rebuild

    def rebuild_while_it_moves(**facts):
        monkeypatch.setattr(preparing, "version_rebuild", rebuild)
        from documents.services import produced as documents

        build = documents.renderings_build

        def build_then_move(snapshot):
            Patient.objects.update(identity_stamp=12345, birth_name="PAT-CINQ")
            monkeypatch.setattr(documents, "renderings_build", build)
            return build(snapshot)

        monkeypatch.setattr(documents, "renderings_build", build_then_move)
        return rebuild(**facts)

    monkeypatch.setattr(preparing, "version_rebuild", rebuild_while_it_moves)
    orders_drain(worker=WORKER)
    assert (order_of(version).state, order_of(version).claimed_by) == (OrderState.SCHEDULED, "")
    orders_drain(worker=WORKER)
    assert sent(order_of(version)).patient.birth_name == "PAT-CINQ"


# --- what cannot be prepared -------------------------------------------------------------------
def test_one_order_that_cannot_be_written_fails_with_words_and_the_others_leave(ward, many_orders):
    first, second, third = many_orders(3)
    Version.objects.filter(pk=first.version_id).update(cda_sha256="0" * 64)
    Version.objects.filter(pk=second.version_id).update(snapshot={"format": 1})
    orders_drain(worker=WORKER)
    states = {order.pk: order for order in Order.objects.all()}
    assert states[first.pk].state == states[second.pk].state == OrderState.FAILED
    assert "introuvable ou altéré" in states[first.pk].error_text
    assert states[second.pk].error_code == "defect"
    assert states[third.pk].state == OrderState.HANDED_OVER


def test_an_order_that_kills_its_worker_again_and_again_ends_on_the_list_of_failures(ward):
    version = ward.write_letter()
    Order.objects.update(attempts=MAX_ATTEMPTS)
    orders_drain(worker=WORKER)
    assert (order_of(version).state, order_of(version).error_code) == (OrderState.FAILED, "worker_lost")


def test_an_order_suspected_of_killing_its_worker_is_taken_alone_after_the_others(ward, many_orders):
    first, second, third = many_orders(3)
    Order.objects.filter(pk__in=[first.pk, second.pk]).update(attempts=SUSPECT)
    assert [orders_drain(worker=WORKER) for _ in range(4)] == [1, 1, 1, 0]
    assert set(Order.objects.values_list("state", "attempts")) == {(OrderState.HANDED_OVER, 0)}


# --- several workers, several versions ---------------------------------------------------------
@pytest.mark.requirement("F-PFI-19")
def test_an_order_whose_lease_was_lost_is_left_to_who_holds_it(ward):
    version = ward.write_letter()
    prepared = list(orders_prepare(claim("slow")))
    Order.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    taken = claim("quick")
    assert orders_decide(prepared=prepared, worker="slow") == []
    assert order_of(version).claimed_by == "quick"
    assert len(orders_decide(prepared=list(orders_prepare(taken)), worker="quick")) == 1


def test_a_replaced_version_whose_message_waits_for_the_pfi_never_leaves(ward, far_pfi):
    first = ward.write_letter()
    orders_drain(worker=WORKER)
    assert order_of(first).state == OrderState.SENDING
    ward.revise(first)
    assert order_of(first).state == OrderState.SUPERSEDED
    assert Message.objects.get().state == MessageState.REJECTED


@pytest.mark.requirement("F-PFI-19")
def test_a_version_waits_for_the_answer_to_the_one_before(ward, far_pfi):
    first = ward.write_letter()
    orders_drain(worker=WORKER)
    Message.objects.update(state=MessageState.SENT)  # on the line, its answer not read yet
    second = ward.revise(first)
    orders_drain(worker=WORKER)
    waiting = order_of(second)
    assert (waiting.state, waiting.attempts, waiting.events.count()) == (OrderState.SCHEDULED, 0, 1)
    assert waiting.not_before > timezone.now()
    Order.objects.filter(version=first).update(state=OrderState.HANDED_OVER)
    Order.objects.filter(version=second).update(not_before=timezone.now())
    assert len(decide(claim())) == 1


def test_two_orders_of_one_document_do_not_leave_in_one_batch(ward, many_orders, far_pfi):
    first, second = many_orders(2)
    Order.objects.update(lineage="1.2.3")
    (message,) = decide(claim())
    assert message.pk == Order.objects.get(pk=first.pk).message_id
    assert Order.objects.get(pk=second.pk).state == OrderState.SCHEDULED


@pytest.mark.requirement("F-PFI-19")
@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_orders_and_send_none_twice(ward, many_orders):
    many_orders(30)
    start = threading.Barrier(2, timeout=20)
    failures = []

    def work(name):
        try:
            start.wait()
            while orders_drain(worker=name, limit=4):
                pass
        except Exception as error:
            failures.append(error)
            raise
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in (1, 2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failures == []
    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.HANDED_OVER}
    assert Message.objects.filter(direction="out").count() == 30
    assert OrderEvent.objects.filter(kind="sending").count() == 30


# --- cost --------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [2, 40])
def test_deciding_costs_nine_statements_and_preparing_two_however_many_orders(
    ward, many_orders, far_pfi, django_assert_num_queries, count
):
    many_orders(count)
    claimed = claim()
    assert len(claimed) == count
    with django_assert_num_queries(2):
        prepared = list(orders_prepare(claimed))
    # patients and orders locked, then orders, choices, lineages, partner, messages, states, events
    with django_assert_num_queries(9 + 2):
        assert len(orders_decide(prepared=prepared, worker=WORKER)) == count


def test_messages_are_held_in_memory_by_weight(monkeypatch):
    monkeypatch.setattr(worker, "BATCH_BYTES", 100)
    prepared = [Prepared(number, number, 1, b"x" * weight) for number, weight in enumerate([60, 60, 200, 1])]
    assert [len(batch) for batch in worker._by_weight(prepared)] == [2, 1, 1]
