"""Identifiers of the messages that leave this software."""

from __future__ import annotations

import secrets


def new_control_id() -> str:
    """Return a unique MSH-10 of 20 characters, the limit of HL7 2.5 (spec hl7v2 1.6)."""
    return secrets.token_hex(10).upper()
