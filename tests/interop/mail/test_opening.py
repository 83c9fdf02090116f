"""Hostile and odd mails: read within the limits, or refused with a code and a place (security.md 10.4)."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.mail.document import build_document_mail
from interop.mail.errors import MailRefusal, MailRefused
from interop.mail.opening import MAIL_LIMITS, MailLimits, decoded_words, open_mail
from tests.interop.mail.samples import LETTER, RECEIVED, archive

HEAD = b"From: a@b.test\r\nSubject: x\r\n"


def multipart(*parts: bytes, boundary: bytes = b"b", kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    head = b"Content-Type: multipart/" + kind + b'; boundary="' + boundary + b'"\r\n\r\n'
    return head + body + b"--" + boundary + b"--\r\n"


def attached(name: bytes, content: bytes, kind: bytes = b"application/zip") -> bytes:
    disposition = b'Content-Disposition: attachment; filename="' + name + b'"\r\n'
    return (
        b"Content-Type: " + kind + b"\r\n" + disposition + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(content)
    )  # fmt: skip


def nested(depth: int) -> bytes:
    part = b"Content-Type: text/plain\r\n\r\nhello"
    for level in range(depth):
        part = multipart(part, boundary=b"n%d" % level)
    return HEAD + part


def refusal(raw: bytes, limits: MailLimits = MAIL_LIMITS) -> tuple[MailRefusal, str]:
    with pytest.raises(MailRefused) as caught:
        open_mail(raw, limits=limits)
    assert caught.value.text
    return caught.value.code, caught.value.place


@pytest.mark.parametrize("raw", [b"", b" \r\n\r\n"])
def test_nothing_is_no_mail(raw: bytes) -> None:
    assert refusal(raw) == (MailRefusal.EMPTY, "")


def test_a_mail_above_the_limit_is_not_opened() -> None:
    assert refusal(HEAD + b"\r\n" + b"x" * 1000, MailLimits(max_bytes=1000)) == (MailRefusal.TOO_LARGE, "")


def test_parts_are_counted_over_the_whole_mail() -> None:
    leaf = b"Content-Type: text/plain\r\n\r\nx"
    assert refusal(HEAD + multipart(*[leaf] * 60)) == (MailRefusal.TOO_MANY_PARTS, "50")
    inner = b"Content-Type: message/rfc822\r\n\r\n" + HEAD + multipart(*[leaf] * 30, boundary=b"i")
    assert refusal(HEAD + multipart(inner, inner))[0] is MailRefusal.TOO_MANY_PARTS
    assert len(open_mail(HEAD + multipart(*[leaf] * 40)).parts) == 40


def test_depth_is_bounded_for_multiparts_and_for_mails_in_mails() -> None:
    assert len(open_mail(nested(8)).parts) == 1
    assert refusal(nested(9))[0] is MailRefusal.TOO_DEEP
    raw = HEAD + b"\r\nhello"
    for _ in range(20):
        raw = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + raw
    assert refusal(raw)[0] is MailRefusal.TOO_DEEP


def test_headers_are_bounded() -> None:
    assert refusal(b"X: " + b"a" * 200_000 + b"\r\n\r\nx") == (MailRefusal.HEADERS_TOO_LARGE, "")
    assert refusal(b"X: a\r\n" * 400 + b"\r\nx") == (MailRefusal.TOO_MANY_HEADERS, "")
    part = multipart(b"X: " + b"a" * 200_000 + b"\r\n\r\nx")
    assert refusal(HEAD + part) == (MailRefusal.HEADERS_TOO_LARGE, "1")


@pytest.mark.parametrize(
    "boundary", [b"", b'boundary=""', b'boundary="' + b"x" * 300 + b'"', b"boundary=\xc3\xa9"]
)
def test_a_multipart_without_a_usable_boundary_is_refused(boundary: bytes) -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; " + boundary + b"\r\n\r\n--\r\n\r\nx"
    assert refusal(raw) == (MailRefusal.BOUNDARY, "")


BOMBS = {
    "line ends": HEAD + b"\r\n" + b"\n" * 8_000_000,
    "boundary marks": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bx\n" * 1_500_000,
    "parameters": HEAD + b'Content-Type: text/plain; a="' + b";" * 120_000 + b"\r\n\r\nx",
    "comments": b"From: " + b"(" * 60_000 + b"a@b.test\r\n\r\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?" * 10_000 + b"\r\n\r\nx",
    "blank lines of a report": HEAD
    + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
    + b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\n\n" * 500_000 + b"--b--\r\n",
    "html": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 500_000,
    "deep": nested(3000),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_or_refused_within_its_own_size(name: str) -> None:
    raw = BOMBS[name]
    tracemalloc.start()
    try:
        open_mail(raw)
    except MailRefused as refused:
        assert refused.code
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4 * len(raw) + 20 * 2**20


def test_the_archive_is_known_by_its_name_whatever_the_case() -> None:
    for name in (b"IHE_XDM.ZIP", b"ihe-xdm.zip", b"IHE_XDM_20260305.zip"):
        opened = open_mail(HEAD + multipart(attached(name, archive()), attached(b"photos.zip", b"PK")))
        assert [part.file_name for part in opened.archives] == [name.decode()]


def test_under_the_subject_of_a_document_any_archive_is_one() -> None:
    raw = b"Subject: TR: [Annule et remplace] XDM/1.0/DDM+CR X\r\n" + multipart(attached(b"a.zip", archive()))
    opened = open_mail(raw)
    assert [part.content for part in opened.archives] == [archive()]
    assert (opened.document_subject, opened.shown_subject) == ("CR X", "TR: [Annule et remplace] CR X")
    assert open_mail(raw.replace(b"XDM/1.0", b"XDM/1.1")).archives == ()


def test_a_mail_sent_on_as_a_whole_is_opened_too() -> None:
    raw = HEAD + multipart(b"Content-Type: message/rfc822\r\n\r\n" + RECEIVED)
    (part,) = open_mail(raw).parts
    assert part.message is not None
    assert part.message.message_id == LETTER.message_id
    assert [file.content for file in part.message.archives] == [archive()]
    assert part.message.parts[1].place == "1.2"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?b?WERNLzEuMC9ERE0r?= CR", "XDM/1.0/DDM+ CR"),
        ("=?iso-8859-1?q?=E9t=E9?=", "été"),
        ("=?utf-8?b?abcde?=", "=?utf-8?b?abcde?="),
        ("=?zlib?b?eJwDAAAAAAE=?=", None),
        ("plain", "plain"),
    ],
)
def test_encoded_words_are_read_or_left(written: str, read: str | None) -> None:
    assert read is None or decoded_words(written) == read
    assert isinstance(decoded_words(written), str)


def test_raw_accents_in_headers_are_read() -> None:
    opened = open_mail("From: Éric <e@b.test>\r\nSubject: été\r\n\r\nx".encode())
    assert (opened.subject, opened.sender and opened.sender.name) == ("été", "Éric")


def test_a_damaged_encoding_is_said_and_the_rest_is_kept() -> None:
    damaged = attached(b"ihe_xdm.zip", archive()).replace(b"\n", b"", 1)[:-9] + b"A"
    opened = open_mail(HEAD + multipart(b"Content-Type: text/plain\r\n\r\nbonjour", damaged))
    assert opened.text == "bonjour"
    assert opened.parts[1].is_damaged


@pytest.mark.parametrize(
    "charset", ["punycode", "zlib", "unicode_escape", "no-such", "idna", "utf-7", "utf-16"]
)
def test_no_odd_codec_runs_on_received_bytes(charset: str) -> None:
    raw = HEAD + f"Content-Type: text/plain; charset={charset}\r\n\r\n\\x41+AGE-".encode()
    assert open_mail(raw).text == "\\x41+AGE-"


def test_the_words_of_a_page_are_the_text_where_there_is_no_other() -> None:
    page = b"<html><head><title>t</title></head><body><p>Bonjour</p><script>x()</script>vous</body></html>"
    opened = open_mail(HEAD + b"Content-Type: text/html\r\n\r\n" + page)
    assert opened.text == "Bonjour\nvous"


@pytest.mark.parametrize(
    ("headers", "is_automatic"),
    [
        (b"", False),
        (b"Return-Path: <a@b.test>\r\n", False),
        (b"Return-Path: <>\r\n", True),
        (b"Auto-Submitted: no\r\n", False),
        (b"Auto-Submitted: auto-replied; x=y\r\n", True),
        (b"Content-Type: multipart/report; report-type=x; boundary=b\r\n", True),
    ],
)
def test_what_must_never_be_answered_is_known(headers: bytes, is_automatic: bool) -> None:
    assert open_mail(HEAD + headers + b"\r\nx").is_automatic is is_automatic


def test_bytes_that_are_no_mail_have_no_sender() -> None:
    opened = open_mail(bytes(range(1, 256)) * 20)
    assert (opened.sender, opened.message_id, opened.archives) == (None, "", ())


@given(at=st.integers(0, 10_000), junk=st.binary(max_size=60))
def test_a_damaged_mail_is_read_or_refused(at: int, junk: bytes) -> None:
    raw = build_document_mail(LETTER)
    place = at % len(raw)
    try:
        open_mail(raw[:place] + junk + raw[place + len(junk) :])
    except MailRefused as refused:
        assert refused.code


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        open_mail(HEAD + raw)
    except MailRefused as refused:
        assert refused.code
