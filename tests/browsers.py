"""Chromium for the tests: started in one way, and started again when it no longer answers, or died.

A call of Playwright such as `evaluate` or `pdf` has no time limit, and Chromium, on a loaded machine, at
times never answers one, or ends. The browser of a test that takes longer than any can is killed, and the
test begins again in a new one, once; so does one that failed while its browser died. A test that fails by
itself never begins again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

PATIENCE = float(os.environ.get("DPI_TEST_BROWSER_SECONDS", "300"))
"""Seconds after which a browser is held for dead; the slowest test takes fifty, or twice that."""
KILLED_AGAIN_SECONDS = 5.0
EXPECTED_WITHIN_MS = 20_000
"""How long `expect` waits: a condition, never a time, so a slow machine only takes longer."""
QUIET = ("background-networking", "component-update", "sync", "gpu")
_running: list[Chromium] = []
_died = threading.Event()


class Chromium:
    """The browser of a module: `browser` is one that is alive."""

    def __init__(self, playwright: Playwright, program: str) -> None:
        self._playwright = playwright
        self._program = program
        self._mark = f"--dpi-test={secrets.token_hex(8)}"
        self._browser = self._launch()

    @property
    def browser(self) -> Browser:
        if not self._browser.is_connected():
            self._browser = self._launch()
        return self._browser

    def close(self) -> None:
        self._browser.remove_listener("disconnected", _note_death)
        self._browser.close()

    def kill(self) -> None:
        """End the process of the browser from any thread: what waits for it fails at once."""
        for process in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if self._mark in (process / "cmdline").read_text(errors="replace"):
                    os.kill(int(process.name), signal.SIGKILL)

    def _launch(self) -> Browser:
        arguments = ["--no-sandbox", *(f"--disable-{feature}" for feature in QUIET), self._mark]
        browser = self._playwright.chromium.launch(executable_path=self._program, args=arguments)
        browser.on("disconnected", _note_death)
        return browser


def _note_death(browser: Browser) -> None:
    _died.set()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """The browser of a module, or a skip that says what is missing.

    Playwright keeps an event loop in this thread, where Django then refuses its ORM; a test uses the
    one between two calls of the other, so the refusal is lifted while the browser runs.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium manque sur ce poste : apt-get install chromium.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=EXPECTED_WITHIN_MS)
        started = Chromium(playwright, program)
        _running.append(started)
        try:
            yield started
        finally:
            _running.remove(started)
            started.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that drives a browser; once more when its browser was killed, or died under it."""
    if item.get_closest_marker("browser") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports, is_lost = _guarded(item, nextitem)
    if is_lost:
        reports, _ = _guarded(item, nextitem)
        reports[-1].sections.append(("browser", f"died, or answered nothing for {PATIENCE} s: started again"))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _guarded(item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], bool]:
    """The reports of one run, and whether its browser was lost meanwhile."""
    ended, killed = threading.Event(), threading.Event()
    _died.clear()

    def kill() -> None:
        """Until the test ends: a browser that was still starting is not found the first time."""
        wait = PATIENCE
        while not ended.wait(wait):
            killed.set()
            for started in list(_running):
                started.kill()
            wait = KILLED_AGAIN_SECONDS

    guard = threading.Thread(target=kill, name="browser-guard", daemon=True)
    guard.start()
    try:
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    finally:
        ended.set()
        guard.join()
    died = _died.is_set() and any(report.failed for report in reports)
    return reports, killed.is_set() or died
