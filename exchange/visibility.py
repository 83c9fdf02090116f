"""What a person without the right `exchange.raw` may see of a message: a closed list, all else is hidden.

Source: ui reference 6.20, permission `exchange.journal` ("sans identité ni contenu", security 3.1). The list
names the fields that carry neither trait nor clinical content; an unknown segment or field is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from interop.hl7v2 import codes
from interop.hl7v2.names import MARKER_NAMES
from interop.hl7v2.tokens import Segment

WHOLE: Final[frozenset[int]] = frozenset()
"""Every component of the field."""
_AUTHORITY_AND_TYPE: Final = frozenset({4, 5})
"""CX without its value: who gave the identifier, and which kind it is."""

OPEN_FIELDS: Final[Mapping[str, Mapping[int, frozenset[int]]]] = {
    "MSH": dict.fromkeys(range(1, 22), WHOLE),
    "SFT": dict.fromkeys((1, 2, 3, 6), WHOLE),
    "EVN": dict.fromkeys((1, 2, 3, 4, 6), WHOLE),
    "PID": {1: WHOLE, 3: _AUTHORITY_AND_TYPE, 18: _AUTHORITY_AND_TYPE, 31: WHOLE, 32: WHOLE, 33: WHOLE},
    "MRG": {1: _AUTHORITY_AND_TYPE, 3: _AUTHORITY_AND_TYPE},
    "PV1": dict.fromkeys((1, 2, 19, 41, 51), WHOLE),
    "ZBE": dict.fromkeys((1, 2, 4, 5, 6, 7, 8, 9), WHOLE),
    "ZFD": dict.fromkeys((4, 5, 6), WHOLE),
    "ORC": {1: WHOLE},
    "OBR": {1: WHOLE, 4: frozenset({1, 3})},
    "TXA": dict.fromkeys((1, 2, 3, 12, 13, 17, 18, 19), WHOLE),
    "PRT": {2: WHOLE, 4: WHOLE, 5: frozenset({9, 10, 13}), 8: frozenset({6, 7, 10})},
    "MSA": {1: WHOLE, 2: WHOLE},
    "ERR": dict.fromkeys((2, 3, 4, 5), WHOLE),
}
"""Segment, then field, then the components that may be seen (`WHOLE`: all)."""

_ALWAYS_OPEN_OBX: Final = frozenset({1, 2, 11})
_DOCUMENT_TYPES: Final = frozenset({"LN", "TRE_A05"})
_CARRIES_DATA: Final = "ED"
_DATA: Final = 5
"""Component of ED that holds the bytes."""


def is_open(segment: Segment, number: int, component: int) -> bool:
    """Whether one component of a field may be seen without the right to the content."""
    if segment.name == "OBX":
        return _is_open_observation(segment, number, component)
    components = OPEN_FIELDS.get(segment.name, {}).get(number)
    if components is None:
        return False
    return components == WHOLE or component in components


def is_data(segment: Segment, number: int, component: int) -> bool:
    """Whether a component holds the bytes of a document: shown by its size, to nobody as text."""
    is_value = segment.name == "OBX" and number == 5 and component == _DATA
    return is_value and segment.value(2) == _CARRIES_DATA


def _is_open_observation(segment: Segment, number: int, component: int) -> bool:
    """OBX holds a document, a marker, a business acknowledgement, or a result: each has its own rule."""
    if number in _ALWAYS_OPEN_OBX:
        return True
    name, system = segment.value(3), segment.value(3, 3)
    if number == 3:
        if name in MARKER_NAMES:
            return component in (1, 2, 3)
        return system in _DOCUMENT_TYPES and component in (1, 3)
    if number == 4:
        return name in _ACKNOWLEDGEMENTS and system == codes.SYSTEM_ACK
    if number == 5 and segment.value(2) == _CARRIES_DATA:
        return component in (2, 3, 4)
    is_answer = name in MARKER_NAMES and segment.value(5).upper() in (codes.YES, codes.NO)
    return number == 5 and is_answer and component in (1, 3)


_MATRICULE: Final = re.compile(r"\b[1-478]\d{4}(?:\d\d|2[AB])\d{6}(?:\d\d)?\b")


def without_matricules(text: str) -> str:
    """What a service said, without any number that could be a matricule INS."""
    return _MATRICULE.sub("***", text)


_ACKNOWLEDGEMENTS: Final = frozenset(name for name, _ in codes.ZAM_OBSERVATION.values())
