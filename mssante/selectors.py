"""Reads of the mail room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, IntegerField, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from accounts.models import User
from accounts.selectors import units_of
from interop.ins.traits import comparable
from mssante.criteria import professions, specialties
from mssante.enums import AddressSource, IncomingState, MailState
from mssante.models import (
    Correspondent,
    CorrespondentAddress,
    DirectoryEntry,
    IncomingMail,
    Mailbox,
    OutgoingMail,
)
from mssante.rules import address_key
from national.annuaire.ports import MAX_ROWS, DirectoryQuery, DirectoryRow
from national.annuaire.rows import answers, begins

FOUND_AT_ONCE = 20
REVIEWED_STATES = (IncomingState.TO_REVIEW, IncomingState.REFUSED, IncomingState.SET_ASIDE)


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


def mailboxes_at(addresses: Iterable[str]) -> dict[str, Mailbox]:
    """The mailboxes of ours in service among these addresses, by address as compared, with their units.

    1 query.
    """
    wanted = {address_key(address) for address in addresses}
    found = Mailbox.objects.annotate(key=Lower("address")).filter(key__in=wanted, is_active=True)
    return {address_key(row.address): row for row in found.select_related("unit__site", "notify_unit__site")}


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


def entries_in_order(numbers: Sequence[int]) -> list[DirectoryEntry]:
    """Entries of the copy of the directory by their numbers, in that order; some may be gone."""
    found = DirectoryEntry.objects.in_bulk(numbers)
    return [found[number] for number in numbers if number in found]


def entry_by_uid(uid: UUID) -> DirectoryEntry | None:
    """An entry of the copy of the directory."""
    return DirectoryEntry.objects.filter(uid=uid).first()


def directory_copy(query: DirectoryQuery) -> list[DirectoryEntry]:
    """What the copy of the directory answers, those with an address first."""
    found = DirectoryEntry.objects.order_by("search_text", "id")
    exact = {
        "rpps": query.rpps,
        "finess": query.finess,
        "profession_code": query.profession,
        "specialty_code": query.specialty,
        "kind": query.kind,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value})
    for text in (query.family, query.given, query.structure, query.city):
        for word in comparable(text.strip("*")).split():
            found = found.filter(search_text__contains=word)
    if query.postal_code:
        found = found.filter(postal_code__startswith=query.postal_code)
    if query.address:
        found = found.filter(address__contains=query.address)
    kept = [entry for entry in found[:MAX_ROWS] if answers(query, _row(entry))]
    return sorted(kept, key=lambda entry: not entry.address)


def addresses_due_for_check(before: datetime, limit: int) -> list[CorrespondentAddress]:
    """Addresses in use that came from the directory and were not looked for there since, oldest first."""
    due = CorrespondentAddress.objects.filter(is_active=True, source=AddressSource.DIRECTORY)
    due = due.filter(Q(checked_at__isnull=True) | Q(checked_at__lt=before))
    return list(due.order_by(F("checked_at").asc(nulls_first=True), "id")[:limit])


def picked_addresses(entries: Collection[DirectoryEntry]) -> set[str]:
    """Addresses of the entries that the address book holds already. 1 query."""
    wanted = {entry.address for entry in entries if entry.address}
    known = CorrespondentAddress.objects.filter(address__in=wanted, is_active=True)
    return set(known.values_list("address", flat=True))


def _row(entry: DirectoryEntry) -> DirectoryRow:
    return DirectoryRow(**{name: getattr(entry, name) for name in DirectoryRow.__slots__})


def correspondents_answering(query: DirectoryQuery, limit: int) -> list[Correspondent]:
    """Correspondents of the address book, with an address in use, that answer the criteria. 2 queries.

    The book keeps the words of a profession, not its code: these criteria are compared with the words.
    """
    found = _with_addresses().filter(addresses__is_active=True).order_by("search_text", "id").distinct()
    for text in (query.family, query.given, query.structure, query.city):
        for word in comparable(text.strip("*")).split():
            found = found.filter(search_text__contains=word)
    exact = {"rpps": query.rpps, "finess": query.finess, "addresses__kind": query.kind}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if query.postal_code:
        found = found.filter(postal_code__startswith=query.postal_code)
    if query.address:
        found = found.filter(addresses__address__icontains=query.address)
    return [one for one in found[:limit] if _answers_words(one, query)]


def _answers_words(correspondent: Correspondent, query: DirectoryQuery) -> bool:
    work = (
        (correspondent.profession, professions().get(query.profession, "")),
        (correspondent.specialty, specialties().get(query.specialty, "")),
    )
    return (
        begins(correspondent.family_name, query.family)
        and begins(correspondent.given_name, query.given)
        and begins(correspondent.structure, query.structure)
        and begins(correspondent.city, query.city)
        and all(not wanted or comparable(value) == comparable(wanted) for value, wanted in work)
    )


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


def uids_known(*, mailbox: Mailbox, validity: int, uids: Sequence[int]) -> set[int]:
    """Which UIDs of a mailbox are those of mails that are kept, copies included."""
    rows = IncomingMail.objects.filter(
        Q(imap_uid__in=uids) | (Q(copies__overlap=uids) & ~Q(copies=[])),
        mailbox=mailbox,
        imap_validity=validity,
    )
    return {uid for first, copies in rows.values_list("imap_uid", "copies") for uid in (first, *copies)}


def incoming_mail_of(message_id: str) -> IncomingMail | None:
    """The mail received under this Message-ID, the last one when it came several times. 1 query."""
    if not message_id:
        return None
    found = IncomingMail.objects.filter(message_id=message_id).select_related("mailbox")
    return found.defer("raw").order_by("-id").first()


def _with_addresses() -> QuerySet[Correspondent]:
    in_use = CorrespondentAddress.objects.filter(is_active=True).order_by(
        "-is_preferred", "-verified_at", "id"
    )
    return Correspondent.objects.prefetch_related(Prefetch("addresses", queryset=in_use))


def mails_to_review(user: User, state: IncomingState) -> QuerySet[IncomingMail]:
    """Received mails in a state that concerns a person, newest first, without their bytes.

    Who follows the exchanges sees those of every mailbox; others, of the mailboxes of their units.
    """
    found = IncomingMail.objects.filter(state=state).select_related("mailbox__unit")
    if not user.has_perm("exchange.journal"):
        units = [unit.pk for unit in units_of(user)]
        found = found.filter(Q(mailbox__unit__in=units) | Q(mailbox__notify_unit__in=units))
    return found.defer("raw", "answer_raw").order_by("-id")


def mail_to_review(user: User, uid: UUID) -> IncomingMail | None:
    """One of those mails, whatever its state among the three; its bytes are read when asked for."""
    for state in REVIEWED_STATES:
        mail = mails_to_review(user, state).filter(uid=uid).first()
        if mail is not None:
            return mail
    return None


def mails_to_review_count() -> int:
    """Mails that wait for a person, in the whole hospital. 1 query on its index."""
    return IncomingMail.objects.filter(state=IncomingState.TO_REVIEW).count()
