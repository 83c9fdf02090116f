"""The sandbox as a process: ready line, files, signals, one process per state folder."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.runtime import Sandbox, SandboxSettings

ROOT = Path(__file__).parents[2]


def start(state: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--state", str(state), "--redirect-uri", "http://localhost:1/cb"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_says_where_it_is_and_stops_when_asked(
    settings: SandboxSettings, number: signal.Signals
) -> None:
    process = start(settings.state)
    assert process.stdout is not None
    try:
        addresses = json.loads(process.stdout.readline())
        assert json.loads((settings.state / "addresses.json").read_text()) == addresses
        assert httpx.get(addresses["psc"]["authorization_endpoint"]).status_code == 400
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_state_folder_serves_one_process(settings: SandboxSettings) -> None:
    with Sandbox(settings):
        process = start(settings.state)
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "used by another process" in complaint


def test_every_file_of_the_state_is_private(settings: SandboxSettings) -> None:
    with Sandbox(settings):
        for folder, _, names in os.walk(settings.state):
            assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
            for name in names:
                assert stat.S_IMODE((Path(folder) / name).stat().st_mode) == 0o600
