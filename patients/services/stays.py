"""Stays received by PAM: movements are kept, the situation is replayed (spec hl7v2 4.2, 4.4)."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.rows import rows_insert
from audit.services import trace_write
from establishment.models import Unit
from establishment.services import unit_discovered
from exchange.models import Message
from interop.hl7v2 import codes
from interop.hl7v2.codes import MovementAction
from interop.hl7v2.datatypes import Identifier as ReceivedIdentifier
from interop.hl7v2.datatypes import Organisation
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.pam.model import AdtMessage, MovementId, Visit
from interop.hl7v2.pam.model import Movement as ReceivedMovement
from patients.enums import EpisodeKind, EpisodeState, TeamSource
from patients.events import episode_changed
from patients.models import CareTeamMember, Episode, Movement, Patient
from patients.rules.stay import (
    CANCELS,
    CONTINUING,
    OPENING,
    PLANNING,
    Content,
    Stay,
    Step,
    stay_of,
)
from patients.services.received import person_name, person_rpps, whole

_VISIT_LOCATION: Final = "PV1^1^19"
_MOVEMENT_LOCATION: Final = "ZBE^1^1"


@dataclass(frozen=True, slots=True)
class MovementReceived:
    """The stay of a message, None when it is unknown; what the journal should say.

    A stay whose movement was set aside is known all the same: what else the message says of it counts.
    """

    episode: Episode | None
    warnings: tuple[str, ...]
    is_new: bool = False


@dataclass(slots=True)
class _Intake:
    """One message being applied to one stay. `movements` are those not cancelled, in order."""

    adt: AdtMessage
    visit: Visit
    movement: ReceivedMovement
    message: Message
    actor: Actor
    warnings: list[str]
    episode: Episode | None
    movements: list[Movement]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(_movement_name(one) for one in self.movement.ids)

    def find(self) -> Movement | None:
        """The movement that one of the ids of ZBE-1 names, within this stay (hl7v2 5.1)."""
        return next((row for row in self.movements if self.names & set(row.identifiers)), None)


def movement_receive(
    *, adt: AdtMessage, patient: Patient, message: Message, actor: Actor
) -> MovementReceived:
    """Apply the movement of a message to its stay; runs in the transaction of the message.

    A movement that contradicts the known situation is set aside without error (IHE ITI-31): the
    answer is AA, the journal has a warning.

    Raises:
        Hl7Error: 207 when the visit is another patient's, or when a Z99 names an unknown movement.
    """
    if adt.visit is None or adt.movement is None:
        raise ValueError("the message carries no movement")
    episode = _episode_of(adt.visit, patient)
    movements = list(Movement.objects.filter(episode=episode, is_cancelled=False)) if episode else []
    intake = _Intake(adt, adt.visit, adt.movement, message, actor, [], episode, movements)
    match intake.movement.action:
        case MovementAction.INSERT:
            done = _insert(intake, patient)
        case MovementAction.UPDATE:
            done = _correct(intake)
        case MovementAction.CANCEL:
            done = _cancel(intake)
    if done:
        _settle(intake)
    return MovementReceived(
        intake.episode if done else episode, tuple(intake.warnings), is_new=done and episode is None
    )


def visit_update_receive(
    *, adt: AdtMessage, patient: Patient, message: Message, actor: Actor
) -> MovementReceived:
    """Update a stay without a movement: A08, tolerated though it is not a French event (hl7v2 4.2)."""
    if adt.visit is None:
        return MovementReceived(None, ())
    episode = _episode_of(adt.visit, patient)
    if episode is None:
        return MovementReceived(None, ("Venue inconnue : mise à jour de venue ignorée",))
    changes = _visit_values(adt)
    written = [name for name, value in changes.items() if getattr(episode, name) != value]
    for name in written:
        setattr(episode, name, changes[name])
    if written:
        episode.save(update_fields=written)
        _trace(episode, adt, message, actor)
    return MovementReceived(episode, ())


# --- The three actions of ZBE-4 ------------------------------------------------------------------
def _insert(intake: _Intake, patient: Patient) -> bool:
    event = intake.adt.event
    if intake.episode is None:
        if event not in OPENING and event not in CONTINUING:
            intake.warnings.append(f"{event} sur une venue inconnue : mouvement ignoré")
            return False
        if event in CONTINUING:
            intake.warnings.append(f"{event} sur une venue inconnue : venue créée d'après ce message")
        intake.episode = _episode_new(intake.adt, intake.visit, patient)
    known = intake.find()
    if known is not None:
        return _merge(intake, known)
    if event == "A03" and not _is_open(intake):
        intake.warnings.append("Sortie sans séjour ouvert : mouvement ignoré")
        return False
    if intake.movements and event not in PLANNING and intake.movement.started_at < _last(intake).start_at:
        intake.warnings.append("Mouvement antérieur au dernier connu : rangé à sa date")
    intake.movements.append(_movement_new(intake))
    return True


def _merge(intake: _Intake, known: Movement) -> bool:
    """One movement may come in several messages under the same id (ITI-31): their union counts."""
    told = _movement_new(intake)
    if known.event != told.event:
        intake.warnings.append(f"Identifiant du mouvement déjà employé par un {known.event} : ignoré")
        return False
    merged = asdict(_content(known).merged_with(_content(told)))
    changes = {name: value for name, value in _columns(merged).items() if getattr(known, name) != value}
    _change(known, changes, intake)
    return True


def _correct(intake: _Intake) -> bool:
    """UPDATE, by Z99: the movement takes the content of the message, current or historic."""
    known = intake.find()
    if intake.episode is None or known is None:
        raise Hl7Error(codes.ERROR_APPLICATION, _MOVEMENT_LOCATION, "Mouvement à modifier inconnu")
    told = _movement_new(intake)
    changes: dict[str, Any] = {"start_at": told.start_at, "is_historic": intake.movement.historic}
    for name in ("nature", "medical_unit_code", "nursing_unit_code", "housing_unit_code", "patient_class"):
        if getattr(told, name):
            changes[name] = getattr(told, name)
    if told.housing_unit_code or told.room or told.bed:
        changes |= {"room": told.room, "bed": told.bed}
    if told.attending_name:
        changes |= {"attending_name": told.attending_name, "attending_rpps": told.attending_rpps}
    _change(known, changes, intake)
    return True


def _cancel(intake: _Intake) -> bool:
    """CANCEL: only the current movement, the last one, can be undone (hl7v2 4.4)."""
    known = intake.find()
    if intake.episode is None or known is None:
        intake.warnings.append("Annulation d'un mouvement inconnu : ignorée")
        return False
    undone = CANCELS.get(intake.adt.event, frozenset()) | {intake.movement.original_event}
    if known.event not in undone:
        intake.warnings.append(f"{intake.adt.event} n'annule pas un {known.event} : ignoré")
        return False
    if known is not _last(intake):
        intake.warnings.append("Seul le dernier mouvement peut être annulé : annulation ignorée")
        return False
    known.is_cancelled = True
    known.message_uid = intake.message.uid
    known.save(update_fields=["is_cancelled", "message_uid"])
    intake.movements.remove(known)
    if intake.adt.event in ("A12", "A13") and intake.movements:
        _relocate(intake)
    return True


def _relocate(intake: _Intake) -> None:
    """After A12 and A13 the patient is where PV1-3 says (hl7v2 4.2)."""
    location = intake.visit.location
    if location.point_of_care or location.room or location.bed:
        places = {"housing_unit_code": location.point_of_care, "room": location.room, "bed": location.bed}
        _change(_last(intake), {name: value[:20] for name, value in places.items()}, intake)


def _change(row: Movement, changes: dict[str, Any], intake: _Intake) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.message_uid = intake.message.uid
    row.save(update_fields=[*changes, "message_uid"])


def _is_open(intake: _Intake) -> bool:
    return stay_of(map(_step, intake.movements)).state == EpisodeState.OPEN


def _last(intake: _Intake) -> Movement:
    """The current movement: the last one by date, what was planned coming first."""
    return max(intake.movements, key=lambda row: (row.event not in PLANNING, row.start_at, _rank(row)))


# --- The stay ------------------------------------------------------------------------------------
def _episode_of(visit: Visit, patient: Patient) -> Episode | None:
    """The stay of PV1-19, else of PID-18, locked."""
    found = _numbered(visit.number, patient) if visit.number else _of_account(visit, patient)
    if found is None:
        return None
    episode = Episode.objects.select_for_update(of=("self",)).get(pk=found)
    if episode.patient_id != patient.pk:
        raise Hl7Error(codes.ERROR_APPLICATION, _VISIT_LOCATION, "Cette venue est celle d'un autre patient")
    episode.patient = patient
    return episode


def _numbered(number: ReceivedIdentifier, patient: Patient) -> int | None:
    """The stay of a visit number: under this authority, else the only one of this patient (hl7v2 5.1).

    Senders name the authority of a visit in several ways, or not at all: it is not checked strictly.
    """
    authority = _authority(number)
    same_number = Episode.objects.filter(visit_number=number.value)
    exact = same_number.filter(visit_authority=authority).values_list("pk", flat=True).first()
    if exact is not None:
        return exact
    alone = same_number.filter(patient=patient).values_list("pk", flat=True)[:2]
    return alone[0] if len(alone) == 1 else None


def _of_account(visit: Visit, patient: Patient) -> int | None:
    number = visit.account.value if visit.account else ""
    found = Episode.objects.filter(account_number=number, patient=patient).order_by("-id")
    return found.values_list("pk", flat=True).first()


def _episode_new(adt: AdtMessage, visit: Visit, patient: Patient) -> Episode:
    return Episode(
        patient=patient,
        visit_number=whole(visit.number.value, 60, "PV1^1^19") if visit.number else "",
        visit_authority=_authority(visit.number) if visit.number else "",
        **_visit_values(adt),
    )


def _visit_values(adt: AdtMessage) -> dict[str, Any]:
    """What PV1, PV2 and ZFA say of the stay beside its movements; empty is no information."""
    values: dict[str, Any] = {}
    visit = adt.visit
    if visit is not None and visit.account is not None:
        values["account_number"] = whole(visit.account.value, 60, "PID^1^18")
    if visit is not None and visit.expected_discharge_at is not None:
        values["expected_discharge_at"] = visit.expected_discharge_at
    if visit is not None and "referring" in visit.deleted:
        values |= {"referring_name": "", "referring_rpps": ""}
    elif visit is not None and visit.referring:
        doctor = visit.referring[0]
        values |= {"referring_name": person_name(doctor)[:200], "referring_rpps": person_rpps(doctor)}
    if adt.choices is not None and adt.choices.dmp_status:
        values["dmp_hint"] = adt.choices.dmp_status[:12]
    return values


def _settle(intake: _Intake) -> None:
    """Write the stay as its movements give it, then the movement, the doctor, the trace."""
    episode = intake.episode
    if episode is None:
        return
    is_new = episode._state.adding
    stay = stay_of(map(_step, intake.movements))
    before = (episode.state, episode.unit_id, episode.attending_rpps) if not is_new else None
    changed = _stay_fill(episode, stay, intake)
    changed |= _visit_fill(episode, intake.adt)
    if is_new:
        rows_insert(episode)
    elif changed:
        episode.save(update_fields=sorted(changed))
    for row in intake.movements:
        if row._state.adding:
            row.episode = episode
            rows_insert(row)
    if stay.attending_rpps and (is_new or before is None or before[2] != stay.attending_rpps):
        _attending_join(episode, stay.attending_rpps)
    _trace(episode, intake.adt, intake.message, intake.actor)
    if before != (episode.state, episode.unit_id, episode.attending_rpps):
        episode_changed.send(sender=Episode, episode=episode)


def _stay_fill(episode: Episode, stay: Stay, intake: _Intake) -> set[str]:
    units = _units(stay, intake)
    values: dict[str, Any] = {
        "state": stay.state,
        "kind": stay.kind if intake.movements else episode.kind or EpisodeKind.NONE,
        "planned_at": stay.planned_at or intake.visit.expected_admission_at or episode.planned_at,
        "admitted_at": stay.admitted_at,
        "discharged_at": stay.discharged_at,
        "unit_id": units.get(stay.medical_unit or stay.nursing_unit or stay.housing_unit),
        "nursing_unit_id": units.get(stay.nursing_unit),
        "housing_unit_id": units.get(stay.housing_unit),
        "room": stay.room,
        "bed": stay.bed,
        "attending_name": stay.attending_name,
        "attending_rpps": stay.attending_rpps,
    }
    return _fill(episode, values)


def _visit_fill(episode: Episode, adt: AdtMessage) -> set[str]:
    return _fill(episode, _visit_values(adt))


def _fill(episode: Episode, values: dict[str, Any]) -> set[str]:
    """Set what differs; return the names of the fields to write."""
    changed = {name for name, value in values.items() if getattr(episode, name) != value}
    for name in changed:
        setattr(episode, name, values[name])
    return {name.removesuffix("_id") for name in changed}


def _units(stay: Stay, intake: _Intake) -> dict[str, int]:
    """Keys of the units that the stay names; one that nobody described is created from the message."""
    codes_named = {stay.medical_unit, stay.nursing_unit, stay.housing_unit} - {""}
    if not codes_named:
        return {}
    units = dict(Unit.objects.filter(code__in=codes_named).values_list("code", "pk"))
    for code in sorted(codes_named - units.keys()):
        told = next((one for one in _organisations(intake.movement) if one.identifier == code), None)
        unit = unit_discovered(
            code=code,
            name=told.name[:100] if told else "",
            finess=told.authority.universal_id if told else "",
            actor=intake.actor,
        )
        if unit is None:
            intake.warnings.append("Unité inconnue, et aucun site décrit")
        else:
            intake.warnings.append(f"Unité {code} inconnue : créée d'après le message, à compléter")
            units[code] = unit.pk
    return units


def _organisations(movement: ReceivedMovement) -> list[Organisation]:
    return [one for one in (movement.medical_unit, movement.nursing_unit) if one is not None]


def _attending_join(episode: Episode, rpps: str) -> None:
    """The attending doctor of PV1-7 is of the team, when an account has that RPPS."""
    accounts = User.objects.filter(rpps=rpps, is_active=True).values_list("pk", flat=True)
    CareTeamMember.objects.bulk_create(
        [CareTeamMember(episode=episode, user_id=pk, source=TeamSource.PAM) for pk in accounts],
        ignore_conflicts=True,
    )


def _trace(episode: Episode, adt: AdtMessage, message: Message, actor: Actor) -> None:
    trace_write(
        type="episode.change",
        action=Action.UPDATE,
        actor=actor,
        patient_uid=episode.patient.uid,
        object_type="patients.episode",
        object_uid=episode.uid,
        detail={"event": adt.event, "state": episode.state, "message": str(message.uid)},
    )


# --- Rows and values -----------------------------------------------------------------------------
def _movement_new(intake: _Intake) -> Movement:
    visit, movement = intake.visit, intake.movement
    attending = visit.attending[0] if visit.attending else None
    return Movement(
        identifiers=sorted(intake.names),
        event=intake.adt.event,
        start_at=movement.started_at,
        is_historic=movement.historic,
        nature=movement.nature[:3],
        medical_unit_code=_code(movement.medical_unit),
        nursing_unit_code=_code(movement.nursing_unit),
        housing_unit_code=visit.location.point_of_care[:20],
        room=visit.location.room[:20],
        bed=visit.location.bed[:20],
        patient_class=visit.patient_class,
        attending_name=person_name(attending) if attending else "",
        attending_rpps=person_rpps(attending) if attending else "",
        message_uid=intake.message.uid,
    )


def _rank(row: Movement) -> int:
    """Order of reception: a movement that is being received is the last one."""
    return row.pk or sys.maxsize


def _step(row: Movement) -> Step:
    return Step(
        event=row.event,
        at=row.start_at,
        rank=_rank(row),
        patient_class=row.patient_class,
        medical_unit=row.medical_unit_code,
        nursing_unit=row.nursing_unit_code,
        housing_unit=row.housing_unit_code,
        room=row.room,
        bed=row.bed,
        attending_name=row.attending_name,
        attending_rpps=row.attending_rpps,
    )


def _content(row: Movement) -> Content:
    return Content(
        nature=row.nature,
        medical_unit=row.medical_unit_code,
        nursing_unit=row.nursing_unit_code,
        housing_unit=row.housing_unit_code,
        room=row.room,
        bed=row.bed,
    )


def _columns(content: dict[str, str]) -> dict[str, str]:
    return {f"{name}_code" if name.endswith("_unit") else name: value for name, value in content.items()}


def _code(organisation: Organisation | None) -> str:
    return organisation.identifier[:20] if organisation else ""


def _movement_name(one: MovementId) -> str:
    authority = one.authority.namespace or one.authority.universal_id
    return whole(f"{one.value}^{authority}", 200, "ZBE^1^1")


def _authority(identifier: ReceivedIdentifier) -> str:
    return whole(identifier.authority.namespace or identifier.authority.universal_id, 120, _VISIT_LOCATION)
