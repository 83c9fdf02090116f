"""People and places as FHIR resources, in the shape that the API serves."""

from typing import Any

from interop.annuaire import codes
from sandbox.annuaire.people import PROFESSIONS, SPECIALTIES, Box, Listed, Place


def practitioner(person: Listed) -> dict[str, Any]:
    qualification = [_qualification(codes.SYSTEM_PROFESSION, person.profession, PROFESSIONS)]
    if person.specialty:
        qualification.append(_qualification(codes.SYSTEM_SPECIALTY, person.specialty, SPECIALTIES))
    name: dict[str, Any] = {"family": person.family, "given": [person.given], "prefix": [person.civility]}
    if person.title:
        name["suffix"] = [person.title]
    return {
        "resourceType": codes.PRACTITIONER,
        "id": person.key,
        "active": True,
        "identifier": [
            _identifier(codes.SYSTEM_IDNPS, "IDNPS", f"8{person.rpps}"),
            _identifier(codes.SYSTEM_RPPS, codes.IDENTIFIER_RPPS, person.rpps),
        ],
        "name": [name],
        "telecom": [] if person.on_role else [_telecom(box) for box in person.boxes],
        "qualification": qualification,
    }


def role(person: Listed) -> dict[str, Any]:
    return {
        "resourceType": codes.ROLE,
        "id": person.role_key,
        "active": True,
        "practitioner": {"reference": f"{codes.PRACTITIONER}/{person.key}"},
        "organization": {"reference": f"{codes.ORGANIZATION}/org-{person.finess}"},
        "telecom": [_telecom(box) for box in person.boxes] if person.on_role else [],
    }


def organization(place: Place) -> dict[str, Any]:
    phone = {"system": "phone", "value": "0199000000"}
    return {
        "resourceType": codes.ORGANIZATION,
        "id": place.key,
        "active": True,
        "identifier": [
            _identifier(codes.SYSTEM_FINESS, "FINEG", place.finess),
            _identifier(codes.SYSTEM_STRUCTURE, "IDNST", f"1{place.finess}"),
        ],
        "name": place.name,
        "telecom": [phone, *(_telecom(box) for box in place.boxes)],
        "address": [
            {"line": [place.street], "postalCode": place.postal_code, "city": place.city, "country": "FR"}
        ],
    }


def _identifier(system: str, kind: str, value: str) -> dict[str, Any]:
    coding = [{"system": codes.SYSTEM_IDENTIFIER_TYPE, "code": kind}]
    return {"use": "official", "type": {"coding": coding}, "system": system, "value": value}


def _qualification(system: str, code: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": code, "display": labels.get(code, code)}]}}


def _telecom(box: Box) -> dict[str, Any]:
    kind = {"coding": [{"system": codes.SYSTEM_MAILBOX, "code": box.kind}]}
    facts: list[dict[str, Any]] = [{"url": "type", "valueCodeableConcept": kind}]
    if box.label:
        facts.append({"url": "service", "valueString": box.label})
    if box.dematerialised is not None:
        facts.append({"url": "digitization", "valueBoolean": box.dematerialised})
    coding = {"system": codes.SYSTEM_MAIL, "code": codes.MAIL_MSSANTE}
    return {
        "system": "email",
        "value": box.address,
        "extension": [
            {"url": codes.EXTENSION_MAIL_TYPE, "valueCoding": coding},
            {"url": codes.EXTENSION_MAILBOX, "extension": facts},
        ],
    }
