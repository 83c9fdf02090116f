"""Workers to kill; run as a program by the tests: `python -m tests.faults.workers [reading]`.

The program loads the product once, then forks a worker for each name it reads, and answers with
its process id. Each worker is a process of its own, with its own connections, that does what the
periodic tasks do until somebody kills it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

import django

from dpi.engines import die_with_parent

Step = Callable[..., int]


def main() -> None:
    django.setup()
    steps = steps_of_reading() if sys.argv[1:] == ["reading"] else steps_of_work()  # loaded before the forks
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a killed worker leaves no zombie
    nursery = os.getpid()
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            die_with_parent(nursery, signal.SIGKILL)()
            work(line.strip(), steps)
        print(pid, flush=True)


def steps_of_work() -> tuple[Step, ...]:
    """What the periodic tasks do; each returns how much it found to do."""
    from exchange.services import messages_apply_waiting, messages_hand_over_due
    from pfi.mail_worker import mails_drain
    from pfi.worker import jobs_drain
    from sending.worker import orders_drain

    return (orders_drain, jobs_drain, mails_drain, messages_hand_over_due, messages_apply_waiting)


def steps_of_reading() -> tuple[Step, ...]:
    """What the periodic task of the mailboxes does."""
    from pfi.mail_reading import mailboxes_read

    def read(*, worker: str, limit: int) -> int:
        return mailboxes_read(worker=worker)

    return (read,)


def work(name: str, steps: tuple[Step, ...]) -> NoReturn:
    """Work for ever in small steps: most instants are in the middle of something."""
    while True:
        if not sum(step(worker=name, limit=3) for step in steps):
            time.sleep(0.01)


if __name__ == "__main__":
    main()
