"""The API over HTTPS: key, searches, pages, pace of 17 calls a second, and what goes wrong.

Strict as the real one is: an unknown parameter is 400, a wrong key 401, another method 405. Texts
are compared by their beginning, case and accents aside, hyphens not; `:contains` and `:exact` as
said; a comma is OR, a repeated parameter AND.
"""

import hmac
import itertools
import json
import secrets
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from interop.annuaire import codes
from sandbox.annuaire import resources
from sandbox.annuaire.people import Box, Listed, Place, listed, places
from sandbox.serving import CUT, Request, Response

BASE_PATH: Final = "/fhir/v2"
PAGE: Final = 50
MOST: Final = 10_000
PACE: Final = 17
STALL_SECONDS: Final = 30.0
JOURNAL: Final = 1_000
FAULTS: Final = frozenset(
    {"throttle", "stall", "reset", "malformed", "elsewhere", "unavailable", "forbidden"}
)

Texts = Callable[[Any], Sequence[str]]
Group = list[dict[str, Any]]
"""A match, and the resources that it brings along."""


class UnknownFaultError(ValueError):
    """No such fault."""


class _BadRequest(ValueError):
    """What the search may not ask."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One search parameter: the values of a resource, and whether it is a token (compared whole)."""

    values: Texts
    is_token: bool = False


def _person_boxes(person: Listed) -> Sequence[str]:
    return () if person.on_role else tuple(box.address for box in person.boxes)


def _role_boxes(person: Listed) -> Sequence[str]:
    return tuple(box.address for box in person.boxes) if person.on_role else ()


def _addresses(boxes: Sequence[Box]) -> Sequence[str]:
    return tuple(box.address for box in boxes)


def _always(thing: Any) -> Sequence[str]:
    """Every resource here is active."""
    return ("true",)


PERSON_FIELDS: Final[dict[str, _Field]] = {
    "_id": _Field(lambda one: (one.key,), True),
    "active": _Field(_always, True),
    "family": _Field(lambda one: (one.family,)),
    "given": _Field(lambda one: (one.given,)),
    "name": _Field(lambda one: (one.family, one.given)),
    "identifier": _Field(
        lambda one: (
            one.rpps, f"{codes.SYSTEM_RPPS}|{one.rpps}", f"8{one.rpps}", f"{codes.SYSTEM_IDNPS}|8{one.rpps}",
        ),
        True,
    ),
    "mailbox-mss": _Field(_person_boxes),
    "qualification-code": _Field(
        lambda one: (
            one.profession, f"{codes.SYSTEM_PROFESSION}|{one.profession}", one.specialty,
            f"{codes.SYSTEM_SPECIALTY}|{one.specialty}",
        ),
        True,
    ),
}  # fmt: skip
ROLE_FIELDS: Final[dict[str, _Field]] = {
    "_id": _Field(lambda one: (one.role_key,), True),
    "active": _Field(_always, True),
    "mailbox-mss": _Field(_role_boxes),
    "organization": _Field(lambda one: (f"org-{one.finess}", f"Organization/org-{one.finess}"), True),
    "practitioner": _Field(lambda one: (one.key, f"Practitioner/{one.key}"), True),
}
PLACE_FIELDS: Final[dict[str, _Field]] = {
    "_id": _Field(lambda one: (one.key,), True),
    "active": _Field(_always, True),
    "name": _Field(lambda one: (one.name,)),
    "address-city": _Field(lambda one: (one.city,)),
    "address-postalcode": _Field(lambda one: (one.postal_code,)),
    "address-line": _Field(lambda one: (one.street,)),
    "identifier": _Field(
        lambda one: (one.finess, f"{codes.SYSTEM_FINESS}|{one.finess}", f"1{one.finess}"), True
    ),
    "mailbox-mss": _Field(lambda one: _addresses(one.boxes)),
}
_CONTROLS: Final = frozenset({"_count", "_revinclude", "_include", "_elements", "_total"})


class DirectoryService:
    """The directory behind the TLS port of the providers.

    `key` is the API key, `stopping` ends the calls that hang.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._faults: deque[str] = deque()
        self._journal: deque[str] = deque(maxlen=JOURNAL)
        self._times: deque[float] = deque(maxlen=PACE)
        self._pages: dict[str, tuple[int, int, list[Group]]] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()

    def add_fault(self, name: str, times: int = 1) -> None:
        if name not in FAULTS:
            raise UnknownFaultError(name)
        self._faults.extend(itertools.repeat(name, times))

    def faults(self) -> list[str]:
        """What will go wrong with the next calls, in order."""
        return list(self._faults)

    def clear(self) -> None:
        self._faults.clear()

    def journal(self) -> list[str]:
        """Method, path and query of the requests, oldest first."""
        return list(self._journal)

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(f"{BASE_PATH}/"):
            return None
        self._journal.append(f"{request.method} {request.path}?{request.raw_query}")
        if not hmac.compare_digest(request.headers.get(codes.API_KEY_HEADER.lower(), ""), self._key):
            return _outcome(HTTPStatus.UNAUTHORIZED, "login", "API key expected")
        refused = self._too_fast() or self._fault()
        if refused is not None:
            return refused
        try:
            return self._answer(request)
        except _BadRequest as error:
            return _outcome(HTTPStatus.BAD_REQUEST, "invalid", str(error))

    def _answer(self, request: Request) -> Response:
        path = request.path.removeprefix(f"{BASE_PATH}/")
        if path == "_page" and request.method == "GET":
            return self._next_page(request)
        if request.method == "POST" and path.endswith("/_search"):
            path, asked = path.removesuffix("/_search"), parse_qsl(request.body.decode("utf-8", "replace"))
        elif request.method == "GET":
            asked = parse_qsl(request.raw_query, keep_blank_values=True)
        else:
            return _outcome(HTTPStatus.METHOD_NOT_ALLOWED, "not-supported", "GET or POST _search")
        found = self._found(path, asked)
        if found is None:
            return _outcome(HTTPStatus.NOT_FOUND, "not-found", "no such resource type")
        return self._page(found, _count(asked), len(found), _base(request))

    def _found(self, kind: str, asked: list[tuple[str, str]]) -> list[Group] | None:
        included = {value for name, value in asked if name in ("_include", "_revinclude")}
        if kind == codes.PRACTITIONER:
            brings_role = f"{codes.ROLE}:practitioner" in included
            return [
                [resources.practitioner(one), *([resources.role(one)] if brings_role else [])]
                for one in _matching(listed(), PERSON_FIELDS, asked)
            ]
        if kind == codes.ROLE:
            brings_person = f"{codes.ROLE}:practitioner" in included
            return [
                [resources.role(one), *([resources.practitioner(one)] if brings_person else [])]
                for one in _matching(listed(), ROLE_FIELDS, asked)
            ]
        if kind == codes.ORGANIZATION:
            brings_roles = f"{codes.ROLE}:organization" in included
            return [
                [resources.organization(place), *(_roles_at(place) if brings_roles else [])]
                for place in _matching(places(), PLACE_FIELDS, asked)
            ]
        return None

    def _page(self, found: list[Group], count: int, total: int, base: str) -> Response:
        entries = [
            {"resource": resource, "search": {"mode": "match" if rank == 0 else "include"}}
            for group in found[:count]
            for rank, resource in enumerate(group)
        ]
        link = [{"relation": "self", "url": base}]
        rest = found[count:]
        if rest:
            token = secrets.token_hex(8)
            with self._lock:
                self._pages[token] = (total, count, rest)
            link.append({"relation": "next", "url": f"{base}/_page?id={token}"})
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": link}
        return _json(bundle | {"entry": entries})

    def _next_page(self, request: Request) -> Response:
        with self._lock:
            held = self._pages.pop(request.query.get("id", ""), None)
        if held is None:
            return _outcome(HTTPStatus.GONE, "expired", "this page is gone")
        total, count, rest = held
        return self._page(rest, count, total, _base(request))

    def _too_fast(self) -> Response | None:
        """429 beyond so many calls in any second."""
        now = time.monotonic()
        with self._lock:
            if len(self._times) == PACE and now - self._times[0] < 1:
                return _outcome(HTTPStatus.TOO_MANY_REQUESTS, "throttled", "too many requests")
            self._times.append(now)
        return None

    def _fault(self) -> Response | None:
        try:
            name = self._faults.popleft()
        except IndexError:
            return None
        match name:
            case "throttle":
                return _outcome(HTTPStatus.TOO_MANY_REQUESTS, "throttled", "too many requests")
            case "forbidden":
                return _outcome(HTTPStatus.FORBIDDEN, "forbidden", "key revoked")
            case "unavailable":
                return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"<html>503</html>", "text/html")
            case "malformed":
                return Response(
                    HTTPStatus.OK, b'{"resourceType": "Bundle", "entry": [', "application/fhir+json"
                )
            case "elsewhere":
                link = [{"relation": "next", "url": "https://ailleurs.example/fhir/v2/_page?id=1"}]
                return _json({"resourceType": "Bundle", "link": link, "entry": []})
            case "stall":
                self.stopping.wait(STALL_SECONDS)
        return CUT


def _roles_at(place: Place) -> list[dict[str, Any]]:
    return [resources.role(one) for one in listed() if one.finess == place.finess]


def _matching(
    things: Sequence[Any], fields: dict[str, _Field], asked: list[tuple[str, str]]
) -> Iterator[Any]:
    tests = []
    for name, value in asked:
        plain, _, modifier = name.partition(":")
        if plain in _CONTROLS:
            continue
        if plain not in fields or modifier not in ("", "contains", "exact"):
            raise _BadRequest(f"Parameter {name} not found")
        tests.append((fields[plain], modifier, _alternatives(value)))
    for thing in things:
        if all(_answers(one, modifier, wanted, thing) for one, modifier, wanted in tests):
            yield thing


def _answers(field: _Field, modifier: str, wanted: Sequence[str], thing: Any) -> bool:
    values = field.values(thing)
    if field.is_token:
        return any(value in wanted for value in values)
    if modifier == "exact":
        return any(value in wanted for value in values)
    folded = [_folded(value) for value in values]
    texts = [_folded(text) for text in wanted]
    if modifier == "contains":
        return any(text in value for value in folded for text in texts)
    return any(value.startswith(text) for value in folded for text in texts)


def _alternatives(value: str) -> list[str]:
    return value.split(",")


def _folded(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in parts if unicodedata.category(char) != "Mn")


def _base(request: Request) -> str:
    return f"https://{request.headers.get('host', '')}{BASE_PATH}"


def _count(asked: list[tuple[str, str]]) -> int:
    value = dict(asked).get("_count", str(PAGE))
    if not value.isdigit() or not 1 <= int(value) <= MOST:
        raise _BadRequest("_count is a number")
    return int(value)


def _json(document: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(status, json.dumps(document, ensure_ascii=False).encode(), "application/fhir+json")


def _outcome(status: int, code: str, text: str) -> Response:
    issue = [{"severity": "error", "code": code, "diagnostics": text}]
    return _json({"resourceType": "OperationOutcome", "issue": issue}, status)
