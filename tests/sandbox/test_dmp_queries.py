"""TD3.1, TD0.2 and TD0.3: what the DMP answers, to whom."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from interop.dmp import codes
from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.codes import OID_DMP_REPOSITORY
from sandbox.runtime import Sandbox
from tests.sandbox.wire import ACTOR, INS, Answer, DmpClient, Draft, Element, Letter, cx, q, slot, sub

AIR = vihf.MODE_INDIRECT_REINFORCED
INDIRECT = vihf.MODE_INDIRECT
OTHER = ("275126322074974", ins_codes.INS_NIR_TEST_OID)
APPROVED = f"('{xds.STATUS_APPROVED}')"


@pytest.fixture
def authorised(box: Sandbox) -> None:
    """The patient lets the doctor read."""
    box.dmp.registry.set_authorisation(INS, ACTOR, "valid", datetime.now(UTC))


def find_documents(hospital: DmpClient, **more: str) -> Answer:
    slots = {xds.PARAM_PATIENT_ID: f"'{cx(INS)}'", xds.PARAM_STATUS: APPROVED}
    return hospital.query(xds.QUERY_FIND_DOCUMENTS, slots | more)


def values(entry: Element, name: str) -> list[str]:
    return [
        value.text or ""
        for slot in entry.findall(q(xds.NS_RIM, "Slot"))
        if slot.get("name") == name
        for value in slot.iter(q(xds.NS_RIM, "Value"))
    ]


# TD3.1b


def test_who_feeds_finds_the_reference_of_a_document_by_its_identifier(
    box: Sandbox, hospital: DmpClient
) -> None:
    draft = Draft()
    assert hospital.find(draft.letter.unique_id) == []
    hospital.submit(draft)
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    assert hospital.find(draft.letter.unique_id) == [document.entry_uuid]


def test_a_document_of_another_patient_is_not_found(hospital: DmpClient) -> None:
    draft = Draft(Letter(ins=OTHER))
    assert hospital.submit(draft).is_success
    assert hospital.find(draft.letter.unique_id) == []


@pytest.mark.parametrize(
    ("query", "return_type"),
    [
        (xds.QUERY_GET_DOCUMENTS, xds.RETURN_LEAF_CLASS),
        (xds.QUERY_FIND_DOCUMENTS, xds.RETURN_OBJECT_REF),
    ],
)
def test_who_feeds_may_not_read_metadata(hospital: DmpClient, query: str, return_type: str) -> None:
    slots = {xds.PARAM_UNIQUE_ID: "('1.2.3')"}
    answer = hospital.query(query, slots, return_type=return_type, mode=INDIRECT)
    assert answer.http.status_code == 500
    assert answer.fault[0] == xds.DMP_ACCESS_DENIED


# TD3.1


@pytest.mark.parametrize("state", ["none", "expired", "blocked"])
def test_metadata_are_for_an_authorised_professional(box: Sandbox, hospital: DmpClient, state: str) -> None:
    box.dmp.registry.set_authorisation(INS, ACTOR, state, datetime.now(UTC))
    assert find_documents(hospital).fault[0] == xds.DMP_ACCESS_DENIED


@pytest.mark.usefixtures("authorised")
def test_found_documents_carry_what_the_registry_added(box: Sandbox, hospital: DmpClient) -> None:
    flags = (xds.VISIBILITY_HIDDEN_PATIENT,)
    draft = Draft(restrictions=flags)
    hospital.submit(draft)
    answer = find_documents(hospital)
    assert answer.is_success
    (entry,) = answer.entries
    document = box.dmp.registry.by_unique_id(draft.letter.unique_id)
    assert document is not None
    assert entry.get("id") == document.entry_uuid
    assert entry.get("lid") == document.logical_id
    assert entry.get("status") == xds.STATUS_APPROVED
    assert values(entry, xds.SLOT_REPOSITORY_UNIQUE_ID) == [OID_DMP_REPOSITORY]
    assert values(entry, xds.SLOT_SIZE) == [str(document.content.size)]
    version = entry.find(q(xds.NS_RIM, "VersionInfo"))
    assert version is not None and version.get("versionName") == "1"
    found = [
        item.get("nodeRepresentation")
        for item in entry.findall(q(xds.NS_RIM, "Classification"))
        if item.get("classificationScheme") == xds.SCHEME_CONFIDENTIALITY_CODE
    ]
    assert found == ["N", *flags]
    assert all(
        item.get("classifiedObject") == document.entry_uuid
        for item in entry.findall(q(xds.NS_RIM, "Classification"))
    )


@pytest.mark.usefixtures("authorised")
def test_a_replaced_version_is_found_by_its_status_and_by_its_association(hospital: DmpClient) -> None:
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    second = Draft(first.letter.next(), replaced_uuid=uuid)
    hospital.submit(second)
    assert len(find_documents(hospital).entries) == 1
    both = f"('{xds.STATUS_APPROVED}','{xds.STATUS_DEPRECATED}')"
    assert len(find_documents(hospital, **{xds.PARAM_STATUS: both}).entries) == 2
    answer = hospital.query(
        xds.QUERY_GET_DOCUMENTS_AND_ASSOCIATIONS, {xds.PARAM_UNIQUE_ID: f"('{second.letter.unique_id}')"}
    )
    kinds = {
        (link.get("associationType"), link.get("targetObject"))
        for link in answer.envelope.iter(q(xds.NS_RIM, "Association"))
    }
    assert (xds.ASSOCIATION_REPLACE, uuid) in kinds
    assert xds.ASSOCIATION_HAS_MEMBER in {kind for kind, _ in kinds}


@pytest.mark.usefixtures("authorised")
def test_sets_lead_to_their_documents(hospital: DmpClient) -> None:
    draft = Draft()
    hospital.submit(draft)
    answer = hospital.query(
        xds.QUERY_FIND_SUBMISSION_SETS,
        {
            xds.PARAM_SET_PATIENT_ID: f"'{cx(INS)}'",
            xds.PARAM_SET_STATUS: APPROVED,
            xds.PARAM_SET_TIME_FROM: "20200101000000",
        },
    )
    (lot,) = list(answer.envelope.iter(q(xds.NS_RIM, "RegistryPackage")))
    answer = hospital.query(xds.QUERY_GET_ASSOCIATIONS, {xds.PARAM_UUID: f"('{lot.get('id')}')"})
    members = {
        link.get("targetObject")
        for link in answer.envelope.iter(q(xds.NS_RIM, "Association"))
        if link.get("associationType") == xds.ASSOCIATION_HAS_MEMBER
    }
    assert hospital.find(draft.letter.unique_id)[0] in members


@pytest.mark.usefixtures("authorised")
@pytest.mark.parametrize(
    ("slots", "found"),
    [
        ({xds.PARAM_TYPE_CODE: f"('11490-0^^{xds.OID_LOINC}','34112-3^^{xds.OID_LOINC}')"}, 1),
        ({xds.PARAM_TYPE_CODE: f"('34112-3^^{xds.OID_LOINC}')"}, 0),
        ({xds.PARAM_CLASS_CODE: f"('10^^{xds.OID_CLASS_CODE}')"}, 1),
        ({xds.PARAM_SERVICE_START_FROM: "20260306100000"}, 1),
        ({xds.PARAM_SERVICE_START_FROM: "20260306100001"}, 0),
        ({xds.PARAM_SERVICE_START_TO: "20260306100000"}, 0),
        ({xds.PARAM_SERVICE_START_TO: "20260307"}, 1),
        ({xds.PARAM_CONFIDENTIALITY: f"('INVISIBLE_PATIENT^^{xds.OID_VISIBILITY}')"}, 0),
        ({xds.PARAM_AUTHOR_PERSON: "('%HODA%')"}, 1),
        ({xds.PARAM_AUTHOR_PERSON: "('%LEMAIRE%')"}, 0),
    ],
)
def test_criteria_narrow_the_search(hospital: DmpClient, slots: dict[str, str], found: int) -> None:
    hospital.submit()
    assert len(find_documents(hospital, **slots).entries) == found


@pytest.mark.usefixtures("authorised")
def test_a_masked_document_is_seen_by_its_author_only(box: Sandbox, hospital: DmpClient) -> None:
    hospital.submit(Draft(restrictions=(xds.VISIBILITY_MASKED,)))
    assert len(find_documents(hospital).entries) == 1
    other = "899700900022"
    box.dmp.registry.set_authorisation(INS, other, "valid", datetime.now(UTC))

    def as_another(assertion: Element) -> None:
        name = assertion.find(f"{q(vihf.NS_SAML, 'Subject')}/{q(vihf.NS_SAML, 'NameID')}")
        assert name is not None
        name.text = other

    slots = {xds.PARAM_PATIENT_ID: f"'{cx(INS)}'", xds.PARAM_STATUS: APPROVED}
    answer = hospital.query(xds.QUERY_FIND_DOCUMENTS, slots, change=as_another)
    assert answer.is_success
    assert answer.entries == []


@pytest.mark.usefixtures("authorised")
@pytest.mark.parametrize(
    ("identifier", "slots", "code"),
    [
        ("urn:uuid:00000000-0000-0000-0000-000000000000", {}, xds.ERROR_UNKNOWN_QUERY),
        (xds.QUERY_FIND_DOCUMENTS, {xds.PARAM_STATUS: APPROVED}, xds.ERROR_QUERY_MISSING_PARAM),
        (xds.QUERY_FIND_DOCUMENTS, {xds.PARAM_PATIENT_ID: f"'{cx(INS)}'"}, xds.ERROR_QUERY_MISSING_PARAM),
        (
            xds.QUERY_FIND_DOCUMENTS,
            {xds.PARAM_PATIENT_ID: f"('{cx(INS)}')", xds.PARAM_STATUS: APPROVED},
            xds.ERROR_QUERY_PARAM_NUMBER,
        ),
        (
            xds.QUERY_FIND_DOCUMENTS,
            {xds.PARAM_PATIENT_ID: f"'{cx(OTHER)}'", xds.PARAM_STATUS: APPROVED},
            xds.ERROR_PATIENT_MISMATCH,
        ),
        (xds.QUERY_GET_DOCUMENTS, {}, xds.ERROR_QUERY_MISSING_PARAM),
        (xds.QUERY_GET_DOCUMENTS, {xds.PARAM_UNIQUE_ID: "1.2.3"}, xds.ERROR_QUERY_PARAM_NUMBER),
    ],
)
def test_a_badly_formed_query_gets_its_code(
    hospital: DmpClient, identifier: str, slots: dict[str, str], code: str
) -> None:
    answer = hospital.query(identifier, slots)
    assert answer.status == xds.RESPONSE_FAILURE
    assert answer.errors[0][0] == code


# TD0.2 and TD0.3


def existence(hospital: DmpClient, ins: tuple[str, str] = INS, *, mode: str = AIR) -> Answer:
    v3 = vihf.NS_HL7_V3
    body = etree.Element(q(v3, codes.INTERACTION_TD02), nsmap={None: v3})
    sub(body, v3, "id", root="1.2.3", extension="1")
    act = sub(body, v3, "controlActProcess")
    sub(act, v3, "reasonCode", code=codes.REASON_EXISTENCE, codeSystem=codes.OID_REASON)
    parameters = sub(sub(act, v3, "queryByParameter"), v3, "parameterList")
    sub(sub(parameters, v3, "patientIdentifier"), v3, "value", root=ins[1], extension=ins[0])
    return hospital.call("patients_url", body, codes.ACTION_TD02, mode=mode, ins=ins)


def read_existence(answer: Answer) -> tuple[str, str, str]:
    """Existence, state of the DMP, authorisation."""
    v3 = {"h": vihf.NS_HL7_V3}
    tree = answer.envelope
    state = tree.xpath("string(//h:subject1/h:patient/h:statusCode/@code)", namespaces=v3)
    code = tree.xpath("string(//h:queryResponseCode/@code)", namespaces=v3)
    word = tree.xpath(
        "string(//h:attentionLine[h:keyWordText/@code='AUTORISATION']/h:value/@code)", namespaces=v3
    )
    return code, state, word


@pytest.mark.parametrize(
    ("ins", "expected"),
    [
        (INS, ("OK", "active")),
        (("160012B02077713", ins_codes.INS_NIR_TEST_OID), ("OK", "terminated")),
        (("180032B02040123", ins_codes.INS_NIR_TEST_OID), ("NF", "")),
        (("188102B17295264", ins_codes.INS_NIR_TEST_OID), ("NF", "")),
    ],
)
@pytest.mark.parametrize("mode", [AIR, INDIRECT])
def test_the_existence_of_a_dmp_is_told_in_both_modes(
    hospital: DmpClient, ins: tuple[str, str], expected: tuple[str, str], mode: str
) -> None:
    assert read_existence(existence(hospital, ins, mode=mode))[:2] == expected


def authorise(hospital: DmpClient, action: str, *, mode: str = AIR) -> Answer:
    body = etree.Element(
        q(codes.NS_AUTHORISATIONS, "setAuthorization"), nsmap={None: codes.NS_AUTHORISATIONS}
    )
    sub(body, codes.NS_AUTHORISATIONS, "action", action)
    return hospital.call("authorisations_url", body, codes.ACTION_TD03, mode=mode)


def status_of(answer: Answer) -> str:
    return str(answer.envelope.findtext(f".//{q(codes.NS_AUTHORISATIONS, 'status')}"))


def test_a_professional_sets_the_authorisation_and_reads(hospital: DmpClient) -> None:
    assert read_existence(existence(hospital))[2] == codes.AUTHORISATION_NONE
    assert status_of(authorise(hospital, "AJOUT")) == xds.DMP_OK
    assert read_existence(existence(hospital))[2] == codes.AUTHORISATION_VALID
    assert find_documents(hospital).is_success
    assert status_of(authorise(hospital, "AJOUT")) == xds.DMP_OK
    assert status_of(authorise(hospital, "SUPPRESSION")) == xds.DMP_OK
    assert read_existence(existence(hospital))[2] == codes.AUTHORISATION_NONE


def test_a_professional_blocked_by_the_patient_stays_blocked(box: Sandbox, hospital: DmpClient) -> None:
    box.dmp.registry.set_authorisation(INS, ACTOR, "blocked", datetime.now(UTC))
    assert status_of(authorise(hospital, "AJOUT")) == xds.DMP_ACCESS_DENIED
    assert read_existence(existence(hospital))[2] == codes.AUTHORISATION_BLOCKED


def test_an_authorisation_ends_after_six_months(box: Sandbox, hospital: DmpClient) -> None:
    authorise(hospital, "AJOUT")
    box.dmp.registry.set_authorisation(INS, ACTOR, "expired", datetime.now(UTC))
    assert read_existence(existence(hospital))[2] == codes.AUTHORISATION_EXPIRED


def test_a_closed_dmp_says_when_and_why(hospital: DmpClient) -> None:
    answer = existence(hospital, ("160012B02077713", ins_codes.INS_NIR_TEST_OID)).envelope
    v3 = {"h": vihf.NS_HL7_V3}
    assert answer.xpath("string(//h:registrationEvent/h:effectiveTime/@value)", namespaces=v3) == "20250610"
    reason = answer.xpath("string(//h:detectedIssueEvent/h:code/@code)", namespaces=v3)
    assert reason == codes.CLOSED_BY_PATIENT


def test_the_answer_has_the_elements_of_the_official_example_in_their_order(hospital: DmpClient) -> None:
    answer = existence(hospital).envelope.find(f".//{q(vihf.NS_HL7_V3, codes.INTERACTION_TD02_RESPONSE)}")
    assert answer is not None
    assert [etree.QName(child).localname for child in answer] == [
        "id", "creationTime", "interactionId", "processingCode", "processingModeCode", "acceptAckCode",
        "receiver", "sender", "attentionLine", "attentionLine", "acknowledgement", "controlActProcess",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("no_dmp", ("NF", "", codes.AUTHORISATION_NONE)),
        ("dmp_closed", ("OK", "terminated", codes.AUTHORISATION_NONE)),
        ("blocked", ("OK", "active", codes.AUTHORISATION_BLOCKED)),
        ("auth_expired", ("OK", "active", codes.AUTHORISATION_EXPIRED)),
    ],
)
def test_a_state_may_be_pretended(
    box: Sandbox, hospital: DmpClient, effect: str, expected: tuple[str, str, str]
) -> None:
    box.dmp.faults.add(effect, operation="TD0.2")
    assert read_existence(existence(hospital)) == expected
    assert read_existence(existence(hospital))[0:2] == ("OK", "active")


@pytest.mark.usefixtures("authorised")
@pytest.mark.parametrize("effect", ["blocked", "auth_expired", "opposed_break_glass"])
def test_a_pretended_refusal_closes_the_search(box: Sandbox, hospital: DmpClient, effect: str) -> None:
    box.dmp.faults.add(effect, operation="TD3.1")
    assert find_documents(hospital).fault[0] == xds.DMP_ACCESS_DENIED
    assert find_documents(hospital).is_success


def test_the_question_itself_may_be_refused(box: Sandbox, hospital: DmpClient) -> None:
    box.dmp.faults.add("ack_ae:DMPClosed", operation="TD0.2")
    answer = existence(hospital).envelope
    v3 = {"h": vihf.NS_HL7_V3}
    assert answer.xpath("string(//h:acknowledgement/@typeCode)", namespaces=v3) == "AE"
    assert answer.xpath("string(//h:acknowledgementDetail/h:code/@code)", namespaces=v3) == "DMPClosed"
    box.dmp.faults.add("status:DMPAccessDeniedByRightsService", operation="TD0.3")
    assert status_of(authorise(hospital, "AJOUT")) == xds.DMP_ACCESS_DENIED


@pytest.mark.usefixtures("authorised")
def test_signature_objects_are_among_the_results_when_told(box: Sandbox, hospital: DmpClient) -> None:
    hospital.submit()
    assert len(find_documents(hospital).entries) == 1
    box.dmp.faults.add("signatures", operation="TD3.1")
    assert len(find_documents(hospital).entries) == 2


@pytest.mark.usefixtures("authorised")
def test_documents_are_found_by_the_reference_of_their_study(hospital: DmpClient) -> None:
    reference = f"ACC1^^^&1.2.250.1.999.5&ISO^{xds.REFERENCE_ACCESSION}"

    def refer(listing: Element) -> None:
        entry = listing.find(f"{q(xds.NS_RIM, 'ExtrinsicObject')}[@id='Document01']")
        assert entry is not None
        slot(entry, xds.SLOT_REFERENCE_ID_LIST, reference)
        entry.insert(0, entry[-1])

    assert hospital.submit(Draft(change_objects=refer)).is_success
    slots = {xds.PARAM_PATIENT_ID: f"'{cx(INS)}'", xds.PARAM_STATUS: APPROVED}
    query = xds.QUERY_FIND_DOCUMENTS_BY_REFERENCE
    found = hospital.query(query, slots | {xds.PARAM_REFERENCE_ID: f"('{reference}')"})
    assert len(found.entries) == 1
    other = hospital.query(query, slots | {xds.PARAM_REFERENCE_ID: "('ACC2')"})
    assert other.entries == []
    assert hospital.query(query, slots).errors[0][0] == xds.ERROR_QUERY_MISSING_PARAM


@pytest.mark.usefixtures("authorised")
@pytest.mark.parametrize(
    ("slots", "found"),
    [
        ({}, 1),
        ({xds.PARAM_SET_AUTHOR_PERSON: "'%HODA%'"}, 1),
        ({xds.PARAM_SET_AUTHOR_PERSON: "'%LEMAIRE%'"}, 0),
        ({xds.PARAM_SET_CONTENT_TYPE: f"('03^^{xds.OID_CONTENT_TYPE}')"}, 1),
        ({xds.PARAM_SET_CONTENT_TYPE: f"('07^^{xds.OID_CONTENT_TYPE}')"}, 0),
        ({xds.PARAM_SET_TIME_TO: "20200101"}, 0),
        ({xds.PARAM_SET_STATUS: f"('{xds.STATUS_DEPRECATED}')"}, 0),
    ],
)
def test_sets_are_found_by_time_author_and_content(
    hospital: DmpClient, slots: dict[str, str], found: int
) -> None:
    hospital.submit()
    known = {xds.PARAM_SET_PATIENT_ID: f"'{cx(INS)}'", xds.PARAM_SET_STATUS: APPROVED}
    answer = hospital.query(xds.QUERY_FIND_SUBMISSION_SETS, known | slots)
    assert len(list(answer.envelope.iter(q(xds.NS_RIM, "RegistryPackage")))) == found


def test_who_feeds_may_not_set_an_authorisation(hospital: DmpClient) -> None:
    assert authorise(hospital, "AJOUT", mode=INDIRECT).fault[0] == xds.DMP_ACCESS_DENIED
