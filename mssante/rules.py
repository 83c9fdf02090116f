"""Rules of MSSanté mail, as pure functions (spec mssante 1.4, 1.6, 1.8, 1.10)."""

from __future__ import annotations

import re
from typing import Final

from interop.hl7v2.codes import SMTP_ERROR_LABELS
from interop.ins.key import matricule_fault
from mssante.enums import IncomingState, MailState
from national.mail.ports import MAIL_TOO_LARGE

REASON_LENGTH: Final = 10
"""Characters that the reason of a person counts at least."""
MISSED_CHECKS: Final = 3
"""Daily checks in a row without the address before it is shown as absent: one may be hidden by choice."""
TOO_BIG: Final = "TAILLE"
"""Our code of a mail above a limit; the volet calls it 523."""
UNDELIVERED: Final = "NON_REMIS"
"""Our code of a bounce that gives none: some operators say it in words alone."""
NOT_WRITTEN: Final = "NON_ECRIT"
"""Our code of a mail that could not be written: a value would break it, or its document lacks something."""
ABANDONED: Final = "INTERROMPU"
"""Our code of a mail that kills its worker again and again."""
_TOO_BIG_SMTP: Final = "523"
_TRANSIENT_SMTP: Final = "451"
_PERMANENT_SMTP: Final = "554"
_UNREACHABLE_SMTP: Final = "421"
_SMTP_OF_STATUS: Final = {
    "5.1.1": "550",
    "5.1.2": "512",
    "5.1.3": "553",
    "5.2.1": "550",
    "5.2.2": "552",
    "5.2.3": _TOO_BIG_SMTP,
    "5.3.4": _TOO_BIG_SMTP,
    "5.4.4": "512",
    "5.7.1": "551",
}
_SMTP_OF_OURS: Final = {
    TOO_BIG: _TOO_BIG_SMTP,
    UNDELIVERED: _PERMANENT_SMTP,
    NOT_WRITTEN: _PERMANENT_SMTP,
    ABANDONED: _PERMANENT_SMTP,
}
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])[245]\d\d(?![\d.])")

# A success is never taken back by an older one.
_RANK: Final = {MailState.TO_SEND: 0, MailState.SENT: 1, MailState.DELIVERED: 2, MailState.READ: 3}


def address_key(address: str) -> str:
    """The form under which an address is compared and stored: directories vary in case."""
    return address.strip().lower()


def written_title(code: str) -> str:
    """The civilité d'exercice as letters write it: `DR` of the directory is `Dr`; MED and others, nothing."""
    return {"DR": "Dr", "PR": "Pr"}.get(code.upper(), "")


def is_lost(missed_checks: int) -> bool:
    """Whether an address of the directory was absent so often that people are told (mssante 3.4)."""
    return missed_checks >= MISSED_CHECKS


def patient_address(matricule: str, domain: str) -> str:
    """The mailbox of a patient in Mon espace santé (DSR 3.2.1): never typed, built from the matricule.

    Raises ValueError for what is no matricule: such a mail would reach somebody else or nobody.
    """
    if matricule_fault(matricule) is not None:
        raise ValueError("a patient's address is built from a matricule INS")
    return f"{matricule}@{domain.lower()}"


def is_patient_address(address: str, domain: str) -> bool:
    """Whether an address is that of a patient: professionals and patient never share a mail (1.7)."""
    return address_key(address).rpartition("@")[2] == domain.lower()


_BASE64: Final = 1.37
"""Characters of base64, with their line ends, for each byte."""
_ZIPPED_CDA: Final = 0.77
"""A CDA is mostly the base64 of its PDF, which the archive packs again to about its bytes."""
_AROUND_BYTES: Final = 24 * 1024
"""Headers, text, metadata and the other files of the archive."""


def size_limit(*, is_to_patient: bool, operator: int, patient: int, announced: int | None) -> int:
    """The largest mail that may leave, in bytes once encoded (MSS/va1.13).

    `operator` is the contract, `announced` what the operator's server says (EHLO SIZE), `patient` the
    limit of Mon espace santé. The smallest that concerns the mail counts.
    """
    limits = [operator]
    if announced:
        limits.append(announced)
    if is_to_patient:
        limits.append(patient)
    return min(limits)


def mail_budget(*, cda: int, pdf: int) -> int:
    """What the mail of a document will weigh, from the bytes of its CDA and of its PDF (mssante 1.4).

    The PDF sits twice in it: compressed inside the CDA of the archive, and as the copy; both in base64.
    """
    return round((cda * _ZIPPED_CDA + pdf) * _BASE64) + _AROUND_BYTES


def too_big_words(size: int, limit: int) -> str:
    """What a person reads of a mail that is too big, and what to do instead."""
    return (
        f"Le courriel pèse {_mebibytes(size)} Mio, la limite est de {_mebibytes(limit)} Mio : "
        "l’envoyer par le DMP ou l’imprimer."
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f}".replace(".", ",")


def smtp_error_code(code: str, text: str = "") -> str:
    """The row of SMTPERRORCODE for an error: `code` as we keep it, `text` as the server said it.

    A reply of three digits of the table is itself, an enhanced status (5.1.1) the reply that it
    stands for; anything else goes to the nearest class (hl7v2 2.8).
    """
    if code in _SMTP_OF_OURS:
        return _SMTP_OF_OURS[code]
    status = next(iter(_STATUS.findall(f"{code} {text}")), "")
    if _SMTP_OF_STATUS.get(status) == _TOO_BIG_SMTP:  # 552 says two things, its status only one
        return _TOO_BIG_SMTP
    reply = next(iter(_REPLY.findall(code)), "")
    if reply in SMTP_ERROR_LABELS:
        return reply
    if status in _SMTP_OF_STATUS:
        return _SMTP_OF_STATUS[status]
    first = (reply or status)[:1]
    return {"4": _TRANSIENT_SMTP, "5": _PERMANENT_SMTP}.get(first, _UNREACHABLE_SMTP)


def is_progress(state: MailState, to: MailState) -> bool:
    """Whether a report of success moves a mail: told twice, or late, it changes nothing.

    A mail believed lost may well have arrived: a success after a failure counts.
    """
    if state == MailState.FAILED:
        return to in (MailState.DELIVERED, MailState.READ)
    return _RANK[to] > _RANK[state]


def may_reread(*, state: str, code: str) -> str:
    """Why a received mail cannot be read again; empty when it can.

    One that was answered would be answered twice; of one above the limit only the headers are here.
    """
    if state != IncomingState.TO_REVIEW:
        return "Ce courriel n’attend plus personne : il ne peut pas être relu."
    if code == MAIL_TOO_LARGE:
        return "Ce courriel est plus grand que la limite : ouvrez-le chez l’opérateur."
    return ""


def may_set_aside(*, state: str) -> str:
    """Why a received mail cannot be set aside; empty when it can."""
    if state in (IncomingState.TO_REVIEW, IncomingState.REFUSED):
        return ""
    return "Ce courriel n’attend plus personne."
