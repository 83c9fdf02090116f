"""What stands in the rail of the exchange pages: lists of this room, and those that rooms above add.

A room above (the intermediation, the mail room) registers its list when it is loaded; this room knows none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """One list: its word, the name of its view, its icon, the permission it asks, what went wrong in it."""

    label: str
    view: str
    icon: str
    permission: str
    failures: Callable[[], int]


_tabs: list[Tab] = []


def tab_register(tab: Tab) -> None:
    """Add a list to the rail; a second registration of the same view changes nothing."""
    if all(known.view != tab.view for known in _tabs):
        _tabs.append(tab)


def tabs() -> tuple[Tab, ...]:
    """The lists of the rooms above, in the order of their registration."""
    return tuple(_tabs)
