"""Images of a document, checked before a browser decodes them (cda.md 10.6; security.md 10.4, 20)."""

from __future__ import annotations

import struct
from base64 import b64encode
from enum import StrEnum
from typing import Final

MAX_IMAGE_BYTES: Final = 20 * 2**20
MAX_PIXELS: Final = 40_000_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_GIF: Final = (b"GIF87a", b"GIF89a")
_JPEG: Final = b"\xff\xd8\xff"
# Start-of-frame markers of JPEG, which hold the dimensions; C4, C8 and CC are other tables.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


class ImageFault(StrEnum):
    """Why an image is not shown."""

    TYPE = "type"
    SIZE = "size"
    PIXELS = "pixels"


class ImageRefused(ValueError):
    """An image that is not given to the browser."""

    def __init__(self, fault: ImageFault) -> None:
        super().__init__(fault)
        self.fault = fault


def data_url(content: bytes) -> str:
    """An image as a `data:` address, of the type that its own bytes tell.

    Raises:
        ImageRefused: neither PNG, JPEG nor GIF, or too large in bytes or in pixels.
    """
    media_type, width, height = _measure(content)
    if len(content) > MAX_IMAGE_BYTES:
        raise ImageRefused(ImageFault.SIZE)
    if not width or not height or width * height > MAX_PIXELS:
        raise ImageRefused(ImageFault.PIXELS)
    return f"data:{media_type};base64,{b64encode(content).decode('ascii')}"


def _measure(content: bytes) -> tuple[str, int, int]:
    try:
        if content.startswith(_PNG):
            return "image/png", *struct.unpack_from(">II", content, 16)
        if content.startswith(_GIF):
            return "image/gif", *struct.unpack_from("<HH", content, 6)
        if content.startswith(_JPEG):
            return "image/jpeg", *_jpeg_dimensions(content)
    except struct.error:
        raise ImageRefused(ImageFault.TYPE) from None
    raise ImageRefused(ImageFault.TYPE)


def _jpeg_dimensions(content: bytes) -> tuple[int, int]:
    place = 2
    while place + 4 <= len(content):
        if content[place] != 0xFF:
            break
        marker = content[place + 1]
        if marker == 0xFF:  # fill bytes before a marker
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        place += 2 + struct.unpack_from(">H", content, place + 2)[0]
    raise ImageRefused(ImageFault.TYPE)
