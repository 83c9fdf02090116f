"""The header of a document as facts to read (SC.CDA/VISU.01).

The matricule INS is said to be there, never shown: its showing is an act of its own, traced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from interop.cda.display.words import (
    SEXES,
    actor_words,
    code_words,
    organization_words,
    period_words,
    time_words,
)
from interop.cda.parsed import BodyKind, ParsedActor, ParsedCda, ParsedPatient


class Fact(NamedTuple):
    """One line: what it is, what the document says."""

    label: str
    value: str


def facts_of(document: ParsedCda) -> tuple[Fact, ...]:
    """What the header says, in the order in which a reader asks it; what it does not say is left out."""
    return tuple(fact for fact in _facts(document) if fact.value)


def _facts(document: ParsedCda) -> Iterator[Fact]:
    act, encounter = document.main_act, document.encounter
    yield Fact("Titre", document.title)
    yield Fact("Type", code_words(document.type))
    yield Fact("Date de l’acte", period_words(act.start, act.end) if act else "")
    yield Fact("Document établi le", time_words(document.effective_time))
    yield Fact("Auteur", _actors(document.authors))
    yield Fact("Responsable", _actor(document.legal_authenticator))
    yield Fact("Structure", organization_words(document.custodian))
    yield from _patient(document.patient)
    yield Fact("Actes", " ; ".join(code_words(found.code) for found in document.acts if found.code))
    if encounter is not None:
        yield Fact("Prise en charge", code_words(encounter.code))
        yield Fact("Période", period_words(encounter.start, encounter.end))
        place = (encounter.place_name, code_words(encounter.facility_type))
        yield Fact("Lieu", ", ".join(part for part in place if part))
    yield Fact("Destinataires", _actors(document.recipients))
    yield Fact("Autres intervenants", _actors((*document.authenticators, *document.participants)))
    yield from _identification(document)


def _patient(patient: ParsedPatient) -> Iterator[Fact]:
    traits = patient.traits
    name = " ".join(part for part in (traits.birth_name, traits.first_birth_given_name) if part)
    used = " ".join(part for part in (patient.used_name, patient.used_given_name) if part)
    yield Fact("Patient", name or used)
    yield Fact("Prénoms de naissance", traits.birth_given_names)
    yield Fact("Nom et prénom utilisés", used if name else "")
    yield Fact("Né(e) le", time_words(patient.birth_time))
    yield Fact("Sexe", SEXES.get(traits.sex, ""))
    place = (traits.birth_place_cog, patient.birth_place_name)
    yield Fact("Lieu de naissance", " ".join(part for part in place if part))
    yield Fact("INS", f"présente ({patient.ins.nature})" if patient.ins else "absente du document")


def _identification(document: ParsedCda) -> Iterator[Fact]:
    body = "structuré (N3)" if document.body.kind is BodyKind.N3 else "non structuré (N1)"
    media = f", {document.body.media_type}" if document.body.media_type else ""
    yield Fact("Version", str(document.version_number or ""))
    replaced = document.replaced
    yield Fact("Remplace", replaced.id.root if replaced and replaced.id else "")
    yield Fact("Confidentialité", code_words(document.confidentiality))
    yield Fact("Langue", document.language)
    yield Fact("Corps", f"{body}{media}")
    identifier = document.id
    yield Fact("Identifiant", " ".join(part for part in (identifier.root, identifier.extension) if part))


def _actor(actor: ParsedActor | None) -> str:
    return actor_words(actor) if actor else ""


def _actors(actors: tuple[ParsedActor, ...]) -> str:
    return " ; ".join(dict.fromkeys(words for actor in actors if (words := actor_words(actor))))
