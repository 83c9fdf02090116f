"""Building and signing a VIHF.

Source: spec dmp 2.1, 2.2, 2.5 (structure, order of the attributes and spelling of the official example
messages). What the national server may still change is in `VihfProfile`, so that it can be a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from interop.seal import Seal
from interop.vihf import codes
from interop.vihf.claims import PURPOSE_LABELS, AuthenticationMode, Role, VihfClaims
from interop.xml import xml_text

_XSI_TYPE = f"{{{codes.NS_XSI}}}type"
_NSMAP = {"saml2": codes.NS_SAML, "xsi": codes.NS_XSI, "xs": codes.NS_XS}


_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class VihfProfile:
    """Spellings that differ between the national sources (spec dmp 2, 9, 12).

    `purpose_codes` says otherwise the purposes that it names; `role_system_names` gives, by OID, the name of
    a system of roles. `is_sha1` signs as the published examples of 2019 and 2020 do.
    """

    version: str = codes.VIHF_VERSION_3
    mode_attribute: str = codes.ATTR_AUTH_MODE
    secret_connection_code: str = codes.SECRET_CONNECTION_CODE
    purpose_system_name: str = codes.ACCESS_MODE_SYSTEM_NAME
    declaration_element: str = codes.DECLARATION_ELEMENT
    air_mode: str = codes.MODE_INDIRECT_REINFORCED
    purpose_codes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    role_system_names: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    is_sha1: bool = False


DEFAULT_PROFILE = VihfProfile()


def build_vihf(
    claims: VihfClaims,
    *,
    issuer: str,
    issue_instant: datetime,
    assertion_id: str,
    profile: VihfProfile = DEFAULT_PROFILE,
) -> etree._Element:
    """Return the unsigned assertion.

    `issuer` is the RFC 2253 name of the signing certificate (`Seal.subject`); `assertion_id` is an NCName,
    new for each call: a VIHF is used once (EX_AIR-040). `issue_instant` has a time zone.
    """
    assertion = etree.Element(_saml("Assertion"), nsmap=_NSMAP)
    assertion.set("ID", assertion_id)
    assertion.set("IssueInstant", _instant(issue_instant))
    assertion.set("Version", codes.SAML_VERSION)
    _text(assertion, "Issuer", issuer).set("Format", codes.ISSUER_FORMAT_X509)
    _text(_child(assertion, "Subject"), "NameID", claims.name_id)
    statement = _child(assertion, "AuthnStatement")
    statement.set("AuthnInstant", _instant(claims.authenticated_at))
    context = _child(statement, "AuthnContext")
    _text(context, "AuthnContextClassRef", claims.authentication_class)
    if claims.mode is AuthenticationMode.AIR:
        _text(context, profile.declaration_element, claims.authentication_declaration)
    _add_attributes(_child(assertion, "AttributeStatement"), claims, profile)
    return assertion


class _OldSigner(XMLSigner):
    """A signer that may be asked for SHA-1, which a server of before 2024 may still want."""

    def check_deprecated_methods(self) -> None:
        """Allow it: the setting is off by default (spec dmp 2.5)."""


def sign_vihf(assertion: etree._Element, seal: Seal, *, profile: VihfProfile = DEFAULT_PROFILE) -> bytes:
    """Sign an assertion and return the exact bytes to put into the envelope.

    Enveloped signature right after the issuer, exclusive canonical XML, RSA and SHA-256 unless the profile
    says otherwise. Nothing may re-serialise the bytes afterwards.
    """
    placeholder = etree.Element(f"{{{codes.NS_DS}}}Signature", Id="placeholder", nsmap={"ds": codes.NS_DS})
    assertion.insert(1, placeholder)
    signer = (_OldSigner if profile.is_sha1 else XMLSigner)(
        signature_algorithm=SignatureMethod.RSA_SHA1 if profile.is_sha1 else SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA1 if profile.is_sha1 else DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(
        assertion,
        key=seal.key,
        cert=[seal.certificate],
        reference_uri="#" + assertion.get("ID", ""),
        id_attribute="ID",
    )
    return bytes(etree.tostring(signed, encoding="UTF-8", xml_declaration=False))


def _add_attributes(statement: etree._Element, claims: VihfClaims, profile: VihfProfile) -> None:
    software = claims.software
    _attribute(statement, codes.ATTR_STRUCTURE, claims.structure)
    _attribute(statement, codes.ATTR_SECTOR, f"{claims.sector}^{codes.OID_SECTOR}")
    _attribute(statement, codes.ATTR_SUBJECT_ID, claims.subject)
    _add_roles(statement, claims.roles, profile)
    _attribute(statement, codes.ATTR_VERSION, profile.version)
    is_air = claims.mode is AuthenticationMode.AIR
    _attribute(statement, profile.mode_attribute, profile.air_mode if is_air else claims.mode.value)
    if claims.patient is not None:
        _attribute(statement, codes.ATTR_RESOURCE_ID, claims.patient.resource_id)
    _attribute(statement, codes.ATTR_RESOURCE_URN, codes.RESOURCE_URN_DMP)
    _add_purpose(statement, claims, profile)
    if claims.secret_connection:
        _attribute(statement, codes.ATTR_CONFIDENTIALITY, profile.secret_connection_code)
    if claims.access_reason:
        _attribute(statement, codes.ATTR_ACCESS_REASON, claims.access_reason)
    if software.installation:
        _attribute(statement, codes.ATTR_LPS_ID, software.installation)
    _attribute(statement, codes.ATTR_LPS_NAME, software.name)
    _attribute(statement, codes.ATTR_LPS_VERSION, software.version)
    _attribute(statement, codes.ATTR_LPS_HOMOLOGATION, software.homologation)


def _add_roles(statement: etree._Element, roles: tuple[Role, ...], profile: VihfProfile) -> None:
    """One attribute, one value per role: two attributes are refused by the server (spec dmp 2.3)."""
    attribute = _named(statement, codes.ATTR_ROLE)
    for role in roles:
        system_name = profile.role_system_names.get(role.system, role.system_name)
        _coded(attribute, "Role", role.code, role.system, system_name, role.label)


def _add_purpose(statement: etree._Element, claims: VihfClaims, profile: VihfProfile) -> None:
    _coded(
        _named(statement, codes.ATTR_PURPOSE_OF_USE),
        "PurposeOfUse",
        profile.purpose_codes.get(claims.purpose.value, claims.purpose.value),
        codes.OID_ACCESS_MODE,
        profile.purpose_system_name,
        PURPOSE_LABELS[claims.purpose.value],
    )


def _coded(
    attribute: etree._Element, name: str, code: str, system: str, system_name: str, label: str
) -> None:
    value = _child(attribute, "AttributeValue")
    element = etree.SubElement(value, f"{{{codes.NS_HL7_V3}}}{name}", nsmap={None: codes.NS_HL7_V3})
    element.set(_XSI_TYPE, "CE")
    element.set("code", code)
    element.set("codeSystem", system)
    if system_name:
        element.set("codeSystemName", system_name)
    if label:
        element.set("displayName", label)


def _attribute(statement: etree._Element, name: str, text: str) -> None:
    value = _text(_named(statement, name), "AttributeValue", text)
    value.set(_XSI_TYPE, "xs:string")


def _named(statement: etree._Element, name: str) -> etree._Element:
    attribute = _child(statement, "Attribute")
    attribute.set("Name", name)
    return attribute


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, _saml(name))


def _text(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = _child(parent, name)
    element.text = xml_text(text)
    return element


def _saml(name: str) -> str:
    return f"{{{codes.NS_SAML}}}{name}"


def _instant(instant: datetime) -> str:
    """UTC with milliseconds, as the official examples."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
