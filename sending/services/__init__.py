"""Every write on orders: created with the validation, moved by people, rules and acknowledgements.

Source: spec workflows 3, README decisions 6 to 8. Each change locks the order, checks that the
move is allowed, writes the state and appends one `OrderEvent`, in one transaction.
"""

from sending.services.answers import (
    message_orders_settle,
    order_accepted,
    order_delivered,
    order_fail,
    order_not_treated,
    order_opposed,
    order_read,
    order_received_dmp,
    orders_flag_silent,
)
from sending.services.creating import (
    order_key,
    order_request,
    orders_add,
    orders_create,
    orders_of_validation,
    orders_supersede,
    orders_take_over,
    version_may_leave,
    wish_of,
)
from sending.services.deleting import deletion_follow, orders_delete
from sending.services.people import order_cancel, order_hold, order_release, order_retry, order_send_now
from sending.services.reconsidering import orders_reconsider, orders_reconsider_waiting
from sending.services.relaunching import orders_relaunch
from sending.services.visibility import visibility_order_create, visibility_replace
from sending.services.writing import RULES_ACTOR, order_change, order_note, orders_save, orders_wait

__all__ = [
    "RULES_ACTOR",
    "deletion_follow",
    "message_orders_settle",
    "order_accepted",
    "order_cancel",
    "order_change",
    "order_delivered",
    "order_fail",
    "order_hold",
    "order_key",
    "order_not_treated",
    "order_note",
    "order_opposed",
    "order_read",
    "order_received_dmp",
    "order_release",
    "order_request",
    "order_retry",
    "order_send_now",
    "orders_add",
    "orders_create",
    "orders_of_validation",
    "orders_delete",
    "orders_flag_silent",
    "orders_reconsider",
    "orders_reconsider_waiting",
    "orders_relaunch",
    "orders_save",
    "orders_supersede",
    "orders_take_over",
    "orders_wait",
    "version_may_leave",
    "visibility_order_create",
    "visibility_replace",
    "wish_of",
]
