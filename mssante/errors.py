"""Refusals of the mail room."""

from __future__ import annotations

from audit.errors import ApplicationError


class AddressRefused(ApplicationError):
    """A mailbox or a correspondent cannot be kept as written."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Cette fiche ne peut pas être enregistrée. {detail}", code="address_refused")


class MailNotReviewable(ApplicationError):
    """A received mail cannot be read again or set aside, or not without a reason."""

    def __init__(self, text: str) -> None:
        super().__init__(text, code="mail_not_reviewable")


class NoMailbox(ApplicationError):
    """An entry of the directory without MSSanté address was picked."""

    def __init__(self) -> None:
        super().__init__(
            "L’Annuaire santé ne donne aucune adresse MSSanté pour cette personne.", code="no_mailbox"
        )
