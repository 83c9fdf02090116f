"""Trying the MSSanté operator out with the mailbox that sends for the hospital (F-PV-36)."""

from __future__ import annotations

from audit.context import Actor
from mssante.selectors import sender_mailbox
from national.mail.trial import mail_try
from national.trials import TrialResult


def operator_try(_name: str, actor: Actor) -> TrialResult:
    """Open the line that sends and the application mailbox; nothing is sent, no mail is touched."""
    mailbox = sender_mailbox()
    return mail_try(mailbox.address if mailbox else "", actor)
