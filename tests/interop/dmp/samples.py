"""Answers of TD0.2 in the shape of the official example, with what a test changes."""

from __future__ import annotations

from lxml import etree

from interop.dmp import codes
from interop.xml import parse_xml

MATRICULE = "279035121518989"
OID = "1.2.250.1.213.1.4.10"
XSI = f'xmlns:xsi="{codes.NS_XSI}"'


def attention(keyword: str, system: str, value: str) -> str:
    return f'<attentionLine><keyWordText code="{keyword}" codeSystem="{system}"/>{value}</attentionLine>'


def authorisation(word: str) -> str:
    value = f'<value {XSI} xsi:type="CV" code="{word}" codeSystem="{codes.OID_AUTHORISATION_STATUS}"/>'
    return attention(codes.KEYWORD_AUTHORISATION, codes.OID_KEYWORD_AUTHORISATION, value)


def observation(code: str, system: str, value: str) -> str:
    return (
        '<subjectOf typeCode="SBJ"><administrativeObservation classCode="OBS" moodCode="EVN">'
        f'<code code="{code}" codeSystem="{system}"/><value {XSI} xsi:type="BL" value="{value}"/>'
        "</administrativeObservation></subjectOf>"
    )


def subject(status: str = codes.DMP_ACTIVE, *, event: str = "", patient: str = "") -> str:
    """The registration event; traits are there as in the real answer, and nobody may show them."""
    return (
        '<subject contextConductionInd="false" typeCode="SUBJ"><registrationEvent classCode="REG" '
        f'moodCode="EVN"><statusCode code="completed"/>{event}<subject1 typeCode="SBJ">'
        '<patient classCode="PAT"><id extension="1197854176879056415520" root="1.2.250.1.213.1.4.2"/>'
        f'<id extension="{MATRICULE}" root="{OID}"/><statusCode code="{status}"/>{patient}'
        '<patientPerson classCode="PSN" determinerCode="INSTANCE"><name><given>DOMINIQUE</given>'
        '<family qualifier="SP">PAT-TROIS</family></name></patientPerson>'
        + observation(codes.OBSERVATION_ACCOUNT, codes.OID_OBSERVATION_ACCOUNT, "true")
        + observation(codes.OBSERVATION_ENS, codes.OID_OBSERVATION_ENS, "false")
        + "</patient></subject1></registrationEvent></subject>"
    )


def existence_answer(
    *,
    lines: str = authorisation(codes.AUTHORISATION_VALID),
    acknowledgement: str = '<acknowledgement typeCode="AA"/>',
    content: str = subject(),
    response: str = codes.QUERY_FOUND,
    after: str = "",
) -> etree._Element:
    text = (
        f'<{codes.INTERACTION_TD02_RESPONSE} xmlns="{codes.NS_HL7_V3}" ITSVersion="XML_1.0">'
        '<id root="0cc7f660-e7b5-4131-aee3-5ad75c0b32f2"/><creationTime value="20210601125305"/>'
        f'<interactionId extension="{codes.INTERACTION_TD02_RESPONSE}" root="{codes.OID_HL7_INTERACTIONS}"/>'
        f'<processingCode code="P"/><processingModeCode code="T"/><acceptAckCode code="NE"/>{lines}'
        f'{acknowledgement}<controlActProcess classCode="CACT" moodCode="EVN">{content}'
        f'<queryAck><queryResponseCode code="{response}"/></queryAck>{after}</controlActProcess>'
        f"</{codes.INTERACTION_TD02_RESPONSE}>"
    )
    return parse_xml(text.encode())


def authorisation_answer(status: str, context: str = "") -> etree._Element:
    text = (
        f'<n:setAuthorizationResponse xmlns:n="{codes.NS_AUTHORISATIONS}"><n:output>'
        f"<n:status>{status}</n:status><n:context>{context}</n:context></n:output>"
        "</n:setAuthorizationResponse>"
    )
    return parse_xml(text.encode())
