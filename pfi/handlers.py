"""Orders received by the PFI: stored by `exchange`, checked here, then taken in charge (AA).

Source: spec hl7v2 2.9 step 9: the job is committed with the acknowledgement, the work comes later.
"""

from __future__ import annotations

from django.db import transaction

from exchange.registry import Outcome, Reception
from interop.cda.parse import parse_cda
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm import MdmDocument
from pfi.enums import JobChannel
from pfi.identifiers import lineage_of
from pfi.mails import MAILED, mails_create
from pfi.orders import ACTIONS, channels_of, order_read
from pfi.pdf_copy import NO_COPY, can_be_copied
from pfi.recipients import recipients_of, sender_for
from pfi.services import job_create
from pfi.stays import known_of
from pfi.tasks import drain, drain_mails


def order_receive(reception: Reception) -> Outcome:
    """Check an MDM or ORU order, create one job for each channel and one mail for each recipient.

    Hl7Error refuses it whole.
    """
    order = order_read(reception.parsed, reception.partner.profile)
    channels: list[JobChannel] = channels_of(order)
    known = known_of(order)
    if JobChannel.DMP in channels and order.action != codes.Action.DELETE and known.is_opposed:
        raise Hl7Error(codes.ERROR_APPLICATION, "", "Patient opposé à l’alimentation du DMP")
    lineage = lineage_of(order)
    recipients = {channel: recipients_of(order, channel) for channel in channels if channel in MAILED}
    sender = sender_for(order) if recipients else None
    for channel in channels:
        job = job_create(
            message=reception.message,
            order=order,
            channel=channel,
            action=ACTIONS[order.action],
            lineage=lineage,
        )
        if sender is not None and channel in recipients:
            mails_create(job=job, order=order, sender=sender, recipients=recipients[channel])
    if JobChannel.DMP in channels:
        transaction.on_commit(lambda: drain.apply_async(retry=False), robust=True)
    if recipients:
        transaction.on_commit(lambda: drain_mails.apply_async(retry=False), robust=True)
    warnings = (*order.warnings, *(_without_copy(order) if recipients else ()))
    return Outcome(warnings=warnings, patient_uid=known.patient_uid)


def _without_copy(order: MdmDocument) -> list[str]:
    """What the creator is told when a mail will leave without the PDF of its document (mssante 1.5)."""
    read = [(carried.cda or parse_cda(carried.content), carried.content) for carried in order.documents]
    return [NO_COPY for cda, content in read if not can_be_copied(cda, content)][:1]
