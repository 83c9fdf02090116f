"""Signals of the exchange room, sent with `send` inside the transaction that notes the fact."""

from django.dispatch import Signal

# message: one of ours became `acked`, or `rejected` (AE, or 72 h without acceptance)
message_settled = Signal()
# message: one of ours met AR, silence or a cut line; it leaves again at message.not_before
message_deferred = Signal()
