"""Identities written on screen: creation, correction, status (spec ins 1, 3, 7.3, 10; INS/va1.*)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.context import Actor
from establishment.selectors import legal_entity
from interop.ins.key import Ins
from interop.ins.traits import (
    LexicalError,
    given_name_heads_list,
    is_cog,
    normalize_birth_name,
    normalize_given_names,
)
from patients.enums import IdentifierKind, Sex
from patients.errors import ForbiddenTransition, IdentityRefused
from patients.models import Identifier, Patient
from patients.rules import InsEffect, StatusEvent, Transition, TransitionRefused, transition
from patients.selectors.insi import identities_are_external
from patients.services.writing import (
    Change,
    InsMove,
    active_ins,
    identity_write,
    ins_move,
    patient_insert,
    standing_of,
    standing_values,
)

STRICT_TRAITS: Final = (
    "birth_name",
    "birth_given_names",
    "first_birth_given_name",
    "birth_date",
    "sex",
    "birth_place_cog",
)
_WITH_DOCUMENT: Final = frozenset(
    {
        StatusEvent.DOCUMENT_COHERENT,
        StatusEvent.TRAIT_CHANGED_WITH_DOCUMENT,
        StatusEvent.APCV_ACCEPTED,
    }
)
"""Events whose evidence is the code of a document."""


@dataclass(frozen=True, slots=True)
class IdentityInput:
    """An identity as typed. Names in use are never filled from the birth names (ins 1.2)."""

    birth_name: str
    first_birth_given_name: str
    birth_date: date
    sex: str
    birth_given_names: str = ""
    birth_place_cog: str = ""
    is_birth_date_estimated: bool = False
    used_name: str = ""
    used_given_name: str = ""
    birth_place_label: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    phone: str = ""
    email: str = ""
    attending_doctor_name: str = ""
    attending_doctor_rpps: str = ""


def patient_create(*, identity: IdentityInput, actor: Actor, ipp: str = "") -> Patient:
    """Create a provisional identity (INS/va1.01, .02): no matricule is ever typed (INS/va1.03).

    `ipp` is that of the hospital's own domain of identification.

    Raises:
        IdentityRefused: a trait out of the profile of RNIV, an IPP already used, or identities that are not
            managed here.
    """
    refuse_if_external()
    values = _checked(identity)
    owned = [_ipp(ipp)] if ipp else []
    try:
        with transaction.atomic():
            return patient_insert(values, owned, Change(kind="create", actor=actor))
    except IntegrityError as error:
        raise IdentityRefused("Cet IPP est déjà celui d'un autre patient.") from error


def identity_update(
    *, patient: Patient, identity: IdentityInput, actor: Actor, document: str = "", reason: str = ""
) -> Patient:
    """Correct an identity (ins 7.3 rows 6 and 7; 10.1): a strict trait changed drops the INS.

    `document` is the code of the high-trust document seen, if any; complementary traits never move
    the status.

    Raises:
        IdentityRefused: as `patient_create`. ForbiddenTransition: a document controlled while the
            identity is doubtful or fictive.
    """
    refuse_if_external()
    values = _checked(identity)
    with transaction.atomic():
        locked = Patient.objects.select_for_update(of=("self",)).get(pk=patient.pk)
        change = Change(kind="update", actor=actor, evidence=document, reason=reason)
        if all(getattr(locked, name) == values[name] for name in STRICT_TRAITS):
            return identity_write(locked, values, change)
        event = StatusEvent.TRAIT_CHANGED_WITH_DOCUMENT if document else StatusEvent.TRAIT_CHANGED
        moved = _transition(event, locked)
        ins = _ins_moved(locked, moved, event, None)
        return identity_write(locked, values | _moved_values(moved, document), change, ins=ins)


def identity_event_apply(
    *,
    patient: Patient,
    event: StatusEvent,
    actor: Actor,
    evidence: str = "",
    ins: Ins | None = None,
    values: Mapping[str, Any] | None = None,
) -> Patient:
    """Apply one row of the transition table of ins 7.3 (INS/va1.25, .41, .46).

    `evidence` names the document or the INSi call; `ins` comes with the events that bring one, and so do
    `values`, the columns that the event writes beside the status.

    Raises:
        ForbiddenTransition: the event does not apply to this status, or brings no matricule.
        IdentityRefused: identities are not managed here.
    """
    refuse_if_external()
    with transaction.atomic():
        locked = Patient.objects.select_for_update(of=("self",)).get(pk=patient.pk)
        moved = _transition(event, locked)
        move = _ins_moved(locked, moved, event, ins)
        change = Change(kind=event.value, actor=actor, evidence=evidence)
        document = evidence if event in _WITH_DOCUMENT else ""
        return identity_write(locked, _moved_values(moved, document) | dict(values or {}), change, ins=move)


def refuse_if_external() -> None:
    """Refuse to write where the référentiel d'identités of the hospital is master (ins 3)."""
    if identities_are_external():
        raise IdentityRefused(
            "Les identités se gèrent dans le référentiel de l’établissement\u202f: demandez-y la correction.",
            code="external_master",
        )


def _transition(event: StatusEvent, patient: Patient) -> Transition:
    try:
        return transition(event, standing_of(patient))
    except TransitionRefused as refused:
        raise ForbiddenTransition(f"Changement de statut impossible : {refused}.") from refused


def _ins_moved(patient: Patient, moved: Transition, event: StatusEvent, ins: Ins | None) -> InsMove | None:
    if moved.ins == InsEffect.KEEP:
        return None
    if moved.ins == InsEffect.SET and ins is None:
        raise ForbiddenTransition("Le matricule INS et son OID sont nécessaires à ce changement.")
    target = ins if moved.ins == InsEffect.SET else None
    reason = "invalidé" if moved.ins == InsEffect.INVALIDATE else event.value
    return ins_move(patient, active_ins(patient), target, reason=reason)


def _moved_values(moved: Transition, document: str) -> dict[str, Any]:
    values = standing_values(moved.standing)
    if moved.opens_review or moved.closes_review:
        values["is_identity_under_review"] = moved.opens_review
    if document and moved.standing.controlled:
        values["identity_document"] = document[:6]
    return values


def _checked(identity: IdentityInput) -> dict[str, Any]:
    """Return the values to store; strict traits in the lexical profile of RNIV (ins 4)."""
    values = {field.name: getattr(identity, field.name) for field in fields(identity)}
    try:
        values["birth_name"] = normalize_birth_name(identity.birth_name)
        values["first_birth_given_name"] = normalize_given_names(identity.first_birth_given_name)
        if identity.birth_given_names:
            values["birth_given_names"] = normalize_given_names(identity.birth_given_names)
    except LexicalError as error:
        raise IdentityRefused(
            f"Un nom ou un prénom contient un caractère non admis (position {error.position + 1}).",
            code=error.fault.value,
        ) from error
    listed = values["birth_given_names"]
    if listed and not given_name_heads_list(values["first_birth_given_name"], listed):
        raise IdentityRefused("Le premier prénom doit commencer la liste des prénoms de naissance.")
    if identity.birth_place_cog and not is_cog(identity.birth_place_cog):
        raise IdentityRefused("Le code du lieu de naissance est celui de l'INSEE, sur 5 caractères.")
    if identity.sex not in Sex.values:
        raise IdentityRefused("Le sexe est masculin, féminin ou indéterminé.")
    if identity.birth_date > timezone.localdate():
        raise IdentityRefused("La date de naissance est dans le futur.")
    return values


def _ipp(value: str) -> Identifier:
    return Identifier(kind=IdentifierKind.IPP, value=value, oid=legal_entity().ipp_oid, type_code="PI")
