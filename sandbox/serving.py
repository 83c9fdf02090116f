"""The HTTP side of the sandbox: threaded servers of the standard library, plain or TLS, on loopback.

A service is a function from `Request` to `Response`. A response may also tell the server to misbehave on
the wire: cut the line, or answer twice.
"""

import json
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

logger = logging.getLogger("sandbox.serving")

MAX_BODY: Final = 64 * 1024 * 1024
"""Largest request body in bytes: above any document that the product may send."""
IDLE_SECONDS: Final = 60.0
"""A keep-alive connection without request is closed after this time."""
HANDSHAKE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
"""How long a server may take to notice that it must stop."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, fully read. `client_certificate` is DER, present only on a verified mutual TLS
    line. `query` keeps the last value of a repeated name, `raw_query` all of them.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client_certificate: bytes | None = None
    raw_query: str = ""

    def form(self) -> dict[str, str]:
        """Fields of an url-encoded form; a repeated field keeps its last value."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """Body as JSON; ValueError when it is not."""
        return json.loads(self.body)

    def cookie(self, name: str) -> str | None:
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `cut` resets the line instead of answering; `copies` is how often the bytes are
    sent.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=())
    cut: bool = False
    copies: int = 1


CUT: Final = Response(cut=True)
Service = Callable[[Request], Response]


def json_response(value: Any, status: int = HTTPStatus.OK, **headers: str) -> Response:
    return Response(
        status,
        json.dumps(value, ensure_ascii=False).encode(),
        "application/json",
        tuple((name.replace("_", "-"), text) for name, text in headers.items()),
    )


def redirect(location: str, *headers: tuple[str, str]) -> Response:
    return Response(HTTPStatus.SEE_OTHER, headers=(("Location", location), *headers))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    # A small answer must leave at once, in one packet: Nagle with delayed acknowledgements costs 40 ms per
    # request.
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_SECONDS
    server: "HttpServer"

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            client_certificate=self._client_certificate(),
            raw_query=parts.query,
        )
        try:
            response = self.server.service(request)
        except Exception:
            # The last line of defence of a server: the request fails, the process lives, the log says why.
            logger.exception("sandbox.request.failed")
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"sandbox error")
        if response.cut:
            self._cut()
            return
        for _ in range(response.copies):
            self._answer(response)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _serve

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._read_chunks()
        else:
            length = self.headers.get("Content-Length", "0")
            body = self.rfile.read(int(length)) if length.isdigit() and int(length) <= MAX_BODY else None
        if body is None:
            self.close_connection = True
            self._answer(Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"body refused"))
            self.wfile.flush()
        return body

    def _read_chunks(self) -> bytes | None:
        content = bytearray()
        while True:
            size = self.rfile.readline(32).split(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                return None
            if len(content) + length > MAX_BODY:
                return None
            content += self.rfile.read(length)
            self.rfile.readline(4)
            if length == 0:
                return bytes(content)

    def _client_certificate(self) -> bytes | None:
        if isinstance(self.connection, ssl.SSLSocket):
            return self.connection.getpeercert(binary_form=True)
        return None

    def _answer(self, response: Response) -> None:
        self.send_response_only(response.status)
        self.send_header("Server", self.version_string())
        if not any(name == "Date" for name, _ in response.headers):
            self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _cut(self) -> None:
        """Reset the line: the client sees a broken connection, never an end of answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closing through the object would wait for its files, and would say goodbye first.
        socket.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an address may hold a token or a matricule."""


class HttpServer(ThreadingHTTPServer):
    """A service on an address; `port` 0 takes a free one, `port` of the object tells which.

    The TLS handshake runs in the thread of the connection, so that a client who never speaks blocks nobody.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self, service: Service, bind: str, port: int, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.service = service
        self._context = context
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        super().__init__((bind, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> Self:
        self._thread = threading.Thread(
            target=self.serve_forever,
            kwargs={"poll_interval": POLL_SECONDS},
            name=f"sandbox-{self.port}",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and close every line still open."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._open_lock:
            lines = list(self._open)
        for line in lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        line = request
        if self._context is not None:
            secured = self._handshake(request)
            if secured is None:
                self.shutdown_request(request)
                return
            line = secured
        with self._open_lock:
            self._open.add(line)
        try:
            super().process_request_thread(line, client_address)
        finally:
            with self._open_lock:
                self._open.discard(line)

    def _handshake(self, line: socket.socket) -> ssl.SSLSocket | None:
        context = self._context
        if context is None:
            return None
        line.settimeout(HANDSHAKE_SECONDS)
        try:
            return context.wrap_socket(line, server_side=True)
        except (OSError, ValueError) as error:
            logger.info("sandbox.tls.refused reason=%s", type(error).__name__)
            return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line broken by the client is no event."""
        logger.debug("sandbox.line.broken")
