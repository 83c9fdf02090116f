"""Who a letter may be mailed to: by default, because they had it before, or found in the address book.

Sources: requirements F-DPI-09 (default recipients of a discharge letter), SC.MSS/UX.05.BIS (former
recipients), F-PV-48 (one decision for each recipient); mssante 1.6 (the patient's own address).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Prefetch
from django.utils import timezone

from audit.context import Actor
from documents.models import Version
from documents.wishes import RecipientWish
from mssante.criteria import queries_of
from mssante.models import Correspondent, CorrespondentAddress, DirectoryEntry
from mssante.rules import address_key, is_lost
from mssante.selectors import (
    address_of,
    correspondents_by_rpps,
    correspondents_search,
    entry_by_uid,
    reply_mailbox,
)
from mssante.services import DirectoryFound, directory_pick, directory_search
from patients.enums import Sex
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason
from sending.facts import facts_of
from sending.models import Order
from sending.selectors import (
    closes_reply,
    former_recipients,
    mail_is_carried,
    patient_bounce,
    planned_recipients,
)
from sending.services import wish_of
from sending.sizes import size_refusal
from ui.french import care_date

PATIENT_KEY = "patient"
_PROFESSIONAL, _FORMER, _DIRECTORY = "pro", "ordre", "annuaire"
ATTENDING, REFERRING = "Médecin traitant", "Adresseur"
MAX_FOUND = 20
"""People of the directory that the panel shows: beyond, the page of the directory is the place."""
UNKNOWN_ADDRESS = "adresse MSSanté inconnue"
TOO_BIG = "trop volumineux pour la messagerie"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible recipient. `key` is what its checkbox sends; `wish` is None when nothing can be mailed.

    `is_default` ticks it at first; `unserved` says, in words, why paper is what is left.
    """

    key: str
    who: str
    detail: str
    wish: RecipientWish | None = None
    is_default: bool = True
    unserved: str = ""

    @property
    def channel(self) -> Channel:
        return Channel.MSSANTE_PATIENT if self.key == PATIENT_KEY else Channel.MSSANTE_PRO


def candidates_of(version: Version, *, asked: Collection[str] = ()) -> list[Candidate]:
    """Who is proposed for a version: former recipients, those of its type, and those `asked` by key.

    Each address once; nobody when no PFI carries MSSanté here.
    """
    if not mail_is_carried():
        return []
    known: dict[str, Candidate] = {}
    for candidate in (*_former(version), *_by_default(version), *_asked(asked)):
        wish = candidate.wish
        name = address_key(wish.address) if wish and wish.address else candidate.key
        known.setdefault(name, candidate)
    if PATIENT_KEY in known:
        known[PATIENT_KEY] = _after_bounce(version, known[PATIENT_KEY])
    return sorted(known.values(), key=lambda one: one.channel == Channel.MSSANTE_PATIENT)


def fitted(candidate: Candidate, size: int) -> Candidate:
    """The same, or nobody to mail to when a mail of `size` bytes is too big (MSS/va1.13)."""
    refusal = size_refusal(size, candidate.channel) if candidate.wish else ""
    if not refusal:
        return candidate
    return replace(candidate, detail=refusal, wish=None, is_default=False, unserved=TOO_BIG)


def wishes_of(version: Version, keys: Collection[str], *, may_reply: bool) -> tuple[RecipientWish, ...]:
    """The recipients that were ticked. A key that names nobody is a forged one: it sends nothing."""
    ticked = [one for one in candidates_of(version, asked=keys) if one.key in keys and one.wish]
    may_reply = may_reply and reply_mailbox(version.document.unit_id) is not None
    return tuple(
        replace(one.wish, closes_reply=not may_reply) if one.wish.is_patient else one.wish
        for one in ticked
        if one.wish is not None
    )


def found_in_the_book(text: str, *, beside: Collection[str] = ()) -> list[Candidate]:
    """Addresses of the address book that answer a search, one line for each; `beside` are shown already."""
    found = (
        _of_correspondent(correspondent, address, "")
        for correspondent in correspondents_search(text)
        for address in correspondent.addresses.all()
    )
    return [candidate for candidate in found if candidate.key not in beside]


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """What the national directory answered; `without` are people who have no address there."""

    candidates: Sequence[Candidate]
    without: Sequence[Candidate] = ()
    trouble: str = ""
    is_cut: bool = False


def found_in_the_directory(text: str, *, actor: Actor, beside: Collection[str] = ()) -> DirectoryGroup:
    """People and structures of the national directory that answer a text: an RPPS, an address, a name.

    `beside` are addresses shown already. The first way of reading the text that finds somebody is kept.
    """
    found = DirectoryFound(())
    for query in queries_of(text):
        found = directory_search(query, actor=actor)
        if found.entries or found.trouble:
            break
    entries = [entry for entry in found.entries[:MAX_FOUND] if entry.address not in beside]
    return DirectoryGroup(
        [_of_entry(entry) for entry in entries if entry.address],
        [_of_entry(entry) for entry in entries if not entry.address],
        found.trouble,
        found.is_cut or len(found.entries) > MAX_FOUND,
    )


def directory_keep(keys: Collection[str], *, actor: Actor) -> None:
    """Put those of the keys that were picked in the directory into the address book."""
    for key in keys:
        entry = _entry_of(key)
        if entry is not None and entry.address:
            directory_pick(entry=entry, actor=actor)


def picked_by_hand(version: Version, keys: Collection[str]) -> list[Candidate]:
    """Those of the keys that no rule proposes: what a person found and ticked."""
    proposed = {one.key for one in candidates_of(version)}
    return [one for one in _asked(keys) if one.key not in proposed]


def gate_reason(version: Version, channel: Channel) -> rules.Gate:
    """Whether a mail of this channel could leave now."""
    action = OrderAction.REPLACE if version.number > 1 else OrderAction.INITIAL
    return rules.gate_of(facts_of(version, channel=channel, action=action))


def _former(version: Version) -> list[Candidate]:
    """Who had a version, ticked; who was to have it, ticked unless the mail came back."""
    if version.number == 1:
        return []
    set_id = version.document.set_id
    reached = [
        _of_order(order, f"A reçu la version {order.version.number}", is_default=True)
        for order in former_recipients(set_id)
    ]
    planned = [
        _of_order(
            order,
            f"Échec de la version {order.version.number} : {order.error_text or order.error_code}"
            if order.error_code
            else f"Prévu pour la version {order.version.number}",
            is_default=not order.error_code,
        )
        for order in planned_recipients(set_id)
    ]
    return [*reached, *planned]


def _of_order(order: Order, detail: str, *, is_default: bool) -> Candidate:
    wish = wish_of(order)
    if wish.is_patient:
        return replace(_patient_words(order.version), detail=detail, wish=wish)
    parts = (order.recipient_role, detail)
    return Candidate(
        key=f"{_FORMER}:{order.uid}",
        who=wish.label or wish.address,
        detail=" · ".join(part for part in parts if part),
        wish=wish,
        is_default=is_default,
    )


def _by_default(version: Version) -> list[Candidate]:
    """Médecin traitant, adresseur, the patient (F-DPI-09; L. 1111-15 CSP)."""
    patient, episode = version.document.patient, version.document.episode
    roles = [(patient.attending_doctor_rpps, patient.attending_doctor_name, ATTENDING)]
    if episode is not None:
        roles.append((episode.referring_rpps, episode.referring_name, REFERRING))
    book = correspondents_by_rpps([rpps for rpps, _, _ in roles])
    found: dict[str, Candidate] = {}
    for rpps, name, role in roles:
        if not (rpps or name):
            continue
        candidate = _of_role(book.get(rpps), rpps, name, role)
        same = found.get(rpps or name)
        found[rpps or name] = _both_roles(same, role) if same else candidate
    return [*found.values(), _patient(version)]


def _both_roles(candidate: Candidate, role: str) -> Candidate:
    """One line for who is médecin traitant and adresseur: one mail."""
    wish = replace(candidate.wish, role=f"{candidate.wish.role}, {role.lower()}") if candidate.wish else None
    first, _, rest = candidate.detail.partition(" · ")
    detail = " · ".join(part for part in (f"{first}, {role.lower()}", rest) if part)
    return replace(candidate, wish=wish, detail=detail)


def _of_role(correspondent: Correspondent | None, rpps: str, name: str, role: str) -> Candidate:
    address = address_of(correspondent) if correspondent else None
    if correspondent is not None and address is not None:
        return _of_correspondent(correspondent, address, role)
    who = f"Dr {name}" if name else f"RPPS {rpps}"
    detail = f"{role} · {UNKNOWN_ADDRESS}"
    return Candidate(key="", who=who, detail=detail, is_default=False, unserved=UNKNOWN_ADDRESS)


def _of_correspondent(correspondent: Correspondent, address: CorrespondentAddress, role: str) -> Candidate:
    place = address.label or correspondent.structure or correspondent.city or correspondent.specialty
    refuses = "préfère le papier" if correspondent.accepts_dematerialised is False else ""
    if is_lost(address.missed_checks):
        refuses = "adresse absente de l’Annuaire santé"
    detail = (role, place) if role else (place, address.address)
    return Candidate(
        key=f"{_PROFESSIONAL}:{correspondent.uid}:{address.address}",
        who=correspondent.name,
        detail=" · ".join(part for part in (*detail, refuses) if part),
        wish=RecipientWish(
            address=address.address,
            label=correspondent.name,
            role=role,
            rpps=correspondent.rpps,
            finess=correspondent.finess,
            family_name=correspondent.family_name,
            given_name=correspondent.given_name,
        ),
    )


def _patient(version: Version) -> Candidate:
    candidate = _patient_words(version)
    if version.document.patient.died_at is not None:
        return replace(candidate, detail="Décès connu", is_default=False)
    gate = gate_reason(version, Channel.MSSANTE_PATIENT)
    blocked = {OrderReason.OPPOSITION_MES: "refuse les messages"}.get(OrderReason(gate.reason), "")
    return replace(candidate, is_default=not blocked, unserved=blocked)


def _after_bounce(version: Version, candidate: Candidate) -> Candidate:
    """The patient whose last message came back: unticked, said with its date, paper instead (mssante 1.10).

    Nothing is forbidden: a mailbox that was closed may have been opened since.
    """
    if candidate.unserved or version.document.patient.died_at is not None:
        return candidate
    bounce = patient_bounce(version.document.patient)
    if bounce is None:
        return candidate
    day = care_date(timezone.localdate(bounce.at))
    told = f"Le message du {day} n’a pas pu être remis"
    detail = f"{told} ({bounce.why})" if bounce.why else told
    return replace(candidate, detail=detail, is_default=False, unserved=f"message non remis le {day}")


def _patient_words(version: Version) -> Candidate:
    has_reader = reply_mailbox(version.document.unit_id) is not None
    is_closed = closes_reply(version.document) or not has_reader
    who = "Patiente" if version.document.patient.sex == Sex.FEMALE else "Patient"
    return Candidate(
        key=PATIENT_KEY,
        who=who,
        detail="Fil fermé à la réponse" if is_closed else "Peut répondre",
        wish=RecipientWish(is_patient=True, label=who, role="Mon espace santé", closes_reply=is_closed),
    )


def _asked(keys: Collection[str]) -> list[Candidate]:
    """Who was picked by hand, in the order of the form."""
    return [found for key in keys for found in _by_key(key)]


def _of_entry(entry: DirectoryEntry) -> Candidate:
    place = entry.label or entry.structure or entry.city
    refuses = "préfère le papier" if entry.dematerialised is False else ""
    parts = (entry.specialty or entry.profession, place, entry.address, refuses)
    return Candidate(
        key=f"{_DIRECTORY}:{entry.uid}" if entry.address else "",
        who=entry.name,
        detail=" · ".join(part for part in parts if part),
        wish=RecipientWish(
            address=entry.address,
            label=entry.name,
            rpps=entry.rpps,
            finess=entry.finess,
            family_name=entry.family,
            given_name=entry.given,
        )
        if entry.address
        else None,
        unserved="" if entry.address else UNKNOWN_ADDRESS,
    )


def _entry_of(key: str) -> DirectoryEntry | None:
    """The entry that a key names; None for another kind of key, or a forged one."""
    kind, _, uid = key.partition(":")
    if kind != _DIRECTORY:
        return None
    try:
        return entry_by_uid(UUID(uid))
    except ValueError:
        return None


def _by_key(key: str) -> Iterable[Candidate]:
    entry = _entry_of(key)
    if entry is not None:
        return [_of_entry(entry)] if entry.address else []
    kind, _, rest = key.partition(":")
    if kind != _PROFESSIONAL:
        return []
    uid, _, address = rest.partition(":")
    try:
        wanted = UUID(uid)
    except ValueError:
        return []
    in_use = CorrespondentAddress.objects.filter(address__iexact=address_key(address), is_active=True)
    correspondents = Correspondent.objects.filter(uid=wanted).prefetch_related(
        Prefetch("addresses", queryset=in_use)
    )
    return [
        _of_correspondent(correspondent, found, "")
        for correspondent in correspondents
        for found in correspondent.addresses.all()
    ]
