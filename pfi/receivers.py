"""Answers to the signals of lower rooms: each calls one service of this room."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from mssante.events import mail_moved
from mssante.models import MailEvent, OutgoingMail
from pfi.mails import mail_follow


@receiver(mail_moved)
def on_mail_moved(*, mail: OutgoingMail, event: MailEvent, **kwargs: Any) -> None:
    mail_follow(mail=mail, event=event)
