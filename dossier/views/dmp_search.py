"""The multi-criteria search in the DMP, and the searches that a person keeps (SC.DMP/UX.17, UX.27)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from dmp.criteria import (
    PERIODS,
    SearchCriteria,
    choice_labels,
    criteria_of,
    criteria_of_query,
    unreadable_dates,
    widened,
)
from dmp.errors import PresetRefused
from dmp.models import SearchPreset
from dmp.selectors import filed_versions, presets_of
from dmp.services import documents_search, preset_delete, preset_save, status_refresh
from dossier.banner import banner_of, rail_of
from dossier.dmp_access import Asked, asked_for
from dossier.dmp_rows import DmpGroup, group_of_search
from interop.cda.value_sets import document_types
from interop.xds.metadata import Code
from interop.xds.nomenclature import UnknownCode, class_of_type
from ui.components import Filter, Option
from ui.pills import label

MENUS = (
    ("classes", "Classe"),
    ("sectors", "Secteur d’activité"),
    ("settings", "Cadre d’exercice"),
    ("formats", "Format"),
)
DATES = (
    ("act", "Acte"),
    ("created", "Document"),
    ("deposited", "Dépôt"),
)
WORDS = (
    ("author", "Auteur"),
    ("specialty", "Spécialité"),
    ("structure", "Structure"),
    ("events", "Acte (code ou libellé)"),
)
FLAGS = (
    ("hidden_patient", "Invisibles au patient"),
    ("hidden_guardians", "Invisibles aux représentants"),
    ("masked", "Masqués aux professionnels"),
    ("archived", "Avec les archivés"),
    ("obsolete", "Avec les anciennes versions"),
)
OTHER_CLASS = "Autres"
CLEARED = "vide"


@dataclass(frozen=True, slots=True)
class TypeGroup:
    """The types of one class, for the menu of types."""

    title: str
    options: Sequence[Option]


@dataclass(frozen=True, slots=True)
class SearchForm:
    """Inputs of dossier/_dmp_search_form.html."""

    action: str
    preset_url: str
    close_url: str
    clear_url: str
    type_groups: Sequence[TypeGroup]
    types_chosen: int
    menus: Sequence[Filter]
    months: Sequence[Option]
    dates: Sequence[tuple[str, str, str, str]]
    words: Sequence[tuple[str, str, str]]
    flags: Sequence[tuple[str, str, bool]]
    presets: Sequence[tuple[SearchPreset, str]]
    errors: Sequence[str] = ()
    preset_error: str = ""


@requires("patients.open", "dmp.consult")
@require_GET
def dmp_search(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """The form; works whatever the counter says. By htmx above the list, else on its own page."""
    asked = asked_for(request, patient_uid)
    context = _form_context(asked, request.GET)
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_dmp_search_form.html", context)
    context |= _page_around(asked)
    return render(request, "dossier/dmp_search.html", context)


@requires("patients.open", "dmp.consult")
@require_GET
def dmp_results(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """What the search finds, in the DMP section of the list (SC.DMP/UX.14)."""
    asked = asked_for(request, patient_uid)
    bad_dates = unreadable_dates(_lists(request.GET))
    group = results_of(asked, request.GET) if not bad_dates else _refused(asked, "Une date est illisible.")
    if request.headers.get("HX-Request"):
        return render(request, "dossier/_dmp_group.html", {"group": group})
    context = _form_context(asked, request.GET) | _page_around(asked) | {"group": group}
    return render(request, "dossier/dmp_search.html", context)


@requires("patients.open", "dmp.consult")
@require_POST
def dmp_preset(request: HttpRequest, patient_uid: UUID) -> HttpResponse:
    """Keep these criteria, or forget a kept search; answers the form as it is now."""
    asked = asked_for(request, patient_uid)
    error = ""
    forgotten = request.POST.get("oublier", "")
    if forgotten.isdecimal():
        preset_delete(user=asked.user, pk=int(forgotten[:18]))
    else:
        try:
            preset_save(
                user=asked.user,
                name=request.POST.get("nom", ""),
                criteria=criteria_of(_lists(request.POST)),
                is_for_counter=request.POST.get("compteur") == "1",
            )
        except PresetRefused as refusal:
            error = refusal.message
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(reverse("dossier:dmp_search", args=[patient_uid]))
    context = _form_context(asked, request.POST, preset_error=error)
    return render(request, "dossier/_dmp_search_form.html", context)


def results_of(asked: Asked, data: QueryDict) -> DmpGroup:
    """The section with what was found, or with the reason why nothing was asked."""
    if asked.consultation is None:
        return _refused(asked, label("dmp_access", asked.gate.state))
    checked = status_refresh(asked.consultation, now=asked.now)
    if not checked.is_open:
        return _refused(asked, checked.sentence or label("dmp_access", checked.state))
    criteria = criteria_of(_lists(data))
    found = documents_search(asked.consultation, criteria, now=asked.now)
    if found.failed:
        return _refused(asked, found.sentence)
    filed = filed_versions(asked.patient, [one.unique_id for one in found.documents])
    results_url = reverse("dossier:dmp_results", args=[asked.patient.uid])
    return group_of_search(
        asked.patient,
        asked.user,
        found.documents,
        filed,
        criteria,
        left_out=found.left_out,
        widen_url=f"{results_url}?{widened(criteria).query}",
    )


def _refused(asked: Asked, sentence: str) -> DmpGroup:
    url = reverse("dossier:dmp_group", args=[asked.patient.uid])
    return DmpGroup(
        url=url, is_shown=True, is_search=True, close_url=url, failures=(sentence,), takes_focus=True
    )


def _form_context(asked: Asked, data: QueryDict, *, preset_error: str = "") -> dict[str, Any]:
    """The form, filled with what was asked, or with the criteria of the counter at first."""
    given = _lists(data)
    presets = presets_of(asked.user)
    criteria = criteria_of(given)
    if criteria == SearchCriteria() and not data.get(CLEARED):
        mine = next((one for one in presets if one.is_for_counter), None)
        criteria = criteria_of_query(mine.query) if mine else criteria
    url = reverse("dossier:dmp_search", args=[asked.patient.uid])
    names = {f"{name}_{end}" for name, _ in DATES for end in ("from", "to")}
    bad = [name for name in unreadable_dates(given) if name in names]
    form = SearchForm(
        action=reverse("dossier:dmp_results", args=[asked.patient.uid]),
        preset_url=reverse("dossier:dmp_preset", args=[asked.patient.uid]),
        close_url=reverse("dossier:patient", args=[asked.patient.uid]),
        clear_url=f"{url}?{CLEARED}=1",
        type_groups=_type_groups(criteria),
        types_chosen=len(criteria.types),
        menus=[_menu(name, word, criteria) for name, word in MENUS],
        months=[Option(value, word, (criteria.months or "24") == value) for value, word in PERIODS.items()],
        dates=[
            (name, word, _day(criteria, f"{name}_from"), _day(criteria, f"{name}_to")) for name, word in DATES
        ],
        words=[(name, word, getattr(criteria, name)) for name, word in WORDS],
        flags=[(name, word, getattr(criteria, name)) for name, word in FLAGS],
        presets=[(one, f"{url}?{one.query}") for one in presets],
        errors=["Une date est illisible : écrivez-la jj/mm/aaaa."] if bad else (),
        preset_error=preset_error,
    )
    return {"form": form}


def _page_around(asked: Asked) -> dict[str, Any]:
    return {
        "banner": banner_of(asked.record, asked.user),
        "rail": rail_of(asked.patient, asked.user, current="documents"),
        "group": DmpGroup(url=reverse("dossier:dmp_group", args=[asked.patient.uid])),
    }


def _type_groups(criteria: SearchCriteria) -> list[TypeGroup]:
    """Every type by its class, labels in order (dmp 6.4)."""
    groups: dict[str, list[Option]] = {}
    for code, kind in document_types().items():
        groups.setdefault(_class_label(Code(code, kind.system)), []).append(
            Option(code, kind.display, code in criteria.types)
        )
    return [
        TypeGroup(title, sorted(options, key=lambda one: one.label.casefold()))
        for title, options in sorted(groups.items(), key=lambda pair: (pair[0] == OTHER_CLASS, pair[0]))
    ]


def _class_label(kind: Code) -> str:
    try:
        return class_of_type(kind).label
    except UnknownCode:
        return OTHER_CLASS


def _menu(name: str, word: str, criteria: SearchCriteria) -> Filter:
    chosen = getattr(criteria, name)
    options = [Option(code, words, code in chosen) for code, words in choice_labels(name).items()]
    return Filter(name, word, sorted(options, key=lambda one: one.label.casefold()))


def _day(criteria: SearchCriteria, name: str) -> str:
    value = getattr(criteria, name)
    return f"{value:%d/%m/%Y}" if value else ""


def _lists(data: QueryDict) -> Mapping[str, Sequence[str]]:
    return {name: data.getlist(name) for name in data}
