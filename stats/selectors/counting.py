"""The counters of some months, drawn from events alone (spec stats C16)."""

from __future__ import annotations

from stats.rules.figures import Key
from stats.rules.sendings import sending_counts
from stats.selectors.sendings import sent_documents
from stats.selectors.sources import Reading


def counts_of(reading: Reading) -> dict[Key, int]:
    """Every counter above zero of the months read."""
    return sending_counts(sent_documents(reading), reading.period, reading.options.zone)
