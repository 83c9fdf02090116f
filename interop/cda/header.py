"""The header of a document, in the order of the schema (structuration minimale; cda.md 1 to 5)."""

from collections.abc import Iterable
from datetime import tzinfo
from zoneinfo import ZoneInfo

from lxml import etree

from interop.cda import codes
from interop.cda.codes import NameQualifier
from interop.cda.datatypes import Id
from interop.cda.elements import (
    CDA,
    add,
    add_address,
    add_code,
    add_contacts,
    add_id,
    add_moment,
    add_person_name,
    add_telecoms,
    add_templates,
    add_text,
)
from interop.cda.encounter import add_acts, add_encounter, add_order, add_related_document
from interop.cda.model import DocumentHeader, Guardian, Patient
from interop.cda.participants import (
    add_authenticator,
    add_author,
    add_custodian,
    add_data_enterer,
    add_informant,
    add_participant,
    add_recipient,
)
from interop.ins.traits import hl7_date

_NAMESPACES = {None: codes.HL7_V3, "xsi": codes.XSI, "sdtc": codes.SDTC}


def build_header(header: DocumentHeader, templates: Iterable[Id]) -> etree._Element:
    """Return the ClinicalDocument with its header, to which a body is to be appended.

    `templates` are the templateIds beyond those of HL7 France and of the CI-SIS.
    """
    zone = ZoneInfo(header.time_zone)
    root = etree.Element(f"{CDA}ClinicalDocument", nsmap=_NAMESPACES)
    _add_identity(root, header, templates, zone)
    _add_patient(add(root, "recordTarget"), header.patient, zone)
    for author in header.authors:
        add_author(root, author, zone)
    if header.data_enterer is not None:
        add_data_enterer(root, header.data_enterer, zone)
    for person in header.informants:
        add_informant(root, person)
    add_custodian(root, header.custodian)
    for recipient in header.recipients:
        add_recipient(root, recipient)
    add_authenticator(root, "legalAuthenticator", header.legal_authenticator, zone)
    for authenticator in header.authenticators:
        add_authenticator(root, "authenticator", authenticator, zone)
    for participant in header.participants:
        add_participant(root, participant, zone)
    for order in header.orders:
        add_order(root, order)
    add_acts(root, header.acts, zone)
    if header.replaces is not None:
        add_related_document(root, header.replaces)
    add_encounter(root, header.encounter, zone)
    return root


def _add_identity(
    root: etree._Element, header: DocumentHeader, templates: Iterable[Id], zone: tzinfo
) -> None:
    add(root, "realmCode", code=codes.REALM)
    add_id(root, codes.TYPE_ID, "typeId")
    add_templates(root, (codes.TEMPLATE_HL7_FRANCE, codes.TEMPLATE_CISIS, *templates))
    add_id(root, header.id)
    add_code(root, header.type)
    add_text(root, "title", header.title)
    add_moment(root, "effectiveTime", header.created, zone)
    add_code(root, header.confidentiality, "confidentialityCode")
    add(root, "languageCode", code=header.language)
    add_id(root, header.set_id, "setId")
    add(root, "versionNumber", value=str(header.version_number))


def _add_patient(record_target: etree._Element, patient: Patient, zone: tzinfo) -> None:
    role = add(record_target, "patientRole")
    if patient.ins is not None:
        add_id(role, Id(patient.ins.oid, patient.ins.matricule))
    add_id(role, patient.ipp)
    for address in patient.addresses:
        add_address(role, address)
    add_telecoms(role, patient.telecoms)
    person = add(role, "patient")
    _add_patient_name(person, patient)
    add_code(person, codes.GENDERS[patient.traits.sex], "administrativeGenderCode")
    add(person, "birthTime", value=hl7_date(patient.traits.birth_date))
    if patient.deceased_on is not None:
        etree.SubElement(person, f"{{{codes.SDTC}}}deceasedInd", value="true")
        deceased = add_moment(person, "deceasedTime", patient.deceased_on, zone)
        deceased.tag = f"{{{codes.SDTC}}}deceasedTime"
    for guardian in patient.guardians:
        _add_guardian(person, guardian)
    _add_birthplace(person, patient)


def _add_patient_name(person: etree._Element, patient: Patient) -> None:
    traits = patient.traits
    name = add(person, "name")
    parts = (
        ("family", traits.birth_name, NameQualifier.BIRTH),
        ("given", traits.birth_given_names, ""),
        ("given", traits.first_birth_given_name, NameQualifier.BIRTH),
        ("family", patient.used_name, NameQualifier.USED),
        ("given", patient.used_given_name, NameQualifier.USED),
    )
    for part, text, qualifier in parts:
        if text:
            add_text(name, part, text, qualifier=qualifier)


def _add_guardian(person: etree._Element, guardian: Guardian) -> None:
    element = add(person, "guardian")
    add_contacts(element, guardian.address, guardian.telecoms)
    if guardian.person is not None:
        add_person_name(add(element, "guardianPerson"), guardian.person)
    elif guardian.organization is not None:
        organization = add(element, "guardianOrganization")
        if guardian.organization.id is not None:
            add_id(organization, guardian.organization.id)
        add_text(organization, "name", guardian.organization.name)


def _add_birthplace(person: etree._Element, patient: Patient) -> None:
    cog = patient.traits.birth_place_cog
    if not cog and not patient.birth_place_name:
        return
    place = add(add(person, "birthplace"), "place")
    address = add(place, "addr")
    if cog:
        add_text(address, "county", cog)
    if patient.birth_place_name:
        add_text(address, "city", patient.birth_place_name)
