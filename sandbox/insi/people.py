"""Whom INSi knows: the persons of the DMP, and the test identities that only INSi has a use for.

Sources: scenarios of the qualification base (ins.md 15: false key of HERMANN, history of ECETINSI, number of
waiting of PROVISOIRE); the other two, who differ by a given name and a place, are invented.
"""

from dataclasses import dataclass
from typing import Final

from interop.ins import codes as ins_codes
from sandbox.demo import PATIENTS


@dataclass(frozen=True, slots=True)
class Held:
    """A matricule of 13 characters and its key, with the period that INSi tells, if any."""

    number: str
    key: str
    oid: str
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A person of the reference base. `given_names` is the list of the birth record.

    `says_first` tells whether the answer holds `Prenom`: live ones often leave it out.
    """

    family: str
    given_names: str
    sex: str
    birth_date: str
    birth_place: str
    active: Held
    history: tuple[Held, ...] = ()
    says_first: bool = True


def _nir(matricule: str, *, since: str = "", until: str = "") -> Held:
    return Held(matricule[:13], matricule[13:], ins_codes.INS_NIR_TEST_OID, since, until)


_HISTORIES: Final = {
    "109076322083489": (
        _nir("209076322083439", since="2019-12-01", until="2010-01-01"),
        _nir("209066322012355"),
    ),
    "180032B02040123": (_nir("180032B02040123"),),
    "181036322045660": (_nir("181036322045660"), _nir("281036322045610")),
}
_WITHOUT_FIRST: Final = frozenset({"275126322074974"})
_ONLY_HERE: Final = (
    Known(
        "PROVISOIRE", "MATRICULE", "M", "2009-07-01", "63220",
        Held("1090763220888", "35", ins_codes.INS_NIA_OID), says_first=False,
    ),
    Known("JUMELAGE", "MARIE JEANNE", "F", "1985-05-12", "63220", _nir("285056322012301")),
    Known("JUMELAGE", "MARIE CLAIRE", "F", "1985-05-12", "35238", _nir("285053523845678")),
    Known("SANSLIEU", "ADELE", "F", "1990-10-04", "", _nir("290109923845628")),
)  # fmt: skip
NEVER_FOUND: Final = ("HOUILLES", "PIERRE PAUL JACQUES", "M", "1993-01-27")
"""The test identity that always gives 01."""


def known() -> tuple[Known, ...]:
    """Every person of the base."""
    demonstration = tuple(
        Known(
            person.family,
            person.given_names or person.given,
            person.sex,
            person.birth_date,
            person.birth_place,
            Held(person.matricule[:13], person.matricule[13:], person.oid),
            _HISTORIES.get(person.matricule, ()),
            person.matricule not in _WITHOUT_FIRST,
        )
        for person in PATIENTS
    )
    return demonstration + _ONLY_HERE


KNOWN: Final = known()
