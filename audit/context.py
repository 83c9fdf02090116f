"""Who is acting, from where: carried beside the call, written into every trace row.

Source: spec security 8.1 (fields of a trace). The web middleware, the workers and the listener
set the context once; services only name what was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, or a process of the product when `uid` is None (then `login` names the process)."""

    login: str
    uid: UUID | None = None
    subject_name_id: str = ""
    role: str = ""
    service: str = ""
    assurance: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the act comes from. `session` is a hash, never the session key."""

    ip: str | None = None
    workstation: str = ""
    session: str = ""
    correlation: str = ""


_origin: ContextVar[Origin | None] = ContextVar("audit_origin", default=None)


def system_actor(process: str) -> Actor:
    """The actor of work that no person triggers: `system_actor("sending.worker")`."""
    return Actor(login=process, role="service")


def current_origin() -> Origin:
    return _origin.get() or Origin()


@contextmanager
def origin_set(origin: Origin) -> Iterator[None]:
    """Attach an origin to everything traced inside the block."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
