"""ITI-18, Registry Stored Query (TD3.1 search, TD3.1b technical id of a known document).

Source: spec dmp 3.4, IHE ITI TF-2 3.18.4.1.2.3.7. Text is quoted (a quote is doubled), lists are in
parentheses, numbers and times are bare. The statuses, and the number of results, are the registry's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from interop.soap.errors import SoapError
from interop.xds import codes
from interop.xds.composed import Cx
from interop.xds.ebrim import number_of, parse_object_list
from interop.xds.metadata import SLOT_VALUE_LENGTH, Code, RegistryObjects
from interop.xds.responses import RegistryResponse, read_status
from interop.xds.times import dtm_from_instant
from interop.xml import xml_text


@dataclass(frozen=True, slots=True)
class DocumentCriteria:
    """Criteria of FindDocuments. Empty means any; `_from` is inclusive, `_to` exclusive (IHE).

    Instants have a time zone. `author_person` holds LIKE patterns (`%` and `_`).
    """

    patient_id: Cx
    statuses: tuple[str, ...] = (codes.STATUS_APPROVED,)
    class_codes: tuple[Code, ...] = ()
    type_codes: tuple[Code, ...] = ()
    practice_settings: tuple[Code, ...] = ()
    facility_types: tuple[Code, ...] = ()
    event_codes: tuple[Code, ...] = ()
    confidentiality_codes: tuple[Code, ...] = ()
    format_codes: tuple[Code, ...] = ()
    author_person: tuple[str, ...] = ()
    creation_from: datetime | None = None
    creation_to: datetime | None = None
    service_start_from: datetime | None = None
    service_start_to: datetime | None = None
    service_stop_from: datetime | None = None
    service_stop_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetCriteria:
    """Criteria of FindSubmissionSets: what was deposited since an instant."""

    patient_id: Cx
    statuses: tuple[str, ...] = (codes.STATUS_APPROVED,)
    submitted_from: datetime | None = None
    submitted_to: datetime | None = None
    author_person: str = ""
    content_types: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryResponse:
    """Answer to a stored query. `total` is the count that the registry states, -1 when it does not."""

    response: RegistryResponse
    objects: RegistryObjects
    total: int = -1


def build_find_documents(
    criteria: DocumentCriteria, *, return_type: str = codes.RETURN_LEAF_CLASS
) -> etree._Element:
    """FindDocuments: documents of a patient by criteria (TD3.1)."""
    coded = (
        (codes.PARAM_CLASS_CODE, criteria.class_codes),
        (codes.PARAM_TYPE_CODE, criteria.type_codes),
        (codes.PARAM_PRACTICE_SETTING, criteria.practice_settings),
        (codes.PARAM_FACILITY_TYPE, criteria.facility_types),
        (codes.PARAM_EVENT_CODE, criteria.event_codes),
        (codes.PARAM_CONFIDENTIALITY, criteria.confidentiality_codes),
        (codes.PARAM_FORMAT_CODE, criteria.format_codes),
    )
    times = (
        (codes.PARAM_CREATION_FROM, criteria.creation_from),
        (codes.PARAM_CREATION_TO, criteria.creation_to),
        (codes.PARAM_SERVICE_START_FROM, criteria.service_start_from),
        (codes.PARAM_SERVICE_START_TO, criteria.service_start_to),
        (codes.PARAM_SERVICE_STOP_FROM, criteria.service_stop_from),
        (codes.PARAM_SERVICE_STOP_TO, criteria.service_stop_to),
    )
    return _query(
        codes.QUERY_FIND_DOCUMENTS,
        return_type,
        [
            (codes.PARAM_PATIENT_ID, [_quoted(str(criteria.patient_id))]),
            (codes.PARAM_STATUS, _lists(criteria.statuses)),
            *((name, _lists(_coded(values))) for name, values in coded),
            (codes.PARAM_AUTHOR_PERSON, _lists(criteria.author_person)),
            *((name, _time(value)) for name, value in times),
        ],
    )


def build_get_documents(
    *, unique_ids: Sequence[str] = (), entry_uuids: Sequence[str] = (), return_type: str
) -> etree._Element:
    """GetDocuments by uniqueId or by entryUUID: one of the two (TD3.1b with `ObjectRef`).

    Raises:
        ValueError: both, or none.
    """
    return _query(codes.QUERY_GET_DOCUMENTS, return_type, _document_ids(unique_ids, entry_uuids))


def build_get_documents_and_associations(
    *, unique_ids: Sequence[str] = (), entry_uuids: Sequence[str] = ()
) -> etree._Element:
    """GetDocumentsAndAssociations: documents with their replacements.

    Raises:
        ValueError: both kinds of id, or none.
    """
    return _query(
        codes.QUERY_GET_DOCUMENTS_AND_ASSOCIATIONS,
        codes.RETURN_LEAF_CLASS,
        _document_ids(unique_ids, entry_uuids),
    )


def build_get_associations(uuids: Sequence[str]) -> etree._Element:
    """GetAssociations: what sets contain, what documents replace."""
    parameters = [(codes.PARAM_UUID, _lists(uuids))]
    return _query(codes.QUERY_GET_ASSOCIATIONS, codes.RETURN_LEAF_CLASS, parameters)


def build_find_submission_sets(criteria: SetCriteria) -> etree._Element:
    """FindSubmissionSets: the only filter on the date of deposit (spec dmp 3.4)."""
    author = [_quoted(criteria.author_person)] if criteria.author_person else []
    return _query(
        codes.QUERY_FIND_SUBMISSION_SETS,
        codes.RETURN_LEAF_CLASS,
        [
            (codes.PARAM_SET_PATIENT_ID, [_quoted(str(criteria.patient_id))]),
            (codes.PARAM_SET_STATUS, _lists(criteria.statuses)),
            (codes.PARAM_SET_TIME_FROM, _time(criteria.submitted_from)),
            (codes.PARAM_SET_TIME_TO, _time(criteria.submitted_to)),
            (codes.PARAM_SET_AUTHOR_PERSON, author),
            (codes.PARAM_SET_CONTENT_TYPE, _lists(_coded(criteria.content_types))),
        ],
    )


def parse_query_response(element: etree._Element) -> QueryResponse:
    """Read `AdhocQueryResponse`; a failure has errors and no object.

    Raises:
        SoapError: another element, or no status.
    """
    if element.tag != f"{{{codes.NS_QUERY}}}AdhocQueryResponse":
        raise SoapError(f"{element.tag} instead of AdhocQueryResponse")
    listing = element.find(f"{{{codes.NS_RIM}}}RegistryObjectList")
    return QueryResponse(
        response=read_status(element),
        objects=RegistryObjects() if listing is None else parse_object_list(listing),
        total=number_of(element.get("totalResultCount", ""), -1),
    )


def _query(
    query_id: str, return_type: str, parameters: Sequence[tuple[str, Sequence[str]]]
) -> etree._Element:
    request = etree.Element(
        f"{{{codes.NS_QUERY}}}AdhocQueryRequest", nsmap={"query": codes.NS_QUERY, None: codes.NS_RIM}
    )
    option = etree.SubElement(request, f"{{{codes.NS_QUERY}}}ResponseOption")
    option.set("returnComposedObjects", "true")
    option.set("returnType", return_type)
    query = etree.SubElement(request, f"{{{codes.NS_RIM}}}AdhocQuery", id=query_id)
    for name, values in parameters:
        if values:
            slot = etree.SubElement(query, f"{{{codes.NS_RIM}}}Slot", name=name)
            listing = etree.SubElement(slot, f"{{{codes.NS_RIM}}}ValueList")
            for value in values:
                etree.SubElement(listing, f"{{{codes.NS_RIM}}}Value").text = xml_text(value)
    return request


def _document_ids(unique_ids: Sequence[str], entry_uuids: Sequence[str]) -> list[tuple[str, list[str]]]:
    if bool(unique_ids) == bool(entry_uuids):
        raise ValueError("documents are asked by uniqueId or by entryUUID, never by both")
    if unique_ids:
        return [(codes.PARAM_UNIQUE_ID, _lists(unique_ids))]
    return [(codes.PARAM_ENTRY_UUID, _lists(entry_uuids))]


def _coded(values: Sequence[Code]) -> tuple[str, ...]:
    return tuple(f"{value.code}^^{value.system}" for value in values)


def _lists(values: Sequence[str]) -> list[str]:
    """Write a list, over several values of the slot when one would be too long (any of them matches)."""
    return [f"({chunk})" for chunk in _chunks([_quoted(value) for value in values])]


def _chunks(quoted: Sequence[str]) -> Iterator[str]:
    chunk = ""
    for value in quoted:
        joined = f"{chunk},{value}" if chunk else value
        if chunk and len(joined) > SLOT_VALUE_LENGTH - 2:
            yield chunk
            joined = value
        chunk = joined
    if chunk:
        yield chunk


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _time(instant: datetime | None) -> list[str]:
    return [] if instant is None else [dtm_from_instant(instant)]
