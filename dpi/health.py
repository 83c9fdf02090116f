"""Is the product alive, and is it ready to work? (issue of the house, section 2; security 10.7)

The answers hold no version, no address and no secret: they are read without an account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)

HEARTBEAT_KEY = "dpi:heartbeat"
HEARTBEAT_LIFE_SECONDS = 45
CERTIFICATE_WARNING_DAYS = 30


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one part, in a short French sentence."""

    state: State
    text: str
    days_left: int | None = None


Probe = Callable[[], Finding]
_probes: dict[str, Probe] = {}


def register_probe(name: str, probe: Probe) -> None:
    """Add a part to the readiness page; a room does it when Django starts."""
    _probes[name] = probe


def heartbeat_record(*, start_id: str) -> None:
    """Written by a worker while it runs the heartbeat task."""
    cache.set(HEARTBEAT_KEY, {"start": start_id, "at": time.time()}, timeout=24 * 3600)


def check_database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
    except DatabaseError:
        return Finding(State.FAILED, "La base de données ne répond pas.")
    return Finding(State.OK, "La base de données répond.")


def check_broker() -> Finding:
    try:
        cache.get(HEARTBEAT_KEY)
    except RedisError:
        return Finding(State.FAILED, "Le serveur Redis ou Valkey ne répond pas.")
    return Finding(State.OK, "Le serveur Redis ou Valkey répond.")


def check_worker() -> Finding:
    """A worker of this very start has consumed a message lately: an older trace proves nothing."""
    try:
        beat = cache.get(HEARTBEAT_KEY)
    except RedisError:
        return Finding(State.FAILED, "L'état des tâches de fond est inconnu.")
    if beat is None or beat["start"] != settings.DPI_START_ID:
        return Finding(State.FAILED, "Aucun processus de fond n'a encore pris de tâche depuis ce démarrage.")
    if time.time() - beat["at"] > HEARTBEAT_LIFE_SECONDS:
        return Finding(State.FAILED, "Les processus de fond ne prennent plus de tâches.")
    return Finding(State.OK, "Les processus de fond prennent leurs tâches.")


def certificate_finding(label: str, days_left: int) -> Finding:
    """The state of a certificate by the days it still has.

    An expired one stops national exchanges, not the care that the rest of the product serves.
    """
    if days_left < 0:
        return Finding(State.WARNING, f"{label} : certificat expiré.", days_left)
    if days_left < CERTIFICATE_WARNING_DAYS:
        return Finding(State.WARNING, f"{label} : certificat à renouveler.", days_left)
    return Finding(State.OK, f"{label} : certificat valide.", days_left)


def readiness() -> Mapping[str, Finding]:
    """Every part with its state, in the order of registration."""
    checks: dict[str, Probe] = {
        "database": check_database,
        "broker": check_broker,
        "worker": check_worker,
        **_probes,
    }
    return {name: check() for name, check in checks.items()}


def is_ready(findings: Mapping[str, Finding]) -> bool:
    """Ready when nothing failed; a warning does not take the product out of service."""
    return all(finding.state is not State.FAILED for finding in findings.values())
