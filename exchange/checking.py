"""What can be checked again in a stored message: integrity, reading, profile, acknowledgement.

Pure functions over bytes; the same parsers as at the intake, asked again without any effect. Their texts hold
no value of the message (`interop.hl7v2.errors.Fault`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from interop.hl7v2 import codes
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import Header, read_header
from interop.hl7v2.lps import parse_lps
from interop.hl7v2.mdm import MdmRules, Profile, parse_mdm
from interop.hl7v2.pam import parse_adt
from interop.hl7v2.tokens import Message, parse_message
from interop.hl7v2.zam import parse_zam


class CheckState(StrEnum):
    """States of the family `check` of the interface."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, what was found, where (ERR-2), which code (table 0357)."""

    label: str
    state: CheckState
    text: str = ""
    location: str = ""
    code: str = ""


_PARSERS: Final[Mapping[str, tuple[str, Callable[[Message], Any]]]] = {
    "ADT": ("Admission, IHE PAM France 2.11", parse_adt),
    "ZAM": ("Accusé métier de la PFI", parse_zam),
}
_DOCUMENT_MESSAGES: Final = ("MDM", "ORU", "OUL")
_LPS_LABEL: Final = "Document reçu par MSSanté, volet 1.1"


def message_checks(
    raw: bytes,
    *,
    sha256: str,
    ack: bytes,
    control_id: str,
    charset: str,
    document_profile: str = Profile.V21.value,
) -> tuple[list[Check], Message | None]:
    """Check stored bytes again; give the parsed message too, None when it cannot be read.

    `document_profile` is the version of the volet of documents that the sender speaks.
    """
    checks = [_integrity(raw, sha256)]
    try:
        message = parse_message(raw, default_charset=charset)
        header = read_header(message)
    except Hl7Error as error:
        return [*checks, _failed("Lecture du message", error)], _parsed(raw, charset)
    checks.append(Check("Lecture du message", CheckState.PASSED, f"{len(message.segments)} segments"))
    checks += _profile(message, header, Profile(document_profile))
    if ack:
        checks.append(_acknowledgement(ack, control_id, charset))
    return checks, message


def _parsed(raw: bytes, charset: str) -> Message | None:
    """What can be cut in segments although its header cannot be read."""
    try:
        return parse_message(raw, default_charset=charset)
    except Hl7Error:
        return None


def _integrity(raw: bytes, sha256: str) -> Check:
    if hashlib.sha256(raw).hexdigest() == sha256:
        return Check("Empreinte", CheckState.PASSED, "Les octets sont ceux qui ont été enregistrés.")
    return Check("Empreinte", CheckState.FAILED, "Les octets ne sont plus ceux qui ont été enregistrés.")


def _profile(message: Message, header: Header, document_profile: Profile) -> list[Check]:
    label, parse = _PARSERS.get(header.message, ("", None))
    if header.message in _DOCUMENT_MESSAGES:
        label = f"Transmission de document, volet {document_profile}"
        parse = partial(parse_mdm, rules=MdmRules(profile=document_profile))
    if header.message == "MDM" and header.profile == codes.PROFILE_LPS:
        label, parse = _LPS_LABEL, parse_lps
    if parse is None:
        return [Check("Profil", CheckState.WARNING, "Aucun profil connu pour ce type de message.")]
    try:
        read = parse(message)
    except Hl7Error as error:
        return [_failed(label, error)]
    warnings = getattr(read, "warnings", message.warnings)
    return [
        Check(label, CheckState.PASSED),
        *(Check(label, CheckState.WARNING, text) for text in dict.fromkeys(warnings)),
    ]


def _acknowledgement(raw: bytes, control_id: str, charset: str) -> Check:
    label = "Acquittement"
    try:
        ack = parse_ack(raw, default_charset=charset)
    except Hl7Error as error:
        return _failed(label, error)
    if ack.acknowledged_id != control_id:
        return Check(label, CheckState.FAILED, "MSA-2 n’est pas l’identifiant de ce message.")
    return Check(label, CheckState.PASSED, f"{ack.code.value}, pour ce message.")


def _failed(label: str, error: Hl7Error) -> Check:
    return Check(label, CheckState.FAILED, error.text, error.location, error.code)
