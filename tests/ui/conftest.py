"""A browser that sees the invented pages and our static files, and nothing else of the world."""

import mimetypes
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import BrowserContext, Page, Route

from tests.browsers import Chromium, chromium
from tests.ui import demo
from ui import gallery

ORIGIN = "http://dpi.test"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self' blob:; form-action 'self'; base-uri 'none'; object-src 'none'"
)
PAGES = {**demo.PAGES, "guide": ("ui/guide.html", gallery.context)}

# What Chromium and htmx say of an answer that a test made fail on purpose.
ANSWERED = ("Failed to load resource: the server responded with a status of", "Response Status Error Code")

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def open_page(started: Chromium) -> Iterator[OpenPage]:
    """`open_page(name, width=, theme=, answers=)` draws a page; complaints of the browser fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(
        name: str,
        *,
        width: int = 1440,
        theme: str = "light",
        answers: dict[str, tuple[int, str]] | None = None,
    ) -> Page:
        context = started.browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]  # "light" or "dark"
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        context.route("**/*", lambda route: _answer(route, name, answers or {}))
        page.goto(f"{ORIGIN}/page/")
        page.wait_for_load_state()
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [text for text in complaints if not text.startswith(ANSWERED)] == []


def _answer(route: Route, name: str, answers: dict[str, tuple[int, str]]) -> None:
    path = urlsplit(route.request.url).path
    if path in answers:
        status, body = answers[path]
        route.fulfill(status=status, body=body, content_type="text/html; charset=utf-8")
    elif path.startswith("/static/"):
        found = finders.find(path.removeprefix("/static/"))
        if not isinstance(found, str):
            route.fulfill(status=404)
            return
        route.fulfill(path=found, content_type=mimetypes.guess_type(found)[0] or "text/plain")
    elif path != "/page/":
        route.fulfill(status=404)
    else:
        template, context = (PAGES | demo.LIVE_PAGES)[name]
        body = render_to_string(template, context(), RequestFactory().get("/page/"))
        route.fulfill(
            body=body, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
        )
