"""Sending a validated document to somebody who was not among its recipients (F-PV-48; hl7v2 2.5).

A later sending needs no new version. The lines are those of the validation panel; whoever has an order
for this version already is shown with its state, to be sent again from the work list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from documents.models import Version
from dossier.panel import Asked, Recipient, mail_line
from dossier.recipients import Candidate, DirectoryGroup, candidates_of, fitted
from mssante.rules import address_key
from sending.models import Order
from sending.selectors import mail_orders_of
from sending.sizes import mail_size_of


@dataclass(frozen=True, slots=True)
class LatePage:
    """Inputs of dossier/sending_add.html; the names are those of documents/_recipients_search.html."""

    title: str
    about: str
    url: str
    cancel_url: str
    find_url: str
    directory_url: str
    recipients: Sequence[Recipient]
    search: str = ""
    found: Sequence[Candidate] | None = None
    directory: DirectoryGroup | None = None
    error: str = ""


def late_page(
    version: Version,
    user: User,
    *,
    asked: Asked | None = None,
    found: Sequence[Candidate] | None = None,
    directory: DirectoryGroup | None = None,
    error: str = "",
) -> LatePage:
    """The page as it opens, or as it comes back with what a search found or with an error."""
    asked = asked or Asked(recipients=())
    document = version.document
    return LatePage(
        title=f"Envoyer : {document.title}",
        about=f"Version {version.number}, {version.author_label}",
        url=reverse("dossier:sending_add", args=[version.uid]),
        cancel_url=f"{reverse('dossier:patient', args=[document.patient.uid])}?document={version.uid}",
        find_url=reverse("dossier:sending_add_find", args=[version.uid]),
        directory_url=late_directory_url(version, user),
        recipients=lines_of(version, asked),
        search=asked.search,
        found=found,
        directory=directory,
        error=error,
    )


def late_directory_url(version: Version, user: User) -> str:
    """Where the page searches the national directory; empty for who may not."""
    if not user.has_perm("mssante.directory"):
        return ""
    return reverse("dossier:sending_add_directory", args=[version.uid])


def lines_of(version: Version, asked: Asked) -> list[Recipient]:
    """Those proposed, none ticked before a person does, and those who have this version or wait for it."""
    served = {
        (order.channel, address_key(order.recipient_address)): order for order in mail_orders_of(version)
    }
    size = mail_size_of(version)
    lines = [_served(order) for order in served.values()]
    for candidate in candidates_of(version, asked=asked.recipients or ()):
        if _place(candidate) not in served:
            lines.append(mail_line(version, fitted(candidate, size), asked, timezone.now()))
    return lines


def _place(candidate: Candidate) -> tuple[str, str]:
    address = candidate.wish.address if candidate.wish else ""
    return candidate.channel.value, address_key(address) if address else ""


def _served(order: Order) -> Recipient:
    parts = (order.recipient_role, order.recipient_address, "à relancer depuis les envois s’il le faut")
    return Recipient(
        value="",
        who=order.recipient_label or order.recipient_address,
        detail=" · ".join(part for part in parts if part),
        channel=order.channel,
        checked=False,
        state=order.state,
        disabled=True,
    )


def done_words(orders: Sequence[Order]) -> str:
    """Who will receive it."""
    return (
        f"Envoi demandé : {', '.join(order.recipient_label or order.recipient_address for order in orders)}."
    )
