"""The chain over the trace: canonical form of an event, and one link (spec security 8.5, 18).

Pure functions: the key, the previous hash and the event are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from audit.models import Trace

GENESIS = "0" * 64
"""What stands before the first hash."""


def canonical(event: Mapping[str, Any]) -> str:
    """The one text of an event: JSON, keys sorted, no blank, without `hash` and `prev` (security 18)."""
    kept = {name: value for name, value in event.items() if name not in ("hash", "prev")}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link(key: bytes, previous: str, text: str) -> str:
    """hash_n = hex(HMAC-SHA-256(key, hash_{n-1} | canonical event)) (security 8.5, 18)."""
    return hmac.new(key, f"{previous}|{text}".encode(), hashlib.sha256).hexdigest()


def event_of(trace: Trace, seq: int) -> dict[str, Any]:
    """Every column of a trace row, as the audit record of security 18, with its rank in the chain."""
    return {
        "id": str(trace.uid),
        "seq": seq,
        "time": _utc(trace.time),
        "type": trace.type,
        "outcome": trace.outcome,
        "action": trace.action,
        "actor": {
            "user": _text(trace.actor_uid),
            "login": trace.actor_login,
            "subject_name_id": trace.actor_subject_name_id,
            "role": trace.actor_role,
            "service": trace.actor_service,
            "assurance": trace.assurance,
        },
        "patient": {"id": _text(trace.patient_uid), "ins": trace.patient_ins},
        "object": {
            "type": trace.object_type,
            "id": _text(trace.object_uid),
            "version": trace.object_version,
        },
        "context": {
            "ip": trace.ip,
            "workstation": trace.workstation,
            "session": trace.session,
            "corr": trace.correlation,
            "app": trace.app_version,
        },
        "row": trace.pk,
        "reason": trace.reason,
        "detail": trace.detail,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
