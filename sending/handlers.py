"""Business acknowledgements of the PFI (ZAM^Z01): the order learns what became of it.

Source: spec hl7v2 2.8 (DPI.CDA/HL7.04). OBX-4 quotes the MSH-10 of our message; an unknown one is
accepted and noted, never refused: the PFI could do nothing about it.
"""

from __future__ import annotations

from exchange.registry import Outcome, Reception
from interop.hl7v2.codes import ZamKind
from interop.hl7v2.zam import Zam, parse_zam
from sending import services
from sending.enums import Channel
from sending.models import Order
from sending.selectors import orders_of_message

# The PFI stopped before submitting because the patient opposed meanwhile (hl7v2 4.6).
OPPOSITION = "OPPOSITION"
CHANNEL_OF = {ZamKind.DMP_RECEPTION: Channel.DMP}


def zam_receive(reception: Reception) -> Outcome:
    """Apply one ZAM to the orders that its message carried."""
    zam = parse_zam(reception.parsed)
    found = orders_of_message(zam.acknowledged_id, channel=CHANNEL_OF.get(zam.kind, ""))
    if not found:
        return Outcome(warnings=(f"aucun ordre d’envoi pour le message {zam.acknowledged_id}",))
    for order in found:
        _apply(order, zam)
    return Outcome(patient_uid=found[0].version.document.patient.uid)


def _apply(order: Order, zam: Zam) -> None:
    if zam.success or zam.fault is None:
        services.order_received_dmp(order=order, at=zam.event_at)
        return
    code, text = zam.fault.application_code, zam.fault.application_label
    is_of_a_former_try = order.message is None or order.message.control_id != zam.acknowledged_id
    if is_of_a_former_try:
        services.order_note(order=order, kind="late_refused_dmp", detail=f"{code} {text}")
    elif code == OPPOSITION:
        services.order_opposed(order=order)
    else:
        services.order_fail(order=order, code=code, text=text, kind="refused_dmp")
