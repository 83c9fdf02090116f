"""The directory of professionals: search, add to the address book (SC.MSS/UX.10, F-PV-24; mssante 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.http import SignedInRequest
from mssante.criteria import Criteria, criteria_of, professions, specialties
from mssante.enums import MailboxKind
from mssante.lines import Line, line_of_entry, lines_of_book, lines_of_entries
from mssante.selectors import correspondents_answering, entry_by_uid, picked_addresses
from mssante.services import directory_pick, directory_search
from national.annuaire.ports import MAX_ROWS

PAGE: Final = 50
SOURCE: Final = "source"
BOOK, DIRECTORY = "carnet", "annuaire"
SOURCES: Final = ((DIRECTORY, "Annuaire santé"), (BOOK, "Carnet d’adresses de l’établissement"))
_TEXTS: Final = (
    ("nom", "Nom"),
    ("prenom", "Prénom"),
    ("rpps", "RPPS"),
    ("structure", "Structure"),
    ("finess", "FINESS"),
    ("cp", "Code postal ou département"),
    ("ville", "Ville"),
    ("adresse", "Adresse MSSanté"),
)
_NUMBERS: Final = frozenset({"rpps", "cp"})


@dataclass(frozen=True, slots=True)
class Control:
    """One criterion of the form; with `options`, a list to choose from."""

    name: str
    label: str
    value: str
    error: str = ""
    options: Sequence[tuple[str, str]] = ()

    @property
    def is_number(self) -> bool:
        return self.name in _NUMBERS


@dataclass(frozen=True, slots=True)
class Results:
    """Inputs of mssante/_directory_rows.html. `trouble` says why the copy answers, `note` what is missing."""

    lines: Sequence[Line]
    total: int
    first: int
    last: int
    previous_url: str
    next_url: str
    is_book: bool
    trouble: str = ""
    copied_at: Any = None
    is_cut: bool = False


@requires("mssante.directory")
@require_GET
def directory(request: SignedInRequest) -> HttpResponse:
    """The form; what it asks is searched by a fragment, or here when the browser runs no script."""
    criteria = criteria_of(request.GET.dict())
    source = _source(request)
    context: dict[str, Any] = {
        "controls": _controls(criteria),
        "source": source,
        "sources": SOURCES,
        "errors": criteria.errors,
        "clear_url": reverse("mssante:directory"),
        "is_asked": criteria.can_search,
    }
    if criteria.can_search and "direct" in request.GET:
        context["results"] = _results(request, criteria)
    elif criteria.can_search:
        query = _query(criteria, source, _page(request))
        context["rows_url"] = f"{reverse('mssante:directory_rows')}?{query}"
        context["direct_url"] = f"{reverse('mssante:directory')}?{query}&direct=1"
        context["waiting"] = dict(SOURCES)[source]
    return render(request, "mssante/directory.html", context)


@requires("mssante.directory")
@require_GET
def directory_rows(request: SignedInRequest) -> HttpResponse:
    """What was found, 50 lines at a time; asked by the page, which stays usable meanwhile."""
    criteria = criteria_of(request.GET.dict())
    if not criteria.can_search:
        raise Http404
    return render(request, "mssante/_directory_rows.html", {"results": _results(request, criteria)})


@requires("mssante.directory")
@require_POST
def pick(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """Add a line of the directory to the address book; by htmx, the line again."""
    entry = entry_by_uid(uid)
    if entry is None:
        raise Http404
    directory_pick(entry=entry, actor=request.actor)
    if request.headers.get("HX-Request"):
        line = line_of_entry(entry, is_kept=True)
        return render(request, "mssante/_directory_row.html", {"line": line})
    messages.success(request, f"{entry.name} est dans le carnet d’adresses.")
    back = request.POST.get("retour", "")
    is_ours = back.startswith(reverse("mssante:directory")) and url_has_allowed_host_and_scheme(back, None)
    return HttpResponseRedirect(back if is_ours else reverse("mssante:directory"))


def _results(request: SignedInRequest, criteria: Criteria) -> Results:
    source, page = _source(request), _page(request)
    if source == BOOK:
        found = lines_of_book(correspondents_answering(criteria.query, MAX_ROWS))
        return _results_of(found, criteria, source, page)
    answer = directory_search(criteria.query, actor=request.actor)
    shown = answer.entries[(page - 1) * PAGE : page * PAGE]
    lines = lines_of_entries(shown, picked_addresses(shown))
    return _results_of(
        lines,
        criteria,
        source,
        page,
        total=len(answer.entries),
        trouble=answer.trouble,
        copied_at=answer.oldest if answer.trouble else None,
        is_cut=answer.is_cut,
    )


def _results_of(
    lines: Sequence[Line],
    criteria: Criteria,
    source: str,
    page: int,
    *,
    total: int | None = None,
    **told: Any,
) -> Results:
    """One page of lines; `total` is given when `lines` are that page already."""
    shown = lines if total is not None else lines[(page - 1) * PAGE : page * PAGE]
    total = len(lines) if total is None else total
    start = (page - 1) * PAGE
    url = reverse("mssante:directory")
    return Results(
        lines=shown,
        total=total,
        first=start + 1,
        last=start + len(shown),
        previous_url=f"{url}?{_query(criteria, source, page - 1)}" if page > 1 else "",
        next_url=f"{url}?{_query(criteria, source, page + 1)}" if start + len(shown) < total else "",
        is_book=source == BOOK,
        **told,
    )


def _controls(criteria: Criteria) -> list[Control]:
    lists = {
        "profession": ("Profession", professions()),
        "specialite": ("Spécialité", specialties()),
        "bal": ("Type de boîte", dict(MailboxKind.choices)),
    }
    labels = dict(_TEXTS)
    return [
        Control(
            name,
            labels.get(name) or lists[name][0],
            value,
            criteria.errors.get(name, ""),
            tuple(lists[name][1].items()) if name in lists else (),
        )
        for name, value in criteria.typed.items()
    ]


def _source(request: SignedInRequest) -> str:
    return BOOK if request.GET.get(SOURCE) == BOOK else DIRECTORY


def _page(request: SignedInRequest) -> int:
    asked = request.GET.get("page", "1")
    return min(max(int(asked), 1), MAX_ROWS // PAGE) if asked.isdecimal() and len(asked) < 6 else 1


def _query(criteria: Criteria, source: str, page: int) -> str:
    values = {name: value for name, value in criteria.typed.items() if value} | {SOURCE: source}
    return urlencode(values | ({"page": str(page)} if page > 1 else {}))
