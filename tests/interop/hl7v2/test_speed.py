"""The tokenizer keeps up with a hospital: floors far below what was measured, on processor time."""

import time
from base64 import b64encode

from interop.hl7v2 import build_adt, build_mdm, parse_adt, parse_message
from tests.interop.hl7v2.samples import admission, carried, cda, order

ADT_PER_SECOND = 5_000
MDM_SECONDS = 0.010


def seconds(action: object, times: int) -> float:
    """Return the processor time of one call, the best of three series."""
    assert callable(action)
    series = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(times):
            action()
        series.append((time.process_time() - started) / times)
    return min(series)


def test_thousands_of_adt_are_cut_into_fields_each_second() -> None:
    raw = build_adt(admission())
    assert 1 / seconds(lambda: parse_message(raw), 500) > ADT_PER_SECOND


def test_reading_an_adt_whole_stays_under_two_milliseconds() -> None:
    raw = build_adt(admission())
    assert seconds(lambda: parse_adt(parse_message(raw)), 200) < 0.002


def test_a_large_document_message_is_cut_in_milliseconds() -> None:
    padding = b"<!--" + b64encode(bytes(200_000)) + b"-->"
    content = cda() + padding
    raw = build_mdm(order(documents=(carried(content=content),)))
    assert len(raw) > 350_000
    assert seconds(lambda: parse_message(raw), 20) < MDM_SECONDS
