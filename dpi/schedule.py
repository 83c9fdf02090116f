"""Every periodic task of the product: a name, a task, a period. Explained in docs/operations.md.

Static on purpose: a change of schedule is a reviewed change of code. Tasks are idempotent; one
that is missed is made good by the next.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

PERIODIC_TASKS: dict[str, dict[str, Any]] = {
    "heartbeat": {
        "task": "dpi.tasks.heartbeat",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 30},
    },
    "exchange-sweep": {
        "task": "exchange.tasks.sweep",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 60},
    },
    "exchange-watch": {
        "task": "exchange.tasks.watch",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 240},
    },
    "mssante-directory": {
        "task": "mssante.tasks.directory_care",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "sending-drain": {
        "task": "sending.tasks.drain",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 30},
    },
    "sending-reconsider": {
        "task": "sending.tasks.reconsider",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    "sending-flag-silent": {
        "task": "sending.tasks.flag_silent",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "sending-relaunch": {
        "task": "sending.tasks.relaunch",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "pfi-drain": {
        "task": "pfi.tasks.drain",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 30},
    },
    "pfi-drain-mails": {
        "task": "pfi.tasks.drain_mails",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 30},
    },
    "pfi-read-mailboxes": {
        "task": "pfi.tasks.read_mailboxes",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 30},
    },
    "pfi-presume-delivered": {
        "task": "pfi.tasks.presume_delivered",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "pfi-forget-existences": {
        "task": "pfi.tasks.forget_existences",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "accounts-sweep": {
        "task": "accounts.tasks.sweep",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
    "stats-exports": {
        "task": "stats.tasks.exports",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    "stats-monthly": {
        "task": "stats.tasks.monthly",
        "schedule": timedelta(hours=1),
        "options": {"expires": 1800},
    },
}
