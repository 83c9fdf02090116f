"""TD0.2: does this patient have a DMP, and may this professional consult it? (HL7 V3 PRPA_IN201307UV02).

Sources: spec dmp 1.4, official DMP example of TD0.2. The caller is named by the VIHF, never here. Reading is
tolerant of what the server may add or leave out; where a closure is told is not published, so it is looked
for where the same server writes it in a request of closure (TD1.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from interop.dmp import codes
from interop.soap.errors import SoapError
from interop.xds.times import dtm_from_instant
from interop.xml import xml_text

_NIL = f"{{{codes.NS_XSI}}}nil"
_MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class ExistenceQuery:
    """The question. `matricule` and `oid` are the INS, the same as in the VIHF.

    `software_oid` is the OID of the software (or of the installation) as sender; `message_id` and
    `query_id` are UUIDs, new for each question; `at` has a time zone.
    """

    matricule: str
    oid: str
    software_name: str
    software_oid: str
    message_id: str
    query_id: str
    at: datetime
    processing: str = codes.PROCESSING_PRODUCTION


@dataclass(frozen=True, slots=True)
class ExistenceAnswer:
    """The answer, in the words of the server.

    `found` tells that a DMP exists, `status` its state (`active`, `terminated`), `authorisation` the code
    of the authorisation of the caller. `error_code` is set when the question itself was refused (AE, AR):
    the other fields mean nothing then. Booleans are None where nothing is said. Traits are not read: they
    must not be displayed (RG_0320).
    """

    found: bool = False
    status: str = ""
    authorisation: str = ""
    is_treating_physician: bool | None = None
    is_attached: bool | None = None
    has_account: bool | None = None
    closed_on: str = ""
    closing_code: str = ""
    closing_text: str = ""
    error_code: str = ""
    error_text: str = ""

    @property
    def closing_reason(self) -> str:
        """Code and text of the closure, as one line."""
        parts = [self.closing_code]
        if self.closing_text != self.closing_code:
            parts.append(self.closing_text)
        return " ".join(part for part in parts if part)


def build_existence_query(query: ExistenceQuery) -> etree._Element:
    """Return the body of the request, elements in the order of the schema."""
    root = etree.Element(_v3(codes.INTERACTION_TD02), nsmap={None: codes.NS_HL7_V3, "xsi": codes.NS_XSI})
    root.set("ITSVersion", codes.ITS_VERSION)
    _add(root, "id", root=f"{query.software_oid}.{codes.MESSAGE_BRANCH}", extension=query.message_id)
    _add(root, "creationTime", value=dtm_from_instant(query.at))
    _add(root, "interactionId", root=codes.OID_HL7_INTERACTIONS, extension=codes.INTERACTION_TD02)
    _add(root, "processingCode", code=query.processing)
    _add(root, "processingModeCode", code=codes.PROCESSING_MODE)
    _add(root, "acceptAckCode", code=codes.ACCEPT_ALWAYS)
    _add_device(root, "receiver", "RCV", codes.OID_DMP_DEVICE, codes.DMP_DEVICE_NAME)
    _add_device(root, "sender", "SND", query.software_oid, query.software_name)
    _add(root, "attentionLine").set(_NIL, "true")
    act = _add(root, "controlActProcess", classCode="CACT", moodCode="EVN")
    _add(
        act,
        "reasonCode",
        code=codes.REASON_EXISTENCE,
        codeSystem=codes.OID_REASON,
        displayName=codes.REASON_EXISTENCE_LABEL,
    )
    by_parameter = _add(act, "queryByParameter")
    _add(by_parameter, "queryId", root=f"{query.software_oid}.{codes.QUERY_BRANCH}", extension=query.query_id)
    _add(by_parameter, "statusCode", code="new")
    parameters = _add(by_parameter, "parameterList")
    _add(parameters, "dataSource").set(_NIL, "true")
    patient = _add(parameters, "patientIdentifier")
    _add(patient, "value", root=query.oid, extension=query.matricule)
    _add(patient, "semanticsText").text = codes.PATIENT_SEMANTICS
    return root


def parse_existence_answer(element: etree._Element) -> ExistenceAnswer:
    """Read `PRPA_IN201308UV02`.

    Raises:
        SoapError: another element, or an answer that says neither that a DMP exists nor that none does.
    """
    if element.tag != _v3(codes.INTERACTION_TD02_RESPONSE):
        raise SoapError(f"{element.tag} instead of {codes.INTERACTION_TD02_RESPONSE}")
    acknowledgement = _find(element, "acknowledgement")
    if acknowledgement is None or acknowledgement.get("typeCode", "") != codes.ACK_ACCEPTED:
        return _refusal(acknowledgement)
    response = _attribute(element, "controlActProcess/queryAck/queryResponseCode", "code")
    if response not in (codes.QUERY_FOUND, codes.QUERY_NOT_FOUND):
        raise SoapError(f"queryResponseCode {response[:40]!r} is not known")
    event = _find(element, "controlActProcess/subject/registrationEvent")
    patient = None if event is None else _find(event, "subject1/patient")
    observations = _observations(patient)
    issue = _find(element, "controlActProcess/reasonOf/detectedIssueEvent")
    return ExistenceAnswer(
        found=response == codes.QUERY_FOUND,
        status="" if patient is None else _attribute(patient, "statusCode", "code"),
        authorisation=_attention(element, codes.KEYWORD_AUTHORISATION, "code"),
        is_treating_physician=_boolean(_attention(element, codes.KEYWORD_TREATING_PHYSICIAN, "value")),
        is_attached=_boolean(observations.get(codes.OBSERVATION_ENS, "")),
        has_account=_boolean(observations.get(codes.OBSERVATION_ACCOUNT, "")),
        closed_on=_closed_on(event, patient),
        closing_code="" if issue is None else _attribute(issue, "code", "code"),
        closing_text="" if issue is None else _text(issue, "text"),
    )


def _refusal(acknowledgement: etree._Element | None) -> ExistenceAnswer:
    """AE or AR: the code of the detail, or the kind of acknowledgement when it has none."""
    if acknowledgement is None:
        raise SoapError("an answer without acknowledgement")
    detail = _find(acknowledgement, "acknowledgementDetail")
    code = "" if detail is None else _attribute(detail, "code", "code")
    return ExistenceAnswer(
        error_code=code or acknowledgement.get("typeCode", "") or "AE",
        error_text="" if detail is None else _text(detail, "text"),
    )


def _attention(element: etree._Element, keyword: str, attribute: str) -> str:
    for line in element.iterfind(_v3("attentionLine")):
        if _attribute(line, "keyWordText", "code") == keyword:
            return _attribute(line, "value", attribute)
    return ""


def _observations(patient: etree._Element | None) -> dict[str, str]:
    """Administrative observations of the patient, by code."""
    if patient is None:
        return {}
    found = patient.iterfind(f"{_v3('subjectOf')}/{_v3('administrativeObservation')}")
    return {_attribute(item, "code", "code"): _attribute(item, "value", "value") for item in found}


def _closed_on(event: etree._Element | None, patient: etree._Element | None) -> str:
    """Date of a closure: not published, so the effective time of the patient, else of the event."""
    if patient is None or _attribute(patient, "statusCode", "code") != codes.DMP_TERMINATED:
        return ""
    for holder in (patient, event):
        if holder is not None:
            for path in ("effectiveTime/high", "effectiveTime"):
                value = _attribute(holder, path, "value")
                if value:
                    return value
    return ""


def _boolean(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, _v3(name))
    for key, value in attributes.items():
        element.set(key, value)
    return element


def _add_device(parent: etree._Element, name: str, kind: str, oid: str, label: str) -> None:
    device = _add(_add(parent, name, typeCode=kind), "device", classCode="DEV", determinerCode="INSTANCE")
    _add(device, "id", root=oid)
    _add(device, "softwareName").text = xml_text(label)


def _find(element: etree._Element, path: str) -> etree._Element | None:
    return element.find("/".join(_v3(step) for step in path.split("/")))


def _attribute(element: etree._Element, path: str, name: str) -> str:
    found = _find(element, path)
    return "" if found is None else str(found.get(name, ""))[:_MAX_TEXT]


def _text(element: etree._Element, path: str) -> str:
    found = _find(element, path)
    return "" if found is None else " ".join("".join(found.itertext()).split())[:_MAX_TEXT]


def _v3(name: str) -> str:
    return f"{{{codes.NS_HL7_V3}}}{name}"
