"""What a person drops to import it: archive, CDA, mail or PDF, opened as the work of a stranger.

Sources: SC.MSS/UX.39, mssante 2.8, hl7v2 3.7, security 10.4. The CDA of an archive or of a mail are
imported, never the PDF that goes with them (SC.CDA/DD.15); a PDF dropped alone goes its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from typing import Final

from audit.errors import ApplicationError
from documents.enums import ReceiptRequest
from documents.header import ReceivedHeader, header_of, received_header, why_unreadable
from documents.pdf_safety import PdfRefused, check_pdf
from documents.wishes import Visibility
from interop.cda.refusals import CdaRefused
from interop.mail.errors import MailRefused
from interop.mail.opening import OpenedMail, open_mail
from interop.xdm.codes import ACTION_SLOT, XdmAction
from interop.xdm.errors import XdmRefused
from interop.xdm.opening import OpenedDocument, open_xdm
from interop.xml import XmlRefused

MAX_BYTES: Final = 30 * 2**20
MAX_MAIL_DEPTH: Final = 8
_ARCHIVE_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_REQUESTS: Final = {
    XdmAction.REPLACE: ReceiptRequest.REPLACE,
    XdmAction.DELETE: ReceiptRequest.DELETE,
    None: ReceiptRequest.INITIAL,
}


class DroppedKind(StrEnum):
    """What the file is, by its own bytes."""

    ARCHIVE = "archive"
    MAIL = "mail"
    CDA = "cda"
    PDF = "pdf"


class DropRefused(ApplicationError):
    """A file that is not opened: `code` says what is wrong (`xdm:ratio`), `place` where."""

    def __init__(self, code: str, text: str, place: str = "") -> None:
        where = f" ({place})" if place else ""
        super().__init__(f"{text}{where}. Rien n’a été importé ; le fichier est conservé.", code=code)
        self.reason = f"{text}{where}"


@dataclass(frozen=True, slots=True)
class DroppedDocument:
    """One CDA of the file, with what its metadata asks."""

    content: bytes = field(repr=False)
    header: ReceivedHeader = field(repr=False)
    request: ReceiptRequest = ReceiptRequest.INITIAL
    visibility: Visibility = Visibility()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was opened. `documents` is empty for a PDF, whose bytes are the file itself.

    All its documents are about one patient: an archive of two is refused.
    """

    kind: DroppedKind
    documents: tuple[DroppedDocument, ...] = ()
    message_id: str = ""
    sender_label: str = ""
    sender_address: str = ""
    recipient_addresses: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def open_dropped(content: bytes, *, zone: tzinfo, action_slot: str = ACTION_SLOT) -> Dropped:
    """Open a dropped file by what its bytes are, whatever its name says.

    Raises:
        DropRefused: with a stable code, a French sentence and the place of the fault.
    """
    if not content:
        raise DropRefused("file:empty", "Le fichier est vide")
    if len(content) > MAX_BYTES:
        raise DropRefused("file:too_large", f"Le fichier dépasse {MAX_BYTES // 2**20} Mo")
    if content.startswith(_ARCHIVE_STARTS):
        documents, warnings = _archive(content, zone, action_slot)
        return Dropped(DroppedKind.ARCHIVE, documents, warnings=warnings)
    if content.startswith(b"%PDF-"):
        return _pdf(content)
    if content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith((b"<", b"\x00<")):
        return _cda(content, zone)
    return _mail(content, zone, action_slot)


def _archive(
    content: bytes, zone: tzinfo, action_slot: str
) -> tuple[tuple[DroppedDocument, ...], tuple[str, ...]]:
    try:
        opened = open_xdm(content, action_slot=action_slot)
    except XdmRefused as error:
        raise DropRefused(error.full_code, error.text, error.place) from error
    return tuple(_of_archive(document, zone) for document in opened.documents), opened.warnings


def _of_archive(document: OpenedDocument, zone: tzinfo) -> DroppedDocument:
    try:
        header = header_of(document.cda, zone=zone)
    except CdaRefused as error:
        code, text = why_unreadable(error)
        raise DropRefused(code, text, document.place) from error
    hidden = document.entry.visibility
    return DroppedDocument(
        content=document.content,
        header=header,
        request=_REQUESTS[document.action],
        visibility=Visibility(
            is_masque_ps="MASQUE_PS" in hidden,
            is_invisible_patient="INVISIBLE_PATIENT" in hidden,
            is_invisible_rep_legaux="INVISIBLE_REPRESENTANTS_LEGAUX" in hidden,
        ),
    )


def _cda(content: bytes, zone: tzinfo) -> Dropped:
    try:
        header = received_header(content, zone=zone)
    except (XmlRefused, CdaRefused) as error:
        code, text = why_unreadable(error)
        raise DropRefused(code, text) from error
    return Dropped(DroppedKind.CDA, (DroppedDocument(content, header),))


def _pdf(content: bytes) -> Dropped:
    try:
        check_pdf(content)
    except PdfRefused as error:
        raise DropRefused(f"pdf:{error.code}", error.text) from error
    return Dropped(DroppedKind.PDF)


def _mail(content: bytes, zone: tzinfo, action_slot: str) -> Dropped:
    """The mail that brought the archive: the one dropped, or the original inside a notice of refusal."""
    try:
        outer = open_mail(content)
    except MailRefused as error:
        raise DropRefused(error.full_code, error.text, error.place) from error
    bearer = next((mail for mail in _innermost_first(outer) if mail.archives), None)
    if bearer is None:
        raise DropRefused(
            "file:unknown", "Ce fichier n’est ni une archive IHE_XDM, ni un CDA, ni un courriel qui en porte"
        )
    documents: dict[str, DroppedDocument] = {}
    warnings: tuple[str, ...] = ()
    for part in bearer.archives:
        found, said = _archive(part.content, zone, action_slot)
        documents |= {document.header.unique_id: document for document in found}
        warnings += said
    _check_one_patient(documents.values())
    sender = bearer.sender
    return Dropped(
        DroppedKind.MAIL,
        tuple(documents.values()),
        message_id=bearer.message_id,
        sender_label=(sender.name or sender.email) if sender else "",
        sender_address=sender.email if sender else "",
        recipient_addresses=tuple(one.email for one in bearer.recipients),
        warnings=warnings,
    )


def _check_one_patient(documents: Iterable[DroppedDocument]) -> None:
    held = {document.header.parsed.patient.ins for document in documents}
    if len(held) > 1:
        raise DropRefused("xdm:several_patients", "Les archives du courriel concernent plusieurs patients")


def _innermost_first(mail: OpenedMail, depth: int = 0) -> Iterator[OpenedMail]:
    if depth < MAX_MAIL_DEPTH:
        for part in mail.parts:
            if part.message is not None:
                yield from _innermost_first(part.message, depth + 1)
    yield mail
