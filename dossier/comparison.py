"""The identity of a received document beside one of ours, trait by trait (ui reference 6.16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from documents.models import Reception
from documents.store import StoredContentDamaged, content_get
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedPatient
from interop.cda.refusals import CdaRefused
from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, Trait, date_of_hl7, differing_from
from interop.xml import XmlRefused
from patients.models import Patient
from patients.selectors import holder_of
from ui.components import TraitLine, differing_parts
from ui.french import care_date

IDENTICAL, DIFFERENT, MISSING = "identical", "different", "missing"
WORDS: Final = {
    Trait.BIRTH_NAME: "Nom de naissance",
    Trait.BIRTH_GIVEN_NAMES: "Prénoms de naissance",
    Trait.BIRTH_DATE: "Date de naissance",
    Trait.SEX: "Sexe",
    Trait.BIRTH_PLACE_COG: "Lieu (code INSEE)",
}
HIDDEN: Final = "•••••"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Lines to show, and what they come to.

    `differing` are the traits that are not exactly the same; `matricule_differs` when both sides carry
    an INS and it is not the same: another person, until somebody says why.
    """

    lines: Sequence[TraitLine]
    differing: frozenset[str]
    matricule_differs: bool
    has_local_ins: bool


def patient_of_reception(reception: Reception) -> ParsedPatient | None:
    """The patient that the stored bytes name; None when they cannot be read."""
    if not reception.cda_sha256:
        return None
    try:
        return parse_cda(content_get(reception.cda_sha256)).patient
    except (XmlRefused, CdaRefused, StoredContentDamaged):
        return None


def compare(received: ParsedPatient, local: Patient | None, *, shows_ins: bool) -> Comparison:
    """Compare what a document says with an identity of the base, or show it alone. 1 query, or none.

    The matricule is written only when it differs, and only for who may read it (`shows_ins`).
    """
    held_traits, held_ins = ReceivedTraits(), Ins("", "")
    if local is not None:
        holder = holder_of(local)
        held_traits, held_ins = holder.traits, holder.ins
    ins = received.ins or Ins("", "")
    differing = frozenset(differing_from(held_traits, held_ins, received.traits, ins))
    lines = [
        _line(label, _shown(trait, received.traits), _shown(trait, held_traits), trait in differing)
        for trait, label in WORDS.items()
    ]
    is_same_ins = not differing & {Trait.INS_MATRICULE, Trait.INS_OID}
    return Comparison(
        lines=[*lines, _ins_line(ins, held_ins, is_same=is_same_ins, shows_ins=shows_ins)],
        differing=differing,
        matricule_differs=bool(ins.matricule and held_ins.matricule and not is_same_ins),
        has_local_ins=bool(held_ins.matricule),
    )


def _line(label: str, received: str, local: str, differs: bool) -> TraitLine:
    if not local or not received:
        return TraitLine(label, received, local, MISSING)
    if not differs:
        return TraitLine(label, received, local, IDENTICAL)
    return TraitLine(
        label,
        received,
        local,
        DIFFERENT,
        other_parts=differing_parts(received, local),
        local_parts=differing_parts(local, received),
    )


def _shown(trait: Trait, traits: ReceivedTraits) -> str:
    value: str = getattr(traits, trait)
    if trait is Trait.BIRTH_DATE:
        day = date_of_hl7(value)
        return care_date(day) if day else value
    return value.upper()


def _ins_line(received: Ins, local: Ins, *, is_same: bool, shows_ins: bool) -> TraitLine:
    label = "Matricule INS, OID"
    if is_same:
        return TraitLine(label, "concordants", "concordants", IDENTICAL)
    shown = [_ins_words(one, shows_ins) for one in (received, local)]
    if received.matricule == local.matricule:
        return TraitLine(label, f"OID {received.oid}", f"OID {local.oid}", DIFFERENT)
    return _line(label, shown[0], shown[1], differs=True)


def _ins_words(ins: Ins, shows_ins: bool) -> str:
    if not ins.matricule:
        return ""
    return ins.matricule if shows_ins else HIDDEN
