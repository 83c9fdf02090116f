"""Rules of identity: the transition table, what a status allows, what PAM may change (ins 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.enums import IdentityAttribute, IdentityStatus
from patients.rules import (
    IdentityDecision,
    IdentityUse,
    InsEffect,
    ReceivedIdentity,
    Standing,
    StatusEvent,
    TransitionRefused,
    UseRefusal,
    decide_received,
    may_use,
    transition,
)

PROV, RECUP = Standing(), Standing(recovered=True)
VALI, QUAL = Standing(controlled=True), Standing(True, True)
BY_CODE = {"PROV": PROV, "RECUP": RECUP, "VALI": VALI, "QUAL": QUAL}
REFUSED = "refused"
KEEP, SET, DROP, INVALIDATE = InsEffect.KEEP, InsEffect.SET, InsEffect.DROP, InsEffect.INVALIDATE

# Rows 1 to 13 of ins 7.3: the status after, for PROV, RECUP, VALI, QUAL; then what becomes of the INS.
TABLE = (
    (StatusEvent.INSI_ACCEPTED, ("RECUP", "RECUP", "QUAL", "QUAL"), (SET, SET, SET, SET)),
    (StatusEvent.INSI_REFUSED, ("PROV", REFUSED, "VALI", REFUSED), (KEEP, None, KEEP, None)),
    (StatusEvent.INSI_WITHOUT_RESULT, ("PROV", "RECUP", "VALI", "QUAL"), (KEEP,) * 4),
    (StatusEvent.DOCUMENT_COHERENT, ("VALI", "QUAL", "VALI", "QUAL"), (KEEP,) * 4),
    (StatusEvent.DOCUMENT_INCOHERENT, ("PROV", "PROV", "PROV", "PROV"), (KEEP, DROP, KEEP, DROP)),
    (StatusEvent.TRAIT_CHANGED_WITH_DOCUMENT, ("VALI", "VALI", "VALI", "VALI"), (KEEP, DROP, KEEP, DROP)),
    (StatusEvent.TRAIT_CHANGED, ("PROV", "PROV", "PROV", "PROV"), (KEEP, DROP, KEEP, DROP)),
    (StatusEvent.DOUBTFUL_SET, ("PROV", "PROV", "PROV", "PROV"), (KEEP, INVALIDATE, KEEP, INVALIDATE)),
    (StatusEvent.FICTIVE_SET, ("PROV", "PROV", "PROV", "PROV"), (KEEP, INVALIDATE, KEEP, INVALIDATE)),
    (StatusEvent.VERIFICATION_KO, (REFUSED, "RECUP", REFUSED, "QUAL"), (None, KEEP, None, KEEP)),
    (StatusEvent.VERIFICATION_KO_CONFIRMED, (REFUSED, "PROV", REFUSED, "VALI"), (None, DROP, None, DROP)),
    (StatusEvent.VERIFICATION_OK, (REFUSED, "RECUP", REFUSED, "QUAL"), (None, KEEP, None, KEEP)),
    (StatusEvent.APCV_ACCEPTED, ("QUAL", "QUAL", "QUAL", "QUAL"), (SET,) * 4),
    (StatusEvent.VALIDATION_CANCELLED, ("PROV", "RECUP", "PROV", "RECUP"), (KEEP,) * 4),
)
CASES = [
    (event, before, after, effect)
    for event, afters, effects in TABLE
    for before, after, effect in zip(BY_CODE, afters, effects, strict=True)
]


@pytest.mark.requirement("INS/va1.25", "INS/va1.39")
@pytest.mark.parametrize(("event", "before", "after", "effect"), CASES)
def test_transition_table(event: StatusEvent, before: str, after: str, effect: InsEffect | None) -> None:
    if after == REFUSED:
        with pytest.raises(TransitionRefused):
            transition(event, BY_CODE[before])
        return
    moved = transition(event, BY_CODE[before])
    assert (moved.standing.status, moved.ins) == (after, effect)


@pytest.mark.requirement("INS/va1.46")
def test_a_failed_verification_opens_a_review_that_its_end_closes() -> None:
    assert transition(StatusEvent.VERIFICATION_KO, QUAL).opens_review
    assert transition(StatusEvent.VERIFICATION_KO_CONFIRMED, QUAL).closes_review
    assert transition(StatusEvent.VERIFICATION_OK, QUAL).closes_review


@pytest.mark.requirement("INS/va1.41")
def test_removing_the_doubt_starts_again_from_provisional() -> None:
    doubtful = transition(StatusEvent.DOUBTFUL_SET, QUAL).standing
    assert doubtful.attributes == {IdentityAttribute.DOUT}
    cleared = transition(StatusEvent.DOUBTFUL_REMOVED, doubtful).standing
    assert (cleared.status, cleared.attributes) == (IdentityStatus.PROV, frozenset())
    with pytest.raises(TransitionRefused):
        transition(StatusEvent.DOUBTFUL_REMOVED, QUAL)


@pytest.mark.requirement("INS/va1.41")
def test_only_homonym_and_doubtful_go_together() -> None:
    homonym = transition(StatusEvent.HOMONYM_DETECTED, QUAL).standing
    assert homonym.status == IdentityStatus.QUAL
    proven = transition(StatusEvent.HOMONYM_PROVEN, homonym).standing
    assert proven.attributes == {IdentityAttribute.HOMA}
    both = transition(StatusEvent.DOUBTFUL_SET, proven).standing
    assert both.attributes == {IdentityAttribute.HOMA, IdentityAttribute.DOUT}
    fictive = transition(StatusEvent.FICTIVE_SET, both).standing
    assert fictive.attributes == {IdentityAttribute.FICT}
    for event in (StatusEvent.HOMONYM_DETECTED, StatusEvent.DOUBTFUL_SET):
        with pytest.raises(TransitionRefused):
            transition(event, fictive)
    assert transition(StatusEvent.HOMONYM_REMOVED, proven).standing.attributes == frozenset()


standings = st.builds(
    lambda recovered, controlled, attributes: (
        Standing(attributes=attributes)
        if attributes & {IdentityAttribute.DOUT, IdentityAttribute.FICT}
        else Standing(recovered, controlled, attributes)
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from(
        [frozenset()]
        + [frozenset({one}) for one in IdentityAttribute]
        + [frozenset({IdentityAttribute.HOMA, IdentityAttribute.DOUT})]
    ),
)


@pytest.mark.requirement("INS/va1.25", "INS/va1.41")
@given(standings, st.lists(st.sampled_from(StatusEvent), max_size=8))
def test_no_path_leads_to_a_forbidden_state(standing: Standing, events: list[StatusEvent]) -> None:
    for event in events:
        try:
            moved = transition(event, standing)
        except TransitionRefused:
            continue
        after = moved.standing
        if after.is_untrusted:
            assert after.status == IdentityStatus.PROV
        if IdentityAttribute.FICT in after.attributes:
            assert after.attributes == {IdentityAttribute.FICT}
        if after.recovered and not standing.recovered:
            assert moved.ins == InsEffect.SET
        if standing.recovered and not after.recovered:
            assert moved.ins in (InsEffect.DROP, InsEffect.INVALIDATE)
        standing = after


# --- What a status allows ------------------------------------------------------------------------
USES = (
    (IdentityUse.STORE_INS, "RECUP QUAL"),
    (IdentityUse.SHOW_INS, "QUAL"),
    (IdentityUse.SEND_INS, "QUAL"),
    (IdentityUse.FEED_DMP, "QUAL"),
    (IdentityUse.CONSULT_DMP, "QUAL"),
    (IdentityUse.MSSANTE_PRO, "PROV RECUP VALI QUAL"),
    (IdentityUse.MSSANTE_PATIENT, "QUAL"),
    (IdentityUse.CALL_INSI, "PROV RECUP VALI QUAL"),
)


@pytest.mark.requirement("INS/va1.56")
@pytest.mark.parametrize(("use", "allowed"), USES)
def test_what_each_status_allows(use: IdentityUse, allowed: str) -> None:
    assert {code for code, standing in BY_CODE.items() if may_use(use, standing)} == set(allowed.split())


def test_the_derogation_lets_a_recovered_identity_write_to_the_patient() -> None:
    assert may_use(IdentityUse.MSSANTE_PATIENT, RECUP, patient_mail_derogation=True)
    assert not may_use(IdentityUse.MSSANTE_PATIENT, PROV, patient_mail_derogation=True)


@pytest.mark.requirement("INS/va1.41", "INS/va1.56")
@pytest.mark.parametrize("attribute", [IdentityAttribute.DOUT, IdentityAttribute.FICT])
@pytest.mark.parametrize("use", sorted(set(IdentityUse) - {IdentityUse.STORE_INS, IdentityUse.SHOW_INS}))
def test_a_doubtful_or_fictive_identity_sends_and_asks_nothing(
    use: IdentityUse, attribute: IdentityAttribute
) -> None:
    decision = may_use(use, Standing(attributes=frozenset({attribute})))
    assert (decision.allowed, decision.reason) == (False, UseRefusal.UNTRUSTED)


def test_nothing_leaves_while_the_identity_is_reviewed_or_closed() -> None:
    assert may_use(IdentityUse.FEED_DMP, QUAL, is_under_review=True).reason == UseRefusal.UNDER_REVIEW
    assert may_use(IdentityUse.MSSANTE_PRO, QUAL, is_closed=True).reason == UseRefusal.CLOSED
    assert may_use(IdentityUse.SHOW_INS, QUAL, is_under_review=True)


# --- What PAM may change -------------------------------------------------------------------------
NOW = datetime(2025, 3, 1, tzinfo=UTC)


def received(
    held: Standing, told: Standing, *, age: int = 1, same_traits: bool = True, same_ins: bool = True
) -> ReceivedIdentity:
    return ReceivedIdentity(
        held=held,
        told=told,
        updated_at=NOW + timedelta(days=age),
        known_at=NOW,
        same_traits=same_traits,
        same_ins=same_ins,
    )


TAKE, REVIEW = IdentityDecision.TAKE, IdentityDecision.REVIEW
KEEP_NEWER, KEEP_QUALIFIED = IdentityDecision.KEEP_NEWER, IdentityDecision.KEEP_QUALIFIED
DOUBT = Standing(attributes=frozenset({IdentityAttribute.DOUT}))


@pytest.mark.requirement("INS/va1.62")
@pytest.mark.parametrize(
    ("facts", "here", "elsewhere"),
    [
        (received(PROV, QUAL), TAKE, TAKE),
        (received(VALI, PROV, same_traits=False), TAKE, TAKE),
        (received(RECUP, PROV, same_traits=False), TAKE, TAKE),
        (received(PROV, QUAL, age=-1), KEEP_NEWER, KEEP_NEWER),
        (received(QUAL, PROV, age=-1), KEEP_NEWER, KEEP_NEWER),
        (received(QUAL, QUAL), TAKE, TAKE),
        (received(QUAL, QUAL, same_traits=False), TAKE, TAKE),
        (received(QUAL, QUAL, same_ins=False), REVIEW, TAKE),
        (received(QUAL, RECUP, same_ins=False), REVIEW, TAKE),
        (received(QUAL, RECUP), KEEP_QUALIFIED, TAKE),
        (received(QUAL, VALI), KEEP_QUALIFIED, TAKE),
        (received(QUAL, PROV), KEEP_QUALIFIED, TAKE),
        (received(QUAL, PROV, same_traits=False), REVIEW, TAKE),
        (received(QUAL, DOUBT), TAKE, TAKE),
        (received(QUAL, DOUBT, same_traits=False, same_ins=False), TAKE, TAKE),
    ],
)
def test_what_a_received_identity_changes(
    facts: ReceivedIdentity, here: IdentityDecision, elsewhere: IdentityDecision
) -> None:
    assert decide_received(facts, external_master=False) == here
    assert decide_received(facts, external_master=True) == elsewhere
