"""Whether a document is too big for the mailboxes, asked before any order exists (MSS/va1.13; mssante 1.4).

The PFI measures each mail again once it is written: what is said here is a budget.
"""

from __future__ import annotations

from django.conf import settings

from documents.models import Version
from mssante.rules import mail_budget, size_limit, too_big_words
from sending.enums import Channel


def mail_size_of(version: Version) -> int:
    """What a mail about a version will weigh, in bytes; 0 while its PDF and CDA are not built."""
    if not version.cda_size:
        return 0
    return mail_budget(cda=version.cda_size, pdf=version.pdf_size or 0)


def size_refusal(size: int, channel: str) -> str:
    """Why a mail of that size cannot leave by a channel, in words; empty when it can."""
    limit = size_limit(
        is_to_patient=channel == Channel.MSSANTE_PATIENT,
        operator=settings.MSS_MAX_MESSAGE_BYTES,
        patient=settings.MSS_MAX_PATIENT_BYTES,
        announced=None,
    )
    return too_big_words(size, limit) if size > limit else ""
