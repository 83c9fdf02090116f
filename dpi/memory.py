"""The C heap of a process whose threads take turns."""

from __future__ import annotations

import ctypes
from typing import Final

# <malloc.h> of the GNU C library.
_M_TRIM_THRESHOLD: Final = -1
_M_ARENA_MAX: Final = -8
_TRIM_BYTES: Final = 128 * 1024


def heap_small() -> None:
    """One heap for all threads, whose free end goes back to the system; to be called before they start.

    The library would give each thread a heap of its own, against a contention that threads which hold
    Python's lock do not have: some ten megabytes for each web process. Does nothing with another library.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
