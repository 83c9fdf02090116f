"""Refusals of the record's own forms."""

from __future__ import annotations

from audit.errors import ApplicationError


class ChosenMomentUnreadable(ApplicationError):
    """The time chosen for the sending cannot be read: the document must not leave at another one."""

    def __init__(self) -> None:
        super().__init__(
            "L’heure de départ choisie est illisible : rien n’a été validé. Corrigez-la ou effacez-la.",
            code="chosen_moment_unreadable",
        )


class NoStayToConclude(ApplicationError):
    """A discharge letter needs a stay that began (spec cda 7.1: admission and discharge dates)."""

    def __init__(self) -> None:
        super().__init__(
            "Ce patient n’a pas de séjour commencé ou terminé récemment : une lettre de sortie ne peut "
            "pas être écrite.",
            code="no_stay",
        )
