"""As whom a professional acts: one exercise and one activity, for the time of a session (psc 6.4, 20)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.value_sets import author_specialties, healthcare_facility_types

MODES = {"L": "libéral", "S": "salarié", "B": "bénévole"}
"""codeModeExercice (psc 6.2)."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One place of exercise as Pro Santé Connect names it; profession and specialty are of its exercice.

    `sector` is a code `SAxx`, `mode` one of MODES, `finess_site` and `finess_legal` nine characters, `name`
    the name of the structure. Every value may be empty.
    """

    profession: str
    specialty: str
    family_name: str
    given_name: str
    sector: str
    finess_site: str
    finess_legal: str
    name: str
    mode: str = ""

    @property
    def work(self) -> str:
        """Profession and specialty in words."""
        return " · ".join(part for part in work_words(self.profession, self.specialty) if part)

    @property
    def place(self) -> str:
        """Where, how and in which sector, in words."""
        sector = healthcare_facility_types().get(self.sector)
        parts = (
            self.name or f"FINESS {self.finess_site or self.finess_legal}",
            MODES.get(self.mode, self.mode),
            sector.display if sector else self.sector,
        )
        return " · ".join(part for part in parts if part)

    @property
    def short(self) -> str:
        """In a few words, for the status bar."""
        profession, specialty = work_words(self.profession, self.specialty)
        parts = (specialty or profession, self.name, MODES.get(self.mode, ""))
        return ", ".join(part for part in parts if part)

    def as_detail(self) -> dict[str, Any]:
        """What a trace and a document keep of it (psc 19, 20): codes, never a name of a person."""
        detail = asdict(self)
        return {name: detail[name] for name in detail if name not in ("family_name", "given_name")}


def activities_read(entries: Iterable[dict[str, str]]) -> tuple[Activity, ...]:
    """Activities again, from what a session kept of them (dataclasses.asdict)."""
    return tuple(Activity(**entry) for entry in entries)


@dataclass(frozen=True, slots=True)
class Acting:
    """What goes out under the name of a person. `sector` empty: that of the site where the act is done."""

    family_name: str
    given_name: str
    profession: str
    specialty: str
    sector: str = ""


def acting_in(activity: Activity | None, account: Acting) -> Acting:
    """psc 20: names, profession, specialty and sector of the chosen activity, else those of the account.

    A specialty that the exercice does not say is the account's, for the same profession. A sector outside
    the national list is not sent.
    """
    if activity is None:
        return account
    profession = activity.profession or account.profession
    known = account.specialty if profession == account.profession else ""
    return Acting(
        family_name=activity.family_name or account.family_name,
        given_name=activity.given_name or account.given_name,
        profession=profession,
        specialty=activity.specialty or known,
        sector=activity.sector if activity.sector in healthcare_facility_types() else "",
    )


def work_words(profession: str, specialty: str) -> tuple[str, str]:
    """Labels of a profession (TRE_G15) and of its specialty; a code without label stays a code."""
    labels = author_specialties()
    known = labels.get(f"{PROFESSION_PREFIX}{profession}")
    both = labels.get(f"{PROFESSION_PREFIX}{profession}/{specialty}") if specialty else None
    # « Médecin - Cardiologie et maladies vasculaires (SM) »; a section of pharmacists has no dash.
    _, dash, after = both.display.rpartition(" - ") if both else ("", "", "")
    words = (after if dash else both.display) if both else specialty
    return (known.display if known else profession), words.partition(" (")[0]
