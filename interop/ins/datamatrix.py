"""The datamatrix « INS à scanner » (SC.CDA/VISU.04; INS - Format datamatrix v2.2; ins.md 14)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lxml import etree
from ppf.datamatrix import DataMatrix

from interop.ins.codes import INS_OIDS
from interop.ins.key import MATRICULE_LENGTH, Ins, matricule_fault
from interop.ins.traits import (
    NAME_MAX_LENGTH,
    LexicalError,
    Sex,
    StrictTraits,
    is_cog,
    normalize_birth_name,
    normalize_given_names,
)

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
LEGEND = "INS à scanner"
HEADER = "IS01" + "0" * 22
GROUP_SEPARATOR = "\x1d"
_PRINTED_SEPARATOR = "<GS>"  # what some keyboards and viewers yield for the real character
QUIET_ZONE_MODULES = 2
DEFAULT_MODULE_MM = 0.4


class Block(StrEnum):
    """Identifiers of the blocks, in the order of writing (ins.md 14.1)."""

    MATRICULE = "S1"
    OID = "S2"
    GIVEN_NAMES = "S3"
    BIRTH_NAME = "S4"
    SEX = "S5"
    BIRTH_DATE = "S6"
    BIRTH_PLACE = "S7"


_FIXED_SIZES = {Block.MATRICULE: MATRICULE_LENGTH, Block.SEX: 1, Block.BIRTH_DATE: 10, Block.BIRTH_PLACE: 5}
_MAX_SIZES = {Block.OID: 20, Block.GIVEN_NAMES: NAME_MAX_LENGTH, Block.BIRTH_NAME: NAME_MAX_LENGTH}
_MANDATORY = frozenset(Block) - {Block.BIRTH_PLACE}
_DATE = re.compile(r"(\d{2})-(\d{2})-(\d{4})")


class DatamatrixError(ValueError):
    """An identity that cannot be written in a datamatrix."""


class ScanRefused(ValueError):
    """Scanned text that is not an INS datamatrix; the message is French and may be shown."""


class ScanProblem(StrEnum):
    """Why a well-formed scan must not be used (ins.md 2.1, 2.3)."""

    MATRICULE_FORM = "matricule_form"
    MATRICULE_KEY = "matricule_key"
    OID_NOT_ALLOWED = "oid_not_allowed"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a datamatrix says. It carries no first given name: only the list."""

    ins: Ins
    birth_given_names: str
    birth_name: str
    sex: Sex
    birth_date: date
    birth_place_cog: str = ""


def build_payload(traits: StrictTraits, ins: Ins, *, allowed_oids: frozenset[str] = INS_OIDS) -> str:
    """Return the text of the datamatrix of a *qualified* identity (EXI DIF 02, ins.md 7.4 and 14.1).

    Raises:
        DatamatrixError: sex not M or F, OID not allowed here, or a trait out of its form.
    """
    if traits.sex not in (Sex.MALE, Sex.FEMALE):
        raise DatamatrixError("an INS datamatrix holds the sex M or F only")
    if ins.oid not in allowed_oids:
        raise DatamatrixError(f"the INS authority {ins.oid} is not allowed here")
    if len(ins.matricule) != MATRICULE_LENGTH or not ins.matricule.isalnum():
        raise DatamatrixError("a matricule has 15 characters")
    if traits.birth_place_cog and not is_cog(traits.birth_place_cog):
        raise DatamatrixError("the birth place is not a COG code")
    values = {
        Block.MATRICULE: ins.matricule,
        Block.OID: ins.oid,
        Block.GIVEN_NAMES: _in_profile(normalize_given_names, traits.birth_given_names),
        Block.BIRTH_NAME: _in_profile(normalize_birth_name, traits.birth_name),
        Block.SEX: traits.sex.value,
        Block.BIRTH_DATE: f"{traits.birth_date:%d-%m-%Y}",
        Block.BIRTH_PLACE: traits.birth_place_cog,
    }
    return HEADER + "".join(_written(values))


def _in_profile(normalize: Callable[[str], str], text: str) -> str:
    try:
        return normalize(text)
    except LexicalError as error:
        raise DatamatrixError(f"a name is out of the lexical profile: {error}") from error


def _written(values: dict[Block, str]) -> Iterator[str]:
    written = [(block, value) for block, value in values.items() if value]
    for rank, (block, value) in enumerate(written, start=1):
        is_open = block in _MAX_SIZES and len(value) < _MAX_SIZES[block]
        yield block + value + (GROUP_SEPARATOR if is_open and rank < len(written) else "")


def parse_payload(scanned: bytes | str) -> Scan:
    """Read scanned text; blocks may come in any order (ins.md 14.1, 14.4).

    The literal text `<GS>` is taken for the separator. Ask `scan_problems` before using the result.

    Raises:
        ScanRefused: not an INS datamatrix, or one with a missing or unreadable block.
    """
    text = scanned.decode("ascii", errors="replace") if isinstance(scanned, bytes) else scanned
    text = text.strip(" \r\n\t").replace(_PRINTED_SEPARATOR, GROUP_SEPARATOR)
    if not text.startswith(HEADER[:4]) or len(text) <= len(HEADER):
        raise ScanRefused("Ce code n'est pas un datamatrix INS")
    blocks = _read_blocks(text[len(HEADER) :])
    missing = sorted(_MANDATORY - blocks.keys())
    if missing:
        raise ScanRefused(f"Datamatrix INS incomplet : {', '.join(missing)} manquant")
    return _scan_of(blocks)


def _read_blocks(text: str) -> dict[Block, str]:
    blocks: dict[Block, str] = {}
    at = 0
    while at < len(text):
        try:
            block = Block(text[at : at + 2])
        except ValueError:
            raise ScanRefused(f"Datamatrix INS illisible à la position {len(HEADER) + at + 1}") from None
        at += 2
        if block in blocks:
            raise ScanRefused(f"Datamatrix INS : le bloc {block} est répété")
        value = text[at : at + _FIXED_SIZES[block]] if block in _FIXED_SIZES else _variable(text, at, block)
        if len(value) < _FIXED_SIZES.get(block, 1):
            raise ScanRefused(f"Datamatrix INS : le bloc {block} est incomplet")
        blocks[block] = value
        at += len(value)
        if text[at : at + 1] == GROUP_SEPARATOR:
            at += 1
    return blocks


def _variable(text: str, at: int, block: Block) -> str:
    return text[at : at + _MAX_SIZES[block]].partition(GROUP_SEPARATOR)[0]


def _scan_of(blocks: dict[Block, str]) -> Scan:
    if blocks[Block.SEX] not in (Sex.MALE, Sex.FEMALE):
        raise ScanRefused("Datamatrix INS : le sexe doit être M ou F")
    found = _DATE.fullmatch(blocks[Block.BIRTH_DATE])
    try:
        day = date(*(int(part) for part in reversed(found.groups()))) if found else None
    except ValueError:
        day = None
    if day is None:
        raise ScanRefused("Datamatrix INS : la date de naissance est illisible")
    return Scan(
        ins=Ins(matricule=blocks[Block.MATRICULE], oid=blocks[Block.OID]),
        birth_given_names=blocks[Block.GIVEN_NAMES],
        birth_name=blocks[Block.BIRTH_NAME],
        sex=Sex(blocks[Block.SEX]),
        birth_date=day,
        birth_place_cog=blocks.get(Block.BIRTH_PLACE, ""),
    )


def scan_problems(scan: Scan, *, allowed_oids: frozenset[str]) -> tuple[ScanProblem, ...]:
    """Return why a scan must not be used: the key is mandatory here, unlike in flows (ins.md 2.3)."""
    problems: list[ScanProblem] = []
    fault = matricule_fault(scan.ins.matricule)
    if fault is not None:
        problems.append(ScanProblem[f"MATRICULE_{fault.name}"])
    if scan.ins.oid not in allowed_oids:
        problems.append(ScanProblem.OID_NOT_ALLOWED)
    return tuple(problems)


def datamatrix_modules(payload: str) -> list[list[int]]:
    """Return the rows of modules, 1 for black, of the square ECC 200 symbol, without quiet zone."""
    return [list(row) for row in DataMatrix(payload).matrix]


def build_svg(payload: str, *, module_mm: float = DEFAULT_MODULE_MM) -> str:
    """Return the symbol as SVG, with its quiet zone of two modules (ins.md 14.2).

    Opaque black on white in one path, so that it stays valid in PDF/A-1b and has no seams;
    `module_mm` is the side of a module in millimetres. The legend is the page's text, not the image's.
    """
    rows = datamatrix_modules(payload)
    side = len(rows) + 2 * QUIET_ZONE_MODULES
    size = f"{side * module_mm:.2f}mm"
    svg = etree.Element(f"{{{SVG_NAMESPACE}}}svg", nsmap={None: SVG_NAMESPACE})
    svg.attrib.update(
        {
            "width": size,
            "height": size,
            "viewBox": f"0 0 {side} {side}",
            "shape-rendering": "crispEdges",
            "role": "img",
            "aria-label": LEGEND,
        }
    )
    etree.SubElement(svg, f"{{{SVG_NAMESPACE}}}path", fill="#ffffff", d=f"M0 0h{side}v{side}h-{side}z")
    etree.SubElement(svg, f"{{{SVG_NAMESPACE}}}path", fill="#000000", d="".join(_runs(rows)))
    return str(etree.tostring(svg, encoding="unicode"))


def _runs(rows: list[list[int]]) -> Iterator[str]:
    """Yield one rectangle per horizontal run of black modules."""
    for y, row in enumerate(rows, start=QUIET_ZONE_MODULES):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                yield f"M{start + QUIET_ZONE_MODULES} {y}h{x - start}v1h-{x - start}z"
            else:
                x += 1
