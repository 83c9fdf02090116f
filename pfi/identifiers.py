"""How the PFI names a document: `root^extension`, as metadata and traces do (spec cda 8.4; mssante 1.11).

A producer may write all its documents under one root and tell them apart by the extension: the root alone
names none of them.
"""

from __future__ import annotations

from typing import Final

from interop.cda.datatypes import Id
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm import MdmDocument
from interop.xds.from_cda import unique_id_of
from mssante.models import IncomingDocument
from pfi.models import Job

UNIQUE_ID_LENGTH: Final = 128


def document_key(identifier: Id, *, place: str = "OBX^1^5") -> str:
    """The uniqueId under which a document of an order is known to the DMP and to who received it.

    Raises:
        Hl7Error: 102, neither OID nor UUID, or too long: it could not leave by any channel.
    """
    try:
        key = unique_id_of(identifier)
    except ValueError:
        key = ""
    if not 0 < len(key) <= UNIQUE_ID_LENGTH:
        text = "L’identifiant du document CDA n’est ni un OID ni un UUID, ou il est trop long"
        raise Hl7Error(codes.ERROR_DATA_TYPE, place, text)
    return key


def lineage_of(order: MdmDocument) -> str:
    """What all versions of the document of an order share: the setId, else the id of the oldest one known.

    A creator without setId tells the chain by the id that each version replaces. One query then, else none.
    Raises Hl7Error as `document_key`.
    """
    document, cda = order.document, order.document.cda
    if cda is not None and cda.set_id is not None:
        return document_key(cda.set_id)
    own = document_key(document.id)
    known = [own, *([document_key(document.replaced_id)] if document.replaced_id else [])]
    former = Job.objects.filter(document_unique_id__in=known).order_by("-id")
    return former.values_list("lineage", flat=True).first() or own


def received_key(identifier: Id) -> str:
    """The same for a document that came by mail: what cannot be a uniqueId is kept as written, and cut."""
    try:
        key = unique_id_of(identifier)
    except ValueError:
        key = f"{identifier.root}^{identifier.extension}".rstrip("^")
    return key[:UNIQUE_ID_LENGTH]


def received_lineage(identifier: Id, *, set_id: Id | None, replaced: Id | None) -> str:
    """The queue in which the messages about a received document wait for one another.

    As for `lineage_of`; the messages of two lineages may pass one another. At most one query.
    """
    if set_id is not None:
        return f"lps:{received_key(set_id)}"[:UNIQUE_ID_LENGTH]
    own = received_key(identifier)
    known = [own, *([received_key(replaced)] if replaced else [])]
    former = IncomingDocument.objects.filter(unique_id__in=known).order_by("-id")
    found = former.values_list("message__lineage", flat=True).first()
    return found or f"lps:{own}"[:UNIQUE_ID_LENGTH]
