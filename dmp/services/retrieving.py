"""The content of documents of the DMP: read for one person, filed only when that person asks (dmp 6.5).

Viewing keeps nothing (REC_3.2-1020). Integration is an act: bytes unmodified, identity compared on every
strict trait, duplicates told by id, setId and version.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from audit.enums import Action, Outcome
from dmp.consultation import Consultation
from dmp.line import Line
from dmp.models import RemoteDocument
from dmp.rules.documents import batches
from dmp.services.chains import replaced_in_registry
from dmp.tracing import act_trace
from documents.enums import Intake, Origin, ReceiptOutcome
from documents.header import ReceivedHeader, received_header
from documents.models import Version
from documents.received import IncomingDocument
from documents.services import document_receive
from documents.wishes import Visibility
from interop.cda.refusals import CdaRefused
from interop.xml import XmlRefused
from national.dmp.ports import DocumentAddress
from national.errors import NationalServiceError

logger = logging.getLogger(__name__)

RETRIEVED_AT_ONCE: Final = 5
"""Documents of one TD3.2: one that is too large for the limit of an answer must not stop twenty."""
TRANSACTION: Final = "TD3.2"
VIEW: Final = "VIEW"
INTEGRATE: Final = "INTEGRATE"
NOT_RETRIEVED: Final = "not_retrieved"
NOTHING_CAME: Final = "Le DMP n’a pas rendu ce document."

WORDS: Final = {
    ReceiptOutcome.INTEGRATED: ("intégré", "intégrés"),
    ReceiptOutcome.DUPLICATE: ("déjà présent", "déjà présents"),
    ReceiptOutcome.REPLACED: ("remplacé", "remplacés"),
    ReceiptOutcome.OLDER: ("plus ancien, laissé dans le DMP", "plus anciens, laissés dans le DMP"),
    ReceiptOutcome.REFUSED_IDENTITY: ("refusé, identité différente", "refusés, identité différente"),
    ReceiptOutcome.DELETED_BEFORE: ("supprimé auparavant", "supprimés auparavant"),
    ReceiptOutcome.REFUSED_AUTHOR: ("refusé, autre auteur", "refusés, autre auteur"),
    ReceiptOutcome.CONFLICT: ("refusé, identifiant déjà pris", "refusés, identifiant déjà pris"),
    ReceiptOutcome.UNREADABLE: ("illisible", "illisibles"),
    NOT_RETRIEVED: ("non récupéré", "non récupérés"),
}
"""What the summary line says of each outcome (SC.DMP/UX.31), in this order."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document as received, or why it could not be; `is_altered` when hash or size differ (dmp 3.5)."""

    document: RemoteDocument
    content: bytes = b""
    is_altered: bool = False
    sentence: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.content)


@dataclass(frozen=True, slots=True)
class Integrated:
    """What became of one document of the selection."""

    document: RemoteDocument
    outcome: str
    sentence: str
    version: Version | None = None


def document_open(
    consultation: Consultation, document: RemoteDocument, *, line: Line | None = None
) -> Opened:
    """TD3.2 for one person, who looks at the document: traced, kept nowhere by this service."""
    line = line or Line(consultation)
    try:
        found = line.retrieve([address_of(document)])
    except NationalServiceError as error:
        return Opened(document, sentence=error.message)
    content = next(
        (one.content for one in found.documents if one.address.unique_id == document.unique_id), b""
    )
    return _viewed(consultation, _opened(document, content))


def document_reopen(consultation: Consultation, document: RemoteDocument, content: bytes) -> Opened:
    """One more look at what this session retrieved: no call, and its own trace (SC.DMP/CONF.14)."""
    return _viewed(consultation, _opened(document, content))


def _viewed(consultation: Consultation, opened: Opened) -> Opened:
    act_trace(
        consultation,
        "dmp.view",
        opened.document,
        transaction=VIEW,
        outcome=Outcome.SUCCESS if opened.is_there else Outcome.FAILURE,
        size=len(opened.content),
        altered=opened.is_altered,
    )
    return opened


def documents_integrate(
    consultation: Consultation,
    documents: Sequence[RemoteDocument],
    *,
    now: datetime,
    line: Line | None = None,
    refiled_for: str = "",
) -> list[Integrated]:
    """Retrieve and file a selection; one that fails does not stop the others (SC.DMP/UX.31).

    `refiled_for`: why the person files again what had been deleted here (mssante 2.6).
    """
    line = line or Line(consultation)
    done: list[Integrated] = []
    for batch in batches(documents, RETRIEVED_AT_ONCE):
        contents, sentence = _contents(line, batch)
        for document in batch:
            content = contents.get(document.unique_id, b"")
            if not content:
                done.append(Integrated(document, NOT_RETRIEVED, sentence))
                continue
            done.append(_integrated(_Filing(consultation, line, now, refiled_for), document, content))
    return done


def summary_of(done: Sequence[Integrated]) -> str:
    """`2 intégrés, 1 déjà présent, 1 remplacé`."""
    counts = Counter(one.outcome for one in done)
    return ", ".join(
        f"{counts[outcome]} {words[counts[outcome] > 1]}"
        for outcome, words in WORDS.items()
        if counts[outcome]
    )


def address_of(document: RemoteDocument) -> DocumentAddress:
    return DocumentAddress(document.repository_unique_id, document.unique_id)


def _contents(line: Line, documents: Sequence[RemoteDocument]) -> tuple[dict[str, bytes], str]:
    """What came, by uniqueId, and the sentence for what did not."""
    try:
        found = line.retrieve([address_of(document) for document in documents])
    except NationalServiceError as error:
        return {}, error.message
    return {one.address.unique_id: one.content for one in found.documents}, NOTHING_CAME


@dataclass(frozen=True, slots=True)
class _Filing:
    """What the documents of one selection share."""

    consultation: Consultation
    line: Line
    now: datetime
    refiled_for: str


def _integrated(filing: _Filing, document: RemoteDocument, content: bytes) -> Integrated:
    consultation = filing.consultation
    opened = _opened(document, content)
    header = _header(content)
    try:
        older = replaced_in_registry(consultation, document, header, filing.line) if header else ""
    except NationalServiceError as error:
        return Integrated(document, NOT_RETRIEVED, error.message)
    receipt = document_receive(
        patient=consultation.patient,
        incoming=IncomingDocument(
            cda=content,
            origin=Origin.DMP,
            intake=Intake.MANUAL,
            visibility=Visibility(
                is_masque_ps=document.is_masque_ps,
                is_invisible_patient=document.is_invisible_patient,
                is_invisible_rep_legaux=document.is_invisible_rep_legaux,
            ),
            episode=None,
            unit=consultation.unit,
            source_label="DMP",
            source_id=document.entry_uuid,
            extra={
                "entry_uuid": document.entry_uuid,
                "logical_id": document.logical_id,
                "repository_unique_id": document.repository_unique_id,
                "version": str(document.version),
            },
            refiled_for=filing.refiled_for,
            parsed=header.parsed if header else None,
            registry_parent=older,
        ),
        actor=consultation.actor,
        at=filing.now,
    )
    act_trace(
        consultation,
        "dmp.integrate",
        document,
        transaction=INTEGRATE,
        action=Action.CREATE,
        outcome=Outcome.SUCCESS if receipt.is_accepted else Outcome.REFUSED,
        result=receipt.outcome,
        reception=str(receipt.reception.uid),
        altered=opened.is_altered,
    )
    return Integrated(document, receipt.outcome, receipt.sentence, receipt.version)


def _header(content: bytes) -> ReceivedHeader | None:
    """What the document says of itself; None for bytes that the filing will refuse with its reason."""
    try:
        return received_header(content, zone=ZoneInfo(settings.TIME_ZONE))
    except (XmlRefused, CdaRefused):
        return None


def _opened(document: RemoteDocument, content: bytes) -> Opened:
    """Compare with hash and size where the registry gave them: warned, not blocked (dmp 3.5)."""
    if not content:
        return Opened(document, sentence=NOTHING_CAME)
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    is_altered = (bool(document.sha1) and document.sha1.lower() != sha1) or (
        document.size >= 0 and document.size != len(content)
    )
    if is_altered:
        logger.warning("dmp.document.altered", extra={"document": str(document.uid)})
    return Opened(document, content, is_altered)
