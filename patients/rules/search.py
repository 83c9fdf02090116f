"""Normalised columns of the search of identities, and a phonetic key for French names.

Sources: ins 4.4 (comparison form), 9.1 (search before creation); dependencies 11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from interop.ins.traits import comparable

PHONETIC_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class SearchKeys:
    """Values of the `search_*` columns of a patient."""

    birth_name: str
    used_name: str
    given_names: str
    used_given_name: str
    full_name: str
    phonetic: str
    used_phonetic: str


def search_keys(
    *, birth_name: str, used_name: str, given_names: str, first_given_name: str, used_given_name: str
) -> SearchKeys:
    """Compute the search columns of an identity.

    `given_names` is the list of the birth record; the first one alone serves when it is empty.
    """
    birth, used = comparable(birth_name), comparable(used_name)
    given = comparable(given_names) or comparable(first_given_name)
    used_given = comparable(used_given_name)
    first = used_given or comparable(first_given_name) or given.partition(" ")[0]
    return SearchKeys(
        birth_name=birth[:100],
        used_name=used[:100],
        given_names=given[:100],
        used_given_name=used_given[:100],
        full_name=" ".join(part for part in (birth, used, given) if part)[:310],
        phonetic=f"{phonetic_key(birth)} {phonetic_key(first)}".strip()[:120],
        used_phonetic=f"{phonetic_key(used)} {phonetic_key(first)}"[:120] if used else "",
    )


_VOWEL: Final = "AEIOUY123"
# In this order: longer groups of letters first. Digits stand for the nasal vowels (1 IN, 2 AN, 3 ON).
_STEPS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^A-Z]", ""),
        (r"(.)\1+", r"\1"),
        (r"^KN", "N"),
        (r"SCH|SH|CH", "5"),
        (r"PH", "F"),
        (r"QU?|CK|CQ", "K"),
        (r"SC(?=[EIY])|C(?=[EIY])", "S"),
        (r"C", "K"),
        (r"GN", "NI"),
        (r"G(?=[EIY])", "J"),
        (r"GU(?=[EIY])", "G"),
        (r"JE(?=[AOU])", "J"),
        (r"H", ""),
        (r"W", "V"),
        (r"(?:EAU|AU)(?:LT|D|T|X)?S?$", "O"),
        (r"EAU|AU", "O"),
        (r"OEU|EU", "E"),
        (r"(?:AI|EI|I|Y|U)[NM](?![AEIOUYNM])", "1"),
        (r"[AE][NM](?![AEIOUYNM])", "2"),
        (r"O[NM](?![AEIOUYNM])", "3"),
        (r"OU", "U"),
        (r"OI|OY", "OA"),
        (r"A[IY]|E[IY]", "E"),
        (r"Y", "I"),
        (r"Z", "S"),
        (r"X", "S"),
        (r"E[RZT]S?$", "E"),
        (r"(?<=.)[DTPSE]+$", ""),
        (r"(.)\1+", r"\1"),
    )
)


def phonetic_key(name: str) -> str:
    """Return how a name sounds in French, roughly: spellings heard alike share their key.

    `name` is in the form of `comparable`; blanks do not count, so that LE GOFF meets LEGOFF. The key
    only ranks candidates that a person then reads.
    """
    key = comparable(name)
    for pattern, sound in _STEPS:
        key = pattern.sub(sound, key)
    return key[:PHONETIC_SIZE]
