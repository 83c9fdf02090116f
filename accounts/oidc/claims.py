"""A professional as a provider describes him (psc 6). Missing or odd fields never stop a login."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from accounts.acting import Activity
from accounts.enums import ProviderKind
from accounts.models import IdentityProvider
from accounts.rules import RPPS_DIGITS, rpps_of_national_id

PHARMACIST = "21"
"""TRE_G15; its second code is the section of the order, which the activity says (psc 20)."""


@dataclass(frozen=True, slots=True)
class Person:
    """The identity that a provider vouches for.

    `subject` is what accounts are linked on: the SubjectNameID of Pro Santé Connect, else `sub`, for
    the `sub` of Pro Santé Connect changes between its environments. `claims_agree` is False when two
    claims name different RPPS.
    """

    subject: str
    sub: str
    rpps: str
    claims_agree: bool
    family_name: str
    given_name: str
    profession: str
    specialty: str
    auth_mode: str
    activities: tuple[Activity, ...]

    def activities_at(self, finess: Collection[str]) -> tuple[Activity, ...]:
        """Activities in this establishment, its sites or its legal entity, each once (psc 6.4)."""
        ours = (
            activity
            for activity in self.activities
            if activity.finess_site in finess or activity.finess_legal in finess
        )
        return tuple(dict.fromkeys(ours))


def person_of(provider: IdentityProvider, id_claims: dict[str, Any], userinfo: dict[str, Any]) -> Person:
    """Read the claims of a provider; unknown keys are ignored, absent ones read as empty."""
    sub = _text(id_claims.get("sub"))
    is_psc = provider.kind == ProviderKind.PSC
    subject = _text(userinfo.get("SubjectNameID") or id_claims.get("SubjectNameID")) if is_psc else sub
    numbers = _psc_rpps(subject, userinfo) if is_psc else _trusted_rpps(provider, userinfo)
    reference = _object(userinfo.get("SubjectRefPro"))
    activities = tuple(
        _activity(exercise, activity)
        for exercise in _objects(reference.get("exercices"))
        for activity in _objects(exercise.get("activities")) or [{}]
    )
    first = activities[0] if activities else None
    return Person(
        subject=subject,
        sub=sub,
        rpps=next(iter(sorted(numbers)), ""),
        claims_agree=len(numbers) <= 1,
        family_name=(first.family_name if first else "") or _text(userinfo.get("family_name")),
        given_name=(first.given_name if first else "") or _text(userinfo.get("given_name")),
        profession=first.profession if first else "",
        specialty=first.specialty if first else "",
        auth_mode=_text(userinfo.get("authMode") or id_claims.get("authMode")),
        activities=activities,
    )


def _psc_rpps(subject: str, userinfo: dict[str, Any]) -> set[str]:
    """RPPS named by SubjectNameID and by otherIds of origin RPPS (`otherIDs` is seen too, psc 6.2)."""
    numbers = {rpps_of_national_id(subject)}
    for other in _objects(userinfo.get("otherIds") or userinfo.get("otherIDs")):
        if other.get("origine") == "RPPS":
            number = _text(other.get("identifiant"))
            numbers.add(number if len(number) == RPPS_DIGITS else rpps_of_national_id(number))
    return numbers - {""}


def _trusted_rpps(provider: IdentityProvider, userinfo: dict[str, Any]) -> set[str]:
    """psc 9: a generic provider names an RPPS only where the hospital trusts it for that."""
    number = _text(userinfo.get(provider.rpps_claim)) if provider.rpps_claim else ""
    return {number} if len(number) == RPPS_DIGITS and number.isdigit() else set()


def _activity(exercise: dict[str, Any], activity: dict[str, Any]) -> Activity:
    profession = _text(exercise.get("codeProfession"))
    section = _text(activity.get("codeSectionPharmacien")) if profession == PHARMACIST else ""
    return Activity(
        profession=profession,
        specialty=section or _text(exercise.get("codeSavoirFaire")),
        family_name=_text(exercise.get("nomDexercice")),
        given_name=_text(exercise.get("prenomDexercice")),
        sector=_text(activity.get("codeSecteurDactivite")),
        finess_site=_text(activity.get("numeroFinessSite")),
        finess_legal=_text(activity.get("numeroFinessetablissementJuridique")),
        name=_text(activity.get("raisonSocialeSite")),
        mode=_text(activity.get("codeModeExercice")),
    )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
