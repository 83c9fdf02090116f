"""A small HTTPS server on loopback that asks for a client certificate and does what a test tells it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.interop import pki


@dataclass
class Request:
    path: str
    content_type: str
    body: bytes


@dataclass
class Reply:
    """`cut` closes the line instead of answering; `length` lies about the size of the body."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/soap+xml"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    length: int | None = None


Script = Callable[[Request], Reply]


class LoopbackServer(ThreadingHTTPServer):
    """Serves `script`; keeps the requests it received and counts the connections that were accepted."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, folder: Path, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []
        self.handshakes = 0
        self._tls = _server_context(folder)

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.server_address[1]}/services/"

    def get_request(self) -> tuple[socket.socket, object]:
        line, address = super().get_request()
        return self._tls.wrap_socket(line, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        """A line that a test cuts, or a handshake that it spoils, is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 5
    server: LoopbackServer

    def setup(self) -> None:
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        self.server.handshakes += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(self.path, self.headers["Content-Type"], body)
        self.server.requests.append(request)
        reply = self.server.script(request)
        if reply.cut:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        if "Date" not in reply.headers:
            self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.length is not None:
            self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        pass

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


def write_files(folder: Path) -> None:
    """Write the authority, and the certificates of the server and of a client, as PEM files."""
    (folder / "ca.pem").write_bytes(pki.authority().certificate_pem)
    for name, purpose in (("server", "server"), ("client", "client")):
        identity = pki.issued(name, purpose=purpose)
        (folder / f"{name}.pem").write_bytes(identity.certificate_pem)
        (folder / f"{name}.key").write_bytes(identity.key_pem)


def _server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def serving(folder: Path, script: Script, *, tls_1_2: bool = False) -> Iterator[LoopbackServer]:
    """Run a server for the time of a test."""
    server = LoopbackServer(folder, script)
    if tls_1_2:
        server._tls.maximum_version = ssl.TLSVersion.TLSv1_2
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        return int(line.getsockname()[1])
