"""Who consults which DMP, in which session: the content of the VIHF and of the traces.

Sources: spec dmp 2.1 to 2.3 and 2.6 (AIR simplifié), SC.DMP/AIRS.06: the RPPS of the person at the origin
of the request goes with each of them, never that of a service.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from accounts.acting import Acting
from accounts.assurance import Assurance
from accounts.models import User
from audit.context import Actor
from dmp.rules.roles import roles_for
from establishment.models import Site, Unit
from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.value_sets import author_specialties
from interop.ins.key import Ins
from interop.vihf import codes as vihf
from interop.vihf.claims import AuthenticationMode, PatientClaim, Role
from interop.xds import codes as xds
from interop.xds.composed import Cx, Xcn, Xon
from interop.xds.metadata import NO_CODE, Author, Code
from national.dmp.ports import AccessContext
from patients.models import Episode, Patient

# Family of a level of assurance, its last word, and the class of SAML that says the same (dmp 2.1).
_CARD = frozenset({"CARD", "CPS"})
_PSC, _OIDC = "psc", "oidc"


@dataclass(frozen=True, slots=True)
class Consultation:
    """An access that the gate allowed: nothing is asked of a DMP without one.

    `choice` is the recorded choice that allows it, by its public identifier. The person acts in the activity
    of the session: profession, specialty and sector are those of `user.acting` (psc 20).
    """

    user: User
    actor: Actor
    assurance: Assurance
    patient: Patient
    ipp: str
    ins: Ins
    episode: Episode
    site: Site
    unit: Unit | None
    choice: str

    @property
    def structure(self) -> str:
        """National identifier of the structure (Struct_IdNat)."""
        return f"{vihf.FINESS_PREFIX}{self.site.finess}"

    @property
    def name_id(self) -> str:
        """National identifier of the professional (PS_IdNat)."""
        return f"{vihf.RPPS_PREFIX}{self.user.rpps}"

    @property
    def claim(self) -> PatientClaim:
        return PatientClaim(self.ins.matricule, self.ins.oid)

    @property
    def patient_id(self) -> Cx:
        """The INS as the registry names patients: the value of the VIHF (dmp 1.3)."""
        return Cx(self.ins.matricule, self.ins.oid, xds.CX_INS)

    @property
    def context(self) -> AccessContext:
        return AccessContext(
            mode=AuthenticationMode.AIR,
            structure=self.structure,
            sector=self.user.acting.sector or self.site.sector,
            name_id=self.name_id,
            subject=f"{self.user.acting.given_name} {self.user.acting.family_name}".strip(),
            roles=roles_of(self.user.acting),
            authenticated_at=self.assurance.auth_time,
            authentication_class=authentication_class(self.assurance.level),
            authentication_declaration=settings.DMP_VIHF_WORDS["air_declaration"],
            actor_uid=self.user.uid,
            actor_label=self.user.login,
            patient_uid=self.patient.uid,
        )

    @property
    def author(self) -> Author:
        """The professional as the author of a lot: of a change of visibility (dmp 3.6)."""
        return Author(
            person=Xcn(self.name_id, self.user.acting.family_name, self.user.acting.given_name),
            institutions=(Xon(self.structure, self.site.name),),
            specialty=_author_specialty(self.user.acting),
        )


def roles_of(acting: Acting) -> tuple[Role, ...]:
    """Profession, then savoir-faire or section of the tableau (dmp 2.3: two values of one attribute)."""
    system = settings.DMP_OID_PHARMACIST_SECTION
    return roles_for(acting.profession, acting.specialty, section_system=system)


def _author_specialty(acting: Acting) -> Code:
    code = f"{PROFESSION_PREFIX}{acting.profession}" + (f"/{acting.specialty}" if acting.specialty else "")
    known = author_specialties().get(code)
    return Code(code, xds.OID_SPECIALTY, known.display) if known else NO_CODE


def authentication_class(level: str) -> str:
    """The SAML class that says how the person logged in (dmp 2.1), from the level of the session.

    A card of Pro Santé Connect, its mobile application; the second factor of another provider is not
    known more precisely.
    """
    family, _, rest = level.partition(":")
    if family == _PSC:
        mode = rest.rpartition(":")[2].upper()
        return vihf.AC_SMARTCARD_PKI if mode in _CARD else vihf.AC_MOBILE_TWO_FACTOR
    return vihf.AC_TIME_SYNC_TOKEN if family == _OIDC else vihf.AC_UNSPECIFIED
