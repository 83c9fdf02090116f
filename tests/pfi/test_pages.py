"""The work of the PFI as its administrator sees it, and what may be tried again (F-PFI-19, F-PFI-20)."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from audit.context import system_actor
from audit.models import Trace
from exchange.models import Message
from interop.hl7v2 import Action
from national.errors import Rejected, RejectionKind, Unavailable
from national.retries import RETRIES
from pfi import creators
from pfi.creators import objection_register
from pfi.enums import JobChannel, JobState
from pfi.errors import JobNotReplayable
from pfi.models import Job
from pfi.rules import replay_refusal
from pfi.selectors import channel_figures
from pfi.services import job_replay
from pfi.worker import jobs_drain
from sending.enums import Channel, OrderState
from sending.models import Order
from sending.selectors import objection_to_carry_again, objection_to_resend
from sending.worker import orders_drain
from tests.exchange.people import administrator, browser_of
from tests.hospital import Hospital

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = system_actor("tests")
JOBS = "/echanges/pfi/"
REFUSAL = Rejected("DMPClosed", "fermé", kind=RejectionKind.PATIENT, message="Le DMP est fermé.")


@pytest.fixture
def admin() -> Client:
    return browser_of(administrator())


def failed(dmp, take, *, refusal: Rejected = REFUSAL, **changes: object) -> Job:
    """A job that the DMP refused."""
    job = take(**changes)
    dmp.failures.append(refusal)
    jobs_drain(worker="tests")
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    return job


@pytest.mark.parametrize(
    ("state", "channel", "newer", "allowed"),
    [
        (JobState.FAILED, JobChannel.DMP, False, True),
        (JobState.FAILED, JobChannel.DMP, True, False),
        (JobState.FAILED, JobChannel.MSSANTE_PRO, False, False),
        (JobState.DONE, JobChannel.DMP, False, False),
        (JobState.CANCELLED, JobChannel.DMP, False, False),
        (JobState.RETRYING, JobChannel.DMP, False, False),
    ],
)
def test_only_a_failed_job_of_the_dmp_with_nothing_newer_is_tried_again(
    state: str, channel: str, newer: bool, allowed: bool
) -> None:
    assert (replay_refusal(state=state, channel=channel, has_later_job=newer) == "") is allowed


class TestReplay:
    @pytest.mark.requirement("F-PFI-19")
    def test_a_failed_job_leaves_again_with_the_same_identifiers(self, dmp, take) -> None:
        job = failed(dmp, take)
        lot = job.submission_set_id

        job_replay(job=job, actor=ACTOR)
        jobs_drain(worker="tests")

        job.refresh_from_db()
        assert (job.state, job.submission_set_id) == (JobState.DONE, lot)
        assert [entry.unique_id for entry in dmp.entries.values()] == [job.document_unique_id]
        assert dmp.calls[-3:] == ["TD3.1b", "TD0.2", "TD2.1"], "the DMP was asked first"
        assert Trace.objects.get(type="pfi.job.replay").object_uid == job.uid
        assert Message.objects.filter(type__startswith="ZAM", direction="out").count() == 2

    @pytest.mark.requirement("F-PFI-19")
    def test_what_the_dmp_has_already_is_not_submitted_twice(self, dmp, take) -> None:
        job = take()
        dmp.failures_after.append(REFUSAL)
        jobs_drain(worker="tests")
        job.refresh_from_db()
        assert job.state == JobState.FAILED

        job_replay(job=job, actor=ACTOR)
        jobs_drain(worker="tests")

        job.refresh_from_db()
        assert job.state == JobState.DONE
        assert len(dmp.entries) == 1

    def test_the_schedule_begins_again(self, dmp, take) -> None:
        job = failed(dmp, take)
        for _ in RETRIES:
            job.events.create(kind="unavailable", to_state=JobState.RETRYING)
        job_replay(job=job, actor=ACTOR)
        dmp.failures.append(Unavailable("Le DMP ne répond pas.", code="ConnectError"))

        jobs_drain(worker="tests")

        job.refresh_from_db()
        assert job.state == JobState.RETRYING

    def test_an_older_version_never_follows_a_newer_one(self, dmp, take) -> None:
        old = failed(dmp, take, refusal=Rejected("XDSRegistryMetadataError", kind=RejectionKind.DATA))
        take(Action.REPLACE)
        jobs_drain(worker="tests")

        with pytest.raises(JobNotReplayable, match="plus récent"):
            job_replay(job=old, actor=ACTOR)

    def test_who_gave_the_order_is_asked(self, dmp, take, monkeypatch) -> None:
        monkeypatch.setattr(creators, "_objections", [])
        objection_register(lambda job: "Annulé depuis.")
        job = failed(dmp, take)

        with pytest.raises(JobNotReplayable, match="Annulé depuis"):
            job_replay(job=job, actor=ACTOR)
        assert not Trace.objects.filter(type="pfi.job.replay").exists()

    def test_an_order_cancelled_in_the_record_is_not_carried_from_the_technical_page(
        self, hospital: Hospital
    ) -> None:
        version = hospital.write_letter()
        hospital.sandbox.dmp.faults.add("fault:DMPClosed", times=1, operation="TD2.1")
        orders_drain(worker="tests")
        jobs_drain(worker="tests")
        order = Order.objects.get(version=version)
        sent = Message.objects.get(control_id=order.message.control_id, direction="out")
        assert order.state == OrderState.FAILED
        assert objection_to_carry_again(sent.control_id, channel=Channel.DMP) == ""
        assert "liste des envois" in objection_to_resend(sent)

        Order.objects.update(state=OrderState.CANCELLED)

        with pytest.raises(JobNotReplayable, match="annulé"):
            job_replay(job=Job.objects.get(), actor=ACTOR)


class TestFigures:
    @pytest.mark.requirement("F-PFI-20")
    def test_each_channel_says_its_queue_its_rate_and_its_last_success(self, dmp, take, admin) -> None:
        now = timezone.now()
        assert channel_figures(now) == []
        take()
        jobs_drain(worker="tests")
        failed(dmp, take, **{})
        waiting = take()

        figures = channel_figures(timezone.now())[0]

        assert (figures.channel, figures.waiting, figures.done, figures.failed) == (JobChannel.DMP, 1, 1, 1)
        assert figures.waiting_since == waiting.created_at
        assert figures.error_rate == 50
        assert figures.last_success == Job.objects.get(state=JobState.DONE).done_at
        html = admin.get(JOBS).content.decode()
        assert re.search(r"<b>1</b> en file", html)
        assert "50,0\u202f%" in html

    @pytest.mark.requirement("F-PFI-20")
    def test_a_queue_that_waits_too_long_and_a_high_rate_are_alarms(self, dmp, take, admin) -> None:
        for _ in range(2):
            failed(dmp, take)
        assert "d’échecs en 24 heures" in admin.get(JOBS).content.decode()

        job = take()
        Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=3))
        assert "Un ordre attend depuis plus de 2 h." in admin.get(JOBS).content.decode()


class TestPage:
    def test_the_list_and_the_pane_hold_no_identity(self, dmp, take, admin: Client) -> None:
        job = failed(dmp, take)
        html = admin.get(f"{JOBS}?travail={job.uid}").content.decode()

        for words in ("DMPClosed", "Refusé par le service", "Échec définitif", job.document_unique_id):
            assert words in html
        assert job.patient_ins
        assert job.patient_ins not in html
        assert job.visit_number not in html

    @pytest.mark.parametrize(
        ("query", "kept"),
        [("texte=&etat=failed", 1), ("texte=&canal=mssante_pro", 0), ("texte=DMPC", 1), ("texte=", 2)],
    )
    def test_filters_narrow(self, query: str, kept: int, dmp, take, admin: Client) -> None:
        failed(dmp, take)
        take()
        assert admin.get(f"{JOBS}?{query}").content.decode().count('id="travail-') == kept

    @pytest.mark.requirement("F-PFI-19")
    def test_a_person_replays_from_the_page_and_is_told_when_it_cannot_be(self, dmp, take, admin) -> None:
        job = failed(dmp, take)
        assert "Rejouer" in admin.get(f"{JOBS}?travail={job.uid}").content.decode()

        first = admin.post(reverse("pfi:replay", args=[job.uid]), follow=True).content.decode()
        again = admin.post(reverse("pfi:replay", args=[job.uid]), follow=True).content.decode()

        assert "remis en file" in first
        assert "Seul un travail en échec définitif" in again
        assert admin.post(reverse("pfi:replay", args=[uuid.uuid4()])).status_code == 404

    def test_the_pane_alone_answers_the_script(self, dmp, take, admin: Client) -> None:
        job = failed(dmp, take)
        address = reverse("pfi:job", args=[job.uid])
        assert "<html" not in admin.get(address, headers={"hx-request": "true"}).content.decode()
        assert admin.get(address)["Location"] == f"{JOBS}?travail={job.uid}"
        assert admin.get(f"{JOBS}?travail={uuid.uuid4()}").status_code == 404

    def test_without_the_right_to_replay_nothing_is_offered(self, dmp, take, admin: Client) -> None:
        job = failed(dmp, take)
        Role.objects.filter(code="admin_technique").update(permissions=["pfi.jobs"])

        assert "Rejouer" not in admin.get(f"{JOBS}?travail={job.uid}").content.decode()
        assert admin.post(reverse("pfi:replay", args=[job.uid])).status_code == 403
