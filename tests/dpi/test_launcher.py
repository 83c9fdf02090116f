"""The launcher as a person uses it: real processes, a folder of its own, free ports."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dpi.launcher.ports import Ports
from dpi.state import read_environment
from tests.shared import CHECKOUT

pytestmark = pytest.mark.slow

START_SECONDS = 300


class Launched:
    """A launcher of this test, and what it said."""

    def __init__(self, state, **environment):
        self.state = Path(state)
        self.output = self.state.with_name(f"{secrets.token_hex(4)}.out")
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dpi.launcher"],
                cwd=CHECKOUT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": os.environ.get("HOME", "/"),
                    "DPI_STATE": str(state),
                    "DPI_DEMO": "false",
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )
        self.port = environment["DPI_PORT"]

    @property
    def said(self):
        return self.output.read_text()

    def wait_ready(self):
        wait_until(lambda: "DPI prêt" in self.said or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.said
        return self

    def parts(self):
        with urllib.request.urlopen(f"http://localhost:{self.port}/health/ready", timeout=10) as answer:
            return json.load(answer)["parts"]

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)

    def members(self):
        """Processes that live in this state folder or were started by this launcher."""
        return [pid for pid in processes() if mentions(pid, str(self.state))]


def processes():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def mentions(pid, text):
    """Whether a live process names the folder on its command line or in its environment."""
    try:
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return False
        content = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return os.fsencode(text) in content


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.05)


@pytest.fixture
def state():
    """A folder that the servers' account may enter, whatever closes pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="dpi-launch-"))
    folder.chmod(0o711)
    yield folder / "state"
    shutil.rmtree(folder, ignore_errors=True)


def chosen_ports(ports):
    return {name: str(ports.hold_free()) for name in ("DPI_PORT", "DPI_MLLP_PORT")}


@contextmanager
def launched(state):
    with closing(Ports()) as ports:
        launcher = Launched(state, **chosen_ports(ports))
        try:
            yield launcher
        finally:
            if launcher.process.poll() is None:
                launcher.process.kill()
                launcher.process.wait()
            wait_until(lambda: not launcher.members())


def refusal(state, **environment):
    """The one line by which a launcher refuses to start."""
    with closing(Ports()) as ports:
        launcher = Launched(state, **chosen_ports(ports) | environment)
        assert launcher.process.wait(60) == 1
    lines = launcher.said.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_an_instance_lives_its_whole_life(state):
    """Start, refusals to share, a second start on the same data, and no process left by any end."""
    with launched(state) as first:
        first.wait_ready()
        parts = first.parts()
        assert {parts[name]["state"] for name in ("database", "broker", "worker", "services")} == {"ok"}
        assert parts["certificates"]["days_left"] > 0

        holder = first.process.pid
        assert refusal(state) == f"Une instance tourne déjà dans {state} (processus {holder})."
        taken = refusal(state.with_name("other"), DPI_PORT=first.port)
        assert taken.startswith(f"Le port {first.port} ne peut être ouvert")
        assert "DPI_PORT" in taken
        assert first.parts()["database"]["state"] == "ok"

        before = read_environment(state)
        answer = manage(
            state, "shell", "-v0", "-c", "from audit.models import Trace; print(Trace.objects.count())"
        )
        assert int(answer) > 0
        # SIGINT was ignored by the shell that started the launcher: it must listen all the same.
        assert first.end(signal.SIGINT) == 0
        assert not first.members()

    with launched(state) as again:
        again.wait_ready()
        kept = read_environment(state)
        for name in ("DPI_SECRET_KEY", "DPI_AUDIT_KEY", "DPI_SANDBOX_PSC_PORT"):
            assert kept[name] == before[name]
        assert kept["DPI_START_ID"] != before["DPI_START_ID"]
        assert (
            int(
                manage(
                    state,
                    "shell",
                    "-v0",
                    "-c",
                    "from audit.models import Trace; print(Trace.objects.count())",
                )
            )
            > 0
        )
        members = again.members()
        assert len(members) > 8
        again.process.kill()
        again.process.wait()
        wait_until(lambda: not again.members(), 60)


def test_two_instances_run_side_by_side(state):
    with launched(state) as one, launched(state.with_name("neighbour")) as other:
        one.wait_ready()
        other.wait_ready()
        assert one.parts()["worker"]["state"] == other.parts()["worker"]["state"] == "ok"
        assert cookie_names(one.port).isdisjoint(cookie_names(other.port))
        assert other.end(signal.SIGTERM) == 0
        assert one.parts()["database"]["state"] == "ok"
        assert one.end(signal.SIGTERM) == 0


def test_a_part_that_is_killed_comes_back(state):
    with launched(state) as instance:
        instance.wait_ready()
        web = [pid for pid in instance.members() if mentions(pid, "gunicorn")]
        os.kill(web[0], signal.SIGKILL)

        def answers():
            try:
                return instance.parts()["worker"]["state"] == "ok"
            except OSError:
                return False

        wait_until(answers, 60)
        assert instance.end(signal.SIGTERM) == 0


def test_the_files_of_an_instance_are_closed_to_others(state):
    with launched(state) as instance:
        instance.wait_ready()
        for path in (state / "env", *(state / "secrets").iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path
        for folder in ("postgresql", "valkey", "documents", "sandbox", "secrets", "log"):
            assert (state / folder).stat().st_mode & 0o077 == 0, folder
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in instance.members()]
        passwords = [path.read_bytes() for path in (state / "secrets").iterdir()]
        assert not [line for line in lines for password in passwords if password in line]
        assert instance.end(signal.SIGTERM) == 0


def manage(state, *arguments):
    """`manage.py` in a bare shell where DPI_STATE alone is set."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "DPI_STATE": str(state)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def count_traces(state):
    """Asked through manage.py: it must speak to this very instance."""
    code = "from audit.models import Trace; print(Trace.objects.count())"
    return int(manage(state, "shell", "-v0", "-c", code))


def cookie_names(port):
    """Names of the cookies that the login page sets."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return {value.partition("=")[0] for value in answer.headers.get_all("Set-Cookie") or []}
