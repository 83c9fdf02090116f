"""A second reader: hl7apy must find in every message the segments and fields that our tokenizer finds.

hl7apy 1.3.5 drops PRT silently when it looks for groups, and refuses it in 2.5 and 2.6 otherwise: its
tables are completed from those of 2.7 and it parses without groups. It never reads a message in production.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("hl7apy")
from hl7apy import load_library
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message as hl7apy_parse

from interop.hl7v2 import (
    Action,
    Message,
    Segment,
    build_adt,
    build_lps,
    build_mdm,
    build_oru,
    build_zam,
    parse_message,
)
from tests.interop.hl7v2.official import needs_official, official, official_names
from tests.interop.hl7v2.samples import (
    ACKNOWLEDGEMENTS,
    acknowledgement,
    admission,
    order,
    oru_order,
    received_by_mail,
)

OURS = {
    "adt": build_adt(admission()),
    "oru": build_oru(oru_order()),
    **{f"mdm {action}": build_mdm(order(action)) for action in Action},
    **{f"lps {action}": build_lps(received_by_mail(action)) for action in Action},
    **{f"zam {kind} {yes}": build_zam(acknowledgement(kind, yes)) for kind, yes in ACKNOWLEDGEMENTS},
}


@pytest.fixture(autouse=True)
def prt_in_older_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = load_library("2.7")
    for version in ("2.5", "2.6"):
        older = load_library(version)
        monkeypatch.setitem(older.SEGMENTS, "PRT", newer.SEGMENTS["PRT"])
        for name, definition in newer.FIELDS.items():
            if name.startswith("PRT_"):
                monkeypatch.setitem(older.FIELDS, name, definition)
        for name, definition in newer.DATATYPES.items():
            if name not in older.DATATYPES:
                monkeypatch.setitem(older.DATATYPES, name, definition)


def fields_of_ours(segment: Segment) -> dict[int, list[str]]:
    """Return the repetitions of each field that says something, without trailing separators."""
    first = 3 if segment.name == "MSH" else 1
    marks = segment.separators
    found = {}
    for number in range(first, len(segment.fields)):
        kept = [trimmed(raw, segment) for raw in segment.field(number).split(marks.repetition)]
        if any(kept):
            found[number] = kept
    return found


def fields_of_hl7apy(segment: Any, ours: Segment) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for field in segment.children:
        number = int(field.name.rpartition("_")[2])
        if ours.name == "MSH" and number < 3:
            continue
        found[number].append(trimmed(field.to_er7(), ours))
    return {number: kept for number, kept in found.items() if any(kept)}


def trimmed(raw: str, segment: Segment) -> str:
    """Return a repetition as hl7apy writes it: no trailing separator, no surrounding blank."""
    marks = segment.separators
    parts = [part.rstrip(marks.subcomponent).strip() for part in raw.split(marks.component)]
    return "^".join(parts).rstrip("^")


def segments_of_both(raw: bytes) -> Iterator[tuple[Segment, Any]]:
    ours: Message = parse_message(raw)
    text = raw.decode(ours.codec).replace("\r\n", "\r").replace("\n", "\r").strip()
    theirs = hl7apy_parse(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    assert [segment.name for segment in ours.segments] == [segment.name for segment in theirs.children]
    yield from zip(ours.segments, theirs.children, strict=True)


@needs_official
@pytest.mark.parametrize("name", official_names())
def test_both_readers_find_the_same_fields_in_the_official_messages(name: str) -> None:
    for ours, theirs in segments_of_both(official(name)):
        assert fields_of_ours(ours) == fields_of_hl7apy(theirs, ours)


@pytest.mark.parametrize("raw", OURS.values(), ids=OURS)
def test_both_readers_find_the_same_fields_in_what_we_write(raw: bytes) -> None:
    for ours, theirs in segments_of_both(raw):
        assert fields_of_ours(ours) == fields_of_hl7apy(theirs, ours)
