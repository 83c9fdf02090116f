"""The inputs of the shared page parts, as values. Rooms above fill them; templates only read them.

Each class is the declared input of one partial of `templates/ui/`; pages document theirs at the top
of their template. Links are data: an entry that a person may not use is absent, never greyed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the application bar, of the rail or of a menu.

    `count` is neutral; `alarm` counts failures, with its noun (`échecs`); `short` is the word
    for narrow windows; `key` names the shortcut after G (`patients`, `envois`, `mssante`, `taches`,
    `admissions`), or the count of the rail, which an answer may write anew.
    """

    label: str
    url: str
    icon: str = ""
    current: bool = False
    count: int | None = None
    alarm: int = 0
    alarm_noun: str = ""
    short: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A titled group of entries in the rail of saved views."""

    title: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class UserCard:
    """The person at the right of the application bar."""

    name: str
    role: str
    initials: str


@dataclass(frozen=True, slots=True)
class Exceptional:
    """An exceptional access that is running: word, reason, person, minutes left, how to end it."""

    word: str
    reason: str
    person: str
    minutes_left: int
    end_url: str


@dataclass(frozen=True, slots=True)
class Service:
    """State of one outside service, or of several said together; `since` is already written."""

    name: str
    state: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything around the page: application bar, exceptional access, status bar."""

    hospital: str
    home_url: str
    unit: str = ""
    unit_url: str = ""
    environment: str = ""
    entries: Sequence[Entry] = ()
    search_url: str = ""
    search_results_url: str = ""
    user: UserCard | None = None
    user_menu: Sequence[Entry] = ()
    session: str = ""
    activity: str = ""
    services: Sequence[Service] = ()
    version: str = ""
    logout_url: str = ""
    counters_url: str = ""
    exceptional: Exceptional | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a filter, checked or not."""

    value: str
    label: str
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """One menu of a filter bar: its name in the query string, its word, its values."""

    name: str
    label: str
    options: Sequence[Option] = field(default_factory=tuple)

    @property
    def chosen(self) -> tuple[Option, ...]:
        """The checked values."""
        return tuple(option for option in self.options if option.checked)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that sorts: its word, its link, and `ascending`, `descending` or nothing."""

    label: str
    url: str
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a guided form; `state` is `done`, `current` or `ahead`."""

    number: int
    label: str
    state: str = "ahead"
    url: str = ""


@dataclass(frozen=True, slots=True)
class TraitLine:
    """One line of a comparison of traits.

    `outcome` is a state of the family `comparison`; `local_parts` and `other_parts` cut the values in
    `(text, differs)` pieces, so that the differing characters can be marked.
    """

    label: str
    local: str
    other: str
    outcome: str
    other_parts: Sequence[tuple[str, bool]] = ()
    local_parts: Sequence[tuple[str, bool]] = ()
    remark: str = ""


def differing_parts(local: str, other: str) -> tuple[tuple[str, bool], ...]:
    """Cut `other` into pieces that are common with `local` or differ from it.

    Characters are compared when both have the same length, words otherwise: what a reader expects
    of a date and of given names. The pieces joined give `other` again.
    """
    if len(local) == len(other):
        pieces = [(char, char != local[i]) for i, char in enumerate(other)]
    else:
        known = local.split()
        pieces = [
            (word, word not in known and not word.isspace()) for word in re.split(r"(\s+)", other) if word
        ]
    return tuple(_joined(pieces))


def _joined(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Join neighbours of the same kind."""
    joined: list[tuple[str, bool]] = []
    for text, differs in pieces:
        if joined and joined[-1][1] == differs:
            joined[-1] = (joined[-1][0] + text, differs)
        else:
            joined.append((text, differs))
    return joined
