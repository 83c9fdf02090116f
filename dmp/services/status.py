"""Existence of the DMP and authorisation of the professional, at the opening of a record (dmp 6.2).

SC.DMP/UX.12, CONF.16: checked together, positioned by itself when missing, shown and never retried when
the patient refuses.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from audit.context import current_origin
from dmp.asking import asking
from dmp.consultation import Consultation
from dmp.enums import AccessState
from dmp.line import BUSY, Line
from dmp.models import DmpStatus, RemoteDocument
from dmp.rules.access import needs_authorisation, state_of
from dmp.selectors import status_is_fresh, status_known
from interop.xds import codes
from national.dmp.ports import DmpState, Existence
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain
from patients.models import Patient

logger = logging.getLogger(__name__)

QUESTION: Final = "status"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the icon says. `at` dates a failure, or the last answer known when the DMP fails now."""

    state: AccessState
    at: datetime
    last_state: AccessState | None = None
    last_at: datetime | None = None
    closed_on: str = ""
    sentence: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == AccessState.OPEN


def status_refresh(consultation: Consultation, *, now: datetime, line: Line | None = None) -> Checked:
    """What the DMP says of this patient to this user: from the cache while fresh, else TD0.2.

    Without a valid authorisation, TD0.3 then TD0.2 again, with no action of the user (CONF.16). `checking`
    tells to come again in a moment: another page of this user is asking, or every place is taken.
    """
    known = status_known(consultation)
    if known is not None and known.checked_at is not None and status_is_fresh(known, now=now):
        return Checked(AccessState(known.state), known.checked_at, closed_on=known.closed_on)
    with asking(consultation, QUESTION) as is_first:
        if not is_first:
            return Checked(AccessState.CHECKING, now)
        return _checked(consultation, known, line or Line(consultation), now=now)


def _checked(consultation: Consultation, known: DmpStatus | None, line: Line, *, now: datetime) -> Checked:
    try:
        existence, asked = _asked(line, known, now=now)
    except NationalServiceError as error:
        if error.code == BUSY:
            return Checked(AccessState.CHECKING, now)
        return _failed(consultation, known, error, now=now)
    return _kept(consultation, known, existence, asked, now=now)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whether TD0.3 was sent, and refused."""

    sent: bool = False
    refused: bool = False


def _asked(line: Line, known: DmpStatus | None, *, now: datetime) -> tuple[Existence, _Asked]:
    existence = line.existence()
    if not needs_authorisation(
        existence,
        refused_at=known.refused_at if known else None,
        asked_at=known.asked_at if known else None,
        now=now,
    ):
        return existence, _Asked()
    try:
        line.authorise()
    except Uncertain:
        pass  # TD0.2 tells what became of it
    except Rejected as error:
        if error.kind is not RejectionKind.RIGHTS:
            raise
        return existence, _Asked(sent=True, refused=True)
    return line.existence(), _Asked(sent=True)


def _kept(
    consultation: Consultation, known: DmpStatus | None, existence: Existence, asked: _Asked, *, now: datetime
) -> Checked:
    state, closed_on = state_of(existence), existence.closed_on[:14]
    values = {
        "state": state,
        "closed_on": closed_on,
        "closing_reason": existence.closing_reason[:200],
        "checked_at": now,
        "session": current_origin().session,
    }
    if asked.sent:
        values["asked_at"] = now
        values["refused_at"] = now if asked.refused else None
    if known is None or not DmpStatus.objects.filter(pk=known.pk).update(**values):
        DmpStatus.objects.update_or_create(
            patient=consultation.patient,
            user=consultation.user,
            structure=consultation.structure,
            defaults=values,
        )
    return Checked(state, now, closed_on=closed_on)


def _failed(
    consultation: Consultation, known: DmpStatus | None, error: NationalServiceError, *, now: datetime
) -> Checked:
    """A refusal says who is not allowed, that there is no DMP, or what the DMP said of the request.

    Anything else is a failure to try again: a refusal is never told as one (dmp 2.6).
    """
    if isinstance(error, Rejected):
        if error.kind is RejectionKind.RIGHTS:
            return Checked(AccessState.NOT_ALLOWED, now, sentence=error.message)
        if error.kind is RejectionKind.PATIENT:
            state = DmpState.CLOSED if error.code == codes.DMP_CLOSED else DmpState.NONE
            return Checked(AccessState(state.value), now, sentence=error.message)
        logger.warning("dmp.consultation.rejected", extra={"code": error.code, "kind": error.kind.value})
        return Checked(AccessState.REJECTED, now, sentence=error.message)
    last = known if known is not None and known.checked_at is not None else None
    return Checked(
        AccessState.UNAVAILABLE,
        now,
        last_state=AccessState(last.state) if last else None,
        last_at=last.checked_at if last else None,
        sentence=error.message,
    )


@transaction.atomic
def patient_forget(*, patient: Patient) -> None:
    """Nobody may consult this DMP as before: what was cached, and the metadata, go.

    After an opposition, or when the INS is no longer that of the patient. What each person saw stays in
    the traces.
    """
    DmpStatus.objects.filter(patient=patient).delete()
    RemoteDocument.objects.filter(patient=patient).delete()


def statuses_drop(*, patient: Patient) -> None:
    """The next opening asks the DMP again; T0 and what was seen stay."""
    DmpStatus.objects.filter(patient=patient).update(checked_at=None)
