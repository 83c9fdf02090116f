"""A URL map of its own for the tests of default deny: one view of each kind."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import View

from accounts.access import requires, signed_in


@requires("patients.search")
def searched(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.actor.role} {request.actor.service} {request.actor.assurance}")


@requires("patients.open", "documents.view")
class Record(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("dossier")


@requires("sending.list", polling=True)
def polled(request: HttpRequest) -> HttpResponse:
    return HttpResponse("envois")


@signed_in()
def anybody(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.login)


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nobody declared who may read this")


class ForgottenClass(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("nobody declared who may read this")


urlpatterns = [
    path("", include("dpi.urls")),
    path("t/search", searched, name="searched"),
    path("t/record", Record.as_view(), name="record"),
    path("t/polled", polled, name="polled"),
    path("t/anybody", anybody, name="anybody"),
    path("t/forgotten", forgotten, name="forgotten"),
    path("t/forgotten-class", ForgottenClass.as_view(), name="forgotten_class"),
]
