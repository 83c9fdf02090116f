"""Preferences of the reader, and the gallery that only development shows."""

import pytest
from django.test import RequestFactory, override_settings

from ui import preferences, views

POST = "/preferences/theme/"


def test_a_theme_is_kept_in_a_cookie_and_drawn_by_the_server(rf: RequestFactory) -> None:
    response = views.theme(rf.post(POST, {"theme": "sombre", "next": "/envois/"}))
    assert (response.status_code, response.headers["Location"]) == (302, "/envois/")
    request = rf.get("/")
    request.COOKIES.update({name: morsel.value for name, morsel in response.cookies.items()})
    assert preferences.theme_of(request) == "sombre"


def test_an_unknown_theme_is_refused_and_a_forged_cookie_ignored(rf: RequestFactory) -> None:
    assert views.theme(rf.post(POST, {"theme": "rose"})).status_code == 400
    request = rf.get("/")
    request.COOKIES["sessionid".replace("sessionid", "theme")] = '"><script>'
    assert preferences.theme_of(request) == "auto"


@pytest.mark.parametrize(
    "target", ["https://ailleurs.example/", "//ailleurs.example/", "javascript:alert(1)", ""]
)
def test_a_choice_never_sends_elsewhere(target: str, rf: RequestFactory) -> None:
    assert views.theme(rf.post(POST, {"theme": "clair", "next": target})).status_code == 204


def test_shortcuts_are_on_until_switched_off(rf: RequestFactory) -> None:
    request = rf.get("/")
    assert preferences.shortcuts_of(request)
    response = views.shortcuts(rf.post("/preferences/raccourcis/", {"shortcuts": "off"}))
    request.COOKIES.update({name: morsel.value for name, morsel in response.cookies.items()})
    assert not preferences.shortcuts_of(request)


def test_preferences_are_only_changed_by_post(rf: RequestFactory) -> None:
    assert views.theme(rf.get(POST)).status_code == 405
    assert views.shortcuts(rf.get(POST)).status_code == 405


def test_the_gallery_exists_in_development_only(rf: RequestFactory) -> None:
    from django.http import Http404

    with override_settings(DEBUG=True):
        assert views.guide(rf.get("/guide/")).status_code == 200
    with override_settings(DEBUG=False), pytest.raises(Http404):
        views.guide(rf.get("/guide/"))
