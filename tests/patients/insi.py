"""A person whom INSi knows, and a question answered without the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from interop.insi.request import Search
from national.errors import NationalServiceError
from national.insi.memory import InsiMemory
from patients.models import Identifier, InsiQuery, Patient
from patients.services import insi_ask, insi_do
from tests.factories import QualifiedPatientFactory
from tests.interop.insi import samples
from tests.patients.people import CLERK

ADRUN = {
    "birth_name": "ADRUN",
    "birth_given_names": "ZOE",
    "first_birth_given_name": "ZOE",
    "sex": "F",
    "birth_date": date(1975, 12, 31),
    "birth_place_cog": "63220",
}
Answer = bytes | NationalServiceError | Callable[[Search], bytes]


def held(**changes: object) -> Patient:
    """The same person, qualified under her matricule."""
    return QualifiedPatientFactory(**ADRUN | changes, ins="275126322074974", ins__oid=samples.NIR)


def told(patient: Patient) -> bytes:
    """The answer of INSi that gives the very identity of a patient who holds an INS."""
    ins = Identifier.objects.get(patient=patient, kind="INS", is_active=True)
    return samples.found(
        samples.held(ins.value[:13], ins.value[13:], ins.oid),
        samples.traits(
            NomNaissance=patient.birth_name,
            ListePrenom=patient.birth_given_names,
            Sexe=patient.sex,
            DateNaissance=patient.birth_date.isoformat(),
            LieuNaissance=patient.birth_place_cog,
        ),
    )


def answered(patient: Patient, answer: Answer = samples.ADRUN) -> InsiQuery:
    """Ask about a patient and do what a worker does; INSi answers, fails, or finds by what is searched."""
    double = InsiMemory()
    if isinstance(answer, NationalServiceError):
        double.failures.append(answer)
    elif isinstance(answer, bytes):
        double.find = lambda search: answer
    else:
        double.find = answer
    query = insi_ask(patient=patient, actor=CLERK)
    return insi_do(query_id=query.pk, open_insi=lambda: double)
