"""The headers of a received mail, for a person who looks at it: what names a patient is hidden.

A subject of the profile, and the address of a person of Mon espace santé, are identities (mssante 1.5, 1.7):
shown only to who may read the exchanges, with a reason (ui reference 6.20).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from interop.mail.opening import decoded_words, read_addresses, read_headers
from mssante.rules import is_patient_address

HIDDEN: Final = "•••"
INS_WORDS: Final = {"O": "qualifiée", "N": "non qualifiée"}
"""X-MSS-INS in words (1.5)."""
_HEADERS_MAX: Final = 128 * 1024
_LINES: Final = 60
_SHOWN: Final = 300
_TECHNICAL: Final = frozenset(
    {
        "auto-submitted",
        "content-transfer-encoding",
        "date",
        "in-reply-to",
        "message-id",
        "mime-version",
        "references",
        "x-mss-codecda",
        "x-mss-ins",
        "x-mss-mes",
        "x-mss-nil",
    }
)
_ADDRESSES: Final = frozenset(
    {
        "cc",
        "delivered-to",
        "disposition-notification-to",
        "from",
        "reply-to",
        "return-path",
        "return-receipt-to",
        "sender",
        "to",
        "x-sieve-redirected-from",
    }
)


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One header; `is_hidden` when its value, or a part of it, is kept back."""

    name: str
    value: str
    is_hidden: bool = False


def header_lines(raw: bytes, *, patient_domain: str, sees_all: bool) -> list[HeaderLine]:
    """The headers of a mail in their order, at most 60, each cut at 300 characters. Never fails."""
    head = raw[:_HEADERS_MAX].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    lines = []
    for name, value in list(read_headers(head).items())[:_LINES]:
        text = decoded_words(value)[:_SHOWN]
        lines.append(HeaderLine(name[:60], text) if sees_all else _masked(name, text, patient_domain))
    return lines


def traced_headers(raw: bytes) -> dict[str, str]:
    """What the trace of a mail keeps of its headers (1.11): sender, recipients, subject. Never fails."""
    head = raw[:_HEADERS_MAX].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = read_headers(head)
    return {
        "from": ", ".join(one.email for one in read_addresses([decoded_words(found.get("From", ""))]))[:320],
        "to": ", ".join(one.email for one in read_addresses([decoded_words(found.get("To", ""))]))[:900],
        "subject": decoded_words(found.get("Subject", ""))[:_SHOWN],
        "type": decoded_words(found.get("X-MSS-CODECDA", ""))[:120],
        "ins_status": INS_WORDS.get(found.get("X-MSS-INS", "").strip(), ""),
    }


def shown_address(address: str, *, patient_domain: str) -> str:
    """An address of mail; that of a patient, which holds the matricule, is hidden."""
    if not is_patient_address(address, patient_domain):
        return address
    return f"{HIDDEN}@{patient_domain}"


def _masked(name: str, text: str, patient_domain: str) -> HeaderLine:
    key = name.lower()
    if key in _TECHNICAL:
        return HeaderLine(name[:60], text)
    if key == "content-type":
        return HeaderLine(name[:60], text.partition(";")[0])
    if key not in _ADDRESSES:
        return HeaderLine(name[:60], HIDDEN, is_hidden=True)
    named = [address.email for address in read_addresses([text])]
    shown = [shown_address(email, patient_domain=patient_domain) for email in named]
    return HeaderLine(name[:60], ", ".join(shown) or HIDDEN, is_hidden=shown != named or not named)
