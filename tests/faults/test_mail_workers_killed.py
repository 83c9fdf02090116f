"""Workers killed by SIGKILL while they mail: no mail is lost, none is twice in a mailbox.

What is proven: with an operator that reports deliveries (RFC 3461, as Référentiel #2 asks), a mail whose
outcome is unknown never leaves again before its notice was awaited, so that a recipient finds it once. An
operator that reports nothing may deliver the same mail twice, under one Message-ID: see
`tests/scenarios/test_letter_reaches_the_mailboxes.py`.
"""

import os
import random
import threading
from collections import Counter
from functools import partial

import pytest
from django.utils import timezone

from documents.models import Version
from interop.mail.opening import open_mail
from mssante.enums import MailState
from mssante.models import MailEvent, OutgoingMail
from pfi.enums import JobState
from pfi.mail_reading import mailboxes_read
from pfi.models import Job
from sandbox.mail.boxes import PATIENT_DOMAIN
from sending.enums import Channel, OrderState
from sending.models import Order
from tests.exchange.processes import wait_until
from tests.faults.nursery import carry_everything, kill, leases_end, nursery
from tests.hospital import MATRICULE
from tests.letters import letters_to_send

KILLS = 100 if os.environ.get("DPI_LONG") else 20
LETTERS = KILLS
DOCTOR = "bernard.petit@medecin.mssante.test"
PATIENT = f"{MATRICULE}@{PATIENT_DOMAIN}"


def mails_of(letters):
    """Two mails for each letter, to the doctor and to the patient, in one order message."""
    for order in letters:
        Order.objects.filter(pk=order.pk).update(
            channel=Channel.MSSANTE_PRO, recipient_address=DOCTOR, recipient_label="Dr PETIT Bernard"
        )
    Order.objects.bulk_create(
        Order(
            version_id=order.version_id,
            channel=Channel.MSSANTE_PATIENT,
            action=order.action,
            state=OrderState.SCHEDULED,
            lineage=order.lineage,
            idempotency_key=f"patient|{order.pk}",
            recipient_label="Patiente",
            not_before=order.not_before,
        )
        for order in letters
    )


def is_mailing(worker, since):
    """Whether a worker is in the middle of a mail of its own, or nothing is left to send.

    A mail that the last victim left is claimed with its attempt: that one does not count.
    """
    under_way = OutgoingMail.objects.filter(claimed_by=worker, attempt_at__gte=since)
    return under_way.exists() or not (
        OutgoingMail.objects.filter(state=MailState.TO_SEND).exists()
        or Order.objects.filter(state=OrderState.SCHEDULED).exists()
    )


def notices_are_read():
    """What the reading of the mailbox does within its quarter of an hour."""
    while mailboxes_read(worker="reader"):
        pass


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19")
def test_workers_killed_at_random_instants_lose_no_mail_and_send_none_twice(mail_hospital):
    instants = random.Random(21)  # noqa: S311 - instants of a test
    pause = threading.Event()
    mails_of(letters_to_send(mail_hospital, LETTERS))
    with nursery() as workers:
        for number in range(KILLS):
            name, since = f"killed-{number}", timezone.now()
            pid = workers.start(name)
            if number % 2:
                pause.wait(instants.uniform(0.05, 0.4))
            else:
                wait_until(partial(is_mailing, name, since), what=f"{name} mails")
                pause.wait(instants.uniform(0, 0.04))
            kill(pid)
            leases_end(name)
    for _ in range(5):
        notices_are_read()  # before any doubt is over
        carry_everything()
    notices_are_read()
    carry_everything()

    assert set(Order.objects.values_list("state", flat=True)) == {OrderState.DELIVERED}
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}
    versions = set(Version.objects.values_list("unique_id", flat=True))
    assert len(versions) == LETTERS
    for address in (DOCTOR, PATIENT):
        found = [open_mail(raw).message_id for raw in mail_hospital.inbox(address)]
        sent = OutgoingMail.objects.filter(recipient=address).values_list("message_id", flat=True)
        assert Counter(found) == Counter(sent), "each mail once, and none other"
        assert len(found) == LETTERS

    # The kills hit mails that were leaving: their outcome was unknown, and awaited.
    assert MailEvent.objects.filter(kind__in=["left_behind", "uncertain"]).exists()
