"""Trying the MSSanté operator out: its sending line is opened, then the mailbox that sends is looked into.

Nothing is sent and no mail is touched (F-PV-36).
"""

from __future__ import annotations

from audit.context import Actor
from national.mail.opening import lines_close, mail_reader, mail_sender
from national.trials import TrialResult


def mail_try(mailbox: str, _actor: Actor) -> TrialResult:
    """Greet the operator on both lines; `mailbox` is the application mailbox read, none when empty."""
    lines_close()  # a line kept open would hide what a new one meets
    limit = mail_sender().size_limit()
    size = f", courriels de {limit // (1024 * 1024)} Mo au plus" if limit else ""
    text = f"L’opérateur accepte l’envoi avec le certificat de la structure{size}."
    if not mailbox:
        return TrialResult(True, f"{text} Aucune boîte applicative n’est décrite\u202f: relève non essayée.")
    waiting = len(mail_reader(mailbox).waiting(1))
    state = "un courriel au moins attend" if waiting else "aucun courriel n’attend"
    return TrialResult(True, f"{text} La boîte {mailbox} s’ouvre\u202f: {state}.")
