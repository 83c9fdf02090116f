"""The PFI at work: claimed jobs, one call to the DMP each, and never a blind repeat.

Source: spec dmp 3.3, 8, 9. Before a submission that may already have happened (uncertain outcome,
worker killed, duplicate refused), the DMP is asked by TD3.1b whether it holds the document. Nothing is fed
before TD0.2 said that the patient has an open DMP.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from exchange.leases import LEASE
from exchange.models import Message
from exchange.services import message_hand_over
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm import MdmDocument
from interop.vihf.claims import PatientClaim
from interop.xds import codes as xds_codes
from interop.xds.from_cda import patient_id_of
from interop.xds.metadata import SubmissionSet
from national.dmp.opening import dmp_gateway
from national.dmp.ports import AccessContext, DmpFeeding
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain
from pfi.enums import JobAction, JobChannel, JobState
from pfi.existence import refusal_noted, require_open_dmp
from pfi.identifiers import document_key
from pfi.models import Job
from pfi.orders import order_of
from pfi.services import (
    job_fail,
    job_oppose,
    job_pause,
    job_postpone,
    job_retry_later,
    job_start,
    job_succeed,
)
from pfi.stays import known_of
from pfi.submission import access_context, lot_of, submission_of

logger = logging.getLogger(__name__)

BATCH = 10
LINEAGE_WAIT = timedelta(seconds=5)
UNFINISHED = (JobState.PENDING, JobState.RUNNING, JobState.RETRYING)
DEFECT = "DEFECT"
# A job taken so often without an end kills its worker: a person must look.
MAX_ATTEMPTS = 40
WORKER_LOST = "WORKER_LOST"


class _Opposed(Exception):
    """The patient opposed since the order was accepted: nothing is submitted."""


def jobs_drain(*, worker: str, limit: int = BATCH, lease: timedelta = LEASE) -> int:
    """Work on the DMP jobs that are due, one at a time; returns how many were taken, 0 when none waits.

    A worker holds one job only: if it dies, the others do not wait for its lease.
    """
    waiting = Job.objects.filter(channel=JobChannel.DMP, state__in=UNFINISHED)
    taken = 0
    while taken < limit:
        claimed = waiting.claim(worker=worker, limit=1, lease=lease)
        if not claimed:
            break
        zam = job_run(job=claimed[0], worker=worker, lease=lease)
        if zam is not None:
            message_hand_over(message_id=zam.pk, worker=worker)
        taken += 1
    return taken


def job_run(*, job: Job, worker: str, lease: timedelta = LEASE) -> Message | None:
    """One attempt of one claimed job; the ZAM to hand over when it ended."""
    if _waits_for_an_older_one(job):
        job_postpone(job=job, until=timezone.now() + LINEAGE_WAIT)
        return None
    started = job_start(job=job, worker=worker, lease=lease)
    if started is None:
        return None
    if started.attempts > MAX_ATTEMPTS:
        return job_fail(job=started, worker=worker, code=WORKER_LOST, text="Travail interrompu trop souvent.")
    try:
        kind = _carry(started)
    except _Opposed:
        return job_oppose(job=started, worker=worker)
    except (NationalServiceError, Hl7Error) as error:
        return _failed(started, worker, error)
    except Exception:  # a defect of ours: what was done is unknown, and the other jobs go on
        logger.exception("pfi.job.defect", extra={"job": str(started.uid)})
        return job_retry_later(
            job=started, worker=worker, code=DEFECT, text="Défaut du logiciel.", is_uncertain=True
        )
    return job_succeed(job=started, worker=worker, kind=kind)


def _failed(job: Job, worker: str, error: NationalServiceError | Hl7Error) -> Message | None:
    """What a call that did not succeed makes of the job (house-style, section 6)."""
    if isinstance(error, Hl7Error):  # accepted once, refused by today's settings
        return job_fail(job=job, worker=worker, code=error.code, text=error.text)
    told = {"code": error.code, "text": error.message}
    if isinstance(error, Rejected):
        if error.kind != RejectionKind.CONFIGURATION:
            return job_fail(job=job, worker=worker, **told)
        job_pause(job=job, worker=worker, **told)
        return None
    return job_retry_later(job=job, worker=worker, **told, is_uncertain=isinstance(error, Uncertain))


def _carry(job: Job) -> str:
    """Do what the job asks at the DMP; returns the kind of event to note."""
    order = order_of(job)
    gateway = dmp_gateway()
    context = access_context(job, order)
    patient = _patient(order)
    if job.action == JobAction.DELETE:
        return _delete(job, order, gateway, context, patient)
    unique_id = document_key(order.document.id)
    if job.is_uncertain and gateway.references(context, patient, unique_id):
        return "found_at_dmp"
    if known_of(order).is_opposed:
        raise _Opposed
    require_open_dmp(job, gateway, context, patient)
    replaced = _entries_replaced(order, gateway, context, patient)
    try:
        gateway.submit(context, submission_of(job, order, replaced=replaced))
    except Rejected as error:
        # Same id and same content; another content under the id is a conflict, for a person.
        is_known = error.code.rpartition(":")[2] == xds_codes.ERROR_DUPLICATE_UNIQUE_ID
        if is_known and gateway.references(context, patient, unique_id):
            return "found_at_dmp"
        refusal_noted(patient, error)
        raise
    return "submitted"


def _entries_replaced(
    order: MdmDocument, gateway: DmpFeeding, context: AccessContext, patient: PatientClaim
) -> dict[str, str]:
    """entryUUID of each replaced document that the DMP has, by unique id.

    One that it never had is absent: the new version is then a new entry, without association
    (spec dmp 3.3, decision 5).
    """
    found: dict[str, str] = {}
    for document in order.documents:
        if document.replaced_id is not None:
            unique_id = document_key(document.replaced_id)
            for entry in gateway.references(context, patient, unique_id)[:1]:
                found[unique_id] = entry
    return found


def _delete(
    job: Job, order: MdmDocument, gateway: DmpFeeding, context: AccessContext, patient: PatientClaim
) -> str:
    """TD3.1b then TD3.3c for each document (SC.DMP/CONF.03); what the DMP no longer has is deleted."""
    entries = [
        entry
        for document in order.documents
        for entry in gateway.references(context, patient, document_key(document.id))
    ]
    lot = lot_of(job, order)
    for number, entry in enumerate(entries, start=1):
        # A lot each: the first has the id of the job, the signature of a lot takes `.1`.
        numbered = lot if number == 1 else replace(lot, unique_id=f"{lot.unique_id}.{number}")
        try:
            _delete_entry(gateway, context, numbered, entry, xds_codes.STATUS_APPROVED)
        except Rejected as error:
            if error.kind != RejectionKind.DATA:
                raise
            # References do not tell the status, and a patient may have archived the document.
            _delete_entry(gateway, context, numbered, entry, xds_codes.STATUS_ARCHIVED)
    return "deleted" if entries else "found_deleted"


def _delete_entry(
    gateway: DmpFeeding, context: AccessContext, lot: SubmissionSet, entry: str, status: str
) -> None:
    gateway.set_status(
        context, lot, entry_uuid=entry, original_status=status, new_status=xds_codes.STATUS_DELETED
    )


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
        .filter(pk__lt=job.pk)
        .exists()
    )
