"""Recording what the patient was told and chose (SC.DMP/CONF.06, .09, .13)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.rows import rows_insert
from audit.services import trace_write
from consent.enums import ChoiceSource, ChoiceValue, MessageChoiceValue, Subject
from consent.errors import ChoiceRefused
from consent.events import choice_changed, message_choice_changed
from consent.models import Choice, MessageChoice
from consent.rules import PamChoice, current_choice, current_message_choice, pam_choice, screen_date
from interop.hl7v2.pam.model import AdtMessage
from interop.hl7v2.pam.model import Choice as ReceivedChoice
from patients.enums import EpisodeState
from patients.models import Episode, Patient


def choice_record(
    *,
    episode: Episode,
    subject: Subject,
    value: ChoiceValue,
    actor: Actor,
    collected_at: datetime | None = None,
    by_representative: bool = False,
) -> Choice:
    """Record on screen what the patient chose about one subject, for one episode.

    It may be changed at any time; what was recorded before stays (F-PV-09). No reason is asked or
    kept (F-PV-06).

    Raises:
        ChoiceRefused: a collection date in the future, or a cancelled episode.
    """
    screen = ChoiceSource.SCREEN
    [choice] = _record(episode, {subject: value}, actor, collected_at, by_representative, screen)
    return choice


def choices_record(
    *,
    episode: Episode,
    actor: Actor,
    alimentation: ChoiceValue | None = None,
    consultation: ChoiceValue | None = None,
    collected_at: datetime | None = None,
    by_representative: bool = False,
    source: ChoiceSource = ChoiceSource.SCREEN,
) -> list[Choice]:
    """Record both subjects in one act, as the shortcut of the screen does (workflows 1.4).

    `source` is `api` for what another software of the hospital collected.

    Raises:
        ChoiceRefused: as `choice_record`.
    """
    told = {Subject.ALIMENTATION: alimentation, Subject.CONSULTATION: consultation}
    values = {subject: value for subject, value in told.items() if value is not None}
    return _record(episode, values, actor, collected_at, by_representative, source)


@transaction.atomic
def message_choice_record(
    *,
    patient: Patient,
    value: MessageChoiceValue,
    actor: Actor,
    collected_at: datetime | None = None,
    by_representative: bool = False,
) -> MessageChoice:
    """Record whether a patient accepts messages in Mon espace santé (MSS/va1.20); no reason is asked.

    Raises:
        ChoiceRefused: a collection date in the future.
    """
    now = timezone.now()
    if collected_at is not None and collected_at > now:
        raise ChoiceRefused("La date de recueil est dans le futur : corrigez-la.")
    locked = Patient.objects.select_for_update(of=("self",), no_key=True).get(pk=patient.pk)
    rows = list(MessageChoice.objects.filter(patient=locked))
    before = current_message_choice(rows)
    choice = MessageChoice.objects.create(
        patient=locked,
        value=value,
        source=ChoiceSource.SCREEN,
        collected_at=collected_at or now,
        by_representative=by_representative,
        author_login=actor.login,
        author_uid=actor.uid,
    )
    after = current_message_choice([*rows, choice])
    told = {
        "before": before.value if before else "",
        "after": after.value if after else "",
        "value": choice.value,
        "source": choice.source,
    }
    trace_write(
        type="consent.messages",
        action=Action.CREATE,
        actor=actor,
        patient_uid=locked.uid,
        object_type="consent.messagechoice",
        object_uid=choice.uid,
        detail=told,
    )
    if told["before"] != told["after"]:
        message_choice_changed.send(sender=MessageChoice, patient=locked)
    return choice


def choices_from_pam(
    *, episode: Episode, adt: AdtMessage, message_uid: UUID, actor: Actor, is_new_episode: bool = False
) -> list[Choice]:
    """Record the ZFA of a message for its episode (SC.DMP/CONF.13).

    Every value received is kept with its date and source; which one counts is `current_choice`. A
    message that only repeats what its source already said writes nothing.
    """
    received = _received(adt)
    if not received:
        return []
    before = _no_rows() if is_new_episode else _rows(episode)
    told = [
        pam_choice(
            subject=subject,
            code=choice.value,
            collected_at=choice.collected_at,
            recorded_at=adt.recorded_at,
            received_at=timezone.now(),
        )
        for subject, choice in received.items()
    ]
    new = [
        Choice(
            episode=episode,
            subject=choice.subject,
            value=choice.value,
            source=ChoiceSource.PAM,
            collected_at=choice.collected_at,
            is_effective=choice.is_effective,
            author_login=actor.login,
            message_uid=message_uid,
        )
        for choice in told
        if not _is_repeated(choice, before[choice.subject])
    ]
    return _append(episode, before, new, actor, announces=not is_new_episode)


def choices_from_pam_without_visit(
    *, patient: Patient, adt: AdtMessage, message_uid: UUID, actor: Actor
) -> list[Choice]:
    """Record the ZFA of an identity message (A28, A31) for the open episodes (hl7v2 4.6).

    It is dated like any other, so an older one does not count. The next episode starts again at
    "not collected": the DSR asks for a record per episode.
    """
    if not _received(adt):
        return []
    open_episodes = (
        Episode.objects.select_for_update(of=("self",))
        .filter(patient=patient, state__in=[EpisodeState.PLANNED, EpisodeState.OPEN])
        .order_by("id")
    )
    return [
        choice
        for episode in open_episodes
        for choice in choices_from_pam(episode=episode, adt=adt, message_uid=message_uid, actor=actor)
    ]


def _received(adt: AdtMessage) -> dict[Subject, ReceivedChoice]:
    if adt.choices is None:
        return {}
    found = {
        Subject.ALIMENTATION: adt.choices.alimentation,
        Subject.CONSULTATION: adt.choices.consultation,
    }
    return {subject: choice for subject, choice in found.items() if choice is not None}


def _record(
    episode: Episode,
    values: dict[Subject, ChoiceValue],
    actor: Actor,
    collected_at: datetime | None,
    by_representative: bool,
    source: ChoiceSource,
) -> list[Choice]:
    now = timezone.now()
    if collected_at is not None and collected_at > now:
        raise ChoiceRefused("La date de recueil est dans le futur : corrigez-la.")
    with transaction.atomic():
        locked = Episode.objects.select_for_update(of=("self",)).select_related("patient").get(pk=episode.pk)
        if locked.state == EpisodeState.CANCELLED:
            raise ChoiceRefused("Cet épisode est annulé : aucun choix ne peut y être enregistré.")
        rows = _rows(locked)
        new = [
            Choice(
                episode=locked,
                subject=subject,
                value=value,
                source=source,
                collected_at=collected_at or screen_date(now, rows[subject]),
                by_representative=by_representative,
                author_login=actor.login,
                author_uid=actor.uid,
            )
            for subject, value in values.items()
        ]
        return _append(locked, rows, new, actor, announces=True)


def _rows(episode: Episode) -> dict[Subject, list[Choice]]:
    rows = _no_rows()
    for choice in Choice.objects.filter(episode=episode):
        rows[Subject(choice.subject)].append(choice)
    return rows


def _no_rows() -> dict[Subject, list[Choice]]:
    return {subject: [] for subject in Subject}


def _is_repeated(told: PamChoice, rows: list[Choice]) -> bool:
    return any(
        row.source == ChoiceSource.PAM and (row.value, row.collected_at) == (told.value, told.collected_at)
        for row in rows
    )


def _append(
    episode: Episode,
    before: dict[Subject, list[Choice]],
    new: list[Choice],
    actor: Actor,
    *,
    announces: bool,
) -> list[Choice]:
    """Append choices in one act, trace it, and tell who must act when another value counts now."""
    if not new:
        return []
    counted = {subject: _value(current_choice(rows)) for subject, rows in before.items()}
    rows_insert(*new)
    for choice in new:
        before[Subject(choice.subject)].append(choice)
    counts = {subject: _value(current_choice(rows)) for subject, rows in before.items()}
    trace_write(
        type="consent.record",
        action=Action.CREATE,
        actor=actor,
        patient_uid=episode.patient.uid,
        object_type="patients.episode",
        object_uid=episode.uid,
        detail={
            choice.subject: {
                "choice": str(choice.uid),
                "value": choice.value,
                "source": choice.source,
                "before": counted[Subject(choice.subject)],
                "after": counts[Subject(choice.subject)],
            }
            for choice in new
        },
    )
    for subject in Subject:
        if announces and counts[subject] != counted[subject]:
            choice_changed.send(sender=Choice, episode=episode, subject=subject)
    return new


def _value(choice: Choice | None) -> str:
    return choice.value if choice else ChoiceValue.NOT_COLLECTED.value
