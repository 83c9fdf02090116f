"""Reads of the jobs of the intermediation, without identity nor content (permission pfi.jobs)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from pfi.enums import REPLAYED_EVENT, JobChannel, JobState
from pfi.models import Job, JobEvent

PAGE: Final = 50
COUNTED: Final = 10_000
UNFINISHED: Final = (JobState.PENDING, JobState.RUNNING, JobState.RETRYING)
LATELY: Final = timedelta(hours=24)
"""The period of the rates: what ended since is counted."""


@dataclass(frozen=True, slots=True)
class JobFilters:
    """What the list is narrowed to; empty means all. `text` is a document's identifier, or a code."""

    since: datetime | None = None
    channels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.channels or self.states or self.text)


def jobs(filters: JobFilters) -> QuerySet[Job]:
    """Jobs, newest first; the bytes of their messages are left out."""
    found = Job.objects.select_related("message__partner").defer("message__raw", "message__ack")
    if filters.since is not None:
        found = found.filter(created_at__gte=filters.since)
    if filters.channels:
        found = found.filter(channel__in=filters.channels)
    if filters.states:
        found = found.filter(state__in=filters.states)
    if filters.text:
        found = found.filter(
            Q(document_unique_id=filters.text)
            | Q(lineage=filters.text)
            | Q(error_code__istartswith=filters.text)
            | Q(message__control_id=filters.text)
        )
    return found.order_by("-id")


def jobs_count(filters: JobFilters) -> int:
    """How many jobs the filters keep, counted up to `COUNTED` + 1. 1 query."""
    return jobs(filters).order_by()[: COUNTED + 1].count()


def job_by_uid(uid: UUID) -> Job | None:
    """One job with its message, without its bytes."""
    found = Job.objects.select_related("message__partner").defer("message__raw", "message__ack")
    return found.filter(uid=uid).first()


def events_of(job: Job) -> Sequence[JobEvent]:
    """What happened to a job, oldest first."""
    return list(job.events.all())


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """The flow of one channel (F-PFI-20). `waiting_since` is the oldest order not yet carried.

    `done` and `failed` count what ended in the last 24 hours.
    """

    channel: JobChannel
    waiting: int
    waiting_since: datetime | None
    done: int
    failed: int
    last_success: datetime | None

    @property
    def error_rate(self) -> float | None:
        """Failures among what ended lately, in per cent; None when nothing did."""
        ended = self.done + self.failed
        return 100 * self.failed / ended if ended else None


def channel_figures(now: datetime) -> list[ChannelFigures]:
    """The flow of each channel that ever carried something. 5 queries on partial indexes."""
    waiting: dict[str, dict[str, Any]] = {
        row["channel"]: dict(row)
        for row in Job.objects.filter(state__in=UNFINISHED)
        .values("channel")
        .annotate(count=Count("id"), since=Min("created_at"))
        .order_by()
    }
    ended: dict[str, dict[str, Any]] = {
        row["channel"]: dict(row)
        for row in Job.objects.filter(done_at__gte=now - LATELY)
        .values("channel")
        .annotate(
            done=Count("id", filter=Q(state=JobState.DONE)),
            failed=Count("id", filter=Q(state=JobState.FAILED)),
        )
        .order_by()
    }
    last = {channel: _last_success(channel) for channel in JobChannel}
    return [
        _figures(channel, waiting.get(channel, {}), ended.get(channel, {}), last[channel])
        for channel in JobChannel
        if channel in waiting or channel in ended or last[channel]
    ]


def _figures(
    channel: JobChannel, waiting: dict[str, Any], ended: dict[str, Any], last: datetime | None
) -> ChannelFigures:
    return ChannelFigures(
        channel,
        waiting.get("count", 0),
        waiting.get("since"),
        ended.get("done", 0),
        ended.get("failed", 0),
        last,
    )


def _last_success(channel: JobChannel) -> datetime | None:
    done = Job.objects.filter(channel=channel, state=JobState.DONE, done_at__isnull=False)
    return done.order_by("-done_at").values_list("done_at", flat=True).first()


def failures_count() -> int:
    """Jobs that ended in failure in the last 24 hours and that nobody replayed since. 1 query."""
    recent = Job.objects.filter(state=JobState.FAILED, done_at__gte=timezone.now() - LATELY)
    return recent.order_by()[: COUNTED + 1].count()


def has_later_job(job: Job) -> bool:
    """Whether the same document has a later job that left or will leave on the same channel."""
    ended = (JobState.FAILED, JobState.CANCELLED)
    same = Q(lineage=job.lineage) | Q(replaced_unique_id=job.document_unique_id)
    newer = Job.objects.filter(same, channel=job.channel, id__gt=job.pk)
    return newer.exclude(state__in=ended).exists()


def tried_again_at(job: Job) -> datetime | None:
    """When this other try of a document began: ordered a second time, or replayed; None for a first try.

    2 queries.
    """
    replayed = job.events.filter(kind=REPLAYED_EVENT).aggregate(at=Max("at"))["at"]
    if replayed is not None:
        return cast(datetime, replayed)
    former = Job.objects.filter(document_unique_id=job.document_unique_id, channel=job.channel, pk__lt=job.pk)
    return job.created_at if former.exists() else None
