"""Reads of the indicators: facts drawn from append-only events, judged by `stats.rules`."""
