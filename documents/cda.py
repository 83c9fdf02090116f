"""From a frozen snapshot to CDA R2 (spec cda 2 to 6): the header facts of a hospital document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings

from interop.cda import codes
from interop.cda.datatypes import Address, Code, Id, PersonName, Telecom
from interop.cda.identifiers import finess_id, rpps_id
from interop.cda.model import (
    Act,
    Authenticator,
    Author,
    DocumentHeader,
    Encounter,
    Organization,
    Patient,
    Professional,
    RelatedDocument,
)
from interop.cda.n1 import build_cda_n1
from interop.cda.value_sets import (
    author_specialties,
    document_types,
    healthcare_facility_types,
    practice_settings,
)
from interop.ins.codes import IdentityStatus
from interop.ins.key import Ins
from interop.ins.traits import Sex, StrictTraits

# PV1-2 to the class of the encounter (JDV_J142).
ENCOUNTER_CODES = {
    "I": codes.INPATIENT,
    "E": codes.EMERGENCY,
    "O": codes.OUTPATIENT,
    "R": codes.SESSION,
}
# JDV_J246: the only suffix that a title of our accounts maps to.
SUFFIX_OF_TITLE = {"Dr": "DR", "Pr": "PR"}


def cda_from_snapshot(snapshot: dict[str, Any], pdf: bytes) -> bytes:
    """CDA N1 whose body is `pdf`; the same snapshot and PDF always give the same bytes."""
    return build_cda_n1(header_from_snapshot(snapshot), pdf)


def header_from_snapshot(snapshot: dict[str, Any]) -> DocumentHeader:
    """The header of a produced document.

    The professional who validates is author, performer of the main act and legal authenticator;
    the main act is the stay. Raises ValueError when the snapshot lacks what a header must say.
    """
    document = snapshot["document"]
    created = datetime.fromisoformat(document["at"])
    professional = _professional(snapshot)
    return DocumentHeader(
        id=Id(document["unique_id"]),
        set_id=Id(document["set_id"]),
        version_number=document["number"],
        type=document_types()[document["type_code"]],
        title=document["title"],
        created=created,
        patient=_patient(snapshot["patient"]),
        authors=(Author(professional, created),),
        custodian=_site(snapshot),
        legal_authenticator=Authenticator(professional, created),
        acts=(_main_act(snapshot, professional, created),),
        encounter=_encounter(snapshot),
        time_zone=settings.TIME_ZONE,
        replaces=RelatedDocument(Id(document["replaces"])) if document["replaces"] else None,
    )


def strict_traits(patient: dict[str, Any]) -> StrictTraits:
    """The strict traits of a snapshot's patient; ValueError without a birth date."""
    return StrictTraits(
        birth_name=patient["birth_name"],
        birth_given_names=patient["birth_given_names"],
        first_birth_given_name=patient["first_birth_given_name"],
        birth_date=date.fromisoformat(patient["birth_date"]),
        sex=Sex(patient["sex"]),
        birth_place_cog=patient["birth_place_cog"],
        birth_date_estimated=patient["is_birth_date_estimated"],
    )


def specialty_code(profession: str, specialty: str) -> Code | None:
    """Profession and savoir-faire as one entry of JDV_J01, or the profession alone, or None."""
    known = author_specialties()
    return known.get(f"{codes.PROFESSION_PREFIX}{profession}/{specialty}") or known.get(
        f"{codes.PROFESSION_PREFIX}{profession}"
    )


def _patient(patient: dict[str, Any]) -> Patient:
    address = _address(patient["street"], patient["postal_code"], patient["city"], use="H")
    status = IdentityStatus.QUALIFIED if patient["ins"] else IdentityStatus(patient["identity_status"])
    return Patient(
        identity_status=status,
        traits=strict_traits(patient),
        ipp=Id(patient["ipp_oid"], patient["ipp"]),
        ins=Ins(patient["ins"], patient["ins_oid"]) if patient["ins"] else None,
        used_name=patient["used_name"],
        used_given_name=patient["used_given_name"],
        birth_place_name=patient["birth_place_label"],
        addresses=(address,) if address else (),
        telecoms=_telecoms(patient["phone"]),
    )


def _professional(snapshot: dict[str, Any]) -> Professional:
    author = snapshot["author"]
    return Professional(
        id=rpps_id(author["rpps"]),
        name=PersonName(
            family=author["family_name"],
            given=author["given_name"],
            suffix=SUFFIX_OF_TITLE.get(author["title"], ""),
        ),
        specialty=specialty_code(author["profession"], author["specialty"]),
        organization=_site(snapshot),
    )


def _site(snapshot: dict[str, Any]) -> Organization:
    site = snapshot["site"]
    return Organization(
        name=site["name"],
        id=finess_id(site["finess"]),
        telecoms=_telecoms(site["phone"]),
        address=_address(site["street"], site["postal_code"], site["city"]),
        practice_setting=practice_settings()[snapshot["unit"]["practice_setting"]],
    )


def _main_act(snapshot: dict[str, Any], performer: Professional, created: datetime) -> Act:
    episode = snapshot["episode"]
    return Act(
        start=_moment(episode["admitted_at"]) or created,
        end=_moment(episode["discharged_at"]),
        code=ENCOUNTER_CODES.get(episode["kind"]),
        performer=performer,
    )


def _encounter(snapshot: dict[str, Any]) -> Encounter:
    episode = snapshot["episode"]
    site = snapshot["site"]
    visit_oid = snapshot["legal_entity"]["visit_oid"]
    return Encounter(
        facility_type=healthcare_facility_types()[site["sector"]],
        id=Id(visit_oid, episode["visit_number"]) if visit_oid and episode["visit_number"] else None,
        code=ENCOUNTER_CODES.get(episode["kind"]),
        start=_moment(episode["admitted_at"]),
        end=_moment(episode["discharged_at"]),
        place_name=snapshot["unit"]["name"] or site["name"],
        place_address=_address(site["street"], site["postal_code"], site["city"]),
    )


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _address(street: str, postal_code: str, city: str, use: str = "") -> Address | None:
    if not (street or postal_code or city):
        return None
    return Address(street_name=street, postal_code=postal_code, city=city, use=use)


def _telecoms(phone: str) -> tuple[Telecom, ...]:
    digits = "".join(character for character in phone if character.isdecimal() or character == "+")
    return (Telecom(f"tel:{digits}"),) if digits else ()
