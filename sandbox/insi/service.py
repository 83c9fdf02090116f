"""INSi as a service: from a request on the mutual TLS port to its answer, with its journal and its faults."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from interop.insi.codes import ResultCode
from interop.soap import codes as soap
from sandbox.insi.faults import InsiEffect, InsiFaults
from sandbox.insi.people import KNOWN, Known
from sandbox.insi.reading import Asked, InsiFault, read_request
from sandbox.insi.writing import build_answer, build_fault, damaged
from sandbox.serving import CUT, Request, Response

logger = logging.getLogger("sandbox.insi")

PATH: Final = "/lps"
JOURNAL_LENGTH: Final = 1000
_DAY_SECONDS: Final = 24 * 3600
_HOSTILE: Final = (
    b'<?xml version="1.0"?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<env:Envelope xmlns:env="' + soap.NS_SOAP.encode() + b'"><env:Body>&x;</env:Body></env:Envelope>'
)


@dataclass(frozen=True, slots=True)
class SeenSearch:
    """One request: when, what was asked, what became of it. `outcome` is a CodeCR, a fault or an effect."""

    at: str
    outcome: str
    asked: Asked | None = None
    text: str = ""


class InsiService:
    """INSi behind the mutual TLS port. `faults` is what it does wrong, `journal` what it was asked."""

    def __init__(self, people: Sequence[Known] = KNOWN) -> None:
        self.people = people
        self.faults = InsiFaults()
        self.stopping = threading.Event()
        self._journal: deque[SeenSearch] = deque(maxlen=JOURNAL_LENGTH)

    def journal(self) -> list[dict[str, Any]]:
        """Requests seen since the start, oldest first."""
        return [asdict(seen) for seen in list(self._journal)]

    def seen(self) -> list[SeenSearch]:
        """The same, newest first."""
        return list(self._journal)[::-1]

    def __call__(self, request: Request) -> Response | None:
        """The answer; None for another address than that of INSi."""
        if request.path != PATH:
            return None
        if request.method != "POST":
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"POST expected")
        asked, effect = None, self.faults.take()
        try:
            early = self._suffer(effect)
            if early is not None:
                self._note(effect.text)
                return early
            asked = read_request(request)
            code, person = self._found(asked, effect)
        except InsiFault as fault:
            self._note(fault.code, asked, fault.text)
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, build_fault(fault), soap.MEDIA_SOAP)
        self._note(code.value, asked)
        return Response(HTTPStatus.OK, build_answer(code, person), soap.MEDIA_SOAP)

    def _found(self, asked: Asked, effect: InsiEffect) -> tuple[ResultCode, Known | None]:
        forced = {"nobody": ResultCode.NOBODY, "several": ResultCode.SEVERAL}.get(effect.name)
        if forced is not None:
            return forced, None
        found = [person for person in self.people if answers(person, asked)]
        if len(found) == 1:
            return ResultCode.FOUND, damaged(found[0], effect.name)
        return (ResultCode.SEVERAL if found else ResultCode.NOBODY), None

    def _suffer(self, effect: InsiEffect) -> Response | None:
        match effect.name:
            case "delay":
                self.stopping.wait(int(effect.argument) / 1000)
            case "hang":
                self.stopping.wait(_DAY_SECONDS)
                return CUT
            case "reset":
                return CUT
            case "http":
                page = f"<html><body><h1>{effect.argument}</h1></body></html>".encode()
                return Response(int(effect.argument), page, "text/html")
            case "malformed":
                return Response(HTTPStatus.OK, b"<env:Envelope", soap.MEDIA_SOAP)
            case "xxe":
                return Response(HTTPStatus.OK, _HOSTILE, soap.MEDIA_SOAP)
            case "fault":
                raise InsiFault(effect.argument, "Refus provoqué.")
        return None

    def _note(self, outcome: str, asked: Asked | None = None, text: str = "") -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._journal.append(SeenSearch(at, outcome, asked, text))
        logger.info("sandbox.insi.request outcome=%s", outcome)


def answers(person: Known, asked: Asked) -> bool:
    """Whether a person is among those searched: the birth name strictly, each given name, sex, date, place.

    A given name that is asked is one of the list, or several of them that follow each other.
    """
    if (person.family, person.sex, person.birth_date) != (asked.family, asked.sex, asked.birth_date):
        return False
    if asked.birth_place and asked.birth_place != person.birth_place:
        return False
    listed = f" {person.given_names} "
    return all(f" {name} " in listed for name in asked.given_names)
