"""The parts of the launcher that decide before anything runs."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys

import pytest

from dpi import engines, state
from dpi.engines import Account
from dpi.launcher import plan
from dpi.launcher.folder import open_folder
from dpi.launcher.options import LaunchRefused, check_reachable, default_state, read_options
from dpi.launcher.ports import FREE_PORTS, Ports
from dpi.launcher.supervisor import Program, ProgramFailed, Supervisor, last_line, run_once

NOBODY = Account(65534, 65534)


def program(tmp_path, code, name="child"):
    return Program(name, (sys.executable, "-c", code), os.environ.copy(), tmp_path / f"{name}.log", tmp_path)


def wait_until(condition, seconds=60):
    """Wait on a condition, never for a time."""
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.01)


@pytest.fixture
def other_ports():
    held = Ports()
    yield held
    held.close()


class TestOptions:
    def test_defaults_are_those_of_the_readme(self, tmp_path):
        options = read_options({"XDG_STATE_HOME": str(tmp_path)}, None)
        assert (options.port, options.mllp_port, options.state) == (8000, 2575, tmp_path / "dpi")

    def test_root_has_a_folder_that_the_servers_may_enter(self):
        assert str(default_state({}, NOBODY)) == "/var/lib/dpi-demo"

    @pytest.mark.parametrize("written", ["http", "0", "65536", "-1", "80 80"])
    def test_a_port_that_is_none_is_refused_with_its_name(self, written):
        with pytest.raises(LaunchRefused, match="DPI_PORT"):
            read_options({"DPI_PORT": written}, None)

    def test_one_port_cannot_serve_twice(self):
        with pytest.raises(LaunchRefused, match="DPI_MLLP_PORT"):
            read_options({"DPI_PORT": "2575"}, None)


class TestPorts:
    def test_a_taken_port_is_refused_and_the_remedy_said(self, ports):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(LaunchRefused, match=rf"{port}.*DPI_PORT"):
                ports.hold(port, "choisissez-en un autre par DPI_PORT")

    @pytest.mark.parametrize("reuse_port", [False, True])
    def test_the_program_listens_on_a_held_port_and_starts_again_on_it(self, ports, reuse_port):
        """Twice, with a line closed by the program itself: it stays in TIME_WAIT."""
        address = ("127.0.0.1", ports.hold_free())
        for _ in range(2):
            with socket.create_server(address, reuse_port=reuse_port) as server:
                with socket.create_connection(address) as client:
                    line, _ = server.accept()
                    line.close()
                    assert client.recv(1) == b""

    def test_nobody_answers_on_a_held_port_before_its_program(self, ports):
        port = ports.hold_free()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    def test_a_held_port_is_free_for_no_other_launcher(self, ports, other_ports, monkeypatch):
        """Another launcher that draws the same number draws again."""
        held, spare = ports.hold_free(), other_ports.hold_free()
        other_ports.close()
        draws = iter([held, held, spare])
        monkeypatch.setattr("dpi.launcher.ports.secrets.randbelow", lambda width: next(draws) - FREE_PORTS[0])
        assert other_ports.hold_free() == spare

    def test_a_port_given_back_may_be_taken(self, ports, other_ports):
        port = ports.hold_free()
        ports.close()
        assert other_ports.hold(port, "") == port


class TestReachable:
    def test_a_folder_below_a_closed_one_is_refused(self, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(LaunchRefused, match="DPI_STATE"):
            check_reachable(closed / "state", NOBODY)

    def test_a_file_is_reachable_when_every_folder_above_lets_through(self, tmp_path, monkeypatch):
        tmp_path.chmod(0o711)
        file = tmp_path / "program"
        file.write_text("")
        file.chmod(0o644)
        assert engines.permits(tmp_path, NOBODY, 0o1)
        assert not engines.permits(tmp_path, NOBODY, 0o4)
        assert engines.permits(file, NOBODY, 0o4)
        file.chmod(0o600)
        assert not engines.permits(file, NOBODY, 0o4)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_cannot_be_written_is_refused(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(LaunchRefused, match="ne peut être écrit"):
            check_reachable(tmp_path / "state", None)


class TestFolder:
    def test_two_launchers_never_share_one(self, tmp_path):
        first = open_folder(tmp_path / "state", None)
        with pytest.raises(LaunchRefused, match=f"processus {os.getpid()}"):
            open_folder(tmp_path / "state", None)
        first.lock.close()
        open_folder(tmp_path / "state", None).lock.close()

    def test_secrets_and_ports_are_those_of_the_last_start(self, tmp_path, ports):
        folder = open_folder(tmp_path / "state", None)
        first = (folder.remembered_secret("DPI_X"), folder.remembered_port("DPI_Y", ports))
        state.write_environment(folder.path, {"DPI_X": first[0], "DPI_Y": str(first[1])})
        folder.lock.close()
        again = open_folder(tmp_path / "state", None)
        ports.close()
        assert (again.remembered_secret("DPI_X"), again.remembered_port("DPI_Y", ports)) == first
        again.lock.close()

    def test_a_remembered_port_that_another_program_took_names_the_file_to_change(self, tmp_path, ports):
        with socket.create_server(("127.0.0.1", 0)) as server:
            state.write_environment(tmp_path, {"DPI_Y": str(server.getsockname()[1])})
            folder = open_folder(tmp_path, None)
            with pytest.raises(LaunchRefused, match=rf"changez DPI_Y dans {tmp_path}/env"):
                folder.remembered_port("DPI_Y", ports)
            folder.lock.close()

    def test_the_environment_file_is_closed_to_others_from_its_first_byte(self, tmp_path):
        state.write_environment(tmp_path, {"DPI_SECRET_KEY": "a=b"})
        assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
        assert state.read_environment(tmp_path) == {"DPI_SECRET_KEY": "a=b"}

    def test_a_value_of_two_lines_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="DPI_X"):
            state.write_environment(tmp_path, {"DPI_X": "a\nDPI_DEBUG=true"})

    def test_what_the_person_set_wins_over_the_file(self, tmp_path, monkeypatch):
        state.write_environment(tmp_path, {"DPI_X": "file", "DPI_Y": "file"})
        monkeypatch.setenv("DPI_STATE", str(tmp_path))
        monkeypatch.setenv("DPI_X", "shell")
        monkeypatch.delenv("DPI_Y", raising=False)
        state.load_environment()
        assert (os.environ["DPI_X"], os.environ.pop("DPI_Y")) == ("shell", "file")

    def test_a_long_path_puts_the_sockets_elsewhere(self, tmp_path):
        long = tmp_path / ("x" * 90) / "s"
        sockets = engines.socket_folder(long, None)
        assert sockets != long
        assert len(str(sockets / ".s.PGSQL.5432")) < 107
        sockets.rmdir()


class TestPlan:
    def test_only_the_sealer_holds_the_key_of_the_chain(self, tmp_path, ports):
        folder = open_folder(tmp_path / "state", None)
        options = read_options({"DPI_STATE": str(tmp_path / "state")}, None)
        servers = plan.Servers("postgresql://a@/d", "postgresql://o@/d", "unix:///r")
        environment = plan.instance_environment(folder, options, servers, ports, "start")
        holders = [
            program.name
            for program in plan.programs(folder, options, environment)
            if "DPI_AUDIT_KEY" in program.environment
        ]
        assert holders == ["sealer"]
        folder.lock.close()

    def test_secrets_are_never_on_a_command_line(self, tmp_path, ports):
        folder = open_folder(tmp_path / "state", None)
        options = read_options({"DPI_STATE": str(tmp_path / "state")}, None)
        servers = plan.Servers("postgresql://a:pw-app@/d", "postgresql://o:pw-own@/d", "unix://:pw-red@/r")
        environment = plan.instance_environment(folder, options, servers, ports, "start")
        lines = " ".join(
            argument
            for program in plan.programs(folder, options, environment)
            for argument in program.command
        )
        for secret in (environment["DPI_SECRET_KEY"], environment["DPI_AUDIT_KEY"], "pw-app", "pw-red"):
            assert secret not in lines
        folder.lock.close()

    def test_cookies_of_two_instances_have_two_names(self, tmp_path, ports):
        names = set()
        for port in ("18001", "18002"):
            folder = open_folder(tmp_path / port, None)
            options = read_options({"DPI_STATE": str(tmp_path / port), "DPI_PORT": port}, None)
            servers = plan.Servers("postgresql://a@/d", "postgresql://o@/d", "unix:///r")
            names.add(
                plan.instance_environment(folder, options, servers, ports, "start")["DPI_COOKIE_SUFFIX"]
            )
            folder.lock.close()
        assert names == {"-18001", "-18002"}

    def test_the_shell_of_the_person_does_not_leak_into_the_instance(self):
        kept = plan.shell({"PATH": "/bin", "DATABASE_URL": "x", "PGPASSWORD": "x", "MLLP_THREADS": "2"})
        assert kept == {"PATH": "/bin", "MLLP_THREADS": "2"}


class TestSupervisor:
    def test_a_program_that_ends_is_started_again(self, tmp_path):
        supervisor = Supervisor()
        mark = tmp_path / "starts"
        code = f"open({str(mark)!r}, 'a').write('x')"
        supervisor.start([program(tmp_path, code)])

        def restarted():
            supervisor.check()
            return mark.exists() and len(mark.read_text()) >= 2

        wait_until(restarted)
        supervisor.stop()

    def test_a_program_that_ends_again_and_again_stops_everything(self, tmp_path, monkeypatch):
        monkeypatch.setattr("dpi.launcher.supervisor.RESTART_PAUSE_SECONDS", 0.0)
        supervisor = Supervisor()
        supervisor.start([program(tmp_path, "print('plus de disque')", "mllp")])

        def loop():
            while True:
                supervisor.check()

        with pytest.raises(ProgramFailed, match="mllp s'arrête sans cesse : plus de disque"):
            loop()
        supervisor.stop()

    def test_a_child_that_does_not_listen_is_ended_with_its_own_children(self, tmp_path, monkeypatch):
        monkeypatch.setattr("dpi.launcher.supervisor.STOP_SECONDS", 0.3)
        pid_file = tmp_path / "grandchild"
        code = (
            "import signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
            "time.sleep(600)\n"
        )
        supervisor = Supervisor()
        supervisor.start([program(tmp_path, code)])
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
        supervisor.stop()
        wait_until(lambda: not _alive(int(pid_file.read_text())))

    def test_a_command_that_fails_says_its_last_line(self, tmp_path):
        with pytest.raises(ProgramFailed, match="migrate a échoué : la cause"):
            run_once(program(tmp_path, "print('avant'); raise SystemExit('la cause')", "migrate"))

    def test_the_pointer_of_an_sql_error_is_not_its_cause(self, tmp_path):
        log = tmp_path / "x.log"
        log.write_text("Traceback\nError: column absent\nLINE 1: SELECT x\n               ^\n")
        assert last_line(log) == "Error: column absent"

    def test_children_die_with_a_launcher_that_is_killed(self, tmp_path):
        pid_file = tmp_path / "pid"
        code = (
            "import os, pathlib, sys, time\n"
            "from dpi.launcher.supervisor import Program, Supervisor\n"
            f"p = Program('c', (sys.executable, '-c', 'import time; time.sleep(600)'), dict(os.environ), "
            f"pathlib.Path({str(tmp_path / 'c.log')!r}), pathlib.Path('/'))\n"
            "s = Supervisor()\n"
            "s.start([p])\n"
            f"pathlib.Path({str(pid_file)!r}).write_text(str(s._children[0].process.pid))\n"
            "time.sleep(600)\n"
        )
        launcher = subprocess.Popen([sys.executable, "-c", code], cwd=plan.CHECKOUT)
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
        child = int(pid_file.read_text())
        assert _alive(child)
        launcher.kill()
        launcher.wait()
        wait_until(lambda: not _alive(child))


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the process went meanwhile
        return False
