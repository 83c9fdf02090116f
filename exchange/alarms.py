"""What an administrator must look at: silence of the DMP, certificates that end, switches without access,
a clock that is wrong, mails without the reference of the product (mssante 1.5, ECO.2.4.3).

Computed every five minutes by a worker, logged, and kept for the counter of the application bar; the page of
the services computes it anew (F-PFI-20, F-PV-42).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import redis
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from establishment.certificates import Expiry
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, ServiceEndpoint
from exchange.certificates import CertificateInUse, certificates_in_use
from national.clock import CLOCK_DRIFT, drift_words
from national.enums import CallOutcome
from national.rules import is_silent
from national.selectors import clock_drift, first_call_at, last_success_at

logger = logging.getLogger(__name__)

_KEY: Final = "exchange:alarms"
_KEPT_SECONDS: Final = 15 * 60
NEEDED_BY: Final = {
    Switch.PFI_DMP: NationalService.DMP,
    Switch.PFI_MSS_OUT: NationalService.MSSANTE,
    Switch.PFI_MSS_IN: NationalService.MSSANTE,
}
"""What an installation switch cannot do without."""
MAIL_SWITCHES: Final = frozenset({Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN})
NO_PRODUCT: Final = "MSS_NIL est vide\u202f: chaque courriel part sans la référence du produit (X-MSS-NIL)."
EXPIRY_WORDS: Final = {
    Expiry.EXPIRED: "expiré",
    Expiry.URGENT: "à renouveler sous 7 jours",
    Expiry.WARNING: "à renouveler sous 30 jours",
    Expiry.UNREADABLE: "illisible",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing to look at: whose, a stable code, a sentence.

    `service` is None for an identity provider and for the HL7 lines, which `user` names.
    """

    service: NationalService | None
    code: str
    text: str
    user: str = ""

    @property
    def label(self) -> str:
        """Whose it is, as a person reads it."""
        return self.service.label if self.service else self.user


_sources: list[Callable[[datetime], list[Alarm]]] = []


def alarms_register(source: Callable[[datetime], list[Alarm]]) -> None:
    """Have a higher room tell its alarms too; `source` is given the time and answers in a few queries."""
    if source not in _sources:
        _sources.append(source)


def service_alarms(now: datetime) -> list[Alarm]:
    """Every alarm of now. 7 queries, those of the rooms above, and the reading of the certificates' files."""
    endpoints = {NationalService(row.service): row for row in ServiceEndpoint.objects.all()}
    switches = {row.code for row in InstallationSwitch.objects.filter(is_on=True)}
    found: list[Alarm] = []
    for switch, service in NEEDED_BY.items():
        endpoint = endpoints.get(service)
        if switch in switches and (endpoint is None or not endpoint.is_enabled):
            text = f"{switch.label}\u202f: l’accès au service n’est pas configuré ou est arrêté."
            found.append(Alarm(service, "NO_ACCESS", text))
    if not settings.MSS_NIL and not MAIL_SWITCHES.isdisjoint(switches):
        found.append(Alarm(NationalService.MSSANTE, "NO_PRODUCT_REFERENCE", NO_PRODUCT))
    in_use = certificates_in_use(endpoints.values(), now)
    found += [_expiring(one) for one in in_use if one.facts.expiry.is_alarm]
    if Switch.PFI_DMP in switches and NationalService.DMP in endpoints:
        found += _silence(now)
    for source in _sources:
        found += source(now)
    return found + _clock(now)


def _expiring(one: CertificateInUse) -> Alarm:
    return Alarm(
        one.service,
        f"CERTIFICATE_{one.facts.expiry.name}",
        f"Certificat {one.facts.use}\u202f: {EXPIRY_WORDS[one.facts.expiry]}.",
        user=one.user,
    )


def _silence(now: datetime) -> list[Alarm]:
    limit = timedelta(hours=settings.DMP_SILENCE_HOURS)
    silent = is_silent(
        last_success=last_success_at(NationalService.DMP),
        first_call=first_call_at(NationalService.DMP),
        now=now,
        limit=limit,
    )
    text = f"Aucun appel au DMP n’a abouti depuis plus de {settings.DMP_SILENCE_HOURS} heures."
    return [Alarm(NationalService.DMP, "SILENCE", text)] if silent else []


def _clock(now: datetime) -> list[Alarm]:
    """Tokens of the DMP live 30 seconds: nothing is signed by a clock that is wrong (dmp 9, rule 5)."""
    reading = clock_drift(NationalService.DMP, now)
    if reading is None or abs(reading[1]) <= timedelta(seconds=settings.DMP_CLOCK_DRIFT_SECONDS):
        return []
    host, drift = reading
    return [Alarm(NationalService.DMP, CLOCK_DRIFT, f"{drift_words('Le DMP', drift)} Machine\u202f: {host}.")]


def alarms_watch() -> list[Alarm]:
    """Compute the alarms, log each, and keep their number for the bar."""
    found = service_alarms(timezone.now())
    for alarm in found:
        logger.error("services.alarm", extra={"service": alarm.label, "code": alarm.code})
    try:
        cache.set(_KEY, len(found), _KEPT_SECONDS)
    except redis.RedisError:
        logger.warning("services.alarm.not_kept")
    return found


def alarms_count() -> int:
    """How many alarms the last watch found; 0 when it is not known."""
    try:
        return int(cache.get(_KEY) or 0)
    except redis.RedisError:
        return 0


def is_down(outcome: str) -> bool:
    """Whether the last call of a service found nobody."""
    return outcome in (CallOutcome.UNAVAILABLE, CallOutcome.UNCERTAIN)
