"""Who acts when no person does."""

from __future__ import annotations

from audit.context import system_actor

INSTALLER = system_actor("installation")
"""Actor of what the installation itself does, before any account exists."""
