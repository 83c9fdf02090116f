"""Values of the worked examples of the spec (mssante.md 4.1 to 4.4); nobody here exists."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from interop.mail.answers import Answer, IntegrationFault
from interop.mail.document import DocumentMail, PdfCopy, build_document_mail
from interop.mail.opening import open_mail
from interop.mail.wording import document_subject, pdf_name
from interop.mail.writing import Address

PARIS = ZoneInfo("Europe/Paris")
SENT_AT = datetime(2026, 3, 5, 16, 20, 11, tzinfo=PARIS)
LABEL = "Lettre de liaison à la sortie d'un établissement de soins"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 8


def archive(content: bytes = b"<ClinicalDocument/>") -> bytes:
    """A small archive, the same bytes each time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name in ("INDEX.HTM", "IHE_XDM/SUBSET01/METADATA.XML", "IHE_XDM/SUBSET01/DOC00001.XML"):
            packed.writestr(zipfile.ZipInfo(name, (2026, 3, 5, 16, 20, 0)), content)
    return stream.getvalue()


LETTER = DocumentMail(
    message_id="<mss-8f2c.1@ch-a.mssante.fr>",
    sender=Address("pfi@ch-a.mssante.fr", "CH A – Cardiologie"),
    recipient=Address("adam.hoda@medecin.mssante.fr"),
    sent_at=SENT_AT,
    subject=document_subject([LABEL], family="Vial", given="Paul", birth_date=date(1978, 11, 26)),
    text="Docteur, veuillez trouver la lettre de liaison à la sortie de M. VIAL Paul, né le 26/11/1978.",
    archive=archive(),
    pdfs=(
        PdfCopy(
            pdf_name(act_date=date(2026, 3, 5), label="Lettre de liaison", family="Vial", given="Paul"), PDF
        ),
    ),
    document_codes=("11490-0",),
    has_qualified_ins=True,
    product_reference="DEV000000",
    reply_to="cardiologie@ch-a.mssante.fr",
)
TO_PATIENT = replace(
    LETTER,
    message_id="<mss-8f2c.2@ch-a.mssante.fr>",
    recipient=Address("146026322000196@patient.mssante.fr"),
    reply_to="",
    closes_channel=True,
    text="Bonjour,\n\nvotre lettre de liaison est jointe. Ce message ne permet pas de réponse.",
)
REPLACEMENT = replace(
    LETTER,
    message_id="<mss-91aa.1@ch-a.mssante.fr>",
    answered_id=LETTER.message_id,
    references=(LETTER.message_id,),
    text="Ce document annule et remplace la lettre de liaison du 05/03/2026.",
)
DOCUMENT_MAILS = {"letter": LETTER, "to_patient": TO_PATIENT, "replacement": REPLACEMENT}

RECEIVED = (
    b"Return-Path: <servicey@chb.mssante.fr>\r\n"
    + build_document_mail(replace(LETTER, sender=Address("servicey@chb.mssante.fr"), reply_to=""))
)  # fmt: skip
INTEGRATED = Answer(
    message_id="<mdn-1@chb.mssante.fr>",
    mailbox=Address("servicey_auto@chb.mssante.fr"),
    recipient="servicey@chb.mssante.fr",
    sent_at=SENT_AT,
    text="Le document a été intégré dans le dossier du patient.",
    original=RECEIVED,
    opened=open_mail(RECEIVED),
    product_reference="DEV000000",
    reporting_agent="pfi.chb.mssante.fr; PFI",
)
REFUSED = replace(
    INTEGRATED,
    message_id="<mdn-2@chb.mssante.fr>",
    text="Le document n'a pas été intégré : 902 - Identifiant patient inconnu.",
    fault=IntegrationFault("902", "Identifiant patient inconnu"),
)
