"""Rows of the directory page: what a search found, in words (mssante 3.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mssante.enums import MailboxKind
from mssante.models import Correspondent, CorrespondentAddress, DirectoryEntry
from mssante.rules import is_lost


@dataclass(frozen=True, slots=True)
class Line:
    """Inputs of mssante/_directory_row.html. `uid` names an entry to add; empty for the address book.

    `warning` is what to know before writing to this address; `seen_at` when it was last confirmed.
    """

    name: str
    work: str
    structure: str
    place: str
    rpps: str
    finess: str
    address: str
    kind: str
    seen_at: datetime | None
    label: str = ""
    warning: str = ""
    uid: str = ""
    is_kept: bool = False

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def lines_of_entries(entries: Sequence[DirectoryEntry], kept: Collection[str]) -> list[Line]:
    """Lines of the directory; `kept` are the addresses that the address book holds."""
    return [line_of_entry(entry, is_kept=entry.address in kept) for entry in entries]


def line_of_entry(entry: DirectoryEntry, *, is_kept: bool) -> Line:
    return Line(
        name=entry.name,
        work=_joined(entry.profession, entry.specialty),
        structure=entry.structure if entry.family else "",
        place=_joined(entry.street, f"{entry.postal_code} {entry.city}".strip()),
        rpps=entry.rpps,
        finess=entry.finess,
        address=entry.address,
        kind=_kind(entry.kind) if entry.address else "",
        seen_at=entry.seen_at,
        label=entry.label,
        warning=_paper(entry.dematerialised) if entry.address else "",
        uid=str(entry.uid),
        is_kept=is_kept,
    )


def lines_of_book(correspondents: Sequence[Correspondent]) -> list[Line]:
    """Lines of the address book, one for each address."""
    return [
        line
        for correspondent in correspondents
        for line in _of_correspondent(correspondent, list(correspondent.addresses.all()))
    ]


def _of_correspondent(
    correspondent: Correspondent, addresses: Sequence[CorrespondentAddress]
) -> Iterator[Line]:
    for address in addresses:
        lost = "Absente de l’Annuaire santé" if is_lost(address.missed_checks) else ""
        yield Line(
            name=correspondent.name,
            work=_joined(correspondent.profession, correspondent.specialty),
            structure=correspondent.structure if correspondent.family_name else "",
            place=f"{correspondent.postal_code} {correspondent.city}".strip(),
            rpps=correspondent.rpps,
            finess=correspondent.finess,
            address=address.address,
            kind=_kind(address.kind),
            seen_at=address.verified_at,
            label=address.label,
            warning=lost or _paper(correspondent.accepts_dematerialised),
            is_kept=True,
        )


def _paper(accepts: bool | None) -> str:
    return "Préfère le papier" if accepts is False else ""


def _kind(code: str) -> str:
    return str(MailboxKind(code).label) if code in MailboxKind.values else ""


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
