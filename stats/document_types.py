"""From the type of a document (JDV_J07) to its statistical type (spec stats 2): data, not code.

The codes are those of JDV_J07_XdsTypeCode_CISIS; their grouping is a decision that a hospital may
change with `STATS_TYPE_CODES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stats.enums import DocType

DEFAULT_CODES: Final[dict[DocType, tuple[str, ...]]] = {
    DocType.LDL: ("11490-0",),
    DocType.CRO: ("34874-8",),
    DocType.PRESC: (
        "57833-6",
        "57832-8",
        "57828-6",
        "55115-0",
        "PRESC-BIO",
        "PRESC-KINE",
        "PRESC-INF",
        "PRESC-PEDI",
        "PRESC-ORTHOPHO",
        "PRESC-ORTHOPTIE",
        "PRESC-AAT",
    ),
    DocType.CRCONS: ("11488-4",),
}
SEGUR_TYPES: Final = tuple(DEFAULT_CODES)
"""« Liste des documents Ségur » of the DSR: the types that have rows of their own, zeros included."""

Mapped = Mapping[str, DocType]


class BadMapping(ValueError):
    """A line of `STATS_TYPE_CODES` is not `code=TYPE`."""


def types_by_code(changes: Iterable[str] = ()) -> dict[str, DocType]:
    """The statistical type of each mapped code; every other code is AUTRE.

    `changes` are `34749-2=CRCONS`; `11488-4=AUTRE` takes a code out of its type. Raises BadMapping.
    """
    mapped = {code: doc_type for doc_type, codes in DEFAULT_CODES.items() for code in codes}
    for change in changes:
        code, _, name = (part.strip() for part in change.partition("="))
        if not code or name not in {*SEGUR_TYPES, DocType.AUTRE}:
            raise BadMapping(change)
        mapped.pop(code, None)
        if name != DocType.AUTRE:
            mapped[code] = DocType(name)
    return mapped


def codes_of(mapped: Mapped, doc_type: str) -> tuple[str, ...]:
    """Codes that a statistical type groups, in the order of the mapping."""
    return tuple(code for code, found in mapped.items() if found == doc_type)


@dataclass(frozen=True, slots=True)
class Words:
    """How a type reads inside the name of an indicator."""

    plural: str
    definite: str
    indefinite: str
    is_feminine: bool = False

    def fill(self, template: str) -> str:
        """Put the words where the official name says « [type de document] »."""
        return template.format(
            types=self.plural,
            the_type=self.definite,
            a_type=self.indefinite,
            e="e" if self.is_feminine else "",
            es="es" if self.is_feminine else "",
            s="es" if self.is_feminine else "s",
        )


WORDS: Final[dict[DocType, Words]] = {
    DocType.LDL: Words("de lettres de liaison", "la lettre de liaison", "une lettre de liaison", True),
    DocType.CRO: Words(
        "de comptes-rendus opératoires", "le compte-rendu opératoire", "un compte-rendu opératoire"
    ),
    DocType.PRESC: Words("de prescriptions", "la prescription", "une prescription", True),
    DocType.CRCONS: Words(
        "de comptes-rendus de consultation",
        "le compte-rendu de consultation",
        "un compte-rendu de consultation",
    ),
    DocType.AUTRE: Words("d'autres documents", "un autre document", "un autre document"),
    DocType.TOUS: Words("de documents", "un document", "un document"),
}
