"""TD3.3: change the confidentiality of a document (a, b), its status (c, d), by ITI-57.

Sources: IHE ITI TF-2 3.57, spec dmp 3.6 and 10.2, rights of spec dmp 1.8. Of the metadata only the
confidentiality may change; the object must be there whole, as the registry returned it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from interop.xds import codes as xds
from sandbox.dmp.checks import confidentiality_problems, lot_problems
from sandbox.dmp.ebxml import (
    Association,
    EbxmlError,
    ObjectList,
    RegistryObject,
    read_object,
    read_object_list,
    write_object,
)
from sandbox.dmp.errors import RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.records import Document, Update
from sandbox.dmp.registry import Registry
from sandbox.dmp.rights import Action, require
from sandbox.dmp.vihf import Vihf
from sandbox.xml import q

REQUEST_TAG: Final = q(xds.NS_LCM, "SubmitObjectsRequest")
_MASK: Final = xds.VISIBILITY_MASKED
# Status asked for, by the status in force.
_TRANSITIONS: Final = {
    xds.STATUS_APPROVED: {xds.STATUS_ARCHIVED: Action.ARCHIVE, xds.STATUS_DELETED: Action.DELETE},
    xds.STATUS_ARCHIVED: {xds.STATUS_APPROVED: Action.ARCHIVE, xds.STATUS_DELETED: Action.DELETE},
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request read: the set, the one relation, the object when the metadata change."""

    lot: RegistryObject
    link: Association
    entry: RegistryObject | None

    def operation(self, registry: Registry) -> str:
        """Name of the transaction, as the journal and the faults tell it."""
        if self.entry is None:
            status = self.link.slots.get(xds.SLOT_NEW_STATUS, ("",))[0]
            return "TD3.3c" if status == xds.STATUS_DELETED else "TD3.3d"
        target = registry.by_logical_id(self.entry.attributes.get("lid", ""))
        before = target.confidentiality if target is not None else ()
        is_mask = (_MASK in before) != (_MASK in self.entry.confidentiality)
        return "TD3.3a" if is_mask else "TD3.3b"

    @property
    def unique_ids(self) -> tuple[str, ...]:
        return (self.entry.unique_id,) if self.entry is not None else ()


def read_request(body: etree._Element) -> Request:
    """Read a SubmitObjectsRequest. SoapFault or RegistryRefusal when it is badly formed."""
    listing = body.findall(q(xds.NS_RIM, "RegistryObjectList"))
    if len(listing) != 1:
        raise SoapFault("one RegistryObjectList is expected")
    try:
        objects = read_object_list(listing[0])
    except EbxmlError as error:
        raise _refused(xds.ERROR_REGISTRY_METADATA, str(error)) from error
    if len(objects.lots) != 1 or len(objects.associations) != 1 or len(objects.entries) > 1:
        raise _refused(xds.ERROR_METADATA_UPDATE, "one set, one association, at most one document")
    lot, link = objects.lots[0], objects.associations[0]
    if link.source != lot.identifier:
        raise _refused(xds.ERROR_METADATA_UPDATE, "the association does not start from the set")
    _check_kind(objects, link)
    return Request(lot, link, objects.entries[0] if objects.entries else None)


def _check_kind(objects: ObjectList, link: Association) -> None:
    if objects.entries:
        if link.kind != xds.ASSOCIATION_HAS_MEMBER or link.target != objects.entries[0].identifier:
            raise _refused(xds.ERROR_METADATA_UPDATE, "the document is not the member of the set")
        if link.slots.get(xds.SLOT_SUBMISSION_SET_STATUS) != (xds.SUBMISSION_SET_ORIGINAL,):
            raise _refused(xds.ERROR_METADATA_UPDATE, "HasMember without SubmissionSetStatus Original")
    elif link.kind != xds.ASSOCIATION_UPDATE_STATUS:
        raise _refused(xds.ERROR_METADATA_UPDATE, f"association {link.kind} is not expected here")


def apply(request: Request, token: Vihf, registry: Registry, now: datetime) -> None:
    """Check a request and do it. SoapFault or RegistryRefusal when it may not be."""
    problems = list(lot_problems(request.lot, token, now))
    if problems:
        raise RegistryRefusal(*(RegistryError(xds.ERROR_REGISTRY_METADATA, text) for text in problems))
    if request.lot.patient_id != token.resource_id:
        raise _refused(xds.ERROR_PATIENT_MISMATCH, "patientId is not the resource-id of the VIHF")
    with registry.lock:
        if registry.has_lot(request.lot.unique_id):
            raise _refused(xds.ERROR_DUPLICATE_UNIQUE_ID, request.lot.unique_id)
        if request.entry is None:
            change = _status_change(request, token, registry, now)
        else:
            change = _metadata_change(request, request.entry, token, registry, now)
        registry.update(change, token.structure, token.name_id, now)
    registry.sync()


def _refused(code: str, context: str) -> RegistryRefusal:
    return RegistryRefusal(RegistryError(code, context))


# Status


def _status_change(request: Request, token: Vihf, registry: Registry, now: datetime) -> Update:
    target = _current(registry.document(request.link.target), token)
    original = request.link.slots.get(xds.SLOT_ORIGINAL_STATUS, ("",))[0]
    status = request.link.slots.get(xds.SLOT_NEW_STATUS, ("",))[0]
    if original != target.status:
        raise _refused(xds.ERROR_METADATA_UPDATE, f"OriginalStatus is not {target.status}")
    action = _TRANSITIONS.get(target.status, {}).get(status)
    if action is None:
        raise _refused(xds.ERROR_METADATA_UPDATE, f"{target.status} does not become {status}")
    require(action, token, registry, now, target)
    return Update(target, request.lot, status=status)


def _current(document: Document | None, token: Vihf) -> Document:
    if document is None or document.is_signature or document.ins != (token.matricule, token.ins_oid):
        raise _refused(xds.ERROR_METADATA_UPDATE, "the document is not registered")
    if document.is_superseded:
        raise _refused(xds.ERROR_METADATA_VERSION, "the metadata have another version")
    return document


# Confidentiality


def _metadata_change(
    request: Request, entry: RegistryObject, token: Vihf, registry: Registry, now: datetime
) -> Update:
    target = _current(registry.by_logical_id(entry.attributes.get("lid", "")), token)
    previous = request.link.slots.get(xds.SLOT_PREVIOUS_VERSION, ("",))
    if previous != (str(target.version),):
        raise _refused(xds.ERROR_METADATA_VERSION, f"PreviousVersion is not {target.version}")
    problems = [*_differences(entry, target), *confidentiality_problems(entry, token)]
    if problems:
        raise RegistryRefusal(*(RegistryError(xds.ERROR_METADATA_UPDATE, text) for text in problems))
    _check_rights(entry, target, token, registry, now)
    return Update(target, request.lot, metadata=entry)


def _differences(entry: RegistryObject, target: Document) -> Iterator[str]:
    """All but the confidentiality must be what the registry returned."""
    known = read_object(write_object(target.metadata.xml, target.registered))
    if entry.attributes.get("status") != target.status:
        yield "status is not that of the document"
    for name in ("mimeType", "objectType"):
        if entry.attributes.get(name) != known.attributes.get(name):
            yield f"{name} changed"
    for name in sorted(entry.slots.keys() | known.slots.keys()):
        if entry.slots.get(name) != known.slots.get(name):
            yield f"slot {name} changed"
    if (entry.title, entry.comments) != (known.title, known.comments):
        yield "title or comments changed"
    for scheme in sorted((entry.codes.keys() | known.codes.keys()) - {xds.SCHEME_CONFIDENTIALITY_CODE}):
        if _pairs(entry, scheme) != _pairs(known, scheme):
            yield f"classification {scheme} changed"
    if entry.authors != known.authors:
        yield "author changed"
    if {key: value for key, (_, value) in entry.identifiers.items()} != {
        key: value for key, (_, value) in known.identifiers.items()
    }:
        yield "an identifier changed"


def _pairs(item: RegistryObject, scheme: str) -> list[tuple[str, str]]:
    return sorted(code.pair for code in item.codes.get(scheme, ()))


def _check_rights(
    entry: RegistryObject, target: Document, token: Vihf, registry: Registry, now: datetime
) -> None:
    """Each code that comes or goes is an act of its own; nobody hides what was seen."""
    before, after = set(target.confidentiality), set(entry.confidentiality)
    if before == after:
        raise _refused(xds.ERROR_METADATA_UPDATE, "nothing changes")
    added, removed = after - before, before - after
    if added - {_MASK}:
        raise SoapFault("a document is not made invisible", subcode=xds.DMP_ACCESS_DENIED)
    if _MASK in added:
        require(Action.MASK, token, registry, now, target)
    if _MASK in removed:
        require(Action.UNMASK, token, registry, now, target)
    if removed - {_MASK}:
        require(Action.MAKE_VISIBLE, token, registry, now, target)
