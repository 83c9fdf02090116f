"""PID of the French profile: identifiers, INS, strict traits, reliability.

Source: IHE TF-4 4.1.1.5, PAM France 2.11, RNIV (hl7v2.md 4.3). The forbidden fields (race, religion, ethnic
group...) are never read.
"""

import re
from collections.abc import Iterable
from datetime import date, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    PARIS,
    Address,
    Identifier,
    PersonName,
    first_subcomponents,
    read_address,
    read_identifier,
    read_name,
    read_telecom,
    read_time,
)
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.pam.model import DatedIns, PatientIdentity, Reliability
from interop.hl7v2.tokens import Segment
from interop.ins.key import Ins, matricule_fault, normalize_matricule
from interop.ins.traits import complete_birth_date

_OLD_INS_TYPE = "INS-C"
_OLD_SEXES = frozenset("OIAN")
_BIRTH_DATE = re.compile(r"(\d{4})(\d{2})?(\d{2})?.*", re.ASCII)
_IDENTITY_ATTRIBUTES = frozenset({"HOMD", "HOMA", "DOUT", "FICT"})
PID_DELETABLE = {
    7: "birth_date",
    8: "sex",
    11: "address",
    13: "telecoms",
    16: "marital_status",
    18: "account",
    21: "mother_identifier",
    24: "multiple_birth",
    25: "birth_order",
    29: "death_at",
    30: "deceased",
    31: "unknown",
}
"""Attribute of `PatientIdentity` that each field deletes when it is sent as `""`."""


def read_identity(
    pid: Segment,
    warnings: list[str],
    *,
    zone: tzinfo = PARIS,
    untrusted: frozenset[str] = codes.RELIABILITY_UNTRUSTED,
    may_lack_birth_name: bool = False,
) -> PatientIdentity:
    """Read a PID segment; `untrusted` are the PID-32 codes that force a provisional status.

    `may_lack_birth_name`: PID-5 must be there, and its lack of a name of type L is judged by the caller.

    Raises:
        Hl7Error: 101 (no identifier, no name), 102 (date), 103 (sex), at the field.
    """
    identifiers, inses = read_identifiers(pid, 3, warnings)
    if not identifiers and not inses:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, pid.location(3), "PID-3 absent : identifiants du patient")
    birth, used = _read_names(pid, warnings, may_lack_birth_name=may_lack_birth_name)
    birth_date, incomplete = read_birth_date(pid, 7)
    home, birth_place = _read_addresses(pid)
    current, former = current_ins(inses)
    statuses = [first_subcomponents(raw, pid)[0] for raw in pid.repetitions(32)]
    if not codes.RELIABILITY_CODES.issuperset(statuses):
        warnings.append("PID-32 : code de fiabilité inconnu")
    return PatientIdentity(
        identifiers=identifiers,
        ins=current.ins if current else None,
        ins_starts=current.starts if current else None,
        former_inses=former,
        birth_name=birth.family,
        first_birth_given_name=birth.given,
        birth_given_names=birth.given_names,
        used_name=used.family,
        used_given_name=used.given,
        birth_date=birth_date,
        birth_date_incomplete=incomplete,
        sex=_read_sex(pid, warnings),
        birth_place_code=birth_place.insee,
        birth_place_name=birth_place.city,
        birth_place_country=birth_place.country,
        address=home,
        telecoms=tuple(read_telecom(raw, pid) for number in (13, 14) for raw in pid.repetitions(number)),
        marital_status=_plain(pid, 16),
        account=read_one_identifier(pid, 18),
        mother_identifier=read_one_identifier(pid, 21),
        multiple_birth=read_flag(pid, 24),
        birth_order=_plain(pid, 25),
        death_at=read_time(pid, 29, zone),
        deceased=read_flag(pid, 30),
        unknown=read_flag(pid, 31),
        reliability=read_reliability(statuses, has_ins=current is not None, untrusted=untrusted),
        updated_at=read_time(pid, 33, zone),
        deleted=deletions(pid, PID_DELETABLE),
    )


def read_identifiers(
    segment: Segment, number: int, warnings: list[str]
) -> tuple[tuple[Identifier, ...], list[DatedIns]]:
    """Split the repetitions of a CX field into local identifiers and INS.

    The OID decides, never the namespace; the former calculated INS-C is ignored (hl7v2.md 4.3).
    """
    locals_: list[Identifier] = []
    inses: list[DatedIns] = []
    for raw in segment.repetitions(number):
        found = read_identifier(raw, segment)
        oid = found.authority.universal_id
        if not found.value or found.type == _OLD_INS_TYPE or oid in codes.RETIRED_INS_OIDS:
            continue
        if oid in codes.INS_OIDS:
            ins = Ins(normalize_matricule(found.value), oid)
            if matricule_fault(ins.matricule):
                warnings.append(f"{segment.name}-{number} : forme ou clé du matricule INS inexacte")
            inses.append(DatedIns(ins, found.starts, found.ends))
        elif found.type == codes.ID_INS:
            warnings.append(f"{segment.name}-{number} : INS sans OID reconnu, ignoré")
        else:
            locals_.append(found)
    return tuple(locals_), inses


def current_ins(inses: Iterable[DatedIns]) -> tuple[DatedIns | None, tuple[DatedIns, ...]]:
    """Return the current INS and the former ones: current has no end, or the most recent start."""
    ordered = sorted(inses, key=lambda dated: (dated.ends is None, dated.starts or date.min), reverse=True)
    return (ordered[0], tuple(ordered[1:])) if ordered else (None, ())


def read_reliability(
    values: Iterable[str], *, has_ins: bool, untrusted: frozenset[str] = codes.RELIABILITY_UNTRUSTED
) -> Reliability:
    """Return what PID-32 means (table of hl7v2.md 4.3).

    A receiver that refuses the INS of a message asks again with `has_ins=False`.
    """
    found = tuple(value for value in values if value and value != codes.EXPLICITLY_EMPTY)
    status = codes.IdentityStatus.PROVISIONAL
    if untrusted.isdisjoint(found):
        if "QUAL" in found or "VALI" in found:
            status = codes.IdentityStatus.QUALIFIED if has_ins else codes.IdentityStatus.VALIDATED
        elif has_ins:
            status = codes.IdentityStatus.RECOVERED
    return Reliability(
        values=found,
        status=status,
        attributes=_IDENTITY_ATTRIBUTES.intersection(found),
        closed=not codes.RELIABILITY_CLOSED.isdisjoint(found),
    )


def read_birth_date(segment: Segment, number: int) -> tuple[date | None, bool]:
    """Return the birth date and whether it had to be completed.

    Unknown day: the first of the month; unknown day and month: 31 December (ins.md 5, RNIV EXI PP 19). Zeros
    stand for unknown parts.

    Raises:
        Hl7Error: 102 at the field when it is not a date.
    """
    text = segment.value(number)
    if not text or text == codes.EXPLICITLY_EMPTY:
        return None, False
    found = _BIRTH_DATE.fullmatch(text)
    year, month, day = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    try:
        completed = complete_birth_date(year, month or None, day or None)
    except ValueError:
        raise Hl7Error(
            codes.ERROR_DATA_TYPE, segment.location(number), "Date de naissance invalide"
        ) from None
    return completed.day, completed.estimated


def read_flag(segment: Segment, number: int) -> bool | None:
    """Return a Y/N field, None when it says nothing."""
    return {codes.YES: True, codes.NO: False}.get(segment.value(number).upper())


def read_one_identifier(segment: Segment, number: int) -> Identifier | None:
    """Return the first repetition of a CX field that has a value."""
    for raw in segment.repetitions(number):
        found = read_identifier(raw, segment)
        if found.value:
            return found
    return None


def deletions(segment: Segment, names: dict[int, str]) -> frozenset[str]:
    """Return the attributes whose field is `""`: their stored value must be deleted."""
    return frozenset(
        name for number, name in names.items() if segment.field(number).strip() == codes.EXPLICITLY_EMPTY
    )


def _read_names(
    pid: Segment, warnings: list[str], *, may_lack_birth_name: bool
) -> tuple[PersonName, PersonName]:
    """Return the birth name (type L) and the name in use (type D); other types are ignored."""
    names = [read_name(raw, pid) for raw in pid.repetitions(5)]
    birth = next((name for name in names if name.type == codes.NAME_LEGAL), None)
    if birth is None:
        birth = next((name for name in names if not name.type), None)
        if birth is not None:
            warnings.append("PID-5 : nom sans type, pris pour le nom de naissance")
    if (birth is None or not birth.family) and not (may_lack_birth_name and names):
        raise Hl7Error(codes.ERROR_FIELD_MISSING, pid.location(5), "PID-5 absent : nom de naissance (type L)")
    used = next((name for name in names if name.type == codes.NAME_DISPLAY), PersonName())
    return birth or PersonName(), used


def _read_sex(pid: Segment, warnings: list[str]) -> str:
    sex = _plain(pid, 8).upper()
    if sex in _OLD_SEXES:
        warnings.append("PID-8 : valeur d'une version antérieure, lue U")
        return codes.SEX_UNKNOWN
    if sex and sex not in codes.SEXES:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, pid.location(8), "PID-8 : sexe hors de la table (F, M, U)")
    return sex


def _read_addresses(pid: Segment) -> tuple[Address | None, Address]:
    """Return the home address (else the first other one) and the birth place (type BDL)."""
    addresses = [read_address(raw, pid) for raw in pid.repetitions(11)]
    birth_place = next((found for found in addresses if found.type == codes.ADDRESS_BIRTH), Address())
    others = [found for found in addresses if found.type != codes.ADDRESS_BIRTH and found != Address()]
    home = next((found for found in others if found.type == codes.ADDRESS_HOME), None)
    return home or next(iter(others), None), birth_place


def _plain(segment: Segment, number: int) -> str:
    found = segment.value(number)
    return "" if found == codes.EXPLICITLY_EMPTY else found
