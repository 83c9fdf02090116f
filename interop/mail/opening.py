"""Opening a mail that anybody may have written (mssante.md 2.1, 2.2; security.md 10.4).

A reader of our own over offsets in the one buffer: what is read is bounded before anything is allocated for
it (size, headers, parts, depth), and every search is linear. Headers are decoded leniently: a wrong encoded
word is shown as it came, never an error.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import collapse_rfc2231_value, getaddresses
from html.parser import HTMLParser
from typing import Final

from interop.mail import codes
from interop.mail.errors import MailRefusal, MailRefused
from interop.mail.writing import Address

MEBIBYTE: Final = 2**20
_CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
"""Charsets that may be named; others are read as Latin-1, so that no odd codec runs on hostile bytes."""
_ARCHIVE_NAME = re.compile(r"ihe[_-]xdm.*\.zip", re.IGNORECASE | re.DOTALL)
_DOCUMENT_SUBJECT = re.compile(
    r"(?:\s*(?:\[[^\]]*\]|[A-Za-z]{2,3}\s*:))*\s*XDM/1\.0/DDM\+(?P<rest>.*)", re.DOTALL
)
# No header holds them, and neither does a column of text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_MAX_TEXT: Final = MEBIBYTE
_MAX_ADDRESSES: Final = 200
_MAX_HTML: Final = 50_000
# Parameters are read from so many characters only: the library's reading of them is not linear.
_MAX_PARAMETERS: Final = 4096
_CUT_HEADERS: Final = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})


@dataclass(frozen=True, slots=True)
class MailLimits:
    """Limits on one mail (security.md 10.4, mssante.md 2.2). Sizes in bytes."""

    max_bytes: int = 30 * MEBIBYTE
    max_header_bytes: int = 128 * 1024
    max_headers: int = 300
    max_parts: int = 50
    max_depth: int = 8


MAIL_LIMITS: Final = MailLimits()


@dataclass(frozen=True, slots=True)
class MailPart:
    """One leaf of a mail. `place` counts as IMAP does ("2.1"); `message` is the mail that this part holds.

    `is_damaged` tells that its transfer encoding was broken: `content` is then what could be read.
    """

    place: str
    content_type: str
    file_name: str
    is_attachment: bool
    content: bytes = field(repr=False)
    charset: str = ""
    is_damaged: bool = False
    message: OpenedMail | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The content as text, in one of the charsets that we read."""
        codec = _CHARSETS.get(self.charset.lower(), "utf-8" if not self.charset else "latin-1")
        return self.content[:_MAX_TEXT].decode(codec, "replace")


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A mail as read. `headers` are decoded, in order; `return_path` is None where no header gives it and
    empty for a report (`<>`).
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    message_id: str
    subject: str = field(repr=False)
    sender: Address | None
    recipients: tuple[Address, ...]
    return_path: str | None
    notice_to: str
    answered_id: str
    references: tuple[str, ...]
    auto_submitted: str
    report_type: str
    text: str = field(repr=False)
    parts: tuple[MailPart, ...]

    def header(self, name: str) -> str:
        """The first header of that name, or an empty text."""
        return next(self.all_headers(name), "")

    def all_headers(self, name: str) -> Iterator[str]:
        """Every header of that name, in order."""
        wanted = name.lower()
        return (value for known, value in self.headers if known.lower() == wanted)

    @property
    def document_subject(self) -> str | None:
        """What follows the marker of a document mailing (ECO.3.1.3), None in another mail."""
        found = _DOCUMENT_SUBJECT.fullmatch(self.subject)
        return found["rest"].strip() if found else None

    @property
    def shown_subject(self) -> str:
        """The subject without the marker, for screens."""
        return self.subject.replace(codes.SUBJECT_MARKER, "")

    @property
    def archives(self) -> tuple[MailPart, ...]:
        """The IHE_XDM archives: by their name, or any archive under the subject of a document mailing."""
        zips = [part for part in self.parts if _is_zip(part)]
        named = tuple(part for part in zips if _ARCHIVE_NAME.search(part.file_name))
        return named or (tuple(zips) if self.document_subject is not None else ())

    @property
    def pdfs(self) -> tuple[MailPart, ...]:
        """The PDF copies."""
        return tuple(
            part
            for part in self.parts
            if part.content_type == codes.TYPE_PDF or part.file_name.lower().endswith(".pdf")
        )

    @property
    def is_automatic(self) -> bool:
        """A report or an automatic answer: never answered (mssante.md 1.10, loop guard)."""
        automatic = self.auto_submitted.partition(";")[0].strip().lower()
        return bool(self.report_type) or automatic not in ("", "no") or self.return_path == ""


def open_mail(raw: bytes, *, limits: MailLimits = MAIL_LIMITS) -> OpenedMail:
    """Read a mail whole: its headers, its text, its parts decoded, the mails inside it.

    Raises:
        MailRefused: beyond a limit, or not a mail; the code says what and the place where.
    """
    if not raw.strip():
        raise MailRefused(MailRefusal.EMPTY, "", "Le courriel est vide")
    if len(raw) > limits.max_bytes:
        raise MailRefused(
            MailRefusal.TOO_LARGE, "", f"Le courriel dépasse {limits.max_bytes // MEBIBYTE} Mio"
        )
    return _Reader(raw, limits).message(0, len(raw), place="", depth=0)


def decoded_words(value: str) -> str:
    """Return a header with its encoded words read (RFC 2047); as it came where that cannot be done."""
    flat = " ".join(_CONTROLS.sub("", value).split())
    if "=?" not in flat:
        return flat
    try:
        words = decode_header(flat)
    except (HeaderParseError, binascii.Error, ValueError):
        return flat
    read = (
        word
        if isinstance(word, str)
        else word.decode(_CHARSETS.get((charset or "").lower(), "latin-1"), "replace")
        for word, charset in words
    )
    return " ".join(_CONTROLS.sub("", "".join(read)).split())


def read_headers(data: bytes) -> Message:
    """Return a block of headers as plain text: 8-bit bytes are read as UTF-8, folding is undone.

    Control characters are left out.
    """
    headers = Message()
    for name, value in BytesHeaderParser(policy=compat32).parsebytes(data + b"\n\n").raw_items():
        text = value.encode("ascii", "surrogateescape").decode("utf-8", "replace")
        limit = _MAX_PARAMETERS if name.lower() in _CUT_HEADERS else None
        headers[name] = " ".join(_CONTROLS.sub("", text[:limit]).split())
    return headers


def read_addresses(values: Sequence[str]) -> tuple[Address, ...]:
    """Return the mailboxes that headers name; none where they cannot be read."""
    try:
        found = getaddresses(values)[:_MAX_ADDRESSES]
    except RecursionError:  # comments nested without end
        return ()
    return tuple(Address(email.strip(), decoded_words(name)) for name, email in found if "@" in email)


class _Reader:
    """Walks one buffer; counts parts over the whole mail, nested mails included."""

    def __init__(self, data: bytes, limits: MailLimits) -> None:
        self._data = data
        self._limits = limits
        self._count = 0

    def message(self, start: int, end: int, *, place: str, depth: int) -> OpenedMail:
        body, headers = self._headers(start, end, place)
        parts = tuple(self._parts(headers, body, end, place, depth))
        return _opened(headers, parts)

    def _parts(self, headers: Message, start: int, end: int, place: str, depth: int) -> Iterator[MailPart]:
        self._count += 1
        if self._count > self._limits.max_parts:
            raise MailRefused(
                MailRefusal.TOO_MANY_PARTS, place, f"Le courriel a plus de {self._limits.max_parts} parties"
            )
        if depth > self._limits.max_depth:
            raise MailRefused(
                MailRefusal.TOO_DEEP,
                place,
                f"Les parties sont imbriquées sur plus de {self._limits.max_depth} niveaux",
            )
        kind = headers.get_content_type()
        if kind.startswith("multipart/"):
            for number, (part_start, part_end) in enumerate(self._split(headers, start, end, place), start=1):
                inner = f"{place}.{number}" if place else str(number)
                body, inner_headers = self._headers(part_start, part_end, inner)
                yield from self._parts(inner_headers, body, part_end, inner, depth + 1)
        else:
            yield self._leaf(headers, kind, start, end, place or "1", depth)

    def _leaf(self, headers: Message, kind: str, start: int, end: int, place: str, depth: int) -> MailPart:
        content, is_damaged = _decoded(self._data[start:end], headers.get("Content-Transfer-Encoding", ""))
        nested = None
        if kind == "message/rfc822" and content.strip():
            # Its encoding may only be the identity: the nested mail is read where it lies.
            nested = self.message(start, end, place=place, depth=depth + 1)
        disposition = headers.get("Content-Disposition", "").partition(";")[0].strip().lower()
        name = _file_name(headers)
        return MailPart(
            place=place,
            content_type=kind,
            file_name=name,
            is_attachment=disposition == "attachment" or bool(name),
            content=content,
            charset=_charset(headers),
            is_damaged=is_damaged,
            message=nested,
        )

    def _headers(self, start: int, end: int, place: str) -> tuple[int, Message]:
        """Where the body begins, and the headers before it."""
        limits = self._limits
        for mark in (b"\r\n", b"\n"):
            if self._data.startswith(mark, start, end):
                return start + len(mark), Message()
        found = _HEADER_END.search(self._data, start, min(end, start + limits.max_header_bytes + 4))
        stop, body = (found.start(), found.end()) if found else (end, end)
        if stop - start > limits.max_header_bytes:
            raise MailRefused(MailRefusal.HEADERS_TOO_LARGE, place, "Les en-têtes sont trop longs")
        headers = read_headers(self._data[start:stop])
        if len(headers) > limits.max_headers:
            raise MailRefused(MailRefusal.TOO_MANY_HEADERS, place, "Les en-têtes sont trop nombreux")
        return body, headers

    def _split(self, headers: Message, start: int, end: int, place: str) -> Iterator[tuple[int, int]]:
        """Bounds of the parts of a multipart; what stands before the first and after the last is ignored."""
        boundary = headers.get_boundary("").strip()
        if not boundary or len(boundary) > 200 or not boundary.isascii():
            raise MailRefused(MailRefusal.BOUNDARY, place, "Le séparateur des parties est inutilisable")
        mark = re.compile(
            rb"^--" + re.escape(boundary.encode("ascii")) + rb"(--)?[ \t]*(?:\r?\n|\r?\Z)", re.MULTILINE
        )
        opened: int | None = None
        for found in mark.finditer(self._data, start, end):
            if opened is not None:
                yield opened, _before_line_end(self._data, opened, found.start())
            if found[1]:
                return
            opened = found.end()
        if opened is not None:
            yield opened, end


def _opened(headers: Message, parts: tuple[MailPart, ...]) -> OpenedMail:
    decoded = tuple((name, decoded_words(value)) for name, value in headers.items())

    def value(name: str) -> str:
        return decoded_words(headers.get(name, ""))

    senders = read_addresses(headers.get_all("From", []))
    notices = read_addresses(headers.get_all(codes.HEADER_READ_NOTICE, []))
    path = headers.get("Return-Path")
    report = headers.get_param("report-type") if headers.get_content_type() == "multipart/report" else None
    return OpenedMail(
        headers=decoded,
        message_id=_first_id(value("Message-ID")),
        subject=value("Subject"),
        sender=senders[0] if senders else None,
        recipients=read_addresses([*headers.get_all("To", []), *headers.get_all("Cc", [])]),
        return_path=None if path is None else path.strip().strip("<>").strip(),
        notice_to=notices[0].email if notices else "",
        answered_id=_first_id(value("In-Reply-To")),
        references=tuple(_ids(value("References"))),
        auto_submitted=value("Auto-Submitted"),
        report_type=collapse_rfc2231_value(report).lower() if report else "",
        text=_text_of(parts),
        parts=parts,
    )


def _text_of(parts: tuple[MailPart, ...]) -> str:
    """The body that a person reads: plain text, or the words of the only HTML there is."""
    for part in parts:
        if part.content_type == "text/plain" and not part.is_attachment:
            return part.text
    for part in parts:
        if part.content_type == "text/html" and not part.is_attachment:
            words = _Words()
            words.feed(part.text[:_MAX_HTML])
            return words.text()
    return ""


class _Words(HTMLParser):
    """The words of a page: no script, no style, one line a block."""

    _HIDDEN = frozenset({"script", "style", "head", "template"})
    _BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._hidden = 0
        self._found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":  # the end of the head may be left out (HTML, 13.1.2.4)
            self._hidden = 0
        self._hidden += tag in self._HIDDEN
        if tag in self._BLOCKS:
            self._found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN and self._hidden:
            self._hidden -= 1
        if tag in self._BLOCKS:
            self._found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._found.append(data)

    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._found).split("\n"))
        return "\n".join(line for line in lines if line)


def _decoded(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Undo a transfer encoding; True where it was broken."""
    match encoding.strip().lower():
        case "base64":
            try:
                return binascii.a2b_base64(data), False
            except binascii.Error:
                kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
                return binascii.a2b_base64(kept[: len(kept) // 4 * 4]), True
        case "quoted-printable":
            return quopri.decodestring(data), False
        case _:
            return data, False


def _file_name(headers: Message) -> str:
    try:
        name = headers.get_filename("") or ""
    except (UnicodeError, ValueError, LookupError):  # a name in a charset that does not exist
        return ""
    return decoded_words(name)[:255]


def _charset(headers: Message) -> str:
    try:
        return headers.get_content_charset("") or ""
    except (UnicodeError, ValueError, LookupError):
        return ""


def _before_line_end(data: bytes, start: int, end: int) -> int:
    """The end of a part: the line end before a boundary belongs to the boundary."""
    if data.endswith(b"\r\n", start, end):
        return end - 2
    return end - 1 if data.endswith(b"\n", start, end) else end


def _is_zip(part: MailPart) -> bool:
    return part.content_type in codes.TYPES_ZIP or part.file_name.lower().endswith(".zip")


def _ids(value: str) -> list[str]:
    return re.findall(r"<[^<>\s]{1,900}>", value)[:50]


def _first_id(value: str) -> str:
    found = _ids(value)
    return found[0] if found else ""
