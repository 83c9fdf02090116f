"""Mes patients and the patient search (journeys 1 and 2, step 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import requires
from accounts.models import User
from accounts.selectors import units_of
from consent.enums import ChoiceValue
from consent.selectors import CurrentChoices, choices_current_for
from documents.selectors import unseen_by_patient
from dossier.access import reader
from dossier.banner import bed_words
from dossier.context_processors import unit_list_word
from dossier.dmp_list import dmp_words
from dossier.enums import ListPage
from dossier.remembered import CLEAR, SORT, VIEW, list_query
from establishment.models import Unit
from interop.ins.traits import comparable
from patients.enums import AlertKind, AlertState, EpisodeState, IdentityStatus
from patients.errors import SearchRefused
from patients.selectors import SearchRow, UnitRow, criteria_of, unit_list
from patients.services import patient_search
from sending.selectors import counts_for_patients
from ui.components import Column, Entry, Filter, Group, Option
from ui.pills import FAMILIES, label

SEARCH_HINT = "Date de naissance et trois lettres du nom, IPP, numéro de venue ou matricule INS complet."
RESULTS_UNDER_FIELD = 8
UNIT_FILTERS = ("identite", "info")
TODO_WORDS = {
    "drafts": ("Non validés", "pencil"),
    "failures": ("Envois en échec", "octagon-alert"),
    "received": ("Reçus à voir", "mail"),
}
UNIT_SORTS: dict[str, Callable[[UnitRow], Any]] = {
    "lit": lambda row: (row.episode.room, row.episode.bed, row.patient.birth_name),
    "patient": lambda row: (row.patient.birth_name, row.patient.first_birth_given_name),
    "sejour": lambda row: (row.episode.admitted_at is None, row.episode.admitted_at or timezone.now()),
}


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do for a patient."""

    family: str
    state: str
    text: str
    weight: str = "dashed"


@dataclass(frozen=True, slots=True)
class UnitFilters:
    """What the unit list is narrowed to."""

    statuses: tuple[str, ...]
    informations: tuple[str, ...]
    todo: tuple[str, ...]
    units: tuple[str, ...]
    text: str
    sort: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.statuses or self.informations or self.todo or self.units or self.text)

    @property
    def menus(self) -> list[Filter]:
        statuses = [
            Option(status.value, label("identity_status", status, short=True), status in self.statuses)
            for status in IdentityStatus
        ]
        informations = [
            Option(state, mark.word(), state in self.informations)
            for state, mark in FAMILIES["choices_summary"].items()
        ]
        return [Filter("identite", "Identité", statuses), Filter("info", "Information", informations)]

    def keeps(self, row: UnitRow, choices: CurrentChoices, counts: Mapping[str, int]) -> bool:
        if self.units and _unit_code(row) not in self.units:
            return False
        if self.statuses and row.patient.identity_status not in self.statuses:
            return False
        if self.informations and choices_summary(choices) not in self.informations:
            return False
        if self.todo and not any(counts.get(kind) for kind in self.todo):
            return False
        return not self.text or _matches(row, self.text)


@requires("patients.unit_list")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The patients present or planned in the units of the reader. Constant number of queries."""
    user, _ = reader(request)
    units = units_of(user)
    query = list_query(request, user, ListPage.PATIENTS, UNIT_FILTERS)
    filters = _unit_filters(query, {unit.code for unit in units})
    every_row = unit_list(user)
    choices = choices_current_for({row.episode.pk for row in every_row})
    counts = counts_for_patients([row.patient.pk for row in every_row])
    for patient_pk, received in unseen_by_patient([row.patient.pk for row in every_row]).items():
        counts[patient_pk]["received"] = received
    dmp = dmp_words(user, every_row, choices)
    kept = [
        row
        for row in every_row
        if filters.keeps(row, choices[row.episode.pk], counts.get(row.patient.pk, {}))
    ]
    url = reverse("dossier:home")
    context = {
        "title": unit_list_word(user),
        "views": [
            _unit_views(units, every_row, filters),
            _todo_views(every_row, choices, counts, filters, clinical=user.has_perm("patients.open")),
        ],
        "views_label": "Listes de patients",
        "subtitle": _subtitle(units, len(every_row), len(kept)),
        "refreshed_at": timezone.now(),
        "refresh_url": request.get_full_path(),
        "filters": filters.menus,
        "text": filters.text,
        "filter_action": url,
        "clear_url": f"{url}?{CLEAR}=1" if filters.is_narrowed else "",
        "columns": _columns(url, filters.sort),
        "hides_clinical": not user.has_perm("patients.open"),
        "shows_dmp": user.has_perm("dmp.consult"),
        "rows": [
            _unit_row(row, user, choices[row.episode.pk], counts) | {"dmp": dmp.get(row.patient.pk)}
            for row in _sorted(kept, filters.sort)
        ],
        "empty": "Aucun patient avec ces filtres."
        if filters.is_narrowed
        else "Aucun patient présent dans vos unités.",
    }
    return render(request, "dossier/unit_list.html", context)


@requires("patients.search")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """The results page, which works without script."""
    return render(request, "patients/search.html", _search_context(request))


@requires("patients.search")
@require_GET
def search_results(request: HttpRequest) -> HttpResponse:
    """The list under the search field of the bar."""
    context = _search_context(request)
    context["rows"] = context["rows"][:RESULTS_UNDER_FIELD]
    context["all_url"] = f"{reverse('dossier:search')}?{request.GET.urlencode()}"
    return render(request, "patients/_search_results.html", context)


def _unit_views(units: tuple[Unit, ...], rows: list[UnitRow], filters: UnitFilters) -> Group:
    """Every unit of the reader, then each, with how many patients are there."""
    url = reverse("dossier:home")
    codes = [_unit_code(row) for row in rows]
    every_url = f"{url}?{VIEW}=1"
    entries = [
        Entry("Toutes mes unités", every_url, "users", current=not filters.is_narrowed, count=len(rows))
    ]
    if len(units) > 1:
        entries += [
            Entry(
                unit.name,
                f"{every_url}&unite={unit.code}",
                "bed",
                current=filters.units == (unit.code,),
                count=codes.count(unit.code),
            )
            for unit in units
        ]
    return Group("Patients présents", entries)


def _todo_views(
    rows: list[UnitRow],
    choices: Mapping[int, CurrentChoices],
    counts: Mapping[int, dict[str, int]],
    filters: UnitFilters,
    *,
    clinical: bool,
) -> Group:
    """Patients for whom somebody must still act: drafts, failures, information, INS."""
    url = f"{reverse('dossier:home')}?{VIEW}=1"
    entries = []
    if clinical:
        for kind, (word, icon) in TODO_WORDS.items():
            count = sum(1 for row in rows if counts.get(row.patient.pk, {}).get(kind))
            is_here = filters.todo == (kind,)
            entries.append(Entry(word, f"{url}&afaire={kind}", icon, current=is_here, count=count))
    summaries = [choices_summary(choices[row.episode.pk]) for row in rows]
    statuses = [status.value for status in IdentityStatus if status != IdentityStatus.QUAL]
    entries += [
        Entry(
            "Info non recueillie",
            f"{url}&info=not_collected",
            "circle-question",
            current=filters.informations == ("not_collected",),
            count=summaries.count("not_collected"),
        ),
        Entry(
            "INS à qualifier",
            f"{url}&{'&'.join(f'identite={status}' for status in statuses)}",
            "id-card",
            current=set(filters.statuses) == set(statuses),
            count=sum(1 for row in rows if row.patient.identity_status in statuses),
        ),
    ]
    return Group("À traiter", entries)


def _unit_filters(query: QueryDict, codes: set[str]) -> UnitFilters:
    """Unknown values are ignored."""
    sort = query.get(SORT, "")
    return UnitFilters(
        statuses=tuple(value for value in query.getlist("identite") if value in IdentityStatus),
        informations=tuple(value for value in query.getlist("info") if value in FAMILIES["choices_summary"]),
        todo=tuple(kind for kind in query.getlist("afaire") if kind in TODO_WORDS),
        units=tuple(code for code in query.getlist("unite") if code in codes),
        text=query.get("texte", "").strip()[:60],
        sort=sort if sort in UNIT_SORTS else "lit",
    )


def _unit_code(row: UnitRow) -> str:
    return row.episode.unit.code if row.episode.unit else ""


def _search_context(request: HttpRequest) -> dict[str, Any]:
    user, actor = reader(request)
    query = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    context: dict[str, Any] = {
        "query": query,
        "form_url": reverse("dossier:search"),
        "searched": False,
        "hint": SEARCH_HINT,
        "rows": [],
        "count": 0,
        "truncated": False,
    }
    if not query:
        return context
    try:
        found = patient_search(user=user, criteria=criteria_of(query), actor=actor)
    except SearchRefused as error:
        return context | {"hint": error.message, "is_refused": True}
    return context | {
        "searched": True,
        "rows": [_search_row(row, user) for row in found.rows],
        "count": len(found.rows),
        "truncated": found.is_truncated,
    }


def _search_row(row: SearchRow, user: User) -> dict[str, Any]:
    patient = row.patient
    may_write = user.has_perm("patients.identity_write")
    page = "dossier:patient" if user.has_perm("patients.open") else "dossier:choices"
    if may_write and not user.has_perm("consent.view"):
        page = "dossier:identity"
    inside = row.has_care_relation
    return {
        "identity_url": reverse("dossier:identity", args=[patient.uid]) if may_write else "",
        "url": reverse(page, args=[patient.uid]),
        "birth_name": patient.birth_name,
        "given_name": patient.first_birth_given_name,
        "sex": patient.sex,
        "birth_date": patient.birth_date,
        "birth_place": patient.birth_place_label,
        "birth_place_code": patient.birth_place_cog,
        "ipp": row.ipp,
        "status": patient.identity_status,
        "attributes": patient.identity_attributes,
        "last_visit": _visit_words(row),
        "is_inside": inside,
    }


def _visit_words(row: SearchRow) -> str:
    episode = row.last_episode
    if episode is None:
        return ""
    place = episode.unit_name or "Unité inconnue"
    if episode.state == EpisodeState.OPEN:
        return f"{place}, en cours"
    if episode.begins_at is None:
        return place
    return f"{timezone.localtime(episode.begins_at):%d/%m/%Y}, {place}"


def _unit_row(
    row: UnitRow, user: User, choices: CurrentChoices | None, counts: dict[int, dict[str, int]]
) -> dict[str, Any]:
    patient, episode = row.patient, row.episode
    page = "dossier:patient" if user.has_perm("patients.open") else "dossier:choices"
    allergy = next((line for line in row.alerts if line.kind == AlertKind.ALLERGY), None)
    clinical = user.has_perm("patients.open")
    return {
        "url": reverse(page, args=[patient.uid]),
        "bed": bed_words(episode),
        "birth_name": patient.birth_name,
        "given_name": patient.first_birth_given_name,
        "sex": patient.sex,
        "birth_date": patient.birth_date,
        "status": patient.identity_status,
        "attributes": patient.identity_attributes,
        "allergies": allergy.labels if allergy and clinical else (),
        "allergy_state": (allergy.state if allergy else AlertState.NOT_RECORDED) if clinical else "",
        "choice": choices_summary(choices),
        "entered_at": episode.admitted_at,
        "stay_note": _stay_note(episode.planned_at, episode.state),
        "todo": _todo(counts.get(patient.pk, {})) if clinical else [],
    }


def choices_summary(choices: CurrentChoices | None) -> str:
    """One word for both choices (family `choices_summary`)."""
    fed = choices.alimentation_value if choices else ChoiceValue.NOT_COLLECTED
    read = choices.consultation_value if choices else ChoiceValue.NOT_COLLECTED
    if fed == ChoiceValue.OPPOSED and read == ChoiceValue.OPPOSED:
        return "opposed"
    if fed == ChoiceValue.OPPOSED:
        return "opposed_alimentation"
    if read == ChoiceValue.OPPOSED:
        return "opposed_consultation"
    if ChoiceValue.NOT_COLLECTED in (fed, read):
        return "not_collected"
    return "not_opposed"


def _todo(counts: dict[str, int]) -> list[Todo]:
    todo = []
    if drafts := counts.get("drafts", 0):
        todo.append(Todo("sending", "to_validate", f"{drafts} à valider"))
    if failures := counts.get("failures", 0):
        words = f"{failures} échec{'s' if failures > 1 else ''}"
        todo.append(Todo("order_state", "failed", words, "solid"))
    if received := counts.get("received", 0):
        todo.append(Todo("reception", "new", f"{received} REÇU{'S' if received > 1 else ''}"))
    return todo


def _stay_note(planned_at: datetime | None, state: str) -> str:
    if state == EpisodeState.PLANNED and planned_at is not None:
        return f"prévu le {timezone.localtime(planned_at):%d/%m}"
    return ""


def _matches(row: UnitRow, text: str) -> bool:
    patient, episode = row.patient, row.episode
    words = f"{patient.birth_name} {patient.used_name} {patient.birth_given_names}"
    wanted = comparable(text)
    return wanted in comparable(words) or wanted in comparable(f"{episode.room} {episode.bed} {row.ipp}")


def _sorted(rows: list[UnitRow], key: str) -> list[UnitRow]:
    return sorted(rows, key=UNIT_SORTS[key])


def _columns(url: str, key: str) -> dict[str, Column]:
    words = {"bed": ("Lit", "lit"), "patient": ("Patient", "patient"), "stay": ("Séjour", "sejour")}
    return {
        name: Column(word, f"{url}?{SORT}={value}", "ascending" if value == key else "")
        for name, (word, value) in words.items()
    }


def _subtitle(units: tuple[Unit, ...], total: int, kept: int) -> str:
    names = " · ".join(f"{unit.name} (UF {unit.code})" for unit in units) or "Tous les services"
    count = f"{kept} sur {total}" if kept != total else str(total)
    return f"{names} · {count} patient{'s' if total > 1 else ''}"
