"""TD0.2 (existence of a DMP, authorisation of the caller) and TD0.3 (set or remove that authorisation).

Sources: HL7 V3 PRPA_IN201307UV02 and 308 as used by the DMP (official examples), service `habilitations`. The
words of the three states other than VALIDE are recalled, not published, and so is the place of a closure:
the product maps the ones by a setting, and looks for the other.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from interop.dmp import codes as dmp
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.demo import DmpState, Patient
from sandbox.dmp.errors import SoapFault
from sandbox.dmp.registry import Registry
from sandbox.dmp.rights import Action, cell, profile_of, require
from sandbox.dmp.vihf import Vihf
from sandbox.xml import q, text_of

EXISTENCE_TAG: Final = q(dmp.NS_HL7_V3, dmp.INTERACTION_TD02)
AUTHORISATION_TAG: Final = q(dmp.NS_AUTHORISATIONS, "setAuthorization")
STATUS_WORDS: Final = {
    "valid": dmp.AUTHORISATION_VALID,
    "expired": dmp.AUTHORISATION_EXPIRED,
    "blocked": dmp.AUTHORISATION_BLOCKED,
    "none": dmp.AUTHORISATION_NONE,
}


@dataclass(frozen=True, slots=True)
class Pretence:
    """A state that a fault lends to the patient or to the caller; empty for the true one."""

    state: str = ""
    authorisation: str = ""


def _h(name: str) -> str:
    return q(dmp.NS_HL7_V3, name)


def answer_existence(
    body: etree._Element, token: Vihf, registry: Registry, now: datetime, pretence: Pretence
) -> etree._Element:
    """Answer of TD0.2 for the patient of the token."""
    _check_request(body, token)
    ins = (token.matricule, token.ins_oid)
    patient = registry.patient(ins)
    if cell(Action.EXISTENCE, profile_of(token, patient), token.purpose) != "yes":
        raise SoapFault("no existence test in this mode", subcode=xds.DMP_ACCESS_DENIED)
    state = DmpState(pretence.state) if pretence.state else (patient.state if patient else DmpState.NONE)
    found = patient is not None and state is not DmpState.NONE
    answer = _wrapper(body, now)
    word = STATUS_WORDS[pretence.authorisation or registry.authorisation(ins, token.name_id, now)]
    _add_attention(
        answer, dmp.KEYWORD_AUTHORISATION, dmp.OID_KEYWORD_AUTHORISATION, "CV",
        code=word, codeSystem=dmp.OID_AUTHORISATION_STATUS,
    )  # fmt: skip
    treats = patient is not None and patient.treating == token.name_id
    _add_attention(
        answer, dmp.KEYWORD_TREATING_PHYSICIAN, dmp.OID_KEYWORD_TREATING_PHYSICIAN, "BL",
        value=str(treats).lower(),
    )  # fmt: skip
    _add_acknowledgement(answer, body, dmp.ACK_ACCEPTED)
    act = _add_act(answer)
    if patient is not None and found:
        _add_subject(act, patient, state)
        if state is DmpState.CLOSED:
            _add_closing(act, patient)
    _add_ack_of_query(act, body, dmp.QUERY_FOUND if found else dmp.QUERY_NOT_FOUND)
    return answer


def refuse_existence(body: etree._Element, now: datetime, code: str) -> etree._Element:
    """Answer of TD0.2 that refuses the question (AE)."""
    answer = _wrapper(body, now)
    acknowledgement = _add_acknowledgement(answer, body, "AE")
    detail = _add(acknowledgement, "acknowledgementDetail", typeCode="E")
    _add(detail, "code", code=code)
    _add(detail, "text").text = "injected error"
    _add_ack_of_query(_add_act(answer), body, "AE")
    return answer


def _wrapper(body: etree._Element, now: datetime) -> etree._Element:
    """Transmission wrapper, elements in the order of the schema."""
    answer = etree.Element(_h(dmp.INTERACTION_TD02_RESPONSE), nsmap={None: dmp.NS_HL7_V3, "xsi": dmp.NS_XSI})
    answer.set("ITSVersion", dmp.ITS_VERSION)
    _add(answer, "id", root=str(uuid.uuid4()))
    _add(answer, "creationTime", value=now.strftime("%Y%m%d%H%M%S"))
    _add(answer, "interactionId", root=dmp.OID_HL7_INTERACTIONS, extension=dmp.INTERACTION_TD02_RESPONSE)
    _add(answer, "processingCode", code=dmp.PROCESSING_PRODUCTION)
    _add(answer, "processingModeCode", code=dmp.PROCESSING_MODE)
    _add(answer, "acceptAckCode", code=dmp.ACCEPT_NEVER)
    sender = body.find(f"{_h('sender')}/{_h('device')}/{_h('id')}")
    _add_device(answer, "receiver", "RCV", sender.get("root", "") if sender is not None else "")
    _add_device(answer, "sender", "SND", dmp.OID_DMP_DEVICE)
    return answer


def _check_request(body: etree._Element, token: Vihf) -> None:
    reason = body.find(f"{_h('controlActProcess')}/{_h('reasonCode')}")
    if reason is None or (reason.get("code"), reason.get("codeSystem")) != (
        dmp.REASON_EXISTENCE,
        dmp.OID_REASON,
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


def _add_typed(parent: etree._Element, kind: str, **attributes: str) -> None:
    _add(parent, "value", **attributes).set(q(vihf.NS_XSI, "type"), kind)


def _add_device(parent: etree._Element, name: str, kind: str, oid: str) -> None:
    device = _add(_add(parent, name, typeCode=kind), "device", classCode="DEV", determinerCode="INSTANCE")
    _add(device, "id", root=oid or dmp.OID_DMP_DEVICE)


def _add_attention(answer: etree._Element, keyword: str, system: str, kind: str, **attributes: str) -> None:
    line = _add(answer, "attentionLine")
    _add(line, "keyWordText", code=keyword, codeSystem=system)
    _add_typed(line, kind, **attributes)


def _add_acknowledgement(answer: etree._Element, body: etree._Element, kind: str) -> etree._Element:
    acknowledgement = _add(answer, "acknowledgement", typeCode=kind)
    request = body.find(_h("id"))
    target = _add(acknowledgement, "targetMessage")
    identifier = dict(request.attrib) if request is not None else {}
    _add(target, "id", **{key: str(identifier[key]) for key in ("root", "extension") if key in identifier})
    return acknowledgement


def _add_act(answer: etree._Element) -> etree._Element:
    act = _add(answer, "controlActProcess", classCode="CACT", moodCode="EVN")
    _add(
        act, "reasonCode", code=dmp.REASON_EXISTENCE, codeSystem=dmp.OID_REASON,
        displayName=dmp.REASON_EXISTENCE_LABEL,
    )  # fmt: skip
    return act


def _add_ack_of_query(act: etree._Element, body: etree._Element, code: str) -> None:
    query = _add(act, "queryAck")
    asked = body.find(f".//{_h('queryId')}")
    if asked is not None:
        _add(query, "queryId", root=asked.get("root", ""), extension=asked.get("extension", ""))
    _add(query, "queryResponseCode", code=code)


def _add_subject(act: etree._Element, person: Patient, state: DmpState) -> None:
    subject = _add(act, "subject", typeCode="SUBJ", contextConductionInd="false")
    event = _add(subject, "registrationEvent", classCode="REG", moodCode="EVN")
    _add(event, "statusCode", code="completed")
    if state is DmpState.CLOSED and person.closed_on:
        _add(event, "effectiveTime", value=person.closed_on)
    patient = _add(_add(event, "subject1", typeCode="SBJ"), "patient", classCode="PAT")
    _add(patient, "id", root=person.oid, extension=person.matricule)
    _add(patient, "statusCode", code=dmp.DMP_ACTIVE if state is DmpState.OPEN else dmp.DMP_TERMINATED)
    human = _add(patient, "patientPerson", classCode="PSN", determinerCode="INSTANCE")
    names = _add(human, "name")
    _add(names, "given").text = person.given
    _add(names, "family", qualifier="BR").text = person.family
    _add(human, "administrativeGenderCode", code=person.sex)
    _add(human, "birthTime", value=person.birth_date.replace("-", ""))
    for code, system, value in (
        (dmp.OBSERVATION_ACCOUNT, dmp.OID_OBSERVATION_ACCOUNT, person.is_attached),
        (dmp.OBSERVATION_ENS, dmp.OID_OBSERVATION_ENS, person.is_attached),
    ):
        held = _add(patient, "subjectOf", typeCode="SBJ")
        observation = _add(held, "administrativeObservation", classCode="OBS", moodCode="EVN")
        _add(observation, "code", code=code, codeSystem=system)
        _add_typed(observation, "BL", value=str(value).lower())
    custodian = _add(_add(event, "custodian", typeCode="CST"), "assignedEntity", classCode="ASSIGNED")
    _add(custodian, "id", root=dmp.OID_DMP_DEVICE)


def _add_closing(act: etree._Element, person: Patient) -> None:
    if not person.closing_reason:
        return
    reason = _add(act, "reasonOf", typeCode="RSON")
    issue = _add(reason, "detectedIssueEvent", classCode="ALRT", moodCode="EVN")
    _add(issue, "code", code=person.closing_reason, codeSystem=dmp.OID_CLOSING_REASON)
    _add(issue, "text").text = person.closing_reason


def answer_authorisation(
    body: etree._Element, token: Vihf, registry: Registry, now: datetime
) -> etree._Element:
    """Answer of TD0.3: the actor and the patient come from the token only."""
    action = text_of(body.find(q(dmp.NS_AUTHORISATIONS, "action")))
    if text_of(body.find(q(dmp.NS_AUTHORISATIONS, "role"))):
        return authorisation_status(xds.DMP_ACCESS_DENIED, "pas de médecin traitant ici")
    patient = registry.patient((token.matricule, token.ins_oid))
    if patient is None or patient.state is not DmpState.OPEN:
        is_closed = patient is not None and patient.state is DmpState.CLOSED
        return authorisation_status(xds.DMP_CLOSED if is_closed else xds.ERROR_UNKNOWN_PATIENT, "")
    wanted = {dmp.AUTHORISATION_ADD: Action.AUTHORISE, dmp.AUTHORISATION_REMOVE: Action.FORGET}.get(action)
    if wanted is None:
        return authorisation_status(xds.DMP_ACCESS_DENIED, "action inconnue")
    require(wanted, token, registry, now)
    ins = (token.matricule, token.ins_oid)
    before = registry.authorisation(ins, token.name_id, now)
    if before == "blocked":
        return authorisation_status(xds.DMP_ACCESS_DENIED, "professionnel bloqué par le patient")
    is_added = wanted is Action.AUTHORISE
    registry.set_authorisation(ins, token.name_id, "valid" if is_added else "none", now)
    known = "Autorisation déjà présente aucune action effectuée" if is_added and before == "valid" else ""
    return authorisation_status(dmp.STATUS_OK, known)


def authorisation_status(status: str, context: str) -> etree._Element:
    """setAuthorizationResponse."""
    answer = etree.Element(
        q(dmp.NS_AUTHORISATIONS, "setAuthorizationResponse"), nsmap={None: dmp.NS_AUTHORISATIONS}
    )
    output = etree.SubElement(answer, q(dmp.NS_AUTHORISATIONS, "output"))
    etree.SubElement(output, q(dmp.NS_AUTHORISATIONS, "status")).text = status
    etree.SubElement(output, q(dmp.NS_AUTHORISATIONS, "context")).text = context
    return answer
