"""`letter_full`: from the frozen letter to its PDF and its CDA, checked and stored, against WeasyPrint alone.

The yardstick prints the same page, already written, its datamatrix drawn, with the style sheet already
read: what the product adds is the template, the characters, the datamatrix, the CDA, the checks and two
files on the disk.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from weasyprint import CSS, HTML

from documents.checking import findings_of
from documents.rendering import html_from_snapshot, renderings_build
from documents.store import content_put
from tests.bench.figures import Figure, median_ratio, rss_mb, timed
from tests.bench.letters import PAGES, reference_letter
from ui.printing import PDF_VARIANT, STYLESHEET

MEASURED = 40
WARM_UP = 3


def measure() -> Iterator[Figure | str]:
    """One letter of ours, one of the yardstick, in turn."""
    style = CSS(string=STYLESHEET.read_text("utf-8"))
    ours: list[float] = []
    bare: list[float] = []
    for number in range(WARM_UP + MEASURED):
        snapshot = reference_letter(number)
        page = html_from_snapshot(snapshot)
        started = time.perf_counter()
        problems, pdf = _letter(snapshot)
        written = time.perf_counter()
        HTML(string=page).write_pdf(stylesheets=[style], pdf_variant=PDF_VARIANT)
        bare.append(time.perf_counter() - written)
        ours.append(written - started)
        yield from problems
    if "<svg" not in page:
        yield "letter_full: no datamatrix on the page"
    if (pages := len(PdfReader(io.BytesIO(pdf)).pages)) != PAGES:
        yield f"letter_full: {pages} pages instead of {PAGES}"
    ours, bare = ours[WARM_UP:], bare[WARM_UP:]
    yield timed(
        "letter_full",
        ours,
        rss_mb=rss_mb(),
        yardstick=len(bare) / sum(bare),
        ratio=median_ratio([1 / one for one in ours], [1 / one for one in bare]),
    )


def _letter(snapshot: dict[str, Any]) -> tuple[list[str], bytes]:
    renderings = renderings_build(snapshot)
    findings = findings_of(snapshot, renderings)
    content_put(renderings.cda)
    content_put(renderings.pdf)
    return [f"letter_full: {finding}" for finding in findings], renderings.pdf
