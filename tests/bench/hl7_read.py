"""`adt_read` and `mdm_cut`: HL7 v2 messages read by our tokenizer, on the clock of the processor.

Yardstick of `adt_read`: the same messages parsed by hl7apy, without groups, in rounds that alternate.
"""

from __future__ import annotations

import statistics
import time
from base64 import b64encode
from collections.abc import Callable, Iterator

from interop.hl7v2 import build_mdm, parse_adt, parse_message
from tests.bench.adt import admissions, hl7apy_per_s
from tests.bench.figures import Figure, median_ratio, timed
from tests.interop.hl7v2.samples import carried, cda, order

ROUNDS = 5
MESSAGES = 200
PARSED = 15
DOCUMENT_BYTES = 266_000
"""With its base64 envelopes: a message of some 475 kB."""
LARGE_MESSAGES = 50


def measure() -> Iterator[Figure | str]:
    """Read whole for admissions; cut into fields for the message of a document."""
    messages = admissions(MESSAGES, prefix="R")
    seconds: list[float] = []
    ours, theirs = [], []
    for _ in range(ROUNDS):
        spent = [_processor_seconds(_read, raw) for raw in messages]
        seconds += spent
        ours.append(len(spent) / sum(spent))
        theirs.append(hl7apy_per_s(messages[:PARSED], time.process_time))
    yield timed(
        "adt_read", seconds, yardstick=statistics.harmonic_mean(theirs), ratio=median_ratio(ours, theirs)
    )
    content = cda() + b"<!--" + b64encode(bytes(DOCUMENT_BYTES)) + b"-->"
    large = build_mdm(order(documents=(carried(content=content),)))
    yield timed("mdm_cut", [_processor_seconds(parse_message, large) for _ in range(LARGE_MESSAGES)])


def _read(raw: bytes) -> object:
    return parse_adt(parse_message(raw))


def _processor_seconds(action: Callable[[bytes], object], raw: bytes) -> float:
    started = time.process_time()
    action(raw)
    return time.process_time() - started
