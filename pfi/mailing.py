"""The mail of a recipient, written from the order, with its archive and the PDF.

Sources: spec hl7v2 2.7, mssante 1.5 to 1.9 and 4.1 to 4.3.

Nothing comes from a patient table: the PFI knows what the message and its CDA say.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from django.conf import settings

from establishment.selectors import legal_entity
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedCda
from interop.hl7v2.codes import IdentityStatus
from interop.hl7v2.mdm import MdmDocument
from interop.mail.document import DocumentMail, PdfCopy, build_document_mail
from interop.mail.wording import document_subject, pdf_name
from interop.mail.writing import Address
from interop.xdm.build import Producer, XdmDocument, build_xdm
from interop.xdm.codes import XdmAction
from interop.xds.from_cda import author_of, patient_id_of
from interop.xds.metadata import SubmissionSet
from interop.xds.nomenclature import content_type_of_patient_class
from interop.xds.times import dtm_from_instant
from mssante.enums import MailAction
from mssante.models import OutgoingMail
from mssante.selectors import mailbox_at, thread_of
from pfi.models import Job
from pfi.pdf_copy import pdf_copy_of
from pfi.submission import sender_of, visibility_of

ACTIONS: Final = {MailAction.REPLACE: XdmAction.REPLACE, MailAction.DELETE: XdmAction.DELETE}
AND_COPY: Final = " et sa copie PDF"
DEFAULT_BODIES: Final = {
    MailAction.INITIAL: "Vous trouverez en pièces jointes l’archive IHE_XDM et sa copie PDF.",
    MailAction.REPLACE: (
        "Ce document annule et remplace la version précédente qui vous a été transmise.\n\n"
        "Vous trouverez en pièces jointes l’archive IHE_XDM et sa copie PDF."
    ),
    MailAction.DELETE: (
        "DEMANDE DE SUPPRESSION\n\n"
        "Le document joint vous a été transmis à tort et doit être supprimé de votre dossier."
    ),
}
"""What the PFI says when the order gives no text: required for a replacement and a deletion (hl7v2 2.6)."""


def mail_build(mail: OutgoingMail, job: Job, order: MdmDocument) -> bytes:
    """The bytes of a mail, dated now; built once, then kept.

    Raises MailRefused (a value would break a header, an address is unusable), MetadataError (the
    CDA lacks what an archive needs).
    """
    documents = [(carried.cda or parse_cda(carried.content), carried.content) for carried in order.documents]
    first, _ = documents[0]
    traits = first.patient.traits
    copies = [(cda, pdf_copy_of(cda, content)) for cda, content in documents]
    thread = thread_of(mail)
    mailbox = mailbox_at(mail.sender)
    now = datetime.now(UTC)
    closes_channel = mail.is_to_patient and order.flags.patient_cannot_reply
    return build_document_mail(
        DocumentMail(
            message_id=mail.message_id,
            sender=Address(mail.sender, mailbox.label if mailbox else ""),
            recipient=Address(mail.recipient, mail.recipient_label),
            sent_at=now,
            subject=document_subject(
                [cda.type.display for cda, _ in documents],
                family=traits.birth_name,
                given=traits.first_birth_given_name,
                birth_date=_whole_day(traits.birth_date),
            ),
            text=_text(mail, order, has_copy=all(copy for _, copy in copies)),
            archive=_archive(mail, job, order, now),
            pdfs=tuple(_pdf(cda, copy, order) for cda, copy in copies if copy),
            document_codes=tuple(cda.type.code for cda, _ in documents),
            has_qualified_ins=_has_qualified_ins(order, first),
            product_reference=settings.MSS_NIL,
            reply_to="" if closes_channel else next(iter(order.reply_addresses), ""),
            closes_channel=closes_channel,
            wants_read_notice=mail.wants_reading,
            wants_delivery_notice=mail.wants_delivery,
            answered_id=thread[-1] if thread else "",
            references=tuple(thread),
        )
    )


def _text(mail: OutgoingMail, order: MdmDocument, *, has_copy: bool) -> str:
    """The text of the order, else ours, which promises no PDF that is not there."""
    told = order.body_patient if mail.is_to_patient else order.body_professional
    own = DEFAULT_BODIES[MailAction(mail.action)]
    return told.strip() or (own if has_copy else own.replace(AND_COPY, ""))


def _archive(mail: OutgoingMail, job: Job, order: MdmDocument, now: datetime) -> bytes:
    entity = legal_entity()
    return build_xdm(
        _lot(job, order, now),
        [
            XdmDocument(content=carried.content, visibility=frozenset(visibility_of(order)), cda=carried.cda)
            for carried in order.documents
        ],
        producer=Producer(
            organisation=entity.name,
            contact=mail.sender,
            software=settings.DMP_SOFTWARE_NAME,
            version=settings.DPI_VERSION,
        ),
        action=ACTIONS.get(MailAction(mail.action)),
        action_slot=settings.XDM_ACTION_SLOT,
    )


def _lot(job: Job, order: MdmDocument, now: datetime) -> SubmissionSet:
    """The lot of the archive; without a requester (PRT SB is required by the DMP alone) its author sends."""
    document = order.document.cda or parse_cda(order.document.content)
    visit = order.visit
    return SubmissionSet(
        unique_id=job.submission_set_id,
        source_id=job.submission_set_id.rpartition(".")[0],
        patient_id=patient_id_of(document.patient),
        submission_time=dtm_from_instant(now),
        authors=(sender_of(order),) if order.requester else tuple(map(author_of, document.authors[:1])),
        content_type=content_type_of_patient_class(visit.patient_class if visit else "N"),
        title=document.title,
    )


def _pdf(cda: ParsedCda, content: bytes, order: MdmDocument) -> PdfCopy:
    account = order.patient.account
    traits = cda.patient.traits
    return PdfCopy(
        name=pdf_name(
            act_date=_act_date(cda),
            label=cda.type.display,
            family=traits.birth_name,
            given=traits.first_birth_given_name,
            record_number=account.value if account else "",
        ),
        content=content,
    )


def _act_date(cda: ParsedCda) -> date:
    """The day of the documented act, else that of the document."""
    act = cda.main_act
    found = _whole_day(act.start if act else "") or _whole_day(cda.effective_time)
    return found or datetime.now(UTC).date()


def _whole_day(written: str) -> date | None:
    """The day of an HL7 date; None when it is not that precise."""
    try:
        return datetime.strptime(written[:8], "%Y%m%d").date()
    except ValueError:
        return None


def _has_qualified_ins(order: MdmDocument, cda: ParsedCda) -> bool:
    """X-MSS-INS (ECO.2.4.2): matricule, OID and traits, of an identity that its sender says qualified."""
    traits = cda.patient.traits
    is_whole = bool(traits.birth_name and traits.first_birth_given_name and traits.birth_date and traits.sex)
    return (
        cda.patient.ins is not None
        and order.patient.reliability.status is IdentityStatus.QUALIFIED
        and is_whole
    )
