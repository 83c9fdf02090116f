"""Messages by which the PFI hands over what a mail brought (volet LPS 1.1)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from exchange.models import Message, Partner
from exchange.services import message_receive
from interop.cda.parse import parse_cda
from interop.hl7v2 import Action, Participant, Participation, build_lps
from interop.hl7v2.ack import Ack, parse_ack
from interop.hl7v2.datatypes import Coded, Organisation, Person
from interop.hl7v2.lps import LpsFlags
from interop.hl7v2.mdm.model import CarriedDocument
from tests.interop.hl7v2.samples import received_by_mail

_numbers = count(1)
SENDER = Participant(
    Participation.SENT_BY,
    person=Person("10100000001", "LEROY", "Anne"),
    organisation=Organisation(name="Labo BIOVAL", identifier="330781279"),
    address="labo@bioval.mssante.fr",
)
TO_UNIT = Participant(
    Participation.RECIPIENT,
    organisation=Organisation(name="CHIR V", identifier_type="UF", identifier="6268"),
    address="chir-v@ch.mssante.fr",
)


def mailed(action: Action, cda: bytes, *, flags: LpsFlags | None = None, to: Any = (TO_UNIT,)) -> bytes:
    """A well-formed MDM that carries `cda`, under a MSH-10 of its own; PID says what the CDA says."""
    parsed = parse_cda(cda)
    base = received_by_mail(action)
    document = CarriedDocument(
        type=Coded(parsed.type.code, parsed.type.display, "LN"),
        id=parsed.id,
        content=cda,
        replaced_id=parsed.replaced.id if parsed.replaced and action is not Action.INITIAL else None,
        cda=parsed,
    )
    made = replace(
        base,
        header=fresh_header(base.header),
        document=document,
        patient=replace(base.patient, ins=parsed.patient.ins) if parsed.patient.ins else base.patient,
        participants=(SENDER, *to),
        flags=flags or LpsFlags(),
    )
    return build_lps(made)


def fresh_header(header: Any) -> Any:
    return replace(header, control_id=f"MSS{next(_numbers):08d}")


def fresh(raw: bytes) -> bytes:
    """The same message under another MSH-10: all official ones use 015."""
    lines = raw.split(b"\r")
    fields = lines[0].split(b"|")
    fields[9] = b"F%08d" % next(_numbers)
    return b"\r".join([b"|".join(fields), *lines[1:]])


def hand_over(raw: bytes) -> Ack:
    """Send it as the PFI does, and read the answer."""
    return parse_ack(message_receive(partner=Partner.objects.get(code="pfi"), raw=raw))


def last_message() -> Message:
    return Message.objects.latest("id")
