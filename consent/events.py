"""Signals of the consent room, sent with `send` inside the transaction of the record."""

from django.dispatch import Signal

# episode, subject: the choice that counts has another value than before
choice_changed = Signal()
