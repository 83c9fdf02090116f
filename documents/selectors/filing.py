"""Where a document that arrives goes: versions already held, stay, unit, professional."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from audit.context import Actor
from documents.enums import VersionState
from documents.models import Version
from documents.rules import FilingStay, Held, stay_to_file_in
from establishment.models import Unit
from mssante.selectors import mailbox_at
from patients.enums import EpisodeState
from patients.models import Episode, Movement, Patient


@dataclass(frozen=True, slots=True)
class FilingPlace:
    """Where a person files: the unit in whose name, and the stay of the patient that takes it, if any."""

    unit: Unit
    episode: Episode | None = None


def held_by_id(unique_id: str, patient: Patient) -> Held | None:
    """The version known under an identifier, in whichever record; None. 1 query, none without id."""
    if not unique_id:
        return None
    return _held(_filed_versions().filter(unique_id=unique_id).first(), patient)


def held_by_set(set_id: str, patient: Patient) -> Held | None:
    """The last version filed under a setId, in whichever record; None. 1 query, none without setId."""
    if not set_id:
        return None
    return _held(_filed_versions().filter(document__set_id=set_id).order_by("-number").first(), patient)


def held_last(document_pk: int, patient: Patient) -> Held | None:
    """The last version filed of a document. 1 query."""
    return _held(_filed_versions().filter(document=document_pk).order_by("-number").first(), patient)


def stay_for_filing(patient: Patient, unit: Unit, *, act_at: datetime | None, at: datetime) -> Episode | None:
    """The stay of `patient` in `unit` where a received document is filed (mssante 2.7). 1 query.

    A unit where the patient passed during a stay counts as one of its units.
    """
    return _chosen_stay(_stays_in(patient, unit), act_at=act_at, at=at)


def place_by_hand(
    patient: Patient,
    user: User,
    actor: Actor,
    *,
    act_at: datetime | None,
    at: datetime,
    addresses: Iterable[str] = (),
) -> FilingPlace | None:
    """Where a document that `user` imports goes; None where only she can say the unit (stats C8).

    The stay of the patient in one of her units, the one of her session first; else that unit, out of
    any stay. For who serves the whole establishment: the stay of the patient in any unit, else the unit
    whose mailbox is among `addresses`. 1 query for each unit or address tried.
    """
    units = sorted(units_of(user), key=lambda unit: unit.code != actor.service)
    for unit in units:
        episode = stay_for_filing(patient, unit, act_at=act_at, at=at)
        if episode is not None:
            return FilingPlace(episode.unit or unit, episode)
    if serves_every_unit(user):
        episode = _chosen_stay(patient.episodes.filter(unit__isnull=False), act_at=act_at, at=at)
        if episode is not None and episode.unit is not None:
            return FilingPlace(episode.unit, episode)
    own = units[0] if units else unit_of_recipients((), addresses)
    return FilingPlace(own) if own is not None else None


def units_to_file_for() -> list[Unit]:
    """Units that a person may name where nothing else tells hers. 1 query."""
    return list(Unit.objects.filter(is_active=True).select_related("site").order_by("name", "code"))


def _stays_in(patient: Patient, unit: Unit) -> QuerySet[Episode]:
    passed = Movement.objects.filter(
        Q(medical_unit_code=unit.code) | Q(nursing_unit_code=unit.code) | Q(housing_unit_code=unit.code),
        episode=OuterRef("pk"),
        is_cancelled=False,
    )
    return patient.episodes.filter(
        Q(unit=unit) | Q(nursing_unit=unit) | Q(housing_unit=unit) | Exists(passed)
    )


def _chosen_stay(among: QuerySet[Episode], *, act_at: datetime | None, at: datetime) -> Episode | None:
    stays = {
        stay.pk: stay
        for stay in among.filter(
            state__in=[EpisodeState.OPEN, EpisodeState.CLOSED],
            admitted_at__isnull=False,
        ).select_related("unit")
    }
    chosen = stay_to_file_in(
        [
            FilingStay(
                pk=stay.pk,
                start=timezone.localdate(stay.admitted_at),
                end=timezone.localdate(stay.discharged_at) if stay.discharged_at else None,
            )
            for stay in stays.values()
        ],
        act=timezone.localdate(act_at) if act_at else None,
        today=timezone.localdate(at),
    )
    return stays[chosen.pk] if chosen else None


def unit_of_recipients(codes: Iterable[str], addresses: Iterable[str]) -> Unit | None:
    """The unit to which a mail was addressed: by its code (PRT-8), else by its mailbox (mssante 2.7).

    1 query for each address tried, and one for the codes.
    """
    wanted = [code for code in codes if code]
    named = {unit.code: unit for unit in Unit.objects.filter(code__in=wanted, is_active=True)}
    for code in wanted:
        if code in named:
            return named[code]
    for address in addresses:
        mailbox = mailbox_at(address) if address else None
        unit = mailbox.reading_unit if mailbox else None
        if unit is not None and unit.is_active:
            return unit
    return None


def recipient_of(numbers: Iterable[str]) -> User | None:
    """The first of these RPPS that is one of our professionals. 1 query, none without number."""
    wanted = [number for number in numbers if number]
    if not wanted:
        return None
    found = {user.rpps: user for user in User.objects.filter(rpps__in=wanted, is_active=True)}
    return next((found[number] for number in wanted if number in found), None)


def _filed_versions() -> QuerySet[Version]:
    return (
        Version.objects.exclude(state=VersionState.DRAFT).defer("body", "snapshot").select_related("document")
    )


def _held(version: Version | None, patient: Patient) -> Held | None:
    if version is None:
        return None
    return Held(
        pk=version.pk,
        document_pk=version.document_id,
        same_patient=version.document.patient_id == patient.pk,
        sha256=version.cda_sha256,
        state=VersionState(version.state),
        number=version.number,
        is_produced=version.document.is_produced,
        author_keys=frozenset(version.author_keys),
    )
