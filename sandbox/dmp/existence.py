"""TD0.2 (existence of a DMP, authorisation of the caller) and TD0.3 (set or remove that authorisation).

Sources: HL7 V3 PRPA_IN201307UV02 and 308 as used by the DMP, service `habilitations`. The words of the
three states other than VALIDE are recalled, not published: the product maps them by a setting.
"""

import uuid
from datetime import datetime
from typing import Final

from lxml import etree

from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox import codes
from sandbox.demo import DmpState, Patient
from sandbox.dmp.errors import SoapFault
from sandbox.dmp.registry import Registry
from sandbox.dmp.vihf import Vihf
from sandbox.xml import q, text_of

EXISTENCE_TAG: Final = q(vihf.NS_HL7_V3, codes.INTERACTION_TD02)
AUTHORISATION_TAG: Final = q(codes.NS_AUTHORISATIONS, "setAuthorization")
STATUS_WORDS: Final = {
    "valid": codes.AUTHORISATION_VALID,
    "expired": codes.AUTHORISATION_EXPIRED,
    "blocked": codes.AUTHORISATION_BLOCKED,
    "none": codes.AUTHORISATION_NONE,
}


def _h(name: str) -> str:
    return q(vihf.NS_HL7_V3, name)


def answer_existence(body: etree._Element, token: Vihf, registry: Registry, now: datetime) -> etree._Element:
    """Answer of TD0.2 for the patient of the token."""
    _check_request(body, token)
    ins = (token.matricule, token.ins_oid)
    patient = registry.patient(ins)
    answer = etree.Element(
        _h(codes.INTERACTION_TD02_RESPONSE), nsmap={None: vihf.NS_HL7_V3, "xsi": vihf.NS_XSI}
    )
    answer.set("ITSVersion", "XML_1.0")
    _add(answer, "id", root=codes.OID_DMP_DEVICE, extension=str(uuid.uuid4()))
    _add(answer, "creationTime", value=now.strftime("%Y%m%d%H%M%S"))
    _add(
        answer,
        "interactionId",
        root=codes.OID_HL7_INTERACTIONS,
        extension=codes.INTERACTION_TD02_RESPONSE,
    )
    acknowledgement = _add(answer, "acknowledgement", typeCode="AA")
    request = body.find(_h("id"))
    target = _add(acknowledgement, "targetMessage")
    _add(target, "id", root=request.get("root", ""), extension=request.get("extension", ""))
    _add_attention(answer, STATUS_WORDS[registry.authorisation(ins, token.name_id, now)])
    act = _add(answer, "controlActProcess", classCode="CACT", moodCode="EVN")
    found = patient is not None and patient.state is not DmpState.NONE
    if patient is not None and found:
        _add_subject(act, patient)
    query = _add(act, "queryAck")
    _add(query, "queryResponseCode", code="OK" if found else "NF")
    return answer


def _check_request(body: etree._Element, token: Vihf) -> None:
    reason = body.find(f"{_h('controlActProcess')}/{_h('reasonCode')}")
    if reason is None or (reason.get("code"), reason.get("codeSystem")) != (
        codes.REASON_EXISTENCE,
        codes.OID_TD02_REASON,
    ):
        raise SoapFault("reasonCode is not TEST_EXST")
    if body.find(_h("id")) is None:
        raise SoapFault("the message has no id")
    asked = body.findall(f".//{_h('patientIdentifier')}/{_h('value')}")
    if [(value.get("extension"), value.get("root")) for value in asked] != [(token.matricule, token.ins_oid)]:
        raise SoapFault(
            "patientIdentifier is not the resource-id of the VIHF", subcode=xds.ERROR_PATIENT_MISMATCH
        )


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, _h(name))
    for key, value in attributes.items():
        element.set(key, value)
    return element


def _add_attention(answer: etree._Element, word: str) -> None:
    line = _add(answer, "attentionLine")
    _add(line, "keyWordText", code=codes.KEYWORD_AUTHORISATION, codeSystem=codes.OID_KEYWORD_AUTHORISATION)
    value = _add(line, "value", code=word, codeSystem=codes.OID_AUTHORISATION_STATUS)
    value.set(q(vihf.NS_XSI, "type"), "CV")


def _add_subject(act: etree._Element, person: Patient) -> None:
    subject = _add(act, "subject", typeCode="SUBJ")
    event = _add(subject, "registrationEvent", classCode="REG", moodCode="EVN")
    _add(event, "statusCode", code="completed")
    patient = _add(_add(event, "subject1", typeCode="SBJ"), "patient", classCode="PAT")
    _add(patient, "id", root=person.oid, extension=person.matricule)
    _add(patient, "statusCode", code="active" if person.state is DmpState.OPEN else "terminated")
    names = _add(_add(patient, "patientPerson", classCode="PSN", determinerCode="INSTANCE"), "name")
    _add(names, "family").text = person.family
    _add(names, "given").text = person.given
    observation = _add(
        _add(patient, "subjectOf"), "administrativeObservation", classCode="OBS", moodCode="EVN"
    )
    _add(observation, "code", code="RATTACHEMENT_ENS", codeSystem=codes.OID_DMP_ATTACHMENT)
    attached = _add(observation, "value", value="true")
    attached.set(q(vihf.NS_XSI, "type"), "BL")


def answer_authorisation(
    body: etree._Element, token: Vihf, registry: Registry, now: datetime
) -> etree._Element:
    """Answer of TD0.3: the actor and the patient come from the token only."""
    if token.is_indirect or token.purpose != vihf.PURPOSE_NORMAL[0]:
        raise SoapFault("no authorisation in this mode", subcode=xds.DMP_ACCESS_DENIED)
    action = text_of(body.find(q(codes.NS_AUTHORISATIONS, "action")))
    ins = (token.matricule, token.ins_oid)
    patient = registry.patient(ins)
    before = registry.authorisation(ins, token.name_id, now)
    context = ""
    if patient is None or patient.state is not DmpState.OPEN:
        status = xds.DMP_CLOSED if patient and patient.state is DmpState.CLOSED else xds.ERROR_UNKNOWN_PATIENT
    elif before == "blocked" or action not in ("AJOUT", "SUPPRESSION"):
        status = xds.DMP_ACCESS_DENIED
    else:
        status = xds.DMP_OK
        context = "autorisation déjà présente" if (before, action) == ("valid", "AJOUT") else ""
        registry.set_authorisation(ins, token.name_id, "valid" if action == "AJOUT" else "none", now)
    answer = etree.Element(
        q(codes.NS_AUTHORISATIONS, "setAuthorizationResponse"), nsmap={None: codes.NS_AUTHORISATIONS}
    )
    output = etree.SubElement(answer, q(codes.NS_AUTHORISATIONS, "output"))
    etree.SubElement(output, q(codes.NS_AUTHORISATIONS, "status")).text = status
    etree.SubElement(output, q(codes.NS_AUTHORISATIONS, "context")).text = context
    return answer
