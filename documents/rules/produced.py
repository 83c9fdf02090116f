"""Rules of produced documents, as pure functions."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from documents.enums import VisibilityFault
from documents.wishes import Visibility

IDENTITY_FACTS: Final = (
    "ins",
    "ins_oid",
    "birth_name",
    "birth_given_names",
    "first_birth_given_name",
    "birth_date",
    "sex",
    "birth_place_cog",
)
"""What a recipient files a document by: INS and strict traits (ins 4)."""


MAJORITY_AGE: Final = 18


def is_minor(birth_date: date | None, day: date) -> bool:
    """Whether a person is a minor on a day; an adult when the birth date is unknown."""
    if birth_date is None:
        return False
    years = day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
    return years < MAJORITY_AGE


def visibility_fault(
    visibility: Visibility, *, allows_both: bool, of_a_minor: bool
) -> VisibilityFault | None:
    """Why a document may not have these flags, None when it may (EX_2.1-1050, EX_0.1-1100; dmp 3.3, 5.4).

    Hidden from the patient and masked to professionals exclude each other while the parameter
    cumul-invisible_patient-masque_ps of the DMP (`allows_both`) is false. A secret connection is that of a
    minor, and takes only what legal representatives do not see.
    """
    if visibility.is_invisible_patient and visibility.is_masque_ps and not allows_both:
        return VisibilityFault.HIDDEN_AND_MASKED
    if visibility.is_connexion_secrete and not of_a_minor:
        return VisibilityFault.SECRET_OF_ADULT
    if visibility.is_connexion_secrete and not visibility.is_invisible_rep_legaux:
        return VisibilityFault.SECRET_BUT_SEEN
    return None


def tells_same_person(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether bytes that left still name the patient rightly (spec cda 2).

    An address or a telephone number that changes makes no new version; the INS or a strict trait does.
    """
    return all(then[fact] == now[fact] for fact in IDENTITY_FACTS)


def says_the_same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether two snapshots of one document differ in nothing a reader would see.

    Left out: identifiers, number and date of the version, and the stamp of the identity.
    """
    return _content(before) == _content(after)


def _content(snapshot: dict[str, Any]) -> dict[str, Any]:
    document, patient = snapshot["document"], snapshot["patient"]
    return {
        "title": document["title"],
        "type": document["type_code"],
        "body": snapshot["body"],
        "patient": {fact: value for fact, value in patient.items() if fact != "stamp"},
        "author": snapshot["author"],
        "episode": snapshot["episode"],
    }
