"""Reads of the sending room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from documents.enums import VersionState
from documents.models import Document, Version
from establishment.enums import Switch
from establishment.models import InstallationSwitch
from exchange.enums import Direction, Transport
from exchange.models import Message, Partner
from interop.hl7v2.codes import SMTP_ERROR_LABELS
from mssante.rules import address_key
from patients.models import Patient
from patients.selectors import relations_for
from sending.enums import Audience, Channel, OrderAction, OrderState
from sending.models import LATE_RECEPTION, MailText, Order, OrderEvent, ReplyRule
from sending.rules import LEFT_STATES, SMTP_TOO_BIG, WAITING_STATES

PAGE = 50
PFI_CODE = "pfi"
MAIL_CHANNELS = (Channel.MSSANTE_PRO, Channel.MSSANTE_PATIENT)
# What a person must look at first.
TROUBLE = (OrderState.FAILED,)
# Someone must act, the most pressing first (ui reference 6.12); the rest goes by date.
TO_TREAT = (OrderState.FAILED, OrderState.HELD, OrderState.WAITING_IDENTITY)
TO_FOLLOW = (
    OrderState.HELD,
    OrderState.SCHEDULED,
    OrderState.WAITING_IDENTITY,
    OrderState.BLOCKED,
    OrderState.SENDING,
    OrderState.HANDED_OVER,
)


_ARRIVALS = ("delivered", "read", "not_treated")
_BOUNCES = ("bounced", "late_bounced")


class WorkSort(StrEnum):
    """Orders of the work list; by default what a person must treat comes first (ui reference 6.12)."""

    TO_TREAT = "etat"
    DATE_DESC = "-date"
    DATE_ASC = "date"


@dataclass(frozen=True, slots=True)
class WorkFilters:
    """What the work list is narrowed to; empty means everything."""

    states: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    since: datetime | None = None
    text: str = ""
    patient: Patient | None = None
    sort: WorkSort = WorkSort.TO_TREAT


def work_list(user: User, filters: WorkFilters) -> QuerySet[Order]:
    """Orders that concern the user's units, or that the user wrote, in the order asked for."""
    orders = _visible_to(user, filters.patient).select_related(
        "version__document__patient", "version__document__unit", "version__author"
    )
    if filters.states:
        orders = orders.filter(state__in=filters.states)
    if filters.channels:
        orders = orders.filter(channel__in=filters.channels)
    if filters.units:
        orders = orders.filter(version__document__unit__code__in=filters.units)
    if filters.since:
        orders = orders.filter(version__validated_at__gte=filters.since)
    if filters.text:
        text = filters.text.strip()
        orders = orders.filter(
            Q(version__document__title__icontains=text)
            | Q(version__author_label__icontains=text)
            | Q(version__document__patient__search_birth_name__startswith=text.upper())
        )
    return orders.defer("version__body", "version__snapshot").order_by(*_ordering(filters.sort))


def order_to_show(uid: UUID) -> Order:
    """An order by its public identifier, with its document and patient; Order.DoesNotExist otherwise."""
    return (
        Order.objects.select_related("version__document__patient")
        .defer("version__body", "version__snapshot")
        .get(uid=uid)
    )


def orders_visible(user: User, uids: Collection[UUID]) -> list[Order]:
    """Those of the named orders that the user may act on: of the user's units, written by the user, or
    of a patient with whom the user has a care relation. 2 queries at most."""
    named = list(
        Order.objects.filter(uid__in=uids)
        .select_related("version__document__patient", "version__document__unit", "version__author")
        .defer("version__body", "version__snapshot")
    )
    if serves_every_unit(user):
        return named
    units = {unit.pk for unit in units_of(user)}
    near = [
        order
        for order in named
        if order.version.document.unit_id in units or order.version.author_id == user.pk
    ]
    if len(near) == len(named):
        return near
    followed = relations_for(user, {order.version.document.patient_id for order in named})
    return [order for order in named if order in near or order.version.document.patient_id in followed]


def failures_count(user: User) -> int:
    """How many orders failed in what concerns the user: the counter of the bar."""
    return _visible_to(user, None).filter(state__in=TROUBLE).count()


def counts_by_state(user: User) -> dict[str, int]:
    """Orders of each state, for the saved views. 1 query."""
    rows = _visible_to(user, None).values_list("state").annotate(count=Count("id"))
    return dict(rows.order_by())


def counts_for_patients(patient_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """For each patient, `drafts` left to validate and sendings in `failures`. 2 queries."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    drafts = (
        Version.objects.filter(document__patient__in=patient_ids, state=VersionState.DRAFT)
        .values_list("document__patient")
        .annotate(count=Count("id"))
        .order_by()
    )
    failures = (
        Order.objects.filter(version__document__patient__in=patient_ids, state__in=TROUBLE)
        .values_list("version__document__patient")
        .annotate(count=Count("id"))
        .order_by()
    )
    for name, rows in (("drafts", drafts), ("failures", failures)):
        for patient_id, count in rows:
            counts[patient_id][name] = count
    return counts


def orders_of_documents(document_ids: Sequence[int]) -> dict[int, list[Order]]:
    """Orders of documents, newest first, by document. 1 query."""
    found: dict[int, list[Order]] = defaultdict(list)
    orders = (
        Order.objects.filter(version__document_id__in=document_ids)
        .select_related("version")
        .defer("version__body", "version__snapshot")
        .order_by("-id")
    )
    for order in orders:
        found[order.version.document_id].append(order)
    return found


def planned_recipients(set_id: str) -> list[Order]:
    """For each recipient of a mail about a document that never left, or failed, the last such order.

    Proposed again when the next version is validated: it takes the place of the one they were to get.
    """
    mails = Order.objects.filter(
        lineage=set_id, channel__in=MAIL_CHANNELS, state__in=[*WAITING_STATES, OrderState.FAILED]
    ).exclude(action=OrderAction.DELETE)
    last: dict[tuple[str, str], Order] = {}
    for order in mails.select_related("version").defer("version__body", "version__snapshot").order_by("id"):
        last[order.channel, address_key(order.recipient_address)] = order
    return list(last.values())


def former_recipients(set_id: str) -> list[Order]:
    """For each recipient that a version of a document ever left for by mail, the last such order.

    What SC.MSS/UX.05.BIS means by the same recipients: a mail that failed reached nobody, one whose
    recipient the sender gave up is no longer wished.
    """
    mails = Order.objects.filter(lineage=set_id, channel__in=MAIL_CHANNELS, state__in=LEFT_STATES).exclude(
        action=OrderAction.DELETE
    )
    last: dict[tuple[str, str], Order] = {}
    for order in mails.select_related("version").defer("version__body", "version__snapshot").order_by("id"):
        last[order.channel, address_key(order.recipient_address)] = order
    return list(last.values())


def recipient_name(order: Order) -> str:
    """What names the recipient of an order among those of its document: its channel, and its address."""
    return f"{order.channel}:{address_key(order.recipient_address)}"


def reached(set_id: str) -> list[Order]:
    """Who holds a version of a document: the DMP, then each recipient of a mail; the last order of each.

    The DMP may hold what we had given up, when its answer came late. 2 queries.
    """
    late = OrderEvent.objects.filter(order=OuterRef("pk"), kind=LATE_RECEPTION)
    in_the_dmp = (
        Order.objects.filter(Q(state__in=LEFT_STATES) | Exists(late), lineage=set_id, channel=Channel.DMP)
        .exclude(action=OrderAction.DELETE)
        .select_related("version")
        .defer("version__body", "version__snapshot")
        .order_by("version__number", "id")
        .last()
    )
    return [*([in_the_dmp] if in_the_dmp else []), *former_recipients(set_id)]


def mail_orders_of(version: Version) -> list[Order]:
    """Orders to mail a version, whatever became of them, the oldest first. 1 query."""
    mails = Order.objects.filter(version=version, channel__in=MAIL_CHANNELS)
    return list(mails.exclude(action=OrderAction.DELETE).order_by("id"))


def waiting_orders(set_id: str) -> list[Order]:
    """Orders of a document that have not left, or failed: nobody holds what they carry. 1 query."""
    states = [*WAITING_STATES, OrderState.FAILED]
    return list(Order.objects.filter(lineage=set_id, state__in=states).order_by("id"))


def mail_is_carried() -> bool:
    """Whether a PFI carries MSSanté: ours when its switch is on (F-DPI-13), another says so. 1 query."""
    is_on = Exists(InstallationSwitch.objects.filter(code=Switch.PFI_MSS_OUT, is_on=True))
    return Partner.objects.filter(~Q(transport=Transport.INTEGRATED) | is_on, code=PFI_CODE).exists()


def mail_text(document: Document, *, audience: Audience, action: OrderAction) -> str:
    """The text of the hospital for a mail about a document; empty: our own words serve. 1 query."""
    rows = MailText.objects.filter(_concerns(document), audience=audience, action=action)
    return max(rows, key=_precision, default=MailText()).text


@dataclass(frozen=True, slots=True)
class Bounce:
    """The last message to a patient came back: when we learned it, and why in the words of the table."""

    at: datetime
    why: str


def patient_bounce(patient: Patient) -> Bounce | None:
    """The bounce of the last message that Mon espace santé told us of; None once a later one arrived.

    A mail that was too big, or that the operator could not take for a time, says nothing of the mailbox
    (mssante 1.10). 1 query.
    """
    outcomes = OrderEvent.objects.filter(
        order__channel=Channel.MSSANTE_PATIENT, order__version__document__patient=patient
    ).filter(
        Q(kind__in=_ARRIVALS)
        | (Q(kind__in=_BOUNCES, detail__startswith="5") & ~Q(detail__startswith=SMTP_TOO_BIG))
    )
    last = outcomes.order_by("-id").values_list("kind", "recorded_at", "detail").first()
    if last is None or last[0] in _ARRIVALS:
        return None
    code = last[2].partition(" ")[0]
    return Bounce(last[1], SMTP_ERROR_LABELS.get(code, ""))


def closes_reply(document: Document) -> bool:
    """Whether the patient may not answer, for this type in this unit (SC.MSS/CONF.24). 1 query."""
    rows = ReplyRule.objects.filter(_concerns(document))
    found = max(rows, key=_precision, default=None)
    return found.closes_reply if found else bool(settings.MSS_FIN_DEFAULT)


def _concerns(document: Document) -> Q:
    """Rows for this type and this unit, for either, or for all."""
    return Q(type_code__in=["", document.type_code]) & (Q(unit__isnull=True) | Q(unit=document.unit_id))


def _precision(row: MailText | ReplyRule) -> tuple[bool, bool]:
    return row.unit_id is not None, row.type_code != ""


def orders_of_message(control_id: str, *, channel: str, address: str | None = None) -> list[Order]:
    """Orders that a message of ours carried, by its MSH-10, even if they left again since.

    `address` names the recipient of a mail: one message carries several.
    """
    sent = {"direction": Direction.OUTGOING, "control_id": control_id}
    orders = Order.objects.filter(channel=channel).select_related("message", "version__document__patient")
    if address is not None:
        orders = orders.filter(recipient_address__iexact=address_key(address))
    found = list(orders.filter(message__in=Message.objects.filter(**sent)))
    if found:
        return found
    lineages = Message.objects.filter(**sent).values("lineage")
    former = orders.filter(lineage__in=lineages, events__kind="sending", events__detail=control_id)
    return list(former.distinct())


RELAUNCHED_HERE = (
    "Ce message porte un envoi\u202f: le relancer depuis la liste des envois, où les règles sont redemandées."
)
NO_LONGER_WANTED = (
    "Cet envoi n’est plus en échec dans le dossier\u202f: il a été relancé, annulé ou remplacé."
)


def objection_to_resend(message: Message) -> str:
    """Why a rejected message of ours is not sent again from the journal: its orders ask the rules anew."""
    if message.direction != Direction.OUTGOING:
        return ""
    sent = Q(events__kind="sending", events__detail=message.control_id, lineage=message.lineage)
    carried = Order.objects.filter(Q(message=message) | sent).exists()
    return RELAUNCHED_HERE if carried else ""


def objection_to_carry_again(control_id: str, *, channel: str) -> str:
    """Why the PFI does not try an order of ours again by hand: nobody waits for it in failure any more.

    An order that another software gave is not ours to judge.
    """
    states = {order.state for order in orders_of_message(control_id, channel=channel)}
    return NO_LONGER_WANTED if states and OrderState.FAILED not in states else ""


# Of the recipients of one channel, the state that a person should see first.
_PRESSING = (
    OrderState.FAILED,
    OrderState.HELD,
    OrderState.BLOCKED,
    OrderState.WAITING_IDENTITY,
    OrderState.SCHEDULED,
    OrderState.SENDING,
    OrderState.HANDED_OVER,
    OrderState.DELIVERED,
    OrderState.READ,
    OrderState.RECEIVED_DMP,
    OrderState.CANCELLED,
    OrderState.SUPERSEDED,
)


def latest_by_channel(orders: Sequence[Order]) -> dict[Channel, Order]:
    """The order to show for each channel, the DMP first.

    Of each recipient the newest that was not superseded, else the newest; of several recipients the
    one whose state is the most pressing. `orders` come newest first.
    """
    latest: dict[tuple[str, str], Order] = {}
    for order in orders:
        key = (order.channel, address_key(order.recipient_address))
        known = latest.get(key)
        if known is None or (known.state == OrderState.SUPERSEDED and order.state != OrderState.SUPERSEDED):
            latest[key] = order
    shown: dict[Channel, Order] = {}
    for order in latest.values():
        channel = Channel(order.channel)
        known = shown.get(channel)
        if known is None or _pressing(order) < _pressing(known):
            shown[channel] = order
    return {channel: shown[channel] for channel in Channel if channel in shown}


def _pressing(order: Order) -> int:
    return _PRESSING.index(OrderState(order.state))


def _ordering(sort: WorkSort) -> list[Case | str]:
    if sort == WorkSort.DATE_ASC:
        return ["version__validated_at", "id"]
    by_date: list[Case | str] = ["-version__validated_at", "-id"]
    if sort == WorkSort.DATE_DESC:
        return by_date
    ranks = [When(state=state, then=Value(rank)) for rank, state in enumerate(TO_TREAT)]
    return [Case(*ranks, default=Value(len(TO_TREAT))), *by_date]


def _visible_to(user: User, patient: Patient | None) -> QuerySet[Order]:
    orders = Order.objects.all()
    if patient is not None:
        return orders.filter(version__document__patient=patient)
    if serves_every_unit(user):
        return orders
    return orders.filter(Q(version__document__unit__in=units_of(user)) | Q(version__author=user))
