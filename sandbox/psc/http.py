"""HTTP endpoints of a provider: pages for the browser, the rest for the application over TLS."""

import threading
from http import HTTPStatus
from urllib.parse import urlsplit

from sandbox.html import error_page
from sandbox.psc import pages
from sandbox.psc.model import ProtocolError, UnsafeRequestError
from sandbox.psc.provider import Provider
from sandbox.serving import Request, Response, json_response, redirect

_PROTOCOL = "/protocol/openid-connect"


class ProviderService:
    """Two services for one provider: `browser` (plain HTTP on loopback) and `backchannel` (TLS)."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.stopping = threading.Event()
        self._browser_prefix = f"/{provider.profile.slug}"
        self._realm_prefix = f"/auth/realms/{provider.profile.realm}"

    # Browser

    def browser(self, request: Request) -> Response | None:
        """Answer of a page, or None when the address is not one of this provider."""
        match request.method, request.path.removeprefix(self._browser_prefix):
            case "GET", "/auth":
                return self._authorize(request)
            case "POST", "/auth":
                return self._choose(request)
            case "GET" | "POST", "/logout":
                return self._logout(request)
        return None

    @property
    def _cookie_name(self) -> str:
        # Cookies do not know ports: two instances on one machine must not share one.
        return f"sandbox_{self.provider.profile.slug}_{urlsplit(self.provider.urls.browser).port}"

    def _cookie(self, sid: str, seconds: int) -> tuple[str, str]:
        value = f"{self._cookie_name}={sid}; Path={self._browser_prefix}; HttpOnly; SameSite=Lax"
        return "Set-Cookie", f"{value}; Max-Age={seconds}"

    def _authorize(self, request: Request) -> Response:
        provider = self.provider
        try:
            begun = provider.begin(request.query)
        except UnsafeRequestError as error:
            return error_page("Demande refusée", f"{error}.", service=provider.profile.title)
        if isinstance(begun, str):
            return redirect(begun)
        current = provider.live_session(request.cookie(self._cookie_name))
        if "login" in begun.prompt:
            current = None
        if "none" in begun.prompt:
            waiting = provider.take_pending(begun.request_id)
            if current is None:
                return redirect(provider.deny(waiting, "login_required"))
            return redirect(provider.grant(waiting, current.person.key, current.means, current)[1])
        return pages.picker_page(provider, begun, current)

    def _choose(self, request: Request) -> Response:
        provider, form = self.provider, request.form()
        try:
            waiting = provider.take_pending(form.get("request", ""))
            if "cancel" in form:
                return redirect(provider.deny(waiting))
            current = provider.live_session(request.cookie(self._cookie_name))
            if current is not None and current.means != form.get("means"):
                current = None
            session, address = provider.grant(
                waiting, form.get("professional", ""), form.get("means", ""), current
            )
        except ProtocolError as error:
            return error_page(
                "Connexion impossible", f"{error.description}.".capitalize(), service=provider.profile.title
            )
        return redirect(address, self._cookie(session.sid, provider.profile.session_seconds))

    def _logout(self, request: Request) -> Response:
        provider = self.provider
        parameters = request.query if request.method == "GET" else {**request.query, **request.form()}
        sid = request.cookie(self._cookie_name)
        if (
            "id_token_hint" not in parameters
            and "client_id" not in parameters
            and "confirm" not in parameters
        ):
            return pages.confirm_page(provider.profile)
        try:
            target = provider.end_session(parameters, sid)
        except UnsafeRequestError as error:
            return error_page("Demande refusée", f"{error}.", service=provider.profile.title)
        forget = self._cookie("", 0)
        if target is not None:
            return redirect(target, forget)
        answer = pages.signed_out_page(provider.profile)
        return Response(answer.status, answer.body, answer.content_type, (*answer.headers, forget))

    # Application

    def backchannel(self, request: Request) -> Response | None:
        """Answer of an endpoint over TLS, or None when the address is not one of this provider."""
        if not request.path.startswith(self._realm_prefix + "/"):
            return None
        if self.provider.switches.down:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"<html><body>503</body></html>", "text/html")
        path = request.path.removeprefix(self._realm_prefix)
        try:
            return self._endpoint(path, request)
        except ProtocolError as error:
            return _protocol_error(error)

    def _endpoint(self, path: str, request: Request) -> Response | None:
        provider = self.provider
        match request.method, path:
            case "GET", well_known if well_known == f"/.well-known/{provider.profile.discovery}":
                return json_response(provider.metadata())
            case "GET", well_known if well_known == f"{_PROTOCOL}/certs":
                return json_response(provider.jwks())
            case "POST", endpoint if endpoint == f"{_PROTOCOL}/token":
                self._slow()
                form = self._client_form(request)
                return json_response(provider.token(form), Pragma="no-cache")
            case "GET" | "POST", endpoint if endpoint == f"{_PROTOCOL}/userinfo":
                self._slow()
                return self._userinfo(request)
            case "POST", endpoint if endpoint == f"{_PROTOCOL}/token/introspect":
                return json_response(provider.introspect(self._client_form(request).get("token", "")))
            case "POST", endpoint if endpoint == f"{_PROTOCOL}/revoke":
                provider.revoke(self._client_form(request).get("token", ""))
                return Response()
            case "GET" | "POST", endpoint if endpoint == f"{_PROTOCOL}/logout":
                return self._logout(request)
        return None

    def _client_form(self, request: Request) -> dict[str, str]:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise ProtocolError("invalid_request", "form expected")
        form = request.form()
        self.provider.authenticate_client(
            request.headers.get("authorization", ""), form, request.client_certificate
        )
        return form

    def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ProtocolError("invalid_token", "bearer token expected", HTTPStatus.UNAUTHORIZED)
        claims = self.provider.userinfo(token.strip())
        if isinstance(claims, str):
            return Response(HTTPStatus.OK, claims.encode(), "application/jwt")
        return json_response(claims)

    def _slow(self) -> None:
        if self.provider.switches.slow_ms:
            self.stopping.wait(self.provider.switches.slow_ms / 1000)


def _protocol_error(error: ProtocolError) -> Response:
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        scheme = "Bearer" if error.code == "invalid_token" else "Basic"
        headers["WWW_Authenticate"] = f'{scheme} realm="sandbox", error="{error.code}"'
    return json_response(
        {"error": error.code, "error_description": error.description}, error.status, **headers
    )
