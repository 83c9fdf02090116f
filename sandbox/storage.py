"""Files of the sandbox: readable by their owner only, written so that a cut never leaves half of one."""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def private_folder(path: Path) -> Path:
    """Create a folder (and its missing parents) that only its owner may enter."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.chmod(FOLDER_MODE)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: temporary file, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StateInUseError(RuntimeError):
    """Another process works on the same state folder."""


class FolderLock:
    """Exclusive use of a folder by one process, released by the system when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._path = private_folder(folder) / "lock"
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateInUseError(f"{self._path.parent} is used by another process") from error
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Journal:
    """An append-only file of JSON lines.

    A cut in the middle of a line leaves a tail without line end; it was never acknowledged, so the next
    opening drops it.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._lock = threading.Lock()
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        self._drop_torn_tail()

    def _drop_torn_tail(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.ftruncate(self._descriptor, whole)
        os.lseek(self._descriptor, whole, os.SEEK_SET)

    def entries(self) -> Iterator[dict[str, Any]]:
        """All entries in the order of their writing."""
        with self._path.open("rb") as stream:
            for line in stream:
                yield json.loads(line)

    def append(self, entry: dict[str, Any]) -> None:
        """Write an entry; it is on the disk when this returns."""
        self.write(entry)
        self.sync()

    def write(self, entry: dict[str, Any]) -> None:
        """Write an entry in its order; it is on the disk after `sync`, which may wait for several at once."""
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        with self._lock:
            os.close(self._descriptor)


class ContentFile:
    """Contents one after the other in one append-only file: one wait for the disk per submission.

    What a cut leaves behind its last whole write is never referred to.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        self._end = os.lseek(self._descriptor, 0, os.SEEK_END)

    def append(self, contents: Sequence[bytes]) -> list[int]:
        """Write contents; they are on the disk when it returns. Returns the place of each."""
        with self._lock:
            places = []
            for content in contents:
                places.append(self._end)
                view = memoryview(content)
                while view:
                    written = os.pwrite(self._descriptor, view, self._end)
                    self._end += written
                    view = view[written:]
        os.fdatasync(self._descriptor)
        return places

    def read(self, place: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, place)

    def close(self) -> None:
        os.close(self._descriptor)
