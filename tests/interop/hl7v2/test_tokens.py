"""Tokenizer: structure, character sets, escapes, hostile bytes."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2 import Hl7Error, parse_message
from interop.hl7v2.tokens import (
    MAX_FIELDS,
    MAX_SEGMENTS,
    STANDARD,
    Separators,
    escape,
    peek_msh,
    unescape,
)
from tests.interop.hl7v2.official import needs_official, normalised, official, official_names

MSH = b"MSH|^~\\&|GAM|CHX|DPI|CHX|20250102101500||ADT^A01^ADT_A01|42|P|2.5|||||FRA|UNICODE UTF-8"


def message(*segments: bytes, msh: bytes = MSH) -> bytes:
    return b"".join(segment + b"\r" for segment in (msh, *segments))


@needs_official
@pytest.mark.parametrize("name", official_names())
def test_every_official_message_is_read_and_written_back_identical(name: str) -> None:
    raw = official(name)
    parsed = parse_message(raw)
    assert parsed.serialize() == normalised(raw)
    assert len(parsed.segments) == normalised(raw).count(b"\r")
    assert parsed.warnings == ()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_every_line_end_is_a_terminator(end: bytes) -> None:
    raw = end.join([MSH, b"EVN||20250102", b"", b"PID|1", b""])
    assert [segment.name for segment in parse_message(raw).segments] == ["MSH", "EVN", "PID"]


def test_mixed_line_ends_are_all_terminators() -> None:
    raw = MSH + b"\r" + b"EVN|1\n" + b"PID|1\r\n" + b"PV1|1"
    assert [segment.name for segment in parse_message(raw).segments] == ["MSH", "EVN", "PID", "PV1"]


def test_fields_are_numbered_as_in_the_standard() -> None:
    parsed = parse_message(message(b"PID|1||A^^^B&1.2&ISO^PI~C^^^D^INS"))
    assert parsed.msh.field(1) == "|"
    assert parsed.msh.field(2) == "^~\\&"
    assert parsed.msh.value(9, 2) == "A01"
    assert parsed.msh.field(18) == "UNICODE UTF-8"
    assert parsed.get("PID-3.4.2") == "1.2"
    assert parsed.get("PID-3[2].1") == "C"
    assert parsed.get("PID-3[3].1") == ""
    assert parsed.get("PID(2)-3") == ""
    assert parsed.get("PID-99") == ""


def test_a_malformed_path_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError):
        parse_message(MSH).get("PID3")


def test_occurrences_count_the_segments_of_one_name() -> None:
    parsed = parse_message(message(b"OBX|1", b"PRT|1", b"OBX|2"))
    assert [segment.location(5) for segment in parsed.all("OBX")] == ["OBX^1^5", "OBX^2^5"]
    assert parsed.all("OBX")[1].location(3, component=2) == "OBX^2^3^1^2"
    assert parsed.all("OBX")[1].location(3, repetition=4) == "OBX^2^3^4"


def test_separators_are_those_of_the_message() -> None:
    raw = b"MSH#*%!+#GAM#CHX*1.2*ISO#DPI#CHX#2025##ADT*A01#7#P#2.5\rPID#1##A+B*C%D!T!E!F!\r"
    parsed = parse_message(raw)
    assert parsed.separators == Separators("#", "*", "%", "!", "+")
    assert parsed.get("MSH-4.2") == "1.2"
    assert parsed.get("PID-3.1.2") == "B"
    assert parsed.get("PID-3[2].1") == "D+E#"
    assert parsed.serialize() == raw


def test_a_fifth_encoding_character_is_the_truncation_character() -> None:
    parsed = parse_message(MSH.replace(b"^~\\&", b"^~\\&#"))
    assert parsed.separators.truncation == "#"
    assert parsed.separators.encoding_characters == "^~\\&#"


@needs_official
def test_the_repetition_separator_may_be_a_character_of_two_bytes() -> None:
    parsed = parse_message(official("trans_doc_v2_0/oru_n1_n3_initial/message_ORU_CR_Bio_INIT_N1_N3.hl7"))
    assert parsed.separators.repetition == "\u02dc"
    assert parsed.get("PID-11[2].9") == "63220"


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("unicode utf-8", "utf-8"),
        ("UNICODE", "utf-8"),
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("8859/15~UNICODE UTF-8", "iso8859-15"),
    ],
)
def test_the_declared_character_set_decodes_the_message(charset: str, codec: str) -> None:
    raw = message(
        "PID|1||||ÉLÉONORE".encode(codec), msh=MSH.replace(b"UNICODE UTF-8", charset.encode("ascii"))
    )
    parsed = parse_message(raw)
    assert parsed.get("PID-5") == "ÉLÉONORE"
    assert parsed.codec == codec
    assert parsed.warnings == ()
    assert parsed.serialize() == raw


def test_the_euro_sign_tells_8859_15_from_8859_1() -> None:
    raw = message(b"PID|1||||\xa4", msh=MSH.replace(b"UNICODE UTF-8", b"8859/15"))
    assert parse_message(raw).get("PID-5") == "€"


@pytest.mark.parametrize("declared", [b"", b"ASCII"])
def test_without_a_declared_set_the_partner_default_decides(declared: bytes) -> None:
    raw = message(b"PID|1||||\xe9", msh=MSH.replace(b"UNICODE UTF-8", declared))
    assert parse_message(raw, default_charset="8859/15").codec == "iso8859-15"
    guessed = parse_message(raw)
    assert (guessed.get("PID-5"), guessed.codec) == ("é", "cp1252")
    utf8 = parse_message(message("PID|1||||é".encode(), msh=MSH.replace(b"UNICODE UTF-8", declared)))
    assert (utf8.get("PID-5"), utf8.codec) == ("é", "utf-8")


@pytest.mark.parametrize(
    ("declared", "name"),
    [(b"UNICODE UTF-8", "Réault".encode("iso8859-15")), (b"8859/15", "ÀLAIN".encode())],
)
def test_bytes_that_contradict_the_declared_set_are_read_with_a_warning(declared: bytes, name: bytes) -> None:
    parsed = parse_message(message(b"PID|1||||" + name, msh=MSH.replace(b"UNICODE UTF-8", declared)))
    assert parsed.get("PID-5") in ("Réault", "ÀLAIN")
    assert len(parsed.warnings) == 1


def test_an_unknown_character_set_is_refused() -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_message(MSH.replace(b"UNICODE UTF-8", b"ISO IR87"))
    assert (refused.value.code, refused.value.location) == ("103", "MSH^1^18")


def test_a_byte_order_mark_and_leading_line_ends_are_tolerated() -> None:
    assert parse_message(b"\xef\xbb\xbf\r\n" + MSH).msh.value(10) == "42"


def test_a_base64_document_wrapped_into_lines_is_one_field() -> None:
    document = b"OBX|1|ED|11490-0^X^LN||^text^XML^Base64^PD94\r\nAAAA\r\nQUJD\r\nBBB==||||||F"
    parsed = parse_message(message(document, b"OBX|2|CWE|MASQUE_PS"))
    assert [segment.name for segment in parsed.segments] == ["MSH", "OBX", "OBX"]
    assert parsed.get("OBX-5.5") == "PD94AAAAQUJDBBB=="
    assert parsed.get("OBX-11") == "F"


def test_an_unfinished_wrapped_document_stays_one_segment() -> None:
    parsed = parse_message(message(b"OBX|1|ED|A||^text^XML^Base64^PD94", b"AAAA", b"OBX|2"))
    assert [segment.name for segment in parsed.segments] == ["MSH", "OBX", "OBX"]
    assert parsed.get("OBX-5.5") == "PD94AAAA"


@pytest.mark.parametrize(
    ("raw", "code", "location"),
    [
        (b"", "100", "MSH^1"),
        (b"\r\n", "100", "MSH^1"),
        (b"PID|1\rMSH|^~\\&", "100", "MSH^1"),
        (b"FHS|^~\\&", "100", "MSH^1"),
        (b"\xff\xfeM\x00S\x00H\x00", "100", "MSH^1"),
        (b"MSH", "102", "MSH^1^1"),
        (b"MSHA^~\\&A", "102", "MSH^1^1"),
        (b"MSH ^~\\& GAM", "102", "MSH^1^1"),
        (b"MSH\xc3\xa9^~\\&", "102", "MSH^1^1"),
        (b"MSH|", "102", "MSH^1^2"),
        (b"MSH|^~\\|GAM", "102", "MSH^1^2"),
        (b"MSH|^~\\&#$|GAM", "102", "MSH^1^2"),
        (b"MSH|^^\\&|GAM", "102", "MSH^1^2"),
        (b"MSH|A~\\&|GAM", "102", "MSH^1^2"),
        (message(b"PID|1||\x00"), "102", "PID^1^3"),
        (message(b"PID|1", b"PID|2||A|\x1c"), "102", "PID^2^4"),
        (message(b"\x0bPID|1"), "102", "MSH^1"),
        (message(b"pid|1"), "199", "MSH^1"),
        (message(b"EVN|1", b"PIDX|1"), "199", "EVN^1"),
        (message(b"EVN|1", b"ligne perdue"), "199", "EVN^1"),
        (message(b"EVN|1", MSH), "198", "MSH^2"),
        (message(b"PID" + b"|" * (MAX_FIELDS + 1)), "199", "PID^1"),
        (message(*[b"NTE|1"] * MAX_SEGMENTS), "199", "MSH^1"),
        (message(b"PID|1||" + b"~" * 500_001), "199", "MSH^1"),
    ],
    ids=range(24),
)
def test_a_malformed_message_is_refused_with_its_code_and_place(raw: bytes, code: str, location: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_message(raw)
    assert (refused.value.code, refused.value.location) == (code, location)
    assert refused.value.text


def test_many_hostile_lines_cost_little() -> None:
    raw = message(b"OBX|1|ED|A||^text^XML^Base64^", *[b"AAAA"] * 400_000)
    started = time.process_time()
    assert len(parse_message(raw).get("OBX-5.5")) == 1_600_000
    assert time.process_time() - started < 5


def test_a_required_field_is_named_when_it_is_absent() -> None:
    segment = parse_message(message(b'PID|1||""')).require("PID")
    for number, component, location in ((3, 1, "PID^1^3"), (4, 1, "PID^1^4"), (5, 2, "PID^1^5^1^2")):
        with pytest.raises(Hl7Error) as refused:
            segment.require(number, component, label="essai")
        assert (refused.value.code, refused.value.location) == ("101", location)


def test_a_required_segment_is_named_when_it_is_absent() -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_message(MSH).require("PID")
    assert (refused.value.code, refused.value.location) == ("100", "PID^1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"O\T\BRIEN", "O&BRIEN"),
        (r"a\F\b\S\c\R\d\E\e", "a|b^c~d\\e"),
        (r"\E\T\E\ ", "\\T\\ "),
        (r"ligne 1\.br\ligne 2", "ligne 1\nligne 2"),
        (r"\XC3A9\t\X41\ ", "été"[:1] + "tA "),
        (r"\H\gras\N\ ", "gras "),
        (r"\Z12\ inconnu", r"\Z12\ inconnu"),
        (r"\XFF\ ", r"\XFF\ "),
        (r"\X00\ ", r"\X00\ "),
        (r"\XZZ\ ", r"\XZZ\ "),
        (r"sans fin \T", r"sans fin \T"),
        ("\\", "\\"),
        (r"\\", r"\\"),
    ],
)
def test_escape_sequences_are_decoded_once(written: str, read: str) -> None:
    assert unescape(written) == read


def test_hexadecimal_escapes_follow_the_message_character_set() -> None:
    raw = message(b"PID|1||||\\XE9\\t\\XE9\\", msh=MSH.replace(b"UNICODE UTF-8", b"8859/15"))
    assert parse_message(raw).get("PID-5") == "été"


printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",), include_characters="\t\r\n"))


@given(printable)
def test_what_is_escaped_reads_back_the_same(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert not re.search(r"[|^~&\r\n]", escaped)


@given(st.text())
def test_unescaping_never_fails(text: str) -> None:
    unescape(text)


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1c", "\x1b"])
def test_control_characters_are_never_sent(character: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        escape(f"avant{character}après")
    assert refused.value.code == "102"


def test_other_separators_escape_their_own_characters() -> None:
    marks = Separators("#", "*", "%", "!", "+")
    assert unescape(escape("a#b*c%d!e+f|g", marks), marks) == "a#b*c%d!e+f|g"
    assert escape("a|b", marks) == "a|b"


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_but_the_hl7_error(raw: bytes) -> None:
    try:
        parse_message(raw)
    except Hl7Error as refused:
        assert refused.code in {"100", "102", "103", "198", "199"}
    peek_msh(raw)


hostile = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"MSH", b"OBX|1|ED|A||", b"PID|", b"\xe9"]
        ),
    ),
    max_size=30,
).map(b"".join)


@given(hostile)
def test_arbitrary_bytes_after_a_header_are_kept_or_refused(tail: bytes) -> None:
    raw = MSH + b"\r" + tail
    try:
        parsed = parse_message(raw)
    except Hl7Error:
        return
    again = parse_message(parsed.serialize())
    assert [segment.fields for segment in again.segments] == [segment.fields for segment in parsed.segments]


@given(st.lists(st.lists(printable.map(lambda text: escape(text).strip()), max_size=6), max_size=6))
def test_what_is_written_is_what_is_read(rows: list[list[str]]) -> None:
    raw = message(*("|".join(["NTE", *row]).encode() for row in rows))
    parsed = parse_message(raw)
    assert parsed.serialize() == raw
    assert len(parsed.segments) == len(rows) + 1


def test_the_standard_separators_are_those_we_emit() -> None:
    assert STANDARD.field + STANDARD.encoding_characters == "|^~\\&"


def test_the_header_of_unreadable_bytes_is_still_peeked() -> None:
    assert peek_msh(b"MSH|^~\\&|G\x00AM|CHX\rPID|\x00")[3] == "GAM"
    assert peek_msh(b"noise MSH|^~\\&|GAM")[3] == "GAM"
    assert peek_msh(b"no header") == []
    assert peek_msh(b"MSH") == []
