"""ITI-41, Provide and Register Document Set (TD2.1): a lot, its documents, and the relations between them.

Source: spec dmp 3.3, official DMP example of TD2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from interop.soap.mtom import Attachment, include_reference
from interop.xds import codes
from interop.xds.ebrim import build_submit_objects
from interop.xds.metadata import (
    Association,
    DocumentEntry,
    MetadataError,
    RegistryObjects,
    SubmissionSet,
)

_ORIGINAL = ((codes.SLOT_SUBMISSION_SET_STATUS, codes.SUBMISSION_SET_ORIGINAL),)


@dataclass(frozen=True, slots=True)
class SubmittedDocument:
    """A document of a lot. `replaces` is the entryUUID of the entry that this one takes over, or empty."""

    entry: DocumentEntry
    content: bytes
    replaces: str = ""


def lot_objects(
    lot: SubmissionSet,
    documents: Sequence[SubmittedDocument],
    *,
    signature: SubmittedDocument | None = None,
) -> RegistryObjects:
    """Return the registry objects of a submission: membership, replacements, signature.

    Raises:
        MetadataError: no document, several of the same id, another patient than that of the lot, or
            hash and size that are not those of the bytes.
    """
    members = [*documents, *([signature] if signature else [])]
    _check_lot(lot, documents, members)
    associations = [
        Association(codes.ASSOCIATION_HAS_MEMBER, lot.entry_id, member.entry.entry_id, _ORIGINAL)
        for member in members
    ]
    associations += [
        Association(codes.ASSOCIATION_REPLACE, document.entry.entry_id, document.replaces)
        for document in documents
        if document.replaces
    ]
    if signature is not None:
        signs = Association(codes.ASSOCIATION_SIGNS, signature.entry.entry_id, lot.entry_id, _ORIGINAL)
        associations.append(signs)
    entries = tuple(member.entry for member in members)
    return RegistryObjects(sets=(lot,), entries=entries, associations=tuple(associations))


def build_provide_and_register(
    lot: SubmissionSet,
    documents: Sequence[SubmittedDocument],
    *,
    signature: SubmittedDocument | None = None,
) -> tuple[etree._Element, tuple[Attachment, ...]]:
    """Return the body of the request and the attachments that it refers to.

    Raises:
        MetadataError: the metadata is incomplete or does not fit the documents.
    """
    request = etree.Element(
        f"{{{codes.NS_XDSB}}}ProvideAndRegisterDocumentSetRequest",
        nsmap={"xdsb": codes.NS_XDSB, "lcm": codes.NS_LCM, None: codes.NS_RIM},
    )
    objects = lot_objects(lot, documents, signature=signature)
    request.append(build_submit_objects(objects))
    attachments = []
    for member in [*documents, *([signature] if signature else [])]:
        content_id = f"{member.entry.entry_id}@{lot.unique_id}"
        document = etree.SubElement(request, f"{{{codes.NS_XDSB}}}Document", id=member.entry.entry_id)
        document.append(include_reference(content_id))
        attachments.append(Attachment(content_id, member.content, member.entry.mime_type))
    return request, tuple(attachments)


def content_hash(content: bytes) -> str:
    """SHA-1 of a document, as the metadata `hash` wants it (spec cda 8.1): not a security use."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _check_lot(
    lot: SubmissionSet, documents: Sequence[SubmittedDocument], members: Sequence[SubmittedDocument]
) -> None:
    problems = []
    if not documents:
        problems.append("the lot holds no document")
    for name in ("entry_id", "unique_id"):
        if len({getattr(member.entry, name) for member in members}) < len(members):
            problems.append(f"two documents of the lot have the same {name}")
    for member in members:
        entry = member.entry
        if entry.patient_id != lot.patient_id:
            problems.append(f"{entry.entry_id}: the patient is not that of the lot")
        if entry.hash and entry.hash != content_hash(member.content):
            problems.append(f"{entry.entry_id}: the hash is not that of the document")
        if entry.size >= 0 and entry.size != len(member.content):
            problems.append(f"{entry.entry_id}: the size is not that of the document")
    if problems:
        raise MetadataError(tuple(problems))
