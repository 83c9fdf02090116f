"""Which variables the instance has, and which processes run: two lists to read, in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dpi.launcher.folder import Folder
from dpi.launcher.options import Options
from dpi.launcher.ports import Ports, loopbacks
from dpi.launcher.supervisor import Program

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SANDBOX_INSI_AUTHORISATION = "BACASABLE0001"
"""The number of authorisation that the stand-in of INSi knows."""
SANDBOX_PORTS = (
    "DPI_SANDBOX_HTTP_PORT",
    "DPI_SANDBOX_PSC_PORT",
    "DPI_SANDBOX_DMP_PORT",
    "DPI_SANDBOX_SMTP_PORT",
    "DPI_SANDBOX_IMAP_PORT",
)
PROVIDERS = ("psc", "etablissement")
# Variables of the person's shell that a child needs; anything else of the shell stays out.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "XDG_CACHE_HOME")
KEPT_PREFIXES = ("MLLP_", "PAM_", "SESSION_", "SENDING_", "MSS_", "CELERY_")


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of the database, for each role, and of the broker."""

    database_url: str
    database_owner_url: str
    redis_url: str


def shell(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The part of the shell's environment that children inherit."""
    source = os.environ if environment is None else environment
    return {name: value for name, value in source.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}


def base_url(options: Options) -> str:
    return f"http://localhost:{options.port}"


def instance_environment(
    folder: Folder, options: Options, servers: Servers, ports: Ports, start_id: str
) -> dict[str, str]:
    """What `$DPI_STATE/env` holds: with it, `manage.py` is the running instance."""
    sandbox = {name: str(folder.remembered_port(name, ports)) for name in SANDBOX_PORTS}
    sandbox_url = f"http://localhost:{sandbox['DPI_SANDBOX_HTTP_PORT']}"
    return sandbox | {
        "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
        "DPI_STATE": str(folder.path),
        "DPI_START_ID": start_id,
        "DPI_PORT": str(options.port),
        "DPI_MLLP_PORT": str(options.mllp_port),
        "DPI_SECRET_KEY": folder.remembered_secret("DPI_SECRET_KEY"),
        "DPI_AUDIT_KEY": folder.remembered_secret("DPI_AUDIT_KEY"),
        "DATABASE_URL": servers.database_url,
        "DATABASE_OWNER_URL": servers.database_owner_url,
        "REDIS_URL": servers.redis_url,
        "DPI_SANDBOX": "true",
        "DPI_SANDBOX_ADDRESSES": str(folder.path / "sandbox" / "addresses.json"),
        # Plain HTTP on loopback: no certificate that a browser would refuse.
        "DPI_HTTPS": "false",
        "DPI_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "DPI_COOKIE_SUFFIX": f"-{options.port}",
        "DPI_FORM_ACTION_ORIGINS": sandbox_url,
        "DPI_STATIC_FROM_SOURCES": "true",
        "DPI_DOCUMENT_STORE": str(folder.path / "documents"),
        "MSS_PATIENT_DOMAIN": "patient.mssante.test",
        "MSS_INTERNAL_DOMAINS": "ch-trois-rivieres.mssante.test",
        "MSS_NIL": "DEMONSTRATION",
        "DMP_AIR_SITES": "tous",
        # Every kind of stay: the demonstration has few, and shows the counter on each.
        "DMP_COUNTER_CARE": "I,O,E,R",
        "INS_ALLOWED_OIDS": ",".join(_ins_oids()),
        "INSI_AUTHORISATION": SANDBOX_INSI_AUTHORISATION,
    }


def _ins_oids() -> list[str]:
    from interop.ins.codes import INS_OIDS

    return sorted(INS_OIDS)


def _python(folder: Folder, name: str, environment: Mapping[str, str], *arguments: str) -> Program:
    return Program(name, (sys.executable, *arguments), environment, folder.log(name), CHECKOUT)


def _without_audit_key(environment: Mapping[str, str]) -> dict[str, str]:
    """Only the sealer seals: the others run without the key, and do not read the file that holds it."""
    return {name: value for name, value in environment.items() if name not in ("DPI_AUDIT_KEY", "DPI_STATE")}


def sandbox_program(folder: Folder, options: Options, environment: Mapping[str, str]) -> Program:
    """The stand-ins of the national services; started first, for the others need its certificates."""
    http, psc, dmp, smtp, imap = (environment[name] for name in SANDBOX_PORTS)
    arguments = ["-m", "sandbox", "--state", str(folder.private("sandbox"))]
    arguments += ["--http-port", http, "--psc-port", psc, "--dmp-port", dmp]
    arguments += ["--smtp-port", smtp, "--imap-port", imap]
    for host in ("localhost", "127.0.0.1"):
        root = f"http://{host}:{options.port}/oidc"
        arguments += ["--redirect-uri", f"{root}/psc/callback"]
        arguments += ["--establishment-redirect-uri", f"{root}/etablissement/callback"]
        for provider in PROVIDERS:
            arguments += ["--post-logout-redirect-uri", f"{root}/{provider}/logout-response"]
    # By its number: the sandbox opens no name, and the product listens on both.
    arguments += ["--backchannel-logout-uri", f"http://127.0.0.1:{options.port}/oidc/psc/backchannel-logout"]
    return _python(folder, "sandbox", shell(), *arguments)


def manage(folder: Folder, environment: Mapping[str, str], name: str, *arguments: str) -> Program:
    """A command of manage.py that ends by itself."""
    return _python(folder, name, shell() | dict(environment), "manage.py", *arguments)


def programs(folder: Folder, options: Options, environment: Mapping[str, str]) -> list[Program]:
    """The processes of the product, in the order of their start."""
    common = shell() | _without_audit_key(environment)
    sealing = common | {"DPI_AUDIT_KEY": environment["DPI_AUDIT_KEY"]}
    binds = [f"--bind={host if ':' not in host else f'[{host}]'}:{options.port}" for _, host in loopbacks()]
    return [
        _python(
            folder, "web", common,
            "-m", "gunicorn", "dpi.wsgi", *binds, "--worker-class=gthread", "--workers=2", "--threads=4",
            "--max-requests=5000", "--max-requests-jitter=500", "--timeout=60", "--graceful-timeout=5",
            "--worker-tmp-dir=/dev/shm", "--no-control-socket",
        ),
        _python(
            folder, "worker", common,
            "-m", "celery", "--app=dpi.celery", "worker", "--concurrency=2", "--loglevel=INFO",
            "--without-gossip", "--without-mingle",
        ),
        _python(
            folder, "beat", common,
            "-m", "celery", "--app=dpi.celery", "beat", "--loglevel=INFO", "--pidfile=",
        ),
        _python(folder, "mllp", common, "manage.py", "mllp_listen", "--processes=2"),
        _python(folder, "sealer", sealing, "manage.py", "seal_traces"),
    ]  # fmt: skip
