"""A process of the web keeps one heap, whatever its threads do."""

import subprocess
import sys

MANY_THREADS = """
import ctypes, threading
from dpi.memory import heap_small
{call}
held, start = [], threading.Barrier(8)
def fill():
    start.wait()
    held.extend(bytearray(60_000) for _ in range(20))
    start.wait()
threads = [threading.Thread(target=fill) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
ctypes.CDLL(None).malloc_stats()
"""


def arenas(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MANY_THREADS.format(call=call)], capture_output=True, text=True, check=True
    )
    return done.stderr.count("Arena ")


def test_threads_share_one_heap():
    assert (arenas("heap_small()"), arenas("") > 1) == (1, True)
