"""`mss_send`: letters mailed by two workers of the product (`MSS_PARALLEL_MAILS=2`) to the sandbox.

Each is claimed, written (IHE_XDM of 300 kB and its PDF of 300 kB: 0.8 MB once encoded), kept, then sent by
SMTP over STARTTLS with the client certificate; the sandbox, which keeps the mail on disk and writes a
delivery report, runs in another process on the same cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from django.db import connections

from documents.cda import cda_from_snapshot
from documents.models import Version
from documents.store import content_put
from interop.mail.opening import open_mail
from mssante.enums import MailState
from mssante.models import OutgoingMail
from national.mail.opening import lines_close
from patients.models import Episode
from pfi.mail_worker import mails_drain
from sandbox.mail.boxes import APPLICATION_BOX
from sending.enums import Channel
from sending.models import Order
from sending.worker import orders_drain
from tests.bench.attachments import ATTACHMENT_BYTES, scanned_pdf
from tests.bench.bare_mail import send_rate
from tests.bench.figures import Figure, rss_mb
from tests.bench.hospital import build_hospital, doctor_of, plug_mail, sandbox, stays
from tests.hospital import Ward
from tests.letters import letters_to_send

WARM_UP = 10
MEASURED = 200
WORKERS = 2
YARDSTICK = 60
WORKER = "bench"
DOCTOR = "bernard.petit@medecin.mssante.test"


def measure() -> Iterator[Figure | str]:
    """Orders become mails first, unmeasured; then the workers send them."""
    unit = build_hospital()
    doctor = doctor_of(unit)
    stay: Episode = stays(unit)[0]
    with sandbox() as addresses:
        plug_mail(addresses, unit)
        _orders(Ward(doctor, stay.patient, stay, unit))
        while orders_drain(worker=WORKER):
            pass
        mails_drain(worker=WORKER, limit=WARM_UP)
        memory = rss_mb()
        lines_close()
        connections.close_all()
        started = time.perf_counter()
        workers = [_worker() for _ in range(WORKERS)]
        for worker in workers:
            os.waitpid(worker, 0)
        rate = MEASURED / (time.perf_counter() - started)
        mails = [bytes(raw or b"") for raw in OutgoingMail.objects.values_list("raw", flat=True)[:YARDSTICK]]
        yardstick = send_rate(addresses, mails, sender=APPLICATION_BOX, recipient=DOCTOR)
    yield from _problems()
    yield Figure(
        "mss_send", n=MEASURED, per_s=rate, rss_mb=memory, yardstick=yardstick, ratio=rate / yardstick
    )


def _worker() -> int:
    """A process that sends until nothing waits, as the background workers do; its id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            while mails_drain(worker=f"{WORKER}-{os.getpid()}"):
                pass
            status = 0
        finally:
            os._exit(status)
    return pid


def _orders(ward: Ward) -> None:
    """Validated letters whose PDF has the wanted weight, each with an order to the doctor in town."""
    orders = letters_to_send(ward, WARM_UP + MEASURED)
    for number, order in enumerate(orders):
        version = Version.objects.get(pk=order.version_id)
        pdf = scanned_pdf(number)
        cda = cda_from_snapshot(version.snapshot or {}, pdf)
        Version.objects.filter(pk=version.pk).update(
            cda_sha256=content_put(cda), cda_size=len(cda), pdf_sha256=content_put(pdf), pdf_size=len(pdf)
        )
    Order.objects.update(
        channel=Channel.MSSANTE_PRO, recipient_address=DOCTOR, recipient_label="Dr PETIT Bernard"
    )


def _problems() -> Iterator[str]:
    sent = OutgoingMail.objects.filter(state=MailState.SENT)
    if sent.count() != WARM_UP + MEASURED:
        states = sorted(set(OutgoingMail.objects.values_list("state", "error_code")))
        yield f"mss_send: {sent.count()} mails sent instead of {WARM_UP + MEASURED}: {states}"
        return
    last = sent.latest("id")
    (archive,) = open_mail(bytes(last.raw or b"")).archives
    if abs(len(archive.content) - ATTACHMENT_BYTES) > ATTACHMENT_BYTES * 0.03:
        yield f"mss_send: an archive of {len(archive.content)} bytes instead of {ATTACHMENT_BYTES}"
