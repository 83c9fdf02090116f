"""HTTPS towards the FHIR API of the directory: key in a header, one deadline for a search, pages by link.

Source: spec mssante 3.1 (key, methods, errors, paging) and 3.4 (8 s). Redirections are not followed, and the
link to the next page must stay under the address configured: the key leaves to nobody else.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from interop.annuaire import codes
from interop.annuaire.bundle import MAX_BYTES, Bundle, DirectoryFormatError, parse_bundle
from national.annuaire.limiter import Pace
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable

SEARCH_SECONDS: Final = 8.0
MAX_PAGES: Final = 5
TOO_FAST: Final = "TOO_FAST"
SECRET_UNREADABLE: Final = "SECRET_UNREADABLE"  # noqa: S105 - the name of an error
UNREADABLE: Final = "UNREADABLE"
_NOT_ALLOWED: Final = frozenset({401, 403})
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Access to the directory. `authorities` empty trusts those of the system; times in seconds."""

    base_url: str
    key_path: Path
    authorities: Path | None = None
    search_seconds: float = SEARCH_SECONDS
    connect_timeout: float = 3.0

    def __post_init__(self) -> None:
        if not self.base_url.startswith("https://"):
            raise ValueError("the directory is called over https")


@dataclass(slots=True)
class Deadline:
    """One search and its pages, within a time."""

    clock: Callable[[], float]
    ends_at: float
    pages: int = field(default=0)

    @property
    def left(self) -> float:
        return self.ends_at - self.clock()


class DirectoryClient:
    """Asks for pages. Raises Unavailable or Rejected, and nothing else."""

    def __init__(
        self,
        settings: DirectorySettings,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._pace = pace
        self._clock = clock
        self._sleep = sleep

    def deadline(self) -> Deadline:
        """The time that one search of a person may take."""
        return Deadline(self._clock, self._clock() + self.settings.search_seconds)

    def pages(
        self, resource: str, parameters: Parameters, deadline: Deadline, *, most: int = MAX_PAGES
    ) -> tuple[list[Bundle], bool]:
        """The pages of a search, at most `most`, and whether more were left."""
        found = [self._page(f"{self._base}/{resource}", parameters, deadline)]
        while found[-1].next_url and len(found) < most:
            found.append(self._page(self._checked(found[-1].next_url), (), deadline))
        return found, bool(found[-1].next_url)

    @property
    def _base(self) -> str:
        return self.settings.base_url.rstrip("/")

    def _checked(self, url: str) -> str:
        """The link of the next page, when it is under the address configured."""
        ours, theirs = urlsplit(f"{self._base}/"), urlsplit(url)
        is_ours = (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        if not is_ours or not theirs.path.startswith(ours.path) or "/../" in theirs.path:
            raise Unavailable(
                "L’Annuaire santé a donné une suite inattendue.", code=UNREADABLE, text="next page elsewhere"
            )
        return url

    def _page(self, url: str, parameters: Parameters, deadline: Deadline) -> Bundle:
        self._wait_turn(deadline)
        try:
            with self._http(deadline) as http:
                request = http.build_request("GET", url, params=httpx.QueryParams(list(parameters)) or None)
                response = http.send(request, stream=True)
                try:
                    body = self._read(response, deadline)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise Unavailable("L’Annuaire santé ne répond pas.", code=name, text=str(error)) from error
        deadline.pages += 1
        if response.status_code != httpx.codes.OK:
            raise _refused(response.status_code)
        try:
            return parse_bundle(body)
        except DirectoryFormatError as error:
            message = "L’Annuaire santé a donné une réponse illisible."
            raise Unavailable(message, code=UNREADABLE, text=str(error)) from error

    def _wait_turn(self, deadline: Deadline) -> None:
        wait = self._pace.reserve(deadline.left)
        if wait is None:
            message = "L’Annuaire santé est très demandé\u202f: réessayez dans un instant."
            raise Unavailable(message, code=TOO_FAST)
        if wait:
            self._sleep(wait)

    def _read(self, response: httpx.Response, deadline: Deadline) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MAX_BYTES:
                raise httpx.ReadError("the answer exceeds the limit of size", request=response.request)
            if deadline.left < 0:
                raise httpx.ReadTimeout("the answer takes too long", request=response.request)
            chunks.append(chunk)
        return b"".join(chunks)

    def _http(self, deadline: Deadline) -> httpx.Client:
        left = max(deadline.left, 0.001)
        timeout = httpx.Timeout(left, connect=min(left, self.settings.connect_timeout))
        return httpx.Client(
            verify=self._tls(),
            headers=self._headers(),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )

    def _headers(self) -> Mapping[str, str]:
        try:
            key = self.settings.key_path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _key_missing(str(error)) from error
        if not key or not key.isprintable():
            raise _key_missing("the file of the key is empty or odd")
        return {
            codes.API_KEY_HEADER: key,
            "Accept": "application/fhir+json",
            "Accept-Encoding": "identity",
            "User-Agent": "dpi",
        }

    def _tls(self) -> ssl.SSLContext:
        try:
            authorities = self.settings.authorities
            context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
        except (OSError, ssl.SSLError) as error:
            raise Rejected(
                "CERTIFICATE_UNREADABLE",
                str(error),
                kind=RejectionKind.CONFIGURATION,
                message="Les autorités acceptées pour l’Annuaire santé sont illisibles.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _key_missing(text: str) -> Rejected:
    return Rejected(
        SECRET_UNREADABLE,
        text,
        kind=RejectionKind.CONFIGURATION,
        message="La clé d’accès à l’Annuaire santé est illisible.",
    )


def _refused(status: int) -> NationalServiceError:
    """Errors of spec mssante 3.1: the key, the pace, the service, or our request."""
    code = f"HTTP_{status}"
    if status in _NOT_ALLOWED:
        message = "L’Annuaire santé refuse la clé d’accès de l’établissement."
        return Rejected(code, kind=RejectionKind.CONFIGURATION, message=message)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Unavailable("L’Annuaire santé est très demandé\u202f: réessayez dans un instant.", code=code)
    if status in _TRY_AGAIN:
        return Unavailable("L’Annuaire santé est momentanément indisponible.", code=code)
    message = f"L’Annuaire santé a refusé la recherche ({code})."
    return Rejected(code, kind=RejectionKind.DATA, message=message)
