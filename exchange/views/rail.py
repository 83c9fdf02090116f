"""The rail of the exchange pages: lists of the journal, calls by service, partners."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from establishment.enums import NationalService
from exchange.enums import Transport
from exchange.models import TROUBLED_STATES, Partner
from exchange.selectors import UNANSWERED_STATES, journal_troubles, partners_of_journal
from exchange.tabs import tabs
from exchange.views.kept import VIEW
from national.selectors import calls_failed_by_service
from ui.components import Entry, Group

RAIL_LABEL: Final = "Listes des échanges"
RECENT: Final = timedelta(days=2)
"""What the counts of the rail look at, and what the lists show at first."""
SERVICE_ICONS: Final = {
    NationalService.INSI: "id-card",
    NationalService.DMP: "cloud",
    NationalService.MSSANTE: "mail",
    NationalService.ANNUAIRE: "book-user",
    NationalService.PSC: "smartphone",
}


def exchange_rail(user: User, *, current: str, now: datetime | None = None) -> list[Group]:
    """Groups of the rail; `current` is the address of the list shown, with its saved view."""
    since = (now or timezone.now()) - RECENT
    groups = []
    if user.has_perm("exchange.journal"):
        groups += [_journal(since, current), _national(since, current)]
    others = [
        Entry(
            tab.label,
            reverse(tab.view),
            tab.icon,
            current=current == reverse(tab.view),
            alarm=tab.failures(),
            alarm_noun="en échec",
        )
        for tab in tabs()
        if user.has_perm(tab.permission)
    ]
    if others:
        groups.append(Group("Plateforme d’intermédiation", others))
    if user.has_perm("exchange.journal"):
        groups.append(_partners(current))
    return groups


def saved_view(**values: str | list[str]) -> str:
    """Address of the journal narrowed for once, filters kept aside."""
    return f"{reverse('exchange:journal')}?{urlencode({VIEW: '1', **values}, doseq=True)}"


def service_view(service: str) -> str:
    """Address of the calls to one service."""
    return f"{reverse('exchange:calls')}?{urlencode({VIEW: '1', 'service': str(service)})}"


def _journal(since: datetime, current: str) -> Group:
    troubles = journal_troubles(since)
    failed = saved_view(etat=[state.value for state in TROUBLED_STATES])
    waiting = saved_view(etat=[state.value for state in UNANSWERED_STATES])
    every = reverse("exchange:journal")
    return Group(
        "Journal",
        [
            Entry("Messages HL7 v2", every, "arrows", current=current == every),
            Entry(
                "En erreur",
                failed,
                "octagon-alert",
                current=current == failed,
                alarm=troubles.failed,
                count=None if troubles.failed else 0,
            ),
            Entry(
                "Sans réponse", waiting, "hourglass", current=current == waiting, count=troubles.unanswered
            ),
        ],
    )


def _national(since: datetime, current: str) -> Group:
    failures = calls_failed_by_service(since)
    url = reverse("exchange:calls")
    entries = [Entry("Tous les appels", url, "list", current=current == url)]
    for service in NationalService:
        address = service_view(service)
        entries.append(
            Entry(
                service.label,
                address,
                SERVICE_ICONS[service],
                current=current == address,
                alarm=failures.get(service.value, 0),
            )
        )
    return Group("Services nationaux", entries)


def _partners(current: str) -> Group:
    return Group("Partenaires", [_partner(partner, current) for partner in partners_of_journal()])


def _partner(partner: Partner, current: str) -> Entry:
    address = saved_view(partenaire=partner.code)
    icon = "layout" if partner.transport == Transport.INTEGRATED else "server"
    return Entry(partner.name, address, icon, current=current == address)
