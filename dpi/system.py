"""System packages that no wheel brings: installed when we may, named in one line when not.

Runs before anything is installed (`make`), so it knows the standard library alone.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path


def _library(name: str) -> Callable[[], bool]:
    def present() -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return present


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _file(path: str) -> Callable[[], bool]:
    return Path(path).exists


VENV = {
    "python3-venv": lambda: find_spec("ensurepip") is not None and find_spec("venv") is not None,
}
RUN = {
    # WeasyPrint draws with them (dependencies 5).
    "libpango-1.0-0": _library("libpango-1.0.so.0"),
    "libpangoft2-1.0-0": _library("libpangoft2-1.0.so.0"),
    "libharfbuzz-subset0": _library("libharfbuzz-subset.so.0"),
    "fonts-dejavu-core": _file("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
}
TEST = RUN | {
    "postgresql-15": _file("/usr/lib/postgresql/15/bin/initdb"),
    "chromium": _program("chromium"),
    # First of the stack of the interface: what the browser measures does not change with the machine.
    "fonts-inter": _file("/usr/share/fonts/opentype/inter/Inter-Regular.otf"),
    # PDFBox Preflight judges PDF/A-1b; qpdf and poppler look inside.
    "default-jre-headless": _program("java"),
    "libpdfbox2-java": _file("/usr/share/java/pdfbox2.jar"),
    "libcommons-logging-java": _file("/usr/share/java/commons-logging.jar"),
    "libcommons-io-java": _file("/usr/share/java/commons-io.jar"),
    "libjakarta-activation-java": _file("/usr/share/java/jakarta-activation.jar"),
    "libactivation-java": _file("/usr/share/java/javax.activation.jar"),
    "libjaxb-api-java": _file("/usr/share/java/jaxb-api.jar"),
    "poppler-utils": _program("pdftoppm"),
    "qpdf": _program("qpdf"),
}
NEEDS = {"venv": VENV, "run": RUN, "test": TEST}
WITHOUT = {
    "venv": "l'environnement Python ne peut être créé",
    "run": "sans eux, la production de PDF est indisponible",
    "test": "sans eux, une partie des tests n'est pas jouée",
}


def missing(needs: dict[str, Callable[[], bool]]) -> list[str]:
    """Debian names of the packages whose content is not found."""
    return [package for package, present in needs.items() if not present()]


def install(packages: Iterable[str]) -> bool:
    """Install with apt-get, as root alone; False when it cannot or fails."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    print(f"Installation de paquets système : {' '.join(packages)}", file=sys.stderr)
    for attempt in (command, ["apt-get", "update", "-q"], command):
        done = subprocess.run(attempt, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if attempt is command and done.returncode == 0:
            return True
    return False


def main(arguments: list[str]) -> int:
    """`python -m dpi.system venv|run|test`; an absent package stops nothing but the environment."""
    kind = arguments[0] if len(arguments) == 1 and arguments[0] in NEEDS else None
    if kind is None:
        print("usage : python -m dpi.system venv|run|test", file=sys.stderr)
        return 2
    packages = missing(NEEDS[kind])
    if packages and not install(packages):
        packages = missing(NEEDS[kind])
    else:
        packages = []
    if packages:
        print(
            f"Paquets système absents ({WITHOUT[kind]}) : sudo apt-get install {' '.join(packages)}",
            file=sys.stderr,
        )
    return 1 if packages and kind == "venv" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
