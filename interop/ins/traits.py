"""Strict traits of identity: lexical profile, birth dates, comparisons (ins.md 1.1, 4, 5, 6)."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from interop.ins.key import Ins

NAME_MAX_LENGTH = 100
_COG = re.compile(r"(?:\d{2}|2[AB])\d{3}")
_BLANKS = re.compile(r"\s+")
_SEPARATORS = re.compile(r"[\s'-]+")
_HL7_DATE = re.compile(r"\d{8}")
# What canonical decomposition leaves whole, and the typographic forms of hyphen and apostrophe.
_TRANSLITERATION = str.maketrans(
    {
        "Œ": "OE",
        "Æ": "AE",
        "Ø": "O",
        "ẞ": "SS",
        "Ð": "D",
        "Đ": "D",
        "Þ": "TH",
        "Ł": "L",
        **dict.fromkeys("’‘ʼ‛′´`", "'"),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\u00a0\u2009\u202f\t", " "),
    }
)


class Sex(StrEnum):
    """Sexe of the strict traits; INSi gives M or F only (ins.md 1.1)."""

    MALE = "M"
    FEMALE = "F"
    UNDETERMINED = "I"


class Trait(StrEnum):
    """The strict traits, to name one that is missing or differs."""

    BIRTH_NAME = "birth_name"
    BIRTH_GIVEN_NAMES = "birth_given_names"
    FIRST_BIRTH_GIVEN_NAME = "first_birth_given_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    BIRTH_PLACE_COG = "birth_place_cog"
    INS_MATRICULE = "ins_matricule"
    INS_OID = "ins_oid"


@dataclass(frozen=True, slots=True)
class StrictTraits:
    """The official identity (ins.md 1.1). `birth_place_cog` is empty when not known."""

    birth_name: str
    birth_given_names: str
    first_birth_given_name: str
    birth_date: date
    sex: Sex
    birth_place_cog: str = ""
    birth_date_estimated: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedTraits:
    """Traits read in a document or a message, as written there; empty when absent.

    `birth_date` keeps the HL7 form, `AAAAMMJJ` without hour, which may be partial; `sex` is M, F or I,
    already translated from the code of the format.
    """

    birth_name: str = ""
    birth_given_names: str = ""
    first_birth_given_name: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_place_cog: str = ""


class LexicalFault(StrEnum):
    """Why a name cannot be a strict trait (ins.md 4.1)."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHARACTER = "character"
    START = "start"
    END = "end"
    SEPARATORS = "separators"
    DOUBLE_HYPHEN = "double_hyphen"


class LexicalError(ValueError):
    """A name out of the lexical profile; `position` (from 0) is that of the first fault."""

    def __init__(self, fault: LexicalFault, position: int) -> None:
        super().__init__(f"{fault} at position {position}")
        self.fault = fault
        self.position = position


def normalize_birth_name(text: str) -> str:
    """Return a birth name in the profile of INSi and of the datamatrix (ins.md 4.1).

    Upper case A-Z, space, apostrophe, hyphen; a double hyphen is allowed.

    Raises:
        LexicalError: for what cannot be transliterated; nothing is dropped silently.
    """
    name = _transliterated(text)
    _check_profile(name)
    _refuse_match(name, r"---", LexicalFault.DOUBLE_HYPHEN)
    return name


def normalize_given_names(text: str) -> str:
    """Return one given name, or the list of a birth record, in the same profile, without `--`.

    Raises:
        LexicalError: as `normalize_birth_name`.
    """
    names = _transliterated(text)
    _check_profile(names)
    _refuse_match(names, r"--", LexicalFault.DOUBLE_HYPHEN)
    _refuse_match(names, r"['-]$", LexicalFault.END)
    return names


def _transliterated(text: str) -> str:
    upper = unicodedata.normalize("NFC", text).upper().translate(_TRANSLITERATION).strip()
    return "".join(c for c in unicodedata.normalize("NFD", upper) if not unicodedata.combining(c))


def _check_profile(name: str) -> None:
    if not name:
        raise LexicalError(LexicalFault.EMPTY, 0)
    if len(name) > NAME_MAX_LENGTH:
        raise LexicalError(LexicalFault.TOO_LONG, NAME_MAX_LENGTH)
    _refuse_match(name, r"[^A-Z '-]", LexicalFault.CHARACTER)
    _refuse_match(name, r"^-", LexicalFault.START)
    _refuse_match(name, r"[ ']{2}", LexicalFault.SEPARATORS)


def _refuse_match(name: str, pattern: str, fault: LexicalFault) -> None:
    found = re.search(pattern, name)
    if found:
        raise LexicalError(fault, found.start())


def given_name_heads_list(first: str, given_names: str) -> bool:
    """Tell whether the first given name is the head, in whole words, of the list (ins.md 4.3).

    Hyphens and apostrophes count as spaces. An inconsistency is an alert, never a silent fix.
    """
    words, listed = comparable(first).split(), comparable(given_names).split()
    return bool(words) and listed[: len(words)] == words


def comparable(text: str) -> str:
    """Return a name for search and duplicates: upper, no accent, separators as one space (ins.md 4.4)."""
    return _SEPARATORS.sub(" ", _transliterated(text)).strip()


def exact(text: str) -> str:
    """Return a trait for the equality test of received documents (hl7v2.md 3.3).

    NFC, upper case, blanks collapsed and trimmed; accents, hyphens and apostrophes are kept.
    """
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text).upper()).strip()


# Compared with a received document, beside the INS; the first given name is shown, not compared.
_COMPARED = (
    Trait.BIRTH_NAME,
    Trait.BIRTH_GIVEN_NAMES,
    Trait.BIRTH_DATE,
    Trait.SEX,
    Trait.BIRTH_PLACE_COG,
)


def missing_traits(received: ReceivedTraits) -> tuple[Trait, ...]:
    """Return the compared traits that a received document lacks: error 905 (hl7v2.md 3.3)."""
    return tuple(trait for trait in _COMPARED if not exact(getattr(received, trait)))


def differing_traits(
    reference: StrictTraits, reference_ins: Ins, received: ReceivedTraits, received_ins: Ins
) -> tuple[Trait, ...]:
    """Return the strict traits, INS included, that are not exactly those of a qualified identity.

    Source: SC.MSS/UX.07, hl7v2.md 3.3 (error 904). An absent trait differs.
    """
    return differing_from(received_traits(reference), reference_ins, received, received_ins)


def differing_from(
    expected: ReceivedTraits, expected_ins: Ins, received: ReceivedTraits, received_ins: Ins
) -> tuple[Trait, ...]:
    """The same, where what is held may be incomplete too: a trait that is missing on a side differs."""
    differing = [
        trait for trait in _COMPARED if not _is_same(getattr(received, trait), getattr(expected, trait))
    ]
    if received_ins.matricule != expected_ins.matricule:
        differing.append(Trait.INS_MATRICULE)
    if received_ins.oid != expected_ins.oid:
        differing.append(Trait.INS_OID)
    return tuple(differing)


def _is_same(received: str, expected: str) -> bool:
    return exact(received) == exact(expected) != ""


def received_traits(traits: StrictTraits) -> ReceivedTraits:
    """Return strict traits in the form in which a document or message carries them."""
    return ReceivedTraits(
        birth_name=traits.birth_name,
        birth_given_names=traits.birth_given_names,
        first_birth_given_name=traits.first_birth_given_name,
        birth_date=hl7_date(traits.birth_date),
        sex=traits.sex.value,
        birth_place_cog=traits.birth_place_cog,
    )


def hl7_date(day: date) -> str:
    """Return `AAAAMMJJ`."""
    return f"{day:%Y%m%d}"


def date_of_hl7(text: str) -> date | None:
    """Return the date of the first 8 characters, or None when incomplete, lunar or not a date."""
    if not _HL7_DATE.match(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A birth date that is always complete, and whether we completed it (ins.md 5, PAM ZFD-4)."""

    day: date
    estimated: bool


def complete_birth_date(
    year: int, month: int | None = None, day: int | None = None, *, year_is_uncertain: bool = False
) -> BirthDate:
    """Return the date to store when parts of it are unknown (RNIV EXI PP 19; ins.md 5).

    Raises:
        ValueError: the known parts are not those of a date.
    """
    if year_is_uncertain or (month is None and day is None):
        return BirthDate(date(year, 12, 31), True)
    if month is None:
        return BirthDate(date(year, 1, day or 1), True)
    if day is None:
        return BirthDate(date(year, month, 1), True)
    return BirthDate(date(year, month, day), False)


def is_cog(code: str) -> bool:
    """Tell whether a code has the form of a commune or country of the COG, as of INSEE (ins.md 6)."""
    return _COG.fullmatch(code) is not None
