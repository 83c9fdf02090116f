"""The care team of an episode (security 3.3; F-DPI-08, F-PV-10)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from patients.enums import EpisodeState, TeamSource
from patients.errors import TeamRefused
from patients.models import CareTeamMember, Episode


def team_member_add(
    *, episode: Episode, user: User, actor: Actor, source: TeamSource = TeamSource.MANUAL
) -> CareTeamMember:
    """Add a professional to the team; returns the member already there, if any.

    Raises:
        TeamRefused: the episode is cancelled, or the account is not in service.
    """
    if episode.state == EpisodeState.CANCELLED:
        raise TeamRefused("Cet épisode est annulé : son équipe ne change plus.")
    if not user.is_active:
        raise TeamRefused("Ce compte n'est pas en service.")
    with transaction.atomic():
        member, is_new = CareTeamMember.objects.get_or_create(
            episode=episode, user=user, until=None, defaults={"source": source}
        )
        if is_new:
            _trace(member, "team.add", actor)
    return member


def team_member_end(*, member: CareTeamMember, actor: Actor) -> CareTeamMember:
    """End the participation of a professional; the row stays."""
    with transaction.atomic():
        locked = CareTeamMember.objects.select_for_update(of=("self",)).get(pk=member.pk)
        if locked.until is None:
            locked.until = timezone.now()
            locked.save(update_fields=["until"])
            _trace(locked, "team.remove", actor)
    return locked


def _trace(member: CareTeamMember, kind: str, actor: Actor) -> None:
    trace_write(
        type=kind,
        action=Action.UPDATE,
        actor=actor,
        patient_uid=member.episode.patient.uid,
        object_type="patients.episode",
        object_uid=member.episode.uid,
        detail={"member": str(member.user.uid), "source": member.source},
    )
