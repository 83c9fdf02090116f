"""The runs of the bench; `python -m tests.bench.runs NAME` is one, in an environment that was prepared."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import FrameType


@dataclass(frozen=True, slots=True)
class Run:
    """A function `module.measure` and the figures that it gives."""

    name: str
    figures: tuple[str, ...]

    def measure(self) -> Iterator[object]:
        """Figures, and sentences about what was not as it must be."""
        found: Iterator[object] = import_module(f"tests.bench.{self.name}").measure()
        return found


RUNS = (
    Run("mllp_adt", ("mllp_adt",)),
    Run("adt_applied", ("adt_applied",)),
    Run("hl7_read", ("adt_read", "mdm_cut")),
    Run("cda_n1", ("cda_n1",)),
    Run("letter_full", ("letter_full",)),
    Run("pages", ("patient_search", "record_page")),
    Run("dmp_round_trip", ("dmp_round_trip",)),
    Run("outbox_drain", ("outbox_drain",)),
    Run("mss_send", ("mss_send",)),
    Run("mss_receive", ("mss_receive",)),
    Run("dmp_fragment", ("dmp_fragment",)),
    Run("stats_csv", ("stats_csv", "stats_csv_open")),
    Run("cda_display", ("cda_display",)),
    Run("memory", ("memory_web", "memory_worker")),
    Run("launch", ("start_first", "start_again")),
)


def _stopped(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """Print each figure on a line, each problem in an object of its own."""
    import django

    from tests.bench.figures import Figure

    signal.signal(signal.SIGTERM, _stopped)
    django.setup()
    run = next(run for run in RUNS if run.name == sys.argv[1])
    for found in run.measure():
        line = found.line() if isinstance(found, Figure) else json.dumps({"problems": [found]})
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
