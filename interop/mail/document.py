"""The mail that carries documents: IHE_XDM archive and PDF copies (mssante.md 1.5, 1.7, 1.9, 4.1 to 4.3)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from interop.mail import codes
from interop.mail.errors import MailRefusal, MailRefused
from interop.mail.writing import (
    CRLF,
    Address,
    address_header,
    check_message_id,
    date_header,
    file_part,
    header,
    ids_header,
    multipart,
    text_part,
)

_LOINC_OR_TRE = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True)
class PdfCopy:
    """The PDF/A-1 of one document of the archive, under the name of ECO.2.1.6."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentMail:
    """One mail to one recipient about one patient.

    `message_id` with its brackets, chosen before the first attempt. `document_codes` are the
    `ClinicalDocument/code` of the archive's documents, in order. `closes_channel` tells a patient that no
    answer is read (X-MSS-MES). `answered_id` and `references` link a replacement or a deletion to the mails
    that this recipient had before.
    """

    message_id: str
    sender: Address
    recipient: Address
    sent_at: datetime
    subject: str
    text: str = field(repr=False)
    archive: bytes = field(repr=False)
    pdfs: tuple[PdfCopy, ...]
    document_codes: tuple[str, ...]
    has_qualified_ins: bool
    product_reference: str
    reply_to: str = ""
    closes_channel: bool = False
    wants_read_notice: bool = True
    wants_delivery_notice: bool = True
    answered_id: str = ""
    references: tuple[str, ...] = ()


def build_document_mail(mail: DocumentMail) -> bytes:
    """Return the bytes of a document mailing, CRLF line ends; the same for the same values.

    Raises:
        MailRefused: a value would inject a header, an address or an identifier is unusable.
        ValueError: no document, or more PDF copies than documents.
    """
    if not mail.document_codes or len(mail.pdfs) > len(mail.document_codes):
        raise ValueError("a document mailing has documents, and at most one PDF for each")
    parts = [text_part(mail.text), file_part(mail.archive, codes.TYPE_ZIP, codes.ARCHIVE_NAME)]
    parts += [file_part(pdf.content, codes.TYPE_PDF, pdf.name) for pdf in _told_apart(mail.pdfs)]
    return multipart(_headers(mail), "multipart/mixed", parts, seed=mail.message_id)


def _headers(mail: DocumentMail) -> str:
    own = Address(mail.sender.email)
    lines = [
        date_header(mail.sent_at),
        address_header("From", mail.sender),
        address_header("Reply-To", Address(mail.reply_to)) if mail.reply_to else "",
        address_header("To", mail.recipient),
        header("Subject", mail.subject),
        f"Message-ID: {check_message_id(mail.message_id, 'Message-ID')}{CRLF}",
        *_thread(mail),
        header(codes.HEADER_PRODUCT, mail.product_reference),
        header(codes.HEADER_INS, codes.INS_QUALIFIED if mail.has_qualified_ins else codes.INS_NOT_QUALIFIED),
        header(codes.HEADER_CODE_CDA, ",".join(map(_code, mail.document_codes))),
        header(codes.HEADER_MES, codes.MES_NO_REPLY) if mail.closes_channel else "",
        address_header(codes.HEADER_READ_NOTICE, own) if mail.wants_read_notice else "",
        address_header(codes.HEADER_DELIVERY_NOTICE, own) if mail.wants_delivery_notice else "",
    ]
    return "".join(lines)


def _thread(mail: DocumentMail) -> list[str]:
    if not mail.answered_id:
        return []
    references = mail.references or (mail.answered_id,)
    return [ids_header("In-Reply-To", [mail.answered_id]), ids_header("References", references)]


def _code(code: str) -> str:
    if not _LOINC_OR_TRE.fullmatch(code):
        raise MailRefused(
            MailRefusal.HEADER_INJECTION, codes.HEADER_CODE_CDA, "Un code de document est inutilisable"
        )
    return code


def _told_apart(pdfs: tuple[PdfCopy, ...]) -> list[PdfCopy]:
    """Copies whose names differ: a second one of the same name is numbered."""
    seen: Counter[str] = Counter()
    named = []
    for pdf in pdfs:
        seen[pdf.name] += 1
        stem = pdf.name.removesuffix(".pdf")
        named.append(pdf if seen[pdf.name] == 1 else replace(pdf, name=f"{stem}-{seen[pdf.name]}.pdf"))
    return named
