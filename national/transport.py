"""HTTPS with mutual authentication towards the national services.

Sources: house-style section 6, spec dmp 1.2 and 9 (rules 2 to 4), spec security 6 (TLS), dependencies 8. The
TLS context is built once per process and again when a file changes; nothing of the environment is trusted.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from national.breaker import Breaker
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.rules import drift_of

CERTIFICATE_REFUSED = "CERTIFICATE_REFUSED"
CERTIFICATE_UNREADABLE = "CERTIFICATE_UNREADABLE"
SERVER_NOT_TRUSTED = "SERVER_NOT_TRUSTED"
CONNECTION_REFUSED = httpx.ConnectError.__name__
"""Code of a call for which no connection was made: nothing had left."""

_TLS_1_2_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_BODY_SENT = "http11.send_request_body.complete"
# OpenSSL's names of the alerts by which a server refuses the certificate of its client.
CLIENT_REFUSED_ALERTS = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `authorities` are the only ones trusted; `revocation` is a CRL checked when given."""

    authorities: Path
    certificate: Path
    key: Path
    revocation: Path | None = None
    key_password: str = field(default="", repr=False)

    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Changes when a file does."""
        paths = (self.authorities, self.certificate, self.key, self.revocation)
        stats = [path.stat() for path in paths if path is not None]
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """One service of one environment. Times in seconds, sizes in bytes.

    `label` is the subject of the sentences that users read: "Le DMP".
    """

    label: str
    base_url: str
    tls: TlsFiles
    connect_timeout: float = 3.0
    max_answer_bytes: int = 64 * 1024 * 1024
    max_connections: int = 10
    keepalive_expiry: float = 10.0
    breaker_threshold: int = 5
    breaker_cooldown: float = 60.0

    def __post_init__(self) -> None:
        if not self.base_url.startswith("https://"):
            raise ValueError("a national service is called over https")

    def url(self, path: str) -> str:
        """Address of an operation of the service."""
        return f"{self.base_url.rstrip('/')}/{path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    content_type: str
    body: bytes


class Transport:
    """Posts bytes to one service; safe to share between threads, and after a fork."""

    def __init__(
        self,
        settings: TransportSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        dated: Callable[[timedelta], None] | None = None,
    ) -> None:
        """`dated` is told, at each answer, how far the service's clock is ahead of ours."""
        self.settings = settings
        self._clock = clock
        self._dated = dated
        self._lock = threading.Lock()
        self._current: _Generation | None = None
        self._breaker = Breaker(
            threshold=settings.breaker_threshold, cooldown=settings.breaker_cooldown, clock=clock
        )

    def post(
        self, path: str, body: bytes, *, content_type: str, read_timeout: float, repeatable: bool
    ) -> Answer:
        """Send one request and return its answer.

        `repeatable` tells that the request changes nothing at the service, so that a lost answer is
        "try again" and not "find out". The answer as a whole takes at most about `read_timeout` seconds.

        Raises:
            Unavailable: refused, unreachable, no answer to a repeatable request.
            Uncertain: the request had left and no whole answer came.
            Rejected: of kind CONFIGURATION, a certificate is refused or unreadable.
        """
        if not self._breaker.allows():
            raise Unavailable(self._text("ne répond plus"), code="BREAKER_OPEN")
        try:
            answer = self._post(path, body, content_type, read_timeout, repeatable)
        except (Unavailable, Uncertain):
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return answer

    def close(self) -> None:
        """Close the connections: at once where nobody uses them, else with their request.

        The next call opens new ones.
        """
        with self._lock:
            self._retire()

    def _post(
        self, path: str, body: bytes, content_type: str, read_timeout: float, repeatable: bool
    ) -> Answer:
        sent = _Sent()
        timeout = httpx.Timeout(read_timeout, connect=self.settings.connect_timeout)
        try:
            with self._client() as client:
                request = client.build_request(
                    "POST",
                    self.settings.url(path),
                    content=body,
                    headers={"Content-Type": content_type},
                    timeout=timeout,
                    extensions={"trace": sent.trace},
                )
                sent_at = datetime.now(UTC)
                response = client.send(request, stream=True)
                self._compare_clocks(response.headers.get("Date", ""), sent_at)
                try:
                    return self._read(response, self._clock() + read_timeout)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            raise self._failure(error, sent=sent.whole and not repeatable) from error

    def _compare_clocks(self, date: str, sent_at: datetime) -> None:
        """Whatever the answer is: a token refused for its age is when it matters most."""
        if self._dated is None:
            return
        drift = drift_of(date, sent_at=sent_at, received_at=datetime.now(UTC))
        if drift is not None:
            self._dated(drift)

    def _read(self, response: httpx.Response, deadline: float) -> Answer:
        """Read the body as it is on the wire: within the size, within the time, without decompression."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > self.settings.max_answer_bytes:
                raise httpx.ReadError("the answer exceeds the limit of size", request=response.request)
            if self._clock() > deadline:
                raise httpx.ReadTimeout("the answer takes too long", request=response.request)
            chunks.append(chunk)
        return Answer(response.status_code, response.headers.get("Content-Type", ""), b"".join(chunks))

    def _failure(self, error: httpx.HTTPError, *, sent: bool) -> NationalServiceError:
        tls = tls_reason(error)
        if any(alert in tls for alert in CLIENT_REFUSED_ALERTS):
            return Rejected(
                CERTIFICATE_REFUSED,
                tls,
                kind=RejectionKind.CONFIGURATION,
                message=self._text("refuse le certificat d'authentification de la structure"),
            )
        if "CERTIFICATE_VERIFY_FAILED" in tls:
            message = self._text("présente un certificat qui n'est pas reconnu")
            return Unavailable(message, code=SERVER_NOT_TRUSTED, text=str(error))
        code = type(error).__name__
        if sent:
            return Uncertain(
                self._text("n'a pas répondu à une demande transmise ; son issue sera vérifiée"),
                code=code,
                text=str(error),
            )
        return Unavailable(self._text("ne répond pas"), code=code, text=str(error))

    def _text(self, what: str) -> str:
        return f"{self.settings.label} {what}."

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        generation = self._generation()
        try:
            yield generation.client
        finally:
            with self._lock:
                generation.users -= 1
                generation.close_if_unused()

    def _generation(self) -> _Generation:
        """The client of the certificates as they are now, in this process."""
        try:
            stamp = (os.getpid(), *self.settings.tls.stamp())
            with self._lock:
                if self._current is None or self._current.stamp != stamp:
                    self._retire()
                    self._current = _Generation(stamp, self._open())
                self._current.users += 1
                return self._current
        except (OSError, ssl.SSLError) as error:
            raise Rejected(
                CERTIFICATE_UNREADABLE,
                str(error),
                kind=RejectionKind.CONFIGURATION,
                message=self._text(
                    "ne peut pas être joint : les certificats de la structure sont illisibles"
                ),
            ) from error

    def _retire(self) -> None:
        if self._current is not None:
            self._current.retired = True
            self._current.close_if_unused()
            self._current = None

    def _open(self) -> httpx.Client:
        settings = self.settings
        return httpx.Client(
            verify=build_tls_context(settings.tls),
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "dpi"},
            limits=httpx.Limits(
                max_connections=settings.max_connections,
                max_keepalive_connections=settings.max_connections,
                keepalive_expiry=settings.keepalive_expiry,
            ),
        )


@dataclass(slots=True, eq=False)
class _Generation:
    """A client, as long as the certificates stay the same; closed after its last user."""

    stamp: tuple[object, ...]
    client: httpx.Client
    users: int = 0
    retired: bool = False

    def close_if_unused(self) -> None:
        if self.retired and not self.users:
            self.client.close()


class _Sent:
    """Notes, from the events of the connection, whether the whole request was handed over."""

    def __init__(self) -> None:
        self.whole = False

    def trace(self, event: str, _info: object) -> None:
        if event == _BODY_SENT:
            self.whole = True


def build_tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a client that shows a certificate and trusts the given authorities alone.

    Raises:
        OSError, ssl.SSLError: a file is missing, unreadable, or the key is not that of the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.load_verify_locations(cafile=files.authorities)
    if files.revocation is not None:
        context.load_verify_locations(cafile=files.revocation)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    # A password is always given: without one OpenSSL would ask for it on the terminal.
    context.load_cert_chain(files.certificate, files.key, password=files.key_password)
    return context


def tls_reason(error: BaseException) -> str:
    """The reason of the TLS library behind an error of the HTTP one, or an empty text."""
    step: BaseException | None = error
    while step is not None:
        if isinstance(step, ssl.SSLError):
            return f"{getattr(step, 'reason', None) or ''} {step}"
        step = step.__cause__ or step.__context__
    return str(error) if "SSL" in str(error) else ""
