"""Documents that arrive from elsewhere, about the patient of `tests.hospital`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pypdf
from django.utils import timezone

from documents.dropped import DroppedKind
from documents.enums import Intake, Origin
from documents.received import IncomingDocument, Receipt
from documents.services import (
    ImportBy,
    LooseFile,
    dropped_of,
    import_file,
    import_open,
    loose_file_import,
)
from interop.cda.datatypes import Id
from interop.cda.model import Patient, RelatedDocument
from interop.cda.n1 import build_cda_n1
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins
from interop.ins.traits import Sex, StrictTraits
from interop.xdm.build import XdmDocument, build_xdm
from interop.xdm.codes import XdmAction
from patients import models as patients
from tests.hospital import MATRICULE
from tests.interop.cda.samples import minimal_document
from tests.interop.xdm.samples import PRODUCER, lot

SENDER_ROOT = "1.2.250.1.888.7"
PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"
AT = datetime(2026, 3, 8, 13, 52, tzinfo=UTC)
TRAITS = StrictTraits("PAT-TROIS", "DOMINIQUE", "DOMINIQUE", date(1979, 3, 28), Sex.FEMALE, "63220")
PERSON = Patient(
    identity_status=IdentityStatus.QUALIFIED,
    traits=TRAITS,
    ipp=Id(f"{SENDER_ROOT}.8", "777"),
    ins=Ins(MATRICULE, INS_NIR_TEST_OID),
)


def document_id(number: int) -> Id:
    return Id(f"{SENDER_ROOT}.1.{number}")


def arriving(
    number: int = 1, *, lineage: int = 1, replaces: int | Id | None = None, pdf: bytes = PDF, **changes: Any
) -> bytes:
    """A CDA N1 of another structure: version `number` of the lineage, ids made from both.

    `changes` are fields of its header; `person` fields of its patient, `traits` of the strict traits.
    """
    patient = replace(PERSON, **changes.pop("person", {}))
    patient = replace(patient, traits=replace(TRAITS, **changes.pop("traits", {})))
    parent = document_id(lineage * 100 + replaces) if isinstance(replaces, int) else replaces
    own = {
        "id": document_id(lineage * 100 + number),
        "set_id": Id(f"{SENDER_ROOT}.2.{lineage}"),
        "version_number": number,
        "title": "Compte rendu d’une autre structure",
        "patient": patient,
        "replaces": RelatedDocument(parent) if parent is not None else None,
    }
    header = replace(minimal_document(), **(own | changes))
    return build_cda_n1(header, pdf)


def without_set(cda: bytes) -> bytes:
    """The same document as a producer before 2021 writes it: no setId, no versionNumber."""
    start, end = cda.index(b"<setId"), cda.index(b"<recordTarget")
    return cda[:start] + cda[end:]


def archive(*contents: bytes, action: XdmAction | None = None) -> bytes:
    """The IHE_XDM of these documents, as a person drops it."""
    documents = [XdmDocument(content) for content in contents]
    return build_xdm(lot(contents[0]), documents, producer=PRODUCER, action=action)


def plain_pdf() -> bytes:
    """A PDF of one blank page, that came without its CDA."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    return written(writer)


def written(writer: pypdf.PdfWriter) -> bytes:
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def imported_by_hand(content: bytes, *, patient: patients.Patient, by: ImportBy) -> list[Receipt]:
    """Dropped, the patient chosen, everything confirmed, as the page of imports does it."""
    opened = import_open(user=by.user, actor=by.actor, content=content, name="deposé")
    dropped = dropped_of(opened)
    if dropped.kind == DroppedKind.PDF:
        file = LooseFile(title="Courrier", type_code="11490-0", act_at=timezone.now())
        return [loose_file_import(opened=opened, patient=patient, file=file, by=by)]
    chosen = [one.header.unique_id for one in dropped.documents]
    return import_file(opened=opened, patient=patient, chosen=chosen, motive="", by=by)


def incoming(cda: bytes, **changes: Any) -> IncomingDocument:
    """As a mail brings it, without any hand."""
    return replace(
        IncomingDocument(
            cda=cda,
            origin=Origin.MSSANTE,
            intake=Intake.AUTOMATIC,
            source_label="Labo BIOVAL",
            source_id="<42@bioval.mssante.fr>",
        ),
        **changes,
    )
