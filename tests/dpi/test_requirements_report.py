"""From markers to proofs: merged whatever the workers and processes, and a skip is not a pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import requirements_report as report
from tests.shared import CHECKOUT

TESTS = """
import pytest

@pytest.mark.requirement("SC.X/UX.2", "SC.X/UX.10")
def test_both(): pass

@pytest.mark.requirement("SC.X/UX.10")
@pytest.mark.parametrize("n", [1, 2])
def test_one_of_two(n): assert n == 1 or {fails}

@pytest.mark.requirement("SC.X/UX.3")
def test_skipped(): pytest.skip("no data")

@pytest.fixture
def broken(): raise RuntimeError

@pytest.mark.requirement("SC.X/UX.4")
def test_set_up_fails(broken): pass

def test_without_id(): pass
"""


@pytest.fixture
def run(tmp_path):
    """A pytest process of its own on the tests above; gives the file it wrote and its last line."""

    def run(*arguments, fails="False", **environment):
        (tmp_path / "test_x.py").write_text(TESTS.format(fails=fails))
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "--color=no", "-p", "tests.requirements_report",
                "-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider",
                "-c", str(tmp_path / "pytest.ini"), "--rootdir", str(tmp_path), str(tmp_path), *arguments,
            ],
            cwd=CHECKOUT,
            env=os.environ | {"DPI_REQUIREMENTS_REPORT": str(tmp_path / "build" / "r.json")} | environment,
            capture_output=True,
            text=True,
        )  # fmt: skip
        return json.loads((tmp_path / "build" / "r.json").read_text()), done

    return run


def outcomes(entry):
    return {test["name"].rpartition("::")[2]: test["outcome"] for test in entry["tests"]}


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_each_id_gets_its_tests_and_their_outcomes(run, workers):
    written, _ = run(workers)
    assert list(written) == ["SC.X/UX.2", "SC.X/UX.3", "SC.X/UX.4", "SC.X/UX.10"]
    assert outcomes(written["SC.X/UX.10"]) == {
        "test_both": "passed", "test_one_of_two[1]": "passed", "test_one_of_two[2]": "failed",
    }  # fmt: skip
    assert outcomes(written["SC.X/UX.3"]) == {"test_skipped": "skipped"}
    assert outcomes(written["SC.X/UX.4"]) == {"test_set_up_fails": "failed"}


@pytest.mark.slow
def test_a_second_process_adds_and_a_test_that_runs_again_replaces(run):
    run("-k", "test_both")
    written, _ = run("-k", "test_one_of_two", fails="True")
    assert set(outcomes(written["SC.X/UX.10"])) == {"test_both", "test_one_of_two[1]", "test_one_of_two[2]"}
    assert set(outcomes(written["SC.X/UX.10"]).values()) == {"passed"}
    written, _ = run("-k", "test_one_of_two")
    assert outcomes(written["SC.X/UX.10"])["test_one_of_two[2]"] == "failed"


@pytest.mark.slow
def test_another_engine_is_another_proof(run):
    run("-k", "test_both")
    written, _ = run("-k", "test_both", DPI_TEST_POSTGRES="15")
    assert set(outcomes(written["SC.X/UX.2"])) == {"test_both", "test_both (PostgreSQL 15)"}


@pytest.mark.slow
def test_a_done_requirement_without_proof_fails_the_run(run, tmp_path):
    done = tmp_path / "done.toml"
    done.write_text('done = ["SC.X/UX.2", "SC.X/UX.3", "SC.X/UX.99"]')
    _, result = run("-k", "both or skipped", "--done", DPI_REQUIREMENTS_DONE=str(done))
    assert result.returncode == 1
    assert "SC.X/UX.3" in result.stdout
    assert "SC.X/UX.99" in result.stdout
    assert "2 failed, 1 passed, 1 skipped" in result.stdout.splitlines()[-1]
    done.write_text('done = ["SC.X/UX.2"]')
    _, result = run("-k", "both or skipped", "--done", DPI_REQUIREMENTS_DONE=str(done))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("outcomes", "proven"),
    [(["passed"], True), (["skipped"], False), ([], False), (["passed", "skipped"], True),
     (["passed", "failed"], False)],
)  # fmt: skip
def test_only_a_pass_proves_and_a_failure_undoes_it(outcomes, proven):
    assert report.is_proven({"tests": [{"name": "t", "outcome": outcome} for outcome in outcomes]}) is proven


def test_the_page_lists_requirements_in_the_order_of_a_person():
    tests = {"tests": [{"name": "tests/x.py::test_a", "outcome": "passed"}]}
    page = report.page({"SC.X/UX.10": tests, "SC.X/UX.9": tests}, ["SC.X/UX.9", "SC.X/UX.1"])
    lines = [line for line in page.splitlines() if line.startswith("| SC")]
    assert lines == [
        "| SC.X/UX.1 | faite | aucune |  |",
        "| SC.X/UX.9 | faite | `tests/x.py::test_a` | réussi |",
        "| SC.X/UX.10 | en cours | `tests/x.py::test_a` | réussi |",
    ]
