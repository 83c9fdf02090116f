"""What a VIHF says: who asks, for which structure, about which patient, for which purpose.

Sources: spec dmp 2.1 to 2.4 and 2.6 (CI-SIS VIHF mapping, DMP integration guide EX_0.1 and EX_AIR).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from interop.vihf import codes

_STRUCTURE = re.compile(r"[0-9][0-9A-Z]{9,15}")
_SECTOR = re.compile(r"SA[0-9]{2}")
_RPPS_NAME_ID = re.compile(codes.RPPS_PREFIX + r"[0-9]{11}")
_MATRICULE = re.compile(r"[0-9]{5}[0-9A-Z][0-9A-Z][0-9]{6}[0-9]{2}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


class VihfClaimsError(ValueError):
    """The claims break a rule of the VIHF; `problems` lists every broken rule, for technical screens."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class AuthenticationMode(StrEnum):
    """Who authenticated the user (spec dmp 0, fact 1).

    INDIRECT: the structure by its certificate, for feeding. AIR: the structure and an identified
    professional, for consultation.
    """

    INDIRECT = codes.MODE_INDIRECT
    AIR = codes.MODE_INDIRECT_REINFORCED


class Purpose(StrEnum):
    """PurposeOfUse (spec dmp 2.4)."""

    NORMAL = codes.PURPOSE_NORMAL[0]
    BREAK_GLASS = codes.PURPOSE_BREAK_GLASS[0]
    CENTRE_15 = codes.PURPOSE_CENTRE_15[0]


PURPOSE_LABELS = dict(codes.PURPOSES)


@dataclass(frozen=True, slots=True)
class Role:
    """One value of the role attribute (JDV_J65). `system_name` is written only when known."""

    code: str
    system: str
    label: str = ""
    system_name: str = ""


def profession_role(code: str, label: str) -> Role:
    """First role of a health professional: TRE_G15 (`10` médecin, `60` infirmier...)."""
    return Role(code, codes.OID_PROFESSION, label, codes.PROFESSION_SYSTEM_NAME)


def specialty_role(code: str, label: str) -> Role:
    """Second role of a physician: TRE_R01 savoir-faire (`SM26`...)."""
    return Role(code, codes.OID_SPECIALTY_RPPS, label, codes.SPECIALTY_SYSTEM_NAME)


def section_role(code: str, label: str, *, system: str = codes.OID_PHARMACIST_SECTION) -> Role:
    """Second role of a pharmacist: the section of the tableau of the order, TRE_G05 (`H`, `DA`...)."""
    return Role(code, system, label)


AUTOMATE_ROLE = Role(codes.ROLE_AUTOMATE, codes.OID_ROLE_NON_PS, "Automate")
"""Role of a sending without an identified professional (spec dmp 2.3 and 11)."""


@dataclass(frozen=True, slots=True)
class PatientClaim:
    """The INS of the patient, 15 characters, with the OID of its authority."""

    matricule: str
    oid: str

    @property
    def resource_id(self) -> str:
        """CX form, the same value as in the metadata (spec dmp 1.3)."""
        return f"{self.matricule}^^^&{self.oid}&ISO^NH"


@dataclass(frozen=True, slots=True)
class SoftwareClaim:
    """The software as homologated; name and version are those of its "À propos" box (EX_GEN-1180).

    `homologation` is secret (EX_GEN-1490): kept out of representations and logs.
    """

    name: str
    version: str
    homologation: str = field(repr=False)
    installation: str = ""


@dataclass(frozen=True, slots=True)
class VihfClaims:
    """Every statement of a VIHF but its envelope (issuer, instant, id).

    `name_id` is the national identifier of the professional (`8` + RPPS), or that of the person in charge
    of an automatic process. `subject` is "given name surname", or the software for an automate.
    `access_reason` goes with break-glass only. `authenticated_at` is when the user logged in locally.

    Raises:
        VihfClaimsError: a rule of `vihf_problems` is broken.
    """

    mode: AuthenticationMode
    structure: str
    sector: str
    name_id: str
    subject: str
    roles: tuple[Role, ...]
    authenticated_at: datetime
    software: SoftwareClaim
    patient: PatientClaim | None = None
    authentication_class: str = codes.AC_UNSPECIFIED
    authentication_declaration: str = ""
    purpose: Purpose = Purpose.NORMAL
    access_reason: str = ""
    secret_connection: bool = False

    def __post_init__(self) -> None:
        problems = vihf_problems(self)
        if problems:
            raise VihfClaimsError(problems)


def vihf_problems(claims: VihfClaims) -> tuple[str, ...]:
    """List the rules of spec dmp 2.2 to 2.6 that the claims break."""
    checks = (
        (bool(_STRUCTURE.fullmatch(claims.structure)), "structure is no national identifier"),
        (bool(_SECTOR.fullmatch(claims.sector)), "sector is no SAxx code"),
        (bool(claims.name_id.strip()), "name_id is empty"),
        (bool(claims.subject.strip()), "subject is empty"),
        (1 <= len(claims.roles) <= 2, "one or two roles are expected"),
        (all(role.code and role.system for role in claims.roles), "a role lacks its code or system"),
        (not _lacks_second_role(claims.roles), "the profession needs a second role (specialty or section)"),
        (claims.authenticated_at.tzinfo is not None, "authenticated_at has no time zone"),
        (bool(claims.authentication_class), "authentication_class is empty"),
        (
            bool(claims.software.name and claims.software.version and claims.software.homologation),
            "the software lacks its name, version or homologation number",
        ),
        (claims.patient is None or _is_ins(claims.patient), "the patient has no INS with its authority"),
        (
            not claims.access_reason or claims.purpose is Purpose.BREAK_GLASS,
            "a reason of access goes with break-glass only",
        ),
        (
            bool(claims.access_reason.strip()) or claims.purpose is not Purpose.BREAK_GLASS,
            "break-glass needs a reason",
        ),
    )
    problems = tuple(text for kept, text in checks if not kept)
    return (*problems, *_air_problems(claims)) if claims.mode is AuthenticationMode.AIR else problems


def _air_problems(claims: VihfClaims) -> tuple[str, ...]:
    """EX_AIR-020, 050 and 085: a professional of the national directory, known by two factors, in person."""
    checks = (
        (bool(_RPPS_NAME_ID.fullmatch(claims.name_id)), "AIR needs the RPPS of the professional"),
        (bool(claims.authentication_declaration), "AIR needs a declared method of authentication"),
        (
            claims.authentication_class not in codes.WITHOUT_SECOND_FACTOR,
            "AIR needs an authentication by two factors",
        ),
        (AUTOMATE_ROLE not in claims.roles, "AIR is not for an automatic process"),
    )
    return tuple(text for kept, text in checks if not kept)


def _lacks_second_role(roles: tuple[Role, ...]) -> bool:
    return (
        len(roles) == 1
        and roles[0].system == codes.OID_PROFESSION
        and roles[0].code in codes.PROFESSIONS_WITH_SECOND_ROLE
    )


def _is_ins(patient: PatientClaim) -> bool:
    return bool(_MATRICULE.fullmatch(patient.matricule) and _OID.fullmatch(patient.oid))
