"""The style sheets about themselves: contrast, tokens, size."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text(encoding="utf-8")
SHEETS = sorted(CSS.glob("*.css"))
TONES = ("ok", "info", "warn", "bad", "hid", "neu")

# (text, ground, least ratio): ui reference 3.1, 3.2 and 10.2.
PAIRS = [
    *[(text, ground, 4.5) for text in ("--c-text", "--c-muted") for ground in
      ("--c-bg", "--c-surface", "--c-sunken", "--c-raised", "--c-selected")],
    *[("--c-text", f"--c-{tone}-tint", 4.5) for tone in TONES],
    ("--c-muted", "--c-warn-tint", 4.5),
    ("--c-muted", "--c-bad-tint", 4.5),
    ("--c-faint", "--c-surface", 4.5),
    ("--c-muted", "--c-neu-tint", 4.5),
    *[("--c-accent", ground, 4.5) for ground in
      ("--c-surface", "--c-bg", "--c-raised", "--c-accent-tint", "--c-selected")],
    ("--c-accent-ink", "--c-accent", 4.5),
    ("--c-accent-ink", "--c-accent-hover", 4.5),
    ("--c-text", "--c-mark", 4.5),
    *[("--c-bar-text", ground, 4.5) for ground in ("--c-bar", "--c-bar-current")],
    *[("--c-bar-muted", "--c-bar", 4.5)],
    ("--c-bar-bad-ink", "--c-bar-bad", 4.5),
    ("--c-bar-mark-ink", "--c-bar-accent", 4.5),
    ("--c-bar-ok", "--c-bar", 3.0),
    ("--c-bar-warn", "--c-bar", 3.0),
    ("--c-bar-line", "--c-bar", 3.0),
    *[(f"--c-{tone}", f"--c-{tone}-tint", 4.5) for tone in TONES],
    *[(f"--c-{tone}", ground, 4.5) for tone in TONES for ground in
      ("--c-surface", "--c-bg", "--c-selected", "--c-raised")],
    ("--c-bad-ink", "--c-bad-solid", 4.5),
    *[("--c-control", ground, 3.0) for ground in ("--c-surface", "--c-bg")],
    *[("--c-focus", ground, 3.0) for ground in ("--c-surface", "--c-bg", "--c-raised", "--c-selected")],
    ("--c-paper-text", "--c-paper", 4.5),
]  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_text_and_controls_have_enough_contrast(text: str, ground: str, least: float, theme: str) -> None:
    assert _ratio(_colour(text, theme), _colour(ground, theme)) >= least


@pytest.mark.parametrize(
    "sheet", [sheet for sheet in SHEETS if sheet.name != "tokens.css"], ids=lambda path: path.name
)
def test_no_raw_colour_outside_the_tokens(sheet: Path) -> None:
    raw = re.findall(r"#[0-9A-Fa-f]{3,8}\b|\brgba?\(|\bhsla?\(", sheet.read_text(encoding="utf-8"))
    assert raw == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_token_used_exists(sheet: Path) -> None:
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", sheet.read_text(encoding="utf-8")))
    assert used <= set(re.findall(r"(--[a-z0-9-]+):", TOKENS))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_style_sheets_stay_readable(sheet: Path) -> None:
    assert len(sheet.read_text(encoding="utf-8").splitlines()) < 500


def test_no_text_is_smaller_than_twelve_pixels() -> None:
    sizes = [
        float(size)
        for sheet in SHEETS
        for size in re.findall(r"font-size: ?(\.?\d+\.?\d*)rem", sheet.read_text("utf-8"))
    ]
    assert sizes and min(sizes) >= 0.75


def _colour(token: str, theme: str) -> tuple[int, int, int]:
    value = re.search(rf"{token}: ([^;]+);", TOKENS)
    assert value, token
    colours = re.findall(r"#([0-9A-F]{6})", value[1])
    chosen = colours[-1] if theme == "dark" else colours[0]
    red, green, blue = (int(chosen[at : at + 2], 16) for at in (0, 2, 4))
    return red, green, blue


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ratio(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
