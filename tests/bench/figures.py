"""A figure: what was measured, of how many, against which yardstick; and the targets."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the bench. Times in milliseconds, memory in MB (10^6 bytes), rates per second.

    `yardstick` is the rate of the reference measured in the same run, `ratio` ours over it; both are None
    where there is no reference, as every value that has no meaning for a figure.
    """

    name: str
    n: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    per_s: float | None = None
    rss_mb: float | None = None
    yardstick: float | None = None
    ratio: float | None = None

    def line(self) -> str:
        """The JSON object that is printed."""
        return json.dumps({key: _rounded(value) for key, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on one value of a figure: at least `low`, or at most `high`."""

    value: str
    low: float = -math.inf
    high: float = math.inf

    def miss(self, figure: Mapping[str, Any]) -> str | None:
        """What was missed, in words, or None."""
        value = figure[self.value]
        if value is not None and self.low <= value <= self.high:
            return None
        bound = f">= {self.low:g}" if math.isfinite(self.low) else f"<= {self.high:g}"
        return f"{figure['name']}: {self.value} {value} instead of {bound}"


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "mllp_adt": (Target("ratio", low=0.8),),
    "adt_applied": (Target("ratio", low=3), Target("per_s", low=120)),
    "adt_read": (Target("ratio", low=30), Target("per_s", low=500)),
    "mdm_cut": (Target("p95_ms", high=10),),
    "cda_n1": (Target("per_s", low=200),),
    "letter_full": (Target("ratio", low=0.85),),
    "patient_search": (Target("p95_ms", high=50),),
    "record_page": (Target("p95_ms", high=120),),
    "dmp_round_trip": (Target("per_s", low=60),),
    "outbox_drain": (Target("per_s", low=500),),
    "mss_send": (Target("per_s", low=20),),
    "mss_receive": (Target("per_s", low=10),),
    "dmp_fragment": (Target("p95_ms", high=40),),
    "stats_csv": (Target("p95_ms", high=5_000),),
    "stats_csv_open": (Target("p95_ms", high=15_000),),
    "cda_display": (Target("p95_ms", high=80),),
    "memory_web": (Target("rss_mb", high=200),),
    "memory_worker": (Target("rss_mb", high=250),),
    "start_first": (Target("p95_ms", high=60_000),),
    "start_again": (Target("p95_ms", high=15_000),),
}


def percentile_ms(seconds: Sequence[float], rank: float) -> float:
    """The value below which the share `rank` of the durations lies (nearest rank), in milliseconds."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(rank * len(ordered)) - 1)] * 1000


def timed(name: str, seconds: Sequence[float], **values: Any) -> Figure:
    """A figure from the duration of each of its operations; one after the other unless `per_s` is given."""
    values.setdefault("per_s", len(seconds) / sum(seconds))
    return Figure(
        name=name,
        n=len(seconds),
        p50_ms=percentile_ms(seconds, 0.5),
        p95_ms=percentile_ms(seconds, 0.95),
        **values,
    )


def median_ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Median over the rounds of one rate over the other: a round on a busy machine counts once."""
    return statistics.median(mine / theirs for mine, theirs in zip(ours, reference, strict=True))


def rss_mb(pid: int | str = "self") -> float:
    """Resident memory of a process, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no memory: it ended")


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 3) if abs(value) < 10 else round(value, 1)
