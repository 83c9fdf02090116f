"""The matricule INS: form, key, display (ins.md 2.2, 2.3, 13)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from interop.ins.codes import InsNature, ins_nature

MATRICULE_LENGTH = 15
_KEY_MODULUS = 97
# Sex, year, month (20 to 99 when unknown), department with Corsica, commune, order number, key.
_MATRICULE = re.compile(r"[1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{6}\d{2}")
_CORSICA = {"2A": "19", "2B": "18"}
_BLANKS = re.compile(r"[\s.-]+")


class MatriculeFault(StrEnum):
    """What is wrong with a matricule."""

    FORM = "form"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Ins:
    """A matricule with the OID of its authority: stored, sent and deleted together (ins.md 1.1)."""

    matricule: str
    oid: str

    @property
    def nature(self) -> InsNature:
        return ins_nature(self.oid)


def nir_key(number: str) -> str:
    """Return the two-digit key of the 13 characters of a NIR or NIA (ins.md 2.3).

    In Corsica the department 2A counts as 19 and 2B as 18.

    Raises:
        ValueError: `number` is not 13 characters of that form.
    """
    digits = number.upper()
    digits = digits[:5] + _CORSICA.get(digits[5:7], digits[5:7]) + digits[7:]
    if len(digits) != MATRICULE_LENGTH - 2 or not (digits.isascii() and digits.isdigit()):
        raise ValueError("a NIR has 13 digits, with 2A or 2B as department in Corsica")
    return f"{_KEY_MODULUS - int(digits) % _KEY_MODULUS:02d}"


def normalize_matricule(text: str) -> str:
    """Return a typed or scanned matricule without separators, in upper case."""
    return _BLANKS.sub("", text).upper()


def matricule_fault(matricule: str) -> MatriculeFault | None:
    """Return what is wrong with 15 characters, or None.

    Typed, pasted or scanned input with a fault is refused; data of INSi or of a qualified flow
    is kept identical and the fault only logged, as some national samples carry false keys
    (ins.md 2.3 and 15).
    """
    if not _MATRICULE.fullmatch(matricule):
        return MatriculeFault.FORM
    if nir_key(matricule[:13]) != matricule[13:]:
        return MatriculeFault.KEY
    return None


def format_matricule(ins: Ins) -> str:
    """Return the matricule as shown, `2 79 03 51 215 189 89 (NIR)` (ins.md 13)."""
    m = ins.matricule
    groups = (m[0:1], m[1:3], m[3:5], m[5:7], m[7:10], m[10:13], m[13:15])
    return f"{' '.join(group for group in groups if group)} ({ins.nature})"
