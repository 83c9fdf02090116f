"""A line that does not speak MLLP, in words: what is wrong, where, and how much of it is kept.

Pure functions over the errors of `interop.hl7v2.mllp` (spec hl7v2 1.1, 1.2). A place is that of a byte on the
line, counted from 1 at its opening: no segment can be named where frames are broken.
"""

from __future__ import annotations

from typing import Final

from interop.hl7v2 import codes
from interop.hl7v2.errors import Fault
from interop.hl7v2.header import Header, peek_header
from interop.hl7v2.mllp import FrameCut, FrameError, FrameTooLarge
from interop.hl7v2.tokens import peek_msh
from ui.french import whole

_CONTROL_ID: Final = 10
_LINE_ENDS: Final = (b"\r", b"\n")


def frame_fault(error: FrameError, *, limit: int) -> Fault:
    """Name the cause and its place, without any value of the message; `limit` is that of a frame (bytes)."""
    return Fault(codes.ERROR_OTHER, "", _cause(error, limit), codes.Severity.FATAL)


def kept_words(error: FrameError) -> str:
    """Say how much of what came is kept, when it is not all; empty otherwise."""
    if error.received <= len(error.head):
        return ""
    return f"seuls les {whole(len(error.head))} premiers octets sont conservés"


def header_to_answer(error: FrameError) -> Header | None:
    """The header that a refusal answers; None when the bytes end before MSH-10 does."""
    is_whole = len(peek_msh(error.head)) > _CONTROL_ID + 1 or any(end in error.head for end in _LINE_ENDS)
    header = peek_header(error.head) if is_whole else None
    return header if header is not None and header.control_id else None


def _cause(error: FrameError, limit: int) -> str:
    opened, received = f"l’octet {whole(error.at)} de la ligne", whole(error.received)
    match error:
        case FrameTooLarge():
            measure = f"{received} octets reçus pour {whole(limit)} admis"
            return f"Message trop long\u202f: {measure}, trame ouverte à {opened}"
        case FrameCut():
            end = whole(error.at + error.received)
            return f"Trame coupée après l’octet {end} de la ligne, {received} octets après son début"
    return f"Octets hors trame\u202f: {received} à partir de {opened}, sans début de trame"
