"""A listener that is killed by SIGKILL between its commit and its answer; run as a program by a test.

`python -m tests.exchange.killed_listener PORT_FILE CODE`: serves the partner CODE. The bytes of the first
answer are ready, the effect is committed, and the process dies before a single byte leaves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import django


def main(port_file: Path, code: str) -> None:
    django.setup()
    from exchange import listener
    from exchange.models import Partner

    def die(_: bytes) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    listener.frame = die  # type: ignore[attr-defined]
    partner = Partner.objects.get(code=code)
    bound = socket.create_server(("127.0.0.1", 0))

    async def serve() -> None:
        serving = listener.Listener(
            listener.ListenerSettings(max_frame_bytes=2**20, max_connections=4, idle_seconds=30, threads=1)
        )
        await serving.serve(partner, bound, None)
        port_file.write_text(str(bound.getsockname()[1]), "utf-8")
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
