"""The first thing done with a message: one row with its exact bytes (spec hl7v2 1.6, 6.2).

The listener writes this row with its own asynchronous connections, everything else with Django's;
both execute the statements below. What is the same for every row is written in the statement: it is
prepared once, and each message binds only what it brings.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from exchange.enums import Direction, MessageState
from exchange.leases import LEASE
from exchange.models import Message
from interop.hl7v2 import codes
from interop.hl7v2.errors import Fault
from interop.hl7v2.header import Header, peek_header
from interop.hl7v2.tokens import peek_msh

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEGMENT_STARTS = (b"\rPID", b"\nPID")
_PID_SEARCHED = 64 * 1024
_MAX_CONTROL_ID: Final = 199

_BEFORE_MSH: Final = b"\xef\xbb\xbf\r\n"
_NO_HEADER: Final = "Le message ne commence pas par un segment MSH"

_ALWAYS: Final = (
    "partner_id",
    "raw",
    "sha256",
    "sending_application",
    "sending_facility",
    "control_id",
    "type",
    "profile",
    "lineage",
    "created_at",
)
"""Columns of the envelope, parameters of every statement below."""
_CONSTANTS: Final = {
    "uid": "gen_random_uuid()",
    "direction": f"'{Direction.INCOMING}'",
    "state": f"'{MessageState.STORED}'",
    "ack_code": "''",
    "error": "''",
    "warning": "''",
    "attempts": "0",
    "claimed_by": "''",
}
"""Columns without a parameter, unless a statement gives them one; the others are null."""


def _insert(*parameters: str, **constants: str) -> str:
    """One row, or none when the sender already used this MSH-10 (partial unique constraint)."""
    fixed = {name: value for name, value in (_CONSTANTS | constants).items() if name not in parameters}
    names = (*_ALWAYS, *parameters, *fixed)
    values = (*["%s"] * (len(_ALWAYS) + len(parameters)), *fixed.values())
    return (
        f"INSERT INTO {Message._meta.db_table} ({', '.join(names)}) "  # noqa: S608 - constants only
        f"VALUES ({', '.join(values)}) ON CONFLICT DO NOTHING"
    )


LISTENER: Final = "listener"
"""Holder of the lease of a row that was stored a moment ago and is being applied."""
INSERT_ACCEPTED: Final = _insert("ack", ack_code=f"'{codes.AckCode.AA}'")
INSERT_TO_APPLY: Final = _insert("claimed_until", attempts="1", claimed_by=f"'{LISTENER}'") + " RETURNING id"
INSERT_BROKEN: Final = _insert("ack", "ack_code", "error", "done_at", state=f"'{MessageState.UNREADABLE}'")
INSERT_REFUSED: Final = _insert("state", "ack", "error", "done_at", ack_code=f"'{codes.AckCode.AE}'")


class Entry(NamedTuple):
    """How an incoming message enters the journal, and the answer when nothing else is to be done.

    The statement changes no row when the sender already used that MSH-10. Without an answer it returns
    the id of the row to apply.
    """

    statement: str
    parameters: tuple[Any, ...]
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the journal notes of an incoming message before anybody parses it.

    `msh` holds the fields of MSH, numbered as in the standard, as they came. `fault` tells why the
    message cannot be told from another one: no MSH, no usable MSH-10.
    """

    partner_id: int
    raw: bytes
    sha256: str
    received_at: datetime
    application: str = ""
    facility: str = ""
    control_id: str = ""
    type: str = ""
    profile: str = ""
    lineage: str = ""
    msh: tuple[str, ...] = ()
    fault: Fault | None = None

    @property
    def message(self) -> str:
        """MSH-9.1."""
        return self.type.partition("^")[0]

    @property
    def header(self) -> Header | None:
        """What can be read of MSH, to address the answer; None without MSH."""
        return peek_header(self.raw)


def read_envelope(raw: bytes, *, partner_id: int, received_at: datetime) -> Envelope:
    """Read the envelope of any bytes; never raises."""
    digest = hashlib.sha256(raw).hexdigest()
    fields = peek_msh(raw)
    if not fields or not raw.lstrip(_BEFORE_MSH).startswith(b"MSH"):
        return Envelope(
            partner_id,
            raw,
            digest,
            received_at,
            fault=Fault(
                codes.ERROR_SEGMENT_SEQUENCE, "MSH^1", "Le message ne commence pas par un segment MSH"
            ),
        )
    return Envelope(
        partner_id,
        raw,
        digest,
        received_at,
        application=_field(fields, 3, 180),
        facility=_field(fields, 4, 180),
        control_id=_field(fields, 10, _MAX_CONTROL_ID),
        type=_field(fields, 9, 40),
        profile=_field(fields, 21, 120),
        lineage=_patient_key(raw, fields[1].encode("utf-8")) if _field(fields, 9, 3) == "ADT" else "",
        msh=tuple(fields),
        fault=_control_id_fault(fields),
    )


def entry_accepted(envelope: Envelope, ack: bytes) -> Entry:
    """The row of a message answered AA as soon as it is stored; the sweep applies it."""
    return Entry(INSERT_ACCEPTED, (*_always(envelope), ack), ack)


def entry_to_apply(envelope: Envelope) -> Entry:
    """The row of a message that is applied at once: attempt and lease are counted with it."""
    return Entry(INSERT_TO_APPLY, (*_always(envelope), envelope.received_at + LEASE))


def entry_refused(envelope: Envelope, state: MessageState, ack: bytes, error: str) -> Entry:
    """The row of a message that gets AE and no further: unreadable, or in conflict."""
    parameters = (*_always(envelope), state.value, ack, error, envelope.received_at)
    return Entry(INSERT_REFUSED, parameters, ack)


def entry_broken(envelope: Envelope, ack: bytes, error: str) -> Entry:
    """The row of bytes that no frame holds, answered AR where somebody can be answered."""
    parameters = (ack, codes.AckCode.AR.value, error) if ack else (None, "", error)
    return Entry(INSERT_BROKEN, (*_always(envelope), *parameters, envelope.received_at), ack)


def _always(envelope: Envelope) -> tuple[Any, ...]:
    return (
        envelope.partner_id,
        envelope.raw,
        envelope.sha256,
        envelope.application,
        envelope.facility,
        envelope.control_id,
        envelope.type,
        envelope.profile,
        envelope.lineage,
        envelope.received_at,
    )


def _field(fields: list[str], number: int, size: int) -> str:
    return _clean(fields[number], size) if number < len(fields) else ""


def _clean(text: str, size: int) -> str:
    """Return latin-1 text of the wire as the journal shows it: UTF-8 when it is, no control character."""
    if not text.isascii():
        with suppress(UnicodeError):  # beyond latin-1, it was read as UTF-8 before
            text = text.encode("latin-1").decode("utf-8")
    if not text.isprintable():
        text = _CONTROLS.sub("?", text)
    return text.strip()[:size]


def _control_id_fault(fields: list[str]) -> Fault | None:
    control_id = fields[10].strip() if len(fields) > 10 else ""
    if not control_id:
        return Fault(codes.ERROR_FIELD_MISSING, "MSH^1^10", "MSH-10 absent : identifiant du message")
    if len(control_id) > _MAX_CONTROL_ID or _CONTROLS.search(control_id):
        return Fault(codes.ERROR_DATA_TYPE, "MSH^1^10", "MSH-10 : identifiant du message inutilisable")
    return None


def _patient_key(raw: bytes, separator: bytes) -> str:
    """Return the first identifier of PID-3: messages of one patient are treated in their order."""
    head = raw[:_PID_SEARCHED]
    start = max(head.find(mark) for mark in _SEGMENT_STARTS)
    if start < 0:
        return ""
    fields = head[start + 1 : start + 2048].split(separator, 4)
    identifier = fields[3].decode("latin-1") if len(fields) > 4 else ""
    return _clean(identifier.partition("~")[0], 128)
