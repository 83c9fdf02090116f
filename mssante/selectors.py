"""Reads of the mail room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, IntegerField, Prefetch, Q, QuerySet, Value, When

from interop.ins.traits import comparable
from mssante.enums import MailState
from mssante.models import Correspondent, CorrespondentAddress, Mailbox, OutgoingMail
from mssante.rules import address_key

FOUND_AT_ONCE = 20


def sender_mailbox(finess: str = "") -> Mailbox | None:
    """The application mailbox that sends for a site (FINESS géographique), else for the whole hospital.

    None when the installation has none: nothing can be mailed.
    """
    senders = Mailbox.objects.filter(is_sender=True, is_active=True)
    return (
        senders.filter(Q(site__finess=finess) | Q(site__isnull=True))
        .annotate(
            rank=Case(When(site__finess=finess, then=Value(0)), default=Value(1), output_field=IntegerField())
        )
        .order_by("rank", "id")
        .first()
    )


def mailbox_at(address: str) -> Mailbox | None:
    """The mailbox of ours that has this address."""
    return Mailbox.objects.filter(address__iexact=address_key(address)).first()


def reply_mailbox(unit_id: int | None) -> Mailbox | None:
    """The mailbox that people of a unit read: what a patient may answer to (mssante 1.7)."""
    if unit_id is None:
        return None
    read_by_people = Mailbox.objects.filter(unit=unit_id, is_active=True, kind="ORG")
    return read_by_people.order_by("id").first()


def correspondents_by_rpps(numbers: Collection[str]) -> dict[str, Correspondent]:
    """Correspondents of these RPPS with their addresses in use, best first. 2 queries."""
    wanted = {number for number in numbers if number}
    if not wanted:
        return {}
    return {found.rpps: found for found in _with_addresses().filter(rpps__in=wanted)}


def correspondents_search(text: str, limit: int = FOUND_AT_ONCE) -> Sequence[Correspondent]:
    """Correspondents of the address book whose name, place, RPPS or address begin like every word given.

    Only those that have an address in use. 2 queries.
    """
    found = _with_addresses().filter(addresses__is_active=True)
    words = comparable(text).split()
    if not words:
        return []
    for word in words:
        found = found.filter(
            Q(search_text__startswith=word)
            | Q(search_text__contains=f" {word}")
            | Q(rpps=word)
            | Q(finess=word)
            | Q(addresses__address__istartswith=text.strip())
        )
    return list(found.distinct().order_by("search_text", "id")[:limit])


def address_of(correspondent: Correspondent) -> CorrespondentAddress | None:
    """The address to propose: the preferred one, else the one confirmed last."""
    return next(iter(correspondent.addresses.all()), None)


def thread_of(mail: OutgoingMail) -> list[str]:
    """Message-ID of the mails about the same document that this recipient got before, oldest first.

    One that failed was seen by nobody: nothing answers it.
    """
    former = OutgoingMail.objects.filter(
        lineage=mail.lineage, recipient_key=mail.recipient_key, pk__lt=mail.pk
    )
    return list(former.exclude(state=MailState.FAILED).order_by("id").values_list("message_id", flat=True))


def mail_of_report(*, envelope_id: str = "", message_id: str = "") -> OutgoingMail | None:
    """The mail that a report is about: by its envelope, else by its Message-ID (mssante 1.10)."""
    for field, value in (("envelope_id", envelope_id), ("message_id", message_id)):
        if value:
            found = OutgoingMail.objects.filter(**{field: value}).first()
            if found is not None:
                return found
    return None


def mail_of_recipient(address: str, *, at: datetime) -> OutgoingMail | None:
    """The mail that a report without identifiers must be about: the only one on its way to a recipient.

    None when several may be meant: a person must look (mssante 1.10).
    """
    since = at - timedelta(days=settings.MSS_DSN_TIMEOUT)
    on_the_way = OutgoingMail.objects.filter(
        recipient_key=address_key(address), state=MailState.SENT, sent_at__gte=since
    )
    found = list(on_the_way[:2])
    return found[0] if len(found) == 1 else None


def _with_addresses() -> QuerySet[Correspondent]:
    in_use = CorrespondentAddress.objects.filter(is_active=True).order_by(
        "-is_preferred", "-verified_at", "id"
    )
    return Correspondent.objects.prefetch_related(Prefetch("addresses", queryset=in_use))
