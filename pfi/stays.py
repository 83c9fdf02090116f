"""What the software beside the PFI knows of the stay that an order belongs to.

The PFI has no patient table. The DPI installed with it registers a source, which says whether the
patient opposed the feeding of the DMP (SC.DMP/CONF.06.BIS, F-PFI-03) and who the patient is, for
the traces; and another, which says who refuses messages (MSS/va1.20). Without any source,
oppositions are those the senders respect themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from interop.hl7v2.mdm import MdmDocument


@dataclass(frozen=True, slots=True)
class Stay:
    """What an order says of its stay; either text may be empty."""

    visit_number: str
    ipp: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a source knows of a stay."""

    is_opposed: bool = False
    patient_uid: UUID | None = None


StaySource = Callable[[Stay], Known]

_sources: list[StaySource] = []


def stay_source_register(source: StaySource) -> None:
    """Ask `source` too; registering it twice changes nothing."""
    if source not in _sources:
        _sources.append(source)


RefusalSource = Callable[[UUID], bool]

_refusal_sources: list[RefusalSource] = []


def refusal_source_register(source: RefusalSource) -> None:
    """Ask `source` too who refuses messages; registering it twice changes nothing."""
    if source not in _refusal_sources:
        _refusal_sources.append(source)


def refuses_messages(patient_uid: UUID | None) -> bool:
    """Whether a patient refuses the hospital's messages; one that nobody knows does not."""
    return patient_uid is not None and any(source(patient_uid) for source in _refusal_sources)


def stay_of(order: MdmDocument) -> Stay:
    """The stay named by an order."""
    number = order.visit.number if order.visit else None
    ipp = order.patient.ipp
    return Stay(visit_number=number.value if number else "", ipp=ipp.value if ipp else "")


def known_of(order: MdmDocument) -> Known:
    """What all sources together know: one that says "opposed" is enough."""
    stay = stay_of(order)
    told = [source(stay) for source in _sources]
    return Known(
        is_opposed=any(known.is_opposed for known in told),
        patient_uid=next((known.patient_uid for known in told if known.patient_uid), None),
    )
