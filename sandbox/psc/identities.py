"""Claims of a professional: the structure of Pro Santé Connect, and that of a hospital's own provider.

Source: userinfo and tokens observed on the test environment of Pro Santé Connect (claims, spellings and
empty values included: `numeroFinessetablissementJuridique` has a small e).
"""

import uuid
from typing import Any

from sandbox import codes
from sandbox.demo import Exercise, Professional

_NAMESPACE = uuid.UUID("7d5ab0f8-6c5e-4b2c-9a83-1a6a4a5c9e10")

_EMPTY_ACTIVITY_FIELDS = (
    "codeSectionPharmacien", "codeRole", "numeroSiretSite", "numeroSirenSite", "enseigneCommercialeSite",
    "complementDestinataire", "complementPointGeographique", "indiceRepetitionVoie", "mentionDistribution",
    "bureauCedex", "codePays", "telephone", "telephone2", "telecopie", "adresseEMail",
    "ancienIdentifiantDeLaStructure", "autoriteDenregistrement",
)  # fmt: skip


def psc_subject(person: Professional) -> str:
    return f"f:{codes.PSC_FEDERATION_ID}:{person.subject_name_id}"


def psc_token_claims(person: Professional, auth_mode: str) -> dict[str, Any]:
    """Claims of Pro Santé Connect common to the id token and the access token."""
    return {
        "authMode": auth_mode,
        "otherIds": _other_ids(person),
        "preferred_username": person.subject_name_id,
        "SubjectNameID": person.subject_name_id,
        "given_name": person.given,
        "family_name": person.family,
    }


def psc_userinfo(person: Professional, auth_mode: str) -> dict[str, Any]:
    """Userinfo of Pro Santé Connect, without `sub`."""
    site = person.site
    professions = dict.fromkeys(one.profession for one in person.exercises)
    roles = [f"{profession}^{codes.OID_CLAIM_PROFESSION}" for profession in professions]
    return {
        "preferred_username": person.subject_name_id,
        "SubjectNameID": person.subject_name_id,
        "given_name": person.given,
        "family_name": person.family,
        "email_verified": False,
        "UITVersion": "1.0",
        "Mode_Acces_Raison": "",
        "Acces_Regulation_Medicale": "FAUX",
        "Palier_Authentification": f"APPPRIP3^{codes.OID_CLAIM_LEVEL}",
        "PSI_Locale": codes.OID_CLAIM_PSI,
        "Secteur_Activite": f"{site.sector}^{codes.OID_CLAIM_SECTOR}",
        "SubjectRole": roles,
        "SubjectOrganization": site.name,
        "SubjectOrganizationID": f"F{site.finess}",
        "authMode": auth_mode,
        "otherIds": _other_ids(person),
        "SubjectRefPro": {
            "codeCivilite": person.civility,
            "exercices": _exercises(person),
        },
    }


def _other_ids(person: Professional) -> list[dict[str, Any]]:
    if person.rpps is None:
        return []
    return [{"identifiant": person.subject_name_id, "origine": "RPPS", "qualite": 1}]


def _exercises(person: Professional) -> list[dict[str, Any]]:
    """One exercice for each profession and savoir-faire, with the activities that it has (6.2)."""
    grouped: dict[tuple[str, str], list[Exercise]] = {}
    for one in person.exercises:
        grouped.setdefault((one.profession, one.know_how), []).append(one)
    return [
        {
            "codeProfession": profession,
            "codeCategorieProfessionnelle": "C",
            "codeCiviliteDexercice": person.exercise_civility,
            "nomDexercice": person.family,
            "prenomDexercice": person.given,
            "codeTypeSavoirFaire": "S" if know_how else "",
            "codeSavoirFaire": know_how,
            "activities": [_activity(one) for one in exercises],
        }
        for (profession, know_how), exercises in grouped.items()
    ]


def _activity(exercise: Exercise) -> dict[str, Any]:
    site = exercise.site
    empty: dict[str, Any] = dict.fromkeys(_EMPTY_ACTIVITY_FIELDS, "")
    return empty | {
        "codeModeExercice": exercise.mode,
        "codeSecteurDactivite": site.sector,
        "codeGenreActivite": "GENR01",
        "numeroFinessSite": site.finess,
        "numeroFinessetablissementJuridique": exercise.legal_finess,
        "identifiantTechniqueDeLaStructure": f"F{site.finess}",
        "raisonSocialeSite": site.name,
        "numeroVoie": "1",
        "codeTypeDeVoie": "R",
        "libelleVoie": "DES TROIS RIVIERES",
        "codePostal": site.postal_code,
        "codeCommune": site.city_code,
        "codeDepartement": site.postal_code[:2],
    }


def generic_subject(person: Professional) -> str:
    """Opaque and stable, as most providers make it."""
    return str(uuid.uuid5(_NAMESPACE, person.key))


def generic_token_claims(person: Professional, auth_mode: str) -> dict[str, Any]:
    return {
        "preferred_username": person.key,
        "given_name": person.given,
        "family_name": person.family,
        "name": f"{person.given} {person.family}",
        "amr": ["pwd", "otp"] if auth_mode == "OTP" else ["pwd"],
    }


def generic_userinfo(person: Professional, auth_mode: str) -> dict[str, Any]:
    """Userinfo of the hospital's own provider, without `sub`; `rpps` only for those who have one."""
    claims = generic_token_claims(person, auth_mode)
    claims |= {"email": f"{person.key}@example.org", "groups": [person.label]}
    return claims | ({"rpps": person.rpps} if person.rpps else {})
