"""Requests of a professional who consults, built by hand: retrieval and updates of ITI-57.

Written apart from the builders of the product, as `wire` is.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes

import httpx
from lxml import etree

from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.codes import OID_DMP_REPOSITORY
from tests.sandbox.wire import (
    ACTOR,
    INS,
    ROOT,
    Answer,
    Change,
    DmpClient,
    Element,
    author,
    coded,
    cx,
    identified,
    named,
    new_oid,
    nothing,
    q,
    slot,
    sub,
)

AIR = vihf.MODE_INDIRECT_REINFORCED
APPROVED = f"('{xds.STATUS_APPROVED}')"


def as_person(
    rpps: str = "",
    *,
    profession: str = "",
    purpose: tuple[str, str] = ("", ""),
    reason: str = "",
) -> Change:
    """A change of the assertion: another professional, another profession, another purpose."""

    def change(assertion: Element) -> None:
        if rpps:
            name = assertion.find(f".//{q(vihf.NS_SAML, 'NameID')}")
            assert name is not None
            name.text = rpps
        statement = assertion.find(q(vihf.NS_SAML, "AttributeStatement"))
        assert statement is not None
        for attribute in statement:
            if profession and attribute.get("Name") == vihf.ATTR_ROLE:
                attribute[0][0].set("code", profession)
                attribute.remove(attribute[1])
            if purpose[0] and attribute.get("Name") == vihf.ATTR_PURPOSE_OF_USE:
                attribute[0][0].set("code", purpose[0])
                attribute[0][0].set("displayName", purpose[1])
        if reason:
            element = sub(statement, vihf.NS_SAML, "Attribute", Name=vihf.ATTR_ACCESS_REASON)
            sub(element, vihf.NS_SAML, "AttributeValue", reason)

    return change


BREAK_GLASS = as_person(purpose=vihf.PURPOSE_BREAK_GLASS, reason="patient inconscient")
CENTRE_15 = as_person(purpose=vihf.PURPOSE_CENTRE_15)


def find_documents(
    hospital: DmpClient, ins: tuple[str, str] = INS, *, change: Change = nothing, **more: str
) -> Answer:
    slots = {xds.PARAM_PATIENT_ID: f"'{cx(ins)}'", xds.PARAM_STATUS: APPROVED}
    return hospital.query(xds.QUERY_FIND_DOCUMENTS, slots | more, ins=ins, change=change)


def entry_of(hospital: DmpClient, unique_id: str, ins: tuple[str, str] = INS) -> Element:
    """The ExtrinsicObject of a document, as the registry returns it."""
    slots = {xds.PARAM_UNIQUE_ID: f"('{unique_id}')"}
    answer = hospital.query(xds.QUERY_GET_DOCUMENTS, slots, ins=ins)
    (entry,) = answer.entries
    return entry


# TD3.2


@dataclass(frozen=True)
class Parts:
    """A multipart answer taken apart by the standard library: envelope, and parts by Content-ID."""

    http: httpx.Response
    answer: Answer
    parts: dict[str, bytes]


def post_retrieval(
    hospital: DmpClient,
    unique_ids: Sequence[str],
    *,
    ins: tuple[str, str] = INS,
    repository: str = OID_DMP_REPOSITORY,
    mode: str = AIR,
    change: Change = nothing,
) -> httpx.Response:
    body = etree.Element(q(xds.NS_XDSB, "RetrieveDocumentSetRequest"), nsmap={None: xds.NS_XDSB})
    for unique_id in unique_ids:
        item = sub(body, xds.NS_XDSB, "DocumentRequest")
        sub(item, xds.NS_XDSB, "RepositoryUniqueId", repository)
        sub(item, xds.NS_XDSB, "DocumentUniqueId", unique_id)
    return hospital.post("repository_url", body, xds.ACTION_ITI43, mode=mode, ins=ins, change=change)


def retrieve(hospital: DmpClient, unique_ids: Sequence[str], **options: object) -> Parts:
    response = post_retrieval(hospital, unique_ids, **options)  # type: ignore[arg-type]  # keywords of a test
    header = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(header + response.content)
    found: dict[str, bytes] = {}
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            found[part.get("Content-ID", "").strip("<>")] = content
    envelope = next(content for name, content in found.items() if name.startswith("root."))
    others = {name: content for name, content in found.items() if not name.startswith("root.")}
    return Parts(response, Answer(response, etree.fromstring(envelope)), others)  # noqa: S320 - the sandbox


# TD3.3


def lot(listing: Element, *, actor: str = ACTOR, ins: tuple[str, str] = INS, unique_id: str = "") -> Element:
    element = sub(listing, xds.NS_RIM, "RegistryPackage", id="SubmissionSet01")
    slot(element, xds.SLOT_SUBMISSION_TIME, datetime.now(UTC).strftime("%Y%m%d%H%M%S"))
    named(element, "Changement de visibilité")
    author(element, xds.SCHEME_SET_AUTHOR, actor)
    coded(element, xds.SCHEME_SET_CONTENT_TYPE, "03", xds.OID_CONTENT_TYPE, "Hospitalisation")
    sub(
        element,
        xds.NS_RIM,
        "Classification",
        id="node",
        classifiedObject="SubmissionSet01",
        classificationNode=xds.NODE_SUBMISSION_SET,
    )
    identified(element, xds.IDENTIFIER_SET_PATIENT, xds.NAME_SET_PATIENT, cx(ins))
    identified(element, xds.IDENTIFIER_SET_SOURCE, xds.NAME_SET_SOURCE, f"{ROOT}.8")
    identified(element, xds.IDENTIFIER_SET_UNIQUE, xds.NAME_SET_UNIQUE, unique_id or new_oid(3))
    return element


def association(listing: Element, kind: str, target: str, **slots: str) -> Element:
    element = sub(
        listing,
        xds.NS_RIM,
        "Association",
        id="a1",
        objectType=xds.TYPE_ASSOCIATION,
        associationType=kind,
        sourceObject="SubmissionSet01",
        targetObject=target,
    )
    for name, value in slots.items():
        slot(element, name, value)
    return element


def send_update(
    hospital: DmpClient,
    listing: Element,
    *,
    ins: tuple[str, str] = INS,
    mode: str = AIR,
    change: Change = nothing,
) -> Answer:
    body = etree.Element(q(xds.NS_LCM, "SubmitObjectsRequest"), nsmap={"lcm": xds.NS_LCM})
    body.append(listing)
    return hospital.call("registry_url", body, xds.ACTION_ITI57, mode=mode, ins=ins, change=change)


def set_status(
    hospital: DmpClient,
    uuid: str,
    new: str,
    *,
    original: str = xds.STATUS_APPROVED,
    mode: str = AIR,
    ins: tuple[str, str] = INS,
    change: Change = nothing,
    actor: str = ACTOR,
) -> Answer:
    listing = etree.Element(q(xds.NS_RIM, "RegistryObjectList"), nsmap={None: xds.NS_RIM})
    lot(listing, ins=ins, actor=actor)
    slots = {xds.SLOT_ORIGINAL_STATUS: original, xds.SLOT_NEW_STATUS: new}
    association(listing, xds.ASSOCIATION_UPDATE_STATUS, uuid, **slots)
    return send_update(hospital, listing, mode=mode, ins=ins, change=change)


def set_confidentiality(
    hospital: DmpClient,
    entry: Element,
    *restrictions: str,
    previous: str = "",
    ins: tuple[str, str] = INS,
    mode: str = AIR,
    change: Change = nothing,
    actor: str = ACTOR,
    spoil: Change = nothing,
) -> Answer:
    """TD3.3a or b: the object as it was read, with these restrictions."""
    sent = copy.deepcopy(entry)
    sent.set("id", "Document01")
    for item in list(sent):
        if item.get("classificationScheme") == xds.SCHEME_CONFIDENTIALITY_CODE:
            sent.remove(item)
        for name in ("classifiedObject", "registryObject"):
            if item.get(name):
                item.set(name, "Document01")
    coded(sent, xds.SCHEME_CONFIDENTIALITY_CODE, "N", xds.OID_CONFIDENTIALITY_HL7, "Normal")
    for code in restrictions:
        label = xds.VISIBILITY_LABELS[code]
        coded(sent, xds.SCHEME_CONFIDENTIALITY_CODE, code, xds.OID_VISIBILITY, label)
    order = ["Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier"]
    sent[:] = sorted(sent, key=lambda item: order.index(etree.QName(item).localname))
    spoil(sent)
    version = sent.find(q(xds.NS_RIM, "VersionInfo"))
    assert version is not None
    listing = etree.Element(q(xds.NS_RIM, "RegistryObjectList"), nsmap={None: xds.NS_RIM})
    lot(listing, ins=ins, actor=actor)
    listing.append(sent)
    slots = {
        xds.SLOT_SUBMISSION_SET_STATUS: xds.SUBMISSION_SET_ORIGINAL,
        xds.SLOT_PREVIOUS_VERSION: previous or version.get("versionName", ""),
    }
    association(listing, xds.ASSOCIATION_HAS_MEMBER, "Document01", **slots)
    return send_update(hospital, listing, mode=mode, ins=ins, change=change)
