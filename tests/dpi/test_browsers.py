"""A browser that answers nothing is replaced; a test that fails is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.browser]

TESTS = """
from pathlib import Path
import pytest
from tests.browsers import chromium

pytestmark = pytest.mark.browser

@pytest.fixture(scope="module")
def started():
    with chromium() as started:
        yield started

@pytest.fixture
def page(started):
    context = started.browser.new_context()
    yield context.new_page()
    context.close()

def runs(name):
    file = Path(__file__).with_name(name)
    count = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(count))
    return count

def test_before(page):
    assert page.evaluate("1 + 1") == 2

def test_hangs_once(page):
    if runs("hangs") == 1:
        page.evaluate("() => { for (;;) {} }")
    assert page.evaluate("1 + 1") == 2

def test_fails(page):
    assert runs("fails") == 2

def test_after(page):
    assert page.evaluate("1 + 1") == 2
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_browser_that_hangs_is_replaced_and_a_failure_stays_one(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_x.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "tests.browsers", "-p", "no:django", "-n", workers,
            "--color=no", "-p", "no:randomly", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"),
            "--rootdir", str(tmp_path), str(tmp_path),
        ],
        cwd=CHECKOUT,
        env=os.environ | {"DPI_TEST_BROWSER_SECONDS": "30"},
        capture_output=True,
        text=True,
        timeout=400,
    )  # fmt: skip
    assert "1 failed, 3 passed" in done.stdout
    failures = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failures) == 1
    assert "test_x.py::test_fails" in failures[0]
    assert (tmp_path / "hangs").read_text() == "2"
    assert (tmp_path / "fails").read_text() == "1"
