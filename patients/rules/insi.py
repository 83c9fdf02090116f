"""Asking INSi about an identity, and what its answer allows (spec ins 3, 7.3, 11.3; INS/va1.15, .39)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from interop.ins.key import Ins
from interop.ins.traits import Sex, Trait, exact, given_name_heads_list, is_cog
from interop.insi.answer import HeldIns, Person
from interop.insi.codes import ResultCode

MAX_ATTEMPTS: Final = 10
_MAX_NAME: Final = 100


# --- What to ask ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Attempt:
    """One search: the given names sent, each a repetition, and whether the birth place goes with them."""

    given_names: tuple[str, ...]
    with_place: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """What a search may draw from: first given name, whole list (may be empty), is a place known."""

    first: str
    listed: str
    has_place: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The first given name, then the other words of the list, each once."""
        return tuple(dict.fromkeys([self.first, *self.listed.split()]))


Done = Sequence[tuple[Attempt, ResultCode]]


def next_attempt(asking: Asking, done: Done) -> Attempt | None:
    """The next search, or None when there is none left to make (ins 11.3).

    Nobody found: each other given name in turn, then the list. Several found: the same search with the
    other given names added one by one, then with the place. A search is never made twice.
    """
    if len(done) >= MAX_ATTEMPTS or any(code is ResultCode.FOUND for _, code in done):
        return None
    several = next((attempt for attempt, code in done if code is ResultCode.SEVERAL), None)
    wanted = _alone(asking) if several is None else _narrower(asking, several, done)
    made = {attempt for attempt, _ in done}
    return next((attempt for attempt in wanted if attempt not in made), None)


def _alone(asking: Asking) -> list[Attempt]:
    whole = [asking.listed] if asking.listed else []
    return [Attempt((name,)) for name in [*asking.names, *whole]]


def _narrower(asking: Asking, several: Attempt, done: Done) -> list[Attempt]:
    """More precise than the first search that found several; a name that finds nobody is not kept."""
    codes = dict(done)
    kept, steps = several.given_names, []
    for name in asking.names:
        if name in kept or " " in several.given_names[0]:
            continue
        step = Attempt((*kept, name))
        steps.append(step)
        if codes.get(step) is not ResultCode.NOBODY:
            kept = step.given_names
    return [*steps, *([Attempt(kept, with_place=True)] if asking.has_place else [])]


def code_of(done: Done) -> ResultCode:
    """What all the searches come to: found, several as soon as one found several, else nobody."""
    codes = {code for _, code in done}
    return next((code for code in (ResultCode.FOUND, ResultCode.SEVERAL) if code in codes), ResultCode.NOBODY)


# --- What the answer allows -------------------------------------------------------------------------
class Unacceptable(StrEnum):
    """Why an identity given by INSi cannot replace ours."""

    NONE = ""
    INCOMPLETE = "incomplete"
    DATE = "date"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class HeldIdentity:
    """Our side of the comparison."""

    birth_name: str
    first_given_name: str
    given_names: str
    sex: str
    birth_date: date | None
    birth_place_cog: str
    ins: Ins | None


@dataclass(frozen=True, slots=True)
class OfficialTraits:
    """The strict traits to write once accepted; `birth_place_cog` stays ours where INSi says none."""

    birth_name: str
    birth_given_names: str
    first_birth_given_name: str
    birth_date: date
    sex: str
    birth_place_cog: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """An identity of INSi beside ours.

    `differing` are the traits that both sides give and that are not exactly the same, a matricule in force
    included; `completed` those that only INSi gives. Nothing is accepted by itself while `differing` is not
    empty (ins 11.3), and nothing at all when `unacceptable` says why.
    """

    traits: OfficialTraits | None
    ins: Ins | None
    history: tuple[Ins, ...]
    differing: frozenset[Trait] = frozenset()
    completed: frozenset[Trait] = frozenset()
    unacceptable: Unacceptable = Unacceptable.NONE

    @property
    def confirms(self) -> bool:
        """Whether it is our identity, trait by trait, under the matricule in force."""
        return not self.unacceptable and not self.differing and Trait.INS_MATRICULE not in self.completed


@dataclass(slots=True)
class _Comparison:
    differing: set[Trait] = field(default_factory=set)
    completed: set[Trait] = field(default_factory=set)

    def of(self, trait: Trait, ours: str, theirs: str) -> None:
        if not theirs:
            return
        if not ours:
            self.completed.add(trait)
        elif exact(ours) != exact(theirs):
            self.differing.add(trait)


def proposal_of(person: Person, held: HeldIdentity, *, allowed_oids: Collection[str]) -> Proposal:
    """Compare a person of INSi with an identity of ours, and say whether it may be accepted."""
    ins, compared = person.active.ins, _Comparison()
    ours = held.birth_date.isoformat() if held.birth_date else ""
    for trait, mine, theirs in (
        (Trait.BIRTH_NAME, held.birth_name, person.birth_name),
        (Trait.FIRST_BIRTH_GIVEN_NAME, held.first_given_name, person.first_given_name),
        (Trait.BIRTH_GIVEN_NAMES, held.given_names, person.given_names),
        (Trait.BIRTH_DATE, ours, person.birth_date),
        (Trait.SEX, held.sex, person.sex),
        (Trait.BIRTH_PLACE_COG, held.birth_place_cog, person.birth_place_cog),
        (Trait.INS_MATRICULE, held.ins.matricule if held.ins else "", ins.matricule if ins else ""),
        (Trait.INS_OID, held.ins.oid if held.ins else "", ins.oid if ins else ""),
    ):
        compared.of(trait, mine, theirs)
    if not person.first_given_name and not given_name_heads_list(held.first_given_name, person.given_names):
        compared.differing.add(Trait.FIRST_BIRTH_GIVEN_NAME)
    refused = _unacceptable(person, ins, allowed_oids)
    return Proposal(
        traits=None if refused else _official(person, held),
        ins=ins,
        history=_history(person.history, allowed_oids),
        differing=frozenset(compared.differing),
        completed=frozenset(compared.completed),
        unacceptable=refused,
    )


def _unacceptable(person: Person, ins: Ins | None, allowed_oids: Collection[str]) -> Unacceptable:
    names = (person.birth_name, person.given_names or person.first_given_name)
    is_whole = all(names) and all(len(name) <= _MAX_NAME for name in names)
    if ins is None or not is_whole or person.sex not in (Sex.MALE, Sex.FEMALE) or not person.birth_date:
        return Unacceptable.INCOMPLETE
    if person.birth_place_cog and not is_cog(person.birth_place_cog):
        return Unacceptable.INCOMPLETE
    if person.born_on is None:
        return Unacceptable.DATE
    return Unacceptable.NONE if ins.oid in allowed_oids else Unacceptable.AUTHORITY


def _official(person: Person, held: HeldIdentity) -> OfficialTraits | None:
    if person.born_on is None:
        return None
    listed = person.given_names or person.first_given_name
    return OfficialTraits(
        birth_name=person.birth_name,
        birth_given_names=listed,
        first_birth_given_name=_first(person, held, listed),
        birth_date=person.born_on,
        sex=person.sex,
        birth_place_cog=person.birth_place_cog or held.birth_place_cog,
    )


def _first(person: Person, held: HeldIdentity, listed: str) -> str:
    """The one that INSi says, else ours where it heads the list, else the first word (ins 4.3, 11.3)."""
    if person.first_given_name:
        return person.first_given_name
    if given_name_heads_list(held.first_given_name, listed):
        return held.first_given_name
    return listed.split()[0]


def _history(history: Sequence[HeldIns], allowed_oids: Collection[str]) -> tuple[Ins, ...]:
    """Former matricules that are whole and of this installation; the others stay in the kept answer."""
    found = [one.ins for one in history]
    return tuple(ins for ins in found if ins is not None and ins.oid in allowed_oids)
