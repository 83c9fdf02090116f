"""What the pages of the import by hand show: the documents of the file, whom they may be about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from documents.dropped import Dropped, DroppedDocument
from documents.enums import ReceiptRequest, VersionState
from documents.models import HandImport, Version
from documents.selectors import FilingPlace, held_by_id, held_by_set, place_by_hand, units_to_file_for
from documents.services import returns
from dossier.comparison import Comparison, compare
from dossier.inbox import NearRecord, near_record
from establishment.models import Unit
from interop.cda.parsed import ParsedPatient
from interop.cda.value_sets import document_types
from interop.ins.key import Ins
from interop.ins.traits import date_of_hl7
from patients.errors import SearchRefused
from patients.models import Patient
from patients.selectors import criteria_of, holders_of
from patients.selectors.record import ipps_of
from patients.services import patient_search
from ui.french import care_date

REQUEST_WORDS = {
    ReceiptRequest.REPLACE: "remplace une version précédente",
    ReceiptRequest.DELETE: "demande la suppression du document",
}


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """One CDA of the file: what it is, and what the base knows of it."""

    unique_id: str
    title: str
    type: str
    act_at: datetime | None
    author: str
    request: str
    standing: str
    is_useless: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """An identity that the documents may be about; `mark` says why it is proposed first."""

    url: str
    birth_name: str
    given_name: str
    sex: str
    birth_date: date | None
    birth_place_code: str
    ipp: str
    status: str
    mark: str


@dataclass(frozen=True, slots=True)
class Confirming:
    """The chosen identity beside that of the documents, and what still stops the filing."""

    near: NearRecord
    comparison: Comparison
    is_stopped: bool
    motive_question: str
    proposes_insi: bool


@dataclass(frozen=True, slots=True)
class FilingWords:
    """Where the documents go, in words; `units` are offered where only the person can say."""

    words: str = ""
    units: Sequence[Unit] = ()


def filing(dropped: Dropped, patient: Patient, user: User, actor: Actor) -> FilingWords:
    """Where an import into the record of `patient` goes. 1 query for each date, or for each unit tried.

    A PDF alone has no date yet: nothing is announced for it.
    """
    acts = {one.header.act_at for one in dropped.documents} or {None}
    now, addresses = timezone.now(), dropped.recipient_addresses
    places = {place_by_hand(patient, user, actor, act_at=act, at=now, addresses=addresses) for act in acts}
    if None in places:
        return FilingWords(units=units_to_file_for())
    if not dropped.documents:
        return FilingWords()
    if len(places) > 1:
        return FilingWords("Chaque document est classé dans le séjour de sa date.")
    return FilingWords(_place_words(places.pop()))


def _place_words(place: FilingPlace | None) -> str:
    if place is None:
        return ""
    if place.episode is None or place.episode.admitted_at is None:
        return f"Classé au dossier, hors séjour, pour {place.unit.name}."
    day = care_date(timezone.localdate(place.episode.admitted_at))
    return f"Classé dans le séjour du {day}, {place.unit.name}."


def lines_of(dropped: Dropped, patient: Patient | None) -> list[ImportedLine]:
    """The documents of the file; already there, or overtaken, once the patient is known. 2 queries each."""
    return [_line(one, patient) for one in dropped.documents]


def search_words(received: ParsedPatient) -> str:
    """What the usual search is filled with: birth date, birth name, first given name (mssante 2.8.3)."""
    traits = received.traits
    day = date_of_hl7(traits.birth_date)
    name = traits.birth_name or received.used_name
    given = traits.first_birth_given_name or traits.birth_given_names.partition(" ")[0]
    return " ".join(part for part in (care_date(day) if day else "", name, given) if part)


def candidates(
    opened: HandImport, ins: Ins | None, query: str, user: User, actor: Actor
) -> tuple[list[Candidate], str]:
    """Who carries the matricule, then what the search finds; and why the search was refused, if it was.

    A person always chooses: nobody is chosen here (SC.MSS/UX.39).
    """
    marks: dict[int, str] = {}
    if ins is not None:
        for holder in holders_of(ins):
            marks[holder.pk] = "Ancien matricule" if holder.is_former else "Porte ce matricule"
    refusal = ""
    found: list[Patient] = []
    try:
        result = patient_search(user=user, criteria=criteria_of(query), actor=actor)
        found = [row.patient for row in result.rows]
    except SearchRefused as error:
        refusal = error.message
    carriers = list(Patient.objects.filter(pk__in=marks).order_by("pk"))
    patients = [*carriers, *(patient for patient in found if patient.pk not in marks)]
    patients = [patient for patient in patients if not patient.is_closed]
    ipps = ipps_of([patient.pk for patient in patients])
    rows = [_candidate(opened, one, ipps.get(one.pk, ""), marks.get(one.pk, "")) for one in patients]
    return rows, refusal


def confirming(dropped: Dropped, patient: Patient, user: User) -> Confirming:
    """Compare, and say whether the matricule stops everything (mssante 2.8.4) or a motive is asked."""
    received = dropped.documents[0].header.parsed.patient
    comparison = compare(received, patient, shows_ins=user.has_perm("patients.ins_view"))
    differs = comparison.matricule_differs
    may_override = user.has_perm("documents.import_mismatch")
    return Confirming(
        near=near_record(patient, user),
        comparison=comparison,
        is_stopped=differs and not may_override,
        motive_question=_motive_question(dropped, patient, overrides=differs and may_override),
        proposes_insi=received.ins is not None and not comparison.has_local_ins,
    )


def _motive_question(dropped: Dropped, patient: Patient, *, overrides: bool) -> str:
    """What the person has to say before filing; empty when nothing (mssante 2.6, 2.8.4)."""
    is_back = any(returns(patient, one) for one in dropped.documents)
    if overrides and is_back:
        return "Le matricule INS diffère et un document a été supprimé : pourquoi classer ici, de nouveau ?"
    if overrides:
        return "Le matricule INS diffère : pourquoi ce document est-il bien de ce patient ?"
    if is_back:
        return "Supprimé auparavant : pourquoi classer ce document de nouveau ?"
    return ""


def type_options() -> Sequence[tuple[str, str]]:
    """Types of documents for a PDF that says nothing of itself, by label."""
    return sorted(
        ((code, known.display) for code, known in document_types().items()),
        key=lambda pair: pair[1].casefold(),
    )


def _line(one: DroppedDocument, patient: Patient | None) -> ImportedLine:
    header = one.header
    known = document_types().get(header.type_code)
    standing, is_useless = _standing(one, patient)
    author = ", ".join(part for part in (header.author_label, header.author_organization) if part)
    return ImportedLine(
        unique_id=header.unique_id,
        title=header.title,
        type=known.display if known else header.type_code,
        act_at=header.act_at,
        author=author,
        request=REQUEST_WORDS.get(one.request, ""),
        standing=standing,
        is_useless=is_useless,
    )


def _standing(one: DroppedDocument, patient: Patient | None) -> tuple[str, bool]:
    """What the base already holds of a document: said before it is filed, judged when it is."""
    header = one.header
    if patient is None:
        is_known = Version.objects.filter(unique_id=header.unique_id).exists()
        return ("Déjà intégré", True) if is_known and one.request != ReceiptRequest.DELETE else ("", False)
    same = held_by_id(header.unique_id, patient)
    if same is not None and one.request != ReceiptRequest.DELETE:
        is_deleted = same.state == VersionState.DELETED
        return ("Supprimé auparavant" if is_deleted else "Déjà intégré", True)
    lineage = held_by_set(header.set_id, patient)
    if lineage is not None and header.number is not None and header.number <= lineage.number:
        return f"Version {lineage.number} déjà au dossier", one.request != ReceiptRequest.DELETE
    return ("Nouvelle version" if lineage is not None else "", False)


def _candidate(opened: HandImport, patient: Patient, ipp: str, mark: str) -> Candidate:
    return Candidate(
        url=f"{reverse('dossier:import', args=[opened.uid])}?patient={patient.uid}",
        birth_name=patient.birth_name,
        given_name=patient.first_birth_given_name,
        sex=patient.sex,
        birth_date=patient.birth_date,
        birth_place_code=patient.birth_place_cog,
        ipp=ipp,
        status=patient.identity_status,
        mark=mark,
    )
