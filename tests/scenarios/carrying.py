"""What the periodic tasks do, as the scenarios call it."""

from pfi.worker import jobs_drain
from sending.worker import orders_drain

WORKER = "test"


def carry_everything() -> None:
    """Send and carry until nothing that is due waits."""
    while orders_drain(worker=WORKER) or jobs_drain(worker=WORKER):
        pass
