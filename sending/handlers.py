"""Business acknowledgements of the PFI (ZAM^Z01, Z02, Z03): the order learns what became of it.

Source: spec hl7v2 2.8 (DPI.CDA/HL7.04). OBX-4 quotes the MSH-10 of our message; an unknown one is
accepted and noted, never refused: the PFI could do nothing about it.
"""

from __future__ import annotations

from django.conf import settings

from exchange.registry import Outcome, Reception
from interop.hl7v2.codes import ZamKind
from interop.hl7v2.zam import Zam, parse_zam
from mssante.rules import TOO_BIG, is_patient_address
from sending import services
from sending.enums import Channel
from sending.models import Order
from sending.rules import SMTP_TOO_BIG
from sending.selectors import orders_of_message

# The PFI stopped before sending because the patient opposed meanwhile (hl7v2 4.6, mssante 1.6).
OPPOSITION = "OPPOSITION"


def zam_receive(reception: Reception) -> Outcome:
    """Apply one ZAM to the orders that its message carried; of a mail, to that of its recipient."""
    zam = parse_zam(reception.parsed)
    found = _concerned(zam)
    if not found:
        return Outcome(warnings=(f"aucun ordre d’envoi pour le message {zam.acknowledged_id}",))
    apply = _apply_dmp if zam.kind == ZamKind.DMP_RECEPTION else _apply_mail
    for order in found:
        apply(order, zam)
    return Outcome(patient_uid=found[0].version.document.patient.uid)


def _concerned(zam: Zam) -> list[Order]:
    if zam.kind == ZamKind.DMP_RECEPTION:
        return orders_of_message(zam.acknowledged_id, channel=Channel.DMP)
    if is_patient_address(zam.address, settings.MSS_PATIENT_DOMAIN):
        # One patient for each message: the address holds the matricule, and orders do not keep it.
        return orders_of_message(zam.acknowledged_id, channel=Channel.MSSANTE_PATIENT)
    return orders_of_message(zam.acknowledged_id, channel=Channel.MSSANTE_PRO, address=zam.address)


def _apply_dmp(order: Order, zam: Zam) -> None:
    if zam.success or zam.fault is None:
        services.order_received_dmp(order=order, at=zam.event_at)
        return
    code, text = zam.fault.application_code, zam.fault.application_label
    if _is_of_a_former_try(order, zam):
        services.order_note(order=order, kind="late_refused_dmp", detail=f"{code} {text}")
    elif code == OPPOSITION:
        services.order_opposed(order=order)
    else:
        services.order_fail(order=order, code=code, text=text, kind="refused_dmp")


def _apply_mail(order: Order, zam: Zam) -> None:
    is_reading = zam.kind == ZamKind.MSS_READING
    if zam.success or zam.fault is None:
        arrived = services.order_read if is_reading else services.order_delivered
        arrived(order=order, at=zam.event_at)
        return
    code, text = zam.fault.application_code, zam.fault.application_label
    if is_reading:
        services.order_not_treated(order=order, at=zam.event_at, code=code, text=text)
    elif _is_of_a_former_try(order, zam):
        services.order_note(order=order, kind="late_bounced", detail=f"{code} {text}")
    elif code == OPPOSITION:
        services.order_opposed(order=order)
    else:
        code = TOO_BIG if code == SMTP_TOO_BIG else code
        services.order_fail(order=order, code=code, text=text, kind="bounced")


def _is_of_a_former_try(order: Order, zam: Zam) -> bool:
    return order.message is None or order.message.control_id != zam.acknowledged_id
