"""The segments of a document message, one by one: documents, participants, metadata.

Source: hl7v2.md 2.2 to 2.6, tolerances of 2.4, 2.5, 2.6 and 5.1. Shared by the two volets.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from interop.cda.datatypes import Id
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedCda
from interop.cda.refusals import CdaRefusal, CdaRefused
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    Coded,
    Organisation,
    Person,
    read_coded,
    read_organisation,
    read_person,
)
from interop.hl7v2.errors import Fault, Hl7Error
from interop.hl7v2.mdm.model import Participant
from interop.hl7v2.tokens import Message, Segment, unescape
from interop.xml import XmlRefused

_TEXT_TYPES = frozenset({"TX", "FT", "ST"})
_BLANKS = b" \t\r\n"
_ADDRESS_FIELDS = (15, 16, 14)
"""Printed examples of the volet put the address one field too far: PRT-15 first, then its neighbours."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One OBX with the PRT and NTE that follow it."""

    obx: Segment
    participants: tuple[Segment, ...]
    notes: tuple[Segment, ...]

    @property
    def code(self) -> str:
        """OBX-3.1, without the blanks that appear inside some names."""
        return self.obx.value(3).replace(" ", "")

    @property
    def meta(self) -> codes.Meta | None:
        """The metadata row that the OBX carries, under its name or a former one."""
        name = self.code
        if name in codes.Meta.__members__:
            return codes.Meta[name]
        return codes.META_ALIASES.get(name)


@dataclass(frozen=True, slots=True)
class Encapsulated:
    """The bytes of an ED field, and whether a dangling character was dropped."""

    content: bytes
    was_cut: bool


def check_sequence(message: Message, required: tuple[str, ...], once: tuple[str, ...]) -> None:
    """Check that the segments are there, in order, and that those named in `once` are not repeated.

    Raises:
        Hl7Error: 100 (absent or out of order), 198 (repeated).
    """
    positions = {name: index for index, name in reversed(list(enumerate(s.name for s in message.segments)))}
    previous = -1
    for name in required:
        if name not in positions:
            raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, f"{name}^1", f"Segment {name} absent")
        if positions[name] < previous:
            raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, f"{name}^1", f"Segment {name} mal placé")
        previous = positions[name]
    for name in once:
        if len(message.all(name)) > 1:
            raise Hl7Error(codes.ERROR_CARDINALITY, f"{name}^2", f"Un seul segment {name} est permis")


def read_observations(message: Message) -> list[Observation]:
    """Return the OBX with what follows each, in order."""
    groups: list[tuple[Segment, list[Segment], list[Segment]]] = []
    for segment in message.segments:
        if segment.name == "OBX":
            groups.append((segment, [], []))
        elif segment.name == "PRT" and groups:
            groups[-1][1].append(segment)
        elif segment.name == "NTE" and groups:
            groups[-1][2].append(segment)
    return [Observation(obx, tuple(parts), tuple(notes)) for obx, parts, notes in groups]


def read_encapsulated(obx: Segment) -> Encapsulated:
    """Return the bytes of OBX-5: base64, hexadecimal, or plain text (table 0299).

    Base64 may be unpadded, hold line breaks, or have lost its last character (hl7v2.md 2.4, 5.1).

    Raises:
        Hl7Error: 101 (empty), 102 (not decodable), 103 (unknown encoding).
    """
    marks = obx.separators
    parts = obx.field(5).split(marks.component, 4)
    if len(parts) < 5 or not parts[4]:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, obx.location(5, component=5), "OBX-5.5 absent : contenu")
    encoding = unescape(parts[3], marks, obx.codec).strip().upper()
    data = parts[4]
    if encoding == "A":
        return Encapsulated(unescape(data, marks, obx.codec).encode(obx.codec), was_cut=False)
    try:
        raw = data.encode("ascii").translate(None, _BLANKS)
        if encoding == "HEX":
            return Encapsulated(bytes.fromhex(raw.decode("ascii")), was_cut=False)
        if encoding == "BASE64":
            return _decode_base64(raw)
    except ValueError:  # of any of the decoders
        location = obx.location(5, component=5)
        raise Hl7Error(codes.ERROR_DATA_TYPE, location, "OBX-5.5 : contenu non décodable") from None
    location = obx.location(5, component=4)
    raise Hl7Error(codes.ERROR_DATA_TYPE, location, "OBX-5.4 : codage du contenu inconnu")


def read_text(observation: Observation, warnings: list[str]) -> str:
    """Return the text of an OBX: encapsulated, or plain for the text types.

    Raises:
        Hl7Error: as `read_encapsulated`.
    """
    obx = observation.obx
    if obx.value(2) in _TEXT_TYPES:
        return obx.text(5)
    if not obx.field(5):
        return ""
    found = read_encapsulated(obx)
    if found.was_cut:
        warnings.append(f"{obx.location(5)} : base64 tronqué, dernier caractère perdu")
    try:
        return found.content.decode("utf-8")
    except UnicodeDecodeError as error:
        if found.was_cut and error.end == len(found.content):  # the lost character split a letter
            return found.content[: error.start].decode("utf-8")
        return found.content.decode("cp1252", errors="replace")


def read_document(obx: Segment, header_fault: Fault | None = None) -> tuple[bytes, ParsedCda]:
    """Return the bytes of the CDA that an OBX carries, and what they say.

    `header_fault` is what a header that cannot be used raises, where a volet says more than 102.

    Raises:
        Hl7Error: 101, 102 or 103 in OBX-5.
    """
    if obx.value(2) != "ED":
        raise Hl7Error(codes.ERROR_TABLE_VALUE, obx.location(2), "OBX-2 : ED attendu pour un document")
    for component, expected in ((2, "TEXT"), (3, "XML")):
        if obx.value(5, component).upper() != expected:
            location = obx.location(5, component=component)
            raise Hl7Error(codes.ERROR_TABLE_VALUE, location, f"OBX-5.{component} : {expected} attendu")
    content = read_encapsulated(obx).content
    try:
        cda = parse_cda(content)
    except (XmlRefused, CdaRefused) as refused:
        if refused.code == CdaRefusal.HEADER and header_fault is not None:
            raise Hl7Error.of(header_fault) from None
        raise Hl7Error(codes.ERROR_DATA_TYPE, obx.location(5), refused.text) from None
    if cda.is_self_presenting:
        raise Hl7Error(codes.ERROR_DATA_TYPE, obx.location(5), "La racine du XML n'est pas ClinicalDocument")
    return content, cda


def read_document_id(segment: Segment, number: int) -> Id | None:
    """Return TXA-12 or 13: the root alone, or an extension with its authority in component 3.

    Component 2 is ignored: official examples put the name of the organisation there.
    """
    first, root = segment.value(number), segment.value(number, 3)
    if not first:
        return None
    return Id(root, first) if root else Id(first)


def read_participant(prt: Segment) -> Participant:
    """Read one PRT; only PRT-4.1 tells the role.

    Raises:
        Hl7Error: 101 (no role), 103 (unknown role).
    """
    role = prt.require(4, label="rôle du participant")
    if role not in set(codes.Participation):
        raise Hl7Error(codes.ERROR_TABLE_VALUE, prt.location(4), "PRT-4 : SB, RCT ou REPLY attendu")
    person = read_person(prt.field(5), prt)
    organisation = read_organisation(prt.field(8), prt)
    return Participant(
        role=codes.Participation(role),
        person=person if person != Person() else None,
        organisation=organisation if organisation != Organisation() else None,
        device=prt.value(10),
        address=next((found for number in _ADDRESS_FIELDS if (found := prt.value(number, 4))), ""),
    )


def read_yes_no(obx: Segment) -> bool:
    """Return OBX-5.1 of a metadata row; its coding system varies and is not read.

    Raises:
        Hl7Error: 103 when it is neither Y nor N.
    """
    value = obx.value(5).upper()
    if value not in (codes.YES, codes.NO):
        raise Hl7Error(codes.ERROR_TABLE_VALUE, obx.location(5), "OBX-5 : Y ou N attendu")
    return value == codes.YES


def collect_metadata(
    observations: list[Observation], known: frozenset[codes.Meta]
) -> Mapping[codes.Meta, Observation]:
    """Return the metadata rows, in any order.

    Raises:
        Hl7Error: 103 (unknown row), 198 (row twice).
    """
    found: dict[codes.Meta, Observation] = {}
    for observation in observations:
        meta = observation.meta
        if meta is None or meta not in known:
            if observation.code in codes.META_IGNORED or meta is not None:
                continue
            location = observation.obx.location(3)
            raise Hl7Error(codes.ERROR_TABLE_VALUE, location, "OBX-3 : métadonnée inconnue")
        if meta in found:
            location = observation.obx.location(3)
            raise Hl7Error(codes.ERROR_CARDINALITY, location, f"Métadonnée {meta} répétée")
        found[meta] = observation
    return found


def read_type(segment: Segment, number: int) -> Coded:
    """Return OBR-4 or OBX-3 of a document.

    Raises:
        Hl7Error: 101 when there is no code.
    """
    segment.require(number, label="type du document")
    return read_coded(segment.field(number), segment)


def _decode_base64(raw: bytes) -> Encapsulated:
    raw = raw.rstrip(b"=")
    was_cut = len(raw) % 4 == 1
    if was_cut:
        raw = raw[:-1]
    return Encapsulated(binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True), was_cut)
