"""Requests to the DMP, built by hand: an honest one, and hooks to spoil each part of it.

Written apart from the builders of the product, so that the two check each other through the sandbox.
"""

import base64
import hashlib
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from interop.ins import codes as ins_codes
from interop.soap import codes as soap
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.authority import Credential
from sandbox.runtime import Sandbox

INS = ("279035121518989", ins_codes.INS_NIR_TEST_OID)
STRUCTURE = "1990000101"
ACTOR = "899700900014"
ROOT = "1.2.250.1.999.1"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"

Element = etree._Element
Change = Callable[[Element], object]


def nothing(_: Element) -> None:
    return None


def new_oid(kind: int) -> str:
    return f"{ROOT}.{kind}.{uuid.uuid4().int % 10**12}"


def q(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def sub(parent: Element, namespace: str, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    element = etree.SubElement(parent, q(namespace, tag))
    element.text = text
    for key, value in attributes.items():
        element.set(key, value)
    return element


# The document


@dataclass(frozen=True)
class Letter:
    """A CDA of level 1. `effective_time` is local with offset; the act is one stay."""

    unique_id: str = field(default_factory=lambda: new_oid(1))
    set_id: str = field(default_factory=lambda: new_oid(2))
    version: int = 1
    replaces: str = ""
    ins: tuple[str, str] = INS
    title: str = "Lettre de liaison à la sortie"
    effective_time: str = "20260310143000+0100"
    author: str = ACTOR
    content: bytes = b"%PDF-1.4 demonstration"
    type_code: tuple[str, str, str] = ("11490-0", xds.OID_LOINC, "Lettre de liaison à la sortie")
    change: Change = nothing

    def build(self) -> bytes:
        v3 = vihf.NS_HL7_V3
        root = etree.Element(q(v3, "ClinicalDocument"), nsmap={None: v3})
        sub(root, v3, "id", root=self.unique_id)
        code, system, label = self.type_code
        sub(root, v3, "code", code=code, codeSystem=system, displayName=label)
        sub(root, v3, "title", self.title)
        sub(root, v3, "effectiveTime", value=self.effective_time)
        sub(root, v3, "confidentialityCode", code="N", codeSystem=xds.OID_CONFIDENTIALITY_HL7)
        sub(root, v3, "languageCode", code="fr-FR")
        sub(root, v3, "setId", root=self.set_id)
        sub(root, v3, "versionNumber", value=str(self.version))
        role = sub(sub(root, v3, "recordTarget"), v3, "patientRole")
        sub(role, v3, "id", root=self.ins[1], extension=self.ins[0])
        sub(role, v3, "id", root=f"{ROOT}.9", extension="000003")
        author = sub(sub(root, v3, "author"), v3, "assignedAuthor")
        sub(author, v3, "id", root=xds.OID_PERSON, extension=self.author)
        legal = sub(sub(root, v3, "legalAuthenticator"), v3, "assignedEntity")
        sub(legal, v3, "id", root=xds.OID_PERSON, extension=self.author)
        event = sub(sub(root, v3, "documentationOf"), v3, "serviceEvent")
        period = sub(event, v3, "effectiveTime")
        sub(period, v3, "low", value="20260306110000+0100")
        sub(period, v3, "high", value="20260310120000+0100")
        performer = sub(sub(event, v3, "performer"), v3, "assignedEntity")
        organisation = sub(performer, v3, "representedOrganization")
        sub(
            organisation,
            v3,
            "standardIndustryClassCode",
            code="ETABLISSEMENT",
            codeSystem=xds.OID_PRACTICE_SETTING,
        )
        if self.replaces:
            parent = sub(sub(root, v3, "relatedDocument", typeCode="RPLC"), v3, "parentDocument")
            sub(parent, v3, "id", root=self.replaces)
        encounter = sub(sub(root, v3, "componentOf"), v3, "encompassingEncounter")
        facility = sub(sub(encounter, v3, "location"), v3, "healthCareFacility")
        sub(facility, v3, "code", code="SA01", codeSystem=xds.OID_FACILITY_TYPE)
        body = sub(sub(root, v3, "component"), v3, "nonXMLBody")
        encoded = base64.b64encode(self.content).decode()
        sub(body, v3, "text", encoded, mediaType="application/pdf", representation="B64")
        self.change(root)
        return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))

    def next(self, **changes: object) -> "Letter":
        """The following version."""
        following = replace(
            self,
            unique_id=new_oid(1),
            version=self.version + 1,
            replaces=self.unique_id,
            content=b"%PDF-1.4 v2",
        )
        return replace(following, **changes)  # type: ignore[arg-type]  # free keywords of a test


# Metadata


def slot(parent: Element, name: str, *values: str) -> None:
    listing = sub(sub(parent, xds.NS_RIM, "Slot", name=name), xds.NS_RIM, "ValueList")
    for value in values:
        sub(listing, xds.NS_RIM, "Value", value)


def named(parent: Element, label: str) -> None:
    sub(sub(parent, xds.NS_RIM, "Name"), xds.NS_RIM, "LocalizedString", value=label, charset="UTF8")


def coded(parent: Element, scheme: str, code: str, system: str, label: str) -> None:
    element = sub(
        parent,
        xds.NS_RIM,
        "Classification",
        id=f"c{uuid.uuid4().hex}",
        classificationScheme=scheme,
        classifiedObject=parent.get("id", ""),
        nodeRepresentation=code,
    )
    slot(element, xds.SLOT_CODING_SCHEME, system)
    named(element, label)


def author(parent: Element, scheme: str, person: str) -> None:
    element = sub(
        parent,
        xds.NS_RIM,
        "Classification",
        id=f"c{uuid.uuid4().hex}",
        classificationScheme=scheme,
        classifiedObject=parent.get("id", ""),
    )
    slot(element, xds.SLOT_AUTHOR_PERSON, f"{person}^HODA^Alice^^^^^^&{xds.OID_PERSON}&ISO^D^^^IDNPS")
    slot(element, xds.SLOT_AUTHOR_SPECIALTY, f"G15_10/SM26^Médecin généraliste^{xds.OID_SPECIALTY}")
    slot(
        element,
        xds.SLOT_AUTHOR_INSTITUTION,
        f"HOPITAL DES TROIS RIVIERES^^^^^&{xds.OID_STRUCTURE}&ISO^IDNST^^^{STRUCTURE}",
    )


def identified(parent: Element, scheme: str, name: str, value: str) -> None:
    element = sub(
        parent,
        xds.NS_RIM,
        "ExternalIdentifier",
        id=f"e{uuid.uuid4().hex}",
        identificationScheme=scheme,
        registryObject=parent.get("id", ""),
        value=value,
    )
    named(element, name)


@dataclass(frozen=True)
class Draft:
    """A submission of one letter."""

    letter: Letter = field(default_factory=Letter)
    lot_id: str = field(default_factory=lambda: new_oid(3))
    signature_id: str = field(default_factory=lambda: new_oid(4))
    restrictions: tuple[str, ...] = ()
    replaced_uuid: str = ""
    signed: bool = True
    sha: str = "sha256"
    change_objects: Change = nothing
    change_signature: Change = nothing
    change_assertion: Change = nothing

    @property
    def patient(self) -> str:
        return cx(self.letter.ins)

    def objects(self, contents: dict[str, bytes]) -> Element:
        listing = etree.Element(q(xds.NS_RIM, "RegistryObjectList"), nsmap={None: xds.NS_RIM})
        self._lot(listing)
        self._entry(listing, contents["Document01"])
        self._association(listing, xds.ASSOCIATION_HAS_MEMBER, "SubmissionSet01", "Document01")
        if self.signed:
            self._signature_entry(listing, contents["Signature01"])
            self._association(listing, xds.ASSOCIATION_HAS_MEMBER, "SubmissionSet01", "Signature01")
            self._association(listing, xds.ASSOCIATION_SIGNS, "Signature01", "SubmissionSet01")
        if self.replaced_uuid:
            self._association(listing, xds.ASSOCIATION_REPLACE, "Document01", self.replaced_uuid)
        # The schema puts objects of one kind together, whatever the order in which they were made.
        listing[:] = sorted(listing, key=lambda item: item.tag != q(xds.NS_RIM, "RegistryPackage"))
        self.change_objects(listing)
        return listing

    def _lot(self, listing: Element) -> None:
        lot = sub(listing, xds.NS_RIM, "RegistryPackage", id="SubmissionSet01")
        slot(lot, xds.SLOT_SUBMISSION_TIME, datetime.now(UTC).strftime("%Y%m%d%H%M%S"))
        named(lot, self.letter.title)
        author(lot, xds.SCHEME_SET_AUTHOR, ACTOR)
        coded(lot, xds.SCHEME_SET_CONTENT_TYPE, "03", xds.OID_CONTENT_TYPE, "Hospitalisation")
        sub(
            lot,
            xds.NS_RIM,
            "Classification",
            id="node",
            classifiedObject="SubmissionSet01",
            classificationNode=xds.NODE_SUBMISSION_SET,
        )
        identified(lot, xds.IDENTIFIER_SET_PATIENT, xds.NAME_SET_PATIENT, self.patient)
        identified(lot, xds.IDENTIFIER_SET_SOURCE, xds.NAME_SET_SOURCE, f"{ROOT}.8")
        identified(lot, xds.IDENTIFIER_SET_UNIQUE, xds.NAME_SET_UNIQUE, self.lot_id)

    def _entry(self, listing: Element, content: bytes) -> None:
        letter = self.letter
        entry = self._extrinsic(listing, "Document01")
        slot(entry, xds.SLOT_CREATION_TIME, "20260310133000")
        slot(entry, xds.SLOT_HASH, hashlib.sha1(content).hexdigest())  # noqa: S324 - what the metadata asks
        slot(entry, xds.SLOT_LANGUAGE_CODE, "fr-FR")
        person = f"{letter.author}^HODA^Alice^^^^^^&{xds.OID_PERSON}&ISO^D^^^IDNPS"
        slot(entry, xds.SLOT_LEGAL_AUTHENTICATOR, person)
        slot(entry, xds.SLOT_SERVICE_START, "20260306100000")
        slot(entry, xds.SLOT_SERVICE_STOP, "20260310110000")
        slot(entry, xds.SLOT_SIZE, str(len(content)))
        slot(entry, xds.SLOT_SOURCE_PATIENT_ID, f"000003^^^&{ROOT}.9&ISO^PI")
        slot(
            entry,
            xds.SLOT_SOURCE_PATIENT_INFO,
            "PID-5|PAT-TROIS^DOMINIQUE^^^^^L",
            "PID-7|19790328",
            "PID-8|F",
        )
        named(entry, letter.title)
        author(entry, xds.SCHEME_AUTHOR, letter.author)
        coded(entry, xds.SCHEME_CLASS_CODE, "10", xds.OID_CLASS_CODE, "Compte rendu")
        coded(entry, xds.SCHEME_TYPE_CODE, *letter.type_code)
        coded(entry, xds.SCHEME_CONFIDENTIALITY_CODE, "N", xds.OID_CONFIDENTIALITY_HL7, "Normal")
        for restriction in self.restrictions:
            label = xds.VISIBILITY_LABELS[restriction]
            coded(entry, xds.SCHEME_CONFIDENTIALITY_CODE, restriction, xds.OID_VISIBILITY, label)
        coded(entry, xds.SCHEME_FORMAT_CODE, xds.FORMAT_PDF, xds.OID_FORMAT_IHE, "PDF")
        coded(entry, xds.SCHEME_FACILITY_TYPE_CODE, "SA01", xds.OID_FACILITY_TYPE, "Hôpital public")
        coded(
            entry,
            xds.SCHEME_PRACTICE_SETTING_CODE,
            "ETABLISSEMENT",
            xds.OID_PRACTICE_SETTING,
            "Etablissement de santé",
        )
        identified(entry, xds.IDENTIFIER_ENTRY_PATIENT, xds.NAME_ENTRY_PATIENT, self.patient)
        identified(entry, xds.IDENTIFIER_ENTRY_UNIQUE, xds.NAME_ENTRY_UNIQUE, letter.unique_id)

    def _extrinsic(self, listing: Element, identifier: str) -> Element:
        return sub(
            listing,
            xds.NS_RIM,
            "ExtrinsicObject",
            id=identifier,
            mimeType="text/xml",
            objectType=xds.TYPE_STABLE_DOCUMENT,
        )

    def _signature_entry(self, listing: Element, content: bytes) -> None:
        entry = self._extrinsic(listing, "Signature01")
        slot(entry, xds.SLOT_LANGUAGE_CODE, xds.SIGNATURE_LANGUAGE)
        slot(entry, xds.SLOT_SIZE, str(len(content)))
        named(entry, xds.SIGNATURE_TITLE)
        coded(entry, xds.SCHEME_CLASS_CODE, xds.SIGNATURE_CLASS, xds.SIGNATURE_SCHEME, "Signature")
        coded(entry, xds.SCHEME_TYPE_CODE, xds.SIGNATURE_TYPE, xds.SIGNATURE_TYPE_SCHEME, "Full Document")
        coded(entry, xds.SCHEME_FORMAT_CODE, xds.SIGNATURE_FORMAT, xds.SIGNATURE_SCHEME, "XML")
        coded(entry, xds.SCHEME_EVENT_CODE, xds.SIGNATURE_EVENT, xds.SIGNATURE_EVENT_SCHEME, "Source")
        coded(entry, xds.SCHEME_CONFIDENTIALITY_CODE, "N", xds.OID_CONFIDENTIALITY_HL7, "Normal")
        for code in (xds.VISIBILITY_MASKED, xds.VISIBILITY_HIDDEN_PATIENT):
            label = xds.VISIBILITY_LABELS[code]
            coded(entry, xds.SCHEME_CONFIDENTIALITY_CODE, code, xds.OID_VISIBILITY, label)
        identified(entry, xds.IDENTIFIER_ENTRY_PATIENT, xds.NAME_ENTRY_PATIENT, self.patient)
        identified(entry, xds.IDENTIFIER_ENTRY_UNIQUE, xds.NAME_ENTRY_UNIQUE, self.signature_id)

    def _association(self, listing: Element, kind: str, source: str, target: str) -> None:
        element = sub(
            listing,
            xds.NS_RIM,
            "Association",
            id=f"a{uuid.uuid4().hex}",
            objectType=xds.TYPE_ASSOCIATION,
            associationType=kind,
            sourceObject=source,
            targetObject=target,
        )
        if kind == xds.ASSOCIATION_HAS_MEMBER:
            slot(element, xds.SLOT_SUBMISSION_SET_STATUS, xds.SUBMISSION_SET_ORIGINAL)


def cx(ins: tuple[str, str]) -> str:
    return f"{ins[0]}^^^&{ins[1]}&ISO^NH"


# Signatures


@dataclass(frozen=True)
class Key:
    """A certificate and its key, in memory."""

    certificate: x509.Certificate
    private: rsa.RSAPrivateKey

    @classmethod
    def of(cls, credential: Credential) -> "Key":
        key = serialization.load_pem_private_key(
            credential.key.read_bytes(), None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(x509.load_pem_x509_certificate(credential.certificate.read_bytes()), key)

    @property
    def encoded(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def sign(self, content: bytes, sha: str = "sha256") -> str:
        algorithm = hashes.SHA1() if sha == "sha1" else hashes.SHA256()  # noqa: S303 - a refusal is tested
        return base64.b64encode(self.private.sign(content, padding.PKCS1v15(), algorithm)).decode()


def algorithms(sha: str) -> tuple[str, str]:
    if sha == "sha1":
        return "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1"
    return "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"


def digest(content: bytes, sha: str) -> str:
    return base64.b64encode(hashlib.new(sha, content).digest()).decode()


def exclusive(element: Element) -> bytes:
    return bytes(etree.tostring(element, method="c14n", exclusive=True))


def reference(
    parent: Element, uri: str, value: str, sha: str, transforms: tuple[str, ...], **more: str
) -> None:
    element = sub(parent, vihf.NS_DS, "Reference", URI=uri, **more)
    if transforms:
        listing = sub(element, vihf.NS_DS, "Transforms")
        for transform in transforms:
            sub(listing, vihf.NS_DS, "Transform", Algorithm=transform)
    sub(element, vihf.NS_DS, "DigestMethod", Algorithm=algorithms(sha)[1])
    sub(element, vihf.NS_DS, "DigestValue", value)


def sign_assertion(assertion: Element, key: Key, sha: str = "sha256") -> None:
    """Put an enveloped signature right after the issuer."""
    value = digest(exclusive(assertion), sha)
    signature = etree.Element(q(vihf.NS_DS, "Signature"), nsmap={"ds": vihf.NS_DS})
    info = sub(signature, vihf.NS_DS, "SignedInfo")
    sub(info, vihf.NS_DS, "CanonicalizationMethod", Algorithm=EXCLUSIVE)
    sub(info, vihf.NS_DS, "SignatureMethod", Algorithm=algorithms(sha)[0])
    enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
    reference(info, f"#{assertion.get('ID')}", value, sha, (enveloped, EXCLUSIVE))
    sub(signature, vihf.NS_DS, "SignatureValue", key.sign(exclusive(info), sha))
    data = sub(sub(signature, vihf.NS_DS, "KeyInfo"), vihf.NS_DS, "X509Data")
    sub(data, vihf.NS_DS, "X509Certificate", key.encoded)
    assertion.insert(1, signature)


def build_lot_signature(draft: Draft, document: bytes, key: Key) -> bytes:
    """The XAdES of the set, as the official example has it."""
    ds, sha = vihf.NS_DS, draft.sha
    root = etree.Element(q(ds, "Signature"), nsmap={"ds": ds, "xad": xds.NS_XADES}, Id=draft.signature_id)
    info = sub(root, ds, "SignedInfo")
    signature_value = sub(root, ds, "SignatureValue")
    data = sub(sub(root, ds, "KeyInfo"), ds, "X509Data")
    sub(data, ds, "X509Certificate", key.encoded)
    purpose = sub(sub(sub(root, ds, "Object"), ds, "SignatureProperties"), ds, "SignatureProperty")
    purpose.set("Id", xds.XADES_PURPOSE_ID)
    purpose.set("Target", f"#{draft.signature_id}")
    purpose.text = xds.SIGNATURE_EVENT
    manifest = sub(sub(root, ds, "Object"), ds, "Manifest", Id=xds.XADES_MANIFEST_ID)
    reference(manifest, f"urn:oid:{draft.lot_id}", xds.XADES_LOT_DIGEST, sha, ())
    canonical = etree.tostring(etree.fromstring(document), method="c14n")  # noqa: S320 - our own bytes
    reference(manifest, f"urn:oid:{draft.letter.unique_id}", digest(canonical, sha), sha, (C14N,))
    qualifying = sub(
        sub(root, ds, "Object"), xds.NS_XADES, "QualifyingProperties", Target=f"#{draft.signature_id}"
    )
    properties = sub(qualifying, xds.NS_XADES, "SignedProperties", Id=xds.XADES_PROPERTIES_ID)
    signed = sub(properties, xds.NS_XADES, "SignedSignatureProperties")
    sub(signed, xds.NS_XADES, "SigningTime", datetime.now(UTC).isoformat())
    certificate = sub(sub(signed, xds.NS_XADES, "SigningCertificate"), xds.NS_XADES, "Cert")
    found = sub(certificate, xds.NS_XADES, "CertDigest")
    sub(found, xds.NS_XADES, "DigestMethod", Algorithm=algorithms(sha)[1])
    der = key.certificate.public_bytes(serialization.Encoding.DER)
    sub(found, xds.NS_XADES, "DigestValue", digest(der, sha))
    draft.change_signature(root)
    sub(info, ds, "CanonicalizationMethod", Algorithm=C14N)
    sub(info, ds, "SignatureMethod", Algorithm=algorithms(sha)[0])
    for element, kind in ((manifest, xds.XADES_MANIFEST_TYPE), (properties, xds.XADES_PROPERTIES_TYPE)):
        content = etree.tostring(element, method="c14n")
        reference(info, f"#{element.get('Id')}", digest(content, sha), sha, (), Type=kind)
    signature_value.text = key.sign(etree.tostring(info, method="c14n"), sha)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


# VIHF


def attribute(parent: Element, name: str, text: str) -> Element:
    element = sub(parent, vihf.NS_SAML, "Attribute", Name=name)
    value = sub(element, vihf.NS_SAML, "AttributeValue", text)
    value.set(q(vihf.NS_XSI, "type"), "xs:string")
    return element


def coded_attribute(parent: Element, name: str, tag: str, *values: tuple[str, str, str]) -> None:
    element = sub(parent, vihf.NS_SAML, "Attribute", Name=name)
    for code, system, label in values:
        value = sub(element, vihf.NS_SAML, "AttributeValue")
        held = etree.SubElement(value, q(vihf.NS_HL7_V3, tag), nsmap={None: vihf.NS_HL7_V3})
        held.set(q(vihf.NS_XSI, "type"), "CE")
        for key, text in (("code", code), ("codeSystem", system), ("displayName", label)):
            held.set(key, text)


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def build_assertion(
    key: Key,
    *,
    ins: tuple[str, str] = INS,
    change: Change = nothing,
    mode: str = vihf.MODE_INDIRECT,
    sha: str = "sha256",
    issued: datetime | None = None,
) -> bytes:
    """A signed VIHF, serialised once."""
    saml = vihf.NS_SAML
    now = issued or datetime.now(UTC)
    assertion = etree.Element(
        q(saml, "Assertion"), nsmap={"saml2": saml, "xsi": vihf.NS_XSI, "xs": vihf.NS_XS}
    )
    assertion.set("ID", f"_{uuid.uuid4()}")
    assertion.set("IssueInstant", instant(now))
    assertion.set("Version", "2.0")
    sub(assertion, saml, "Issuer", key.certificate.subject.rfc4514_string(), Format=vihf.ISSUER_FORMAT_X509)
    sub(sub(assertion, saml, "Subject"), saml, "NameID", ACTOR)
    statement = sub(assertion, saml, "AuthnStatement", AuthnInstant=instant(now - timedelta(minutes=10)))
    context = sub(statement, saml, "AuthnContext")
    sub(context, saml, "AuthnContextClassRef", vihf.AC_SMARTCARD_PKI)
    if mode != vihf.MODE_INDIRECT:
        sub(context, saml, "AuthnContextDecl", vihf.AIR_SIMPLIFIED_DECLARATION)
    attributes = sub(assertion, saml, "AttributeStatement")
    attribute(attributes, vihf.ATTR_VERSION, "3.0")
    attribute(attributes, vihf.ATTR_AUTH_MODE, mode)
    attribute(attributes, vihf.ATTR_STRUCTURE, STRUCTURE)
    attribute(attributes, vihf.ATTR_SECTOR, f"SA01^{vihf.OID_SECTOR}")
    attribute(attributes, vihf.ATTR_SUBJECT_ID, "Alice HODA")
    coded_attribute(
        attributes,
        vihf.ATTR_ROLE,
        "Role",
        ("10", vihf.OID_PROFESSION, "Médecin"),
        ("SM26", vihf.OID_SPECIALTY_RPPS, "Qualifié en Médecine Générale (SM)"),
    )
    attribute(attributes, vihf.ATTR_RESOURCE_ID, cx(ins))
    attribute(attributes, vihf.ATTR_RESOURCE_URN, vihf.RESOURCE_URN_DMP)
    coded_attribute(
        attributes,
        vihf.ATTR_PURPOSE_OF_USE,
        "PurposeOfUse",
        (vihf.PURPOSE_NORMAL[0], vihf.OID_ACCESS_MODE, vihf.PURPOSE_NORMAL[1]),
    )
    attribute(attributes, vihf.ATTR_LPS_NAME, "DPI")
    attribute(attributes, vihf.ATTR_LPS_VERSION, "1.0")
    attribute(attributes, vihf.ATTR_LPS_HOMOLOGATION, "DEMO-0001")
    change(assertion)
    sign_assertion(assertion, key, sha)
    return bytes(etree.tostring(assertion))


# Envelope and transport


def build_envelope(body: Element, action: str, to: str, assertion: bytes, change: Change = nothing) -> bytes:
    """An envelope, the assertion spliced in as it was signed."""
    envelope = etree.Element(q(soap.NS_SOAP, "Envelope"), nsmap={"soap": soap.NS_SOAP})
    header = sub(envelope, soap.NS_SOAP, "Header")
    sub(header, soap.NS_WSA, "MessageID", f"urn:uuid:{uuid.uuid4()}")
    sub(header, soap.NS_WSA, "To", to)
    reply = sub(header, soap.NS_WSA, "ReplyTo", mustUnderstand="true")
    sub(reply, soap.NS_WSA, "Address", soap.WSA_ANONYMOUS)
    sub(header, soap.NS_WSA, "Action", action, mustUnderstand="true")
    sub(header, soap.NS_WSSE, "Security", "TOKEN")
    sub(envelope, soap.NS_SOAP, "Body").append(body)
    change(envelope)
    return bytes(etree.tostring(envelope, encoding="UTF-8")).replace(b"TOKEN", assertion)


def build_mtom(envelope: bytes, parts: dict[str, bytes], action: str) -> tuple[str, bytes]:
    """Content type and body of an MTOM message."""
    boundary = f"uuid:{uuid.uuid4()}"
    chunks = [
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root@dpi>\r\n\r\n".encode(),
        envelope,
    ]
    for name, content in parts.items():
        chunks.append(
            f"\r\n--{boundary}\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: <{name}>\r\n\r\n".encode()
        )
        chunks.append(content)
    chunks.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = (
        'multipart/related; type="application/xop+xml"; start="<root@dpi>"; '
        f'start-info="application/soap+xml"; boundary="{boundary}"; action="{action}"'
    )
    return content_type, b"".join(chunks)


@dataclass(frozen=True)
class Answer:
    """An answer read as the tests need it."""

    http: httpx.Response
    envelope: Element

    @property
    def status(self) -> str:
        found = self.envelope.find(f".//{q(soap.NS_SOAP, 'Body')}")
        assert found is not None
        return str(found[0].get("status", ""))

    @property
    def is_success(self) -> bool:
        return self.status == xds.RESPONSE_SUCCESS

    @property
    def errors(self) -> list[tuple[str, str]]:
        return [
            (error.get("errorCode", ""), error.get("codeContext", ""))
            for error in self.envelope.iter(q(xds.NS_RS, "RegistryError"))
        ]

    @property
    def fault(self) -> tuple[str, str]:
        """Subcode (or code) and reason of a fault."""
        values = [value.text for value in self.envelope.iter(q(soap.NS_SOAP, "Value"))]
        reasons = [text.text for text in self.envelope.iter(q(soap.NS_SOAP, "Text"))]
        return (values[-1] if values else "", reasons[0] if reasons else "")

    @property
    def references(self) -> list[str]:
        return [item.get("id", "") for item in self.envelope.iter(q(xds.NS_RIM, "ObjectRef"))]

    @property
    def entries(self) -> list[Element]:
        return list(self.envelope.iter(q(xds.NS_RIM, "ExtrinsicObject")))


def read_answer(response: httpx.Response) -> Answer:
    content = response.content
    if response.headers["content-type"].startswith("multipart/related"):
        header = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
        part = message_from_bytes(header + content).get_payload(0)
        payload = part.get_payload(decode=True)  # type: ignore[union-attr]  # a multipart message has parts
        content = payload if isinstance(payload, bytes) else b""
    return Answer(response, etree.fromstring(content))  # noqa: S320 - bytes of the sandbox


@dataclass(frozen=True)
class DmpClient:
    """A hospital, as far as the tests need one."""

    box: Sandbox
    line: httpx.Client
    seal: Key

    def submit(
        self, draft: Draft | None = None, *, envelope: Change = nothing, **vihf_options: object
    ) -> Answer:
        return read_answer(self.post_submission(draft or Draft(), envelope=envelope, **vihf_options))

    def post_submission(
        self, draft: Draft, *, envelope: Change = nothing, **vihf_options: object
    ) -> httpx.Response:
        content_type, body = self.submission(draft, envelope=envelope, **vihf_options)
        return self.line.post(
            self.box.addresses.dmp.repository_url, content=body, headers={"Content-Type": content_type}
        )

    def submission(
        self, draft: Draft, *, envelope: Change = nothing, **vihf_options: object
    ) -> tuple[str, bytes]:
        document = draft.letter.build()
        contents = {"Document01": document}
        if draft.signed:
            contents["Signature01"] = build_lot_signature(draft, document, self.seal)
        request = etree.Element(
            q(xds.NS_XDSB, "ProvideAndRegisterDocumentSetRequest"),
            nsmap={"xdsb": xds.NS_XDSB, "lcm": xds.NS_LCM},
        )
        sub(request, xds.NS_LCM, "SubmitObjectsRequest").append(draft.objects(contents))
        for name in contents:
            holder = sub(request, xds.NS_XDSB, "Document", id=name)
            sub(holder, soap.NS_XOP, "Include", href=f"cid:{name}%40dpi")
        options: dict[str, object] = {"ins": draft.letter.ins, "change": draft.change_assertion}
        assertion = build_assertion(self.seal, **(options | vihf_options))  # type: ignore[arg-type]
        address = self.box.addresses.dmp.repository_url
        data = build_envelope(request, xds.ACTION_ITI41, address, assertion, envelope)
        return build_mtom(data, {f"{name}@dpi": part for name, part in contents.items()}, xds.ACTION_ITI41)

    def query(
        self,
        identifier: str,
        slots: dict[str, str],
        *,
        return_type: str = xds.RETURN_LEAF_CLASS,
        mode: str = vihf.MODE_INDIRECT_REINFORCED,
        ins: tuple[str, str] = INS,
        change: Change = nothing,
    ) -> Answer:
        request = etree.Element(q(xds.NS_QUERY, "AdhocQueryRequest"), nsmap={"query": xds.NS_QUERY})
        sub(request, xds.NS_QUERY, "ResponseOption", returnComposedObjects="true", returnType=return_type)
        adhoc = sub(request, xds.NS_RIM, "AdhocQuery", id=identifier)
        for name, value in slots.items():
            slot(adhoc, name, value)
        return self.call("registry_url", request, xds.ACTION_ITI18, mode=mode, ins=ins, change=change)

    def call(
        self,
        service: str,
        body: Element,
        action: str,
        *,
        mode: str,
        ins: tuple[str, str] = INS,
        change: Change = nothing,
    ) -> Answer:
        return read_answer(self.post(service, body, action, mode=mode, ins=ins, change=change))

    def post(
        self,
        service: str,
        body: Element,
        action: str,
        *,
        mode: str,
        ins: tuple[str, str] = INS,
        change: Change = nothing,
    ) -> httpx.Response:
        address: str = getattr(self.box.addresses.dmp, service)
        assertion = build_assertion(self.seal, ins=ins, mode=mode, change=change)
        data = build_envelope(body, action, address, assertion)
        content_type = f'application/soap+xml; charset=UTF-8; action="{action}"'
        return self.line.post(address, content=data, headers={"Content-Type": content_type})

    def find(self, unique_id: str) -> list[str]:
        """TD3.1b: the entryUUID of a document, by its uniqueId, as one who feeds may ask."""
        answer = self.query(
            xds.QUERY_GET_DOCUMENTS,
            {xds.PARAM_UNIQUE_ID: f"('{unique_id}')"},
            return_type=xds.RETURN_OBJECT_REF,
            mode=vihf.MODE_INDIRECT,
        )
        assert answer.is_success, answer.errors
        return answer.references


@contextmanager
def line_to(box: Sandbox, credential: tuple[Path | str, Path | str] | None) -> Iterator[httpx.Client]:
    """A TLS line with that client certificate, or without."""
    context = ssl.create_default_context(cafile=box.addresses.certificates.ca)
    if credential is not None:
        context.load_cert_chain(*credential)
    with httpx.Client(verify=context, trust_env=False, timeout=30) as client:
        yield client
