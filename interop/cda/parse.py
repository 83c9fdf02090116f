"""Read any CDA document: N1, N3, autoprésentable, recent or old (cda.md 1 to 6, 10.4).

Reading is strict about what identifies the document and its patient, tolerant about the rest:
received documents are often not conform (cda.md 12.4). `interop.cda.check` is for our own.
"""

import binascii
from base64 import b64decode
from typing import TypeVar

from lxml import etree

from interop.cda import codes
from interop.cda.datatypes import Id
from interop.cda.elements import CDA
from interop.cda.parse_patient import read_patient
from interop.cda.parsed import (
    BodyKind,
    ParsedAct,
    ParsedActor,
    ParsedBody,
    ParsedCda,
    ParsedEncounter,
    ParsedRelated,
)
from interop.cda.reading import (
    NS,
    many,
    one,
    read_actor,
    read_code,
    read_id,
    read_ids,
    read_optional_actor,
    read_organization,
    text_of,
    value_of,
)
from interop.cda.refusals import CdaRefusal, CdaRefused
from interop.xml import DOCUMENT_LIMITS, parse_xml

Value = TypeVar("Value")

_PDF_COPY = (
    f".//c:section[c:templateId/@root='{codes.TEMPLATE_PDF_COPY_SECTION.root}']"
    f"//c:observationMedia/c:value[@mediaType='{codes.PDF_MEDIA_TYPE}']"
)


def parse_cda(data: bytes) -> ParsedCda:
    """Read the bytes of a document.

    Raises:
        XmlRefused: not XML that we accept.
        CdaRefused: not a CDA document, or one whose header or body cannot be used.
    """
    return read_cda(parse_xml(data, limits=DOCUMENT_LIMITS))


def clinical_document(root: etree._Element) -> etree._Element:
    """Return the ClinicalDocument: the root, or the one inside the stylesheet that is the root.

    Raises:
        CdaRefused: there is none, or more than one.
    """
    if root.tag == f"{CDA}ClinicalDocument":
        return root
    if isinstance(root.tag, str) and root.tag.startswith(f"{{{codes.XSLT}}}"):
        inside = root.findall(".//c:ClinicalDocument", NS)
        if len(inside) == 1:
            return inside[0]
    raise CdaRefused(CdaRefusal.NOT_CDA, "Le fichier XML n'est pas un document CDA")


def read_cda(root: etree._Element) -> ParsedCda:
    """Read a document already parsed.

    Raises:
        CdaRefused: as `parse_cda`.
    """
    document = clinical_document(root)
    orders = many(document, "c:inFulfillmentOf/c:order")
    return ParsedCda(
        template_ids=read_ids(document, "c:templateId"),
        id=_required(read_id(one(document, "c:id")), "id"),
        set_id=read_id(one(document, "c:setId")),
        version_number=_integer(value_of(document, "c:versionNumber")),
        type=_required(read_code(one(document, "c:code")), "code"),
        title=text_of(one(document, "c:title")),
        effective_time=_required(value_of(document, "c:effectiveTime"), "effectiveTime"),
        confidentiality=read_code(one(document, "c:confidentialityCode")),
        language=value_of(document, "c:languageCode", "code"),
        patient=read_patient(document),
        authors=_actors(document, "c:author"),
        data_enterer=read_optional_actor(one(document, "c:dataEnterer")),
        custodian=read_organization(
            one(document, "c:custodian/c:assignedCustodian/c:representedCustodianOrganization")
        ),
        recipients=_actors(document, "c:informationRecipient"),
        legal_authenticator=read_optional_actor(one(document, "c:legalAuthenticator")),
        authenticators=_actors(document, "c:authenticator"),
        participants=_actors(document, "c:participant"),
        orders=tuple(found for order in orders for found in read_ids(order)),
        accession_numbers=_accession_numbers(orders),
        acts=tuple(_act(event) for event in many(document, "c:documentationOf/c:serviceEvent")),
        related=tuple(_related(element) for element in many(document, "c:relatedDocument")),
        encounter=_encounter(one(document, "c:componentOf/c:encompassingEncounter")),
        body=_body(document),
        is_self_presenting=document is not root,
    )


def _required(value: Value | None, name: str) -> Value:
    """Return what no document can do without."""
    if not value:
        raise CdaRefused(CdaRefusal.HEADER, f"L'en-tête CDA n'a pas d'élément {name} utilisable")
    return value


def _actors(document: etree._Element, path: str) -> tuple[ParsedActor, ...]:
    return tuple(read_actor(role) for role in many(document, path) if not role.get("nullFlavor"))


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _accession_numbers(orders: list[etree._Element]) -> tuple[Id, ...]:
    tag = f"{{{codes.DICOM_PS3_20}}}accessionNumber"
    found = (read_id(number) for order in orders for number in order.iterchildren(tag))
    return tuple(number for number in found if number is not None)


def _act(event: etree._Element) -> ParsedAct:
    period = one(event, "c:effectiveTime")
    code = one(event, "c:code")
    translations = (read_code(element) for element in many(code, "c:translation"))
    return ParsedAct(
        id=read_id(one(event, "c:id")),
        code=read_code(code),
        translations=tuple(translation for translation in translations if translation is not None),
        start=value_of(period, "c:low") or value_of(event, "c:effectiveTime"),
        end=value_of(period, "c:high"),
        performer=read_optional_actor(one(event, "c:performer")),
    )


def _related(element: etree._Element) -> ParsedRelated:
    parent = one(element, "c:parentDocument")
    return ParsedRelated(
        kind=element.get("typeCode") or "",
        id=read_id(one(parent, "c:id")),
        set_id=read_id(one(parent, "c:setId")),
        version_number=_integer(value_of(parent, "c:versionNumber")),
    )


def _encounter(element: etree._Element | None) -> ParsedEncounter | None:
    if element is None or element.get("nullFlavor"):
        return None
    facility = one(element, "c:location/c:healthCareFacility")
    return ParsedEncounter(
        ids=read_ids(element),
        code=read_code(one(element, "c:code")),
        start=value_of(element, "c:effectiveTime/c:low") or value_of(element, "c:effectiveTime"),
        end=value_of(element, "c:effectiveTime/c:high"),
        facility_type=read_code(one(facility, "c:code")),
        place_name=text_of(one(facility, "c:location/c:name")),
        responsible=read_optional_actor(one(element, "c:responsibleParty")),
    )


def _body(document: etree._Element) -> ParsedBody:
    structured = one(document, "c:component/c:structuredBody")
    if structured is not None:
        copies = structured.xpath(_PDF_COPY, namespaces=NS)
        content = _content(copies[0]) if copies else b""
        return ParsedBody(BodyKind.N3, codes.PDF_MEDIA_TYPE if content else "", content)
    text = one(document, "c:component/c:nonXMLBody/c:text")
    if text is None:
        raise CdaRefused(CdaRefusal.BODY, "Le document CDA n'a pas de corps")
    return ParsedBody(BodyKind.N1, text.get("mediaType") or "text/plain", _content(text))


def _content(element: etree._Element) -> bytes:
    text = "".join(element.itertext())
    if element.get("representation") != codes.BASE64:
        return text.encode()
    try:
        content = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise CdaRefused(CdaRefusal.BODY, "Le contenu en base 64 du document CDA est illisible") from None
    if not content:
        raise CdaRefused(CdaRefusal.BODY, "Le corps du document CDA est vide")
    return content
