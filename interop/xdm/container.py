"""The ZIP itself, opened as the work of an enemy (security.md 10.4, mssante.md 2.2).

Nothing is ever extracted to a disk. What the directory of the archive says is checked before any entry is
inflated, and what an entry inflates to is counted while it is read, never believed from a header.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from stat import S_IFDIR, S_IFMT, S_IFREG
from typing import Final

from interop.xdm.errors import XdmRefusal, XdmRefused

MEBIBYTE: Final = 2**20
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_WIDE_LOCATOR: Final = b"PK\x06\x07"
_WIDE_LOCATOR_SIZE: Final = 20
_COMMENT_MAX: Final = 65_535
_ENTRY_MIN: Final = 46  # bytes of an entry in the directory, without its name
_DIRECTORY_PER_ENTRY: Final = 1024
_ENCRYPTED_BITS: Final = 0x1 | 0x40
_CHUNK: Final = 64 * 1024
_RATIO_FLOOR: Final = 100 * 1024  # a short text of one repeated character is no bomb
_DRIVE = re.compile(r"^[A-Za-z]:")
_ARCHIVE_NAME = re.compile(r"\.(?:zip|jar|7z|rar|tar|gz|tgz|bz2|xz)$", re.IGNORECASE)
_ARCHIVE_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf", b"Rar!", b"\x1f\x8b")
_SHOWN_NAME: Final = 80
# What the library raises on bytes that are not what their headers say.
_READ_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Limits on one archive (security.md 10.4). Sizes in bytes; `max_ratio` is inflated over stored."""

    max_bytes: int = 25 * MEBIBYTE
    max_entries: int = 200
    max_entry_bytes: int = 50 * MEBIBYTE
    max_total_bytes: int = 200 * MEBIBYTE
    max_ratio: int = 100


ARCHIVE_LIMITS: Final = ArchiveLimits()


@dataclass(slots=True)
class Archive:
    """The files of an archive by their name, whatever its case. `read` inflates one, under the limits."""

    limits: ArchiveLimits
    _zip: zipfile.ZipFile = field(repr=False)
    _entries: dict[str, zipfile.ZipInfo] = field(repr=False)
    _inflated: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, as written, in the order of the archive."""
        return tuple(info.filename for info in self._entries.values())

    def has(self, name: str) -> bool:
        return name.casefold() in self._entries

    def read(self, name: str) -> bytes:
        """Inflate one file.

        Raises:
            XdmRefused: too large, too compressed, an archive inside, or damaged.
        """
        info = self._entries[name.casefold()]
        content = self._inflate(info)
        if content.startswith(_ARCHIVE_STARTS):
            raise XdmRefused(
                XdmRefusal.NESTED_ARCHIVE, "Une archive dans l'archive n'est pas acceptée", shown(name)
            )
        return content

    def _inflate(self, info: zipfile.ZipInfo) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    self._inflated += len(chunk)
                    self._check(info, size)
                    chunks.append(chunk)
        except XdmRefused:
            raise
        except _READ_ERRORS as error:
            raise XdmRefused(
                XdmRefusal.DAMAGED, "Un fichier de l'archive est abîmé", shown(info.filename)
            ) from error
        return b"".join(chunks)

    def _check(self, info: zipfile.ZipInfo, size: int) -> None:
        place, limits = shown(info.filename), self.limits
        if size > limits.max_entry_bytes:
            raise XdmRefused(XdmRefusal.ENTRY_TOO_LARGE, "Un fichier de l'archive est trop grand", place)
        if self._inflated > limits.max_total_bytes:
            raise XdmRefused(XdmRefusal.TOTAL_TOO_LARGE, "Le contenu de l'archive est trop grand", place)
        if size > _RATIO_FLOOR and size > limits.max_ratio * max(info.compress_size, 1):
            raise XdmRefused(XdmRefusal.RATIO, "Un fichier de l'archive est anormalement compressé", place)


def open_archive(data: bytes, *, limits: ArchiveLimits = ARCHIVE_LIMITS) -> Archive:
    """Open the bytes of a ZIP after checking its directory; nothing is inflated yet.

    Raises:
        XdmRefused: with what is wrong, and in which entry.
    """
    if len(data) > limits.max_bytes:
        raise XdmRefused(XdmRefusal.TOO_LARGE, f"L'archive dépasse {limits.max_bytes // MEBIBYTE} Mo")
    _check_directory_size(data, limits)
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _READ_ERRORS as error:
        raise XdmRefused(XdmRefusal.DAMAGED, "L'archive est abîmée") from error
    infos = archive.infolist()
    if len(infos) > limits.max_entries:
        raise _too_many(limits)
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_entry(info)
        key = info.filename.removeprefix("./").casefold().rstrip("/")
        if key in entries:
            raise XdmRefused(
                XdmRefusal.DUPLICATE_NAME, "Deux fichiers de l'archive ont le même nom", shown(info.filename)
            )
        entries[key] = info
    files = {key: info for key, info in entries.items() if not info.is_dir()}
    return Archive(limits, archive, files)


def shown(name: str) -> str:
    """A name fit to be shown: odd characters escaped, the middle of a long one cut."""
    safe = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in name)
    half = _SHOWN_NAME // 2
    return safe if len(safe) <= _SHOWN_NAME else f"{safe[:half]}…{safe[-half:]}"


def _check_directory_size(data: bytes, limits: ArchiveLimits) -> None:
    """Refuse a directory of a million entries before the library makes an object of each."""
    end = data.rfind(_END, max(0, len(data) - _END_SIZE - _COMMENT_MAX))
    if end < 0 or len(data) < end + _END_SIZE:
        raise XdmRefused(XdmRefusal.NOT_ZIP, "Le fichier n'est pas une archive ZIP")
    # ZIP64 has counts of its own, which the library believes before these; 25 MB never need them.
    if data[max(0, end - _WIDE_LOCATOR_SIZE) : end].startswith(_WIDE_LOCATOR):
        raise XdmRefused(XdmRefusal.METHOD, "Le format ZIP64 n'est pas accepté dans l'archive")
    count, size = struct.unpack_from("<H", data, end + 10)[0], struct.unpack_from("<I", data, end + 12)[0]
    if count > limits.max_entries or size > limits.max_entries * (_ENTRY_MIN + _DIRECTORY_PER_ENTRY):
        raise _too_many(limits)


def _too_many(limits: ArchiveLimits) -> XdmRefused:
    return XdmRefused(
        XdmRefusal.TOO_MANY_ENTRIES, f"L'archive contient plus de {limits.max_entries} fichiers"
    )


def _check_entry(info: zipfile.ZipInfo) -> None:
    place = shown(info.orig_filename)
    kind = S_IFMT(info.external_attr >> 16)
    checks = (
        (_is_bad_name(info.orig_filename), XdmRefusal.NAME, "Un nom de fichier n'est pas accepté"),
        (kind not in (0, S_IFREG, S_IFDIR), XdmRefusal.LINK, "Un lien n'est pas accepté dans l'archive"),
        (
            bool(info.flag_bits & _ENCRYPTED_BITS),
            XdmRefusal.ENCRYPTED,
            "Un fichier chiffré n'est pas accepté dans l'archive",
        ),
        (
            info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
            XdmRefusal.METHOD,
            "Une méthode de compression n'est pas acceptée",
        ),
        (
            bool(_ARCHIVE_NAME.search(info.filename)),
            XdmRefusal.NESTED_ARCHIVE,
            "Une archive dans l'archive n'est pas acceptée",
        ),
    )
    for is_bad, code, text in checks:
        if is_bad:
            raise XdmRefused(code, text, place)


def _is_bad_name(name: str) -> bool:
    parts = name.removeprefix("./").rstrip("/").split("/")
    return (
        not all(char.isprintable() for char in name)
        or "\\" in name
        or name.startswith("/")
        or bool(_DRIVE.match(name))
        or any(part in ("", ".", "..") for part in parts)
    )
