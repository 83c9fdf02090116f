"""Deleting a document of the record: what will be asked of whom, and how it is listed then.

Sources: SC.DMP/CONF.03, SC.MSS/UX.05.BIS; workflows 3.8; hl7v2 3.5 (still viewable).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from accounts.models import User
from documents.enums import DeletionMotive, VersionState
from documents.models import Version
from documents.selectors import DocumentRow
from documents.services import READ_REMOVED
from documents.wishes import DeletionWishes
from dossier.document_list import ARRIVED_STATES, CHANNEL_WORDS
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order
from sending.selectors import reached, recipient_name, waiting_orders

MOTIVE_HINTS = {
    DeletionMotive.PATIENT_REQUEST: "Le patient ne veut plus de ce document.",
    DeletionMotive.WRONG_PATIENT: "Il concerne quelqu’un d’autre.",
    DeletionMotive.WRONG_DOCUMENT: "Il ne devait pas être écrit ainsi, et aucune correction ne suivra.",
    DeletionMotive.DEFINITIVE: "Il n’a plus lieu d’être, ici ni ailleurs.",
}
MAX_TICKED = 100


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the document and will be asked to delete it. `is_fixed`: no choice is left."""

    name: str
    who: str
    detail: str
    channel: str
    is_asked: bool = True
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Motive:
    """One reason to tick."""

    value: str
    label: str
    hint: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class DeletionPage:
    """Inputs of dossier/deletion.html."""

    title: str
    about: str
    motives: Sequence[Motive]
    holders: Sequence[Holder]
    notes: Sequence[str]
    url: str
    cancel_url: str
    error: str = ""


def motives_of(chosen: str) -> list[Motive]:
    return [
        Motive(motive.value, str(motive.label), MOTIVE_HINTS[motive], motive.value == chosen)
        for motive in DeletionMotive
    ]


def holders_of(version: Version, asked: Collection[str] | None = None) -> list[Holder]:
    """Who holds a version of the document, the DMP first; `asked` None: everybody is asked."""
    return [_holder(order, version, asked) for order in reached(version.document.set_id)]


def _holder(order: Order, version: Version, asked: Collection[str] | None) -> Holder:
    name = recipient_name(order)
    is_dmp = order.channel == Channel.DMP
    parts = (
        "Suppression du DMP" if is_dmp else order.recipient_role,
        order.recipient_address,
        f"a la version {order.version.number}" if order.version_id != version.pk else "",
    )
    return Holder(
        name=name,
        who="DMP · Mon espace santé" if is_dmp else order.recipient_label or order.recipient_address,
        detail=" · ".join(part for part in parts if part),
        channel=order.channel,
        is_asked=is_dmp or asked is None or name in asked,
        is_fixed=is_dmp,
    )


def notes_of(version: Version, holders: Sequence[Holder]) -> list[str]:
    """What else happens, in sentences."""
    waiting = waiting_orders(version.document.set_id)
    notes = []
    if not holders:
        notes.append("Ce document n’a quitté l’établissement pour personne : rien n’est demandé au dehors.")
    if waiting:
        words = sorted({CHANNEL_WORDS[Channel(order.channel)] for order in waiting})
        plural = "s" if len(waiting) > 1 else ""
        notes.append(f"{len(waiting)} envoi{plural} non parti{plural} ({', '.join(words)}) : annulé{plural}.")
    if version.document.versions.filter(state=VersionState.DRAFT).exists():
        notes.append("Le brouillon de la version suivante disparaît avec lui.")
    notes.append("Il reste lisible ici, marqué « Supprimé », pour qui peut supprimer un document.")
    return notes


def wishes_of_form(data: QueryDict, version: Version) -> DeletionWishes | None:
    """What the form asks; None without a reason that we know."""
    motive = data.get("motif", "")
    if motive not in DeletionMotive:
        return None
    asked = data.getlist("destinataire")[:MAX_TICKED]
    holders = holders_of(version, asked)
    spared = frozenset(holder.name for holder in holders if not holder.is_asked)
    return DeletionWishes(DeletionMotive(motive), spared)


def done_words(orders: Sequence[Order]) -> str:
    """What was asked, once it is."""
    asked = [
        "DMP" if order.channel == Channel.DMP else order.recipient_label or order.recipient_address
        for order in sorted(orders, key=lambda order: order.pk)
        if order.action == OrderAction.DELETE
    ]
    if not asked:
        return "Document supprimé. Il n’était parti chez personne."
    return f"Document supprimé. Suppression demandée : {', '.join(asked)}."


def is_ours_removed(row: DocumentRow) -> bool:
    """Whether a document was written here and is deleted."""
    return row.shown.state == VersionState.DELETED and row.document.is_produced


def may_list(row: DocumentRow, user: User) -> bool:
    """Whether the list of the record tells of a document: one of ours that is deleted, to few."""
    return not is_ours_removed(row) or user.has_perm(READ_REMOVED)


def is_deletion_over(row: DocumentRow, orders: Sequence[Order], shown: Version | None) -> bool:
    """Whether a deleted document of ours leaves the list: whoever held it has answered, nobody reads it."""
    if not is_ours_removed(row) or (shown is not None and shown.document_id == row.document.pk):
        return False
    over = (*ARRIVED_STATES, OrderState.CANCELLED)
    return all(order.state in over for order in orders if order.action == OrderAction.DELETE)
