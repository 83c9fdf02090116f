"""Times, persons and codes of a header in French words."""

from __future__ import annotations

from interop.cda.datatypes import Code, PersonName
from interop.cda.parsed import ParsedActor, ParsedOrganization

SEXES = {"M": "masculin", "F": "féminin", "I": "indéterminé"}


def time_words(text: str) -> str:
    """`05/03/2026 à 10:17`, as its writer meant it: the offset is not converted. As written otherwise."""
    digits = text.partition("+")[0].partition("-")[0].partition(".")[0]
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in (4, 6, 8, 10, 12, 14):
        return text
    day = "/".join(part for part in (digits[6:8], digits[4:6], digits[:4]) if part)
    if len(digits) <= 8:
        return day
    return f"{day} à {digits[8:10]}:{digits[10:12] or '00'}"


def period_words(start: str, end: str) -> str:
    """From when to when."""
    if start and end and start != end:
        return f"du {time_words(start)} au {time_words(end)}"
    return time_words(start or end)


def person_words(name: PersonName) -> str:
    """`Dr HODA Alice`: title, family name, given name."""
    titles = {"DR": "Dr", "PR": "Pr", "M": "M.", "MME": "Mme"}
    title = titles.get(name.suffix.upper()) or titles.get(name.prefix.upper().rstrip("."), "")
    return " ".join(part for part in (title, name.family, name.given) if part)


def code_words(code: Code | None) -> str:
    """The label of a code, the code for want of it."""
    return "" if code is None else code.display or code.code


def actor_words(actor: ParsedActor) -> str:
    """Who, what he is, for whom: `Dr DAVID Charles, Médecine interne, Hôpital d’essai`."""
    who = person_words(actor.name) if actor.name else actor.device_software or actor.device_model
    parts = (who, code_words(actor.specialty), organization_words(actor.organization))
    return ", ".join(part for part in parts if part)


def organization_words(organization: ParsedOrganization | None) -> str:
    return "" if organization is None else organization.name
