"""The PFI against the sandbox's DMP, over real TLS: what goes wrong on the wire, and what is never twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.context import system_actor
from audit.models import Trace
from consent.enums import ChoiceValue
from establishment.models import ServiceEndpoint
from exchange.alarms import service_alarms
from interop.ins.codes import INS_NIR_TEST_OID
from national.models import Call
from national.trials import trial_run
from patients.enums import IdentifierKind
from patients.models import Identifier
from pfi.enums import JobState
from pfi.models import Job
from pfi.worker import jobs_drain
from sending.enums import OrderReason, OrderState
from sending.models import Order
from sending.services import order_retry
from sending.worker import orders_drain
from tests.hospital import MATRICULE

WORKER = "test"


def order_of(version):
    return Order.objects.get(version=version)


def hand_over(version):
    """The order reached the PFI; nothing was submitted yet."""
    orders_drain(worker=WORKER)
    assert order_of(version).state == OrderState.HANDED_OVER
    return Job.objects.get(document_unique_id=version.unique_id)


def work_again():
    """The time of every waiting job has come."""
    Job.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    jobs_drain(worker=WORKER)


def fault(hospital, effect, version, **match):
    hospital.sandbox.dmp.faults.add(effect, operation="TD2.1", unique_id=version.unique_id, **match)


def calls():
    """What was asked about the document itself: TD0.2 comes before, once for the patient."""
    return list(
        Call.objects.exclude(transaction="TD0.2").order_by("id").values_list("transaction", "outcome")
    )


@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19", "DPI.CDA/HL7.04")
@pytest.mark.parametrize("effect", ["accepted_then_drop", "reset"])
def test_a_line_cut_leaves_the_outcome_unknown_the_dmp_is_asked_and_has_the_document_once(hospital, effect):
    version = hospital.write_letter()
    job = hand_over(version)
    fault(hospital, effect, version)
    jobs_drain(worker=WORKER)
    job.refresh_from_db()
    assert (job.state, job.is_uncertain) == (JobState.RETRYING, True)
    assert order_of(version).state == OrderState.HANDED_OVER

    work_again()
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version)["version_number"] == 1
    asked = [transaction for transaction, _ in calls()]
    expected = ["TD2.1", "TD3.1b"] if effect == "accepted_then_drop" else ["TD2.1", "TD3.1b", "TD2.1"]
    assert asked == expected


@pytest.mark.requirement("F-PFI-19")
def test_an_answer_that_makes_no_sense_is_verified_before_anything_is_sent_again(hospital):
    version = hospital.write_letter()
    job = hand_over(version)
    fault(hospital, "malformed", version)
    jobs_drain(worker=WORKER)
    work_again()
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert hospital.dmp_document(version) is not None
    assert [transaction for transaction, _ in calls()][:2] == ["TD2.1", "TD3.1b"]


@pytest.mark.requirement("F-PFI-19")
@pytest.mark.parametrize("effect", ["plain_answer", "answer_twice"])
def test_an_answer_out_of_form_or_given_twice_is_understood(hospital, effect):
    version = hospital.write_letter()
    hand_over(version)
    fault(hospital, effect, version)
    jobs_drain(worker=WORKER)
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version) is not None
    assert calls() == [("TD2.1", "success")]


@pytest.mark.requirement("F-PFI-19")
@pytest.mark.parametrize("effect", ["http:503", "registry:XDSRepositoryBusy"])
def test_a_dmp_that_is_busy_is_tried_later(hospital, effect):
    version = hospital.write_letter()
    job = hand_over(version)
    fault(hospital, effect, version)
    jobs_drain(worker=WORKER)
    job.refresh_from_db()
    assert job.state == JobState.RETRYING
    assert job.not_before > timezone.now()
    work_again()
    assert order_of(version).state == OrderState.RECEIVED_DMP


@pytest.mark.requirement("F-PFI-16", "DPI.CDA/HL7.04")
def test_a_refusal_of_the_dmp_reaches_the_order_with_its_code_and_is_relaunched_by_hand(hospital):
    version = hospital.write_letter()
    hand_over(version)
    fault(hospital, "registry:XDSRegistryMetadataError", version)
    jobs_drain(worker=WORKER)
    failed = order_of(version)
    assert (failed.state, failed.error_code) == (OrderState.FAILED, "XDSRegistryMetadataError")
    assert failed.error_text

    order_retry(order=failed, actor=hospital.actor)
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version) is not None


@pytest.mark.requirement("F-PFI-16")
def test_a_patient_without_dmp_is_told_so(hospital):
    version = hospital.write_letter()
    hand_over(version)
    fault(hospital, "registry:XDSUnknownPatientId", version)
    jobs_drain(worker=WORKER)
    assert order_of(version).error_code == "XDSUnknownPatientId"
    assert "DMP" in order_of(version).error_text


def test_a_cachet_that_the_dmp_refuses_pauses_the_channel(hospital):
    certificates = hospital.sandbox.addresses.certificates
    ServiceEndpoint.objects.update(
        signing_certificate_path=certificates.client_cert, signing_key_path=certificates.client_key
    )
    version = hospital.write_letter()
    job = hand_over(version)
    jobs_drain(worker=WORKER)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.events.last().kind) == ("retrying", 1, "configuration")

    ServiceEndpoint.objects.update(
        signing_certificate_path=certificates.seal_cert, signing_key_path=certificates.seal_key
    )
    work_again()
    assert order_of(version).state == OrderState.RECEIVED_DMP


@pytest.mark.requirement("F-PFI-02", "F-PFI-17")
def test_a_replacement_whose_parent_was_refused_is_a_new_document_of_the_dmp(hospital):
    first = hospital.write_letter()
    hand_over(first)
    fault(hospital, "registry:XDSRegistryMetadataError", first)
    jobs_drain(worker=WORKER)
    second = hospital.revise(first)
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert (order_of(first).state, order_of(second).state) == ("superseded", "received_dmp")
    assert hospital.dmp_document(first) is None
    assert hospital.dmp_document(second)["status"].endswith("Approved")


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_opposition_stops_a_document_at_the_pfi_and_its_withdrawal_sends_it(hospital):
    version = hospital.write_letter()
    job = hand_over(version)
    hospital.choose(ChoiceValue.OPPOSED)
    job.refresh_from_db()
    blocked = order_of(version)
    assert (job.state, job.error_code) == (JobState.CANCELLED, "OPPOSITION")
    assert (blocked.state, blocked.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)
    jobs_drain(worker=WORKER)
    assert (calls(), hospital.dmp_document(version)) == ([], None)

    hospital.choose(ChoiceValue.NOT_OPPOSED)
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version) is not None


@pytest.mark.requirement("F-PFI-05")
def test_a_letter_hidden_from_the_patient_is_hidden_at_the_dmp(hospital):
    version = hospital.write_letter(is_invisible_patient=True)
    hand_over(version)
    jobs_drain(worker=WORKER)
    found = hospital.dmp_document(version)
    assert set(found["confidentiality"]) == {"N", "INVISIBLE_PATIENT"}
    assert found["visible_to_patient"] is False


@pytest.mark.requirement("SC.DMP/CONF.14")
def test_each_submission_is_traced_with_its_patient_and_document(hospital):
    version = hospital.write_letter()
    job = hand_over(version)
    jobs_drain(worker=WORKER)
    trace = Trace.objects.get(type="dmp.submit")
    assert (trace.patient_uid, trace.object_uid, trace.outcome) == (
        hospital.patient.uid,
        job.uid,
        "success",
    )
    assert trace.detail == {
        "document": version.unique_id,
        "lot": job.submission_set_id,
        "ins": MATRICULE,
        "ins_oid": INS_NIR_TEST_OID,
        "requester": "899700900014",
        "structure": "1990000101",
        "code": "",
    }
    assert set(Call.objects.values_list("transaction", "patient_uid")) == {
        ("TD0.2", hospital.patient.uid),
        ("TD2.1", hospital.patient.uid),
    }


# --- an open DMP, or nothing leaves (dmp 8) --------------------------------------------------------
def asked(hospital, since):
    """Operations that the DMP saw after a number of requests, with the mode of their token."""
    return [(row["operation"], row["mode"]) for row in hospital.sandbox.dmp.journal()[since:]]


@pytest.mark.requirement("F-PFI-16")
@pytest.mark.parametrize(
    ("effect", "code", "words"),
    [("no_dmp", "NF", "ce patient n’a pas de DMP"), ("dmp_closed", "DMPClosed", "est fermé")],
)
def test_without_an_open_dmp_no_document_leaves_and_the_order_says_so(hospital, effect, code, words):
    hospital.sandbox.dmp.faults.add(effect, operation="TD0.2")
    since = len(hospital.sandbox.dmp.journal())
    first, second = hospital.write_letter(), hospital.write_letter()
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert asked(hospital, since) == [("TD0.2", "INDIRECTE")]
    for version in (first, second):
        failed = order_of(version)
        assert (failed.state, failed.error_code) == (OrderState.FAILED, code)
        assert failed.error_text.startswith("Pas de DMP ouvert") and words in failed.error_text
        assert failed.relaunch_at - failed.changed_at >= timedelta(days=7) - timedelta(minutes=1)

    hospital.sandbox.dmp.faults.clear()  # the patient opened a DMP, and a person tries again
    order_retry(order=order_of(first), actor=hospital.actor)
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert order_of(first).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(first) is not None
    assert hospital.dmp_requests(second) == []


@pytest.mark.requirement("F-PFI-19")
@pytest.mark.parametrize("effect", ["http:503", "reset", "malformed", "fault:XDSRegistryBusy"])
def test_a_question_that_the_dmp_does_not_answer_feeds_nothing_and_fails_nothing(hospital, effect):
    version = hospital.write_letter()
    job = hand_over(version)
    hospital.sandbox.dmp.faults.add(effect, operation="TD0.2", times=1)
    since = len(hospital.sandbox.dmp.journal())
    jobs_drain(worker=WORKER)
    job.refresh_from_db()
    assert (job.state, job.is_uncertain) == (JobState.RETRYING, False)
    assert [operation for operation, _ in asked(hospital, since)] == ["TD0.2"]
    work_again()
    assert order_of(version).state == OrderState.RECEIVED_DMP


def test_two_documents_of_one_patient_ask_once(hospital):
    since = len(hospital.sandbox.dmp.journal())
    hospital.write_letter(), hospital.write_letter()
    orders_drain(worker=WORKER)
    jobs_drain(worker=WORKER)
    assert [operation for operation, _ in asked(hospital, since)] == ["TD0.2", "TD2.1", "TD2.1"]


def test_a_patient_that_the_dmp_does_not_know_fails_before_anything_is_submitted(hospital):
    """INS of the base of tests that the sandbox has never heard of."""
    Identifier.objects.filter(kind=IdentifierKind.INS).update(value="255069923160048")
    since = len(hospital.sandbox.dmp.journal())
    version = hospital.write_letter()
    hand_over(version)
    jobs_drain(worker=WORKER)
    assert order_of(version).error_code == "NF"
    assert [operation for operation, _ in asked(hospital, since)] == ["TD0.2"]


# --- a clock that is wrong (dmp 9, rule 5) ------------------------------------------------------
@pytest.fixture
def ahead(hospital):
    """The DMP is some seconds ahead of us, whose tokens are still young enough for it."""
    dmp = hospital.sandbox.dmp
    dmp.clock_offset = timedelta(seconds=12)
    yield dmp
    dmp.clock_offset = timedelta()


@pytest.mark.requirement("F-PFI-19")
def test_a_clock_that_is_wrong_signs_no_document_and_loses_none(hospital, ahead):
    version = hospital.write_letter()
    job = hand_over(version)
    since = len(ahead.journal())
    jobs_drain(worker=WORKER)
    job.refresh_from_db()
    assert (job.state, job.is_uncertain, job.error_code) == (JobState.RETRYING, False, "CLOCK_DRIFT")
    assert "L’horloge de ce serveur retarde" in job.error_text
    assert [operation for operation, _ in asked(hospital, since)] == ["TD0.2"], "which told the hour"
    work_again()
    job.refresh_from_db()
    assert (job.state, len(ahead.journal())) == (JobState.RETRYING, since + 1)
    assert "CLOCK_DRIFT" in [alarm.code for alarm in service_alarms(timezone.now())]

    ahead.clock_offset = timedelta()
    trial_run("dmp", system_actor("tests"))
    work_again()
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert "CLOCK_DRIFT" not in [alarm.code for alarm in service_alarms(timezone.now())]
