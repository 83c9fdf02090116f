"""The content-addressed store of documents: bytes under the SHA-256 of their content.

Writing is idempotent and atomic (temporary file, fsync, rename), so bytes may be written before the
transaction that names them: a rolled back transaction leaves an orphan, never a missing file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings

from audit.errors import ApplicationError


class StoredContentDamaged(ApplicationError):
    """The file is absent or no longer has the content its name promises."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            "Le contenu de ce document est introuvable ou altéré. Prévenez l’administrateur technique.",
            code=f"store:{sha256[:12]}",
        )


def _path(sha256: str) -> Path:
    return Path(str(settings.DOCUMENT_STORE)) / sha256[:2] / sha256[2:4] / sha256


def content_put(content: bytes) -> str:
    """Store `content` and return its SHA-256 in hexadecimal; a damaged file is made good."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = _path(sha256)
    if _is_sound(path, sha256):
        return sha256
    _make_private(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _flush_name(path.parent)
    return sha256


def _is_sound(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _make_private(folder: Path) -> None:
    """Folders for our account alone, whatever the umask; `mkdir` gives its mode to the last one only."""
    for level in (folder.parent.parent, folder.parent, folder):
        level.mkdir(parents=True, exist_ok=True, mode=0o700)


def _flush_name(folder: Path) -> None:
    """The new name survives a power cut, as the transaction that will quote it does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def content_get(sha256: str) -> bytes:
    """Read and check a content; StoredContentDamaged when absent or altered."""
    try:
        content = _path(sha256).read_bytes()
    except OSError as error:
        raise StoredContentDamaged(sha256) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoredContentDamaged(sha256)
    return content
