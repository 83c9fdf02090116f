"""`python -m tests.bench [FIGURE...]`: every run in turn, or those of the figures named."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

from dpi.engines import EngineError, die_with_parent, stop
from dpi.launcher.plan import CHECKOUT
from tests.bench.figures import TARGETS
from tests.bench.installation import Installation
from tests.bench.runs import RUNS, Run

RUN_SECONDS = 600.0


def main() -> int:
    """Print the figures, then the summary; 1 when a target is missed or a run failed."""
    wanted = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    missed: list[str] = []
    try:
        with Installation() as installation:
            for run in RUNS:
                if not wanted or wanted.intersection(run.figures):
                    missed += _measure(run, installation.new_run(run.name))
    except (EngineError, subprocess.CalledProcessError) as error:
        missed.append(str(error))
    print(json.dumps({"name": "summary", "missed": missed}, ensure_ascii=False), flush=True)
    return 1 if missed else 0


def _arguments() -> frozenset[str]:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = [figure for run in RUNS for figure in run.figures]
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(names))
    chosen = parser.parse_args().figures
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"unknown: {', '.join(unknown)}")
    return frozenset(chosen)


def _measure(run: Run, environment: dict[str, str]) -> list[str]:
    """One run in a process of its own: print its figures, return what they miss."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.runs", run.name],
        env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent(os.getpid()),
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=RUN_SECONDS)
    except BaseException:
        stop(process, signal.SIGTERM)
        raise
    lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    missed = [problem for line in lines for problem in line.pop("problems", [])]
    for line in lines:
        if "name" in line:
            print(json.dumps(line), flush=True)
            missed += [miss for target in TARGETS[line["name"]] if (miss := target.miss(line))]
    measured = {line.get("name") for line in lines}
    return missed + [f"{name}: not measured" for name in run.figures if name not in measured]


def _stopped(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
