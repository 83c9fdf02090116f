"""Orders: created by the validation, moved by people, by the patient's choice and by the identity."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from audit.models import Trace
from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from documents.services import version_reissue
from establishment.models import Unit
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from patients.models import Episode, Patient
from patients.rules import StatusEvent
from patients.services import IdentityInput, identity_event_apply, identity_update
from sending import services
from sending.enums import OrderAction, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.models import Order, OrderEvent
from tests.factories import SiteFactory
from tests.hospital import MATRICULE


def order_of(version):
    return Order.objects.get(version=version)


def in_state(version, state, **changes):
    Order.objects.filter(version=version).update(state=state, **changes)
    return order_of(version)


def story(order):
    """Kinds and states of the events of an order, as its history shows them."""
    return [(event.kind, event.to_state) for event in order.events.all()]


def is_due(order):
    return Order.objects.filter(pk=order.pk, state=OrderState.SCHEDULED).claimable().exists()


# --- created with the validation ---------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/ALI/PROG.02", "SC.ALI/PROG.05")
def test_a_validated_letter_is_ordered_without_any_action_and_leaves_after_the_deferral(ward, settings):
    settings.SENDING_DELAY_MINUTES = 120
    version = ward.write_letter()
    order = order_of(version)
    assert (order.state, order.action, order.channel) == (OrderState.SCHEDULED, OrderAction.INITIAL, "dmp")
    assert order.not_before == version.validated_at + timedelta(hours=2)
    assert order.lineage == version.document.set_id
    assert story(order) == [("created", "scheduled")]
    assert not is_due(order)
    trace = Trace.objects.get(type="order.create")
    assert (trace.actor_login, trace.patient_uid, trace.object_uid) == (
        "ahoda",
        ward.patient.uid,
        order.uid,
    )


def test_an_order_freezes_its_site_and_an_event_our_own_clock(ward):
    """What the indicators count must not move with the unit, nor with the clock of a partner."""
    version = ward.write_letter()
    in_state(version, OrderState.HANDED_OVER)
    said = timezone.now() - timedelta(days=3)
    services.order_received_dmp(order=order_of(version), at=said)
    other = SiteFactory(finess="990000200", legal_entity=ward.unit.site.legal_entity)
    Unit.objects.filter(pk=ward.unit.pk).update(site=other)

    order = order_of(version)
    assert (order.finess, order.has_ins) == ("990000101", True)
    event = order.events.last()
    assert event.at == said
    assert event.recorded_at > said + timedelta(days=2)


def test_a_letter_outside_any_unit_belongs_to_no_site(ward):
    Episode.objects.update(unit=None)
    ward.episode.refresh_from_db()
    assert order_of(ward.write_letter()).finess == ""


@pytest.mark.requirement("SC.ALI/PROG.05")
@pytest.mark.parametrize("minutes", [0, 30])
def test_the_unit_has_its_own_deferral_zero_included(ward, settings, minutes):
    settings.SENDING_DELAY_MINUTES = 120
    ward.unit.send_delay_minutes = minutes
    ward.unit.save()
    version = ward.write_letter()
    assert order_of(version).not_before == version.validated_at + timedelta(minutes=minutes)


@pytest.mark.requirement("SC.ALI/PROG.05")
def test_the_writer_may_choose_the_moment(ward):
    chosen = timezone.now() + timedelta(hours=8)
    assert order_of(ward.write_letter(not_before=chosen)).not_before == chosen


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
def test_a_letter_validated_and_held_does_not_leave_before_it_is_released(ward):
    order = order_of(ward.write_letter(hold=True))
    assert (order.state, story(order)) == (OrderState.HELD, [("created", "held")])
    assert not is_due(order)
    released = services.order_release(order=order, actor=ward.actor)
    assert released.state == OrderState.SCHEDULED
    assert is_due(released)


@pytest.mark.requirement("SC.DMP/ALI/PROG.02")
def test_a_draft_has_no_order_and_a_letter_kept_out_of_the_dmp_has_none(ward):
    ward.draft()
    ward.write_letter(to_dmp=False)
    assert not Order.objects.exists()


def test_the_same_act_cannot_be_ordered_twice(ward):
    version = ward.write_letter()
    order = order_of(version)
    order.pk, order.uid = None, version.uid
    with pytest.raises(IntegrityError):
        order.save(force_insert=True)


@pytest.mark.requirement("DPI.CDA/HL7.01", "F-PFI-17")
def test_a_new_version_replaces_and_what_never_left_is_superseded(ward):
    first = ward.write_letter(hold=True)
    second = ward.revise(first)
    assert (order_of(first).state, order_of(second).action) == (OrderState.SUPERSEDED, OrderAction.REPLACE)
    assert story(order_of(first))[-1] == ("superseded", "superseded")


@pytest.mark.parametrize("state", [OrderState.SENDING, OrderState.HANDED_OVER, OrderState.RECEIVED_DMP])
def test_a_version_that_left_keeps_its_order_when_the_next_one_is_validated(ward, state):
    first = ward.write_letter()
    in_state(first, state)
    ward.revise(first)
    assert order_of(first).state == state


# --- by people ---------------------------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/ALI/PROG.03", "SC.ALI/PROG.05")
def test_an_order_is_held_during_its_deferral_then_cancelled_each_act_traced(ward, settings):
    settings.SENDING_DELAY_MINUTES = 120
    order = order_of(ward.write_letter())
    services.order_hold(order=order, actor=ward.actor)
    cancelled = services.order_cancel(order=order, actor=ward.actor)
    assert cancelled.state == OrderState.CANCELLED
    assert story(order) == [("created", "scheduled"), ("held", "held"), ("cancelled", "cancelled")]
    assert {event.actor_login for event in order.events.all()} == {"ahoda"}
    types = Trace.objects.filter(object_uid=order.uid).order_by("id").values_list("type", flat=True)
    assert list(types) == ["order.create", "order.hold", "order.cancel"]


@pytest.mark.requirement("SC.ALI/PROG.05")
def test_releasing_after_the_deferral_leaves_at_once_and_before_it_waits(ward, settings):
    settings.SENDING_DELAY_MINUTES = 120
    early = order_of(ward.write_letter(hold=True))
    assert not is_due(services.order_release(order=early, actor=ward.actor))
    late = order_of(ward.write_letter(hold=True))
    Order.objects.filter(pk=late.pk).update(not_before=timezone.now() - timedelta(hours=1))
    assert is_due(services.order_release(order=late, actor=ward.actor))


@pytest.mark.requirement("SC.ALI/PROG.05")
@pytest.mark.parametrize("hold", [True, False])
def test_sending_now_ends_the_deferral(ward, settings, hold):
    settings.SENDING_DELAY_MINUTES = 120
    order = order_of(ward.write_letter(hold=hold))
    assert is_due(services.order_send_now(order=order, actor=ward.actor))


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "SC.DMP/HISTO.05")
@pytest.mark.parametrize("act", [services.order_release, services.order_send_now])
def test_nobody_can_release_or_hasten_past_an_opposition(ward, act):
    order = order_of(ward.write_letter(hold=True))
    ward.choose(ChoiceValue.OPPOSED)
    moved = act(order=order, actor=ward.actor)
    assert (moved.state, moved.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)


@pytest.mark.requirement("F-PFI-19", "SC.DMP/HISTO.05")
def test_a_failed_order_is_relaunched_as_the_same_order_with_a_new_message(ward, far_pfi):
    version = ward.write_letter()
    order = in_state(version, OrderState.FAILED, error_code="207", error_text="refusé", attempts=20)
    again = services.order_retry(order=order, actor=ward.actor)
    assert (again.pk, again.state, again.message) == (order.pk, OrderState.SCHEDULED, None)
    assert (again.error_code, again.error_text, again.attempts) == ("", "", 0)
    assert is_due(again)


def test_a_failed_order_of_a_replaced_version_is_superseded_not_relaunched(ward):
    first = ward.write_letter()
    in_state(first, OrderState.FAILED)
    ward.revise(first)
    with pytest.raises(OrderRefused, match="échec"):
        services.order_retry(order=order_of(first), actor=ward.actor)


ACTS = {
    services.order_hold: {OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED},
    services.order_release: {OrderState.HELD},
    services.order_send_now: {OrderState.SCHEDULED, OrderState.HELD},
    services.order_cancel: {
        OrderState.SCHEDULED,
        OrderState.WAITING_IDENTITY,
        OrderState.BLOCKED,
        OrderState.HELD,
        OrderState.FAILED,
    },
    services.order_retry: {OrderState.FAILED, OrderState.CANCELLED},
}


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
@pytest.mark.parametrize("act", ACTS)
def test_an_act_out_of_place_says_why_and_writes_nothing(ward, act):
    version = ward.write_letter()
    for state in set(OrderState) - ACTS[act]:
        order = in_state(version, state)
        written = (OrderEvent.objects.count(), Trace.objects.count())
        with pytest.raises(OrderRefused) as refused:
            act(order=order, actor=ward.actor)
        assert refused.value.message
        assert order_of(version).state == state
        assert (OrderEvent.objects.count(), Trace.objects.count()) == written


# --- by the patient ----------------------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_an_opposition_blocks_what_waits_and_its_withdrawal_gives_it_back(ward):
    order = order_of(ward.write_letter())
    ward.choose(ChoiceValue.OPPOSED)
    blocked = order_of(order.version)
    assert (blocked.state, blocked.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)
    assert not is_due(blocked)
    ward.choose(ChoiceValue.NOT_OPPOSED)
    freed = order_of(order.version)
    assert (freed.state, freed.reason, is_due(freed)) == (OrderState.SCHEDULED, "", True)
    assert story(freed) == [("created", "scheduled"), ("stopped", "blocked"), ("freed", "scheduled")]


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_a_letter_of_an_opposed_patient_is_validated_and_blocked(ward):
    ward.choose(ChoiceValue.OPPOSED)
    assert order_of(ward.write_letter()).state == OrderState.BLOCKED


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_an_opposition_moves_neither_a_held_order_nor_one_of_another_stay_nor_a_deletion(ward):
    held = order_of(ward.write_letter(hold=True))
    deletion = in_state(ward.write_letter(), OrderState.SCHEDULED, action=OrderAction.DELETE)
    other = Episode.objects.create(patient=ward.patient, visit_number="V2", kind="I", state="open")
    choice_record(episode=other, subject=Subject.ALIMENTATION, value=ChoiceValue.OPPOSED, actor=ward.actor)
    assert order_of(deletion.version).state == OrderState.SCHEDULED
    ward.choose(ChoiceValue.OPPOSED)
    assert (order_of(held.version).state, order_of(deletion.version).state) == ("held", "scheduled")


def test_the_choice_about_consultation_moves_no_order(ward):
    order = order_of(ward.write_letter())
    choice_record(
        episode=ward.episode, subject=Subject.CONSULTATION, value=ChoiceValue.OPPOSED, actor=ward.actor
    )
    assert story(order) == [("created", "scheduled")]


# --- by the identity ---------------------------------------------------------------------------
def _event(ward, event, **facts):
    return identity_event_apply(patient=ward.patient, event=event, actor=ward.actor, **facts)


@pytest.mark.requirement("SC.ALI/PROG.05", "SC.DMP/ALI/PROG.02")
def test_an_order_waits_for_a_qualified_ins_and_is_freed_by_it(ward):
    Patient.objects.update(is_ins_recovered=False)
    order = order_of(ward.write_letter())
    assert (order.state, order.reason) == (OrderState.WAITING_IDENTITY, OrderReason.INS_NOT_QUALIFIED)
    assert not is_due(order)
    _event(ward, StatusEvent.INSI_ACCEPTED, ins=Ins(MATRICULE, INS_NIR_TEST_OID))
    assert is_due(order_of(order.version))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (StatusEvent.DOUBTFUL_SET, OrderReason.IDENTITY_DOUBTFUL),
        (StatusEvent.VERIFICATION_KO, OrderReason.IDENTITY_REVIEW),
    ],
)
def test_an_identity_in_doubt_stops_what_waits(ward, event, reason):
    order = order_of(ward.write_letter())
    _event(ward, event)
    stopped = order_of(order.version)
    assert (stopped.state, stopped.reason) == (OrderState.WAITING_IDENTITY, reason)


def test_a_review_that_ends_well_frees_what_it_stopped(ward):
    order = order_of(ward.write_letter())
    _event(ward, StatusEvent.VERIFICATION_KO)
    _event(ward, StatusEvent.VERIFICATION_OK)
    assert is_due(order_of(order.version))


def test_an_identity_that_changes_without_orders_costs_one_query(ward, django_assert_num_queries):
    with django_assert_num_queries(3):  # savepoint, read, release
        assert services.orders_reconsider(orders=Order.objects.filter(version__document__patient=1)) == 0


def test_reconsidering_costs_the_same_for_many_orders(ward, many_orders, django_assert_num_queries):
    many_orders(12)
    Patient.objects.update(is_ins_recovered=False)
    with django_assert_num_queries(7):  # savepoint, locks, orders, choices, orders, events, release
        assert services.orders_reconsider(orders=Order.objects.all()) == 12


def test_a_new_address_moves_no_order(ward):
    order = order_of(ward.write_letter())
    patient = ward.patient
    typed = IdentityInput(
        birth_name=patient.birth_name,
        first_birth_given_name=patient.first_birth_given_name,
        birth_given_names=patient.birth_given_names,
        birth_date=patient.birth_date,
        birth_place_cog=patient.birth_place_cog,
        sex=patient.sex,
        city="TROIS-RIVIERES",
    )
    identity_update(patient=patient, identity=typed, actor=ward.actor)
    assert story(order) == [("created", "scheduled")]


# --- reissued versions -------------------------------------------------------------------------
def test_waiting_orders_follow_a_reissued_version_in_the_state_they_had(ward):
    first = ward.write_letter(hold=True)
    before = order_of(first)
    issued = version_reissue(version=first, actor=ward.actor)
    order = order_of(issued)
    assert (order.pk, order.state, order.action) == (before.pk, OrderState.HELD, OrderAction.REPLACE)
    assert order.idempotency_key.startswith(issued.unique_id)
    assert story(order)[-1] == ("reissued", "held")


# --- answers -----------------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.04")
@pytest.mark.parametrize(
    "state",
    [
        OrderState.SENDING,
        OrderState.HANDED_OVER,
        OrderState.FAILED,
        OrderState.BLOCKED,
        OrderState.SCHEDULED,
        OrderState.HELD,
        OrderState.WAITING_IDENTITY,
    ],
)
def test_what_the_dmp_has_is_received_whatever_was_believed(ward, state):
    order = in_state(ward.write_letter(), state, error_code="HL7", is_uncertain=True)
    received = services.order_received_dmp(order=order, at=timezone.now())
    assert (received.state, received.error_code, received.is_uncertain) == ("received_dmp", "", False)


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.SUPERSEDED])
def test_a_reception_after_the_end_is_noted_and_moves_nothing(ward, state):
    order = in_state(ward.write_letter(), state)
    services.order_received_dmp(order=order, at=timezone.now())
    assert story(order)[-1] == ("late_received_dmp", state)


def test_a_reception_told_twice_is_noted_once(ward):
    order = in_state(ward.write_letter(), OrderState.HANDED_OVER)
    for _ in range(2):
        services.order_received_dmp(order=order, at=timezone.now())
    assert [kind for kind, _ in story(order)] == ["created", "received_dmp"]


def test_a_failure_after_success_is_appended_not_overwritten(ward):
    order = in_state(ward.write_letter(), OrderState.RECEIVED_DMP)
    services.order_fail(order=order, code="X", text="trop tard", kind="refused_dmp")
    assert order_of(order.version).state == OrderState.RECEIVED_DMP
    assert story(order)[-1] == ("late_refused_dmp", "received_dmp")


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_order_given_back_for_an_opposition_waits_for_its_withdrawal(ward):
    order = in_state(ward.write_letter(), OrderState.HANDED_OVER)
    ward.choose(ChoiceValue.OPPOSED)
    given_back = services.order_opposed(order=order)
    assert (given_back.state, given_back.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)
    ward.choose(ChoiceValue.NOT_OPPOSED)
    assert is_due(order_of(order.version))


def test_an_order_given_back_after_the_withdrawal_leaves_again(ward):
    order = in_state(ward.write_letter(), OrderState.HANDED_OVER)
    ward.choose(ChoiceValue.OPPOSED)
    ward.choose(ChoiceValue.NOT_OPPOSED)
    assert services.order_opposed(order=order).state == OrderState.SCHEDULED


def test_an_opposition_that_only_the_pfi_knows_keeps_the_order_blocked(ward):
    order = in_state(ward.write_letter(), OrderState.HANDED_OVER)
    blocked = services.order_opposed(order=order)
    assert (blocked.state, blocked.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)


def test_an_order_given_back_after_its_version_was_replaced_is_superseded(ward):
    first = ward.write_letter()
    in_state(first, OrderState.HANDED_OVER)
    ward.revise(first)
    assert services.order_opposed(order=order_of(first)).state == OrderState.SUPERSEDED


@pytest.mark.requirement("DPI.CDA/HL7.04")
def test_an_accepted_order_without_acknowledgement_for_a_day_is_flagged_once(ward, settings):
    settings.SENDING_ACK_HOURS = 24
    now = timezone.now()
    silent = in_state(ward.write_letter(), OrderState.HANDED_OVER, changed_at=now - timedelta(hours=25))
    recent = in_state(ward.write_letter(), OrderState.HANDED_OVER, changed_at=now - timedelta(hours=23))
    assert services.orders_flag_silent(now=now) == 1
    assert services.orders_flag_silent(now=now) == 0
    assert [order_of(one.version).is_uncertain for one in (silent, recent)] == [True, False]
    assert story(silent)[-1] == ("ack_missing", "handed_over")
    assert not services.order_received_dmp(order=silent, at=now).is_uncertain
