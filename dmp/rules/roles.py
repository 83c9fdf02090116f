"""What the VIHF says of the profession: one value or two, each of its own nomenclature (dmp 2.3).

The second value is due for physicians (savoir-faire, TRE_R01) and for pharmacists (section of the
tableau, TRE_G05). Codes and labels are those of the official value set of authors (JDV_J01).
"""

from __future__ import annotations

from dmp.enums import AccessState
from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.value_sets import author_specialties
from interop.vihf import codes as vihf
from interop.vihf.claims import Role, profession_role, section_role, specialty_role

_QUALIFIED_FUNCTION = "FQ"
"""Fonctions qualifiées of pharmacists (TRE_R45) stand beside the sections in the value set."""


def profile_gap(profession: str, specialty: str) -> AccessState | None:
    """What the profile lacks for the DMP to hear this person; None when it is complete (dmp 2.3, 2.6).

    Said before any call: the DMP would refuse, and its refusal would look like a failure.
    """
    if not profession:
        return AccessState.NO_PROFESSION
    if profession == vihf.PROFESSION_PHYSICIAN and not specialty:
        return AccessState.NO_SPECIALTY
    if profession == vihf.PROFESSION_PHARMACIST and not _section_label(specialty):
        return AccessState.NO_SECTION
    return None


def roles_for(profession: str, specialty: str, *, section_system: str) -> tuple[Role, ...]:
    """Profession, then the second value of its own nomenclature where there is one.

    `section_system` is the OID of TRE_G05.
    """
    labels = author_specialties()
    known = labels.get(f"{PROFESSION_PREFIX}{profession}")
    first = profession_role(profession, known.display if known else "")
    if profession == vihf.PROFESSION_PHARMACIST:
        section = _section_label(specialty)
        return (first, section_role(specialty, section, system=section_system)) if section else (first,)
    if not specialty:
        return (first,)
    both = labels.get(f"{PROFESSION_PREFIX}{profession}/{specialty}")
    label = both.display.partition(" - ")[2] or both.display if both else ""
    return (first, specialty_role(specialty, label))


def _section_label(code: str) -> str:
    """The label of a section of the tableau; empty for any other code."""
    if not code or code.startswith(_QUALIFIED_FUNCTION):
        return ""
    known = author_specialties().get(f"{PROFESSION_PREFIX}{vihf.PROFESSION_PHARMACIST}/{code}")
    return known.display if known else ""
