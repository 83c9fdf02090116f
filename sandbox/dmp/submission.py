"""TD2.1: a submission is read, checked whole, and registered in one step or not at all.

Sources: IHE ITI-41 and its error codes, DMP integration guide (TD2.1, TD2.1b replacement), decisions on
closed and absent DMP.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from lxml import etree

from interop.xds import codes as xds
from sandbox.dmp.cda import CdaError, CdaHeader, read_header
from sandbox.dmp.checks import document_problems, entry_problems, lot_problems
from sandbox.dmp.ebxml import (
    Association,
    EbxmlError,
    ObjectList,
    RegistryObject,
    read_object_list,
)
from sandbox.dmp.errors import RegistryError, RegistryRefusal, SoapFault
from sandbox.dmp.lot_signature import check_lot_signature
from sandbox.dmp.mtom import included
from sandbox.dmp.records import Document, Kept, Lot, NewDocument, NewLot
from sandbox.dmp.registry import Registry
from sandbox.dmp.rights import Action, check_open, require
from sandbox.dmp.vihf import Vihf
from sandbox.xml import q

REQUEST_TAG: Final = q(xds.NS_XDSB, "ProvideAndRegisterDocumentSetRequest")


@dataclass(frozen=True, slots=True)
class SubmissionPolicy:
    """What the registry asks beyond the fixed rules."""

    authority: x509.Certificate
    signature_required: bool = True


@dataclass(frozen=True, slots=True)
class Submission:
    """A request read: objects and contents, by the identifiers of the message."""

    objects: ObjectList
    contents: dict[str, bytes]

    @property
    def unique_ids(self) -> tuple[str, ...]:
        return tuple(entry.unique_id for entry in self.objects.entries if not entry.is_signature)


def read_submission(body: etree._Element, attachments: dict[str, bytes]) -> Submission:
    """Read the body of a request. SoapFault when it does not have the form of the schema."""
    listing = body.findall(f"{q(xds.NS_LCM, 'SubmitObjectsRequest')}/{q(xds.NS_RIM, 'RegistryObjectList')}")
    if len(listing) != 1:
        raise SoapFault("one SubmitObjectsRequest with its RegistryObjectList is expected")
    try:
        objects = read_object_list(listing[0])
    except EbxmlError as error:
        raise _metadata(str(error)) from error
    contents: dict[str, bytes] = {}
    for document in body.findall(q(xds.NS_XDSB, "Document")):
        identifier = document.get("id", "")
        if identifier in contents:
            raise SoapFault("two Document elements have one id")
        contents[identifier] = included(document, attachments)
    return Submission(objects, contents)


def register_submission(
    submission: Submission, token: Vihf, registry: Registry, policy: SubmissionPolicy, now: datetime
) -> Lot:
    """Check a submission and register it.

    RegistryRefusal with every error found by the first check that fails; nothing is kept then.
    """
    require(Action.FEED, token, registry, now)
    lot = _only_lot(submission)
    _check_patient(submission, token, registry)
    _check_contents(submission)
    _check_duplicates(submission, lot, registry)
    _check_metadata(submission, lot, token, now)
    _check_associations(submission, lot)
    headers = _check_documents(submission, token)
    _check_signature(submission, lot, policy, now)
    kept = registry.keep(submission.contents)
    with registry.lock:
        # Only what depends on the state is asked again: the rest of the work needs no lock.
        _check_duplicates(submission, lot, registry)
        targets = _check_replacements(submission, headers, token, registry)
        registered = registry.register(_new_lot(submission, lot, headers, targets, kept, token), now)
    registry.sync()
    return registered


def _metadata(*contexts: str) -> RegistryRefusal:
    return RegistryRefusal(*(RegistryError(xds.ERROR_REGISTRY_METADATA, text) for text in contexts))


def _only_lot(submission: Submission) -> RegistryObject:
    if len(submission.objects.lots) != 1 or not submission.objects.entries:
        raise _metadata("one RegistryPackage and at least one ExtrinsicObject are expected")
    identifiers = [item.identifier for item in (*submission.objects.lots, *submission.objects.entries)]
    if "" in identifiers or len(set(identifiers)) < len(identifiers):
        raise _metadata("each object needs an id of its own")
    return submission.objects.lots[0]


def _check_patient(submission: Submission, token: Vihf, registry: Registry) -> None:
    """One patient in the token, the set and the documents, whose DMP is open."""
    for item in (*submission.objects.lots, *submission.objects.entries):
        if item.patient_id != token.resource_id:
            raise RegistryRefusal(
                RegistryError(xds.ERROR_PATIENT_MISMATCH, "patientId is not the resource-id of the VIHF")
            )
    check_open(registry.patient((token.matricule, token.ins_oid)))


def _check_contents(submission: Submission) -> None:
    """One Document per ExtrinsicObject, and the hash and size that the metadata announce."""
    entries = {entry.identifier: entry for entry in submission.objects.entries}
    for identifier in submission.contents.keys() - entries.keys():
        raise RegistryRefusal(RegistryError(xds.ERROR_MISSING_METADATA, f"Document {identifier}"))
    for identifier in entries.keys() - submission.contents.keys():
        raise RegistryRefusal(RegistryError(xds.ERROR_MISSING_DOCUMENT, f"ExtrinsicObject {identifier}"))
    errors = []
    for identifier, entry in entries.items():
        content = submission.contents[identifier]
        written_hash, written_size = entry.slot(xds.SLOT_HASH), entry.slot(xds.SLOT_SIZE)
        if written_hash and written_hash != _sha1(content):
            errors.append(RegistryError(xds.ERROR_REPOSITORY_METADATA, f"hash of {entry.unique_id}"))
        if written_size and written_size != str(len(content)):
            errors.append(RegistryError(xds.ERROR_REPOSITORY_METADATA, f"size of {entry.unique_id}"))
    if errors:
        raise RegistryRefusal(*errors)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _check_duplicates(submission: Submission, lot: RegistryObject, registry: Registry) -> None:
    """A uniqueId is used once, for ever; the same with another content is told apart."""
    written = [item.unique_id for item in (lot, *submission.objects.entries)]
    for unique_id in sorted({value for value in written if written.count(value) > 1}):
        raise RegistryRefusal(RegistryError(xds.ERROR_DUPLICATE_IN_MESSAGE, unique_id))
    errors: list[RegistryError] = []
    # The signature object is made anew at each attempt: its documents tell better.
    for entry in sorted(submission.objects.entries, key=lambda entry: entry.is_signature):
        known = registry.by_unique_id(entry.unique_id)
        if known is None or (errors and entry.is_signature):
            continue
        same = known.content.sha1 == _sha1(submission.contents[entry.identifier])
        code = xds.ERROR_DUPLICATE_UNIQUE_ID if same else xds.ERROR_NON_IDENTICAL_HASH
        errors.append(RegistryError(code, entry.unique_id))
    if not errors and registry.has_lot(lot.unique_id):
        errors.append(RegistryError(xds.ERROR_DUPLICATE_UNIQUE_ID, lot.unique_id))
    if errors:
        raise RegistryRefusal(*errors)


def _check_metadata(submission: Submission, lot: RegistryObject, token: Vihf, now: datetime) -> None:
    problems = list(lot_problems(lot, token, now))
    for entry in submission.objects.entries:
        problems += [f"{text} ({entry.unique_id})" for text in entry_problems(entry, token)]
    if problems:
        raise _metadata(*problems)


def _check_associations(submission: Submission, lot: RegistryObject) -> None:
    """HasMember from the set to each document; `signs` from the signature; RPLC; nothing else."""
    entries = {entry.identifier: entry for entry in submission.objects.entries}
    members: list[str] = []
    for link in submission.objects.associations:
        match link.kind:
            case xds.ASSOCIATION_HAS_MEMBER:
                if link.source != lot.identifier or link.target not in entries:
                    raise _metadata("HasMember does not lead from the set to a document of the message")
                if link.slots.get(xds.SLOT_SUBMISSION_SET_STATUS) != (xds.SUBMISSION_SET_ORIGINAL,):
                    raise _metadata("HasMember without SubmissionSetStatus Original")
                members.append(link.target)
            case xds.ASSOCIATION_SIGNS:
                signer = entries.get(link.source)
                if signer is None or not signer.is_signature or link.target != lot.identifier:
                    raise _metadata("signs does not lead from the signature object to the set")
            case xds.ASSOCIATION_REPLACE:
                if link.source not in entries:
                    raise _metadata("RPLC does not start from a document of the message")
            case _:
                raise _metadata(f"association {link.kind} is not expected here")
    if sorted(members) != sorted(entries):
        raise _metadata("each document is a member of the set, once")
    signing = {link.source for link in submission.objects.associations if link.kind == xds.ASSOCIATION_SIGNS}
    if signing != {entry.identifier for entry in entries.values() if entry.is_signature}:
        raise _metadata("the signature object signs the set")


def _check_documents(submission: Submission, token: Vihf) -> dict[str, CdaHeader]:
    """Each document is a CDA of which the metadata are the copy. Returns the headers by id of entry."""
    headers: dict[str, CdaHeader] = {}
    problems: list[str] = []
    for entry in submission.objects.entries:
        if entry.is_signature:
            continue
        try:
            header = read_header(submission.contents[entry.identifier])
        except CdaError as error:
            problems.append(f"document {entry.unique_id}: {error}")
            continue
        headers[entry.identifier] = header
        problems += [f"{text} ({entry.unique_id})" for text in document_problems(entry, header, token)]
    if problems:
        raise _metadata(*problems)
    return headers


def _check_signature(
    submission: Submission, lot: RegistryObject, policy: SubmissionPolicy, now: datetime
) -> None:
    signatures = [entry for entry in submission.objects.entries if entry.is_signature]
    if len(signatures) > 1 or (policy.signature_required and not signatures):
        raise RegistryRefusal(
            RegistryError(xds.ERROR_REPOSITORY, "the submission set carries one signature object (E1762)")
        )
    for entry in signatures:
        check_lot_signature(
            submission.contents[entry.identifier],
            signature_id=entry.unique_id,
            lot_id=lot.unique_id,
            documents={
                other.unique_id: submission.contents[other.identifier]
                for other in submission.objects.entries
                if not other.is_signature
            },
            authority=policy.authority,
            now=now,
        )


def _check_replacements(
    submission: Submission, headers: dict[str, CdaHeader], token: Vihf, registry: Registry
) -> dict[str, Document]:
    """Replaced documents by id of the entry that replaces them."""
    links = [link for link in submission.objects.associations if link.kind == xds.ASSOCIATION_REPLACE]
    targets = {link.source: _replaced(link, token, registry) for link in links}
    if len(targets) < len(links):
        raise _metadata("a document replaces one other")
    for identifier, header in headers.items():
        target = targets.get(identifier)
        if target is not None:
            _check_version(header, target)
            continue
        # A document whose parent never came here is a new one, although it names that parent.
        known = registry.by_unique_id(header.replaces) if header.replaces else None
        if known is not None:
            raise _metadata(
                f"document {header.unique_id} replaces {header.replaces} without RPLC association"
            )
        current = registry.current_of_set((token.matricule, token.ins_oid), header.set_id)
        if current is not None:
            raise _metadata(f"document {header.unique_id}: setId has a version in force {current.unique_id}")
    return targets


def _replaced(link: Association, token: Vihf, registry: Registry) -> Document:
    target = registry.document(link.target)
    if target is None or target.is_signature:
        raise _metadata(f"RPLC leads to {link.target}, which is not registered")
    if target.ins != (token.matricule, token.ins_oid):
        raise RegistryRefusal(
            RegistryError(xds.ERROR_PATIENT_MISMATCH, "RPLC leads to a document of another patient")
        )
    if target.status != xds.STATUS_APPROVED:
        raise RegistryRefusal(RegistryError(xds.ERROR_DEPRECATED_DOCUMENT, target.unique_id))
    if target.structure != token.structure:
        raise SoapFault("only its author may replace a document", subcode=xds.DMP_ACCESS_DENIED)
    return target


def _check_version(header: CdaHeader, target: Document) -> None:
    if header.replaces != target.unique_id:
        raise _metadata(f"document {header.unique_id}: relatedDocument is not the target of RPLC")
    if header.set_id != target.set_id:
        raise _metadata(f"document {header.unique_id}: setId is not that of the document replaced")
    if header.version_number <= target.set_version:
        raise _metadata(f"document {header.unique_id}: versionNumber does not follow {target.set_version}")


def _new_lot(
    submission: Submission,
    lot: RegistryObject,
    headers: dict[str, CdaHeader],
    targets: dict[str, Document],
    kept: dict[str, Kept],
    token: Vihf,
) -> NewLot:
    documents = []
    for entry in submission.objects.entries:
        header, target = headers.get(entry.identifier), targets.get(entry.identifier)
        documents.append(
            NewDocument(
                entry,
                kept[entry.identifier],
                header.set_id if header else "",
                header.version_number if header else 0,
                target.entry_uuid if target else "",
            )
        )
    return NewLot(lot, tuple(documents), (token.matricule, token.ins_oid), token.structure, token.name_id)
