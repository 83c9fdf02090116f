"""The rail of the indicators, and the choices above the figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from accounts.models import User
from establishment.models import Site, Unit
from stats.enums import Chapter
from stats.rules.figures import ALL, UNKNOWN_FINESS
from stats.rules.months import Month, Period, month_of_day, month_read
from stats.selectors.board import Board, Snapshot, snapshot_shown
from ui.components import Entry, Group
from ui.french import month_words

RAIL_LABEL: Final = "Pages des indicateurs"
SITE, MONTH, SERVICE, AGAIN = "finess", "mois", "service", "actualiser"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a chapter: its address, its word in the rail, its title, its chapter."""

    slug: str
    word: str
    title: str
    icon: str
    chapter: Chapter


PAGES: Final = (
    Page("alimentation", "Alimentation DMP", "Alimentation du DMP", "upload", Chapter.ALI),
    Page("consultation", "Consultation DMP", "Consultation du DMP", "cloud", Chapter.CON),
    Page("mssante", "MSSanté pros", "Envois MSSanté aux professionnels", "mail", Chapter.MSSPRO),
    Page("mon-espace-sante", "MSS citoyenne", "Envois MSSanté aux patients", "message", Chapter.MSSPAT),
    Page("reception", "Réception MSSanté", "Documents reçus par MSSanté", "inbox", Chapter.MSSREC),
    Page("information", "Information", "Information du patient", "user-check", Chapter.INFO),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One menu of links above the figures: what is chosen, and each other choice."""

    label: str
    chosen: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, made of things that exist."""

    board: Board
    choices: list[Choice]
    query: str

    @property
    def at(self) -> datetime:
        return self.board.snapshot.at

    def address(self, name: str, *arguments: str) -> str:
        """Another page with the same choices."""
        return f"{reverse(name, args=arguments)}{f'?{self.query}' if self.query else ''}"


def indicator_rail(user: User, asked: Asked, *, current: str) -> list[Group]:
    """Groups of the rail; `current` is the slug of the page, empty for the overview."""
    entries = [Entry("Vue d’ensemble", asked.address("stats:overview"), "chart", current=not current)]
    entries += [
        Entry(page.word, asked.address("stats:chapter", page.slug), page.icon, current=page.slug == current)
        for page in PAGES
    ]
    groups = [Group("Indicateurs", entries)]
    if user.has_perm("stats.export"):
        url = reverse("stats:exports")
        exports = Entry("Exports CSV", url, "file-text", current=current == "exports")
        groups.append(
            Group("Exports", [exports, Entry("Export mensuel", f"{url}#mensuel", "calendar-clock")])
        )
    return groups


def asked_of(data: QueryDict, *, is_new: bool = False) -> Asked:
    """Site, month and service of the address; what does not exist is the default.

    Default: every site, the last month that ended. 2 queries when the figures are kept.
    """
    units = {unit.code: unit for unit in Unit.objects.select_related("site").filter(is_active=True)}
    sites = dict(Site.objects.order_by("finess").values_list("finess", "name"))
    service = data.get(SERVICE, "")
    unit = units.get(service)
    snapshot = snapshot_shown(by_service=unit is not None, again=is_new or AGAIN in data)
    if UNKNOWN_FINESS in snapshot.sites_found:
        sites[UNKNOWN_FINESS] = "Unité sans FINESS"
    finess = data.get(SITE, "")
    if unit is not None:
        finess = unit.site.finess
    board = Board(
        snapshot=snapshot,
        month=_month(data, snapshot),
        finess=finess if finess in sites else ALL,
        service=service if unit is not None else "",
    )
    choices = [_sites(board, sites), _months(board), _services(board, units, sites)]
    return Asked(board, choices, _query(board, snapshot))


def last_ended(snapshot: Snapshot) -> Month:
    """The last month that ended when the figures were counted."""
    return month_of_day(snapshot.period.last.previous.first_day)


def _month(data: QueryDict, snapshot: Snapshot) -> Month:
    month = month_read(data.get(MONTH, ""))
    return month if month is not None and month in snapshot.period else last_ended(snapshot)


def _query(board: Board, snapshot: Snapshot, **changes: str) -> str:
    """The choices as a query string, defaults left out."""
    values = {
        SITE: "" if board.finess == ALL or board.service else board.finess,
        MONTH: "" if board.month == last_ended(snapshot) else board.month.text,
        SERVICE: board.service,
    }
    return urlencode({name: value for name, value in (values | changes).items() if value})


def _sites(board: Board, sites: dict[str, str]) -> Choice:
    names = {ALL: "tous"} | {finess: f"{finess} {name}" for finess, name in sites.items()}
    return Choice(
        "FINESS",
        names[board.finess],
        [
            Entry(
                name.capitalize() if finess == ALL else name,
                f"?{_query(board, board.snapshot, **{SITE: '' if finess == ALL else finess, SERVICE: ''})}",
                current=finess == board.finess and not board.service,
            )
            for finess, name in names.items()
        ],
    )


def _months(board: Board) -> Choice:
    period: Period = board.snapshot.period
    return Choice(
        "Période",
        month_words(board.month.first_day, short=True),
        [
            Entry(
                month_words(month.first_day) + (" (en cours)" if month == period.last else ""),
                f"?{_query(board, board.snapshot, **{MONTH: month.text})}",
                current=month == board.month,
            )
            for month in reversed(list(period))
        ],
    )


def _services(board: Board, units: dict[str, Unit], sites: dict[str, str]) -> Choice:
    shown = [unit for unit in units.values() if board.finess in (ALL, unit.site.finess)]
    chosen = units.get(board.service)
    every = Entry("Tous", f"?{_query(board, board.snapshot, **{SERVICE: ''})}", current=chosen is None)
    return Choice(
        "Service",
        chosen.name if chosen else "tous",
        [
            every,
            *(
                Entry(
                    f"{unit.name} (UF {unit.code})",
                    f"?{_query(board, board.snapshot, **{SERVICE: unit.code, SITE: ''})}",
                    current=unit.code == board.service,
                )
                for unit in sorted(shown, key=lambda unit: (unit.name, unit.code))
            ),
        ],
    )
