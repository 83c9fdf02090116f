"""What every request passes through."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from audit.errors import ApplicationError
from patients.errors import AccessRefused

GetResponse = Callable[[HttpRequest], HttpResponseBase]

PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"


def response_headers(get_response: GetResponse) -> GetResponse:
    """Headers of security 10.1 that Django does not set; nothing of ours is kept by a cache."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


class ApplicationErrors:
    """An expected refusal that no view handled: its sentence on a page, or alone for a fragment."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 403 for a record that is closed to the person, 409 for any other refusal."""
        if not isinstance(error, ApplicationError):
            return None
        status = HTTPStatus.FORBIDDEN if isinstance(error, AccessRefused) else HTTPStatus.CONFLICT
        if request.headers.get("HX-Request"):
            return HttpResponse(error.message, status=status, content_type="text/plain; charset=utf-8")
        return render(request, "refused.html", {"message": error.message, "code": error.code}, status=status)
