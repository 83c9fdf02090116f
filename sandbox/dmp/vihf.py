"""Reading and validation of the VIHF: signature, life, coherence with the line and with the structure,
attributes.

Sources: CI-SIS transport volet (VIHF), DMP integration guide EX_0.1-1020 (order and content), EX_AIR-020 to
080, EX_GEN-1180 (software), EX_GEN-1450 (certificates), value set JDV_J65-SubjectRole-DMP.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from lxml import etree

from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.authority import is_issued_by
from sandbox.demo import LegalEntity
from sandbox.dmp import value_sets
from sandbox.dmp.errors import (
    FAILED_CHECK,
    INVALID_SECURITY_TOKEN,
    MESSAGE_EXPIRED,
    SoapFault,
)
from sandbox.dmp.xmlsig import STRICT, Policy, SignatureError, verify_enveloped
from sandbox.xml import children, q, text_of

LIFETIME: Final = timedelta(seconds=vihf.TOKEN_LIFETIME_SECONDS)
SESSION_LIMIT: Final = timedelta(hours=24)
"""Oldest authentication of the user in the source system that is taken for a session still open."""

_ID = re.compile(r"_[A-Za-z0-9._-]{8,80}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_CX = re.compile(r"(\d{12}[0-9A-Z]{3}|[0-9A-Z]{15})\^\^\^&([\d.]+)&ISO\^NH")
_NAME_ID = re.compile(r"8\d{11}|0\d{9}|[1346]\w{9,14}/[\w.-]{1,40}|4\d{9}/[\w.-]{1,40}|5\d{14}/[\w.-]{1,40}")
_RPPS_NAME_ID = re.compile(r"8\d{11}")
_STRUCTURE = re.compile(r"1[0-9A-Z]{9}|2\d{9}|3\d{14}|4\d{11,15}")
_SECTOR = re.compile(r"(SA\d{2})\^" + re.escape(vihf.OID_SECTOR))
_PROFESSION = re.compile(r"\d{2}")
_SECTION = re.compile(r"[A-EGHM][A-EGHM]?")
_KNOW_HOW = re.compile(r"(SM|SCD|SI|C|CAPA|CEX|PAC)\d{2,3}")

_REQUIRED: Final = (
    vihf.ATTR_VERSION,
    vihf.ATTR_STRUCTURE,
    vihf.ATTR_SECTOR,
    vihf.ATTR_SUBJECT_ID,
    vihf.ATTR_ROLE,
    vihf.ATTR_RESOURCE_URN,
    vihf.ATTR_PURPOSE_OF_USE,
    vihf.ATTR_LPS_NAME,
    vihf.ATTR_LPS_VERSION,
    vihf.ATTR_LPS_HOMOLOGATION,
)
_AUTHENTICATIONS: Final = frozenset(
    {
        vihf.AC_PASSWORD,
        vihf.AC_PASSWORD_PROTECTED,
        vihf.AC_TLS_CLIENT,
        vihf.AC_SMARTCARD_PKI,
        vihf.AC_MOBILE_TWO_FACTOR,
        vihf.AC_TIME_SYNC_TOKEN,
        vihf.AC_UNSPECIFIED,
    }
)
_PURPOSES: Final = {
    code for code, _ in (vihf.PURPOSE_NORMAL, vihf.PURPOSE_BREAK_GLASS, vihf.PURPOSE_CENTRE_15)
}
SPECIALTY_MISSING_TEXT: Final = (
    "Aucune spécialité dans le vihf. Spécialité obligatoire pour les Médecins et les Pharmaciens"
)


@dataclass(frozen=True, slots=True)
class Role:
    """A value of the role attribute."""

    code: str
    system: str


@dataclass(frozen=True, slots=True)
class Vihf:
    """A valid token: who asks, for which structure, about which patient, why."""

    assertion_id: str
    mode: str
    name_id: str
    subject: str
    structure: str
    sector: str
    roles: tuple[Role, ...]
    purpose: str
    matricule: str
    ins_oid: str
    secret_connection: bool
    software: str

    @property
    def is_indirect(self) -> bool:
        return self.mode == vihf.MODE_INDIRECT

    @property
    def resource_id(self) -> str:
        return f"{self.matricule}^^^&{self.ins_oid}&ISO^NH"


class ReplayGuard:
    """Remembers the identifiers of tokens as long as such a token may be valid."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def accept(self, identifier: str, now: datetime) -> bool:
        """False when the identifier was seen before."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - 4 * LIFETIME:
                self._seen.popitem(last=False)
            if identifier in self._seen:
                return False
            self._seen[identifier] = now
            return True


@dataclass(frozen=True, slots=True)
class VihfChecker:
    """What a token is checked against: the authority, the structures known, the tokens already used."""

    authority: x509.Certificate
    entities: tuple[LegalEntity, ...]
    replay: ReplayGuard
    policy: Policy = STRICT

    def check(self, assertion: etree._Element, line_certificate: bytes, now: datetime) -> Vihf:
        """Read a valid token. SoapFault for the first rule that is broken.

        `line_certificate` is the DER client certificate of the TLS line.
        """
        identifier = assertion.get("ID", "")
        if assertion.get("Version") != vihf.SAML_VERSION or not _ID.fullmatch(identifier):
            raise _invalid("an assertion has Version 2.0 and an ID that begins with _")
        _check_structure_of(assertion)
        line = x509.load_der_x509_certificate(line_certificate)
        self._check_signature(assertion, identifier, line, now)
        _check_life(assertion.get("IssueInstant", ""), now)
        if not self.replay.accept(identifier, now):
            raise _invalid("the assertion was already used")
        vihf_read = _read(assertion, identifier, now)
        self._check_entity(vihf_read, line)
        return vihf_read

    def _check_signature(
        self, assertion: etree._Element, identifier: str, line: x509.Certificate, now: datetime
    ) -> None:
        try:
            certificate = verify_enveloped(assertion, identifier, self.policy)
        except SignatureError as error:
            raise SoapFault(f"signature of the assertion: {error}", subcode=FAILED_CHECK) from error
        check_seal(certificate, self.authority, now)
        if certificate == line:
            raise _bad_certificate("the assertion is signed with the certificate of the line")
        if _structure_of(certificate) != _structure_of(line):
            raise _bad_certificate("seal and line are not of one structure")
        issuer = assertion.find(q(vihf.NS_SAML, "Issuer"))
        if issuer.get("Format") != vihf.ISSUER_FORMAT_X509:
            raise _invalid("the format of Issuer is not X509SubjectName")
        if (issuer.text or "") != certificate.subject.rfc4514_string():
            raise _invalid("Issuer is not the subject of the signing certificate")

    def _check_entity(self, token: Vihf, line: x509.Certificate) -> None:
        """The structure named must be that of the certificates, or one of its sites."""
        owner = _structure_of(line)
        entity = next((entity for entity in self.entities if entity.struct_idnat == owner), None)
        allowed = entity.structures if entity is not None else frozenset({owner})
        if token.structure not in allowed:
            raise _invalid("structure not found, inactive, or not that of the certificate")


def check_seal(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> None:
    """A signing certificate of the structure: issued by the authority, valid now, made to sign
    (EX_GEN-1450).
    """
    if not is_issued_by(certificate, authority):
        raise _bad_certificate("the signing certificate is not issued by a known authority")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _bad_certificate("the signing certificate is not valid now")
    if not _is_made_to_sign(certificate):
        raise _bad_certificate("certificate is not a signature certificate")


def _is_made_to_sign(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    try:
        extended = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        extended = []
    return usage.content_commitment and ExtendedKeyUsageOID.CLIENT_AUTH not in extended


def _structure_of(certificate: x509.Certificate) -> str:
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return str(units[0].value) if units else ""


def _invalid(text: str) -> SoapFault:
    return SoapFault(text, subcode=INVALID_SECURITY_TOKEN)


def _bad_certificate(text: str) -> SoapFault:
    return SoapFault(text, subcode=xds.DMP_INVALID_CERTIFICATE)


def _check_structure_of(assertion: etree._Element) -> None:
    """Order of the schema; no audience, no encrypted part."""
    names = [etree.QName(child).localname for child in children(assertion)]
    with_conditions = ["Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"]
    if names not in (with_conditions, [name for name in with_conditions if name != "Conditions"]):
        raise _invalid("Issuer, Signature, Subject, Conditions?, AuthnStatement, AttributeStatement expected")
    if assertion.find(f".//{q(vihf.NS_SAML, 'AudienceRestriction')}") is not None:
        raise _invalid("AudienceRestriction must not be sent")


def _check_life(text: str, now: datetime) -> None:
    if not _INSTANT.fullmatch(text):
        raise _invalid("IssueInstant is UTC with milliseconds")
    issued = datetime.fromisoformat(text)
    if issued > now + LIFETIME:
        raise SoapFault("the assertion is issued in the future", subcode=MESSAGE_EXPIRED)
    if issued + LIFETIME < now:
        raise SoapFault("the assertion is older than 30 seconds", subcode=MESSAGE_EXPIRED)


def _read(assertion: etree._Element, identifier: str, now: datetime) -> Vihf:
    attributes = _attributes(assertion)
    for name in _REQUIRED:
        if name not in attributes:
            raise _invalid(f"attribute {name} is missing")
    mode = _mode(attributes)
    name_id = text_of(assertion.find(f"{q(vihf.NS_SAML, 'Subject')}/{q(vihf.NS_SAML, 'NameID')}"))
    if not _NAME_ID.fullmatch(name_id):
        raise _invalid("NameID is not a national identifier of a person")
    _check_authentication(assertion, mode, name_id, now)
    matricule, oid = _patient(attributes)
    return Vihf(
        assertion_id=identifier,
        mode=mode,
        name_id=name_id,
        subject=_single(attributes, vihf.ATTR_SUBJECT_ID),
        structure=_matching(attributes, vihf.ATTR_STRUCTURE, _STRUCTURE).group(),
        sector=_sector(attributes),
        roles=_roles(attributes[vihf.ATTR_ROLE]),
        purpose=_purpose(attributes),
        matricule=matricule,
        ins_oid=oid,
        secret_connection=_is_secret(attributes),
        software=_software(attributes),
    )


def _attributes(assertion: etree._Element) -> dict[str, list[etree._Element]]:
    statement = assertion.find(q(vihf.NS_SAML, "AttributeStatement"))
    found: dict[str, list[etree._Element]] = {}
    for attribute in statement.findall(q(vihf.NS_SAML, "Attribute")):
        name = attribute.get("Name", "")
        if name in found:
            raise _invalid(f"attribute {name} is repeated")
        found[name] = attribute.findall(q(vihf.NS_SAML, "AttributeValue"))
    return found


def _single(attributes: dict[str, list[etree._Element]], name: str) -> str:
    values = attributes[name]
    text = text_of(values[0]) if len(values) == 1 else ""
    if not text:
        raise _invalid(f"attribute {name} holds one value")
    return text


def _matching(
    attributes: dict[str, list[etree._Element]], name: str, pattern: re.Pattern[str]
) -> re.Match[str]:
    found = pattern.fullmatch(_single(attributes, name))
    if found is None:
        raise _invalid(f"attribute {name} is not of the expected form")
    return found


def _mode(attributes: dict[str, list[etree._Element]]) -> str:
    names = [name for name in (vihf.ATTR_AUTH_MODE, vihf.ATTR_AUTH_MODE_ALTERNATIVE) if name in attributes]
    if len(names) != 1:
        raise _invalid("one authentication mode is expected")
    mode = _single(attributes, names[0])
    if mode not in (vihf.MODE_INDIRECT, vihf.MODE_INDIRECT_REINFORCED):
        raise _invalid(f"authentication mode {mode} is not possible with a structure certificate")
    if _single(attributes, vihf.ATTR_VERSION) not in (vihf.VIHF_VERSION_3, vihf.VIHF_VERSION_4):
        raise _invalid("version of the VIHF unknown")
    if _single(attributes, vihf.ATTR_RESOURCE_URN) != vihf.RESOURCE_URN_DMP:
        raise _invalid("Ressource_URN is not that of the DMP")
    return mode


def _check_authentication(assertion: etree._Element, mode: str, name_id: str, now: datetime) -> None:
    """How and when the user logged in locally; AIR simplifié declares its one method (EX_AIR-050)."""
    statement = assertion.find(q(vihf.NS_SAML, "AuthnStatement"))
    try:
        instant = datetime.fromisoformat(statement.get("AuthnInstant", ""))
    except ValueError as error:
        raise _invalid("AuthnInstant is not an instant") from error
    if instant.tzinfo is None or instant > now + LIFETIME or instant < now - SESSION_LIMIT:
        raise _invalid("AuthnInstant is not that of an open session")
    context = statement.find(q(vihf.NS_SAML, "AuthnContext"))
    method = text_of(context.find(q(vihf.NS_SAML, "AuthnContextClassRef"))) if context is not None else ""
    if method not in _AUTHENTICATIONS:
        raise _invalid("AuthnContextClassRef is unknown")
    declared = context.find(q(vihf.NS_SAML, "AuthnContextDecl"))
    if mode == vihf.MODE_INDIRECT:
        if declared is not None:
            raise _invalid("AuthnContextDecl does not belong to the indirect mode")
    elif text_of(declared) != vihf.AIR_SIMPLIFIED_DECLARATION:
        raise _invalid("AIR simplifié declares CONF_EXI_PGSSIS")
    elif not _RPPS_NAME_ID.fullmatch(name_id):
        raise _invalid("AIR simplifié needs the RPPS of the professional")


def _sector(attributes: dict[str, list[etree._Element]]) -> str:
    sector = _matching(attributes, vihf.ATTR_SECTOR, _SECTOR).group(1)
    if (sector, vihf.OID_SECTOR) not in value_sets.facility_types():
        raise _invalid("Secteur_Activite is unknown")
    return sector


def _patient(attributes: dict[str, list[etree._Element]]) -> tuple[str, str]:
    if vihf.ATTR_RESOURCE_ID not in attributes:
        return "", ""
    found = _matching(attributes, vihf.ATTR_RESOURCE_ID, _CX)
    if found[2] not in ins_codes.INS_OIDS:
        raise _invalid("resource-id is not an INS")
    return found[1], found[2]


def _coded(value: etree._Element, name: str) -> tuple[str, str]:
    """Code and system of an HL7 V3 element inside an attribute value."""
    parts = children(value)
    if [part.tag for part in parts] != [q(vihf.NS_HL7_V3, name)]:
        raise _invalid(f"an attribute holds one {name} of HL7 V3")
    element = parts[0]
    kind = element.get(q(vihf.NS_XSI, "type"), "")
    if kind.rpartition(":")[2] != "CE" or not element.get("displayName"):
        raise _invalid(f"{name} is a CE with its label")
    return element.get("code", ""), element.get("codeSystem", "")


def _roles(values: list[etree._Element]) -> tuple[Role, ...]:
    roles = tuple(Role(*_coded(value, "Role")) for value in values)
    if not 1 <= len(roles) <= 2:
        raise _invalid("the role attribute holds one or two values")
    profession = roles[0]
    if profession.system == vihf.OID_ROLE_NON_PS:
        if profession.code != vihf.ROLE_AUTOMATE or len(roles) > 1:
            raise _invalid("role unknown")
        return roles
    if profession.system != vihf.OID_PROFESSION or not _PROFESSION.fullmatch(profession.code):
        raise _invalid("profession unknown")
    if profession.code in vihf.PROFESSIONS_WITH_SECOND_ROLE and len(roles) < 2:
        raise _invalid(SPECIALTY_MISSING_TEXT)
    if profession.code == vihf.PROFESSION_PHYSICIAN and not (
        roles[1].system == vihf.OID_SPECIALTY_RPPS and _KNOW_HOW.fullmatch(roles[1].code)
    ):
        raise _invalid("specialty unknown")
    if profession.code == vihf.PROFESSION_PHARMACIST and not (
        roles[1].system == vihf.OID_PHARMACIST_SECTION and _SECTION.fullmatch(roles[1].code)
    ):
        raise _invalid("section of the order of pharmacists unknown")
    return roles


def _purpose(attributes: dict[str, list[etree._Element]]) -> str:
    values = attributes[vihf.ATTR_PURPOSE_OF_USE]
    if len(values) != 1:
        raise _invalid("one purpose of use is expected")
    code, system = _coded(values[0], "PurposeOfUse")
    if code not in _PURPOSES or system != vihf.OID_ACCESS_MODE:
        raise _invalid("purpose of use unknown")
    has_reason = vihf.ATTR_ACCESS_REASON in attributes
    if has_reason != (code == vihf.PURPOSE_BREAK_GLASS[0]):
        raise _invalid("Mode_Acces_Raison goes with bris de glace, and only with it")
    if has_reason:
        _single(attributes, vihf.ATTR_ACCESS_REASON)
    return code


def _is_secret(attributes: dict[str, list[etree._Element]]) -> bool:
    values = attributes.get(vihf.ATTR_CONFIDENTIALITY)
    if values is None:
        return False
    content = "".join("".join(value.itertext()) for value in values)
    attribute_codes = {
        element.get("code") for value in values for element in value.iter() if element is not value
    }
    if vihf.SECRET_CONNECTION_CODE not in {content.strip(), *attribute_codes}:
        raise _invalid("confidentiality-code unknown")
    return True


def _software(attributes: dict[str, list[etree._Element]]) -> str:
    _single(attributes, vihf.ATTR_LPS_HOMOLOGATION)
    return f"{_single(attributes, vihf.ATTR_LPS_NAME)} {_single(attributes, vihf.ATTR_LPS_VERSION)}"
