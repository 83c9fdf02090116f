"""The official HL7 v2 example messages, read where they are; tests are skipped where they are not."""

import re
from base64 import b64encode
from pathlib import Path

import pytest

from tests.shared import ABSENT, SHARED

GOLDEN = Path(__file__).parents[1] / "golden" / "hl7v2"
FOLDER = SHARED / "data" / "hl7v2"
needs_official = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def official_names(pattern: str = "**/*") -> list[str]:
    """Return the names of the message files below the folder, relative to it; empty when it is absent."""
    return sorted(
        str(path.relative_to(FOLDER))
        for path in FOLDER.glob(pattern)
        if path.suffix.lower() in (".er7", ".hl7")
    )


def official(name: str) -> bytes:
    """Return the bytes of one official file; skip the test when it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name}: {ABSENT}")
    return path.read_bytes()


def normalised(raw: bytes) -> bytes:
    """Return a message with CR terminators and no empty line: what a faithful reader writes back."""
    return b"".join(line + b"\r" for line in re.split(rb"\r\n?|\n", raw) if line.strip())


def patched(raw: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    """Return a message with replacements that must all apply."""
    for old, new in changes:
        assert old in raw, old
        raw = raw.replace(old, new)
    return raw


def with_document(raw: bytes, content: bytes) -> bytes:
    """Return a message whose first document is another one."""
    lines = raw.split(b"\r")
    at = next(index for index, line in enumerate(lines) if line.startswith(b"OBX|1|"))
    head, _, _ = lines[at].partition(b"^Base64^")
    status = lines[at].split(b"|")[11]
    lines[at] = head + b"^Base64^" + b64encode(content) + b"||||||" + status
    return b"\r".join(lines)


def without_line(raw: bytes, start: bytes) -> bytes:
    """Return a message without the segments that begin so."""
    lines = [line for line in raw.split(b"\r") if line and not line.startswith(start)]
    return b"".join(line + b"\r" for line in lines)
