"""What a document is about: order, acts, replaced version, encounter (cda.md 5)."""

from collections.abc import Iterable
from datetime import tzinfo

from lxml import etree

from interop.cda import codes
from interop.cda.elements import add, add_address, add_code, add_id, add_period, add_text
from interop.cda.model import Act, Encounter, EncounterParticipant, Order, RelatedDocument
from interop.cda.participants import fill_assigned


def add_order(root: etree._Element, order: Order) -> None:
    """Append the prescription that the document answers (5.1)."""
    element = add(add(root, "inFulfillmentOf"), "order")
    add_id(element, order.id)
    if order.accession_number is not None:
        number = add_id(element, order.accession_number, "accessionNumber")
        number.tag = f"{{{codes.DICOM_PS3_20}}}accessionNumber"


def add_acts(root: etree._Element, acts: Iterable[Act], zone: tzinfo) -> None:
    """Append the documented acts; only the first, the main one, names its performer (5.2)."""
    for rank, act in enumerate(acts):
        event = add(add(root, "documentationOf"), "serviceEvent")
        if act.id is not None:
            add_id(event, act.id)
        if act.code is not None:
            code = add_code(event, act.code)
            for translation in act.translations:
                add_code(code, translation, "translation")
        add_period(event, "effectiveTime", act.start, act.end, zone)
        if rank == 0 and act.performer is not None:
            performer = add(event, "performer", typeCode="PRF")
            fill_assigned(add(performer, "assignedEntity"), act.performer)


def add_related_document(root: etree._Element, replaced: RelatedDocument) -> None:
    """Append the version that this one replaces (5.3)."""
    parent = add(add(root, "relatedDocument", typeCode=codes.REPLACES), "parentDocument")
    add_id(parent, replaced.id)
    if replaced.version_number is not None:
        add(parent, "versionNumber", value=str(replaced.version_number))


def add_encounter(root: etree._Element, encounter: Encounter, zone: tzinfo) -> None:
    """Append the stay or visit (5.4)."""
    element = add(add(root, "componentOf"), "encompassingEncounter")
    if encounter.id is not None:
        add_id(element, encounter.id)
    if encounter.code is not None:
        add_code(element, encounter.code)
    add_period(element, "effectiveTime", encounter.start, encounter.end, zone)
    if encounter.discharge_disposition is not None:
        add_code(element, encounter.discharge_disposition, "dischargeDispositionCode")
    if encounter.responsible is not None:
        fill_assigned(add(add(element, "responsibleParty"), "assignedEntity"), encounter.responsible)
    for participant in encounter.participants:
        _add_participant(element, participant)
    _add_place(element, encounter)


def _add_participant(element: etree._Element, participant: EncounterParticipant) -> None:
    child = add(element, "encounterParticipant", typeCode=participant.kind)
    fill_assigned(add(child, "assignedEntity"), participant.professional)


def _add_place(element: etree._Element, encounter: Encounter) -> None:
    facility = add(add(element, "location"), "healthCareFacility")
    add_code(facility, encounter.facility_type)
    if not encounter.place_name and encounter.place_address is None:
        return
    place = add(facility, "location")
    if encounter.place_name:
        add_text(place, "name", encounter.place_name)
    if encounter.place_address is not None:
        add_address(place, encounter.place_address)
