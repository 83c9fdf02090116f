"""What the writer asked for in the validation panel, handed to `sending` by signal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from documents.enums import DeletionMotive


@dataclass(frozen=True, slots=True)
class Visibility:
    """The three masks of the DMP and the secret connection (spec cda 8.6)."""

    is_masque_ps: bool = False
    is_invisible_patient: bool = False
    is_invisible_rep_legaux: bool = False
    is_connexion_secrete: bool = False


@dataclass(frozen=True, slots=True)
class RecipientWish:
    """One recipient of a mail. `label` is how the person is shown, `role` why (« Médecin traitant »).

    The patient has no address here: it is built from the matricule when the mail leaves (mssante 1.6).
    `closes_reply` says that the patient cannot answer (SC.MSS/CONF.24).
    """

    is_patient: bool = False
    address: str = ""
    label: str = ""
    role: str = ""
    rpps: str = ""
    finess: str = ""
    family_name: str = ""
    given_name: str = ""
    closes_reply: bool = True


@dataclass(frozen=True, slots=True)
class SendingWishes:
    """`to_dmp`, `recipients` and `hold` as ticked; `not_before` overrides the deferral of the unit."""

    to_dmp: bool = True
    hold: bool = False
    not_before: datetime | None = None
    visibility: Visibility = Visibility()
    recipients: tuple[RecipientWish, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletionWishes:
    """Why a document is deleted, and who is not asked to delete it (SC.MSS/UX.05.BIS: « may untick »).

    `spared` are names of recipients as `sending` gives them.
    """

    motive: DeletionMotive
    spared: frozenset[str] = frozenset()
