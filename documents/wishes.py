"""What the writer asked for in the validation panel, handed to `sending` by signal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Visibility:
    """The three masks of the DMP and the secret connection (spec cda 8.6)."""

    is_masque_ps: bool = False
    is_invisible_patient: bool = False
    is_invisible_rep_legaux: bool = False
    is_connexion_secrete: bool = False


@dataclass(frozen=True, slots=True)
class SendingWishes:
    """`to_dmp` and `hold` as ticked; `not_before` overrides the deferral of the unit."""

    to_dmp: bool = True
    hold: bool = False
    not_before: datetime | None = None
    visibility: Visibility = Visibility()
