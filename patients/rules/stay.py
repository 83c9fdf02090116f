"""The state of a stay, replayed from its movements (spec hl7v2 4.2, 4.4; IHE ITI-31).

Movements are facts with a date; the situation of the patient is never edited, always computed
again from what is left of the sequence. So a late, corrected or cancelled movement gives the same
result whatever the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from interop.hl7v2.codes import MOVEMENT_NATURES
from patients.enums import EpisodeKind, EpisodeState

PLANNING: Final = frozenset({"A05", "A14"})
ADMISSIONS: Final = frozenset({"A01", "A04"})
DISCHARGE: Final = "A03"
CANCELS: Final = {
    "A11": ADMISSIONS,
    "A12": frozenset({"A02"}),
    "A13": frozenset({"A03"}),
    "A38": frozenset({"A05"}),
    "A52": frozenset({"A21"}),
    "A53": frozenset({"A22"}),
    "A55": frozenset({"A54"}),
    "A06": frozenset({"A07"}),
    "A07": frozenset({"A06"}),
}
"""The events that each cancelling event undoes. A06 and A07 cancel each other when ZBE-4 says so."""
OPENING: Final = PLANNING | ADMISSIONS
"""Events that begin a stay by themselves."""
CONTINUING: Final = frozenset({"A02", "A06", "A07", "A21", "A22", "A54"})
"""Events that show a patient already there: an unknown stay is created from them, with a warning."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one movement says of a stay. Empty text is no information."""

    event: str
    at: datetime
    rank: int = 0
    patient_class: str = ""
    medical_unit: str = ""
    nursing_unit: str = ""
    housing_unit: str = ""
    room: str = ""
    bed: str = ""
    attending_name: str = ""
    attending_rpps: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """The situation that the movements give."""

    state: EpisodeState = EpisodeState.CANCELLED
    kind: EpisodeKind = EpisodeKind.NONE
    planned_at: datetime | None = None
    admitted_at: datetime | None = None
    discharged_at: datetime | None = None
    medical_unit: str = ""
    nursing_unit: str = ""
    housing_unit: str = ""
    room: str = ""
    bed: str = ""
    attending_name: str = ""
    attending_rpps: str = ""


def stay_of(steps: Iterable[Step]) -> Stay:
    """Replay movements that are not cancelled, by date then by reception (hl7v2 4.4).

    A planned date may lie after the real admission: what was planned comes first whatever its date.
    Without any movement left the stay is cancelled (A11, A38).
    """
    stay = Stay()
    for step in sorted(steps, key=_order):
        stay = _after(stay, step)
    return stay


def _order(step: Step) -> tuple[bool, datetime, int]:
    return step.event not in PLANNING, step.at, step.rank


def _after(stay: Stay, step: Step) -> Stay:
    return _moved(_placed(stay, step), step)


def _placed(stay: Stay, step: Step) -> Stay:
    """Location, units and doctor: what a movement does not say stays as it was."""
    if step.housing_unit or step.room or step.bed:
        housing = step.housing_unit or stay.housing_unit
        stay = replace(stay, housing_unit=housing, room=step.room, bed=step.bed)
    if step.attending_name or step.attending_rpps:
        stay = replace(stay, attending_name=step.attending_name, attending_rpps=step.attending_rpps)
    return replace(
        stay,
        kind=_kind(step.patient_class) or stay.kind,
        medical_unit=step.medical_unit or stay.medical_unit,
        nursing_unit=step.nursing_unit or stay.nursing_unit,
    )


def _moved(stay: Stay, step: Step) -> Stay:
    if step.event in PLANNING:
        return replace(stay, state=EpisodeState.PLANNED, planned_at=step.at)
    if step.event == DISCHARGE:
        return replace(stay, state=EpisodeState.CLOSED, discharged_at=step.at)
    if step.event in ADMISSIONS:
        admitted = stay.admitted_at or step.at
        return replace(stay, state=EpisodeState.OPEN, admitted_at=admitted, discharged_at=None)
    if stay.state == EpisodeState.CLOSED:
        return stay
    return replace(stay, state=EpisodeState.OPEN, admitted_at=stay.admitted_at or step.at)


def _kind(patient_class: str) -> EpisodeKind | None:
    """PV1-2 as a kind of stay; `V`, virtual, is a consultation seen in the transcription of 2.11."""
    if patient_class == "V":
        return EpisodeKind.OUTPATIENT
    return EpisodeKind(patient_class) if patient_class in EpisodeKind.values else None


_NATURES: Final = {frozenset(code): code for code in MOVEMENT_NATURES}


@dataclass(frozen=True, slots=True)
class Content:
    """What a movement with the same id may add to the first one (ITI-31: several messages, one movement)."""

    nature: str = ""
    medical_unit: str = ""
    nursing_unit: str = ""
    housing_unit: str = ""
    room: str = ""
    bed: str = ""

    def merged_with(self, later: Content) -> Content:
        """The union of two messages about one movement; the later one wins where both speak."""
        both = frozenset(self.nature + later.nature)
        return Content(
            nature=_NATURES.get(both, later.nature or self.nature),
            medical_unit=later.medical_unit or self.medical_unit,
            nursing_unit=later.nursing_unit or self.nursing_unit,
            housing_unit=later.housing_unit or self.housing_unit,
            room=later.room or self.room,
            bed=later.bed or self.bed,
        )
