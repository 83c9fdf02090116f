"""What was looked at: figures leave a trace, and so do the stays that they count (security 8.3)."""

from __future__ import annotations

from collections.abc import Sequence

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from patients.models import Episode
from stats.rules.figures import Key
from stats.rules.months import Month


def board_trace(*, actor: Actor, page: str, month: Month, finess: str) -> None:
    """Someone read the figures of a month; they are nobody's (security 8.3 `report.run`)."""
    trace_write(
        type="report.run",
        action=Action.READ,
        actor=actor,
        object_type="stats.page",
        detail={"page": page, "month": month.text, "finess": finess},
    )


def stays_trace(*, actor: Actor, key: Key, episodes: Sequence[Episode]) -> None:
    """Someone read which stays a rate counts: one event, with everybody whose identity was shown."""
    trace_write(
        type="list.view",
        action=Action.READ,
        actor=actor,
        object_type="stats.stays",
        detail={
            "indicator": key.indicator,
            "month": key.month.text,
            "finess": key.finess,
            "doc_type": key.doc_type,
            "volet": key.volet,
            "patients": sorted({str(episode.patient.uid) for episode in episodes}),
            "episodes": [str(episode.uid) for episode in episodes],
        },
    )
