"""Signals of the consent room, sent with `send` inside the transaction of the record."""

from django.dispatch import Signal

# episode, subject: the choice that counts has another value than before. Not sent for the choices that
# come with the message that creates the episode: nothing depends on them yet.
choice_changed = Signal()

# patient: whether messages may be sent to Mon espace santé changed.
message_choice_changed = Signal()
