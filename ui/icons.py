"""The icon sprite: one SVG file of our own, put once in each page and referred to by name.

Inlined rather than linked, so that a page draws without a second request and under a strict
Content-Security-Policy. The word beside an icon carries the meaning (ui reference, 1.5): icons
are always hidden from assistive technology.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_SPRITE_FILE: Final = Path(__file__).with_name("icons.svg")

# The file is ours and shipped with the code; nothing of a user enters it.
SPRITE: Final[SafeString] = mark_safe(_SPRITE_FILE.read_text(encoding="utf-8"))  # noqa: S308
ICON_NAMES: Final[frozenset[str]] = frozenset(re.findall(r'<symbol id="i-([a-z0-9-]+)"', SPRITE))
ICON_SIZES: Final[tuple[int, ...]] = (16, 20, 24, 32)


@cache
def icon(name: str, size: int = 16, css: str = "") -> SafeString:
    """Return the SVG element that shows one icon of the sprite.

    `size` is in CSS pixels, one of `ICON_SIZES`; `css` adds class names. An unknown name or size
    is a mistake of the template and raises `LookupError`.
    """
    if name not in ICON_NAMES:
        raise LookupError(f"no icon named {name!r} in {_SPRITE_FILE.name}")
    if size not in ICON_SIZES:
        raise LookupError(f"no icon size {size}; sizes are {ICON_SIZES}")
    classes = " ".join(filter(None, ("icon", "" if size == 16 else f"icon--{size}", css)))
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="#i-{}"></use></svg>', classes, name
    )
