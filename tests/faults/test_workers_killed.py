"""Workers killed by SIGKILL while they send: nothing is lost, nothing is twice in the DMP."""

import os
import random
import threading
from functools import partial

import httpx
import pytest

from documents.models import Version
from exchange.models import Message
from pfi.enums import JobState
from pfi.models import Job, JobEvent
from sending.enums import OrderState
from sending.models import Order, OrderEvent
from tests.exchange.processes import wait_until
from tests.faults.nursery import carry_everything, kill, leases_end, nursery
from tests.letters import letters_to_send

KILLS = 100 if os.environ.get("DPI_LONG") else 20
LETTERS = 2 * KILLS


def requests_by_document(hospital):
    """Operations that the DMP saw for each document, oldest first."""
    journal = httpx.get(f"{hospital.sandbox.addresses.admin_url}dmp/journal", trust_env=False).json()
    seen = {}
    for request in journal:
        for unique_id in request["unique_ids"]:
            seen.setdefault(unique_id, []).append(request["operation"])
    return seen


def is_submitting(worker):
    """Whether a worker is in the middle of a job, or nothing is left to submit."""
    running = Job.objects.filter(claimed_by=worker, state=JobState.RUNNING)
    return running.exists() or Order.objects.filter(state=OrderState.RECEIVED_DMP).count() == LETTERS


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19", "SC.ALI/PROG.05")
def test_workers_killed_at_random_instants_lose_nothing_and_send_nothing_twice(hospital):
    instants = random.Random(20)  # noqa: S311 - instants of a test
    pause = threading.Event()
    letters_to_send(hospital, LETTERS)
    with nursery() as workers:
        for number in range(KILLS):
            name = f"killed-{number}"
            pid = workers.start(name)
            if number % 2:
                pause.wait(instants.uniform(0.05, 0.4))
            else:
                wait_until(partial(is_submitting, name), what=f"{name} submits")
                pause.wait(instants.uniform(0, 0.04))
            kill(pid)
            leases_end(name)
    carry_everything()

    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.RECEIVED_DMP}
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}
    unique_ids = sorted(Version.objects.values_list("unique_id", flat=True))
    assert len(unique_ids) == LETTERS
    in_the_dmp = [row["unique_id"] for row in hospital.dmp_documents()]
    assert sorted(found for found in in_the_dmp if found in set(unique_ids)) == unique_ids
    assert Job.objects.count() == Message.objects.filter(type__startswith="MDM", direction="out").count()
    assert OrderEvent.objects.filter(kind="received_dmp").count() == LETTERS

    # The kills hit work under way, and what may have happened was asked before anything was repeated.
    started = JobEvent.objects.filter(kind="started").count()
    assert started > LETTERS
    seen = requests_by_document(hospital)
    for unique_id in unique_ids:
        operations = seen[unique_id]
        assert ("TD2.1", "TD2.1") not in list(zip(operations, operations[1:], strict=False)), operations
