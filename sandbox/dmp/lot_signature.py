"""The signature of a submission set: an XAdES document that travels with it.

Sources: IHE Document Digital Signature, XAdES 1.1.1, official DMP example of TD2.1 (manifest whose first
reference is the set itself with an empty digest, then one reference per document).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from interop.vihf.codes import NS_DS
from interop.xds import codes as xds
from sandbox.dmp.errors import RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.vihf import check_seal
from sandbox.dmp.xmlsig import (
    C14N,
    WITH_SHA1,
    Reference,
    SignatureError,
    canonical,
    check_digest,
    decode,
    digest_of,
    inclusive_prefixes,
    read_references,
    signing_certificate,
    verify_signed_info,
)
from sandbox.xml import XmlError, children, parse, q, text_of

_URN_OID: Final = "urn:oid:"


def check_lot_signature(
    content: bytes,
    *,
    signature_id: str,
    lot_id: str,
    documents: Mapping[str, bytes],
    authority: x509.Certificate,
    now: datetime,
) -> None:
    """Check that the signature document seals this very submission set.

    RegistryRefusal (`XDSRepositoryError`) when it does not; SoapFault (`DMPInvalidCertificate`) when the
    certificate is not one that may sign.
    """
    try:
        root = parse(content)
        certificate = _verify(root, signature_id=signature_id, lot_id=lot_id, documents=documents)
    except (XmlError, SignatureError) as error:
        raise _refused(str(error)) from error
    try:
        check_seal(certificate, authority, now)
    except SoapFault as fault:
        raise SoapFault(f"submission set: {fault.reason}", subcode=fault.subcode) from fault


def _refused(text: str) -> RegistryRefusal:
    return RegistryRefusal(RegistryError(xds.ERROR_REPOSITORY, f"signature of the submission set: {text}"))


def _verify(
    root: etree._Element, *, signature_id: str, lot_id: str, documents: Mapping[str, bytes]
) -> x509.Certificate:
    if root.tag != q(NS_DS, "Signature") or not root.get("Id", "").endswith(signature_id):
        raise SignatureError("the document is not the ds:Signature of its identifier")
    certificate = signing_certificate(root)
    signed_info = verify_signed_info(root, certificate, WITH_SHA1, exclusive_only=False)
    targets = {
        f"#{xds.XADES_MANIFEST_ID}": xds.XADES_MANIFEST_TYPE,
        f"#{xds.XADES_PROPERTIES_ID}": xds.XADES_PROPERTIES_TYPE,
    }
    references = {reference.uri: reference for reference in read_references(signed_info)}
    if references.keys() != targets.keys():
        raise SignatureError("the signature refers to the manifest and to the signed properties")
    for uri, kind in targets.items():
        if references[uri].kind != kind:
            raise SignatureError(f"the type of reference {uri} is not {kind}")
        check_digest(references[uri], _transformed(_by_id(root, uri[1:]), references[uri]), WITH_SHA1)
    _check_manifest(_by_id(root, xds.XADES_MANIFEST_ID), lot_id, documents)
    _check_properties(root, certificate)
    return certificate


def _by_id(root: etree._Element, identifier: str) -> etree._Element:
    """The element of that Id; it must be the only one, or what is checked may not be what is read."""
    found = [element for element in root.iter() if element.get("Id") == identifier]
    if len(found) != 1:
        raise SignatureError(f"one element of Id {identifier} is expected")
    return found[0]


def _transformed(element: etree._Element, reference: Reference) -> bytes:
    transforms = reference.transforms
    if len(transforms) > 1:
        raise SignatureError("one canonicalisation at most is expected")
    if not transforms:
        return canonical(element, C14N)
    return canonical(element, transforms[0].get("Algorithm", ""), inclusive_prefixes(transforms[0]))


def _check_manifest(manifest: etree._Element, lot_id: str, documents: Mapping[str, bytes]) -> None:
    references = read_references(manifest)
    if not references or references[0].uri != _URN_OID + lot_id:
        raise SignatureError("the manifest begins with the submission set")
    if references[0].digest != decode(xds.XADES_LOT_DIGEST):
        raise SignatureError("the digest of the submission set itself is empty (AA==)")
    listed = {reference.uri: reference for reference in references[1:]}
    if listed.keys() != {_URN_OID + identifier for identifier in documents}:
        raise SignatureError("the manifest lists the documents of the submission set, each once")
    for identifier, content in documents.items():
        reference = listed[_URN_OID + identifier]
        transformed = _transformed(parse(content, large=True), reference) if reference.transforms else content
        check_digest(reference, transformed, WITH_SHA1)


def _check_properties(root: etree._Element, certificate: x509.Certificate) -> None:
    """Purpose of the signature, and the certificate that the signed properties name."""
    purpose = _by_id(root, xds.XADES_PURPOSE_ID)
    if purpose.get("Target") != f"#{root.get('Id')}" or text_of(purpose) != xds.SIGNATURE_EVENT:
        raise SignatureError("purposeOfSignature is not that of a source")
    properties = _by_id(root, xds.XADES_PROPERTIES_ID)
    if not text_of(properties.find(f".//{q(xds.NS_XADES, 'SigningTime')}")):
        raise SignatureError("SigningTime is missing")
    digest = properties.find(f".//{q(xds.NS_XADES, 'CertDigest')}")
    # XAdES 1.1.1 has both in its own namespace, later versions in that of XML Signature.
    parts = {etree.QName(part).localname: part for part in children(digest)} if digest is not None else {}
    if parts.keys() != {"DigestMethod", "DigestValue"}:
        raise SignatureError("SigningCertificate is missing")
    method, value = parts["DigestMethod"].get("Algorithm", ""), decode(text_of(parts["DigestValue"]))
    der = certificate.public_bytes(Encoding.DER)
    if digest_of(der, method, WITH_SHA1) != value:
        raise SignatureError("SigningCertificate is not the certificate of KeyInfo")
