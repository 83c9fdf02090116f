"""The content-addressed store: atomic, idempotent, and it never gives back what was altered."""

import hashlib
import os
import stat

import pytest

from documents.store import StoredContentDamaged, content_get, content_put

CONTENT = "CDA d’un patient".encode()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DOCUMENT_STORE = tmp_path / "store"
    return settings.DOCUMENT_STORE


def _file(folder):
    return folder / SHA256[:2] / SHA256[2:4] / SHA256


def test_a_content_is_found_under_the_fingerprint_of_its_bytes(folder):
    assert content_put(CONTENT) == SHA256
    assert content_get(SHA256) == CONTENT
    assert _file(folder).read_bytes() == CONTENT


def test_storing_twice_keeps_one_file_and_does_not_write_it_again(folder):
    content_put(CONTENT)
    before = _file(folder).stat().st_ino
    assert content_put(CONTENT) == SHA256
    assert [path for path in folder.rglob("*") if path.is_file()] == [_file(folder)]
    assert _file(folder).stat().st_ino == before


def test_nobody_else_on_the_machine_reads_the_documents(folder):
    former = os.umask(0o000)
    try:
        content_put(CONTENT)
    finally:
        os.umask(former)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(_file(folder).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], b"something else"])
def test_an_altered_file_is_never_given_back_and_is_made_good_by_the_next_writing(folder, damage):
    content_put(CONTENT)
    _file(folder).write_bytes(damage)
    with pytest.raises(StoredContentDamaged, match="altéré"):
        content_get(SHA256)
    content_put(CONTENT)
    assert content_get(SHA256) == CONTENT


def test_an_absent_file_is_said_to_be_absent():
    with pytest.raises(StoredContentDamaged):
        content_get(SHA256)


def test_a_writing_that_fails_leaves_neither_a_file_nor_a_fragment(folder, monkeypatch):
    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        content_put(CONTENT)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
