"""Signals of the mail room, sent with `send` inside the transaction of the change."""

from django.dispatch import Signal

# mail, event: an outgoing mail moved, or something about it was learned (a late bounce).
mail_moved = Signal()
