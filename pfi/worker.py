"""The PFI at work: claimed jobs, one call to the DMP each, and never a blind repeat.

Source: spec dmp 3.3, 8, 9. Before a submission that may already have happened (uncertain outcome,
worker killed, duplicate refused), the DMP is asked by TD3.1b whether it holds the document.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from exchange.models import Message
from exchange.services import message_hand_over
from interop.hl7v2.mdm import MdmDocument
from interop.vihf.claims import PatientClaim
from interop.xds import codes as xds_codes
from interop.xds.from_cda import patient_id_of
from national.dmp.ports import AccessContext, DmpGateway
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain
from pfi.enums import JobAction, JobChannel, JobState
from pfi.gateway import dmp_gateway
from pfi.models import Job
from pfi.orders import order_of_bytes
from pfi.services import (
    job_fail,
    job_postpone,
    job_retry_later,
    job_start,
    job_succeed,
)
from pfi.submission import access_context, lot_of, submission_of

BATCH = 10
LINEAGE_WAIT = timedelta(seconds=5)
UNFINISHED = (JobState.PENDING, JobState.RUNNING, JobState.RETRYING)


def jobs_drain(*, worker: str, limit: int = BATCH) -> int:
    """Work on the DMP jobs that are due; returns how many were taken, 0 when nothing waits."""
    waiting = Job.objects.filter(channel=JobChannel.DMP, state__in=UNFINISHED)
    claimed = waiting.claim(worker=worker, limit=limit)
    for job in claimed:
        zam = job_run(job=job, worker=worker)
        if zam is not None:
            message_hand_over(message_id=zam.pk, worker=worker)
    return len(claimed)


def job_run(*, job: Job, worker: str) -> Message | None:
    """One attempt of one claimed job; the ZAM to hand over when it ended."""
    if _waits_for_an_older_one(job):
        job_postpone(job=job, until=timezone.now() + LINEAGE_WAIT)
        return None
    started = job_start(job=job, worker=worker)
    if started is None:
        return None
    try:
        kind = _carry(started)
    except Rejected as error:
        if error.kind == RejectionKind.CONFIGURATION:
            return job_retry_later(job=started, worker=worker, code=error.code, text=error.message)
        return job_fail(job=started, worker=worker, code=error.code, text=error.message)
    except Uncertain as error:
        return job_retry_later(
            job=started, worker=worker, code=error.code, text=error.message, is_uncertain=True
        )
    except NationalServiceError as error:
        return job_retry_later(job=started, worker=worker, code=error.code, text=error.message)
    return job_succeed(job=started, worker=worker, kind=kind)


def _carry(job: Job) -> str:
    """Do what the job asks at the DMP; returns the kind of event to note."""
    order = order_of_bytes(bytes(job.message.raw))
    gateway = dmp_gateway()
    context = access_context(job, order)
    patient = _patient(order)
    if job.action == JobAction.DELETE:
        return _delete(job, order, gateway, context, patient)
    if job.is_uncertain and gateway.references(context, patient, job.document_unique_id):
        return "found_at_dmp"
    replaces = ""
    if job.action == JobAction.REPLACE:
        # Empty when the DMP never had the parent: then a new entry, without association (dmp 3.3).
        replaces = next(iter(gateway.references(context, patient, job.replaced_unique_id)), "")
    try:
        gateway.submit(context, submission_of(job, order, replaces=replaces))
    except Rejected as error:
        is_known = error.kind == RejectionKind.DUPLICATE
        if is_known and gateway.references(context, patient, job.document_unique_id):
            return "found_at_dmp"
        raise
    return "submitted"


def _delete(
    job: Job, order: MdmDocument, gateway: DmpGateway, context: AccessContext, patient: PatientClaim
) -> str:
    """TD3.3c on the entry of the document; a document that the DMP no longer has is deleted."""
    found = gateway.documents(context, patient, [job.document_unique_id]).entries
    entry = next((entry for entry in found if entry.status != xds_codes.STATUS_DELETED), None)
    if entry is None:
        return "found_deleted"
    gateway.set_status(
        context,
        lot_of(job, order),
        entry_uuid=entry.entry_id,
        original_status=entry.status,
        new_status=xds_codes.STATUS_DELETED,
    )
    return "deleted"


def _patient(order: MdmDocument) -> PatientClaim:
    cda = order.document.cda
    if cda is None:
        raise Rejected("CDA_UNREADABLE", kind=RejectionKind.DATA)
    identifier = patient_id_of(cda.patient)
    return PatientClaim(identifier.value, identifier.authority)


def _waits_for_an_older_one(job: Job) -> bool:
    """Version n+1 waits until version n is final (dmp 8)."""
    return (
        Job.objects.filter(lineage=job.lineage, channel=job.channel, state__in=UNFINISHED)
        .filter(Q(pk__lt=job.pk))
        .exists()
    )
