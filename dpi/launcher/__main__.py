"""The order of things: folder, ports, servers, sandbox, migrations, processes, demonstration, wait."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dpi import engines, roles
from dpi.launcher import plan
from dpi.launcher.folder import Folder, open_folder
from dpi.launcher.options import LaunchRefused, Options, check_reachable, read_options
from dpi.launcher.ports import Ports
from dpi.launcher.supervisor import ProgramFailed, Supervisor, run_once
from dpi.state import write_environment

READY_SECONDS = 240.0
DATABASE = "dpi"


class Stopped(Exception):
    """SIGINT, SIGTERM or SIGHUP: the person wants everything to stop."""


def _ignore_signals() -> None:
    """While everything is being stopped, a second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _stop_on_signals() -> None:
    def handler(number: int, frame: FrameType | None) -> NoReturn:
        _ignore_signals()
        raise Stopped

    # Explicitly: a shell that starts us in the background leaves SIGINT ignored.
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


class Instance:
    """Everything that was started, so that everything is stopped."""

    def __init__(self, folder: Folder, options: Options) -> None:
        self.folder = folder
        self.options = options
        self.ports = Ports()
        self.supervisor = Supervisor()
        self.postgres: engines.Postgres | None = None
        self.valkey: engines.Valkey | None = None
        self.sockets: Path | None = None
        self.environment: dict[str, str] = {}

    def hold_ports(self) -> None:
        """Take the ports that the person chose. Raises LaunchRefused."""
        self.ports.hold(self.options.port, "choisissez-en un autre par DPI_PORT")
        self.ports.hold(self.options.mllp_port, "choisissez-en un autre par DPI_MLLP_PORT")

    def start(self) -> None:
        servers = self._start_servers()
        start_id = os.urandom(8).hex()
        self.environment = plan.instance_environment(self.folder, self.options, servers, self.ports, start_id)
        write_environment(self.folder.path, self.environment)
        self.folder.private("documents")
        addresses = Path(self.environment["DPI_SANDBOX_ADDRESSES"])
        addresses.unlink(missing_ok=True)
        self.supervisor.start([plan.sandbox_program(self.folder, self.options, self.environment)])
        self._migrate()
        self._wait(addresses.exists, "les simulateurs")
        run_once(plan.manage(self.folder, self.environment, "instance_prepare", "instance_prepare"))
        self.supervisor.start(plan.programs(self.folder, self.options, self.environment))
        self._wait(self._is_ready, "l'application")
        if self.options.loads_demonstration:
            run_once(plan.manage(self.folder, self.environment, "load_demo", "load_demo"))

    def _start_servers(self) -> plan.Servers:
        """External servers win: what the person gave is used, and nothing is started for it."""
        options, folder = self.options, self.folder
        self.sockets = sockets = engines.socket_folder(folder.path / "s", folder.account)
        redis_url = options.redis_url
        if not redis_url:
            self.valkey = engines.start_valkey(
                engines.valkey_program(folder.path / "engines", folder.account),
                folder.path / "valkey",
                sockets,
                folder.log("valkey"),
                password=self._password("valkey"),
            )
            redis_url = self.valkey.address()
        if options.database_url:
            owner = options.database_owner_url or options.database_url
            return plan.Servers(options.database_url, owner, redis_url)
        superuser = self._password("postgres")
        self.postgres = engines.start_postgres(
            engines.postgres_programs(folder.path / "engines", folder.account),
            folder.data,
            sockets,
            folder.log("postgresql"),
            password=superuser,
            options=("max_connections=60", "shared_buffers=128MB"),
        )
        passwords = {role: self._password(role) for role in (roles.OWNER, roles.APPLICATION)}
        roles.prepare_server(sockets, superuser, passwords, DATABASE)
        return plan.Servers(
            self.postgres.address(roles.APPLICATION, passwords[roles.APPLICATION], DATABASE),
            self.postgres.address(roles.OWNER, passwords[roles.OWNER], DATABASE),
            redis_url,
        )

    def _password(self, name: str) -> str:
        """A password of the instance, kept in a file of its own before any server knows it."""
        file = self.folder.private("secrets") / name
        if not file.exists():
            new = file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(engines.new_password())
            new.replace(file)
        return file.read_text().strip()

    def _migrate(self) -> None:
        """Apply the migrations when they are not those of the last start."""
        mark = self.folder.path / "migrated"
        digest = _migrations_digest()
        if self.options.database_url or not mark.exists() or mark.read_text() != digest:
            run_once(plan.manage(self.folder, self.environment, "migrate", "migrate", "--no-input"))
            mark.write_text(digest)

    def _is_ready(self) -> bool:
        address = f"http://127.0.0.1:{self.options.port}/health/ready"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            self.supervisor.check()
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{what} ne répondent pas : voyez {self.folder.path / 'log'}")
            time.sleep(0.2)

    def watch(self) -> NoReturn:
        """Until a signal, or until something essential ends."""
        while True:
            self.supervisor.check()
            for name, server in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
                if server is not None and server.process.poll() is not None:
                    raise ProgramFailed(f"{name} s'est arrêté : voyez {self.folder.path / 'log'}")
            time.sleep(0.5)

    def stop(self) -> None:
        self.supervisor.stop()
        for server in (self.valkey, self.postgres):
            if server is not None:
                server.stop()
        self.ports.close()
        if self.sockets is not None and self.folder.path not in self.sockets.parents:
            shutil.rmtree(self.sockets, ignore_errors=True)


def _migrations_digest() -> str:
    digest = hashlib.sha256()
    for file in sorted(plan.CHECKOUT.glob("*/migrations/*.py")):
        digest.update(str(file.relative_to(plan.CHECKOUT)).encode())
        digest.update(file.read_bytes())
    digest.update((plan.CHECKOUT / "requirements" / "base.txt").read_bytes())
    return digest.hexdigest()


def welcome(instance: Instance) -> Sequence[str]:
    """What the person reads when everything runs."""
    options = instance.options
    loaded = instance.folder.log("load_demo")
    summary = loaded.read_text("utf-8").strip() if loaded.exists() else ""
    sandbox = f"http://localhost:{instance.environment['DPI_SANDBOX_HTTP_PORT']}"
    return (
        "",
        f"DPI prêt : {plan.base_url(options)}",
        f"Simulateurs (Mon espace santé, pannes) : {sandbox}",
        f"HL7 (MLLP) : 127.0.0.1:{options.mllp_port}",
        f"Commandes : DPI_STATE={options.state} .venv/bin/python manage.py …",
        "",
        *([summary, ""] if summary else []),
        "Ctrl-C arrête tout.",
    )


def main(arguments: Sequence[str]) -> int:
    """`--end-with-parent` (from make): stop when the command that started us is killed."""
    _stop_on_signals()
    if "--end-with-parent" in arguments:
        engines.die_with_parent(os.getppid())()
    instance: Instance | None = None
    try:
        account = engines.server_account()
        options = read_options(os.environ, account)
        check_reachable(options.state, account)
        folder = open_folder(options.state, account)
        instance = Instance(folder, options)
        instance.hold_ports()
        print(f"Démarrage dans {options.state} …", flush=True)
        instance.start()
        print("\n".join(welcome(instance)), flush=True)
        instance.watch()
    except Stopped:
        print("Arrêt …", flush=True)
        return 0
    except (LaunchRefused, engines.EngineError, ProgramFailed) as error:
        print(str(error), file=sys.stderr, flush=True)
        return 1
    finally:
        _ignore_signals()
        if instance is not None:
            instance.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
