"""The signature of a submission set: a XAdES document that travels in the lot it signs.

Sources: IHE Document Digital Signature, official DMP example of TD2.1, spec dmp 3.3. The form is XAdES 1.1.1
with an IHE manifest, which libraries no longer write: it is built here element by element. Only two
namespaces are used, each as the default one, so that the canonical form of a part does not depend on what
stands above it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes, serialization
from lxml import etree

from interop.seal import Seal, rfc2253_name
from interop.vihf.codes import NS_DS
from interop.xds import codes
from interop.xds.iti41 import SubmittedDocument, content_hash
from interop.xds.metadata import Code, DocumentEntry, SubmissionSet
from interop.xds.times import dtm_from_instant
from interop.xml import DOCUMENT_LIMITS, parse_xml, serialize_xml


@dataclass(frozen=True, slots=True)
class SignatureAlgorithms:
    """SHA-256, or SHA-1 as in the published examples: what the server accepts is a setting (dmp 12)."""

    signature: str
    digest: str
    hash: hashes.HashAlgorithm


SHA256_ALGORITHMS = SignatureAlgorithms(codes.RSA_SHA256, codes.SHA256, hashes.SHA256())
SHA1_ALGORITHMS = SignatureAlgorithms(codes.RSA_SHA1, codes.SHA1, hashes.SHA1())  # noqa: S303 - a form that the server may want


def sign_lot(
    lot: SubmissionSet,
    documents: Sequence[SubmittedDocument],
    seal: Seal,
    *,
    unique_id: str,
    signed_at: datetime,
    algorithms: SignatureAlgorithms = SHA256_ALGORITHMS,
) -> SubmittedDocument:
    """Return the signature of a lot as one more document of it.

    `unique_id` is the OID of the signature document, fixed before the first attempt like the others;
    `signed_at` has a time zone.
    """
    content = _build_signature(lot, documents, seal, unique_id, signed_at, algorithms)
    return SubmittedDocument(
        _signature_entry(lot, documents[0].entry, unique_id, signed_at, content), content
    )


def _signature_entry(
    lot: SubmissionSet, first: DocumentEntry, unique_id: str, signed_at: datetime, content: bytes
) -> DocumentEntry:
    """Metadata of the signature object: fixed codes, author and places of the lot (spec dmp 3.3)."""
    instant = dtm_from_instant(signed_at)
    restrictions = (codes.VISIBILITY_MASKED, codes.VISIBILITY_HIDDEN_PATIENT)
    return DocumentEntry(
        entry_id="Signature01",
        unique_id=unique_id,
        patient_id=lot.patient_id,
        title=codes.SIGNATURE_TITLE,
        creation_time=instant,
        language_code=codes.SIGNATURE_LANGUAGE,
        legal_authenticator=first.legal_authenticator,
        service_start_time=instant,
        service_stop_time=instant,
        source_patient_id=lot.patient_id,
        hash=content_hash(content),
        size=len(content),
        authors=lot.authors,
        class_code=Code(codes.SIGNATURE_CLASS, codes.SIGNATURE_SCHEME, codes.SIGNATURE_CLASS_LABEL),
        type_code=Code(codes.SIGNATURE_TYPE, codes.SIGNATURE_TYPE_SCHEME, codes.SIGNATURE_TYPE_LABEL),
        format_code=Code(codes.SIGNATURE_FORMAT, codes.SIGNATURE_SCHEME, codes.SIGNATURE_FORMAT_LABEL),
        facility_type_code=first.facility_type_code,
        practice_setting_code=first.practice_setting_code,
        confidentiality_codes=(
            Code(codes.CONFIDENTIALITY_NORMAL, codes.OID_CONFIDENTIALITY_HL7, "Normal"),
            *(Code(code, codes.OID_VISIBILITY, codes.VISIBILITY_LABELS[code]) for code in restrictions),
        ),
        event_codes=(Code(codes.SIGNATURE_EVENT, codes.SIGNATURE_EVENT_SCHEME, codes.SIGNATURE_TITLE),),
    )


def _build_signature(
    lot: SubmissionSet,
    documents: Sequence[SubmittedDocument],
    seal: Seal,
    unique_id: str,
    signed_at: datetime,
    algorithms: SignatureAlgorithms,
) -> bytes:
    """Build each signed part alone, digest it, then put the parts together."""
    manifest = _manifest(lot, documents, algorithms)
    properties = _signed_properties(seal, signed_at, algorithms)
    signed_info = _signed_info(manifest, properties, algorithms)
    signature = seal.sign(_canonical(signed_info), algorithms.hash)
    root = _element("Signature", Id=unique_id)
    root.append(signed_info)
    _add(root, "SignatureValue").text = base64.b64encode(signature).decode("ascii")
    data = _add(_add(root, "KeyInfo"), "X509Data")
    _add(data, "X509Certificate").text = seal.certificate_base64
    _add(root, "Object").append(manifest)
    purposes = _add(_add(root, "Object"), "SignatureProperties")
    purpose = _add(purposes, "SignatureProperty", Id=codes.XADES_PURPOSE_ID, Target=f"#{unique_id}")
    purpose.text = codes.SIGNATURE_EVENT
    qualifying = _add_xades(_add(root, "Object"), "QualifyingProperties")
    qualifying.set("Target", f"#{unique_id}")
    qualifying.append(properties)
    return serialize_xml(root)


def _signed_info(
    manifest: etree._Element, properties: etree._Element, algorithms: SignatureAlgorithms
) -> etree._Element:
    signed_info = _element("SignedInfo")
    _add(signed_info, "CanonicalizationMethod", Algorithm=codes.C14N_WITH_COMMENTS)
    _add(signed_info, "SignatureMethod", Algorithm=algorithms.signature)
    targets = (
        (codes.XADES_MANIFEST_TYPE, codes.XADES_MANIFEST_ID, manifest),
        (codes.XADES_PROPERTIES_TYPE, codes.XADES_PROPERTIES_ID, properties),
    )
    for kind, identifier, target in targets:
        reference = _add(signed_info, "Reference", Type=kind, URI=f"#{identifier}")
        _add_digest(reference, _digest(_canonical(target), algorithms), algorithms)
    return signed_info


def _manifest(
    lot: SubmissionSet, documents: Sequence[SubmittedDocument], algorithms: SignatureAlgorithms
) -> etree._Element:
    """The lot by its id, then each document by its id and the digest of its canonical form."""
    manifest = _element("Manifest", Id=codes.XADES_MANIFEST_ID)
    reference = _add(manifest, "Reference", URI=f"urn:oid:{lot.unique_id}")
    _add_digest(reference, codes.XADES_LOT_DIGEST, algorithms)
    for document in documents:
        reference = _add(manifest, "Reference", URI=f"urn:oid:{document.entry.unique_id}")
        transforms = _add(reference, "Transforms")
        _add(transforms, "Transform", Algorithm=codes.C14N_WITH_COMMENTS)
        canonical = _canonical(parse_xml(document.content, limits=DOCUMENT_LIMITS).getroottree())
        _add_digest(reference, _digest(canonical, algorithms), algorithms)
    return manifest


def _signed_properties(seal: Seal, signed_at: datetime, algorithms: SignatureAlgorithms) -> etree._Element:
    """When, with which certificate, under which policy (XAdES 1.1.1)."""
    properties = etree.Element(f"{{{codes.NS_XADES}}}SignedProperties", nsmap={None: codes.NS_XADES})
    properties.set("Id", codes.XADES_PROPERTIES_ID)
    signature = _add_xades(properties, "SignedSignatureProperties")
    instant = signed_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    _add_xades(signature, "SigningTime").text = instant
    certificates = _add_xades(signature, "SigningCertificate")
    for certificate in (seal.certificate, *seal.chain):
        cert = _add_xades(certificates, "Cert")
        der = certificate.public_bytes(serialization.Encoding.DER)
        _add_digest(_add_xades(cert, "CertDigest"), _digest(der, algorithms), algorithms)
        issuer = _add_xades(cert, "IssuerSerial")
        _add(issuer, "X509IssuerName").text = rfc2253_name(certificate.issuer)
        _add(issuer, "X509SerialNumber").text = str(certificate.serial_number)
    policy = _add_xades(signature, "SignaturePolicyIdentifier")
    _add_xades(policy, "SignaturePolicyImplied")
    _add_xades(properties, "SignedDataObjectProperties")
    return properties


def _add_digest(element: etree._Element, digest: str, algorithms: SignatureAlgorithms) -> None:
    _add(element, "DigestMethod", Algorithm=algorithms.digest)
    _add(element, "DigestValue").text = digest


def _digest(data: bytes, algorithms: SignatureAlgorithms) -> str:
    digest = hashes.Hash(algorithms.hash)
    digest.update(data)
    return base64.b64encode(digest.finalize()).decode("ascii")


def _canonical(element: etree._Element | etree._ElementTree) -> bytes:
    """Inclusive canonical XML with comments (C14N 1.0) of a whole tree.

    Never of a part of one: lxml then loses the default namespace that the part inherits.
    """
    return bytes(etree.tostring(element, method="c14n", with_comments=True))


def _element(name: str, **attributes: str) -> etree._Element:
    return etree.Element(_ds(name), attributes, nsmap={None: NS_DS})


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, _ds(name), attributes, nsmap={None: NS_DS})


def _add_xades(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{codes.NS_XADES}}}{name}", nsmap={None: codes.NS_XADES})


def _ds(name: str) -> str:
    return f"{{{NS_DS}}}{name}"
