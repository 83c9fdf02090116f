"""Invented contexts for every page template of the interface: the patients of the reference screens.

Pages are drawn from these in tests (they must render, be accessible, and hold no inline style).
No real person; test identities only.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.ui.demo import admission, letter, record, sends
from tests.ui.demo.around import banner, dmp_fact

__all__ = ["LIVE_PAGES", "PAGES", "banner", "dmp_fact"]


def patient_late() -> dict[str, Any]:
    """The record as it opens: the DMP fact and the preview are asked afterwards."""
    page = record.patient() | {"banner": banner(dmp_url="/dmp/", dmp=None)}
    for row in page["rows"]:
        row.preview_url = "/apercu/"
    return page


def letter_live() -> dict[str, Any]:
    """The editor with an address that saves."""
    return letter.letter_edit() | {"save_url": "/brouillon/"}


def envois_live() -> dict[str, Any]:
    """The work list that asks for its rows and counters again."""
    page = sends.envois() | {"rows_url": "/envois/lignes/"}
    return page | {"shell": replace(page["shell"], counters_url="/compteurs/")}


def envois_hold() -> dict[str, Any]:
    """The work list whose first waiting order can be held."""
    page = sends.envois()
    page["rows"][1].action.url = "/retenir/"
    return page


PAGES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "login": ("accounts/login.html", admission.login),
    "unit": ("dossier/unit_list.html", record.unit_list),
    "patient": ("dossier/patient.html", record.patient),
    "letter": ("documents/letter_edit.html", letter.letter_edit),
    "validation": ("documents/letter_edit.html", letter.validation),
    "refused": ("documents/letter_edit.html", letter.refused),
    "envois": ("dossier/envois.html", sends.envois),
    "choices": ("consent/choices.html", admission.choices),
    "choices-record": ("consent/choices.html", admission.choices_in_record),
    "search": ("patients/search.html", record.search),
}

# Pages that ask the server for something once drawn: for the tests of scripts.
LIVE_PAGES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "patient-late": ("dossier/patient.html", patient_late),
    "envois-live": ("dossier/envois.html", envois_live),
    "envois-hold": ("dossier/envois.html", envois_hold),
    "letter-live": ("documents/letter_edit.html", letter_live),
}
