"""Identities received by PAM (spec hl7v2 4.3; ins 3, 7.3 row 15; INS/va1.62, F-DPI-07)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from audit.context import Actor
from exchange.models import Message
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Identifier as ReceivedIdentifier
from interop.hl7v2.datatypes import Person
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.pam.identity import read_reliability
from interop.hl7v2.pam.model import AdtMessage, PatientIdentity, Reliability
from interop.ins.key import Ins, matricule_fault
from interop.ins.traits import LexicalError, exact, is_cog, normalize_birth_name, normalize_given_names
from patients.enums import CollectionMethod, IdentifierKind, IdentityAttribute, IdentityStatus, Sex
from patients.models import Identifier, Patient
from patients.rules import (
    CLOCK_SKEW,
    IdentityDecision,
    ReceivedIdentity,
    Standing,
    decide_received,
)
from patients.selectors.insi import identities_are_external
from patients.services.identity import STRICT_TRAITS
from patients.services.writing import (
    Change,
    identity_confirm,
    identity_write,
    ins_identifier,
    ins_is_held_elsewhere,
    ins_move,
    patient_insert,
    standing_of,
    standing_values,
)

_PID_3: Final = "PID^1^3"
_RPPS_LENGTH: Final = 11
_IDENTIFIER_SIZES: Final = {"value": 60, "namespace": 60, "oid": 64, "facility": 60}
_SEXES: Final = {"M": Sex.MALE, "F": Sex.FEMALE, "U": Sex.UNDETERMINED}
_KEPT: Final = {
    IdentityDecision.KEEP_NEWER: "Message antérieur à l'identité connue : identité inchangée",
    IdentityDecision.KEEP_QUALIFIED: "Identité qualifiée localement : traits stricts et statut conservés",
    IdentityDecision.REVIEW: "Traits ou INS différents d'une identité qualifiée : identité à réviser",
}


@dataclass(frozen=True, slots=True)
class IdentityReceived:
    """The patient of a message, and what the journal should say."""

    patient: Patient
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Told:
    """What a message says of the identity, in our terms."""

    values: dict[str, Any]
    standing: Standing
    says_status: bool
    ins: Ins | None
    warnings: list[str] = field(default_factory=list)


def identity_receive(*, adt: AdtMessage, message: Message, actor: Actor) -> IdentityReceived:
    """Create or update the patient of an ADT message; runs in the transaction of the message.

    The patient is found by its IPP, else by its INS alone. Which part of the message counts is
    decided by `decide_received`.

    Raises:
        Hl7Error: 101 without any usable identifier, 207 when the identifiers are those of two
            patients.
    """
    told = _read(adt)
    patient, held = _find(adt.identity, told.ins)
    change = Change(
        kind=f"pam.{adt.event}",
        actor=actor,
        evidence=adt.proof.document if adt.proof else "",
        message_uid=message.uid,
        known_at=_known_at(adt, message, told.warnings),
    )
    if patient is None:
        patient = _create(adt.identity, told, change)
    else:
        _update(patient, held, adt.identity, told, change)
    if patient.is_closed:
        told.warnings.append("Identité fermée (doublon, désactivée ou invalidée)")
    return IdentityReceived(patient, tuple(told.warnings))


# --- Reading -----------------------------------------------------------------------------------
def _known_at(adt: AdtMessage, message: Message, warnings: list[str]) -> datetime:
    """PID-33, else EVN-2. One in the future would hide every later version: it counts from reception."""
    at = adt.identity.updated_at or adt.recorded_at
    if at <= message.created_at + CLOCK_SKEW:
        return at
    warnings.append("Date de mise à jour de l'identité dans le futur : comptée à la réception")
    return message.created_at.replace(microsecond=0)  # as messages date: to the second


def _read(adt: AdtMessage) -> _Told:
    identity = adt.identity
    warnings: list[str] = []
    ins, reliability = _admitted_ins(identity, warnings)
    standing = _standing(reliability)
    if "QUAL" in reliability.values and not standing.recovered:
        warnings.append("PID-32 QUAL sans INS utilisable : identité validée")
    values = {
        **_names(identity, warnings),
        **_birth(adt, warnings),
        **_complementary(adt),
        **_proof(adt),
    }
    for name in identity.deleted & {"birth_date", "sex"}:
        warnings.append(f"Effacement demandé d'un trait strict ignoré ({name})")
    return _Told(values, standing, bool(reliability.values), ins if standing.recovered else None, warnings)


def _admitted_ins(identity: PatientIdentity, warnings: list[str]) -> tuple[Ins | None, Reliability]:
    """Return the INS that this platform may hold, and PID-32 read accordingly (ins 2.1)."""
    received = identity.ins
    if received is None:
        return None, identity.reliability
    if received.oid not in settings.INS_ALLOWED_OIDS:
        warnings.append("INS d'une autorité non admise sur cette plateforme, ignorée")
        untrusted = frozenset(settings.PAM_UNTRUSTED_CODES)
        return None, read_reliability(identity.reliability.values, has_ins=False, untrusted=untrusted)
    if matricule_fault(received.matricule):
        warnings.append("Clé ou forme du matricule INS incorrecte, conservé tel que reçu")
    return received, identity.reliability


def _standing(reliability: Reliability) -> Standing:
    """PID-32 as our two facts (table of hl7v2 4.3); fictive combines with nothing (ins 7.2)."""
    attributes = frozenset(IdentityAttribute(code) for code in reliability.attributes)
    if IdentityAttribute.FICT in attributes:
        attributes = frozenset({IdentityAttribute.FICT})
    status = IdentityStatus(reliability.status.value)
    return Standing(
        recovered=status in (IdentityStatus.RECUP, IdentityStatus.QUAL),
        controlled=status in (IdentityStatus.VALI, IdentityStatus.QUAL),
        attributes=attributes,
    )


def _names(identity: PatientIdentity, warnings: list[str]) -> dict[str, Any]:
    first = _strict(identity.first_birth_given_name, normalize_given_names, warnings)
    listed = _strict(identity.birth_given_names, normalize_given_names, warnings)
    if first and not listed:
        warnings.append("Liste des prénoms de naissance absente : premier prénom seul")
    return _given(
        birth_name=_strict(identity.birth_name, normalize_birth_name, warnings),
        first_birth_given_name=first,
        birth_given_names=listed or first,
        used_name=identity.used_name[:100],
        used_given_name=identity.used_given_name[:100],
    )


def _strict(text: str, normalize: Callable[[str], str], warnings: list[str]) -> str:
    """A strict trait in the profile of RNIV, else as received: a message is not refused for it."""
    if not text:
        return ""
    try:
        return normalize(text)
    except LexicalError:
        warnings.append("Nom ou prénom hors du profil de caractères, conservé tel que reçu")
        return exact(text)[:100]


def _birth(adt: AdtMessage, warnings: list[str]) -> dict[str, Any]:
    identity = adt.identity
    corrected = adt.proof.birth_date_corrected if adt.proof else None
    values: dict[str, Any] = {}
    if identity.birth_date is not None:
        values["birth_date"] = identity.birth_date
        values["is_birth_date_estimated"] = bool(identity.birth_date_incomplete or corrected)
    if identity.sex:
        values["sex"] = _SEXES[identity.sex].value
    if identity.birth_place_code and is_cog(identity.birth_place_code):
        values["birth_place_cog"] = identity.birth_place_code
    elif identity.birth_place_code:
        warnings.append("Code INSEE du lieu de naissance invalide, ignoré")
    return values | _given(birth_place_label=identity.birth_place_name[:100])


def _complementary(adt: AdtMessage) -> dict[str, Any]:
    """Complementary traits: given ones replace, `""` erases, absent ones stay (hl7v2 1.3)."""
    identity = adt.identity
    values: dict[str, Any] = {}
    if "address" in identity.deleted:
        values |= {"street": "", "postal_code": "", "city": ""}
    elif identity.address:
        street = ", ".join(part for part in (identity.address.street, identity.address.complement) if part)
        values |= {
            "street": street[:200],
            "postal_code": identity.address.postcode[:10],
            "city": identity.address.city[:80],
        }
    if "telecoms" in identity.deleted:
        values |= {"phone": "", "email": ""}
    phone = next((one.number for one in identity.telecoms if one.number), "")
    email = next((one.address for one in identity.telecoms if "@" in one.address), "")
    values |= _given(phone=phone[:30], email=email[:254])
    if identity.death_at is not None:
        values["died_at"] = identity.death_at
    elif "death_at" in identity.deleted or identity.deceased is False:
        values["died_at"] = None
    if adt.referring_physician:
        doctor = adt.referring_physician
        values["attending_doctor_name"] = person_name(doctor)
        values["attending_doctor_rpps"] = person_rpps(doctor)
    return values


def _proof(adt: AdtMessage) -> dict[str, Any]:
    """ZFD: how the identity was obtained and proved."""
    if adt.proof is None:
        return {}
    mode = adt.proof.mode if adt.proof.mode in CollectionMethod.values else ""
    values: dict[str, Any] = _given(collection_method=mode, identity_document=adt.proof.document[:6])
    if adt.proof.insi_queried_on:
        values["insi_query_date"] = adt.proof.insi_queried_on
    if adt.proof.document_expires_on:
        values["identity_document_expiry"] = adt.proof.document_expires_on
    return values


def _given(**values: str) -> dict[str, Any]:
    """Leave out what the message does not say: empty is no information (hl7v2 1.3)."""
    return {name: value for name, value in values.items() if value}


def person_name(person: Person) -> str:
    """`AGNES Isabelle`, as shown to users."""
    return " ".join(part for part in (person.family, person.given) if part)[:200]


def person_rpps(person: Person) -> str:
    """The RPPS of an XCN: 11 digits, or 12 with the 8 that opens a national identifier (IDNPS)."""
    number = person.identifier
    if len(number) == _RPPS_LENGTH + 1 and number.startswith("8"):
        number = number[1:]
    return number if len(number) == _RPPS_LENGTH and number.isdigit() else ""


# --- Finding -----------------------------------------------------------------------------------
def _find(identity: PatientIdentity, ins: Ins | None) -> tuple[Patient | None, list[Identifier]]:
    """The patient of these identifiers, locked, with all that it has; None when nobody has them."""
    local = [one for one in identity.identifiers if one.type == codes.ID_IPP]
    if local:
        wanted = Q()
        for one in local:
            wanted |= Q(kind=IdentifierKind.IPP, **_identifier_key(one))
    elif ins is not None:
        wanted = Q(kind=IdentifierKind.INS, is_active=True, value=ins.matricule, oid=ins.oid)
    else:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, _PID_3, "PID-3 : aucun IPP (type PI) ni INS utilisable")
    owners = set(Identifier.objects.filter(wanted).values_list("patient_id", flat=True))
    if len(owners) > 1:
        raise Hl7Error(codes.ERROR_APPLICATION, _PID_3, "Les identifiants sont ceux de plusieurs patients")
    if not owners and not local:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, _PID_3, "PID-3 : IPP absent, et INS inconnue")
    if not owners:
        return None, []
    patient = Patient.objects.select_for_update(of=("self",)).get(pk=owners.pop())
    return patient, list(Identifier.objects.filter(patient=patient).order_by("id"))


def _identifier_key(received: ReceivedIdentifier) -> dict[str, str]:
    """An authority is an OID (`oid`) or a FINESS (`facility`), beside its namespace.

    Raises:
        Hl7Error: 102, longer than what is kept.
    """
    authority = received.authority
    is_oid = authority.universal_id_type == codes.ISO
    key = {
        "value": received.value,
        "namespace": authority.namespace,
        "oid": authority.universal_id if is_oid else "",
        "facility": "" if is_oid else authority.universal_id,
    }
    for name, text in key.items():
        whole(text, _IDENTIFIER_SIZES[name], _PID_3)
    return key


def whole(identifier: str, size: int, location: str) -> str:
    """An identifier as received.

    Raises:
        Hl7Error: 102 at `location`, longer than what is kept. It is never cut: two persons, or two
            stays, would become one.
    """
    if len(identifier) > size:
        raise Hl7Error(codes.ERROR_DATA_TYPE, location, f"Identifiant de plus de {size} caractères")
    return identifier


# --- Writing -----------------------------------------------------------------------------------
def _create(identity: PatientIdentity, told: _Told, change: Change) -> Patient:
    owned = _distinct(_local_row(one) for one in identity.identifiers)
    values = told.values | standing_values(told.standing) | {"is_closed": identity.reliability.closed}
    values.setdefault("first_birth_given_name", "")
    if told.ins is not None:
        owned.append(ins_identifier(told.ins, since=identity.ins_starts))
        values |= _duplicate_review(told.ins, None, told.warnings)
    owned += [
        ins_identifier(former.ins, since=former.starts, end_reason="historique reçu")
        for former in identity.former_inses
        if former.ins.oid in settings.INS_ALLOWED_OIDS
    ]
    return patient_insert(values, owned, change)


def _local_row(received: ReceivedIdentifier) -> Identifier:
    kind = IdentifierKind.IPP if received.type == codes.ID_IPP else IdentifierKind.OTHER
    return Identifier(
        kind=kind, type_code=received.type[:10], since=received.starts, **_identifier_key(received)
    )


def _update(
    patient: Patient, held: list[Identifier], identity: PatientIdentity, told: _Told, change: Change
) -> None:
    active = next((one for one in held if one.kind == IdentifierKind.INS and one.is_active), None)
    told_standing = _standing_told(patient, told, active)
    strict = {name: told.values[name] for name in STRICT_TRAITS if name in told.values}
    decision = decide_received(
        ReceivedIdentity(
            held=standing_of(patient),
            told=told_standing,
            updated_at=change.known_at or patient.identity_updated_at,
            known_at=patient.identity_updated_at,
            same_traits=all(getattr(patient, name) == value for name, value in strict.items()),
            same_ins=_is_same_ins(active, told.ins),
        ),
        external_master=standing_of(patient).recovered and identities_are_external(),
    )
    if decision in _KEPT:
        told.warnings.append(_KEPT[decision])
    if decision is IdentityDecision.KEEP_NEWER:
        return
    _identifiers_sync(patient, held, identity.identifiers)
    match decision:
        case IdentityDecision.REVIEW:
            identity_write(patient, {"is_identity_under_review": True}, change)
        case IdentityDecision.KEEP_QUALIFIED:
            left_out = {*STRICT_TRAITS, "is_birth_date_estimated"}
            values = {name: value for name, value in told.values.items() if name not in left_out}
            identity_write(patient, values, change)
        case IdentityDecision.TAKE:
            _take(patient, identity, told, told_standing, active, change)
    identity_confirm(patient, change)


def _take(
    patient: Patient,
    identity: PatientIdentity,
    told: _Told,
    standing: Standing,
    active: Identifier | None,
    change: Change,
) -> None:
    values = told.values | standing_values(standing)
    if told.says_status:
        values["is_closed"] = identity.reliability.closed
    target = told.ins
    if standing.recovered and target is None and active is not None:
        target = Ins(active.value, active.oid)  # the message says nothing of the INS it does not change
    if target is not None and not _is_same_ins(active, target):
        values |= _duplicate_review(target, patient, told.warnings)
    reason = "identité douteuse ou fictive" if standing.is_untrusted else "reçu par PAM"
    move = ins_move(patient, active, target, reason=reason, since=identity.ins_starts)
    identity_write(patient, values, change, ins=move)


def _standing_told(patient: Patient, told: _Told, active: Identifier | None) -> Standing:
    """Without PID-32 a message that brings no other INS says nothing of the status."""
    if told.says_status or (told.ins is not None and not _is_same_ins(active, told.ins)):
        return told.standing
    return standing_of(patient)


def _is_same_ins(active: Identifier | None, ins: Ins | None) -> bool:
    held = Ins(active.value, active.oid) if active else None
    return held == ins


def _identifiers_sync(
    patient: Patient, held: list[Identifier], received: Iterable[ReceivedIdentifier]
) -> None:
    """The repetitions of an authority replace those held for the same authority (hl7v2 4.3)."""
    rows = _distinct(_local_row(one) for one in received)
    known = {_key(row): row for row in held if row.kind != IdentifierKind.INS}
    new = [row for row in rows if _key(row) not in known]
    told_keys = {_key(row) for row in rows}
    authorities = {_key(row)[:-1] for row in rows}
    for row in known.values():
        is_told = _key(row) in told_keys
        if is_told and not row.is_active:
            row.is_active, row.ended_at, row.end_reason = True, None, ""
        elif row.is_active and not is_told and _key(row)[:-1] in authorities:
            row.is_active, row.ended_at, row.end_reason = False, timezone.now(), "remplacé par PAM"
        else:
            continue
        row.save(update_fields=["is_active", "ended_at", "end_reason"])
    for row in new:
        row.patient = patient
    if new:
        Identifier.objects.bulk_create(new)


def _distinct(rows: Iterable[Identifier]) -> list[Identifier]:
    """A repetition of PID-3 that says the same thing twice says it once."""
    return list({_key(row): row for row in rows}.values())


def _key(row: Identifier) -> tuple[str, str, str, str, str, str]:
    return row.kind, row.type_code, row.namespace, row.oid, row.facility, row.value


def _duplicate_review(ins: Ins, patient: Patient | None, warnings: list[str]) -> dict[str, Any]:
    """Two identities under one INS are a certain duplicate (ins 9.2): reviewed before anything leaves."""
    if not ins_is_held_elsewhere(ins, patient):
        return {}
    warnings.append("INS déjà portée par un autre dossier : doublon à traiter, envois suspendus")
    return {"is_identity_under_review": True}
