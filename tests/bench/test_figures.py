"""The arithmetic of the bench, and the promise that every figure has its target and its line in the docs."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from tests.bench.figures import TARGETS, Figure, Target, median_ratio, percentile_ms, rss_mb, timed
from tests.bench.people import person
from tests.bench.runs import RUNS
from tests.requirements_report import CHECKOUT

KEYS = ["name", "n", "p50_ms", "p95_ms", "per_s", "rss_mb", "yardstick", "ratio"]


@pytest.mark.parametrize(
    ("rank", "milliseconds"), [(0.5, 10_000), (0.95, 19_000), (1.0, 20_000), (0.01, 1_000)]
)
def test_a_percentile_is_a_duration_that_was_measured(rank: float, milliseconds: float) -> None:
    assert percentile_ms(list(range(20, 0, -1)), rank) == milliseconds


def test_a_line_holds_the_keys_of_a_figure_and_nothing_else() -> None:
    line = json.loads(timed("cda_n1", [0.5, 1.5], rss_mb=100.04).line())
    assert list(line) == KEYS
    assert line == asdict(Figure("cda_n1", 2, 500.0, 1500.0, 1.0, 100.0))


def test_the_ratio_of_rounds_ignores_the_round_that_something_disturbed() -> None:
    assert median_ratio([90, 10, 95], [100, 100, 100]) == 0.9


@pytest.mark.parametrize(
    ("target", "value", "is_met"),
    [
        (Target("ratio", low=0.8), 0.8, True),
        (Target("ratio", low=0.8), 0.79, False),
        (Target("p95_ms", high=50), 50.0, True),
        (Target("p95_ms", high=50), 50.1, False),
        (Target("rss_mb", high=200), None, False),
    ],
)
def test_a_target_is_met_or_says_what_was_missed(target: Target, value: float | None, is_met: bool) -> None:
    miss = target.miss({"name": "x", target.value: value})
    assert (miss is None) is is_met
    assert is_met or str(value) in str(miss)


def test_every_figure_has_a_target_and_a_line_in_the_docs() -> None:
    figures = [figure for run in RUNS for figure in run.figures]
    page = (CHECKOUT / "docs" / "mesures.md").read_text("utf-8")
    assert set(TARGETS) == set(figures)
    assert [name for name in figures if f"| `{name}` |" not in page] == []


def test_an_invented_person_is_always_the_same_and_has_a_right_key() -> None:
    from interop.ins.key import matricule_fault

    people = [person(number) for number in range(200)]
    assert people == [person(number) for number in range(200)]
    assert {matricule_fault(one.ins.matricule) for one in people} == {None}


def test_the_memory_of_this_process_is_plausible() -> None:
    assert 20 < rss_mb() < 4000
