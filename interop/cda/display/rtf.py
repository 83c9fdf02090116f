"""The text of a RTF body, without its layout: nothing of it is interpreted (cda.md 6.1)."""

from __future__ import annotations

import re
from typing import Final

MAX_RTF_BYTES: Final = 5 * 2**20
_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_HIDDEN: Final = frozenset(
    {
        "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "themedata",
        "datastore", "listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl", "fldinst",
    }
)  # fmt: skip
_TEXTS: Final = {
    "par": "\n", "line": "\n", "sect": "\n\n", "page": "\n\n", "row": "\n", "cell": "\t", "tab": "\t",
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "bullet": "•", "~": "\u00a0", "_": "‑", "{": "{", "}": "}", "\\": "\\",
}  # fmt: skip


def rtf_text(content: bytes) -> str:
    """The readable text of RTF bytes; what is beyond `MAX_RTF_BYTES` is left out."""
    shown: list[str] = []
    hidden_from = 0  # depth at which what follows is no text
    depth, skip, unicode_skip = 0, 0, [1]
    for word, number, code, symbol, brace, text in _TOKEN.findall(
        content[:MAX_RTF_BYTES].decode("cp1252", "replace")
    ):
        if brace == "{":
            depth += 1
            unicode_skip.append(unicode_skip[-1])
        elif brace == "}":
            depth -= 1
            hidden_from = hidden_from if depth >= hidden_from else 0
            if len(unicode_skip) > 1:
                unicode_skip.pop()
        elif hidden_from:
            continue
        elif symbol == "*" or word in _HIDDEN:
            hidden_from = depth
        elif word == "uc":
            unicode_skip[-1] = min(int(number or 1), 8)
        elif word == "u":
            shown.append(_character(int(number or 0)))
            skip = unicode_skip[-1]
        elif skip and (code or text):
            shown.append(text[skip:])
            skip = 0 if text else skip - 1
        elif code:
            shown.append(bytes([int(code, 16)]).decode("cp1252", "replace"))
        else:
            shown.append(text or _TEXTS.get(word or symbol, ""))
    return re.sub(r"\n{3,}", "\n\n", "".join(shown)).strip()


def _character(number: int) -> str:
    point = number if number >= 0 else number + 65_536
    is_readable = 32 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF
    return chr(point) if is_readable else "\N{REPLACEMENT CHARACTER}"
