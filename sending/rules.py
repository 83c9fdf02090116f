"""May this order leave now? The gate rules, asked at creation and again at send time.

Sources: spec README decisions 3, 4, 6 and 7; ins 7.2 and 7.4; requirements 2 (SC.DMP/CONF.06.BIS);
mssante 1.6 (MSS/va1.20); hl7v2 2.1 (a deletion is not a feeding). Held and superseded are not gates:
a person or a newer version decides them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consent.enums import ChoiceValue, MessageChoiceValue
from consent.rules import may_feed_dmp, may_mail_patient
from interop.dmp.codes import QUERY_NOT_FOUND
from interop.xds.codes import DMP_CLOSED, ERROR_UNKNOWN_PATIENT
from sending.enums import Channel, OrderAction, OrderReason, OrderState


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the gate needs to know of an order, its document and its patient, at one moment.

    `has_derogation`: the hospital writes to patients before admission with an INS that is only
    recovered, this identity is recovered, and the stay has not begun (mssante 1.6).
    """

    channel: Channel
    action: OrderAction
    is_qualified: bool
    is_doubtful: bool
    is_under_review: bool
    alimentation: ChoiceValue | None
    is_invisible_patient: bool
    messages: MessageChoiceValue | None = None
    has_derogation: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """The state the order must take: `scheduled` when it may leave, else why it waits."""

    state: OrderState
    reason: OrderReason = OrderReason.NONE

    @property
    def is_open(self) -> bool:
        return self.state == OrderState.SCHEDULED


OPEN = Gate(OrderState.SCHEDULED)


def gate_of(facts: OrderFacts) -> Gate:
    """Whether an order may leave, and if not which state and reason it takes.

    A deletion passes always (decision 6). The patient's opposition is said before a defect of
    identity: it is the answer that will not change by itself. An identity that is not qualified
    stops no mail to professionals: the document carries no INS then (ins 7.4).
    """
    if facts.action == OrderAction.DELETE:
        return OPEN
    if facts.channel == Channel.DMP:
        if not may_feed_dmp(facts.alimentation).allowed:
            return Gate(OrderState.BLOCKED, OrderReason.OPPOSITION)
        return _identity_gate(facts, needs_qualified=True)
    if facts.channel == Channel.MSSANTE_PATIENT:
        if not may_mail_patient(facts.messages).allowed:
            return Gate(OrderState.BLOCKED, OrderReason.OPPOSITION_MES)
        if facts.is_invisible_patient:
            return Gate(OrderState.BLOCKED, OrderReason.INVISIBLE_PATIENT)
        return _identity_gate(facts, needs_qualified=not facts.has_derogation)
    return _identity_gate(facts, needs_qualified=False)


def _identity_gate(facts: OrderFacts, *, needs_qualified: bool) -> Gate:
    if facts.is_doubtful:
        return Gate(OrderState.WAITING_IDENTITY, OrderReason.IDENTITY_DOUBTFUL)
    if facts.is_under_review:
        return Gate(OrderState.WAITING_IDENTITY, OrderReason.IDENTITY_REVIEW)
    if needs_qualified and not facts.is_qualified:
        return Gate(OrderState.WAITING_IDENTITY, OrderReason.INS_NOT_QUALIFIED)
    return OPEN


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a person may act on an order, and what to answer when not."""

    is_allowed: bool
    refusal: str = ""


ALLOWED = Permission(True)

# Never left and may still be stopped (workflows 3.6).
WAITING_STATES = frozenset(
    {OrderState.HELD, OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED}
)
# The rules move these; `sending` only while its message has not left.
RECONSIDERED_STATES = frozenset(
    {OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED, OrderState.SENDING}
)
# Left the DPI: the PFI answers for them.
LEFT_STATES = frozenset(
    {
        OrderState.SENDING,
        OrderState.HANDED_OVER,
        OrderState.RECEIVED_DMP,
        OrderState.DELIVERED,
        OrderState.READ,
    }
)

# Stopped before leaving: such an order sent nothing.
SMTP_TOO_BIG: Final = "523"
"""SMTPERRORCODE of a mail above a limit, which our own vocabulary calls TAILLE (mssante 1.4)."""
UNSENT_STATES = frozenset({OrderState.CANCELLED, OrderState.SUPERSEDED})


def was_never_sent(states: Iterable[OrderState]) -> bool:
    """Whether a document with orders in these states was never sent and waits for nothing.

    SC.DMP/HISTO.01, .05: what a person looks for with « non envoyés » and may send by hand.
    """
    return all(state in UNSENT_STATES for state in states)


def may_hold(state: OrderState) -> Permission:
    """Holding stops an order before or during its deferral (SC.DMP/ALI/PROG.03)."""
    if state in (OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED):
        return ALLOWED
    return Permission(False, _too_late(state, "retenu"))


def may_release(state: OrderState) -> Permission:
    if state == OrderState.HELD:
        return ALLOWED
    return Permission(False, "Cet envoi n’est pas retenu.")


def may_cancel(state: OrderState) -> Permission:
    if state in WAITING_STATES or state == OrderState.FAILED:
        return ALLOWED
    return Permission(False, _too_late(state, "annulé"))


def may_send_now(state: OrderState) -> Permission:
    if state in (OrderState.SCHEDULED, OrderState.HELD):
        return ALLOWED
    return Permission(False, _too_late(state, "avancé"))


def may_retry(state: OrderState) -> Permission:
    """A failure is tried again; a cancellation by mistake must not keep a letter out of the DMP."""
    if state in (OrderState.FAILED, OrderState.CANCELLED):
        return ALLOWED
    return Permission(False, "Seul un envoi en échec ou annulé se relance.")


def _too_late(state: OrderState, verb: str) -> str:
    if state in LEFT_STATES:
        return f"Cet envoi est déjà parti : il ne peut plus être {verb}."
    return f"Cet envoi est terminé : il ne peut plus être {verb}."


NO_OPEN_DMP: Final = frozenset({QUERY_NOT_FOUND, DMP_CLOSED, ERROR_UNKNOWN_PATIENT})
"""Codes of Z01 N that say "pas de DMP ouvert" (spec dmp 3.7, class PATIENT)."""


def lacks_open_dmp(channel: str, code: str) -> bool:
    """Whether an order failed because the patient has no DMP, or a closed one."""
    return channel == Channel.DMP and code.rpartition(":")[2] in NO_OPEN_DMP


def relaunch_at(
    *, channel: str, action: str, code: str, failed_at: datetime, days: int, was_relaunched: bool
) -> datetime | None:
    """When an order that failed for want of an open DMP is sent once more by itself (spec dmp 8).

    Once in the life of the order, `days` after the failure, never when `days` is 0. A deletion is no feeding.
    """
    concerned = lacks_open_dmp(channel, code) and action != OrderAction.DELETE
    if not concerned or not days or was_relaunched:
        return None
    return failed_at + timedelta(days=days)


def departure(*, validated_at: datetime, delay_minutes: int, chosen: datetime | None) -> datetime:
    """When the order may leave: the moment chosen by the writer, else validation + deferral.

    SC.DMP/ALI/PROG.02: the deferral is a setting by unit, 0 allowed; a moment in the past means now.
    """
    if chosen is not None:
        return max(chosen, validated_at)
    return validated_at + timedelta(minutes=delay_minutes)
