"""Rules of produced documents, as pure functions."""

from __future__ import annotations

from typing import Any, Final

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


def may_be_seen_so(visibility: Visibility, *, allows_both: bool) -> bool:
    """Whether a document may have these flags (EX_2.1-1050, spec dmp 3.3).

    Hidden from the patient and masked to professionals exclude each other while the parameter
    cumul-invisible_patient-masque_ps of the DMP (`allows_both`) is false.
    """
    return allows_both or not (visibility.is_invisible_patient and visibility.is_masque_ps)


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
