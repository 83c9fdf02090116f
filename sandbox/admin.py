"""The admin API of the sandbox: JSON over plain HTTP on loopback, for tests and demonstrations."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from sandbox.psc.provider import Provider
from sandbox.psc.switches import UnknownSwitchError
from sandbox.serving import Request, Response, json_response

PREFIX = "/admin/"


class BadRequestError(ValueError):
    """The admin request cannot be understood; the text says why."""


class AdminService:
    """Routes below `/admin/`. Calling it gives an answer, or None for another address."""

    def __init__(self, *, psc: Provider) -> None:
        self._psc = psc

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        # A form of another site cannot send this type: it is what keeps the API out of its reach.
        if request.method == "POST" and request.headers.get("content-type") != "application/json":
            return _refused("content type application/json expected", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            answer = self._route(request)
        except BadRequestError as error:
            return _refused(str(error))
        return answer or _refused("no such address", HTTPStatus.NOT_FOUND)

    def _route(self, request: Request) -> Response | None:
        match request.method, request.path.removeprefix(PREFIX):
            case "GET", "psc/switches":
                return json_response(asdict(self._psc.switches))
            case "POST", "psc/switches":
                return self._set_switches(_object(request))
            case "DELETE", "psc/switches":
                self._psc.switches.reset()
                return json_response(asdict(self._psc.switches))
            case "POST", "psc/redirect-uris":
                return self._add_redirect_uris(_object(request))
        return None

    def _set_switches(self, values: dict[str, Any]) -> Response:
        try:
            self._psc.switches.update(values)
        except UnknownSwitchError as error:
            raise BadRequestError(f"unknown switch or wrong value: {error}") from error
        return json_response(asdict(self._psc.switches))

    def _add_redirect_uris(self, values: dict[str, Any]) -> Response:
        client = self._psc.client
        registered = {
            "redirect_uris": client.redirect_uris,
            "post_logout_redirect_uris": client.post_logout_redirect_uris,
        }
        for name, addresses in values.items():
            if name not in registered or not isinstance(addresses, list):
                raise BadRequestError(f"unknown list: {name}")
            registered[name].extend(address for address in addresses if address not in registered[name])
        return json_response(registered)


def _object(request: Request) -> dict[str, Any]:
    try:
        value = request.json()
    except ValueError as error:
        raise BadRequestError("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadRequestError("a JSON object is expected")
    return value


def _refused(text: str, status: int = HTTPStatus.BAD_REQUEST) -> Response:
    return json_response({"error": text}, status)
