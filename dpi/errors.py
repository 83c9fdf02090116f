"""What is answered when no view does: pages for people, problems below /api/ for software."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from dpi.api.problems import problem_response

API = "/api/"


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: the defect is in the logs; nothing of it is said."""
    if request.path.startswith(API):
        return problem_response(request, 500, "server_error")
    return defaults.server_error(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if request.path.startswith(API):
        return problem_response(request, 404, "not_found")
    return defaults.page_not_found(request, exception)
