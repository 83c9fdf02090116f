"""Reading an order: from the stored message to what it asks of the PFI (spec hl7v2 2.7, 2.9)."""

from __future__ import annotations

from django.conf import settings

from establishment.enums import Switch
from establishment.selectors import switch_is_on
from interop.cda.value_sets import dmp_document_types, document_types
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm import MatrixMode, MdmDocument, MdmRules, Profile, parse_mdm
from interop.hl7v2.tokens import Message, parse_message
from pfi.enums import JobAction, JobChannel
from pfi.identifiers import document_key
from pfi.models import Job

ACTIONS = {
    codes.Action.INITIAL: JobAction.INITIAL,
    codes.Action.REPLACE: JobAction.REPLACE,
    codes.Action.DELETE: JobAction.DELETE,
}


def order_read(message: Message, profile: str) -> MdmDocument:
    """Check and read an order; Hl7Error with the code and place that the sender will see.

    `profile` is the version of the volet that the partner is set to (F-PFI-11).
    """
    rules = MdmRules(
        profile=Profile(profile),
        ins_oids=frozenset(settings.INS_ALLOWED_OIDS),
        type_codes=frozenset(document_types()),
        dmp_type_codes=frozenset(dmp_document_types()),
        matrix=MatrixMode(settings.MSS_MATRIX_MODE),
    )
    order = parse_mdm(message, rules)
    for number, document in enumerate(order.documents, start=1):
        document_key(document.id, place=f"OBX^{number}^5")
    return order


def order_of(job: Job) -> MdmDocument:
    """The order that a job carries, read under the profile it was accepted under.

    Raises:
        Hl7Error: accepted once, refused by today's settings.
    """
    message = job.message
    parsed = parse_message(bytes(message.raw), default_charset=message.partner.charset)
    return order_read(parsed, job.profile)


def channels_of(order: MdmDocument) -> list[JobChannel]:
    """The channels that the order asks for.

    A channel that is switched off here is refused (207), not forgotten: the sender must know.
    """
    wanted = {
        JobChannel.DMP: (order.flags.dest_dmp, Switch.PFI_DMP, codes.Meta.DESTDMP),
        JobChannel.MSSANTE_PRO: (
            order.flags.dest_mss_professional,
            Switch.PFI_MSS_OUT,
            codes.Meta.DESTMSSANTEPS,
        ),
        JobChannel.MSSANTE_PATIENT: (
            order.flags.dest_mss_patient,
            Switch.PFI_MSS_OUT,
            codes.Meta.DESTMSSANTEPAT,
        ),
    }
    channels = []
    for channel, (is_wanted, switch, meta) in wanted.items():
        if not is_wanted:
            continue
        if not switch_is_on(switch):
            raise Hl7Error(
                codes.ERROR_APPLICATION,
                "",
                f"{meta} : canal non activé sur cette plateforme d’intermédiation",
            )
        channels.append(channel)
    return channels
