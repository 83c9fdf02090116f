"""What the identity page says of INSi: the last question, its answer, what may be decided of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.conf import settings

from accounts.models import User
from interop.ins.codes import INS_OIDS
from interop.ins.key import Ins, format_matricule
from interop.ins.traits import Trait
from interop.insi.answer import Person
from patients.enums import InsiDecision, InsiPurpose, InsiState
from patients.models import InsiQuery, Patient
from patients.rules import IdentityUse, may_use
from patients.rules.insi import HeldIdentity, Proposal, Unacceptable, proposal_of
from patients.selectors.insi import held_identity, identities_are_external, person_of
from patients.services.insi import LOST_AFTER, UNACCEPTABLE_WORDS
from patients.services.writing import standing_of
from ui.components import TraitLine, differing_parts
from ui.french import care_date

SLOW_AFTER: Final = timedelta(seconds=8)
HIDDEN: Final = "•••••"
IDENTICAL, COMPLETED, DIFFERENT, MISSING = "identical", "completed", "different", "missing"
UNAVAILABLE: Final = "unavailable"
ELSEWHERE: Final = (
    "Les identités se gèrent dans le référentiel de l’établissement\u202f: INSi n’est pas appelé d’ici."
)
UNTRUSTED: Final = (
    "Identité douteuse ou fictive\u202f: INSi n’est pas interrogé tant que cet attribut n’est pas levé."
)
CLOSED: Final = "Cette identité est fermée\u202f: INSi n’est pas interrogé."


class Step(StrEnum):
    """Where the question to INSi stands for who looks at the page."""

    NEVER = "never"
    WAITING = "waiting"
    SLOW = "slow"
    LOST = "lost"
    FAILED = "failed"
    NOBODY = "nobody"
    SEVERAL = "several"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class InsiView:
    """Inputs of dossier/_insi.html. `state` is of the family `insi`; `note` says why nothing is to decide."""

    query: InsiQuery | None
    step: Step
    state: str = ""
    lines: Sequence[TraitLine] = ()
    has_differences: bool = False
    note: str = ""
    may_accept: bool = False
    may_refuse: bool = False
    may_withdraw: bool = False
    tried: Sequence[str] = ()

    @property
    def is_waiting(self) -> bool:
        return self.step in (Step.WAITING, Step.SLOW)

    @property
    def has_decisions(self) -> bool:
        return self.may_accept or self.may_refuse or self.may_withdraw


def ask_refusal(patient: Patient) -> str:
    """Why INSi is not asked about this patient, in words; empty when it may be. 1 query, or none."""
    if identities_are_external():
        return ELSEWHERE
    if not may_use(IdentityUse.CALL_INSI, standing_of(patient)):
        return UNTRUSTED
    return CLOSED if patient.is_closed else ""


def insi_view(patient: Patient, query: InsiQuery | None, user: User, *, now: datetime) -> InsiView:
    """The last question about a patient as its page tells it. 1 query where it found somebody."""
    step = _step(query, now)
    if query is None:
        return InsiView(None, step)
    tried = tuple(" ".join(one["given_names"]) + (" et lieu" * one["with_place"]) for one in query.attempts)
    if step is not Step.FOUND:
        state = UNAVAILABLE if step is Step.FAILED else query.code
        return InsiView(query, step, state=state, tried=tried)
    person = person_of(query)
    if person is None:
        return InsiView(query, Step.FAILED, state=UNAVAILABLE, tried=tried)
    return _found(patient, query, person, user, tried)


def _step(query: InsiQuery | None, now: datetime) -> Step:
    if query is None:
        return Step.NEVER
    if query.state == InsiState.PENDING:
        waited = now - query.asked_at
        if waited > LOST_AFTER:
            return Step.LOST
        return Step.SLOW if waited > SLOW_AFTER else Step.WAITING
    if query.state != InsiState.ANSWERED:
        return Step.LOST if query.state == InsiState.LOST else Step.FAILED
    return {"01": Step.NOBODY, "02": Step.SEVERAL}.get(query.code, Step.FOUND)


def _found(patient: Patient, query: InsiQuery, person: Person, user: User, tried: Sequence[str]) -> InsiView:
    held = held_identity(patient)
    proposal = proposal_of(person, held, allowed_oids=settings.INS_ALLOWED_OIDS)
    note = _note(patient, query, proposal)
    may_decide = not note and user.has_perm("patients.identity_qualify")
    is_verification = query.purpose == InsiPurpose.VERIFICATION
    return InsiView(
        query,
        Step.FOUND,
        state=query.code,
        lines=_lines(held, person, proposal, shows_ins=user.has_perm("patients.ins_view")),
        has_differences=bool(proposal.differing),
        note=note,
        may_accept=may_decide,
        may_refuse=may_decide and not is_verification,
        may_withdraw=may_decide and is_verification,
        tried=tried,
    )


def _note(patient: Patient, query: InsiQuery, proposal: Proposal) -> str:
    """Why there is nothing to decide; empty when there is."""
    if query.decision == InsiDecision.CONFIRMED:
        return "INSi confirme cette identité et son matricule."
    if query.decision:
        return f"{query.get_decision_display()} par {query.decided_by_login}."
    if identities_are_external():
        return ELSEWHERE
    if patient.identity_stamp != query.identity_stamp:
        return "L’identité a changé depuis cette réponse\u202f: interrogez de nouveau INSi."
    if proposal.unacceptable:
        return UNACCEPTABLE_WORDS[Unacceptable(proposal.unacceptable)]
    if proposal.confirms:
        return "INSi confirme cette identité. Elle reste en révision pour une autre raison."
    return ""


def _lines(held: HeldIdentity, person: Person, proposal: Proposal, *, shows_ins: bool) -> list[TraitLine]:
    birth = person.born_on
    rows = (
        (Trait.BIRTH_NAME, "Nom de naissance", held.birth_name, person.birth_name),
        (Trait.FIRST_BIRTH_GIVEN_NAME, "1er prénom", held.first_given_name, person.first_given_name),
        (Trait.BIRTH_GIVEN_NAMES, "Prénoms de naissance", held.given_names, person.given_names),
        (Trait.SEX, "Sexe", held.sex, person.sex),
        (
            Trait.BIRTH_DATE,
            "Date de naissance",
            care_date(held.birth_date) if held.birth_date else "",
            care_date(birth) if birth else person.birth_date,
        ),
        (Trait.BIRTH_PLACE_COG, "Lieu (code INSEE)", held.birth_place_cog, person.birth_place_cog),
        (Trait.INS_MATRICULE, "Matricule INS", _ins(held.ins, shows_ins), _ins(proposal.ins, shows_ins)),
    )
    return [_line(label, ours, theirs, trait in proposal.differing) for trait, label, ours, theirs in rows]


def _line(label: str, ours: str, theirs: str, differs: bool) -> TraitLine:
    if not theirs:
        return TraitLine(label, ours, theirs, DIFFERENT if differs else MISSING)
    if not ours:
        return TraitLine(label, ours, theirs, COMPLETED)
    if not differs:
        return TraitLine(label, ours, theirs, IDENTICAL)
    return TraitLine(
        label,
        ours,
        theirs,
        DIFFERENT,
        other_parts=differing_parts(ours, theirs),
        local_parts=differing_parts(theirs, ours),
    )


def _ins(ins: Ins | None, shows_ins: bool) -> str:
    if ins is None:
        return ""
    if not shows_ins:
        return HIDDEN
    return format_matricule(ins) if ins.oid in INS_OIDS else f"{ins.matricule} (OID {ins.oid})"
