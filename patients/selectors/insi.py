"""What INSi was asked and answered about a patient (ins 10.3), and who is master of the identities."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from establishment.enums import Switch
from establishment.selectors import switch_is_on
from interop.ins.key import Ins
from interop.insi.answer import Person, parse_result
from interop.soap.envelope import parse_envelope
from patients.enums import IdentifierKind
from patients.models import Identifier, InsiQuery, Patient
from patients.rules.insi import HeldIdentity, Proposal, proposal_of

EXTERNAL = "external_pam"
SHOWN = 20


def identities_are_external() -> bool:
    """Whether the référentiel d'identités of the hospital is master (ins 3): nothing is written here.

    Said by the setting IDENTITY_MASTER, or by the installation switch. 1 query, or none.
    """
    return settings.IDENTITY_MASTER == EXTERNAL or switch_is_on(Switch.IDENTITY_REPOSITORY)


def insi_queries_of(patient: Patient) -> list[InsiQuery]:
    """The questions to INSi about a patient, the last first. 1 query."""
    return list(InsiQuery.objects.filter(patient=patient)[:SHOWN])


def insi_query_by_uid(uid: UUID) -> InsiQuery:
    """A question with its patient; InsiQuery.DoesNotExist otherwise. 1 query."""
    return InsiQuery.objects.select_related("patient").get(uid=uid)


def person_of(query: InsiQuery) -> Person | None:
    """The person of a kept answer, read again; None when it named nobody."""
    if not query.answer:
        return None
    return parse_result(parse_envelope(bytes(query.answer)).body).person


def held_identity(patient: Patient) -> HeldIdentity:
    """Our side of a comparison with INSi. 1 query."""
    active = Identifier.objects.filter(patient=patient, kind=IdentifierKind.INS, is_active=True).first()
    return HeldIdentity(
        birth_name=patient.birth_name,
        first_given_name=patient.first_birth_given_name,
        given_names=patient.birth_given_names,
        sex=patient.sex,
        birth_date=patient.birth_date,
        birth_place_cog=patient.birth_place_cog,
        ins=Ins(active.value, active.oid) if active else None,
    )


def proposal_for(patient: Patient, person: Person) -> Proposal:
    """An identity of INSi beside that of the patient as it is now. 1 query."""
    return proposal_of(person, held_identity(patient), allowed_oids=settings.INS_ALLOWED_OIDS)
