"""The PFI at work on its jobs, each failure with its consequence (spec dmp 3.3, 3.7, 8, 9)."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from establishment.enums import NationalService
from establishment.models import Site
from exchange.models import Message
from interop.hl7v2 import Action, build_oru
from interop.hl7v2.tokens import parse_message
from interop.hl7v2.zam import parse_zam
from interop.vihf.claims import AuthenticationMode
from interop.xds import codes
from national.dmp.memory import DmpMemory
from national.dmp.opening import dmp_gateway
from national.errors import Rejected, RejectionKind, Unavailable, Uncertain
from national.retries import RETRIES
from pfi import services, worker
from pfi.enums import JobState
from pfi.models import Job
from pfi.services import CONFIGURATION_DELAY, UNCERTAIN_DELAY
from pfi.worker import job_run, jobs_drain
from tests.factories import EndpointFactory
from tests.interop.hl7v2 import samples
from tests.pfi.orders import TO_DMP, order

WORKER = "pfi-1"
UNIQUE_ID = f"{samples.ROOT}1"


def now(job):
    return Job.objects.get(pk=job.pk)


def kinds(job):
    return [event.kind for event in job.events.all()]


def answers():
    """What the PFI told the creators, in order."""
    sent = Message.objects.filter(direction="out", type__startswith="ZAM").order_by("id")
    return [parse_zam(parse_message(bytes(message.raw))) for message in sent]


def statuses(dmp):
    return {entry.unique_id: entry.status.rpartition(":")[2] for entry in dmp.entries.values()}


def until_due(job):
    """Travel to the moment when a job is due again."""
    return time_machine.travel(now(job).not_before + timedelta(seconds=1), tick=False)


# --- whose name the document is fed under -------------------------------------------------------
@pytest.mark.requirement("F-PFI-04", "SC.DMP/CONF.12")
def test_the_identity_of_a_feed_is_that_of_the_message_and_of_the_site(dmp, take, monkeypatch):
    """Structure and professional by PRT SB, sector by the site; an automate: the CDA has another author."""
    seen = []
    submit = DmpMemory.submit
    monkeypatch.setattr(
        DmpMemory, "submit", lambda self, context, lot: seen.append(context) or submit(self, context, lot)
    )
    Site.objects.update(sector="SA05")
    job = take()
    jobs_drain(worker=WORKER)
    (context,) = seen
    assert (context.mode, context.sector) == (AuthenticationMode.INDIRECT, "SA05")
    assert (context.structure, context.name_id) == ("1990000101", "899700900014")
    assert context.subject == "Alice HODA"
    assert [role.code for role in context.roles] == ["AUTOMATE"]
    assert context.patient_uid == job.message.patient_uid


# --- done --------------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-02", "F-PFI-16")
def test_a_submitted_document_ends_the_job_and_tells_its_creator(dmp, take):
    job = take()
    assert jobs_drain(worker=WORKER) == 1
    assert (now(job).state, now(job).claimed_by, now(job).done_at is not None) == ("done", "", True)
    assert kinds(job) == ["created", "started", "submitted"]
    assert dmp.calls == ["TD2.1"]
    (lot,) = dmp.sets.values()
    assert lot.unique_id == job.submission_set_id
    (zam,) = answers()
    assert (zam.kind, zam.success, zam.acknowledged_id) == ("Z01", True, job.message.control_id)
    assert jobs_drain(worker=WORKER) == 0


@pytest.mark.requirement("F-PFI-05")
def test_the_flags_of_the_order_are_the_confidentiality_of_the_entry(dmp, take):
    flags = replace(TO_DMP, invisible_patient=True, invisible_rep_legaux=True)
    take(flags=flags)
    jobs_drain(worker=WORKER)
    (entry,) = dmp.entries.values()
    assert entry.visibility == {"INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"}


@pytest.mark.requirement("F-PFI-16")
def test_no_acknowledgement_is_sent_to_who_asked_for_none(dmp, take):
    take(flags=replace(TO_DMP, ack_reception=False))
    jobs_drain(worker=WORKER)
    assert answers() == []


@pytest.mark.requirement("F-PFI-12")
def test_two_renderings_of_an_oru_leave_in_one_lot(dmp, take, ward, monkeypatch):
    second = samples.carried(id=samples.document_id(5), content=samples.cda(5))
    made = samples.oru_order(
        participants=(samples.REQUESTER,), flags=TO_DMP, documents=(samples.carried(), second)
    )
    monkeypatch.setattr("tests.pfi.conftest.raw_order", lambda action: build_oru(made))
    take()
    jobs_drain(worker=WORKER)
    assert set(statuses(dmp)) == {UNIQUE_ID, f"{samples.ROOT}5"}
    assert len(dmp.sets) == 1


# --- replaced, deleted -------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-02", "F-PFI-17")
def test_a_replacement_takes_over_the_entry_of_its_parent(dmp, take):
    take()
    take(Action.REPLACE)
    jobs_drain(worker=WORKER)
    assert statuses(dmp) == {UNIQUE_ID: "Deprecated", f"{samples.ROOT}2": "Approved"}


@pytest.mark.requirement("F-PFI-02", "F-PFI-17")
def test_a_replacement_whose_parent_the_dmp_never_had_is_a_new_entry(dmp, take):
    job = take(Action.REPLACE)
    jobs_drain(worker=WORKER)
    assert now(job).state == JobState.DONE
    assert statuses(dmp) == {f"{samples.ROOT}2": "Approved"}
    assert all(link.kind != codes.ASSOCIATION_REPLACE for link in dmp.links)


@pytest.mark.requirement("SC.DMP/CONF.03", "F-PFI-02", "F-PFI-17")
def test_of_two_documents_of_one_root_only_the_one_meant_is_replaced_or_deleted(dmp, take):
    take(**samples.by_extension("A1"))
    take(**samples.by_extension("A2"))
    take(Action.REPLACE, **samples.by_extension("A3", parent="A1"))
    while jobs_drain(worker=WORKER):
        pass
    key = samples.SAME_ROOT
    expected = {f"{key}^A1": "Deprecated", f"{key}^A2": "Approved", f"{key}^A3": "Approved"}
    assert statuses(dmp) == expected
    take(Action.DELETE, **samples.by_extension("A2"))
    jobs_drain(worker=WORKER)
    assert statuses(dmp) == expected | {f"{key}^A2": "Deleted"}


@pytest.mark.requirement("F-PFI-19")
def test_a_document_named_by_its_extension_is_found_again_after_a_doubt(dmp, take):
    take(**samples.by_extension("A1"))
    jobs_drain(worker=WORKER)
    again = take(**samples.by_extension("A2"))
    Job.objects.filter(pk=again.pk).update(is_uncertain=True)
    jobs_drain(worker=WORKER)
    assert kinds(again)[-1] == "submitted", "the other document of the root is not this one"
    assert dmp.calls == ["TD2.1", "TD3.1b", "TD2.1"]
    third = take(**samples.by_extension("A2"))
    Job.objects.filter(pk=third.pk).update(is_uncertain=True)
    jobs_drain(worker=WORKER)
    assert kinds(third)[-1] == "found_at_dmp"


@pytest.mark.requirement("SC.DMP/CONF.03", "F-PFI-02")
def test_a_deletion_asks_for_the_entry_then_deletes_it(dmp, take):
    take(Action.REPLACE)
    jobs_drain(worker=WORKER)
    job = take(Action.DELETE)
    jobs_drain(worker=WORKER)
    assert dmp.calls[-2:] == ["TD3.1b", "TD3.3c"]
    assert statuses(dmp) == {f"{samples.ROOT}2": "Deleted"}
    assert kinds(job)[-1] == "deleted"
    assert answers()[-1].success


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_a_document_that_the_patient_archived_is_deleted_too(dmp, take):
    take(Action.REPLACE)
    jobs_drain(worker=WORKER)
    dmp.entries = {uuid: replace(entry, status=codes.STATUS_ARCHIVED) for uuid, entry in dmp.entries.items()}
    take(Action.DELETE)
    jobs_drain(worker=WORKER)
    assert statuses(dmp) == {f"{samples.ROOT}2": "Deleted"}


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_what_the_dmp_no_longer_has_is_deleted(dmp, take):
    job = take(Action.DELETE)
    jobs_drain(worker=WORKER)
    assert (now(job).state, kinds(job)[-1]) == (JobState.DONE, "found_deleted")


@pytest.mark.requirement("SC.DMP/CONF.03", "SC.DMP/CONF.06.BIS")
def test_an_opposition_does_not_stop_a_deletion(dmp, take, opposed):
    job = take(Action.DELETE)
    opposed.add(job.visit_number)
    assert services.jobs_oppose(visit_number=job.visit_number) == []
    jobs_drain(worker=WORKER)
    assert now(job).state == JobState.DONE


# --- order of a lineage ------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-19")
def test_a_version_waits_until_the_one_before_is_final(dmp, take):
    lineage = "1.2.250.1.999.2"
    first, second = take(), take(Action.REPLACE)
    Job.objects.update(lineage=lineage)
    dmp.failures.append(Unavailable("en panne", code="503"))
    jobs_drain(worker=WORKER)
    assert (now(first).state, now(second).state) == (JobState.RETRYING, JobState.PENDING)
    assert (now(second).attempts, kinds(second)) == (0, ["created"])
    with until_due(first):
        jobs_drain(worker=WORKER)
        Job.objects.filter(pk=second.pk).update(not_before=None)
        jobs_drain(worker=WORKER)
    assert statuses(dmp) == {UNIQUE_ID: "Deprecated", f"{samples.ROOT}2": "Approved"}


def test_another_lineage_does_not_wait(dmp, take):
    first, second = take(), take(Action.REPLACE)
    Job.objects.filter(pk=second.pk).update(lineage="1.2.3")
    dmp.failures.append(Unavailable("en panne", code="503"))
    jobs_drain(worker=WORKER)
    assert (now(first).state, now(second).state) == (JobState.RETRYING, JobState.DONE)


# --- out of reach ------------------------------------------------------------------------------
@pytest.mark.requirement("F-PFI-19")
def test_a_dmp_out_of_reach_is_tried_by_the_schedule_then_given_up_with_words(dmp, take):
    job = take()
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for delay in RETRIES:
            dmp.failures.append(Unavailable("Le DMP est momentanément indisponible.", code="503"))
            jobs_drain(worker=WORKER)
            assert (now(job).state, now(job).not_before) == (
                JobState.RETRYING,
                timezone.now() + delay,
            )
            assert jobs_drain(worker=WORKER) == 0
            clock.shift(delay)
        dmp.failures.append(Unavailable("Le DMP est momentanément indisponible.", code="503"))
        jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).error_code) == (JobState.FAILED, "503")
    (zam,) = answers()
    assert (zam.success, zam.fault.application_code) == (False, "503")


@pytest.mark.requirement("F-PFI-16")
@pytest.mark.parametrize(
    "kind", [RejectionKind.PATIENT, RejectionKind.RIGHTS, RejectionKind.DATA, RejectionKind.UNKNOWN]
)
def test_a_refusal_is_final_and_told_with_its_code(dmp, take, kind):
    job = take()
    dmp.failures.append(Rejected("XDSUnknownPatientId", kind=kind, message="Ce patient n'a pas de DMP."))
    jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).error_code) == (JobState.FAILED, "XDSUnknownPatientId")
    (zam,) = answers()
    assert (zam.success, zam.fault.application_code) == (False, "XDSUnknownPatientId")
    assert zam.fault.application_label == "Ce patient n'a pas de DMP."


def test_a_refusal_of_the_installation_stops_the_queue_and_ends_no_job(dmp, take, caplog):
    first, second = take(), take(Action.REPLACE)
    Job.objects.filter(pk=second.pk).update(lineage="1.2.3")
    refused = Rejected("DMPInvalidCertificate", kind=RejectionKind.CONFIGURATION)
    dmp.failures.append(refused)
    assert jobs_drain(worker=WORKER) == 1
    assert (now(first).state, now(first).attempts) == (JobState.RETRYING, 1)
    assert now(second).not_before > timezone.now() + CONFIGURATION_DELAY - timedelta(seconds=30)
    assert dmp.calls == ["TD2.1"]
    assert [record.message for record in caplog.records] == ["pfi.channel.configuration"]
    with until_due(second):  # the refused one does not stand before the others after the pause
        jobs_drain(worker=WORKER)
    assert (now(first).state, now(second).state) == (JobState.RETRYING, JobState.DONE)
    with until_due(first):
        jobs_drain(worker=WORKER)
    assert {now(first).state, now(second).state} == {JobState.DONE}


def test_without_a_dmp_configured_the_jobs_wait(take, caplog):
    job = take()
    jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).error_code, now(job).attempts) == ("retrying", "NOT_CONFIGURED", 1)
    assert caplog.messages == ["pfi.channel.configuration"]


@pytest.mark.django_db
def test_a_certificate_that_cannot_be_read_is_a_fault_of_configuration(tmp_path):
    (tmp_path / "seal.pem").write_text("no certificate")
    path = str(tmp_path / "seal.pem")
    endpoint = EndpointFactory(
        service=NationalService.DMP, signing_certificate_path=path, signing_key_path=path
    )
    for broken in (path, str(tmp_path / "absent.pem")):
        endpoint.signing_certificate_path = broken
        endpoint.save()
        with pytest.raises(Rejected) as refused:
            dmp_gateway()
        assert refused.value.kind == RejectionKind.CONFIGURATION


# --- uncertain ---------------------------------------------------------------------------------
CUT = Uncertain("L’issue est inconnue.", code="CUT")


@pytest.mark.requirement("F-PFI-19")
def test_an_uncertain_submission_that_arrived_is_asked_about_and_not_repeated(dmp, take):
    job = take()
    dmp.failures_after.append(CUT)
    jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).is_uncertain, answers()) == (JobState.RETRYING, True, [])
    assert now(job).not_before < timezone.now() + UNCERTAIN_DELAY + timedelta(seconds=1)
    with until_due(job):
        jobs_drain(worker=WORKER)
    assert dmp.calls == ["TD2.1", "TD3.1b"]
    assert (now(job).state, now(job).is_uncertain) == (JobState.DONE, False)
    assert kinds(job) == ["created", "started", "uncertain", "started", "found_at_dmp"]
    assert answers()[0].success


@pytest.mark.requirement("F-PFI-19")
def test_an_uncertain_submission_that_never_arrived_is_made_with_the_same_identifiers(dmp, take):
    job = take()
    dmp.failures.append(CUT)
    jobs_drain(worker=WORKER)
    with until_due(job):
        jobs_drain(worker=WORKER)
    assert dmp.calls == ["TD2.1", "TD3.1b", "TD2.1"]
    assert [lot.unique_id for lot in dmp.sets.values()] == [job.submission_set_id]
    assert now(job).state == JobState.DONE


def test_a_doubt_that_lasts_follows_the_schedule(dmp, take):
    job = take()
    dmp.failures.append(CUT)
    jobs_drain(worker=WORKER)
    dmp.failures.append(CUT)
    with until_due(job):
        jobs_drain(worker=WORKER)
        assert now(job).not_before == timezone.now() + RETRIES[1]


@pytest.mark.requirement("F-PFI-19")
def test_a_job_left_by_a_worker_that_died_is_asked_about_first(dmp, take):
    job = take()
    (claimed,) = Job.objects.all().claim(worker="dead", limit=1)
    started = services.job_start(job=claimed, worker="dead")
    assert started.state == JobState.RUNNING
    assert jobs_drain(worker=WORKER) == 0
    Job.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    jobs_drain(worker=WORKER)
    assert dmp.calls == ["TD3.1b", "TD2.1"]
    assert now(job).state == JobState.DONE


@pytest.mark.requirement("F-PFI-19")
def test_a_duplicate_that_the_dmp_refuses_is_verified_and_counts_as_sent(dmp, take):
    take()
    jobs_drain(worker=WORKER)
    job = take(header=order().header)
    jobs_drain(worker=WORKER)
    assert dmp.calls[-2:] == ["TD2.1", "TD3.1b"]
    assert (now(job).state, kinds(job)[-1]) == (JobState.DONE, "found_at_dmp")
    assert len(dmp.entries) == 1


def test_another_content_under_the_same_identifier_is_a_conflict(dmp, take):
    take()
    jobs_drain(worker=WORKER)
    job = take(header=order().header)
    dmp.failures.append(Rejected("XDSNonIdenticalHash", kind=RejectionKind.DUPLICATE))
    jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).error_code) == (JobState.FAILED, "XDSNonIdenticalHash")


# --- defects, leases ---------------------------------------------------------------------------
def test_a_defect_keeps_its_job_for_later_and_the_others_leave(dmp, take, monkeypatch, caplog):
    first, second = take(), take(Action.REPLACE)
    Job.objects.filter(pk=second.pk).update(lineage="1.2.3")
    build = worker.submission_of

    def break_first(job, *args, **facts):
        if job.pk == first.pk:
            raise ZeroDivisionError
        return build(job, *args, **facts)

    monkeypatch.setattr(worker, "submission_of", break_first)
    assert jobs_drain(worker=WORKER) == 2
    assert (now(first).state, now(first).error_code, now(first).is_uncertain) == ("retrying", "DEFECT", True)
    assert now(second).state == JobState.DONE
    assert "pfi.job.defect" in caplog.messages


def test_an_order_that_todays_settings_refuse_fails_with_its_hl7_code(dmp, take, settings):
    job = take()
    settings.INS_ALLOWED_OIDS = []
    jobs_drain(worker=WORKER)
    assert now(job).state == JobState.FAILED
    assert answers()[0].success is False
    assert dmp.calls == []


@pytest.mark.requirement("F-PFI-19")
def test_a_worker_that_lost_its_lease_writes_nothing(dmp, take):
    job = take()
    (claimed,) = Job.objects.all().claim(worker="slow", limit=1)
    Job.objects.update(claimed_by="quick")
    assert job_run(job=claimed, worker="slow") is None
    assert (kinds(job), dmp.calls) == (["created"], [])


@pytest.mark.requirement("F-PFI-19")
def test_a_lease_lost_during_the_call_leaves_the_outcome_to_who_holds_the_job(dmp, take, monkeypatch):
    job = take()
    submit = DmpMemory.submit

    def submit_slowly(*args):
        Job.objects.update(claimed_by="quick")
        return submit(*args)

    monkeypatch.setattr(DmpMemory, "submit", submit_slowly)
    jobs_drain(worker="slow")
    assert (now(job).state, now(job).claimed_by, answers()) == (JobState.RUNNING, "quick", [])


def test_starting_a_job_renews_its_lease(dmp, take):
    take()
    (claimed,) = Job.objects.all().claim(worker=WORKER, limit=1, lease=timedelta(seconds=1))
    started = services.job_start(job=claimed, worker=WORKER, lease=timedelta(minutes=5))
    assert started.claimed_until > timezone.now() + timedelta(minutes=4)


def test_killed_workers_do_not_use_up_the_schedule(dmp, take):
    job = take()
    Job.objects.update(attempts=20)
    dmp.failures.append(Unavailable("en panne", code="503"))
    jobs_drain(worker=WORKER)
    assert now(job).state == JobState.RETRYING
    assert now(job).not_before < timezone.now() + RETRIES[0] + timedelta(seconds=1)


def test_a_job_that_kills_its_worker_again_and_again_fails(dmp, take):
    job = take()
    Job.objects.update(attempts=worker.MAX_ATTEMPTS)
    jobs_drain(worker=WORKER)
    assert (now(job).state, now(job).error_code, dmp.calls) == (JobState.FAILED, "WORKER_LOST", [])
    assert answers()[0].fault.application_code == "WORKER_LOST"


# --- opposition --------------------------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_opposition_ends_what_was_not_started_and_gives_it_back(dmp, take):
    job = take()
    (message,) = services.jobs_oppose(visit_number=job.visit_number)
    assert (now(job).state, now(job).error_code) == (JobState.CANCELLED, "OPPOSITION")
    (zam,) = answers()
    assert (zam.success, zam.fault.application_code) == (False, "OPPOSITION")
    assert message.control_id == zam.header.control_id
    assert jobs_drain(worker=WORKER) == 0
    assert dmp.calls == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": JobState.RUNNING},
        {"state": JobState.DONE},
        {"is_uncertain": True},
        {"visit_number": "autre"},
    ],
)
def test_an_opposition_leaves_what_is_under_way_or_of_another_stay(take, change):
    job = take()
    Job.objects.update(**change)
    assert services.jobs_oppose(visit_number=job.visit_number) == []
    assert services.jobs_oppose(visit_number="") == []


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_opposition_that_comes_while_a_job_waits_its_turn_is_seen_before_the_call(dmp, take, opposed):
    job = take()
    opposed.add(job.visit_number)
    jobs_drain(worker=WORKER)
    assert (now(job).state, dmp.calls) == (JobState.CANCELLED, [])
    assert answers()[0].fault.application_code == "OPPOSITION"


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-19")
@pytest.mark.parametrize("arrived", [True, False])
def test_an_uncertain_job_of_a_patient_who_opposed_is_asked_about_and_never_sent_again(
    dmp, take, opposed, arrived
):
    job = take()
    (dmp.failures_after if arrived else dmp.failures).append(CUT)
    jobs_drain(worker=WORKER)
    opposed.add(job.visit_number)
    with until_due(job):
        jobs_drain(worker=WORKER)
    assert dmp.calls == ["TD2.1", "TD3.1b"]
    assert now(job).state == (JobState.DONE if arrived else JobState.CANCELLED)
