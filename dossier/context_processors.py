"""What surrounds every page of a logged-in person: application bar, status bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.rules import Phase
from accounts.sessions import SessionState
from documents.selectors import notice_counts
from establishment.enums import NationalService
from establishment.models import LegalEntity
from exchange.alarms import alarms_count
from national.enums import CallOutcome
from national.selectors import last_call
from sending.selectors import failures_count
from ui.components import Entry, Service, Shell, UserCard
from ui.french import hour

ENVIRONMENT_DEMONSTRATION = "Démonstration"
RECEIVED_VIEWS = frozenset(
    {
        "dossier:mssante",
        "dossier:mssante_history",
        "dossier:mails",
        "dossier:import_new",
        "dossier:import",
        "dossier:import_confirm",
    }
)
SENDING_VIEWS = frozenset({"dossier:envois"})
PATIENT_VIEWS = frozenset(
    {
        "dossier:home",
        "dossier:patient",
        "dossier:patient_envois",
        "dossier:search",
        "dossier:choices",
        "dossier:identity",
        "dossier:insi_ask",
        "dossier:insi_decide",
        "dossier:letter_edit",
        "dossier:letter_panel",
        "dossier:letter_validate",
    }
)


@dataclass(frozen=True, slots=True)
class TechnicalPage:
    """An entry of the bar of those who have no patients: word, first view, permission, the views it holds."""

    label: str
    view: str
    permission: str
    icon: str
    holds: frozenset[str]
    alarms: Callable[[], int] = lambda: 0


TECHNICAL = (
    TechnicalPage(
        "Indicateurs",
        "stats:overview",
        "stats.view",
        "chart",
        frozenset({"stats:overview", "stats:chapter", "stats:stays", "stats:exports"}),
    ),
    TechnicalPage(
        "Échanges",
        "exchange:journal",
        "exchange.journal",
        "arrows",
        frozenset(
            {"exchange:journal", "exchange:message_show", "exchange:calls", "pfi:jobs", "dossier:mails"}
        ),
    ),
    TechnicalPage(
        "Services socles",
        "exchange:services",
        "establishment.settings",
        "server",
        frozenset({"exchange:services"}),
        alarms_count,
    ),
    TechnicalPage(
        "Traces DMP", "dossier:dmp_traces", "dmp.trace_export", "list", frozenset({"dossier:dmp_traces"})
    ),
    TechnicalPage(
        "Traces MSSanté",
        "dossier:mssante_traces",
        "mssante.trace_export",
        "list",
        frozenset({"dossier:mssante_traces"}),
    ),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """`shell` for base.html; absent while nobody is logged in or the session is locked.

    Made when a template asks for it: a fragment shows none of it, and costs none of its queries.
    """
    user = getattr(request, "user", None)
    if not isinstance(user, User) or getattr(request, "phase", None) is not Phase.OPEN:
        return {}
    return {"shell": SimpleLazyObject(lambda: _shell_of(request, user))}


def _shell_of(request: HttpRequest, user: User) -> Shell:
    assignment = next(iter(user.assignments_now), None)
    entity = LegalEntity.objects.only("name").first()
    return Shell(
        hospital=entity.name if entity else "Établissement",
        home_url=first_page(user),
        unit=_unit_label(user),
        environment=ENVIRONMENT_DEMONSTRATION if settings.DPI_SANDBOX else "",
        entries=entries_of(user, _view_name(request)),
        search_url=reverse("dossier:search") if user.has_perm("patients.search") else "",
        search_results_url=reverse("dossier:search_results") if user.has_perm("patients.search") else "",
        user=UserCard(
            name=user.display_name,
            role=str(assignment.role) if assignment else "Sans habilitation",
            initials=_initials(user),
        ),
        user_menu=_menu_of(user),
        session=_session_label(request),
        activity=_activity_label(request),
        services=_services(),
        counters_url=reverse("dossier:counters") if user.has_perm("sending.list") else "",
        version=f"v{settings.DPI_VERSION}",
        logout_url=reverse("accounts:logout"),
    )


def _menu_of(user: User) -> list[Entry]:
    """What is needed now and then, under the name of the person."""
    entries = [Entry("Mon compte", reverse("accounts:profile"), "user")]
    if user.has_perm("mssante.directory"):
        entries.append(Entry("Annuaire des professionnels", reverse("mssante:directory"), "book-user"))
    entries.append(Entry("À propos", reverse("about"), "info"))
    return entries


def entries_of(user: User, here: str) -> list[Entry]:
    """The entries of the bar, only those that this person may open; `here` is the name of the view."""
    entries = []
    if user.has_perm("patients.unit_list"):
        label = unit_list_word(user)
        url = reverse("dossier:home")
        entries.append(
            Entry(label, url, "bed", current=here in PATIENT_VIEWS, short="Patients", key="patients")
        )
    if user.has_perm("sending.list"):
        failures = failures_count(user)
        entries.append(
            Entry(
                "Envois",
                reverse("dossier:envois"),
                "send",
                current=here in SENDING_VIEWS,
                alarm=failures,
                alarm_noun="échec" if failures == 1 else "échecs",
                key="envois",
            )
        )
    entries += _received_entries(user, here)
    entries += [_technical_entry(page, here) for page in TECHNICAL if user.has_perm(page.permission)]
    return entries


def _technical_entry(page: TechnicalPage, here: str) -> Entry:
    alarms = page.alarms()
    return Entry(
        page.label,
        reverse(page.view),
        page.icon,
        current=here in page.holds,
        alarm=alarms,
        alarm_noun="alarme" if alarms == 1 else "alarmes",
    )


def _received_entries(user: User, here: str) -> list[Entry]:
    """MSSanté: what nobody of the unit saw, and the rejections that wait for somebody (SC.MSS/UX.38)."""
    if not user.has_perm("documents.received"):
        return []
    counts = notice_counts(user)
    return [
        Entry(
            "MSSanté",
            reverse("dossier:mssante"),
            "inbox",
            current=here in RECEIVED_VIEWS,
            count=counts.unseen or None,
            alarm=counts.rejected,
            alarm_noun="rejet" if counts.rejected == 1 else "rejets",
            key="mssante",
        )
    ]


def first_page(user: User) -> str:
    """Where a person starts: the first entry of the bar, else the account itself."""
    if user.has_perm("patients.unit_list"):
        return reverse("dossier:home")
    views = (page.view for page in TECHNICAL if user.has_perm(page.permission))
    return reverse(next(views, "accounts:profile"))


def unit_list_word(user: User) -> str:
    """The list of present patients, as its reader calls it."""
    return "Patients" if user.has_perm("patients.identity_write") else "Mes patients"


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _services() -> list[Service]:
    """The DMP as the last call found it (DPI.DMP/UX.10): a failure is said, success whispers."""
    last = last_call(NationalService.DMP)
    if last is None:
        return []
    if last.outcome in (CallOutcome.UNAVAILABLE, CallOutcome.UNCERTAIN):
        return [Service("DMP", "down", hour(last.started_at))]
    return [Service("DMP", "up")]


def _unit_label(user: User) -> str:
    units = [row.unit for row in user.assignments_now if row.unit is not None]
    if not units:
        return "Tous les services"
    first = units[0]
    others = len(units) - 1
    return f"{first.name} · UF {first.code}" + (f" et {others} autre{'s' * (others > 1)}" if others else "")


def _initials(user: User) -> str:
    return f"{user.given_name[:1]}{user.family_name[:1]}".upper()


def _session_label(request: HttpRequest) -> str:
    assurance = getattr(request, "assurance", None)
    if assurance is None:
        return ""
    return "2 facteurs" if assurance.two_factor else "1 facteur"


def _activity_label(request: HttpRequest) -> str:
    """The activity chosen among several for this session (psc 6.4); empty where there was no choice."""
    state = getattr(request, "session_state", None)
    if not isinstance(state, SessionState) or len(state.activities) < 2 or state.activity is None:
        return ""
    return state.activity.short
