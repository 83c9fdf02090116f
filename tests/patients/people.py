"""Actors of the tests."""

from __future__ import annotations

from audit.context import Actor, system_actor

CLERK: Actor = system_actor("admission")
