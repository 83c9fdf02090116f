"""The national directory as the product sees it (SC.MSS/UX.10; ANN/va1.01 to 04; spec mssante 3.1, 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol

from audit.context import Actor

MAX_ROWS: Final = 500
"""Rows that one search gives at most: beyond, the person is asked to be more precise."""


@dataclass(frozen=True, slots=True)
class DirectoryQuery:
    """Criteria, combined by AND; at least one is filled. Names and city are beginnings, identifiers exact.

    `profession` and `specialty` are codes (TRE_G15, TRE_R38), `postal_code` a code or a department, `kind` a
    type of BAL, `address` a part of the MSSanté address.
    """

    family: str = ""
    given: str = ""
    rpps: str = ""
    profession: str = ""
    specialty: str = ""
    structure: str = ""
    finess: str = ""
    postal_code: str = ""
    city: str = ""
    kind: str = ""
    address: str = ""

    @property
    def names_a_person(self) -> bool:
        return bool(self.family or self.given or self.rpps or self.profession or self.specialty)

    @property
    def names_a_place(self) -> bool:
        return bool(self.structure or self.finess or self.postal_code or self.city)

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """One person or structure with one of its MSSanté addresses; without any, `address` is empty.

    A person has no `finess` of its own: it is that of the structure where the address is held.
    """

    rpps: str = ""
    title: str = ""
    family: str = ""
    given: str = ""
    profession: str = ""
    profession_code: str = ""
    specialty: str = ""
    specialty_code: str = ""
    structure: str = ""
    finess: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    address: str = ""
    kind: str = ""
    label: str = ""
    dematerialised: bool | None = None


@dataclass(frozen=True, slots=True)
class DirectoryAnswer:
    """What a search found; `is_cut` tells that there is more than what was read."""

    rows: Sequence[DirectoryRow]
    is_cut: bool = False


class Directory(Protocol):
    """Searches of the directory. Every method raises `Unavailable` or `Rejected`, nothing else."""

    def search(self, query: DirectoryQuery, actor: Actor) -> DirectoryAnswer:
        """Persons and structures that answer all the criteria."""

    def knows(self, address: str, actor: Actor) -> bool:
        """Whether somebody in the directory has this very address (`mailbox-mss:exact`)."""
