"""Services socles: state, certificates, trials and installation switches on one page (F-PV-36, F-DPI-13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.enums import ProviderKind
from accounts.http import SignedInRequest
from accounts.models import IdentityProvider
from establishment.certificates import CertificateFacts, certificates_of
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, ServiceEndpoint, Site
from establishment.services import endpoint_set, switch_set
from exchange.alarms import Alarm, is_down, service_alarms
from exchange.certificates import provider_certificates
from exchange.views.rail import SERVICE_ICONS, service_view
from national.dmp.opening import EVERY_SITE, air_address
from national.dmp.trial import AIR
from national.enums import TrialState
from national.models import ServiceTrial
from national.selectors import CONSULTATION, Health, health_of, last_trials, trial_by_uid
from national.services import trial_ask
from national.tasks import trial_after_commit
from national.trials import can_be_tried
from ui.french import hour

OIDC: Final = "oidc:"
AIR_TARGET: Final = f"{NationalService.DMP.value}:{AIR}"
TRIAL_LATE: Final = timedelta(seconds=40)
"""A trial that no worker took up by then is said to be lost."""
SWITCH_WORDS: Final[Mapping[Switch, tuple[str, str]]] = {
    Switch.PSC: (
        "Pro Santé Connect est proposé à la connexion.",
        "Pro Santé Connect n’est pas proposé\u202f: les autres moyens restent.",
    ),
    Switch.PFI_DMP: (
        "La PFI de ce logiciel porte les documents au DMP.",
        "Une autre PFI les porte\u202f: celle-ci refuse les ordres pour le DMP.",
    ),
    Switch.PFI_MSS_OUT: (
        "La PFI de ce logiciel envoie les courriels MSSanté.",
        "Une autre PFI les envoie\u202f: celle-ci refuse les ordres de messagerie.",
    ),
    Switch.PFI_MSS_IN: (
        "La PFI de ce logiciel relève les boîtes applicatives.",
        "Une autre PFI les relève et remet les documents par HL7.",
    ),
    Switch.IDENTITY_REPOSITORY: (
        "Les identités viennent du référentiel de l’établissement, par PAM.",
        "Les identités se gèrent aussi dans ce logiciel.",
    ),
}
"""What each switch means, on then off (F-DPI-13)."""


@dataclass(frozen=True, slots=True)
class Card:
    """One service of the page. `target` names it for its trial; `state` is of the family `service`.

    `facts` are pairs of a word and what is to know of this service alone.
    """

    title: str
    icon: str
    target: str
    state: str
    since: str
    address: str
    health: Health | None
    certificates: list[CertificateFacts]
    alarms: list[Alarm]
    trial: ServiceTrial | None
    can_be_tried: bool
    now: datetime
    calls_url: str = ""
    is_enabled: bool | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether the page asks what becomes of the trial."""
        return self.trial is not None and _is_waiting(self.trial, self.now)

    @property
    def is_lost(self) -> bool:
        """Whether no worker took the trial up."""
        return self.trial is not None and _is_lost(self.trial, self.now)


@requires("establishment.settings")
@require_GET
def services(request: SignedInRequest) -> HttpResponse:
    """Every service with its state, its certificates and its last trial; the five switches beside."""
    now = timezone.now()
    alarms = service_alarms(now)
    providers = list(IdentityProvider.objects.all())
    cards = _national_cards(now, alarms) + _provider_cards(providers, now, alarms)
    switches = {row.code: row for row in InstallationSwitch.objects.all()}
    context = {
        "cards": cards,
        "alarms": alarms,
        "switches": [_switch(code, switches.get(code)) for code in Switch],
        "refresh_url": request.path,
    }
    return render(request, "exchange/services.html", context)


@requires("establishment.settings")
@require_POST
def service_try(request: SignedInRequest, target: str) -> HttpResponse:
    """Ask for a trial; a worker makes the call, the page shows what comes of it."""
    if target not in _targets():
        raise Http404
    with transaction.atomic():
        trial = trial_ask(target=target, actor=request.actor)
        trial_after_commit(trial.pk)
    if request.headers.get("HX-Request"):
        return render(request, "exchange/_trial.html", _trial_context(trial))
    return HttpResponseRedirect(reverse("exchange:services"))


@requires("establishment.settings", polling=True)
@require_GET
def trial(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """The state of a trial, asked every second until it ended (status 286 ends the asking)."""
    found = trial_by_uid(uid)
    if found is None:
        raise Http404
    context = _trial_context(found)
    status = 200 if context["is_waiting"] else 286
    return render(request, "exchange/_trial.html", context, status=status)


@requires("establishment.settings")
@require_POST
def switch(request: SignedInRequest, code: str) -> HttpResponse:
    """Turn one of the five switches; what it means is on the page, who did it is in the trace."""
    if code not in Switch.values or request.POST.get("etat") not in ("actif", "inactif"):
        raise Http404
    is_on = request.POST["etat"] == "actif"
    switch_set(code=Switch(code), is_on=is_on, actor=request.actor)
    on, off = SWITCH_WORDS[Switch(code)]
    messages.success(request, on if is_on else off)
    return HttpResponseRedirect(reverse("exchange:services"))


@requires("establishment.settings")
@require_POST
def access(request: SignedInRequest, service: str) -> HttpResponse:
    """Stop the calls to a service, or allow them again."""
    row = ServiceEndpoint.objects.filter(service=service).first()
    if row is None or request.POST.get("etat") not in ("actif", "inactif"):
        raise Http404
    is_enabled = request.POST["etat"] == "actif"
    endpoint_set(service=NationalService(service), actor=request.actor, is_enabled=is_enabled)
    words = "autorisés" if is_enabled else "arrêtés"
    messages.success(request, f"{row.get_service_display()}\u202f: appels {words}.")
    return HttpResponseRedirect(reverse("exchange:services"))


def _targets() -> set[str]:
    """What the page can try out: the services, and each provider of identities."""
    services = {service.value for service in NationalService if service != NationalService.PSC}
    providers = {f"{OIDC}{slug}" for slug in IdentityProvider.objects.values_list("slug", flat=True)}
    return services | providers | {AIR_TARGET}


def _national_cards(now: datetime, alarms: list[Alarm]) -> list[Card]:
    shown = [service for service in NationalService if service != NationalService.PSC]
    endpoints = {row.service: row for row in ServiceEndpoint.objects.all()}
    trials = last_trials([*(service.value for service in shown), AIR_TARGET])
    cards = []
    for one in shown:
        cards.append(_national(one, endpoints.get(one), now, alarms, trials.get(one.value)))
        if one is NationalService.DMP:
            cards.append(_consultation(endpoints.get(one), now, trials.get(AIR_TARGET)))
    return cards


def _national(
    service: NationalService,
    endpoint: ServiceEndpoint | None,
    now: datetime,
    alarms: list[Alarm],
    trial: ServiceTrial | None,
) -> Card:
    health = health_of(service)
    state, since = _state(health, is_configured=endpoint is not None and endpoint.is_enabled)
    addresses = (endpoint.base_url, endpoint.reading_url) if endpoint else ()
    return Card(
        title=service.label,
        icon=SERVICE_ICONS[service],
        target=service.value,
        state=state,
        since=since,
        address=" · ".join(filter(None, addresses)),
        health=health,
        certificates=certificates_of(endpoint, now) if endpoint else [],
        alarms=[alarm for alarm in alarms if alarm.service == service],
        trial=trial,
        can_be_tried=endpoint is not None and endpoint.is_enabled and can_be_tried(service.value),
        now=now,
        calls_url=service_view(service),
        is_enabled=endpoint.is_enabled if endpoint else None,
    )


def _consultation(endpoint: ServiceEndpoint | None, now: datetime, trial: ServiceTrial | None) -> Card:
    """The DMP as it is read, AIR simplifié: another address, another token, its own sites (F-PV-36)."""
    sites = _air_sites()
    is_open = endpoint is not None and endpoint.is_enabled
    health = health_of(NationalService.DMP, transactions=CONSULTATION)
    state, since = _state(health, is_configured=is_open and bool(sites))
    return Card(
        title="DMP – consultation",
        icon=SERVICE_ICONS[NationalService.DMP],
        target=AIR_TARGET,
        state=state,
        since=since,
        address=air_address(endpoint) if endpoint else "",
        health=health,
        certificates=certificates_of(endpoint, now) if endpoint else [],
        alarms=[],
        trial=trial,
        can_be_tried=is_open and can_be_tried(AIR_TARGET),
        now=now,
        calls_url=service_view(NationalService.DMP),
        facts=(
            ("Mode", f"AIR simplifié, VIHF {settings.DMP_AIR_VIHF_VERSION}"),
            ("Sites ouverts", ", ".join(sites) or "aucun\u202f: personne ne consulte"),
        ),
    )


def _air_sites() -> list[str]:
    """Sites declared for AIR simplifié, in words; one that is not described here is said so. 1 query."""
    declared = list(settings.DMP_AIR_SITES)
    if EVERY_SITE in declared:
        return ["tous"]
    names = dict(Site.objects.filter(finess__in=declared).values_list("finess", "name"))
    return [f"{names.get(finess, 'site inconnu ici')} ({finess})" for finess in declared]


def _provider_cards(providers: list[IdentityProvider], now: datetime, alarms: list[Alarm]) -> list[Card]:
    trials = last_trials([f"{OIDC}{provider.slug}" for provider in providers])
    return [_provider(one, now, alarms, trials.get(f"{OIDC}{one.slug}")) for one in providers]


def _provider(
    provider: IdentityProvider, now: datetime, alarms: list[Alarm], trial: ServiceTrial | None
) -> Card:
    is_psc = provider.kind == ProviderKind.PSC
    health = health_of(NationalService.PSC) if is_psc else None
    state, since = _state(health, is_configured=provider.is_enabled) if health else ("", "")
    return Card(
        title=provider.label,
        icon="smartphone" if is_psc else "key",
        target=f"{OIDC}{provider.slug}",
        state=state or ("" if provider.is_enabled else "off"),
        since=since,
        address=provider.issuer,
        health=health,
        certificates=provider_certificates(provider, now),
        alarms=[alarm for alarm in alarms if alarm.service is None and alarm.user == provider.label],
        trial=trial,
        can_be_tried=True,
        now=now,
        calls_url=service_view(NationalService.PSC) if is_psc else "",
    )


def _state(health: Health, *, is_configured: bool) -> tuple[str, str]:
    """State of the family `service`, and since when; empty before the first call."""
    if not is_configured:
        return "off", ""
    if health.last is None:
        return "", ""
    if is_down(health.last.outcome):
        return "down", hour(health.last.started_at)
    return "up", ""


def _switch(code: Switch, row: InstallationSwitch | None) -> dict[str, Any]:
    is_on = row is not None and row.is_on
    on, off = SWITCH_WORDS[code]
    return {
        "code": code.value,
        "label": code.label,
        "is_on": is_on,
        "words": on if is_on else off,
        "other": off if is_on else on,
        "changed_at": row.changed_at if row else None,
    }


def _trial_context(trial: ServiceTrial) -> dict[str, Any]:
    now = timezone.now()
    return {"trial": trial, "is_waiting": _is_waiting(trial, now), "is_lost": _is_lost(trial, now)}


def _is_waiting(trial: ServiceTrial, now: datetime) -> bool:
    return trial.state == TrialState.PENDING and now - trial.asked_at <= TRIAL_LATE


def _is_lost(trial: ServiceTrial, now: datetime) -> bool:
    return trial.state == TrialState.PENDING and now - trial.asked_at > TRIAL_LATE
