"""The pictures of the pages, each beside the reference screen that it follows, on one page to look at.

`build/screens/index.html`: every page at 1440 and 1024 pixels and in the dark theme.
"""

from __future__ import annotations

import shutil
from html import escape
from pathlib import Path
from typing import Final

REFERENCES: Final = {
    "01": ("01-login",),
    "02": ("02-unit-list",),
    "03": ("03-patient-page", "03-patient-page-dark", "03-patient-page-1024"),
    "04": ("04-letter-editor",),
    "05": ("05-validation-panel",),
    "06": ("06-work-list-envois",),
    "07": ("07-admission-identity",),
    "08": ("08-information-non-opposition",),
    "10-statistics": ("10-statistics",),
    "11": ("11-exchange-journal",),
    "40": ("09-received-mss-and-mismatch",),
    "50": ("09-received-mss-and-mismatch",),
    "52": ("09-received-mss-and-mismatch",),
}
"""Beginning of the name of a picture, and the reference screens of that page; the others have none."""
SHOTS: Final = ("1440", "1024", "dark")
STYLE: Final = (
    "body{font:16px sans-serif;margin:2rem;background:#eee}"
    "section{display:flex;gap:1rem;flex-wrap:wrap;margin-bottom:3rem}"
    "figure{margin:0;flex:1 1 45%}img{width:100%;border:1px solid #999;background:#fff}"
)


def sheet_write(pictures: Path, references: Path) -> None:
    """Write the page over what `pictures` holds; reference screens are copied beside it."""
    names = sorted({picture.stem.rpartition("-")[0] for picture in pictures.glob("*.png")})
    copied = pictures / "reference"
    copied.mkdir(parents=True, exist_ok=True)
    sections = []
    for name in names:
        known = next((found for start, found in REFERENCES.items() if name.startswith(start)), ())
        known = tuple(one for one in known if (references / f"{one}.png").is_file())
        for reference in known:
            shutil.copyfile(references / f"{reference}.png", copied / f"{reference}.png")
        drawn = [f"{name}-{shot}" for shot in SHOTS if (pictures / f"{name}-{shot}.png").is_file()]
        beside = [f"reference/{reference}" for reference in known]
        figures = [_figure(one) for one in (*drawn[:1], *beside, *drawn[1:])]
        sections.append(f"<h2>{escape(name)}</h2><section>{''.join(figures)}</section>")
    head = f'<!doctype html><html lang="fr"><meta charset="utf-8"><title>Pages</title><style>{STYLE}</style>'
    (pictures / "index.html").write_text(f"{head}<h1>Pages et écrans de référence</h1>{''.join(sections)}")


def _figure(name: str) -> str:
    image = f'<img src="{name}.png" alt="" loading="lazy">'
    return f"<figure>{image}<figcaption>{escape(name)}</figcaption></figure>"
