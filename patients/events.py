"""Signals of the patients room, sent with `send` inside the transaction of the fact."""

from django.dispatch import Signal

# patient, event (IdentityEvent): a known identity changed, its status perhaps; not sent at creation
identity_changed = Signal()
# episode: a stay was created or its state changed
episode_changed = Signal()
# episode, parsed (AdtMessage), message (exchange.Message), is_new_episode: an ADT with a visit was
# applied
episode_received = Signal()
# patient, parsed, message: an ADT without a visit carries choices (ZFA in A28, A31)
choices_without_episode = Signal()
