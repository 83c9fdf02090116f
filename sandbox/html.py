"""Pages of the sandbox: one frame, built as elements so that nothing needs escaping by hand."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from sandbox.serving import Response

STYLE_PATH: Final = "/static/sandbox.css"
STYLE: Final = (Path(__file__).parent / "sandbox.css").read_bytes()


def page(
    title: str,
    *content: etree._Element,
    status: int = HTTPStatus.OK,
    form_targets: tuple[str, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
    service: str = "",
) -> Response:
    """A whole page in French. `form_targets` are the origins to which its forms may lead, redirections
    included.
    """
    document = E.HTML(
        E.HEAD(
            E.META(charset="utf-8"),
            E.META(name="viewport", content="width=device-width, initial-scale=1"),
            E.TITLE(f"{title} - {service}" if service else title),
            E.LINK(rel="stylesheet", href=STYLE_PATH),
        ),
        E.BODY(
            E.HEADER(
                E.P(E.STRONG(service or title)),
                E.P("Environnement de démonstration : aucune donnée réelle.", E.CLASS("notice")),
            ),
            E.MAIN(E.H1(title), *content),
        ),
        lang="fr",
    )
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "form-action " + " ".join(("'self'", *form_targets)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
    body = etree.tostring(document, method="html", encoding="utf-8", doctype="<!DOCTYPE html>")
    return Response(
        status,
        body,
        "text/html; charset=utf-8",
        (
            ("Content-Security-Policy", policy),
            ("X-Content-Type-Options", "nosniff"),
            # Not "no-referrer": browsers would then hide the origin of our own forms from us.
            ("Referrer-Policy", "same-origin"),
            *headers,
        ),
    )


def error_page(title: str, text: str, *, service: str, status: int = HTTPStatus.BAD_REQUEST) -> Response:
    return page(title, E.P(text, E.CLASS("error"), role="alert"), status=status, service=service)


def style_response() -> Response:
    return Response(HTTPStatus.OK, STYLE, "text/css; charset=utf-8")
