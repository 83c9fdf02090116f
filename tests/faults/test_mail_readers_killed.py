"""Workers killed by SIGKILL while they read a mailbox: no mail is lost, none is filed or kept twice.

What is proven of the answers: a notice is twice in the mailbox of its sender only where nobody could know
whether the first had left (it leaves without sender, and no report comes: RFC 8098, 3); it is then the same
mail, under one Message-ID, and the trace says that it left again.
"""

import os
import random
import threading
from collections import Counter, defaultdict
from functools import partial

import pytest
from django.db.models import Q

from audit.models import Trace
from documents.models import Reception, Version
from exchange.services import messages_apply_waiting, messages_hand_over_due
from interop.mail.opening import open_mail
from interop.mail.reports import parse_report
from mssante.enums import IncomingState
from mssante.models import IncomingDocument, IncomingMail
from pfi.mail_reading import mailboxes_read
from sandbox.mail.boxes import APPLICATION_BOX
from sandbox.mail.letters import Case
from tests.exchange.processes import wait_until
from tests.faults.nursery import everything_is_due, kill, leases_end, nursery
from tests.hospital import MATRICULE

KILLS = 100 if os.environ.get("DPI_LONG") else 21
DOCTOR = "bernard.petit@medecin.mssante.test"
STAGES = ("fetching", "treating", "answering")


def deposit(box, number):
    """Letters to file, one to refuse, and from time to time one that the operator delivers twice."""
    sent = [box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit") for _ in range(2)]
    refused = box.letters.send(Case.UNKNOWN, matricule=MATRICULE, author="petit")
    if number % 3 == 0:
        again = box.mail.store.all_mails(APPLICATION_BOX)[0]
        content = box.mail.store.content(again)
        box.mail.deposit(APPLICATION_BOX, content[content.index(b"From:") :], sender=DOCTOR)
    return [one.letter.unique_id for one in sent], [one.message_id for one in (*sent, refused)]


def is_at(stage, worker, before):
    """Whether a worker is in the middle of this, or nothing is left for it to do."""
    if stage == "fetching":
        return IncomingMail.objects.count() > before
    held = IncomingMail.objects.filter(claimed_by=worker)
    if stage == "answering":
        held = held.filter(answer_attempt_at__isnull=False)
    return held.exists() or is_idle()


def is_idle():
    """Nothing waits: every mail known was treated, answered and put away."""
    waiting = IncomingMail.objects.filter(
        Q(state__in=[IncomingState.RECEIVED, IncomingState.HANDED_OVER])
        | Q(cleared_at__isnull=True)
        | (~Q(answer_to="") & Q(answered_at__isnull=True))
    )
    return not waiting.exists() and IncomingMail.objects.exists()


def read_all():
    """What the periodic tasks do, once every lease and delay is over."""
    for _ in range(10):
        everything_is_due()
        messages_hand_over_due(worker="last")
        messages_apply_waiting(worker="last")
        mailboxes_read(worker="last")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19")
def test_readers_killed_at_random_instants_lose_no_mail_and_file_none_twice(mail_hospital):
    box = mail_hospital.sandbox
    instants = random.Random(22)  # noqa: S311 - instants of a test
    pause = threading.Event()
    letters, mails, hits, cut = [], [], 0, 0
    with nursery("reading") as workers:
        for number in range(KILLS):
            documents, message_ids = deposit(box, number)
            letters += documents
            mails += message_ids
            name, stage = f"killed-{number}", STAGES[number % len(STAGES)]
            before = IncomingMail.objects.count()
            pid = workers.start(name)
            if number % 2:
                pause.wait(instants.uniform(0.1, 0.6))
            else:
                wait_until(partial(is_at, stage, name, before), what=f"{name} is {stage}")
                pause.wait(instants.uniform(0, 0.04))
            kill(pid)
            cut += IncomingMail.objects.filter(claimed_by=name).exists()
            hits += IncomingMail.objects.count() > before and not is_idle()
            leases_end(name)
    read_all()

    rows = IncomingMail.objects.values_list("message_id", "state")
    assert Counter(message_id for message_id, _ in rows) == Counter(mails), "each mail once, and none lost"
    assert Counter(state for _, state in rows) == {
        IncomingState.DONE: 2 * KILLS, IncomingState.REFUSED: KILLS,
    }  # fmt: skip
    folders = Counter(mail.folder for mail in box.mail.store.all_mails(APPLICATION_BOX))
    assert folders == {"Traites": 2 * KILLS, "Erreurs": KILLS + len(range(0, KILLS, 3))}

    assert Counter(Version.objects.values_list("unique_id", flat=True)) == Counter(letters)
    assert Counter(Reception.objects.values_list("source_id", flat=True)) == Counter(mails)
    assert IncomingDocument.objects.count() == len(mails)
    assert is_idle()
    assert_answers(mail_hospital, mails)
    assert hits > KILLS // 4, "the kills hit work under way"
    assert cut, "and at times a mail that was being treated"


def assert_answers(hospital, mails):
    """Every sender was told; what came twice is one mail, whose first leaving nobody could know of."""
    told = defaultdict(list)
    for raw in hospital.inbox(DOCTOR):
        told[parse_report(raw).original_message_id].append(open_mail(raw))
    assert set(told) == set(mails)
    again = set(
        Trace.objects.filter(type="mssante.incoming", detail__step="answer_again").values_list(
            "detail__message_id", flat=True
        )
    )
    for message_id, notices in told.items():
        assert len({notice.message_id for notice in notices}) == 1
        if len(notices) > 1:
            assert message_id in again
