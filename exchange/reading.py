"""A message as it is read on a screen: segments and fields in French, and its raw text, with what is hidden.

Pure functions over the parsed message. A hidden value is not here at all: what is not in these pieces never
reaches the browser (ui reference, 6.20).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exchange.visibility import is_data, is_open
from interop.cda.value_sets import document_types
from interop.hl7v2.names import MARKER_NAMES, PARTICIPATION_NAMES, SEGMENT_NAMES, field_name
from interop.hl7v2.tokens import Message, Segment, unescape

SEGMENTS_SHOWN: Final = 200
VALUE_LENGTH: Final = 600
"""A longer value is cut on the screen; the file holds all of it."""
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(?:\.\d+)?(?:[+-]\d{4})?")
_TIME_WORDS: Final = ("Date", "Début", "Fin", "Entrée prévue", "Sortie prévue", "Dernière mise à jour")
_BASE64_RATIO: Final = 3 / 4
_DOCUMENT_TYPES: Final = frozenset({("TXA", 2), ("OBR", 4), ("OBX", 3)})
_MSH_MARKS: Final = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, or a place where something is hidden; `size` in bytes stands for a document."""

    text: str = ""
    hidden: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One repetition of one field: `PID-3`, its French name, its value in pieces."""

    label: str
    name: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class SegmentShown:
    """One segment: its three letters, its French name, its filled fields, its line as it came."""

    name: str
    title: str
    fields: tuple[FieldShown, ...]
    raw: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class MessageShown:
    """What the screen shows of a message; `left_out` counts the segments beyond the first 200."""

    segments: tuple[SegmentShown, ...]
    left_out: int
    hides_something: bool


def message_shown(message: Message, *, sees_all: bool) -> MessageShown:
    """Read a message for a person who sees all of it, or only what is neither trait nor content."""
    segments = tuple(_segment(segment, sees_all) for segment in message.segments[:SEGMENTS_SHOWN])
    hides = not sees_all and any(piece.hidden for segment in segments for piece in segment.raw)
    return MessageShown(segments, max(len(message.segments) - SEGMENTS_SHOWN, 0), hides)


def raw_masked(message: Message) -> str:
    """Return the er7 text with every hidden component replaced by stars, one segment a line."""
    lines = []
    for segment in message.segments:
        pieces = _raw(segment, sees_all=False, whole=True)
        lines.append("".join("***" if piece.hidden else piece.text for piece in pieces))
    return "\r\n".join(lines) + "\r\n"


def _segment(segment: Segment, sees_all: bool) -> SegmentShown:
    fields = tuple(
        FieldShown(f"{segment.name}-{number}", _name(segment, number), pieces)
        for number, pieces in _fields(segment, sees_all)
    )
    return SegmentShown(
        segment.name, SEGMENT_NAMES.get(segment.name, ""), fields, tuple(_raw(segment, sees_all=sees_all))
    )


def _name(segment: Segment, number: int) -> str:
    """The name of a field; a marker and a participation are named by what they say."""
    if segment.name == "OBX" and number == 5:
        return MARKER_NAMES.get(segment.value(3), "") or field_name("OBX", 5)
    if segment.name == "PRT" and number == 4:
        return PARTICIPATION_NAMES.get(segment.value(4), "") or field_name("PRT", 4)
    return field_name(segment.name, number)


def _fields(segment: Segment, sees_all: bool) -> Iterator[tuple[int, tuple[Piece, ...]]]:
    for number in range(1, len(segment.fields)):
        raw = segment.fields[number]
        if not raw:
            continue
        if segment.name == "MSH" and number <= _MSH_MARKS:
            yield number, (Piece(raw),)
            continue
        for repetition in raw.split(segment.separators.repetition):
            pieces = tuple(_readable(segment, number, repetition, sees_all))
            if pieces:
                yield number, pieces


def _readable(segment: Segment, number: int, repetition: str, sees_all: bool) -> Iterator[Piece]:
    """The filled components of one repetition, un-escaped, separated by middle dots.

    Hidden neighbours are one hidden place: how many given names there are is a trait too.
    """
    is_first, was_hidden = True, False
    for component, text in enumerate(repetition.split(segment.separators.component), 1):
        if not text:
            continue
        is_hidden = _is_hidden(segment, number, component, sees_all)
        if is_hidden and (was_hidden or _is_label_of_type(segment, number, component)):
            continue
        if not is_first:
            yield Piece(" · ")
        is_first, was_hidden = False, is_hidden
        if is_data(segment, number, component):
            yield Piece(hidden=not sees_all, size=_size(text))
        elif is_hidden:
            yield Piece(hidden=True)
        else:
            value = _labelled(segment.name, number, unescape(text, segment.separators, segment.codec))
            if segment.separators.subcomponent in text:
                value = " & ".join(part for part in value.split(segment.separators.subcomponent) if part)
            yield Piece(_shortened(_as_time(segment.name, number, value)))


def _labelled(segment: str, number: int, value: str) -> str:
    """A code of a type of document with the label of the nomenclature, never with that of the sender."""
    kind = document_types().get(value) if (segment, number) in _DOCUMENT_TYPES else None
    return f"{value} {kind.display}" if kind else value


def _is_label_of_type(segment: Segment, number: int, component: int) -> bool:
    """Whether a hidden component is only the sender's own label of a type that is already named."""
    is_type = (segment.name, number) in _DOCUMENT_TYPES
    return is_type and component == 2 and segment.value(number) in document_types()


def _is_hidden(segment: Segment, number: int, component: int, sees_all: bool) -> bool:
    is_text = not is_data(segment, number, component)
    return is_text and not sees_all and not is_open(segment, number, component)


def _raw(segment: Segment, *, sees_all: bool, whole: bool = False) -> list[Piece]:
    """The line of a segment as it came, in runs of open text and hidden places.

    Repetitions, components and empty places keep their separators; a document is named by its size.
    """
    marks = segment.separators
    pieces = [Piece(segment.name)]
    numbers = range(1, len(segment.fields))
    if segment.name == "MSH":
        pieces = [Piece("MSH" + marks.field + segment.fields[2])]
        numbers = range(3, len(segment.fields))
    for number in numbers:
        pieces.append(Piece(marks.field))
        for rank, repetition in enumerate(segment.fields[number].split(marks.repetition)):
            if rank:
                pieces.append(Piece(marks.repetition))
            pieces += _raw_repetition(segment, number, repetition, sees_all, whole)
    return _joined(pieces)


def _raw_repetition(
    segment: Segment, number: int, repetition: str, sees_all: bool, whole: bool
) -> list[Piece]:
    """One repetition with its separators; one hidden place when nothing of it may be seen."""
    pieces: list[Piece] = []
    shows, hides = False, False
    for component, text in enumerate(repetition.split(segment.separators.component), 1):
        if component > 1:
            pieces.append(Piece(segment.separators.component))
        if not text:
            continue
        if _is_hidden(segment, number, component, sees_all):
            pieces.append(Piece(hidden=True))
            hides = True
            continue
        shows = True
        if is_data(segment, number, component):
            pieces.append(Piece(hidden=not sees_all, size=_size(text)))
        else:
            pieces.append(Piece(text if whole else _shortened(text)))
    return [Piece(hidden=True)] if hides and not shows else pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        is_text = not piece.hidden and piece.size is None
        if is_text and joined and not joined[-1].hidden and joined[-1].size is None:
            joined[-1] = Piece(joined[-1].text + piece.text)
        elif not is_text or piece.text:
            joined.append(piece)
    return joined


def _size(base64: str) -> int:
    """Bytes that a base64 text stands for, near enough for a reader."""
    return round(len(base64.strip().rstrip("=")) * _BASE64_RATIO)


def _as_time(segment: str, number: int, value: str) -> str:
    """`20250307180211` as `07/03/2025 18:02:11` where the field is a moment."""
    if not field_name(segment, number).startswith(_TIME_WORDS):
        return value
    found = _TIME.fullmatch(value)
    if found is None:
        return value
    year, month, day, hour, minute, second = found.groups()
    clock = f" {hour}:{minute}" + (f":{second}" if second else "") if hour else ""
    return f"{day}/{month}/{year}{clock}"


def _shortened(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH else f"{value[:VALUE_LENGTH]}…"
