"""PID, PV1 and PV2 as we send them: in document messages and in ADT.

Source: PAM France 2.11 and the INS annex of the CI-SIS (hl7v2.md 2.3, 4.3); INS/va1.53 and INS/va1.56.
"""

from collections.abc import Iterable
from datetime import tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    PARIS,
    Address,
    Authority,
    Identifier,
    PersonName,
    write_address,
    write_date,
    write_identifier,
    write_location,
    write_name,
    write_person,
    write_segment,
    write_telecom,
    write_time,
)
from interop.hl7v2.pam.identity import PID_DELETABLE, read_reliability
from interop.hl7v2.pam.model import DatedIns, PatientIdentity, Reliability, Visit
from interop.hl7v2.pam.visit import PV1_DELETABLE, PV2_DELETABLE
from interop.hl7v2.tokens import STANDARD, escape

_CODE_OF_STATUS = {
    codes.IdentityStatus.QUALIFIED: "VALI",
    codes.IdentityStatus.VALIDATED: "VALI",
    codes.IdentityStatus.RECOVERED: "PROV",
    codes.IdentityStatus.PROVISIONAL: "PROV",
}


def reliability_to_send(status: codes.IdentityStatus, attributes: Iterable[str] = ()) -> Reliability:
    """Return PID-32 for one of our identities: 2.11 has no QUAL, a qualified identity is VALI with its INS.

    A recovered identity leaves without its INS, as provisional (INS/va1.56).
    """
    qualified = status is codes.IdentityStatus.QUALIFIED
    return read_reliability((_CODE_OF_STATUS[status], *sorted(attributes)), has_ins=qualified)


def check_ins_may_leave(identity: PatientIdentity) -> None:
    """Refuse to send an INS with a document of an identity that is not qualified (INS/va1.56).

    Raises:
        ValueError: that is the case.
    """
    if identity.ins is not None and identity.reliability.status is not codes.IdentityStatus.QUALIFIED:
        raise ValueError("an INS leaves with a qualified identity only")


def write_pid(
    identity: PatientIdentity,
    account: Identifier | None = None,
    zone: tzinfo = PARIS,
    *,
    may_lack_birth_name: bool = False,
) -> str:
    """Return the PID segment; `account` is PID-18 where the identity holds none.

    `may_lack_birth_name`: the identity is that of a document of somebody else, and its receiver judges it.

    Raises:
        ValueError: no identifier, or no birth name where one is due.
    """
    if not (identity.birth_name or may_lack_birth_name) or not (identity.identifiers or identity.ins):
        raise ValueError("a patient is sent with a birth name and an identifier")
    patient_account = identity.account or account
    fields = {
        1: "1",
        3: write_repetitions(map(write_identifier, _identifiers(identity))),
        5: write_repetitions(map(write_name, _names(identity))),
        7: _birth_date(identity),
        8: escape(identity.sex),
        11: write_repetitions(map(write_address, _addresses(identity))),
        13: write_repetitions(map(write_telecom, identity.telecoms)),
        16: escape(identity.marital_status),
        18: write_identifier(patient_account) if patient_account else "",
        21: write_identifier(identity.mother_identifier) if identity.mother_identifier else "",
        24: write_flag(identity.multiple_birth),
        25: escape(identity.birth_order),
        29: write_time(identity.death_at, zone) if identity.death_at else "",
        30: write_flag(identity.deceased),
        31: write_flag(identity.unknown),
        32: write_repetitions(map(escape, identity.reliability.values)),
        33: write_time(identity.updated_at, zone) if identity.updated_at else "",
    }
    return write_segment("PID", with_deletions(fields, PID_DELETABLE, identity.deleted))


def write_pv1(visit: Visit | None, zone: tzinfo = PARIS) -> str:
    """Return the PV1 segment; without visit, PV1-2 says so."""
    if visit is None:
        return write_segment("PV1", {1: "1", 2: codes.PATIENT_CLASS_NONE})
    fields = {
        1: "1",
        2: visit.patient_class,
        3: write_location(visit.location),
        4: escape(visit.admission_type),
        5: write_identifier(visit.preadmission_number) if visit.preadmission_number else "",
        6: write_location(visit.prior_location),
        7: write_repetitions(map(write_person, visit.attending)),
        8: write_repetitions(map(write_person, visit.referring)),
        19: write_identifier(visit.number) if visit.number else "",
        36: escape(visit.discharge_disposition),
        41: escape(visit.last_of_account),
        44: write_time(visit.admitted_at, zone) if visit.admitted_at else "",
        45: write_time(visit.discharged_at, zone) if visit.discharged_at else "",
    }
    return write_segment("PV1", with_deletions(fields, PV1_DELETABLE, visit.deleted))


def write_pv2(visit: Visit, zone: tzinfo = PARIS) -> str:
    """Return the PV2 segment, empty when it would say nothing."""
    fields = {
        8: write_time(visit.expected_admission_at, zone) if visit.expected_admission_at else "",
        9: write_time(visit.expected_discharge_at, zone) if visit.expected_discharge_at else "",
        12: escape(visit.description),
    }
    fields = with_deletions(fields, PV2_DELETABLE, visit.deleted)
    return write_segment("PV2", fields) if any(fields.values()) else ""


def with_deletions(fields: dict[int, str], names: dict[int, str], deleted: frozenset[str]) -> dict[int, str]:
    """Return the fields of a segment with `""` in those whose stored value the receiver must delete."""
    emptied = {number: codes.EXPLICITLY_EMPTY for number, name in names.items() if name in deleted}
    return fields | emptied


def _birth_date(identity: PatientIdentity) -> str:
    """Return PID-7 with the precision that it had: a date that was completed leaves as it came."""
    full = write_date(identity.birth_date)
    if not identity.birth_date_incomplete:
        return full
    return full[:4] if full.endswith("1231") else full[:6]


def _identifiers(identity: PatientIdentity) -> list[Identifier]:
    inses = list(identity.former_inses)
    if identity.ins is not None:
        inses.insert(0, DatedIns(identity.ins, identity.ins_starts))
    return [*map(_ins_identifier, inses), *identity.identifiers]


def write_dated_ins(dated: DatedIns) -> str:
    """Write an INS as a CX: its authority is told by its OID."""
    return write_identifier(_ins_identifier(dated))


def _ins_identifier(dated: DatedIns) -> Identifier:
    oid = dated.ins.oid
    authority = Authority(codes.INS_AUTHORITY_NAMES[oid], oid, codes.ISO)
    return Identifier(dated.ins.matricule, authority, codes.ID_INS, dated.starts, dated.ends)


def _names(identity: PatientIdentity) -> list[PersonName]:
    birth = PersonName(
        family=identity.birth_name,
        given=identity.first_birth_given_name,
        given_names=identity.birth_given_names,
        type=codes.NAME_LEGAL if identity.birth_name else codes.NAME_UNSPECIFIED,
    )
    used = PersonName(identity.used_name, identity.used_given_name, type=codes.NAME_DISPLAY)
    return [birth, used] if identity.used_name or identity.used_given_name else [birth]


def _addresses(identity: PatientIdentity) -> list[Address]:
    birth_place = Address(
        city=identity.birth_place_name,
        country=identity.birth_place_country,
        type=codes.ADDRESS_BIRTH,
        insee=identity.birth_place_code,
    )
    known = identity.birth_place_code or identity.birth_place_name or identity.birth_place_country
    home = [identity.address] if identity.address else []
    return [*home, birth_place] if known else home


def write_repetitions(fields: Iterable[str]) -> str:
    """Join repetitions that are already written."""
    return STANDARD.repetition.join(fields)


def write_flag(value: bool | None) -> str:
    """Return Y, N, or nothing."""
    return "" if value is None else (codes.YES if value else codes.NO)
