"""Every write on jobs: created at reception, moved by the worker, answered by a ZAM.

Source: spec dmp 8, hl7v2 2.8; states of the README vocabulary.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from audit.context import Actor, system_actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from establishment.identifiers import Branch, oid_allocate
from exchange.enums import DocumentProfile
from exchange.identifiers import new_control_id
from exchange.leases import LEASE
from exchange.models import Message, Partner
from exchange.services import message_queue
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority
from interop.hl7v2.header import Endpoint
from interop.hl7v2.mdm import MdmDocument
from interop.hl7v2.zam import Zam, build_zam, zam_fault, zam_header
from national.retries import RETRIES
from pfi.creators import objection_to_replay
from pfi.enums import REPLAYED_EVENT, JobAction, JobChannel, JobState
from pfi.errors import JobNotReplayable
from pfi.identifiers import UNIQUE_ID_LENGTH, document_key
from pfi.models import Job, JobEvent
from pfi.rules import replay_refusal
from pfi.selectors import has_later_job

logger = logging.getLogger(__name__)

OID_SEQUENCE = "pfi_submission_set_oid"
WORKER_ACTOR = system_actor("pfi.worker")

# An uncertain outcome is asked about soon, once: the document may well be there.
UNCERTAIN_DELAY = timedelta(seconds=10)
# Certificates or identification of the structure refused: nothing leaves until somebody repairs that.
CONFIGURATION_DELAY = timedelta(minutes=5)
OPPOSITION = "OPPOSITION"
UNAVAILABLE, UNCERTAIN = "unavailable", "uncertain"
OPPOSITION_TEXT = "Patient opposé à l’alimentation du DMP"
WAITING = (JobState.PENDING, JobState.RETRYING)


def job_create(
    *, message: Message, order: MdmDocument, channel: JobChannel, action: JobAction, lineage: str
) -> Job:
    """One job of an accepted order, with the identifiers that will leave (dmp 8: fixed at enqueue).

    Raises Hl7Error: an identifier of the document cannot leave.
    """
    document = order.document
    visit, ins, requester = order.visit, order.patient.ins, order.requester
    job = Job.objects.create(
        message=message,
        channel=channel,
        action=action,
        lineage=lineage,
        document_unique_id=document_key(document.id),
        replaced_unique_id=document_key(document.replaced_id) if document.replaced_id else "",
        submission_set_id=oid_allocate(Branch.SUBMISSION_SET, sequence=OID_SEQUENCE),
        patient_ins=ins.matricule if ins else "",
        patient_ins_oid=ins.oid if ins else "",
        requester=requester.national_person_id if requester else "",
        structure=requester.national_structure_id if requester else "",
        visit_number=visit.number.value if visit and visit.number else "",
        profile=message.partner.profile,
        wants_reception_ack=order.flags.ack_reception,
    )
    JobEvent.objects.create(job=job, kind="created", to_state=job.state)
    return job


@transaction.atomic
def job_start(*, job: Job, worker: str, lease: timedelta = LEASE) -> Job | None:
    """Take a claimed job in work; None when the lease was lost or the job is no longer waiting.

    The lease starts again: it must outlast the calls to the service. A job found `running` was left
    by a worker that died: its outcome is unknown.
    """
    locked = Job.objects.select_for_update(of=("self",)).get(pk=job.pk)
    if locked.claimed_by != worker or locked.state not in (*WAITING, JobState.RUNNING):
        return None
    if locked.state == JobState.RUNNING:
        locked.is_uncertain = True
    locked.claimed_until = timezone.now() + lease
    _move(locked, to=JobState.RUNNING, kind="started", keep_lease=True)
    return locked


@transaction.atomic
def job_postpone(*, job: Job, until: datetime) -> None:
    """Give a claimed job back untouched: an older one of the same document must end first."""
    Job.objects.filter(pk=job.pk, claimed_by=job.claimed_by).update(
        claimed_by="", claimed_until=None, not_before=until, attempts=max(job.attempts - 1, 0)
    )


@transaction.atomic
def job_succeed(*, job: Job, worker: str, kind: str) -> Message | None:
    """The service has it: final state and business acknowledgement together; the ZAM to hand over."""
    locked = _owned(job, worker)
    if locked is None:
        return None
    locked.error_code = locked.error_text = ""
    locked.is_uncertain = False
    locked.done_at = timezone.now()
    _move(locked, to=JobState.DONE, kind=kind)
    _trace(locked, Outcome.SUCCESS)
    return _acknowledge(locked)


@transaction.atomic
def job_retry_later(
    *, job: Job, worker: str, code: str, text: str, is_uncertain: bool = False
) -> Message | None:
    """No answer or a passing trouble: wait by the schedule, and fail after its end.

    Returns the ZAM of the failure when the schedule ended.
    """
    locked = _owned(job, worker)
    if locked is None:
        return None
    locked.error_code, locked.error_text = code[:120], text[:500]
    is_first_doubt = is_uncertain and not locked.is_uncertain
    locked.is_uncertain = locked.is_uncertain or is_uncertain
    # Tries that ended since a person tried again: a killed worker is no reason to give up sooner.
    again = locked.events.filter(kind=REPLAYED_EVENT).aggregate(last=Coalesce(Max("id"), 0))["last"]
    ended = locked.events.filter(kind__in=[UNAVAILABLE, UNCERTAIN], id__gt=again).count()
    if ended >= len(RETRIES):
        return _fail(locked, kind="retries_ended")
    locked.not_before = timezone.now() + (UNCERTAIN_DELAY if is_first_doubt else RETRIES[ended])
    _move(locked, to=JobState.RETRYING, kind=UNCERTAIN if is_uncertain else UNAVAILABLE, code=code)
    return None


@transaction.atomic
def job_pause(*, job: Job, worker: str, code: str, text: str) -> None:
    """The installation itself is refused: every job of the channel waits, and none ends.

    The refused job waits longer, by the schedule: after the pause another one tries first, so that
    an order that alone is refused cannot hold back the others.
    Source: spec dmp 3.7, class CONFIG. The log line is the alert of the administrator.
    """
    locked = _owned(job, worker)
    if locked is None:
        return
    until = timezone.now() + CONFIGURATION_DELAY
    locked.error_code, locked.error_text = code[:120], text[:500]
    locked.not_before = until + RETRIES[min(max(locked.attempts, 1), len(RETRIES)) - 1]
    _move(locked, to=JobState.RETRYING, kind="configuration", code=code)
    others = Job.objects.filter(channel=job.channel, state__in=WAITING).exclude(pk=locked.pk)
    others.update(not_before=Greatest(Coalesce("not_before", until), until))
    logger.error("pfi.channel.configuration", extra={"channel": job.channel, "code": code})


@transaction.atomic
def job_fail(*, job: Job, worker: str, code: str, text: str) -> Message | None:
    """The service refused: final, shown to the sender by a ZAM."""
    locked = _owned(job, worker)
    if locked is None:
        return None
    locked.error_code, locked.error_text = code[:120], text[:500]
    return _fail(locked, kind="rejected")


@transaction.atomic
def job_replay(*, job: Job, actor: Actor) -> Job:
    """Try a failed job again, by hand: same identifiers, rules asked anew when it runs (F-PFI-19).

    The service is asked first whether it holds the document: what failed may have had its effect.

    Raises:
        JobNotReplayable: the rules refuse, or who gave the order wants it no more.
    """
    locked = Job.objects.select_for_update(of=("self",)).select_related("message").get(pk=job.pk)
    refusal = replay_refusal(
        state=locked.state, channel=locked.channel, has_later_job=has_later_job(locked)
    ) or objection_to_replay(locked)
    if refusal:
        raise JobNotReplayable(refusal)
    locked.attempts = 0
    locked.not_before = locked.done_at = None
    locked.is_uncertain = True
    locked.error_code = locked.error_text = ""
    _move(locked, to=JobState.PENDING, kind=REPLAYED_EVENT)
    trace_write(
        type="pfi.job.replay",
        action=Action.EXECUTE,
        actor=actor,
        patient_uid=locked.message.patient_uid,
        object_type="job",
        object_uid=locked.uid,
        detail={"document": locked.document_unique_id, "channel": locked.channel},
    )
    return locked


@transaction.atomic
def jobs_oppose(*, visit_number: str) -> list[Message]:
    """The patient opposed alimentation for a visit: DMP jobs not started end (README decision 7).

    Deletions go on. Returns the ZAM to hand over, code OPPOSITION.
    """
    if not visit_number:
        return []
    waiting = (
        Job.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(visit_number=visit_number, channel=JobChannel.DMP, state__in=WAITING, is_uncertain=False)
        .exclude(action=JobAction.DELETE)
        .order_by("id")
    )
    answers = [_oppose(job) for job in waiting]
    return [message for message in answers if message is not None]


@transaction.atomic
def job_oppose(*, job: Job, worker: str) -> Message | None:
    """The opposition was found when the job was about to leave: it ends like one that waited."""
    locked = _owned(job, worker)
    return _oppose(locked) if locked is not None else None


def _oppose(job: Job) -> Message | None:
    job.error_code, job.error_text = OPPOSITION, OPPOSITION_TEXT
    return _fail(job, kind="opposition", to=JobState.CANCELLED)


def _owned(job: Job, worker: str) -> Job | None:
    """The job if this worker still holds it: a lost lease must write nothing."""
    locked = Job.objects.select_for_update(of=("self",)).get(pk=job.pk)
    return locked if locked.claimed_by == worker and locked.state == JobState.RUNNING else None


def _fail(job: Job, *, kind: str, to: JobState = JobState.FAILED) -> Message | None:
    job.done_at = timezone.now()
    _move(job, to=to, kind=kind, code=job.error_code)
    _trace(job, Outcome.FAILURE)
    return _acknowledge(job)


def _move(job: Job, *, to: JobState, kind: str, code: str = "", keep_lease: bool = False) -> None:
    from_state = job.state
    job.state = to
    if not keep_lease:
        job.claimed_by, job.claimed_until = "", None
    job.save()
    JobEvent.objects.create(
        job=job, kind=kind, from_state=from_state, to_state=to, code=code, detail=job.error_text
    )


def _acknowledge(job: Job) -> Message | None:
    """Queue ZAM^Z01 for the creator of the order, in the transaction that ends the job."""
    if not job.wants_reception_ack or job.channel != JobChannel.DMP:
        return None
    is_success = job.state == JobState.DONE
    now = timezone.now()
    zam = Zam(
        header=zam_header(
            sender=_endpoint(settings.HL7_PFI_APPLICATION),
            receiver=Endpoint(
                Authority(job.message.sending_application), Authority(job.message.sending_facility)
            ),
            control_id=new_control_id(),
            sent_at=now,
            kind=codes.ZamKind.DMP_RECEPTION,
            processing_id=settings.HL7_PROCESSING_ID,
            profile_version=zam_version(job.message.partner),
        ),
        kind=codes.ZamKind.DMP_RECEPTION,
        event_at=now,
        acknowledged_id=job.message.control_id,
        success=is_success,
        fault=None if is_success else zam_fault(codes.ZamKind.DMP_RECEPTION, job.error_code, job.error_text),
    )
    return message_queue(
        partner=job.message.partner,
        raw=build_zam(zam),
        lineage=f"zam:{job.lineage}"[:UNIQUE_ID_LENGTH],
        patient_uid=job.message.patient_uid,
    )


def zam_version(partner: Partner) -> str:
    """MSH-21.1 of what is sent to a partner: 2.0 to one of wave 1, whose own examples say so."""
    profile = DocumentProfile(partner.profile)
    return profile.value if profile == DocumentProfile.V20 else codes.PROFILE_DOCUMENT_VERSION


def _endpoint(application: str) -> Endpoint:
    return Endpoint(Authority(application), Authority(settings.HL7_FACILITY))


def _trace(job: Job, outcome: Outcome) -> None:
    """One row for each end of a job: who asked, for whom, what, with which outcome (spec dmp 7)."""
    trace_write(
        type="dmp.submit" if job.action != JobAction.DELETE else "dmp.delete",
        action=Action.EXECUTE,
        actor=WORKER_ACTOR,
        outcome=outcome,
        patient_uid=job.message.patient_uid,
        object_type="job",
        object_uid=job.uid,
        detail={
            "document": job.document_unique_id,
            "lot": job.submission_set_id,
            "ins": job.patient_ins,
            "ins_oid": job.patient_ins_oid,
            "requester": job.requester,
            "structure": job.structure,
            "code": job.error_code,
        },
    )
