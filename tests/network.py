"""No test leaves the machine: only loopback and Unix sockets are open (house style, section 10)."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

LOCAL_NAMES = frozenset({"localhost", "ip6-localhost", "testserver"})


class NetworkForbidden(Exception):
    """A test tried to reach another machine."""


def is_local(host: object) -> bool:
    """Whether an address or a name stays on this machine."""
    if host is None or host == "" or host in LOCAL_NAMES:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        target, address = arguments[0], arguments[1]
        if target.family in (socket.AF_INET, socket.AF_INET6) and address and not is_local(address[0]):
            raise NetworkForbidden(f"connection to {address[0]} refused: tests stay on this machine")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_local(arguments[0]):
        raise NetworkForbidden(f"resolution of {arguments[0]} refused: tests stay on this machine")


def forbid_network() -> None:
    """Install the guard for the life of the process: an audit hook cannot be removed or bypassed."""
    sys.addaudithook(_guard)
