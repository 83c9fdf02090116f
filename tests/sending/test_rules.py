"""The gate: who may leave, when, and what is said when not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.enums import ChoiceValue
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason, OrderState

AT = datetime(2026, 3, 8, 14, 32, tzinfo=UTC)


def facts(**changes):
    values = {
        "channel": Channel.DMP,
        "action": OrderAction.INITIAL,
        "is_qualified": True,
        "is_doubtful": False,
        "is_under_review": False,
        "alimentation": None,
        "is_invisible_patient": False,
    }
    return rules.OrderFacts(**(values | changes))


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
@pytest.mark.parametrize(
    ("choice", "state"),
    [
        (None, OrderState.SCHEDULED),
        (ChoiceValue.NOT_COLLECTED, OrderState.SCHEDULED),
        (ChoiceValue.NOT_OPPOSED, OrderState.SCHEDULED),
        (ChoiceValue.OPPOSED, OrderState.BLOCKED),
    ],
)
def test_only_an_opposition_stops_the_dmp(choice, state):
    assert rules.gate_of(facts(alimentation=choice)).state == state


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
@pytest.mark.parametrize("channel", [Channel.MSSANTE_PRO, Channel.MSSANTE_PATIENT])
def test_an_opposition_to_alimentation_does_not_stop_mail(channel):
    assert rules.gate_of(facts(channel=channel, alimentation=ChoiceValue.OPPOSED)).is_open


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_qualified": False}, OrderReason.INS_NOT_QUALIFIED),
        ({"is_qualified": False, "is_doubtful": True}, OrderReason.IDENTITY_DOUBTFUL),
        ({"is_under_review": True}, OrderReason.IDENTITY_REVIEW),
    ],
)
@pytest.mark.parametrize("channel", [Channel.DMP, Channel.MSSANTE_PATIENT])
def test_what_is_tied_to_the_ins_waits_for_a_sure_identity(channel, change, reason):
    gate = rules.gate_of(facts(channel=channel, **change))
    assert (gate.state, gate.reason) == (OrderState.WAITING_IDENTITY, reason)


def test_mail_to_professionals_leaves_without_a_qualified_ins_but_not_for_a_doubtful_identity():
    assert rules.gate_of(facts(channel=Channel.MSSANTE_PRO, is_qualified=False)).is_open
    assert not rules.gate_of(facts(channel=Channel.MSSANTE_PRO, is_qualified=False, is_doubtful=True)).is_open


def test_a_document_invisible_to_the_patient_is_not_mailed_to_the_patient():
    gate = rules.gate_of(facts(channel=Channel.MSSANTE_PATIENT, is_invisible_patient=True))
    assert (gate.state, gate.reason) == (OrderState.BLOCKED, OrderReason.INVISIBLE_PATIENT)


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
@given(
    channel=st.sampled_from(Channel),
    choice=st.sampled_from([None, *ChoiceValue]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_a_deletion_always_passes(channel, choice, flags):
    qualified, doubtful, review, invisible = flags
    gate = rules.gate_of(
        facts(
            channel=channel,
            action=OrderAction.DELETE,
            alimentation=choice,
            is_qualified=qualified,
            is_doubtful=doubtful,
            is_under_review=review,
            is_invisible_patient=invisible,
        )
    )
    assert gate.is_open


def test_the_refusal_of_the_patient_is_said_before_a_defect_of_identity():
    gate = rules.gate_of(facts(alimentation=ChoiceValue.OPPOSED, is_qualified=False))
    assert gate.reason == OrderReason.OPPOSITION


@pytest.mark.requirement("SC.DMP/ALI/PROG.02")
@pytest.mark.parametrize(
    ("delay", "chosen", "expected"),
    [
        (120, None, AT + timedelta(hours=2)),
        (0, None, AT),
        (120, AT + timedelta(hours=8), AT + timedelta(hours=8)),
        (120, AT - timedelta(hours=8), AT),
    ],
)
def test_departure_is_validation_plus_deferral_unless_the_writer_chose(delay, chosen, expected):
    assert rules.departure(validated_at=AT, delay_minutes=delay, chosen=chosen) == expected


@pytest.mark.requirement("SC.DMP/ALI/PROG.03", "SC.ALI/PROG.05")
@pytest.mark.parametrize("state", OrderState)
def test_actions_are_allowed_exactly_where_the_vocabulary_says(state):
    assert rules.may_hold(state).is_allowed == (
        state in {OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED}
    )
    assert rules.may_release(state).is_allowed == (state == OrderState.HELD)
    assert rules.may_retry(state).is_allowed == (state in {OrderState.FAILED, OrderState.CANCELLED})
    assert rules.may_send_now(state).is_allowed == (state in {OrderState.SCHEDULED, OrderState.HELD})
    assert rules.may_cancel(state).is_allowed == (state in {*rules.WAITING_STATES, OrderState.FAILED})


@pytest.mark.parametrize("state", sorted(rules.LEFT_STATES))
def test_what_left_says_so_when_one_tries_to_stop_it(state):
    assert "déjà parti" in rules.may_hold(state).refusal
    assert "déjà parti" in rules.may_cancel(state).refusal
