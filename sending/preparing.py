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
from documents.enums import VersionState
from documents.errors import IdentityChanged, IdentityClosed, VersionMoved
from documents.models import Version
from documents.rules import tells_same_person
from documents.services import version_rebuild, version_reissue
from documents.snapshot import patient_content
from sending import rules
from sending.enums import Channel, OrderAction
from sending.facts import facts_of, known_for
from sending.messages import message_of
from sending.models import Order, OrderEvent
from sending.services import order_fail

logger = logging.getLogger(__name__)

WORKER_ACTOR = system_actor("sending.worker")
# An order that was claimed so often without an end kills its worker: a person must look.
MAX_ATTEMPTS = 40


@dataclass(frozen=True, slots=True)
class Prepared:
    """Orders of one version and one action, ready to be decided together (README decision 8).

    `raw` is the one message that carries all of them; empty when they cannot leave as things stand.
    """

    order_ids: tuple[int, ...]
    version_id: int
    identity_stamp: int
    raw: bytes = b""


def orders_prepare(orders: Sequence[Order]) -> Iterator[Prepared]:
    """Prepare claimed orders, those of one message together. 3 queries, plus what a rebuilt version costs.

    An order whose message cannot be written fails with words; one whose identity or version moves
    at this very moment is given back for the next round.
    """
    versions = (
        Version.objects.select_related("document__patient", "document__episode", "author")
        .defer("body")
        .in_bulk([order.version_id for order in orders])
    )
    known = known_for(versions.values(), {order.channel for order in orders})
    groups: dict[tuple[int, str, int], list[Order]] = {}
    for order in orders:
        version = versions[order.version_id]
        gate = rules.gate_of(
            facts_of(version, channel=Channel(order.channel), action=OrderAction(order.action), known=known)
        )
        is_deletion = order.action == OrderAction.DELETE
        if gate.is_open and (version.state == VersionState.CURRENT or is_deletion):
            alone = order.pk if order.is_alone else 0
            groups.setdefault((version.pk, order.action, alone), []).append(order)
        else:
            yield Prepared((order.pk,), version.pk, version.document.patient.identity_stamp)
    for (version_id, _, _), together in groups.items():
        ready = _prepared(together, versions[version_id])
        if ready is not None:
            yield ready


def _prepared(orders: Sequence[Order], version: Version) -> Prepared | None:
    if any(order.attempts > MAX_ATTEMPTS for order in orders):
        _fail(orders, "worker_lost", "La préparation de cet envoi s’est interrompue plusieurs fois.")
        return None
    try:
        if orders[0].action != OrderAction.DELETE:
            version = _up_to_date(version)
            if version.pk != orders[0].version_id:
                for order in orders:  # they follow what was reissued
                    order.refresh_from_db(fields=["version", "action"])
        raw = message_of(version=version, orders=orders)
        stamp = version.document.patient.identity_stamp
        return Prepared(tuple(order.pk for order in orders), version.pk, stamp, raw)
    except (IdentityChanged, IdentityClosed, VersionMoved):
        _give_back(orders)
    except ApplicationError as error:
        _fail(orders, error.code, error.message)
    except Exception:  # one document that cannot be written must not hold back the others
        logger.exception("sending.order.defect", extra={"orders": [str(order.uid) for order in orders]})
        _fail(orders, "defect", "Le message n’a pas pu être préparé (défaut).")
    return None


def _fail(orders: Sequence[Order], code: str, text: str) -> None:
    for order in orders:
        order_fail(order=order, code=code, text=text, kind="not_built")


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


def _give_back(orders: Sequence[Order]) -> None:
    """Free claimed orders untouched, their attempt not counted."""
    held = Order.objects.filter(pk__in=[order.pk for order in orders], claimed_by=orders[0].claimed_by)
    held.update(claimed_by="", claimed_until=None, attempts=F("attempts") - 1)
