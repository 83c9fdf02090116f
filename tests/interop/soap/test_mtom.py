"""MTOM: bytes in, same bytes out; frames that lie are refused."""

import base64
import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from interop.soap.errors import SoapError
from interop.soap.mtom import (
    Attachment,
    MtomLimits,
    Multipart,
    build_multipart,
    include_reference,
    included_content,
    is_multipart,
    parse_multipart,
)

ROOT = b"<e/>"


def multipart(*attachments: Attachment, boundary: str = "limite-1") -> Multipart:
    return build_multipart(ROOT, attachments, action="urn:a", boundary=boundary, root_id="root@test")


def test_a_document_of_300_kilobytes_comes_back_identical() -> None:
    content = os.urandom(300_000)
    message = multipart(Attachment("Document01@1.2.3", content, "text/xml"))
    parsed = parse_multipart(message.content_type, message.body)
    assert parsed.root == ROOT
    assert parsed.attachments == {"Document01@1.2.3": content}


def test_the_content_type_is_that_of_mtom_over_soap_1_2() -> None:
    assert multipart().content_type == (
        'multipart/related; type="application/xop+xml"; start="<root@test>"; '
        'start-info="application/soap+xml"; boundary="limite-1"; action="urn:a"'
    )
    assert is_multipart(multipart().content_type)
    assert not is_multipart("application/soap+xml")


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_bytes_survive_the_journey(contents: list[bytes]) -> None:
    attachments = [Attachment(f"part{number}@x", content) for number, content in enumerate(contents)]
    message = multipart(*attachments, boundary="zzz-never-drawn-zzz")
    parsed = parse_multipart(message.content_type, message.body)
    assert list(parsed.attachments.values()) == contents


@pytest.mark.parametrize("content", [b"\r\n--limite-1", b"--limite-1--\r\n", b"--limite-12"])
def test_a_boundary_found_in_a_part_is_refused_when_building(content: bytes) -> None:
    with pytest.raises(SoapError, match="boundary"):
        multipart(Attachment("a@x", content))


def test_a_delimiter_that_is_only_a_beginning_belongs_to_the_part() -> None:
    message = multipart(Attachment("a@x", b"one\r\n==limite-1x\r\ntwo"))
    body = message.body.replace(b"==limite", b"--limite")
    assert parse_multipart(message.content_type, body).attachments["a@x"] == b"one\r\n--limite-1x\r\ntwo"


def test_servers_may_differ_in_what_the_standard_leaves_open() -> None:
    body = (
        b"preamble\n--b1\nContent-Type: application/xop+xml\n\n<e/>"
        b"\n--b1\nContent-Type: text/xml;\n name=x\ncontent-transfer-encoding: BASE64\nContent-ID: doc@x\n\n"
        + base64.encodebytes(b"contenu")
        + b"\n--b1--\nepilogue"
    )
    parsed = parse_multipart("Multipart/Related; boundary=b1", body)
    assert parsed.root == b"<e/>"
    assert parsed.attachments == {"doc@x": b"contenu"}


def test_the_root_is_the_part_that_start_names() -> None:
    body = b"--b\r\nContent-ID: <a>\r\n\r\nfirst\r\n--b\r\nContent-ID: <r>\r\n\r\nroot\r\n--b--\r\n"
    assert parse_multipart('multipart/related; boundary="b"; start="<r>"', body).root == b"root"


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("multipart/related", b"--b\r\n\r\n\r\n--b--", "boundary"),
        ("text/html; boundary=b", b"--b\r\n\r\n\r\n--b--", "not a multipart"),
        ("multipart/related; boundary=b", b"--b\r\n\r\ncut", "closing"),
        ("multipart/related; boundary=b", b"--b--\r\n", "without parts"),
        ("multipart/related; boundary=b", b"--b\r\nNo headers\r\n--b--", "do not end"),
        ("multipart/related; boundary=b", b"--b\r\nNo colon\r\n\r\nx\r\n--b--", "malformed header"),
        ('multipart/related; boundary=b; start="<r>"', b"--b\r\n\r\nx\r\n--b--", "root part"),
        (
            "multipart/related; boundary=b",
            b"--b\r\nContent-ID: <a>\r\n\r\n1\r\n--b\r\nContent-ID: <a>\r\n\r\n2\r\n--b--",
            "two parts",
        ),
        (
            "multipart/related; boundary=b",
            b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n--b--",
            "transfer encoding",
        ),
        (
            "multipart/related; boundary=b",
            b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n%%\r\n--b--",
            "base64",
        ),
    ],
)
def test_a_broken_frame_is_refused_with_its_reason(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(SoapError, match=reason):
        parse_multipart(content_type, body)


def test_parts_and_headers_are_bounded() -> None:
    many = multipart(*(Attachment(f"p{number}@x", b"") for number in range(5)))
    with pytest.raises(SoapError, match="more than 3"):
        parse_multipart(many.content_type, many.body, limits=MtomLimits(max_parts=3))
    large = multipart(Attachment("a@x", b"0123456789"))
    with pytest.raises(SoapError, match="exceeds 9"):
        parse_multipart(large.content_type, large.body, limits=MtomLimits(max_part_bytes=9))
    headers = b"--b\r\nX: " + b"x" * 10_000 + b"\r\n\r\n1\r\n--b--"
    with pytest.raises(SoapError, match="do not end"):
        parse_multipart("multipart/related; boundary=b", headers)


def test_a_reference_is_url_encoded_and_found_again() -> None:
    element = etree.Element("Document")
    element.append(include_reference("docu ment/1@x"))
    assert element[0].get("href") == "cid:docu%20ment%2F1@x"
    assert included_content(element, {"docu ment/1@x": b"1"}) == b"1"


def test_content_may_be_inline() -> None:
    element = etree.Element("Document")
    element.text = " Y29u\ndGVudQ== "
    assert included_content(element, {}) == b"contenu"


def test_a_reference_that_leads_nowhere_is_refused() -> None:
    element = etree.Element("Document")
    element.append(include_reference("absent@x"))
    with pytest.raises(SoapError, match="no attachment"):
        included_content(element, {})
    element[0].set("href", "http://localhost/absent@x")
    with pytest.raises(SoapError, match="no attachment"):
        included_content(element, {"absent@x": b""})


@given(
    st.sampled_from(
        [
            "multipart/related; boundary=b",
            "multipart/related; boundary*=utf-8''b; start=\"<a>\"",
            'multipart/related; boundary="b',
            "multipart/related; boundary=b; boundary=c; =;;",
        ]
    ),
    st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--",
                b"\r\n",
                b"\n",
                b"Content-ID: <a>",
                b"Content-Transfer-Encoding: base64",
                b"x",
                b":",
            ]
        )
        | st.binary(max_size=5),
        max_size=30,
    ),
)
def test_nothing_but_a_refusal_comes_of_bytes_that_lie(content_type: str, pieces: list[bytes]) -> None:
    with contextlib.suppress(SoapError):
        parse_multipart(content_type, b"".join(pieces))
