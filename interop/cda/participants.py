"""Participants of a document: author, custodian, recipients, authenticators... (cda.md 4)."""

from datetime import tzinfo

from lxml import etree

from interop.cda.elements import (
    add,
    add_address,
    add_code,
    add_contacts,
    add_id,
    add_moment,
    add_null,
    add_period,
    add_person_name,
    add_telecoms,
    add_text,
)
from interop.cda.model import (
    Authenticator,
    Author,
    DataEnterer,
    Device,
    Organization,
    Participant,
    Professional,
    Recipient,
    RelatedPerson,
)


def add_author(parent: etree._Element, author: Author, zone: tzinfo) -> etree._Element:
    """Append an author of the document or of an entry: a person or a system (4.1, 4.2)."""
    element = add(parent, "author")
    if author.function is not None:
        add_code(element, author.function, "functionCode")
    add_moment(element, "time", author.time, zone)
    assigned = add(element, "assignedAuthor")
    if isinstance(author.author, Device):
        _fill_device(assigned, author.author)
    else:
        fill_assigned(assigned, author.author)
    return element


def _fill_device(assigned: etree._Element, device: Device) -> None:
    add_id(assigned, device.id)
    authoring = add(assigned, "assignedAuthoringDevice")
    add_text(authoring, "manufacturerModelName", device.model)
    add_text(authoring, "softwareName", device.software)
    if device.organization is not None:
        add_organization(assigned, "representedOrganization", device.organization)


def fill_assigned(assigned: etree._Element, professional: Professional) -> None:
    """Fill an assignedAuthor or assignedEntity, in the order of the schema."""
    if professional.id is not None:
        add_id(assigned, professional.id)
    else:
        add_null(assigned, "id", "UNK")
    if professional.specialty is not None:
        add_code(assigned, professional.specialty)
    add_contacts(assigned, professional.address, professional.telecoms)
    add_person_name(add(assigned, "assignedPerson"), professional.name)
    if professional.organization is not None:
        add_organization(assigned, "representedOrganization", professional.organization)


def add_organization(parent: etree._Element, name: str, organization: Organization) -> etree._Element:
    """Append a structure."""
    element = add(parent, name)
    if organization.id is not None:
        add_id(element, organization.id)
    if organization.name:
        add_text(element, "name", organization.name)
    add_telecoms(element, organization.telecoms)
    if organization.address is not None:
        add_address(element, organization.address)
    if organization.practice_setting is not None:
        add_code(element, organization.practice_setting, "standardIndustryClassCode")
    return element


def add_data_enterer(root: etree._Element, enterer: DataEnterer, zone: tzinfo) -> None:
    """Append who typed the document (4.3)."""
    element = add(root, "dataEnterer")
    if enterer.time is not None:
        add_moment(element, "time", enterer.time, zone)
    fill_assigned(add(element, "assignedEntity"), enterer.professional)


def add_informant(root: etree._Element, person: RelatedPerson) -> None:
    """Append a person near the patient (4.4)."""
    entity = add(add(root, "informant"), "relatedEntity", classCode=person.kind)
    if person.relationship is not None:
        add_code(entity, person.relationship)
    add_contacts(entity, person.address, person.telecoms)
    add_person_name(add(entity, "relatedPerson"), person.name)


def add_custodian(root: etree._Element, custodian: Organization) -> None:
    """Append who keeps the document (4.5)."""
    assigned = add(add(root, "custodian"), "assignedCustodian")
    organization = add(assigned, "representedCustodianOrganization")
    if custodian.id is not None:
        add_id(organization, custodian.id)
    add_text(organization, "name", custodian.name)
    add_telecoms(organization, custodian.telecoms[:1])
    if custodian.address is not None:
        add_address(organization, custodian.address)


def add_recipient(root: etree._Element, recipient: Recipient) -> None:
    """Append to whom the document is addressed (4.6)."""
    intended = add(add(root, "informationRecipient"), "intendedRecipient")
    if recipient.id is not None:
        add_id(intended, recipient.id)
    add_contacts(intended, recipient.address, recipient.telecoms)
    if recipient.name is not None:
        add_person_name(add(intended, "informationRecipient"), recipient.name)
    if recipient.organization is not None:
        add_organization(intended, "receivedOrganization", recipient.organization)


def add_authenticator(
    root: etree._Element, name: str, authenticator: Authenticator, zone: tzinfo
) -> etree._Element:
    """Append a legalAuthenticator (4.7) or an authenticator (4.8)."""
    element = add(root, name)
    add_moment(element, "time", authenticator.time, zone)
    add(element, "signatureCode", code="S")
    fill_assigned(add(element, "assignedEntity"), authenticator.professional)
    return element


def add_participant(root: etree._Element, participant: Participant, zone: tzinfo) -> None:
    """Append another professional concerned (4.9)."""
    element = add(root, "participant", typeCode=participant.kind)
    if participant.function is not None:
        add_code(element, participant.function, "functionCode")
    if participant.start is None and participant.end is None:
        add_null(element, "time", "NA")
    else:
        add_period(element, "time", participant.start, participant.end, zone)
    professional = participant.professional
    entity = add(element, "associatedEntity", classCode="PROV")
    if professional.id is not None:
        add_id(entity, professional.id)
    if professional.specialty is not None:
        add_code(entity, professional.specialty)
    add_contacts(entity, professional.address, professional.telecoms)
    add_person_name(add(entity, "associatedPerson"), professional.name)
    if professional.organization is not None:
        add_organization(entity, "scopingOrganization", professional.organization)
