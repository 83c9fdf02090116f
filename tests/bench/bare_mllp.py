"""The yardstick of `mllp_adt`: the least that stores a message once before answering it.

asyncio's own reader, the header cut at its separators, one INSERT that commits into an inbox whose sender and
MSH-10 are unique, an acknowledgement glued together. No limits, no journal, no rules, no errors.
`python -m tests.bench.bare_mllp PORT_FILE DATABASE_ADDRESS`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from psycopg_pool import AsyncConnectionPool

CREATE = (
    "CREATE TABLE bench_inbox (id bigserial PRIMARY KEY, application text NOT NULL, facility text NOT NULL,"
    " control_id text NOT NULL, raw bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),"
    " UNIQUE (application, facility, control_id))"
)
INSERT = (
    "INSERT INTO bench_inbox (application, facility, control_id, raw) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
CONNECTIONS = 4


async def main(port_file: Path, address: str) -> None:
    """Serve until killed; the port is written to the file."""
    pool = AsyncConnectionPool(
        address, kwargs={"autocommit": True}, min_size=1, max_size=CONNECTIONS, open=False
    )
    await pool.open(wait=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                framed = await reader.readuntil(b"\x1c\r")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            raw = framed[1:-2]
            fields = raw.split(b"|", 11)
            application, facility, control_id = fields[2].decode(), fields[3].decode(), fields[9].decode()
            async with pool.connection() as connection:
                await connection.execute(INSERT, (application, facility, control_id, raw), binary=True)
            writer.write(
                b"\x0bMSH|^~\\&|DPI|CHX|GAM|CHX|20250102101500||ACK^A01^ACK|%b|P|2.5\rMSA|AA|%b\r\x1c\r"
                % (fields[9], fields[9])
            )
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=64 * 2**20)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
