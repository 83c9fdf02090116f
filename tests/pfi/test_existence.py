"""Nothing is fed to a DMP that does not exist or is closed, and TD0.2 is asked once for a patient (dmp 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from audit.context import system_actor
from audit.models import Trace
from exchange.leases import LEASE
from exchange.models import Message
from interop.hl7v2 import Action
from interop.hl7v2.tokens import parse_message
from interop.hl7v2.zam import parse_zam
from national.dmp.memory import DmpMemory
from national.dmp.ports import Authorisation, DmpState, Existence
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from national.retries import RETRIES
from pfi import services, worker
from pfi.enums import JobState
from pfi.existence import existences_forget
from pfi.models import Job, KnownDmp
from pfi.worker import jobs_drain
from tests.interop.hl7v2 import samples

WORKER = "pfi-1"
MATRICULE = samples.INS.matricule
ACTOR = system_actor("tests")
DAY = timedelta(hours=24)

Take = Callable[..., Job]


@pytest.fixture
def dmp(dmp: DmpMemory) -> DmpMemory:
    """The DMP, about which the PFI knows nothing yet."""
    KnownDmp.objects.all().delete()
    return dmp


@pytest.fixture
def other(take: Take) -> Callable[[int], Job]:
    """Have the PFI take another document of the same patient in charge."""

    def taken(number: int) -> Job:
        carried = samples.carried(id=samples.document_id(number), content=samples.cda(number))
        return take(documents=(carried,))

    return taken


def says(dmp: DmpMemory, state: DmpState) -> None:
    dmp.existences[MATRICULE] = Existence(state, Authorisation.NONE)


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def drain(at: timedelta | None = None) -> None:
    """Work on what is due, now or later."""
    with time_machine.travel(timezone.now() + (at or timedelta()), tick=False):
        jobs_drain(worker=WORKER)


def last_answer():
    sent = Message.objects.filter(direction="out", type__startswith="ZAM").latest("id")
    return parse_zam(parse_message(bytes(sent.raw)))


# --- none, closed ------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-16")
@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (DmpState.NONE, "NF", "Pas de DMP ouvert\u202f: ce patient n’a pas de DMP."),
        (DmpState.CLOSED, "DMPClosed", "Pas de DMP ouvert\u202f: le DMP de ce patient est fermé."),
    ],
)
def test_without_an_open_dmp_nothing_leaves_and_the_creator_is_told(dmp, take, state, code, words):
    job = take()
    says(dmp, state)
    drain()
    assert dmp.calls == ["TD0.2"]
    assert (now(job).state, now(job).error_code) == (JobState.FAILED, code)
    zam = last_answer()
    assert (zam.kind, zam.success, zam.fault.application_code) == ("Z01", False, code)
    assert zam.fault.application_label == words
    drain(DAY * 3)
    assert dmp.calls == ["TD0.2"], "final: no retry"


@pytest.mark.parametrize(("code", "state"), [("DMPClosed", "closed"), ("urn:x:XDSUnknownPatientId", "none")])
def test_a_refusal_of_td02_that_says_so_is_an_answer_too(dmp, take, code, state):
    job = take()
    dmp.failures.append(Rejected(code, kind=RejectionKind.PATIENT))
    drain()
    assert (now(job).state, dmp.calls, KnownDmp.objects.get().state) == (JobState.FAILED, ["TD0.2"], state)


def test_a_replacement_waits_for_the_answer_too_and_a_deletion_asks_nothing(dmp, take):
    says(dmp, DmpState.CLOSED)
    replacing = take(Action.REPLACE)
    drain()
    assert (dmp.calls, now(replacing).state) == (["TD0.2"], JobState.FAILED)
    deleting = take(Action.DELETE)
    drain()
    assert (dmp.calls[1:], now(deleting).state) == (["TD3.1b"], JobState.DONE)


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_a_patient_who_opposed_is_not_even_asked_about(dmp, take, opposed):
    job = take()
    opposed.add(job.visit_number)
    drain()
    assert (dmp.calls, now(job).state) == ([], JobState.CANCELLED)


@pytest.mark.requirement("SC.DMP/CONF.14")
def test_the_question_is_traced_with_its_patient_and_transaction(dmp, take):
    job = take()
    drain()
    trace = Trace.objects.get(type="dmp.existence")
    assert (trace.patient_ins, trace.object_uid, trace.outcome) == (MATRICULE, job.uid, "success")
    assert (trace.detail["mode"], trace.detail["transaction"]) == ("INDIRECTE", "TD0.2")


# --- asked once --------------------------------------------------------------------------------
def test_one_question_serves_every_document_of_the_patient_for_a_day(dmp, take, other):
    take()
    other(5)
    drain()
    assert dmp.calls == ["TD0.2", "TD2.1", "TD2.1"]
    other(6)
    drain(DAY - timedelta(minutes=5))
    assert dmp.calls[3:] == ["TD2.1"]
    other(7)
    drain(DAY + timedelta(minutes=5))
    assert dmp.calls[4:] == ["TD0.2", "TD2.1"]


def test_the_hospital_may_have_it_asked_each_time(dmp, take, other, settings: LazySettings):
    settings.DMP_FEEDING_EXISTENCE_HOURS = 0
    take()
    other(5)
    drain()
    assert dmp.calls == ["TD0.2", "TD2.1"] * 2


def test_no_dmp_serves_the_other_documents_too_but_not_another_try(dmp, take, other):
    """The patient opens a DMP in the meantime: who tries again must reach it."""
    says(dmp, DmpState.NONE)
    first, second = take(), other(5)
    drain()
    assert (dmp.calls, now(first).state, now(second).state) == (["TD0.2"], "failed", "failed")

    says(dmp, DmpState.OPEN)
    again = take()  # the creator orders the same document again
    drain()
    assert (dmp.calls[1:], now(again).state) == (["TD0.2", "TD2.1"], JobState.DONE)


def test_a_job_replayed_by_hand_asks_again_and_two_of_one_patient_ask_once(dmp, take, other):
    says(dmp, DmpState.NONE)
    first, second = take(), other(5)
    drain()
    services.job_replay(job=now(first), actor=ACTOR)
    services.job_replay(job=now(second), actor=ACTOR)
    drain(timedelta(seconds=1))
    assert dmp.calls[1:] == ["TD3.1b", "TD0.2", "TD3.1b"]
    assert (now(first).state, now(second).state) == ("failed", "failed")


def test_a_dmp_closed_since_is_learned_from_the_refusal_of_the_submission(dmp, take, other):
    take()
    drain()
    dmp.failures.append(Rejected("DMPClosed", kind=RejectionKind.PATIENT, message="fermé"))
    refused, after = other(5), other(6)
    drain()
    assert (now(refused).state, now(after).state) == ("failed", "failed")
    assert dmp.calls == ["TD0.2", "TD2.1", "TD2.1"], "the next document of the patient does not leave"


def test_what_serves_no_more_is_dropped(dmp, take):
    take()
    drain()
    assert existences_forget(now=timezone.now()) == 0
    assert existences_forget(now=timezone.now() + DAY + timedelta(minutes=1)) == 1
    assert not KnownDmp.objects.exists()


# --- not answered ------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-19")
def test_a_question_without_answer_is_asked_later_and_nothing_is_fed_blindly(dmp, take):
    job = take()
    dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="503"))
    drain()
    assert (now(job).state, now(job).is_uncertain, dmp.calls) == ("retrying", False, ["TD0.2"])
    assert not KnownDmp.objects.exists()
    drain(RETRIES[0] + timedelta(seconds=1))
    assert (now(job).state, dmp.calls[1:]) == ("done", ["TD0.2", "TD2.1"])


def test_what_was_known_of_an_open_dmp_outlives_an_outage_of_td02(dmp, take, other):
    take()
    drain()
    dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="503"))
    job = other(5)
    drain()
    assert now(job).state == "retrying", "TD2.1 was tried, and is tried again"
    drain(RETRIES[0] + timedelta(seconds=1))
    assert (now(job).state, dmp.calls) == ("done", ["TD0.2", "TD2.1", "TD2.1", "TD2.1"])


def test_a_certificate_refused_by_td02_pauses_the_channel(dmp, take, caplog):
    job = take()
    dmp.failures.append(Rejected("DMPInvalidCertificate", kind=RejectionKind.CONFIGURATION))
    drain()
    assert (now(job).state, caplog.messages) == ("retrying", ["pfi.channel.configuration"])


class _Killed(BaseException):
    """What a SIGKILL leaves behind: no handler runs."""


@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19")
def test_a_worker_killed_between_question_and_submission_keeps_the_answer(dmp, take, monkeypatch):
    job = take()

    def killed(*_args: object, **_named: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(worker, "submission_of", killed)
        with pytest.raises(_Killed):
            drain()
    assert (now(job).state, dmp.calls) == (JobState.RUNNING, ["TD0.2"])
    drain(LEASE + timedelta(seconds=1))
    assert (now(job).state, dmp.calls[1:]) == (JobState.DONE, ["TD3.1b", "TD2.1"])


@pytest.mark.requirement("F-PFI-19")
def test_a_document_that_the_dmp_holds_is_not_lost_to_a_dmp_closed_since(dmp, take):
    """The uncertain path comes first: what was sent is asked about, whatever became of the DMP."""
    job = take()
    dmp.failures_after.append(Uncertain("L’issue est inconnue.", code="CUT"))
    drain()
    assert now(job).is_uncertain
    says(dmp, DmpState.CLOSED)
    drain(DAY + timedelta(minutes=1))
    assert dmp.calls == ["TD0.2", "TD2.1", "TD3.1b"]
    assert now(job).state == JobState.DONE
