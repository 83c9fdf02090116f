"""Which test proves which requirement: `build/requirements.json`, and `docs/exigences.md` made of it.

A test carries `@pytest.mark.requirement("SC.DMP/UX.12")`. Each run adds its outcomes to the file,
whatever the number of workers and of pytest processes; `make test` begins with an empty one.
With `--done`, a requirement listed as done in docs/exigences.toml without a passing proof (a skip
is not a pass) fails the run as a test of its own.

`python -m tests.requirements_report` writes docs/exigences.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
REPORT = Path(os.environ.get("DPI_REQUIREMENTS_REPORT") or CHECKOUT / "build" / "requirements.json")
DONE = Path(os.environ.get("DPI_REQUIREMENTS_DONE") or CHECKOUT / "docs" / "exigences.toml")
PAGE = CHECKOUT / "docs" / "exigences.md"
PROPERTY = "requirement"
ORDER = {"skipped": 0, "passed": 1, "failed": 2}
FRENCH = {"passed": "réussi", "failed": "échoué", "skipped": "non joué"}

Report = dict[str, dict[str, list[dict[str, str]]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--done", action="store_true", help="fail when a done requirement has no passing proof")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(*ids): requirement ids that this test proves")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config), "requirements-collector")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Attach the ids to the item: they travel with its report from the workers of xdist."""
    for item in items:
        for marker in item.iter_markers("requirement"):
            item.user_properties.extend((PROPERTY, identifier) for identifier in marker.args)


class Collector:
    """Keeps the worst outcome of each proof; lives in the process that the person started."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.outcomes: dict[str, tuple[str, frozenset[str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        identifiers = frozenset(str(value) for name, value in report.user_properties if name == PROPERTY)
        if not identifiers or (report.when != "call" and report.passed):
            return
        previous = self.outcomes.get(report.nodeid, ("skipped", identifiers))[0]
        self.outcomes[report.nodeid] = (max(previous, report.outcome, key=ORDER.__getitem__), identifiers)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        report = merge(self.outcomes)
        if self.config.getoption("--done") and not self.config.option.collectonly:
            for identifier in unproven(done_identifiers(), report):
                self._fail(session, identifier)

    def _fail(self, session: pytest.Session, identifier: str) -> None:
        failure = pytest.TestReport(
            nodeid=f"docs/exigences.toml::{identifier}",
            location=("docs/exigences.toml", 0, identifier),
            keywords={},
            outcome="failed",
            longrepr=f"{identifier} is listed as done in docs/exigences.toml and no passing test proves it",
            when="call",
        )
        session.testsfailed += 1
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.config.hook.pytest_runtest_logreport(report=failure)


def engine_suffix() -> str:
    """The same test on another database engine is another proof."""
    version = os.environ.get("DPI_TEST_POSTGRES", "18")
    return "" if version in ("", "18") else f" (PostgreSQL {version})"


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_report(file: Path = REPORT) -> Report:
    """`{id: {"tests": [{"name", "outcome"}]}}`; empty before the first run."""
    if not file.exists():
        return {}
    report: Report = json.loads(file.read_text("utf-8"))
    return report


def merge(outcomes: Mapping[str, tuple[str, frozenset[str]]], file: Path = REPORT) -> Report:
    """Add one run to the file; a test that ran again replaces its outcome, under all its ids."""
    suffix = engine_suffix()
    with _locked(file):
        proofs = {
            identifier: {test["name"]: test["outcome"] for test in entry["tests"]}
            for identifier, entry in read_report(file).items()
        }
        for nodeid, (outcome, identifiers) in outcomes.items():
            for identifier in identifiers:
                proofs.setdefault(identifier, {})[nodeid + suffix] = outcome
        report: Report = {
            identifier: {
                "tests": [{"name": name, "outcome": tests[name]} for name in sorted(tests)],
            }
            for identifier, tests in sorted(proofs.items(), key=lambda item: sort_key(item[0]))
        }
        new = file.with_suffix(".new")
        new.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
        new.replace(file)
    return report


def sort_key(identifier: str) -> tuple[tuple[int, int, str], ...]:
    """Order of a person: `UX.9` before `UX.10`."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", identifier)
        if part
    )


def done_identifiers(file: Path = DONE) -> list[str]:
    """The ids that docs/exigences.toml lists as done, in order of a person."""
    with file.open("rb") as content:
        return sorted(tomllib.load(content).get("done", []), key=sort_key)


def unproven(done: Iterable[str], report: Report) -> list[str]:
    """Done ids without a proof, or with a proof that failed; what was only skipped proves nothing."""
    return [identifier for identifier in done if not is_proven(report.get(identifier, {"tests": []}))]


def is_proven(entry: Mapping[str, list[dict[str, str]]]) -> bool:
    outcomes = [test["outcome"] for test in entry["tests"]]
    return "passed" in outcomes and "failed" not in outcomes


def page(report: Report, done: Iterable[str]) -> str:
    """docs/exigences.md: requirement, state, proofs with their outcome. French, for an assessor."""
    listed = frozenset(done)
    lines = [
        "# Exigences et preuves",
        "",
        "Page produite par `make exigences` à partir de `build/requirements.json` (dernier `make test`) ;",
        "ne la modifiez pas à la main. « Faite » : listée dans `docs/exigences.toml`, ce qui exige une",
        "preuve réussie à chaque exécution ; un test non joué n'est pas une preuve. Ces preuves sont",
        "les nôtres, elles ne valent pas référencement.",
        "",
        "| exigence | état | preuve | résultat |",
        "| --- | --- | --- | --- |",
    ]
    for identifier in sorted({*report, *listed}, key=sort_key):
        tests = report.get(identifier, {"tests": []})["tests"] or [{"name": "", "outcome": ""}]
        for rank, test in enumerate(tests):
            state = ("faite" if identifier in listed else "en cours") if rank == 0 else ""
            name = f"`{test['name']}`" if test["name"] else "aucune"
            outcome = FRENCH.get(test["outcome"], "")
            lines.append(f"| {identifier if rank == 0 else ''} | {state} | {name} | {outcome} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    report = read_report()
    if not report:
        sys.exit("build/requirements.json est absent : lancez d'abord make test.")
    PAGE.write_text(page(report, done_identifiers()), "utf-8")


if __name__ == "__main__":
    main()
