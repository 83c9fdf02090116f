"""SOAP 1.2 envelopes: what we send, what we accept, what we refuse."""

import pytest
from lxml import etree

from interop.soap import codes
from interop.soap.envelope import (
    Addressing,
    build_answer,
    build_envelope,
    build_fault,
    parse_envelope,
)
from interop.soap.errors import SoapError, SoapFault
from interop.xml import parse_xml

ADDRESSING = Addressing(
    to="https://localhost/si-dmp-server/v2/services/registry",
    action="urn:ihe:iti:2007:RegistryStoredQuery",
    message_id="urn:uuid:b9b2834a-0e3f-4029-aea8-f0e09ec951d7",
)


def body() -> etree._Element:
    return etree.Element("{urn:test}Question")


def test_a_request_carries_the_four_addressing_headers() -> None:
    root = parse_xml(build_envelope(ADDRESSING, body()))
    header = root.find(f"{{{codes.NS_SOAP}}}Header")
    texts = {etree.QName(child).localname: "".join(child.itertext()) for child in header}
    assert texts == {
        "MessageID": ADDRESSING.message_id,
        "To": ADDRESSING.to,
        "ReplyTo": codes.WSA_ANONYMOUS,
        "Action": ADDRESSING.action,
    }
    obliged = [etree.QName(child).localname for child in header if child.get("mustUnderstand") == "true"]
    assert obliged == ["ReplyTo", "Action"]


def test_the_signed_token_is_written_byte_for_byte() -> None:
    token = b"<a:Assertion  xmlns:a=\"urn:a\" ID='_1'><b/>\n</a:Assertion>"
    data = build_envelope(ADDRESSING, body(), token=token)
    assert data.count(token) == 1
    security = parse_xml(data).find(f".//{{{codes.NS_WSSE}}}Security")
    assert [child.tag for child in security] == ["{urn:a}Assertion"]


def test_a_body_that_imitates_the_place_of_the_token_is_refused() -> None:
    forged = body()
    forged.append(etree.ProcessingInstruction("security-token"))
    with pytest.raises(SoapError, match="not unique"):
        build_envelope(ADDRESSING, forged, token=b"<a/>")


def test_what_is_built_is_read_back() -> None:
    envelope = parse_envelope(build_envelope(ADDRESSING, body(), token=b"<a/>"))
    assert (envelope.action, envelope.message_id) == (ADDRESSING.action, ADDRESSING.message_id)
    assert envelope.body.tag == "{urn:test}Question"


def test_an_answer_names_the_request_it_answers() -> None:
    answer = Addressing(codes.WSA_ANONYMOUS, "urn:r", "urn:uuid:2", relates_to=ADDRESSING.message_id)
    assert parse_envelope(build_answer(answer, body())).relates_to == ADDRESSING.message_id


def test_a_fault_is_raised_with_its_functional_code() -> None:
    sent = SoapFault(codes.FAULT_SENDER, subcode="DMPInvalidCertificate", reason="certificat", detail="d")
    with pytest.raises(SoapFault) as caught:
        parse_envelope(build_answer(ADDRESSING, build_fault(sent)))
    fault = caught.value
    assert (fault.code, fault.subcode, fault.reason, fault.detail) == (
        "Sender",
        "DMPInvalidCertificate",
        "certificat",
        "d",
    )


def test_the_deepest_subcode_of_a_fault_counts() -> None:
    fault = build_fault(SoapFault(codes.FAULT_RECEIVER, subcode="outer"))
    subcode = fault.find(f".//{{{codes.NS_SOAP}}}Subcode")
    inner = etree.SubElement(subcode, f"{{{codes.NS_SOAP}}}Subcode")
    etree.SubElement(inner, f"{{{codes.NS_SOAP}}}Value").text = "x:inner"
    with pytest.raises(SoapFault) as caught:
        parse_envelope(build_answer(ADDRESSING, fault))
    assert caught.value.subcode == "inner"


def test_a_fault_of_soap_1_1_is_understood() -> None:
    data = (
        f'<e:Envelope xmlns:e="{codes.NS_SOAP_11}"><e:Body><e:Fault><faultcode>e:Server</faultcode>'
        "<faultstring>panne</faultstring></e:Fault></e:Body></e:Envelope>"
    ).encode()
    with pytest.raises(SoapFault) as caught:
        parse_envelope(data)
    assert (caught.value.code, caught.value.reason) == ("Server", "panne")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>503</body></html>",
        b'<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>',
        f'<e:Envelope xmlns:e="{codes.NS_SOAP}"/>'.encode(),
        f'<e:Envelope xmlns:e="{codes.NS_SOAP}"><e:Body/></e:Envelope>'.encode(),
        f'<e:Envelope xmlns:e="{codes.NS_SOAP}"><e:Body><a/><b/></e:Body></e:Envelope>'.encode(),
        f'<e:Envelope xmlns:e="{codes.NS_SOAP}">{"<e:Body><a/></e:Body>" * 2}</e:Envelope>'.encode(),
        f'<e:Envelope xmlns:e="{codes.NS_SOAP}"><e:Body><e:Fault/></e:Body></e:Envelope>'.encode(),
    ],
)
def test_what_is_no_soap_message_is_refused(data: bytes) -> None:
    with pytest.raises(SoapError):
        parse_envelope(data)


def test_an_envelope_beyond_ten_mebibytes_is_refused() -> None:
    data = build_answer(ADDRESSING, body()).replace(
        b"<ns0:Question", b"<!--" + b"x" * (10 * 1024 * 1024) + b"--><ns0:Question"
    )
    with pytest.raises(SoapError, match="dépasse"):
        parse_envelope(data)
