"""TD3.1: stored queries of ITI-18 over the registry.

Sources: IHE ITI TF-2 3.18 (queries, parameters, errors), rights of the DMP by authentication mode (spec dmp
1.8): references for everybody who feeds, metadata for an authorised professional.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lxml import etree

from interop.xds import codes as xds
from sandbox.dmp.ebxml import write_association, write_object, write_reference
from sandbox.dmp.errors import RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.records import Document, Ins, Lot
from sandbox.dmp.registry import Registry
from sandbox.dmp.rights import Action, may_see, require
from sandbox.dmp.vihf import Vihf
from sandbox.xml import q, text_of

REQUEST_TAG: Final = q(xds.NS_QUERY, "AdhocQueryRequest")
MAX_RESULTS: Final = 500

_STRING = re.compile(r"'((?:[^']|'')*)'")
_LIST = re.compile(r"\(\s*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*\s*\)")
_CX = re.compile(r"([0-9A-Z]{15})\^\^\^&([\d.]+)&ISO\^NH")
_STATUSES: Final = frozenset(
    {xds.STATUS_APPROVED, xds.STATUS_DEPRECATED, xds.STATUS_ARCHIVED, xds.STATUS_DELETED}
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query read. Each parameter holds one tuple per slot: AND between slots, OR inside."""

    identifier: str
    return_type: str
    parameters: dict[str, tuple[tuple[str, ...], ...]]

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a parameter."""
        return tuple(value for group in self.parameters.get(name, ()) for value in group)

    def only(self, name: str) -> str:
        values = self.values(name)
        if len(values) > 1:
            raise _refused(xds.ERROR_QUERY_PARAM_NUMBER, name)
        return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class Found:
    """Answer of a query."""

    lots: tuple[Lot, ...] = ()
    documents: tuple[Document, ...] = ()
    associations: tuple[etree._Element, ...] = ()

    @property
    def count(self) -> int:
        return len(self.lots) + len(self.documents) + len(self.associations)


def _refused(code: str, context: str) -> RegistryRefusal:
    return RegistryRefusal(RegistryError(code, context))


# Reading


def read_query(body: etree._Element) -> Query:
    """Read an AdhocQueryRequest. SoapFault or RegistryRefusal when it is badly formed."""
    option = body.find(q(xds.NS_QUERY, "ResponseOption"))
    adhoc = body.find(q(xds.NS_RIM, "AdhocQuery"))
    if option is None or adhoc is None:
        raise SoapFault("ResponseOption and AdhocQuery are expected")
    return_type = option.get("returnType", "")
    if return_type not in (xds.RETURN_LEAF_CLASS, xds.RETURN_OBJECT_REF):
        raise SoapFault("returnType is LeafClass or ObjectRef")
    parameters: dict[str, tuple[tuple[str, ...], ...]] = {}
    for slot in adhoc.findall(q(xds.NS_RIM, "Slot")):
        name = slot.get("name", "")
        texts = [
            text_of(value) for value in slot.findall(f"{q(xds.NS_RIM, 'ValueList')}/{q(xds.NS_RIM, 'Value')}")
        ]
        group = tuple(value for text in texts for value in _read_value(name, text))
        parameters[name] = (*parameters.get(name, ()), group)
    return Query(adhoc.get("id", ""), return_type, parameters)


def _read_value(name: str, text: str) -> tuple[str, ...]:
    """`'one'`, `('one','two')`, or a bare number or time. Patient identifiers take no parentheses."""
    if _STRING.fullmatch(text):
        return (text[1:-1].replace("''", "'"),)
    if _LIST.fullmatch(text):
        if name in (xds.PARAM_PATIENT_ID, xds.PARAM_SET_PATIENT_ID):
            raise _refused(xds.ERROR_QUERY_PARAM_NUMBER, f"{name} takes no parentheses")
        return tuple(found.replace("''", "'") for found in _STRING.findall(text))
    if text.isdigit():
        return (text,)
    raise _refused(xds.ERROR_QUERY_PARAM_NUMBER, f"{name}: {text}")


# Running


def run_query(query: Query, token: Vihf, registry: Registry, now: datetime) -> Found:
    """Run a stored query for the patient of the token, and only for that patient."""
    run = _QUERIES.get(query.identifier)
    if run is None:
        raise _refused(xds.ERROR_UNKNOWN_QUERY, query.identifier)
    _check_rights(query, token, registry, now)
    found = run(query, token, registry)
    if found.count > MAX_RESULTS:
        raise _refused(xds.ERROR_TOO_MANY_RESULTS, str(found.count))
    return found


def _check_rights(query: Query, token: Vihf, registry: Registry, now: datetime) -> None:
    """References of known documents are for those who feed or delete; metadata for those who may read."""
    is_reference = query.identifier == xds.QUERY_GET_DOCUMENTS and query.return_type == xds.RETURN_OBJECT_REF
    require(Action.REFERENCE if is_reference else Action.SEARCH, token, registry, now)


def _patient_of(query: Query, name: str, token: Vihf) -> Ins:
    value = query.only(name)
    if not value:
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, name)
    found = _CX.fullmatch(value)
    if found is None or (found[1], found[2]) != (token.matricule, token.ins_oid):
        raise _refused(xds.ERROR_PATIENT_MISMATCH, name)
    return found[1], found[2]


def _find_documents(query: Query, token: Vihf, registry: Registry) -> Found:
    """Deleted documents are found no more, whatever the status asked for."""
    ins = _patient_of(query, xds.PARAM_PATIENT_ID, token)
    statuses = query.values(xds.PARAM_STATUS)
    if not statuses:
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, xds.PARAM_STATUS)
    if unknown := set(statuses) - _STATUSES:
        raise _refused(xds.ERROR_QUERY_PARAM_NUMBER, f"{xds.PARAM_STATUS}: {sorted(unknown)[0]}")
    documents = tuple(
        document
        for document in registry.documents(ins)
        if document.status in statuses
        and document.status != xds.STATUS_DELETED
        and not document.is_signature
        and may_see(document, token, registry)
        and _matches(document, query)
    )
    return Found(documents=documents)


_CODE_PARAMETERS: Final = (
    (xds.PARAM_CLASS_CODE, xds.SCHEME_CLASS_CODE),
    (xds.PARAM_TYPE_CODE, xds.SCHEME_TYPE_CODE),
    (xds.PARAM_PRACTICE_SETTING, xds.SCHEME_PRACTICE_SETTING_CODE),
    (xds.PARAM_FACILITY_TYPE, xds.SCHEME_FACILITY_TYPE_CODE),
    (xds.PARAM_EVENT_CODE, xds.SCHEME_EVENT_CODE),
    (xds.PARAM_CONFIDENTIALITY, xds.SCHEME_CONFIDENTIALITY_CODE),
    (xds.PARAM_FORMAT_CODE, xds.SCHEME_FORMAT_CODE),
)
_TIME_PARAMETERS: Final = (
    (xds.PARAM_CREATION_FROM, xds.PARAM_CREATION_TO, xds.SLOT_CREATION_TIME),
    (xds.PARAM_SERVICE_START_FROM, xds.PARAM_SERVICE_START_TO, xds.SLOT_SERVICE_START),
    (xds.PARAM_SERVICE_STOP_FROM, xds.PARAM_SERVICE_STOP_TO, xds.SLOT_SERVICE_STOP),
)


def _matches(document: Document, query: Query) -> bool:
    metadata = document.metadata
    for name, scheme in _CODE_PARAMETERS:
        held = {f"{code.code}^^{code.system}" for code in metadata.codes.get(scheme, ())}
        if any(not held & set(group) for group in query.parameters.get(name, ())):
            return False
    for first, last, slot in _TIME_PARAMETERS:
        if not _in_period(metadata.slot(slot), query.only(first), query.only(last)):
            return False
    persons = [value for author in metadata.authors for value in author.values(xds.SLOT_AUTHOR_PERSON)]
    return _holds(query, xds.PARAM_AUTHOR_PERSON, persons) and all(
        set(group) & set(metadata.slots.get(xds.SLOT_REFERENCE_ID_LIST, ()))
        for group in query.parameters.get(xds.PARAM_REFERENCE_ID, ())
    )


def _holds(query: Query, name: str, persons: list[str]) -> bool:
    """Does a person fit each LIKE pattern of a parameter?"""
    return all(
        any(_like(pattern, person) for pattern in group for person in persons)
        for group in query.parameters.get(name, ())
    )


def _in_period(value: str, first: str, last: str) -> bool:
    """From is inclusive, To exclusive. Times of lower precision stand for their first instant."""
    padded = value.ljust(14, "0")
    return (not first or (value != "" and padded >= first.ljust(14, "0"))) and (
        not last or (value != "" and padded < last.ljust(14, "0"))
    )


def _like(pattern: str, text: str) -> bool:
    """SQL patterns: `%` for any text, `_` for one character."""
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part) or re.escape(part) for part in re.split("([%_])", pattern))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _find_by_reference(query: Query, token: Vihf, registry: Registry) -> Found:
    if not query.values(xds.PARAM_REFERENCE_ID):
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, xds.PARAM_REFERENCE_ID)
    return _find_documents(query, token, registry)


def _get_documents(query: Query, token: Vihf, registry: Registry) -> Found:
    unique_ids = query.values(xds.PARAM_UNIQUE_ID)
    uuids = query.values(xds.PARAM_ENTRY_UUID)
    if bool(unique_ids) == bool(uuids):
        raise _refused(
            xds.ERROR_QUERY_PARAM_NUMBER if unique_ids else xds.ERROR_QUERY_MISSING_PARAM,
            f"{xds.PARAM_UNIQUE_ID} or {xds.PARAM_ENTRY_UUID}",
        )
    candidates = [registry.by_unique_id(value) for value in unique_ids] + [
        registry.document(value) for value in uuids
    ]
    is_reference = query.return_type == xds.RETURN_OBJECT_REF
    return Found(documents=tuple(_seen(candidates, token, registry, with_deleted=not is_reference)))


def _seen(
    candidates: Iterable[Document | None], token: Vihf, registry: Registry, *, with_deleted: bool
) -> Iterable[Document]:
    """Documents of the patient that the caller may know of; a deleted one says so to whom reads it whole."""
    ins = (token.matricule, token.ins_oid)
    for document in candidates:
        if document is None or document.ins != ins or not may_see(document, token, registry):
            continue
        if with_deleted or document.status != xds.STATUS_DELETED:
            yield document


def _find_submission_sets(query: Query, token: Vihf, registry: Registry) -> Found:
    ins = _patient_of(query, xds.PARAM_SET_PATIENT_ID, token)
    if not query.values(xds.PARAM_SET_STATUS):
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, xds.PARAM_SET_STATUS)
    first, last = query.only(xds.PARAM_SET_TIME_FROM), query.only(xds.PARAM_SET_TIME_TO)
    lots = tuple(
        lot
        for lot in registry.lots(ins)
        if _in_period(lot.metadata.slot(xds.SLOT_SUBMISSION_TIME), first, last) and _fits(lot, query)
    )
    return Found(lots=lots)


def _fits(lot: Lot, query: Query) -> bool:
    """Author and content of a set; every set is Approved."""
    kinds = {
        f"{code.code}^^{code.system}" for code in lot.metadata.codes.get(xds.SCHEME_SET_CONTENT_TYPE, ())
    }
    if any(not kinds & set(group) for group in query.parameters.get(xds.PARAM_SET_CONTENT_TYPE, ())):
        return False
    persons = [value for author in lot.metadata.authors for value in author.values(xds.SLOT_AUTHOR_PERSON)]
    return xds.STATUS_APPROVED in query.values(xds.PARAM_SET_STATUS) and _holds(
        query, xds.PARAM_SET_AUTHOR_PERSON, persons
    )


def _get_associations(query: Query, token: Vihf, registry: Registry) -> Found:
    identifiers = query.values(xds.PARAM_UUID)
    if not identifiers:
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, xds.PARAM_UUID)
    ins = (token.matricule, token.ins_oid)
    own = frozenset(
        identifier
        for identifier in identifiers
        if any(
            item is not None and item.ins == ins
            for item in (registry.document(identifier), registry.lot(identifier))
        )
    )
    links = tuple(write_association(link) for link in registry.associations_of(own))
    return Found(associations=links)


def _get_documents_and_associations(query: Query, token: Vihf, registry: Registry) -> Found:
    documents = _get_documents(query, token, registry).documents
    identifiers = frozenset(document.entry_uuid for document in documents)
    links = tuple(write_association(link) for link in registry.associations_of(identifiers))
    return Found(documents=documents, associations=links)


def _get_related_documents(query: Query, token: Vihf, registry: Registry) -> Found:
    """A document, those that an association of the given types ties to it, and those associations."""
    kinds = query.values(xds.PARAM_ASSOCIATION_TYPES)
    if not kinds:
        raise _refused(xds.ERROR_QUERY_MISSING_PARAM, xds.PARAM_ASSOCIATION_TYPES)
    named = _get_documents(query, token, registry).documents
    if not named:
        return Found()
    identifiers = frozenset(document.entry_uuid for document in named)
    links = tuple(link for link in registry.associations_of(identifiers) if link.kind in kinds)
    ends = {end for link in links for end in (link.source, link.target)} - identifiers
    others = _seen((registry.document(end) for end in sorted(ends)), token, registry, with_deleted=True)
    return Found(documents=(*named, *others), associations=tuple(write_association(link) for link in links))


_QUERIES: Final[dict[str, Callable[[Query, Vihf, Registry], Found]]] = {
    xds.QUERY_FIND_DOCUMENTS: _find_documents,
    xds.QUERY_GET_DOCUMENTS: _get_documents,
    xds.QUERY_FIND_SUBMISSION_SETS: _find_submission_sets,
    xds.QUERY_GET_ASSOCIATIONS: _get_associations,
    xds.QUERY_GET_DOCUMENTS_AND_ASSOCIATIONS: _get_documents_and_associations,
    xds.QUERY_GET_RELATED_DOCUMENTS: _get_related_documents,
    xds.QUERY_FIND_DOCUMENTS_BY_REFERENCE: _find_by_reference,
}


def with_signatures(found: Found, token: Vihf, registry: Registry) -> Found:
    """The same answer with the signature objects of the patient: a client must not list them."""
    ins = (token.matricule, token.ins_oid)
    signatures = tuple(document for document in registry.documents(ins) if document.is_signature)
    return replace(found, documents=found.documents + signatures)


# Writing


def write_answer(query: Query, found: Found) -> etree._Element:
    """AdhocQueryResponse of a query that succeeded."""
    answer = etree.Element(
        q(xds.NS_QUERY, "AdhocQueryResponse"), nsmap={"query": xds.NS_QUERY, None: xds.NS_RIM}
    )
    answer.set("status", xds.RESPONSE_SUCCESS)
    answer.set("totalResultCount", str(found.count))
    listing = etree.SubElement(answer, q(xds.NS_RIM, "RegistryObjectList"))
    if query.return_type == xds.RETURN_OBJECT_REF:
        identifiers = [lot.entry_uuid for lot in found.lots]
        identifiers += [document.entry_uuid for document in found.documents]
        identifiers += [link.get("id", "") for link in found.associations]
        listing.extend(write_reference(identifier) for identifier in identifiers)
        return answer
    for lot in found.lots:
        listing.append(write_object(lot.metadata.xml, lot.registered))
    for document in found.documents:
        listing.append(write_object(document.metadata.xml, document.registered))
    listing.extend(found.associations)
    return answer
