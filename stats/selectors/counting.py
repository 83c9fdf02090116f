"""The counters of some months, drawn from events alone (spec stats C16)."""

from __future__ import annotations

from stats.rules.consulting import retrieved_counts, user_counts
from stats.rules.figures import Key
from stats.rules.receptions import reception_counts
from stats.rules.sendings import sending_counts
from stats.selectors.consulting import consultings, retrieved
from stats.selectors.receptions import received_documents
from stats.selectors.sendings import sent_documents
from stats.selectors.sources import Reading


def counts_of(reading: Reading) -> dict[Key, int]:
    """Every counter above zero of the months read. 4 queries."""
    period, zone = reading.period, reading.options.zone
    return {
        **sending_counts(sent_documents(reading), period, zone),
        **reception_counts(received_documents(reading), period, zone),
        **user_counts(consultings(reading)),
        **retrieved_counts(retrieved(reading), period, zone),
    }
