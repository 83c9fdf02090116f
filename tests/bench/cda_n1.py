"""`cda_n1`: CDA documents built from a frozen letter and its PDF, for each core that does nothing else.

The clock is that of the processor: the rate is what one core gives, whatever else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from documents.cda import cda_from_snapshot
from documents.rendering import pdf_from_snapshot
from interop.cda.check import check_document
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.letters import reference_letter

MEASURED = 1000
WARM_UP = 50


def measure() -> Iterator[Figure | str]:
    """Each document has its own identifiers; the last one is checked."""
    pdf = pdf_from_snapshot(reference_letter())
    letters = [reference_letter(number) for number in range(WARM_UP + MEASURED)]
    seconds = []
    content = b""
    for snapshot in letters:
        started = time.process_time()
        content = cda_from_snapshot(snapshot, pdf)
        seconds.append(time.process_time() - started)
    for finding in check_document(content):
        yield f"cda_n1: {finding}"
    yield timed("cda_n1", seconds[WARM_UP:], rss_mb=rss_mb())
