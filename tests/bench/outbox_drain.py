"""`outbox_drain`: orders claimed, asked the rules again, and written as on their way with their message.

The messages are built beforehand: building one reads a file, sending one waits for a partner. What is
measured is what the outbox itself costs: the claim, the rules under lock, the state, the event and the row of
the message.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from django.utils import timezone

from documents.models import Version
from documents.services import draft_create, draft_save, version_validate
from documents.wishes import SendingWishes
from documents.writing import LDL_SES
from exchange.enums import Direction
from exchange.identifiers import new_control_id
from exchange.models import Message
from interop.hl7v2.header import peek_header
from patients.models import Episode
from sending.enums import OrderState
from sending.messages import message_of
from sending.models import Order
from sending.worker import BATCH, Prepared, orders_decide
from tests.bench.figures import Figure, percentile_ms, rss_mb
from tests.bench.hospital import build_hospital, doctor_of, stays
from tests.bench.letters import REFERENCE_BODY
from tests.bench.population import analyze, is_qualified, load_documents, load_patients, load_stays

ORDERS = 5_000
PATIENTS = 2_000
WARM_UP = 1_000
WORKER = "bench"


def measure() -> Iterator[Figure | str]:
    """Batch after batch, as the worker takes them, until nothing waits."""
    raw = _load()
    seconds: list[float] = []
    sizes: list[int] = []
    while True:
        started = time.perf_counter()
        claimed = Order.objects.filter(state=OrderState.SCHEDULED).claim(worker=WORKER, limit=BATCH)
        claim = time.perf_counter() - started
        if not claimed:
            break
        prepared = [_prepared(order, raw) for order in claimed]
        started = time.perf_counter()
        orders_decide(prepared=prepared, worker=WORKER)
        seconds.append(claim + time.perf_counter() - started)
        sizes.append(len(claimed))
    yield from _problems()
    first = next(place for place in range(len(sizes)) if sum(sizes[:place]) >= WARM_UP)
    each = [batch / size for batch, size in zip(seconds, sizes, strict=True)][first:]
    yield Figure(
        "outbox_drain",
        n=sum(sizes[first:]),
        p50_ms=percentile_ms(each, 0.5),
        p95_ms=percentile_ms(each, 0.95),
        per_s=sum(sizes[first:]) / sum(seconds[first:]),
        rss_mb=rss_mb(),
    )


def _load() -> bytes:
    """Orders that are due, and the bytes of a real message to write for each."""
    unit = build_hospital()
    doctor = doctor_of(unit)
    stay = stays(unit)[0]
    draft = draft_create(
        patient=stay.patient,
        episode=stay,
        unit=None,
        model=LDL_SES.code,
        author=doctor,
        actor=doctor.as_actor(),
    )
    draft = draft_save(version=draft, revision=0, title="Sortie", body=REFERENCE_BODY)
    letter = version_validate(
        version=draft,
        revision=draft.revision,
        author=doctor,
        actor=doctor.as_actor(),
        wishes=SendingWishes(hold=True),
    )
    patients = load_patients(PATIENTS)
    load_stays(patients, [unit], present=0)
    qualified = [patient for number, patient in patients.items() if is_qualified(number)]
    past = list(Episode.objects.filter(patient__in=qualified).values_list("patient_id", "id", "unit_id"))
    load_documents([past[place % len(past)] for place in range(ORDERS)], doctor)
    Order.objects.filter(state=OrderState.RECEIVED_DMP).update(
        state=OrderState.SCHEDULED, not_before=timezone.now()
    )
    analyze(os.environ["DATABASE_OWNER_URL"])
    return _message(letter)


def _message(letter: Version) -> bytes:
    version = Version.objects.select_related("document__patient", "document__episode", "author").get(
        pk=letter.pk
    )
    return message_of(version=version, orders=list(version.orders.all()))


def _prepared(order: Order, raw: bytes) -> Prepared:
    """The message of an order, under an MSH-10 of its own."""
    header = peek_header(raw)
    if header is None:
        raise ValueError("the message has a header")
    own = raw.replace(header.control_id.encode(), new_control_id().encode(), 1)
    return Prepared(order_ids=(order.pk,), version_id=order.version_id, identity_stamp=1, raw=own)


def _problems() -> Iterator[str]:
    sent = Order.objects.filter(state=OrderState.SENDING, message__isnull=False).count()
    queued = Message.objects.filter(direction=Direction.OUTGOING, state="queued").count()
    if (sent, queued) != (ORDERS, ORDERS):
        yield f"outbox_drain: {sent} orders on their way and {queued} messages instead of {ORDERS}"
