"""Names and values of MSSanté mails (Référentiel socle MSSanté #2; mssante.md 1.5, 2.4, 4.4).

The codes 900 to 906 of a refused integration are those of `interop.hl7v2.codes`.
"""

from enum import StrEnum
from typing import Final

SUBJECT_MARKER: Final = "XDM/1.0/DDM+"
SUBJECT_LABEL_LENGTH: Final = 40
"""ECO.2.1.3: the label of the only document, cut; several documents are counted instead."""
ERROR_PREFIX: Final = "[KO Intégration système !]"

ARCHIVE_NAME: Final = "IHE_XDM.zip"
"""Both cases appear in the texts: this one leaves, any case is accepted (spec README, decision 25)."""
ORIGINAL_NAME: Final = "message_original.eml"
HEADERS_NAME: Final = "en-tetes.txt"
TYPE_ZIP: Final = "application/zip"
TYPE_PDF: Final = "application/pdf"
TYPE_HEADERS: Final = "text/rfc822-headers"
TYPE_BYTES: Final = "application/octet-stream"
TYPES_ZIP: Final = frozenset({TYPE_ZIP, "application/x-zip-compressed", "application/x-zip"})

REPORT_DELIVERY: Final = "delivery-status"
REPORT_DISPOSITION: Final = "disposition-notification"

HEADER_CODE_CDA: Final = "X-MSS-CODECDA"
HEADER_INS: Final = "X-MSS-INS"
HEADER_PRODUCT: Final = "X-MSS-NIL"
HEADER_MES: Final = "X-MSS-MES"
MES_NO_REPLY: Final = "FIN"
"""SC.MSS/CONF.24: the patient cannot answer this mail."""
INS_QUALIFIED: Final = "O"
INS_NOT_QUALIFIED: Final = "N"
HEADER_READ_NOTICE: Final = "Disposition-Notification-To"
HEADER_DELIVERY_NOTICE: Final = "Return-Receipt-To"
HEADER_FORWARDER: Final = "X-Sieve-Redirected-From"

KEYWORD_PROCESSED: Final = "$MSSProcessed"
FOLDER_DONE: Final = "Traites"
FOLDER_ERROR: Final = "Erreurs"


class MdnFlavour(StrEnum):
    """Form of a notice of processing: the published one, or that of the drafts (mssante.md 4.4)."""

    V1_1 = "1.1"
    V1_1_3 = "1.1.3"


class DeliveryAction(StrEnum):
    """Fate of a mail for one recipient (RFC 3464, 2.3.3)."""

    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    DELAYED = "delayed"
    FAILED = "failed"


# The operator answers `relayed` for a mail that reached the next operator (mssante.md 1.10).
ACTIONS_OF_SUCCESS: Final = frozenset(
    {DeliveryAction.DELIVERED, DeliveryAction.RELAYED, DeliveryAction.EXPANDED}
)


class DispositionKind(StrEnum):
    """What became of a mail at its reader (RFC 8098, 3.2.6.2)."""

    PROCESSED = "processed"
    DISPLAYED = "displayed"
    DELETED = "deleted"
    DISPATCHED = "dispatched"


class BounceReason(StrEnum):
    """Why Mon espace santé or an operator sent a mail back (mssante.md 1.10)."""

    MAILBOX_CLOSED = "mailbox_closed"
    PATIENT_UNKNOWN = "patient_unknown"
    ADDRESS_INVALID = "address_invalid"
    OVERSIZE = "oversize"
    OTHER = "other"
