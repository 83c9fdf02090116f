"""The parser takes honest XML and refuses hostile XML with a code and a line (security.md 10.3, 10.4, 20)."""

import pytest

from interop.xml import (
    DOCUMENT_LIMITS,
    XML_LIMITS,
    XmlLimits,
    XmlRefusal,
    XmlRefused,
    canonical_xml,
    parse_xml,
    serialize_xml,
    xml_text,
)


def bomb(reference: bytes) -> bytes:
    levels = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return b'<!DOCTYPE a [<!ENTITY l0 "lollollol">' + levels + b"]>" + reference


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


LONG = b"x" * 11_000_000

HOSTILE = {
    "external entity": (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        XmlRefusal.DOCTYPE,
    ),
    "external DTD": (
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        XmlRefusal.DOCTYPE,
    ),
    "parameter entity": (
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>',
        XmlRefusal.DOCTYPE,
    ),
    "DOCTYPE without entity": (b"<!DOCTYPE html><html/>", XmlRefusal.DOCTYPE),
    "DOCTYPE after a comment": (
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <a> --> <?x y?>\n<!DOCTYPE a><a/>",
        XmlRefusal.DOCTYPE,
    ),
    "billion laughs": (bomb(b"<a>&l9;</a>"), XmlRefusal.DOCTYPE),
    "billion laughs in an attribute": (bomb(b'<a b="&l9;"/>'), XmlRefusal.DOCTYPE),
    "quadratic blow-up": (
        b'<!DOCTYPE a [<!ENTITY x "' + b"y" * 50_000 + b'">]><a>' + b"&x;" * 5_000 + b"</a>",
        XmlRefusal.DOCTYPE,
    ),
    "DOCTYPE hidden in UTF-16": (
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>".encode("utf-16"),
        XmlRefusal.DOCTYPE,
    ),
    "DOCTYPE hidden in UTF-7": (
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        XmlRefusal.ENCODING,
    ),
    "bomb hidden in UTF-16": (
        bomb(b"<a>&l9;</a>").decode().encode("utf-16"),
        XmlRefusal.ENTITY,
    ),
    "undeclared entity": (b"<a>\n&nbsp;</a>", XmlRefusal.ENTITY),
    "300 levels": (nested(300), XmlRefusal.TOO_DEEP),
    "257 levels": (nested(257), XmlRefusal.TOO_DEEP),
    "unknown encoding": (
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        XmlRefusal.ENCODING,
    ),
    "EBCDIC": (
        '<?xml version="1.0" encoding="cp037"?><a/>'.encode("cp037"),
        XmlRefusal.ENCODING,
    ),
    "Latin-1 bytes said to be UTF-8": (
        "<a>é</a>".encode("latin-1"),
        XmlRefusal.ENCODING,
    ),
    "half of a UTF-16 file": ("<a>é</a>".encode("utf-16")[:-1], XmlRefusal.MALFORMED),
    "NUL": (b"<a>\x00</a>", XmlRefusal.MALFORMED),
    "empty": (b"", XmlRefusal.EMPTY),
    "blank": (b" \r\n\t", XmlRefusal.EMPTY),
    "PDF": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", XmlRefusal.MALFORMED),
    "cut": (b"<a>\n<b>", XmlRefusal.MALFORMED),
    "two roots": (b"<a/><b/>", XmlRefusal.MALFORMED),
    "unbound prefix": (b"<p:a/>", XmlRefusal.MALFORMED),
    "repeated attribute": (b'<a x="1" x="2"/>', XmlRefusal.MALFORMED),
    "long text in an envelope": (b"<a>" + LONG + b"</a>", XmlRefusal.TEXT_TOO_LONG),
    "too many elements": (
        b"<a>" + b"<b/>" * XML_LIMITS.max_tags + b"</a>",
        XmlRefusal.TOO_MANY_ELEMENTS,
    ),
    "too many attributes": (
        b"<a" + b"".join(b' b%d=""' % n for n in range(XML_LIMITS.max_attributes + 1)) + b"/>",
        XmlRefusal.TOO_MANY_ELEMENTS,
    ),
    "too large": (b"<a>" + b" " * XML_LIMITS.max_bytes + b"</a>", XmlRefusal.TOO_LARGE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused_with_its_reason(name: str) -> None:
    data, code = HOSTILE[name]
    with pytest.raises(XmlRefused) as refused:
        parse_xml(data)
    assert refused.value.code is code
    assert refused.value.text


HOSTILE_DOCUMENTS = {
    "300 levels": (
        b"<a><pdf>" + LONG + b"</pdf>" + nested(300) + b"</a>",
        XmlRefusal.TOO_DEEP,
    ),
    "3000 levels": (
        b"<a><pdf>" + LONG + b"</pdf>" + nested(3000) + b"</a>",
        XmlRefusal.TOO_DEEP,
    ),
    "DOCTYPE": (b"<!DOCTYPE a><a>" + LONG + b"</a>", XmlRefusal.DOCTYPE),
    "ENTITY in a comment": (
        b"<a><!-- <!ENTITY x 'y'> -->" + LONG + b"</a>",
        XmlRefusal.DOCTYPE,
    ),
    "UTF-16": (
        ("<a>" + "x" * 6_000_000 + "</a>").encode("utf-16"),
        XmlRefusal.ENCODING,
    ),
}


@pytest.mark.parametrize("name", HOSTILE_DOCUMENTS)
def test_a_large_document_gets_no_laxer_rule_than_its_text_length(name: str) -> None:
    data, code = HOSTILE_DOCUMENTS[name]
    with pytest.raises(XmlRefused) as refused:
        parse_xml(data, limits=DOCUMENT_LIMITS)
    assert refused.value.code is code


def test_a_large_pdf_passes_in_a_document() -> None:
    root = parse_xml(b"<a><pdf>" + LONG + b"</pdf></a>", limits=DOCUMENT_LIMITS)
    assert len(root[0].text) == len(LONG)


def test_the_refusal_names_the_line() -> None:
    with pytest.raises(XmlRefused) as refused:
        parse_xml(b"<a>\n<b>\n</c></a>")
    assert refused.value.line == 3
    assert "ligne 3" in str(refused.value)


def test_an_external_entity_never_reads_a_file(tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("INTERDIT")
    for wide in (False, True):
        text = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
        with pytest.raises(XmlRefused) as refused:
            parse_xml(text.encode("utf-16" if wide else "utf-8"))
        assert "INTERDIT" not in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a>\xc3\xa9</a>",
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252" standalone="yes"?><a>é</a>'.encode("cp1252"),
        '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"),
        "<a><!-- &undeclared; --><?stylesheet href='x'?><![CDATA[]]>é</a>".encode(),
    ],
)
def test_usual_encodings_and_constructs_are_read(data: bytes) -> None:
    assert "".join(parse_xml(data).itertext(tag="a")) == "é"


def test_256_levels_are_read() -> None:
    assert parse_xml(nested(256)).tag == "a"


def test_a_caller_may_ask_for_tighter_limits() -> None:
    limits = XmlLimits(max_bytes=100, max_depth=3)
    assert parse_xml(nested(3), limits=limits).tag == "a"
    with pytest.raises(XmlRefused) as deep:
        parse_xml(nested(4), limits=limits)
    assert deep.value.code is XmlRefusal.TOO_DEEP
    with pytest.raises(XmlRefused) as large:
        parse_xml(b"<a>" + b"x" * 100 + b"</a>", limits=limits)
    assert large.value.code is XmlRefusal.TOO_LARGE


def test_written_xml_reads_back_equal() -> None:
    root = parse_xml('<a xmlns="urn:x" b="1"><c>é &amp; &lt;</c><!-- note --></a>'.encode())
    again = parse_xml(serialize_xml(root))
    assert serialize_xml(root).startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert canonical_xml(again) == canonical_xml(root)
    assert b"note" not in canonical_xml(root)


def test_text_for_xml_loses_only_what_xml_cannot_carry() -> None:
    pasted = "a\x00b\x0bc\x0c\ufffe\ud800 é\t\n\r\u2028 😀"
    kept = xml_text(pasted)
    assert kept == "abc é\t\n\r\u2028 😀"
    element = parse_xml(b"<a/>")
    element.text = kept
    assert parse_xml(serialize_xml(element)).text == kept
