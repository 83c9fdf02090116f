"""The ports of an instance: chosen, then held from the choice to the end of the instance.

A port that is only looked at can be taken before the program that needs it listens: by another instance that
starts, or by any outgoing connection. So the launcher binds each port and never listens on it. Linux lets the
program bind it too, since both ask for SO_REUSEADDR and only one of them listens; nobody else is given it.
"""

from __future__ import annotations

import secrets
import socket

from dpi.launcher.options import LaunchRefused

# Below the range from which the system usually takes ports for outgoing connections.
FREE_PORTS = (20000, 30000)
ATTEMPTS = 200


class Ports:
    """The ports that this launcher holds, on every form of loopback."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def hold(self, port: int, remedy: str) -> int:
        """Hold a port chosen before. Raises LaunchRefused, ending with the remedy, when another has it."""
        try:
            self._bind(port, reuse=True)
        except OSError as error:
            raise LaunchRefused(
                f"Le port {port} ne peut être ouvert ({error.strerror}) : {remedy}."
            ) from None
        return port

    def hold_free(self) -> int:
        """Choose a port that nobody has, and hold it."""
        lowest, highest = FREE_PORTS
        for _ in range(ATTEMPTS):
            port = lowest + secrets.randbelow(highest - lowest)
            try:
                # Alone: a port that another launcher holds, or that still closes its lines, is not free.
                self._bind(port, reuse=False)
            except OSError:
                continue
            return port
        raise LaunchRefused("Aucun port libre n'a été trouvé pour les simulateurs.")

    def close(self) -> None:
        """Give every port back."""
        for held in self._held:
            held.close()
        self._held.clear()

    def _bind(self, port: int, *, reuse: bool) -> None:
        bound: list[socket.socket] = []
        try:
            for family, host in loopbacks():
                line = socket.socket(family, socket.SOCK_STREAM)
                bound.append(line)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                line.bind((host, port))
                line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
        except OSError:
            for line in bound:
                line.close()
            raise
        self._held += bound


def loopbacks() -> list[tuple[socket.AddressFamily, str]]:
    """The loopback addresses of this machine: `localhost` may mean either in a browser."""
    found = [(socket.AF_INET, "127.0.0.1")]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return found
    return [*found, (socket.AF_INET6, "::1")]
