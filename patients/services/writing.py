"""How an identity is written, whoever asks: columns, event, stamp, trace and signal in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.rows import rows_insert
from audit.services import trace_write
from interop.ins.key import Ins
from patients.enums import IdentifierKind, IdentityAttribute
from patients.events import identity_changed
from patients.models import Identifier, IdentityEvent, Patient
from patients.rules import Standing, search_keys

_SEARCHED: Final = frozenset(
    {"birth_name", "used_name", "birth_given_names", "first_birth_given_name", "used_given_name"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """Why an identity changes: kind of event, who, on which evidence, known since when."""

    kind: str
    actor: Actor
    evidence: str = ""
    reason: str = ""
    message_uid: UUID | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InsMove:
    """The active matricule before and after, None for none."""

    before: Ins | None
    after: Ins | None


def standing_of(patient: Patient) -> Standing:
    """The facts of a patient's status."""
    return Standing(
        recovered=patient.is_ins_recovered,
        controlled=patient.is_identity_controlled,
        attributes=frozenset(IdentityAttribute(one) for one in patient.identity_attributes),
    )


def standing_values(standing: Standing) -> dict[str, Any]:
    """The columns that hold a standing."""
    return {
        "is_ins_recovered": standing.recovered,
        "is_identity_controlled": standing.controlled,
        "identity_attributes": sorted(attribute.value for attribute in standing.attributes),
    }


def patient_insert(values: dict[str, Any], identifiers: Iterable[Identifier], change: Change) -> Patient:
    """Insert a patient with its identifiers, its first event and its trace."""
    patient = Patient(identity_updated_at=change.known_at or timezone.now(), **values)
    _search_fill(patient)
    rows_insert(patient)
    owned = list(identifiers)
    for identifier in owned:
        identifier.patient = patient
    rows_insert(*owned)
    active = next((one for one in owned if one.kind == IdentifierKind.INS and one.is_active), None)
    move = InsMove(None, _ins_of(active)) if active else None
    _note(patient, {}, values, move, change, status_before="")
    return patient


def identity_write(
    patient: Patient, values: Mapping[str, Any], change: Change, *, ins: InsMove | None = None
) -> Patient:
    """Write the values that differ; nothing at all when none does and the matricule stays.

    Each change takes a new stamp: what was built from the former identity will not be filed
    (documents recheck it).
    """
    before = {
        name: getattr(patient, name) for name, value in values.items() if getattr(patient, name) != value
    }
    if not before and ins is None:
        return patient
    status_before = standing_of(patient).status.value
    after = {name: values[name] for name in before}
    for name, value in after.items():
        setattr(patient, name, value)
    patient.identity_stamp += 1
    patient.identity_updated_at = change.known_at or timezone.now()
    written = {*before, "identity_stamp", "identity_updated_at", "updated_at"}
    if _SEARCHED & before.keys():
        written |= _search_fill(patient)
    patient.save(update_fields=sorted(written))
    patient.identity_status = standing_of(patient).status  # generated: the row has it, this object not yet
    _note(patient, before, after, ins, change, status_before=status_before)
    return patient


def identity_confirm(patient: Patient, change: Change) -> None:
    """Keep the date of a version that counted, even when it changed nothing: an older one comes too late."""
    if change.known_at is not None and change.known_at > patient.identity_updated_at:
        patient.identity_updated_at = change.known_at
        patient.save(update_fields=["identity_updated_at"])


def active_ins(patient: Patient) -> Identifier | None:
    """The row of the active matricule."""
    return Identifier.objects.filter(patient=patient, kind=IdentifierKind.INS, is_active=True).first()


def ins_move(
    patient: Patient,
    active: Identifier | None,
    ins: Ins | None,
    *,
    reason: str,
    since: date | None = None,
) -> InsMove | None:
    """Replace the active matricule by another, or by none; None when nothing moves.

    The former one goes to the history with its end and reason, matricule and OID together (ins 10.1).
    """
    held = _ins_of(active) if active else None
    if held == ins:
        return None
    if active is not None:
        active.is_active = False
        active.ended_at = timezone.now()
        active.end_reason = reason[:100]
        active.save(update_fields=["is_active", "ended_at", "end_reason"])
    if ins is not None:
        rows_insert(ins_identifier(ins, since=since, patient=patient))
    return InsMove(held, ins)


def ins_is_held_elsewhere(ins: Ins, patient: Patient | None) -> bool:
    """Whether the active matricule of another patient is this one: a certain duplicate (ins 9.2)."""
    others = Identifier.objects.filter(
        kind=IdentifierKind.INS, is_active=True, value=ins.matricule, oid=ins.oid
    )
    return (others if patient is None else others.exclude(patient=patient)).exists()


def ins_identifier(
    ins: Ins, *, since: date | None, patient: Patient | None = None, end_reason: str = ""
) -> Identifier:
    """The row of a matricule: active, or already of the history when it has an end reason."""
    return Identifier(
        patient=patient,
        kind=IdentifierKind.INS,
        value=ins.matricule,
        oid=ins.oid,
        type_code="INS",
        since=since,
        is_active=not end_reason,
        ended_at=timezone.now() if end_reason else None,
        end_reason=end_reason,
    )


def _ins_of(identifier: Identifier) -> Ins:
    return Ins(identifier.value, identifier.oid)


def _search_fill(patient: Patient) -> set[str]:
    keys = search_keys(
        birth_name=patient.birth_name,
        used_name=patient.used_name,
        given_names=patient.birth_given_names,
        first_given_name=patient.first_birth_given_name,
        used_given_name=patient.used_given_name,
    )
    columns = {
        "search_birth_name": keys.birth_name,
        "search_used_name": keys.used_name,
        "search_given_names": keys.given_names,
        "search_used_given_name": keys.used_given_name,
        "search_full_name": keys.full_name,
        "search_phonetic": keys.phonetic,
        "search_used_phonetic": keys.used_phonetic,
    }
    for name, value in columns.items():
        setattr(patient, name, value)
    return set(columns)


def _note(
    patient: Patient,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    ins: InsMove | None,
    change: Change,
    *,
    status_before: str,
) -> None:
    """Keep the version of the identity (ins 10.4), trace the act, tell who depends on a known one.

    The trace holds names of fields and statuses; the values stay in the identity's own history.
    """
    status = standing_of(patient).status.value
    event = IdentityEvent(
        patient=patient,
        kind=change.kind,
        actor_login=change.actor.login,
        actor_uid=change.actor.uid,
        before=_plain(before) | {"status": status_before} | _matricule(ins.before if ins else None),
        after=_plain(after) | {"status": status} | _matricule(ins.after if ins else None),
        evidence=change.evidence,
        message_uid=change.message_uid,
    )
    rows_insert(event)
    trace_write(
        type="identity.change" if before or status_before else "identity.create",
        action=Action.UPDATE if status_before else Action.CREATE,
        actor=change.actor,
        patient_uid=patient.uid,
        object_type="patients.patient",
        object_uid=patient.uid,
        reason=change.reason,
        detail={
            "kind": change.kind,
            "fields": sorted(name for name, value in after.items() if value not in ("", None, [], False)),
            "status": [status_before, status],
            "ins_moved": ins is not None,
            "message": str(change.message_uid or ""),
        },
    )
    if status_before:
        identity_changed.send(sender=Patient, patient=patient, event=event)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _matricule(ins: Ins | None) -> dict[str, str]:
    return {"ins_matricule": ins.matricule, "ins_oid": ins.oid} if ins else {}
