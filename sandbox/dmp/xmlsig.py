"""Verification of XML signatures, written apart from the library that the product signs with.

Sources: XML Signature 1.1 (core validation), Canonical XML 1.0, Exclusive XML Canonicalization 1.0. Only
what the VIHF and the signature of a submission set use is accepted: RSA, SHA-256 (SHA-1 when allowed), four
canonical forms, the enveloped transform.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from interop.vihf.codes import NS_DS
from sandbox.xml import children, parse, q, text_of

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_INCLUSIVE_NAMESPACES: Final = q(EXCLUSIVE_C14N, "InclusiveNamespaces")

_DIGESTS = {SHA256: hashlib.sha256, SHA1: hashlib.sha1}
# SHA-1 is that of the official examples of 2019; `STRICT` leaves it out.
_HASHES = {RSA_SHA256: hashes.SHA256(), RSA_SHA1: hashes.SHA1()}  # noqa: S303 - refused unless a policy admits it
_CANONICAL = {
    C14N: (False, False),
    C14N + "#WithComments": (False, True),
    EXCLUSIVE_C14N: (True, False),
    EXCLUSIVE_C14N + "WithComments": (True, True),
}
"""Canonical forms: exclusive or not, with comments or not."""


class SignatureError(ValueError):
    """A signature is broken, or is not of the form that is accepted."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Algorithms that are accepted."""

    digests: frozenset[str]
    signatures: frozenset[str]


STRICT: Final = Policy(frozenset({SHA256}), frozenset({RSA_SHA256}))
WITH_SHA1: Final = Policy(frozenset({SHA256, SHA1}), frozenset({RSA_SHA256, RSA_SHA1}))


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference of a signature: where it points, and how its target is transformed and digested."""

    uri: str
    kind: str
    transforms: tuple[etree._Element, ...]
    digest_method: str
    digest: bytes


def standalone(element: etree._Element) -> etree._Element:
    """The element alone, with every namespace that it inherits declared on itself.

    So canonicalisation sees the same context as inside the message, and removing a part harms nobody.
    """
    return parse(etree.tostring(element, with_tail=False))


def canonical(element: etree._Element, algorithm: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """Canonical bytes of an element of a standalone tree. SignatureError for an algorithm not accepted."""
    if algorithm not in _CANONICAL:
        raise SignatureError(f"canonical form {algorithm} is not accepted")
    exclusive, comments = _CANONICAL[algorithm]
    alone = element if element.getparent() is None else standalone(element)
    return bytes(
        etree.tostring(
            alone,
            method="c14n",
            exclusive=exclusive,
            with_comments=comments,
            inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
        )
    )


def inclusive_prefixes(element: etree._Element) -> tuple[str, ...]:
    """PrefixList of an exclusive canonicalisation."""
    listed = element.find(_INCLUSIVE_NAMESPACES)
    return tuple(listed.get("PrefixList", "").split()) if listed is not None else ()


def digest_of(content: bytes, method: str, policy: Policy) -> bytes:
    if method not in policy.digests:
        raise SignatureError(f"digest {method} is not accepted")
    return _DIGESTS[method](content, usedforsecurity=False).digest()


def check_digest(reference: Reference, content: bytes, policy: Policy) -> None:
    """SignatureError when the content is not what was signed."""
    if not hmac.compare_digest(digest_of(content, reference.digest_method, policy), reference.digest):
        raise SignatureError(f"digest of {reference.uri or 'the document'} does not match")


def decode(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise SignatureError("a value is not base64") from error


def read_references(container: etree._Element) -> tuple[Reference, ...]:
    """The references of a SignedInfo or of a Manifest."""
    found = []
    for element in container.findall(q(NS_DS, "Reference")):
        transforms = element.find(q(NS_DS, "Transforms"))
        method = element.find(q(NS_DS, "DigestMethod"))
        found.append(
            Reference(
                uri=element.get("URI", ""),
                kind=element.get("Type", ""),
                transforms=tuple(children(transforms)) if transforms is not None else (),
                digest_method=method.get("Algorithm", "") if method is not None else "",
                digest=decode(text_of(element.find(q(NS_DS, "DigestValue")))),
            )
        )
    return tuple(found)


def signing_certificate(signature: etree._Element) -> x509.Certificate:
    """The one certificate of KeyInfo."""
    found = signature.findall(
        "/".join((q(NS_DS, "KeyInfo"), q(NS_DS, "X509Data"), q(NS_DS, "X509Certificate")))
    )
    if len(found) != 1:
        raise SignatureError("KeyInfo holds one certificate")
    try:
        return x509.load_der_x509_certificate(decode(text_of(found[0])))
    except ValueError as error:
        raise SignatureError("KeyInfo holds no certificate") from error


def verify_signed_info(
    signature: etree._Element, certificate: x509.Certificate, policy: Policy, *, exclusive_only: bool
) -> etree._Element:
    """Check the signature value over SignedInfo with the key of the certificate. Returns SignedInfo."""
    parts = [part.tag for part in children(signature)]
    if parts[:3] != [q(NS_DS, name) for name in ("SignedInfo", "SignatureValue", "KeyInfo")]:
        raise SignatureError("Signature holds SignedInfo, SignatureValue, KeyInfo")
    signed_info = (
        signature[0] if isinstance(signature[0].tag, str) else signature.find(q(NS_DS, "SignedInfo"))
    )
    method = signed_info.find(q(NS_DS, "CanonicalizationMethod"))
    algorithm = signed_info.find(q(NS_DS, "SignatureMethod"))
    if method is None or algorithm is None or algorithm.get("Algorithm") not in policy.signatures:
        raise SignatureError("the signature algorithm is not accepted")
    form = method.get("Algorithm", "")
    if exclusive_only and form != EXCLUSIVE_C14N:
        raise SignatureError("SignedInfo is not in exclusive canonical form")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
        raise SignatureError("the key is not RSA of 2048 bits at least")
    value = decode(text_of(signature.find(q(NS_DS, "SignatureValue"))))
    content = canonical(signed_info, form, inclusive_prefixes(method))
    try:
        key.verify(value, content, padding.PKCS1v15(), _HASHES[algorithm.get("Algorithm")])
    except InvalidSignature as error:
        raise SignatureError("the signature value does not match") from error
    return signed_info


def verify_enveloped(element: etree._Element, identifier: str, policy: Policy) -> x509.Certificate:
    """Verify the enveloped signature of an element that stands alone.

    The one reference must be the identifier of the element itself, by the enveloped transform then exclusive
    canonicalisation: what was signed is what will be read. Returns the signing certificate, not yet trusted.
    """
    alone = standalone(element)
    signatures = alone.findall(f".//{q(NS_DS, 'Signature')}")
    if len(signatures) != 1 or signatures[0].getparent() is not alone:
        raise SignatureError("one enveloped signature is expected")
    signature = signatures[0]
    certificate = signing_certificate(signature)
    signed_info = verify_signed_info(signature, certificate, policy, exclusive_only=True)
    references = read_references(signed_info)
    if len(references) != 1 or references[0].uri != f"#{identifier}":
        raise SignatureError("the signature refers to the assertion and to nothing else")
    reference = references[0]
    if [transform.get("Algorithm") for transform in reference.transforms] != [ENVELOPED, EXCLUSIVE_C14N]:
        raise SignatureError("transforms are enveloped-signature, then exclusive canonicalisation")
    _remove(signature)
    check_digest(
        reference, canonical(alone, EXCLUSIVE_C14N, inclusive_prefixes(reference.transforms[1])), policy
    )
    return certificate


def _remove(element: etree._Element) -> None:
    """Remove an element, not the text that follows it: it is part of what was signed."""
    parent, tail = element.getparent(), element.tail or ""
    previous = element.getprevious()
    if previous is not None:
        previous.tail = (previous.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)
