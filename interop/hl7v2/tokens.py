"""Tokenizer: bytes of one HL7 v2 message to segments and fields, and back, without loss.

Source: HL7 v2.5 chapter 2 (delimiters, escapes), hl7v2.md 1.3 (terminators, escapes) and 1.4 (character
sets). Values stay escaped inside `Message` and `Segment`; `value`, `text` and the functions of `datatypes`
un-escape them once. The number of segments that come in is the number that go out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error

# Bounds against hostile input (security.md 10.5), far above any real message.
MAX_SEGMENTS = 10_000
MAX_FIELDS = 1_000
MAX_PARTS = 500_000
"""Repetitions, components and subcomponents of a whole message."""

_BOM = b"\xef\xbb\xbf"
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\r\n")
_C1_CONTROLS = bytes(range(0x80, 0xA0))
_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_LINE_END = re.compile(rb"[\r\n]")
_HEAD_BYTES = 4096
_CHARSET_NAME = re.compile(r"[A-Za-z0-9 ./-]*")
_BASE64_START = re.compile(r"[A-Za-z0-9+/= ]*")
_DOCUMENT_FIELD = 5
_PATH = re.compile(r"([A-Z][A-Z0-9]{2})(?:\((\d+)\))?-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Separators:
    """The delimiters that MSH-1 and MSH-2 of a message declare."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation


STANDARD = Separators()
"""What we emit."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. `fields[n]` is field n of the standard, still escaped; `fields[0]` is the name.

    `occurrence` counts the segments of that name in the message, from 1: it is the second component of ERR-2.
    """

    fields: tuple[str, ...]
    occurrence: int = 1
    separators: Separators = STANDARD
    codec: str = "utf-8"

    @property
    def name(self) -> str:
        """The three letters."""
        return self.fields[0]

    def field(self, number: int) -> str:
        """Return field `number` as it came, empty when absent."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """Return the non-empty repetitions of a field, still escaped."""
        raw = self.field(number)
        if not raw:
            return []
        return [part for part in raw.split(self.separators.repetition) if part]

    def value(self, number: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """Return one subcomponent, un-escaped and without surrounding blanks; empty when absent."""
        part = self.field(number)
        marks = self.separators
        part = _nth(part, marks.repetition, repetition)
        part = _nth(part, marks.component, component)
        part = _nth(part, marks.subcomponent, subcomponent)
        return unescape(part, marks, self.codec).strip()

    def text(self, number: int) -> str:
        """Return a whole field as free text (FT, TX, ST): un-escaped, its separators kept."""
        return unescape(self.field(number), self.separators, self.codec).strip()

    def location(self, number: int = 0, repetition: int = 0, component: int = 0) -> str:
        """Return ERR-2 for this segment, or for one of its fields."""
        parts = [self.name, str(self.occurrence)]
        if number:
            parts.append(str(number))
            if component or repetition:
                parts.append(str(repetition or 1))
            if component:
                parts.append(str(component))
        return "^".join(parts)

    def require(self, number: int, component: int = 1, *, label: str) -> str:
        """Return a value that the profile makes mandatory.

        Raises:
            Hl7Error: 101 at the field; `label` is the French name of what is missing.
        """
        found = self.value(number, component)
        if not found or found == codes.EXPLICITLY_EMPTY:
            raise Hl7Error(
                codes.ERROR_FIELD_MISSING,
                self.location(number, component=component if component > 1 else 0),
                f"{self.name}-{number} absent : {label}",
            )
        return found

    def serialize(self) -> str:
        """Return the segment as text, without terminator, exactly as it was read."""
        marks = self.separators
        if self.fields[0] == "MSH":
            return "MSH" + marks.field + marks.field.join(self.fields[2:])
        return marks.field.join(self.fields)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments in order, its delimiters, the codec that decoded it."""

    segments: tuple[Segment, ...]
    separators: Separators = STANDARD
    codec: str = "utf-8"
    warnings: tuple[str, ...] = ()

    @property
    def msh(self) -> Segment:
        """The header segment; always there."""
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """Return the segments of that name, in order."""
        return [segment for segment in self.segments if segment.fields[0] == name]

    def first(self, name: str) -> Segment | None:
        """Return the first segment of that name."""
        for segment in self.segments:
            if segment.fields[0] == name:
                return segment
        return None

    def require(self, name: str) -> Segment:
        """Return the first segment of that name.

        Raises:
            Hl7Error: 100 when there is none.
        """
        found = self.first(name)
        if found is None:
            raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, f"{name}^1", f"Segment {name} absent")
        return found

    def get(self, path: str) -> str:
        """Return the value at a path such as `PID-3[2].4.2` or `OBX(3)-5.1`; empty when absent.

        Raises:
            ValueError: when the path itself is malformed (a mistake of the caller).
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise ValueError(f"not an HL7 path: {path}")
        name, occurrence, number, repetition, component, subcomponent = found.groups()
        segments = self.all(name)
        index = int(occurrence or 1) - 1
        if index >= len(segments):
            return ""
        return segments[index].value(
            int(number), int(component or 1), int(subcomponent or 1), int(repetition or 1)
        )

    def serialize(self) -> bytes:
        """Return the bytes: every segment as read, each ended by CR."""
        return "".join(segment.serialize() + "\r" for segment in self.segments).encode(self.codec)


def parse_message(raw: bytes, *, default_charset: str = "") -> Message:
    """Cut one message into segments and fields.

    Accepts CR, LF and CRLF as terminators, drops empty lines, puts back together a base64 document that was
    broken into lines. `default_charset` is the partner's value of MSH-18 when the message declares none.

    Raises:
        Hl7Error: 100 (no MSH), 102 (control characters, bad delimiters), 103 (unknown character set), 199
            (bounds,
            malformed segment), with the position.
    """
    if raw.startswith(_BOM):
        raw = raw[len(_BOM) :]
    raw = raw.lstrip(b"\r\n")
    if not raw.startswith(b"MSH"):
        raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, "MSH^1", "Le message ne commence pas par un segment MSH")
    _check_bytes(raw)
    text, codec, warnings = _decode(raw, default_charset)
    marks = _read_separators(text)
    _check_parts(text, marks)
    lines = _split_lines(text, marks)
    return Message(_read_segments(lines, marks, codec), marks, codec, tuple(warnings))


def peek_msh(raw: bytes) -> list[str]:
    """Return the fields of MSH of any bytes, numbered as in the standard and still escaped; empty when none.

    Never raises: it serves the journal and the answer to a message that cannot be read. Control characters
    are left out; the text is UTF-8 where the bytes allow it, else latin-1.
    """
    start = raw.find(b"MSH", 0, 64)
    if start < 0:
        return []
    head = _LINE_END.split(raw[start : start + _HEAD_BYTES], maxsplit=1)[0].translate(None, _CONTROLS)
    if len(head) < 4:
        return []
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    return ["MSH", text[3], *text[4:].split(text[3])]


def unescape(text: str, marks: Separators = STANDARD, codec: str = "utf-8") -> str:
    """Decode the escape sequences of one value, once.

    Sequences that are unknown, unfinished or that hide control characters or invalid bytes are left as they
    are.
    """
    mark = marks.escape
    if mark not in text:
        return text
    pieces = text.split(mark)
    if len(pieces) % 2 == 0:  # an escape character without its partner
        pieces[-2:] = [pieces[-2] + mark + pieces[-1]]
    for index in range(1, len(pieces), 2):
        pieces[index] = _unescape_one(pieces[index], marks, codec)
    return "".join(pieces)


def escape(text: str, marks: Separators = STANDARD) -> str:
    """Encode one value: the delimiters by their sequences, line breaks by `\\X0D\\` and `\\X0A\\`.

    Raises:
        Hl7Error: 102 for a control character, which no reader would accept.
    """
    if not _ESCAPABLE.isdisjoint(text) or marks is not STANDARD:
        text = "".join(_escape_one(character, marks) for character in text)
    return text


_ESCAPABLE = frozenset("|^~\\&#\r\n") | {chr(code) for code in range(0x20)} | {"\x7f"}
_LINE_BREAKS = {"\r": "X0D", "\n": "X0A"}


def _escape_one(character: str, marks: Separators) -> str:
    sequence = _LINE_BREAKS.get(character) or {
        marks.field: "F",
        marks.component: "S",
        marks.repetition: "R",
        marks.escape: "E",
        marks.subcomponent: "T",
        marks.truncation: "P",
    }.get(character)
    if sequence:
        return f"{marks.escape}{sequence}{marks.escape}"
    if character < " " and character != "\t":
        raise Hl7Error(
            codes.ERROR_DATA_TYPE, "", "Un caractère de contrôle ne peut pas être transmis en HL7 v2"
        )
    return character


def _unescape_one(sequence: str, marks: Separators, codec: str) -> str:
    plain = {
        "F": marks.field,
        "S": marks.component,
        "R": marks.repetition,
        "E": marks.escape,
        "T": marks.subcomponent,
        "P": marks.truncation or "#",
        ".br": "\n",
        "H": "",
        "N": "",
    }.get(sequence)
    if plain is None and sequence[:1] == "X":
        plain = _decode_hexadecimal(sequence[1:], codec)
    return marks.escape + sequence + marks.escape if plain is None else plain


def _decode_hexadecimal(digits: str, codec: str) -> str | None:
    try:
        decoded = bytes.fromhex(digits).decode(codec)
    except ValueError:
        return None
    if not decoded or any(character < " " and character not in "\t\r\n" for character in decoded):
        return None
    return decoded


def _nth(text: str, separator: str, number: int) -> str:
    if separator not in text:
        return text if number == 1 else ""
    parts = text.split(separator, number)
    return parts[number - 1] if number <= len(parts) else ""


def _check_bytes(raw: bytes) -> None:
    """Refuse control characters: no database text, XML or frame may hold them."""
    if len(raw.translate(None, _CONTROLS)) == len(raw):
        return
    at = next(index for index, byte in enumerate(raw) if byte in _CONTROLS)
    lines = re.split(rb"\r\n?|\n", raw[:at])
    name = lines[-1][:3].decode("latin-1")
    location = "MSH^1"
    if _SEGMENT_NAME.fullmatch(name):
        occurrence = sum(line.startswith(lines[-1][:3]) for line in lines)
        field = lines[-1].count(raw[3:4]) + (name == "MSH")
        location = f"{name}^{occurrence}" + (f"^{field}" if field else "")
    raise Hl7Error(codes.ERROR_DATA_TYPE, location, "Caractère de contrôle interdit dans le message")


def _decode(raw: bytes, default_charset: str) -> tuple[str, str, list[str]]:
    """Decode the whole message by MSH-18 (hl7v2.md 1.4): a mismatch is a warning, never a refusal."""
    msh = peek_msh(raw)
    declared = _CHARSET_NAME.match(msh[18] if len(msh) > 18 else "")
    name = declared.group().strip().upper() if declared else ""
    if name in codes.CHARSETS_UNDECLARED:
        name = default_charset.strip().upper()
    if name in codes.CHARSETS_UNDECLARED:
        return _decode_undeclared(raw)
    codec = codes.CODEC_OF_CHARSET.get(name)
    if codec is None:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, "MSH^1^18", "Jeu de caractères non pris en charge")
    if raw.isascii():
        return raw.decode("ascii"), codec, []
    if codec == "utf-8":
        return _decode_utf8(raw)
    # Every byte is valid in 8859; the C1 range, never used there, betrays another character set.
    if len(raw.translate(None, _C1_CONTROLS)) != len(raw):
        text, other, _ = _decode_undeclared(raw)
        return text, other, [f"MSH-18 annonce {name}, message lu en {other}"]
    return raw.decode(codec), codec, []


def _decode_utf8(raw: bytes) -> tuple[str, str, list[str]]:
    try:
        return raw.decode("utf-8"), "utf-8", []
    except UnicodeDecodeError:
        return (
            raw.decode("iso8859-15"),
            "iso8859-15",
            [f"MSH-18 annonce {codes.CHARSET_UTF8}, message lu en iso8859-15"],
        )


def _decode_undeclared(raw: bytes) -> tuple[str, str, list[str]]:
    for codec in ("utf-8", "cp1252"):
        try:
            return raw.decode(codec), codec, []
        except UnicodeDecodeError:
            continue
    return raw.decode("iso8859-1"), "iso8859-1", []


def _read_separators(text: str) -> Separators:
    """Read MSH-1 and MSH-2. The bytes are decoded first: one official example declares U+02DC."""
    field = text[3:4]
    if not field or field.isalnum() or field.isspace() or not field.isascii():
        raise Hl7Error(codes.ERROR_DATA_TYPE, "MSH^1^1", "Séparateur de champs invalide")
    marks = text[4:12].split(field, 1)[0].rstrip("\r\n")
    if len(marks) not in (4, 5) or any(mark.isalnum() or mark.isspace() for mark in marks):
        raise Hl7Error(codes.ERROR_DATA_TYPE, "MSH^1^2", "Caractères de codage invalides")
    if len(set(marks) | {field}) != len(marks) + 1:
        raise Hl7Error(codes.ERROR_DATA_TYPE, "MSH^1^2", "Deux séparateurs sont identiques")
    return Separators(field, marks[0], marks[1], marks[2], marks[3], marks[4:])


def _check_parts(text: str, marks: Separators) -> None:
    if len(text) <= MAX_PARTS:
        return
    parts = text.count(marks.repetition) + text.count(marks.component) + text.count(marks.subcomponent)
    if parts > MAX_PARTS:
        raise Hl7Error(codes.ERROR_OTHER, "MSH^1", f"Plus de {MAX_PARTS} composants dans un message")


def _split_lines(text: str, marks: Separators) -> list[str]:
    """Cut at CR, LF and CRLF, joining the lines of a base64 document that its sender had wrapped."""
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines: list[str] = []
    pending: list[str] = []  # the wrapped lines of one document, joined once: many lines stay cheap
    for line in text.split("\r"):
        if not line or line.isspace():
            continue
        if (
            lines
            and not _starts_segment(line, marks)
            and (pending or _inside_document(lines[-1], line, marks))
        ):
            pending.append(line)
            if marks.field in line:
                lines[-1] += "".join(pending)
                pending.clear()
            continue
        if pending:
            lines[-1] += "".join(pending)
            pending.clear()
        lines.append(line)
        if len(lines) > MAX_SEGMENTS:
            raise Hl7Error(codes.ERROR_OTHER, "MSH^1", f"Plus de {MAX_SEGMENTS} segments dans un message")
    if pending:
        lines[-1] += "".join(pending)
    return lines


def _starts_segment(line: str, marks: Separators) -> bool:
    return _SEGMENT_NAME.match(line) is not None and line[3:4] in (marks.field, "")


def _inside_document(previous: str, line: str, marks: Separators) -> bool:
    """Tell whether a line that names no segment continues OBX-5 of the line before it."""
    if not previous.startswith("OBX") or previous.count(marks.field) != _DOCUMENT_FIELD:
        return False
    found = _BASE64_START.match(line)
    return found is not None and (found.end() == len(line) or line[found.end()] == marks.field)


def _read_segments(lines: list[str], marks: Separators, codec: str) -> tuple[Segment, ...]:
    counts: dict[str, int] = {}
    segments: list[Segment] = []
    for position, line in enumerate(lines, start=1):
        if not _starts_segment(line, marks):
            raise Hl7Error(
                codes.ERROR_OTHER,
                segments[-1].location() if segments else "MSH^1",
                f"Ligne {position} : nom de segment invalide",
            )
        fields = line.split(marks.field, MAX_FIELDS + 1)
        if len(fields) > MAX_FIELDS + 1:
            raise Hl7Error(codes.ERROR_OTHER, f"{line[:3]}^1", f"Plus de {MAX_FIELDS} champs dans un segment")
        name = fields[0]
        if name == "MSH":
            if segments:
                raise Hl7Error(
                    codes.ERROR_CARDINALITY, "MSH^2", "Plusieurs segments MSH dans un même message"
                )
            fields.insert(1, marks.field)
        counts[name] = occurrence = counts.get(name, 0) + 1
        segments.append(Segment(tuple(fields), occurrence, marks, codec))
    return tuple(segments)


def iter_groups(message: Message, leader: str) -> Iterator[list[Segment]]:
    """Yield each segment named `leader` with the segments that follow it, up to the next one."""
    group: list[Segment] = []
    for segment in message.segments:
        if segment.name == leader:
            if group:
                yield group
            group = [segment]
        elif group:
            group.append(segment)
    if group:
        yield group
