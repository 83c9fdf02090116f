"""Children of the launcher: started with a tie to it, watched, stopped in reverse order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dpi.engines import die_with_parent, stop

RESTART_PAUSE_SECONDS = 1.0
RESTARTS_ALLOWED = 5
RESTART_WINDOW_SECONDS = 60.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running: data, so that the list reads in one place (`plan`)."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    directory: Path


class ProgramFailed(Exception):
    """A program ends again and again; the sentence is French."""


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    ended_at: float | None = None
    restarts: list[float] = field(default_factory=list)


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C reaches the launcher alone, which orders the stop."""
    with program.log.open("ab") as output:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=program.directory,
            env=dict(program.environment),
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
        )


def run_once(program: Program) -> None:
    """Run a program to its end. Raises ProgramFailed with the last line it wrote."""
    process = spawn(program)
    try:
        code = process.wait()
    except BaseException:
        stop(process, signal.SIGTERM)
        raise
    if code:
        raise ProgramFailed(f"{program.name} a échoué : {last_line(program.log)} (journal : {program.log})")


def last_line(log: Path) -> str:
    """What a program said last, past the pointers of SQL errors; empty when it said nothing."""
    lines = [
        line
        for line in log.read_text("utf-8", "replace").splitlines()
        if line[:1].strip() and not line.startswith("LINE ")
    ]
    return lines[-1].strip() if lines else ""


class Supervisor:
    """Keeps the programs running until `stop`."""

    def __init__(self) -> None:
        self._children: list[_Child] = []

    def start(self, programs: Sequence[Program]) -> None:
        for program in programs:
            self._children.append(_Child(program, spawn(program)))

    def check(self) -> None:
        """Restart what ended, after a pause. Raises ProgramFailed when one ends too often."""
        now = time.monotonic()
        for child in self._children:
            if child.process.poll() is None:
                continue
            if child.ended_at is None:
                child.ended_at = now
                _end_group(child.process)
                child.restarts = [at for at in child.restarts if now - at < RESTART_WINDOW_SECONDS]
                if len(child.restarts) >= RESTARTS_ALLOWED:
                    raise ProgramFailed(
                        f"{child.program.name} s'arrête sans cesse : {last_line(child.program.log)} "
                        f"(journal : {child.program.log})"
                    )
            elif now - child.ended_at >= RESTART_PAUSE_SECONDS:
                child.restarts.append(now)
                child.process = spawn(child.program)
                child.ended_at = None

    def stop(self) -> None:
        """Ask all, last started first; end by force those that do not listen, with their own children."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self._children):
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            _end_group(child.process)
        self._children.clear()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what a program may have left behind: its session is its own, so its group is too."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
