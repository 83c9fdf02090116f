"""Writes of the exchange room: the journal and the lines."""

from exchange.services.hand import message_replay, message_retry
from exchange.services.intake import (
    frame_entry,
    message_answer_again,
    message_apply,
    message_entry,
    message_receive,
    messages_apply_waiting,
)
from exchange.services.outgoing import (
    Outgoing,
    message_hand_over,
    message_queue,
    message_withdraw,
    messages_hand_over_due,
    messages_queue,
)
from exchange.services.partners import development_partner_ensure, integrated_pfi_ensure

__all__ = [
    "Outgoing",
    "development_partner_ensure",
    "frame_entry",
    "integrated_pfi_ensure",
    "message_answer_again",
    "message_apply",
    "message_entry",
    "message_hand_over",
    "message_queue",
    "message_receive",
    "message_replay",
    "message_retry",
    "message_withdraw",
    "messages_apply_waiting",
    "messages_hand_over_due",
    "messages_queue",
]
