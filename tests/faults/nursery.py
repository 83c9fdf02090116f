"""Starting workers of `tests.faults.workers`, and killing them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from django.conf import settings
from django.utils import timezone

from exchange.enums import MessageState
from exchange.models import Message
from exchange.services import messages_apply_waiting, messages_hand_over_due
from mssante.enums import MailState
from mssante.models import IncomingMail, OutgoingMail
from pfi.mail_worker import mails_drain
from pfi.models import Job
from pfi.worker import UNFINISHED, jobs_drain
from sending.models import Order
from sending.worker import orders_drain
from tests.exchange.processes import environment, wait_until
from tests.shared import CHECKOUT


def product_environment() -> dict[str, str]:
    """The environment of a program on the database, the broker and the documents of this test."""
    return environment(
        DPI_DOCUMENT_STORE=str(settings.DOCUMENT_STORE),
        DPI_AUDIT_KEY="only-in-tests",
        INS_ALLOWED_OIDS=",".join(settings.INS_ALLOWED_OIDS),
        SENDING_DELAY_MINUTES="0",
        MSS_PATIENT_DOMAIN=settings.MSS_PATIENT_DOMAIN,
    )


@dataclass(frozen=True)
class Nursery:
    """Forks workers on demand."""

    commands: IO[str]
    answers: IO[str]

    def start(self, name: str) -> int:
        """Start a worker; its process id."""
        self.commands.write(f"{name}\n")
        self.commands.flush()
        return int(self.answers.readline())


@contextmanager
def nursery(*kind: str) -> Iterator[Nursery]:
    """Workers of every kind of sending; `reading` reads the mailboxes alone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.workers", *kind],
        cwd=CHECKOUT,
        env=product_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield Nursery(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def kill(pid: int) -> None:
    """SIGKILL, and wait until the process is no more."""
    os.kill(pid, signal.SIGKILL)

    def is_gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(is_gone, seconds=10, what="the worker is gone")


def leases_end(worker: str) -> None:
    """What the clock does after a few minutes: the leases of a dead worker end."""
    past = timezone.now() - timedelta(seconds=1)
    for model in (Order, Job, Message, OutgoingMail, IncomingMail):
        model.objects.filter(claimed_by=worker).update(claimed_until=past)


def everything_is_due() -> None:
    """What the clock does after some hours: every delay is over."""
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(state__in=UNFINISHED).update(not_before=past)
    Message.objects.filter(state=MessageState.DEFERRED).update(not_before=past)
    OutgoingMail.objects.filter(state=MailState.TO_SEND).update(not_before=past)
    IncomingMail.objects.filter(not_before__isnull=False).update(not_before=past)
    Order.objects.filter(state="scheduled").update(not_before=past)


def carry_everything(worker: str = "last") -> None:
    """What the periodic tasks do, until nothing waits any more."""
    for _ in range(200):
        everything_is_due()
        done = orders_drain(worker=worker) + jobs_drain(worker=worker) + mails_drain(worker=worker)
        done += messages_hand_over_due(worker=worker) + messages_apply_waiting(worker=worker)
        if not done:
            return
    raise AssertionError("something never ends")
