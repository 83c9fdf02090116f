"""Claim and lease: how every row that waits is taken by one worker at a time.

House-style, section 7. A claim is one short transaction with `FOR UPDATE SKIP LOCKED`; the row
lock is never held during the work. A worker that dies leaves a lease that ends, and `attempts`,
counted before the work, stops a row that kills its worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

LEASE = timedelta(minutes=5)

_Row = TypeVar("_Row", bound="Leased")


class LeasedQuerySet(models.QuerySet[_Row]):
    def claimable(self) -> Self:
        """Rows whose time has come and that nobody holds."""
        now = timezone.now()
        return self.filter(
            Q(claimed_until__isnull=True) | Q(claimed_until__lt=now),
            Q(not_before__isnull=True) | Q(not_before__lte=now),
        )

    def claim(
        self,
        *,
        worker: str,
        limit: int,
        lease: timedelta = LEASE,
        without: Sequence[str] = (),
        **changes: Any,
    ) -> list[_Row]:
        """Take up to `limit` rows of this queryset for `worker` and count the attempt.

        `changes` are field values written by the same statement: a state that says "being done".
        `without` names heavy columns that the rows are given without; they are read when asked for.
        """
        with transaction.atomic():
            rows = list(
                self.claimable()
                .order_by("not_before", "id")
                .select_for_update(skip_locked=True, of=("self",))
                .defer(*without)[:limit]
            )
            if not rows:
                return []
            taken = changes | {"claimed_by": worker, "claimed_until": timezone.now() + lease}
            self.model._default_manager.filter(id__in=[row.pk for row in rows]).update(
                attempts=F("attempts") + 1, **taken
            )
            for row in rows:
                row.attempts += 1
                for name, value in taken.items():
                    setattr(row, name, value)
            return rows


class Leased(models.Model):
    """Columns of a row that waits for a worker."""

    not_before = models.DateTimeField("pas avant", null=True, blank=True)
    attempts = models.PositiveIntegerField("tentatives", default=0)
    claimed_by = models.CharField("pris par", max_length=120, blank=True)
    claimed_until = models.DateTimeField("pris jusqu'au", null=True, blank=True)

    class Meta:
        abstract = True

    def release(self) -> dict[str, Any]:
        """Field values that free the row, for the update that ends the work."""
        return {"claimed_by": "", "claimed_until": None}
