"""Signals of the documents room, sent with `send` inside the transaction of the act."""

from django.dispatch import Signal

# version, wishes (documents.wishes.SendingWishes), actor, at
version_validated = Signal()
# version, at: a newer version took over; orders that never left are superseded
version_replaced = Signal()
# version, issued, at, actor, is_visibility_change: the same content leaves again with today's identity, or
# for others to see it; waiting orders follow
version_reissued = Signal()
# version, actor, at: another visibility, the same version; what waited for it may leave
visibility_changed = Signal()
# version, wishes (documents.wishes.DeletionWishes), actor, at: a document of ours is deleted; what waits is
# cancelled, who received it is asked to delete it
document_deleted = Signal()
