"""Orders of another software, as they reach the PFI over its line."""

from __future__ import annotations

from dataclasses import replace

from exchange.identifiers import new_control_id
from interop.hl7v2 import Action, MdmDocument, OrderFlags, build_mdm
from tests.interop.hl7v2 import samples

TO_DMP = OrderFlags(dest_dmp=True, ack_reception=True)


def order(action: Action = Action.INITIAL, **changes: object) -> MdmDocument:
    """An order for the DMP alone, under an MSH-10 of its own."""
    made = samples.order(action, participants=(samples.REQUESTER,), flags=TO_DMP)
    header = replace(made.header, control_id=new_control_id())
    return replace(made, **{"header": header, "body_professional": "", "body_patient": ""} | changes)


def raw_order(action: Action = Action.INITIAL, **changes: object) -> bytes:
    return build_mdm(order(action, **changes))
