"""The broker loses everything, again and again, while documents leave."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from django.conf import settings

from sending.enums import OrderState
from sending.models import Order
from tests.exchange.processes import wait_until
from tests.faults.nursery import product_environment
from tests.letters import letters_to_send
from tests.shared import CHECKOUT

LETTERS = 12
EMPTIED = 40
CELERY = (sys.executable, "-m", "celery", "--app=dpi.celery")
WORKER = (*CELERY, "worker", "--concurrency=2", "--loglevel=ERROR", "--without-gossip", "--without-mingle")
BEAT = (*CELERY, "beat", "--loglevel=ERROR", "--pidfile=")


@contextmanager
def background_processes() -> Iterator[None]:
    """The worker and the scheduler of the product, as the launcher starts them."""
    started = [
        subprocess.Popen(command, cwd=CHECKOUT, env=product_environment(), start_new_session=True)
        for command in (WORKER, BEAT)
    ]
    try:
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=30)


@contextmanager
def emptied_again_and_again(broker: redis.Redis, *, every: float) -> Iterator[list[int]]:
    """Empty our database of the broker; the list counts the keys that were lost each time."""
    losses: list[int] = []
    stop = threading.Event()

    def empty() -> None:
        while not stop.wait(every):
            losses.append(broker.dbsize())
            broker.flushdb()

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield losses
    finally:
        stop.set()
        thread.join()


def received() -> int:
    return Order.objects.filter(state=OrderState.RECEIVED_DMP).count()


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.requirement("F-PFI-19", "SC.ALI/PROG.05")
def test_every_order_leaves_although_the_broker_is_emptied_under_load(hospital):
    broker = redis.Redis.from_url(settings.REDIS_URL)
    letters_to_send(hospital, LETTERS)
    with background_processes():
        with emptied_again_and_again(broker, every=0.2) as losses:
            hospital.write_letter()
            wait_until(lambda: len(losses) >= EMPTIED, what="emptied often enough")
            hospital.write_letter()
        wait_until(lambda: received() == LETTERS + 2, seconds=50, what="every letter is received")
    broker.close()
    assert sum(losses) > 0
    documents = [row["unique_id"] for row in hospital.dmp_documents()]
    for order in Order.objects.select_related("version"):
        assert documents.count(order.version.unique_id) == 1
