"""Reading a VIHF back: the self-check of what we sign (spec dmp 2.5, last rule).

Only the element that the signature covers is read, never the bytes around it (spec security 10.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from interop.vihf import codes

_CONFIGURATION = SignatureConfiguration(
    location="./",
    signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)
_CLOCK_SKEW = timedelta(seconds=5)


class VihfRefused(ValueError):
    """The token is not acceptable: signature, age, or place of the signature."""


@dataclass(frozen=True, slots=True)
class VerifiedVihf:
    """What a valid token says. `attributes` hold the texts, or the codes of coded values."""

    assertion_id: str
    issuer: str
    name_id: str
    issue_instant: datetime
    attributes: Mapping[str, tuple[str, ...]]


def verify_vihf(assertion: etree._Element, certificate: x509.Certificate, *, now: datetime) -> VerifiedVihf:
    """Check an assertion taken out of an envelope against the certificate of its signer.

    Raises:
        VihfRefused: the signature does not hold for the assertion itself, or it is older than 30 s.
    """
    try:
        result = XMLVerifier().verify(
            assertion, x509_cert=certificate, id_attribute="ID", expect_config=_CONFIGURATION
        )
    except (SignXMLException, InvalidInput) as error:
        raise VihfRefused(f"signature: {error}") from None
    signed = result.signed_xml if not isinstance(result, list) else None
    if signed is None or signed.tag != f"{{{codes.NS_SAML}}}Assertion":
        raise VihfRefused("the signature does not cover the assertion")
    if signed.get("ID") != assertion.get("ID"):
        raise VihfRefused("the signature covers another assertion")
    issued = _instant(signed.get("IssueInstant", ""))
    if not -_CLOCK_SKEW <= now - issued <= timedelta(seconds=codes.TOKEN_LIFETIME_SECONDS):
        raise VihfRefused("the token is too old, or of the future")
    return VerifiedVihf(
        assertion_id=signed.get("ID", ""),
        issuer=_text(signed, "Issuer"),
        name_id=_text(signed, "Subject/NameID"),
        issue_instant=issued,
        attributes=_attributes(signed),
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise VihfRefused("the token has no instant") from None
    if instant.tzinfo is None:
        raise VihfRefused("the instant of the token has no time zone")
    return instant


def _attributes(assertion: etree._Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.iter(f"{{{codes.NS_SAML}}}Attribute"):
        values = attribute.findall(f"{{{codes.NS_SAML}}}AttributeValue")
        found[attribute.get("Name", "")] = tuple(_value(value) for value in values)
    return found


def _value(value: etree._Element) -> str:
    return value[0].get("code", "") if len(value) else value.text or ""


def _text(assertion: etree._Element, path: str) -> str:
    steps = "/".join(f"{{{codes.NS_SAML}}}{step}" for step in path.split("/"))
    return str(assertion.findtext(steps, default=""))
