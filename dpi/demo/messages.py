"""The demonstration's PAM messages, as the hospital's administrative system would send them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dpi.demo.hospital import CITY_DOCTORS, REFERRERS, CityDoctor
from dpi.demo.people import DemoPatient, DemoStay
from interop.cda.codes import PROFESSIONAL_ID
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    Address,
    Authority,
    Identifier,
    Location,
    Organisation,
    Person,
    PersonName,
    write_address,
    write_date,
    write_identifier,
    write_location,
    write_name,
    write_organisation,
    write_person,
    write_segment,
    write_time,
)
from interop.hl7v2.header import Endpoint, Header, encode_message, write_header
from interop.ins.codes import INS_AUTHORITY_NAMES, INS_NIR_TEST_OID

LOCAL = Authority("CHTR", "990000010", "N")
INS_TEST = Authority(INS_AUTHORITY_NAMES[INS_NIR_TEST_OID], INS_NIR_TEST_OID, "ISO")
PROFESSIONALS = Authority(codes.NAMESPACE_PERSON, PROFESSIONAL_ID, codes.ISO)
SOURCE = Endpoint(Authority("GAM"), Authority("CHTR"))
DESTINATION = Endpoint(Authority("DPI"), Authority("CHTR"))
ZONE = ZoneInfo("Europe/Paris")

ADMISSION_EVENTS = {"I": "A01", "E": "A04", "O": "A04", "R": "A04"}


def messages_of(patient: DemoPatient, *, now: datetime) -> Iterator[bytes]:
    """The identity, then each stay from the oldest: admission, and discharge when it is closed."""
    if not patient.stays:
        yield _message(patient, "A28", None, now, now)
    for stay in sorted(patient.stays, key=lambda stay: stay.ago, reverse=True):
        admitted_at = now - stay.ago
        yield _message(patient, ADMISSION_EVENTS[stay.patient_class], stay, admitted_at, admitted_at)
        if stay.length is not None:
            yield _message(patient, "A03", stay, admitted_at, admitted_at + stay.length)


def _message(
    patient: DemoPatient, event: str, stay: DemoStay | None, admitted_at: datetime, at: datetime
) -> bytes:
    visit = stay.visit if stay else patient.ipp
    segments = [
        write_header(
            Header(
                sender=SOURCE,
                receiver=DESTINATION,
                control_id=f"DEMO{event}{visit}",
                message="ADT",
                event=event,
                structure=codes.PAM_STRUCTURES[event],
                sent_at=at,
                version="2.5",
                extension="FRA^2.11",
                profile="IHE_FRANCE-2.11-PAM",
                profile_version="2.11",
            )
        ),
        write_segment("EVN", {2: write_time(at), 6: write_time(at)}),
        _pid(patient, stay, at),
        *_rol(patient),
        _pv1(stay, admitted_at, at if event == "A03" else None),
    ]
    if stay is not None:
        segments += [_zbe(stay, event, at), *_zfa(stay, admitted_at)]
    if patient.identity_document:
        segments.append(
            write_segment("ZFD", {4: "N", 5: "INSI", 6: write_date(_day(at)), 7: patient.identity_document})
        )
    return encode_message(segments)


def _pid(patient: DemoPatient, stay: DemoStay | None, at: datetime) -> str:
    identifiers = [write_identifier(Identifier(patient.ipp, LOCAL, "PI"))]
    if patient.matricule:
        identifiers.insert(0, write_identifier(Identifier(patient.matricule, INS_TEST, "INS")))
    first = patient.given_names.split(" ")[0]
    names = [write_name(PersonName(patient.birth_name, first, patient.given_names, type="L"))]
    if patient.used_name:
        names.append(write_name(PersonName(patient.used_name, first, type="D")))
    return write_segment(
        "PID",
        {
            1: "1",
            3: "~".join(identifiers),
            5: "~".join(names),
            7: write_date(patient.birth_date),
            8: patient.sex,
            11: write_address(Address(type="BDL", insee=patient.cog)),
            18: write_identifier(Identifier(f"D{stay.visit}", LOCAL, "AN")) if stay else "",
            32: patient.status,
            33: write_time(at),
        },
    )


def _rol(patient: DemoPatient) -> list[str]:
    """The family doctor whom the patient declared."""
    if not patient.doctor:
        return []
    doctor = _named(CITY_DOCTORS[patient.doctor])
    return [write_segment("ROL", {2: "UC", 3: codes.ROLE_REFERRING_PHYSICIAN, 4: doctor})]


def _named(doctor: CityDoctor) -> str:
    person = Person(doctor.rpps, doctor.family_name, doctor.given_name, PROFESSIONALS, "D", codes.ID_RPPS)
    return write_person(person)


def _pv1(stay: DemoStay | None, admitted_at: datetime, discharged_at: datetime | None) -> str:
    if stay is None:
        return write_segment("PV1", {1: "1", 2: codes.PATIENT_CLASS_NONE})
    return write_segment(
        "PV1",
        {
            1: "1",
            2: stay.patient_class,
            3: write_location(Location(stay.unit, stay.room, stay.bed, LOCAL, "O")),
            8: _named(REFERRERS[stay.referrer]) if stay.referrer else "",
            19: write_identifier(Identifier(stay.visit, LOCAL, "VN")),
            44: write_time(admitted_at),
            45: write_time(discharged_at) if discharged_at else "",
        },
    )


def _zbe(stay: DemoStay, event: str, at: datetime) -> str:
    unit = write_organisation(Organisation(stay.unit, LOCAL, "UF", stay.unit))
    return write_segment(
        "ZBE",
        {
            1: f"{stay.visit}{event}^CHTR^990000010^N",
            2: write_time(at),
            4: codes.MovementAction.INSERT,
            5: "N",
            7: unit,
            8: unit,
            9: "HMS",
        },
    )


def _zfa(stay: DemoStay, at: datetime) -> list[str]:
    if stay.alimentation is None and stay.consultation is None:
        return []
    collected = write_time(at)
    return [
        write_segment(
            "ZFA",
            {
                9: stay.alimentation or codes.ChoiceCode.NOT_COLLECTED,
                10: collected if stay.alimentation else "",
                11: stay.consultation or codes.ChoiceCode.NOT_COLLECTED,
                12: collected if stay.consultation else "",
            },
        )
    ]


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()
