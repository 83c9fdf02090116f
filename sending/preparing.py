"""What must be true before an order is decided: a version up to date, and its message written.

Done outside any transaction: a version may have to be printed again, which takes a while. Nothing
is decided here; `sending.worker.orders_decide` asks the rules again under lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import F

from audit.context import system_actor
from audit.errors import ApplicationError
from consent.selectors import choices_current_for
from documents.enums import VersionState
from documents.errors import IdentityChanged, IdentityClosed, VersionMoved
from documents.models import Version
from documents.rules import tells_same_person
from documents.services import version_rebuild, version_reissue
from documents.snapshot import patient_content
from sending import rules
from sending.enums import Channel, OrderAction
from sending.facts import facts_of
from sending.messages import message_of
from sending.models import Order, OrderEvent
from sending.services import order_fail

logger = logging.getLogger(__name__)

WORKER_ACTOR = system_actor("sending.worker")
# An order that was claimed so often without an end kills its worker: a person must look.
MAX_ATTEMPTS = 40


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order ready to be decided; `raw` is empty when it cannot leave as things stand."""

    order_id: int
    version_id: int
    identity_stamp: int
    raw: bytes = b""


def orders_prepare(orders: Sequence[Order]) -> Iterator[Prepared]:
    """Prepare claimed orders one by one. 2 queries, plus what a rebuilt version costs.

    An order whose message cannot be written fails with words; one whose identity or version moves
    at this very moment is given back for the next round.
    """
    versions = (
        Version.objects.select_related("document__patient", "document__episode", "author")
        .defer("body")
        .in_bulk([order.version_id for order in orders])
    )
    episodes = {version.document.episode_id for version in versions.values()}
    choices = choices_current_for({episode for episode in episodes if episode is not None})
    for order in orders:
        version = versions[order.version_id]
        gate = rules.gate_of(
            facts_of(
                version,
                channel=Channel(order.channel),
                action=OrderAction(order.action),
                choices=choices.get(version.document.episode_id or 0),
            )
        )
        ready = _prepared(order, version, is_open=gate.is_open)
        if ready is not None:
            yield ready


def _prepared(order: Order, version: Version, *, is_open: bool) -> Prepared | None:
    stamp = version.document.patient.identity_stamp
    is_deletion = order.action == OrderAction.DELETE
    if not is_open or (version.state != VersionState.CURRENT and not is_deletion):
        return Prepared(order.pk, version.pk, stamp)
    if order.attempts > MAX_ATTEMPTS:
        order_fail(
            order=order,
            code="worker_lost",
            text="La préparation de cet envoi s’est interrompue plusieurs fois.",
            kind="not_built",
        )
        return None
    try:
        if not is_deletion:
            version = _up_to_date(version)
            if version.pk != order.version_id:
                order.refresh_from_db(fields=["version", "action"])  # it follows what was reissued
        raw = message_of(version=version, orders=[order])
        return Prepared(order.pk, version.pk, version.document.patient.identity_stamp, raw)
    except (IdentityChanged, IdentityClosed, VersionMoved):
        _give_back(order)
    except ApplicationError as error:
        order_fail(order=order, code=error.code, text=error.message, kind="not_built")
    except Exception:  # one document that cannot be written must not hold back the others
        logger.exception("sending.order.defect", extra={"order": str(order.uid)})
        order_fail(
            order=order, code="defect", text="Le message n’a pas pu être préparé (défaut).", kind="not_built"
        )
    return None


def _up_to_date(version: Version) -> Version:
    """The version to send, rebuilt when the identity in its bytes is no longer that of the patient.

    Never left: rebuilt under the same id. Already out: reissued as a new version when the INS or a
    strict trait changed, and the waiting orders follow it (spec cda 2).
    """
    patient = version.document.patient
    if version.snapshot is None or version.identity_stamp == patient.identity_stamp:
        return version
    then, now = version.snapshot["patient"], patient_content(patient)
    if then | {"stamp": now["stamp"]} == now:
        return version
    if not has_left(version):
        return _reloaded(version_rebuild(version=version, actor=WORKER_ACTOR))
    if tells_same_person(then, now):
        return version
    return _reloaded(version_reissue(version=version, actor=WORKER_ACTOR))


def has_left(version: Version) -> bool:
    """Whether bytes of this version were ever given to anybody: they are never rebuilt then."""
    left = OrderEvent.objects.filter(order__version=version, to_state__in=rules.LEFT_STATES)
    return left.exists()


def _reloaded(version: Version) -> Version:
    return Version.objects.select_related("document__patient", "document__episode", "author").get(
        pk=version.pk
    )


def _give_back(order: Order) -> None:
    """Free a claimed order untouched, its attempt not counted."""
    Order.objects.filter(pk=order.pk, claimed_by=order.claimed_by).update(
        claimed_by="", claimed_until=None, attempts=F("attempts") - 1
    )
