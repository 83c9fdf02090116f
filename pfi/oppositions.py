"""Who knows that a patient opposed the feeding of the DMP (SC.DMP/CONF.06.BIS, F-PFI-03).

The PFI has no patient table. What is installed beside it (the DPI, in the same software) registers
a source that knows; without any, oppositions are those the senders respect themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interop.hl7v2.mdm import MdmDocument


@dataclass(frozen=True, slots=True)
class Stay:
    """What an order says of the stay it belongs to; either text may be empty."""

    visit_number: str
    ipp: str


OppositionSource = Callable[[Stay], bool]

_sources: list[OppositionSource] = []


def opposition_source_register(source: OppositionSource) -> None:
    """Ask `source` too before anything is fed; registering it twice changes nothing."""
    if source not in _sources:
        _sources.append(source)


def stay_of(order: MdmDocument) -> Stay:
    """The stay named by an order."""
    number = order.visit.number if order.visit else None
    return Stay(
        visit_number=number.value if number else "", ipp=order.patient.ipp.value if order.patient.ipp else ""
    )


def is_opposed(order: MdmDocument) -> bool:
    """Whether one source says that the patient opposed for this stay."""
    stay = stay_of(order)
    return any(source(stay) for source in _sources)
