"""Writing a complete lettre de liaison on screen, as the walk of the README does."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.journeys.conftest import Person


def begin_letter(person: Person) -> None:
    """From the record, two clicks (workflows 3.1)."""
    page = person.page
    with person.budget(2):
        person.click(page.locator("summary", has_text="Nouveau document"))
        person.click(page.get_by_role("button", name="Lettre de liaison de sortie", exact=True))
    page.get_by_role("heading", name="Lettre de liaison de sortie").wait_for()


def write_letter(
    person: Person, *, story: str = "Intervention par voie cœlioscopique. Suites simples."
) -> None:
    """Fill every required heading; writing is no click (workflows.md, « click »)."""
    page = person.page
    page.get_by_label("Motif d’hospitalisation").fill("Cure programmée d’une hernie inguinale droite.")
    page.get_by_label("Synthèse médicale du séjour").fill(story)
    person.check(page.get_by_label("Hospitalisation programmée"))
    person.check(page.get_by_label("Non recherché"))
    for name in ("transfusion", "derives_sang"):
        person.check(page.locator(f"input[name={name}][value=non]"))
    person.check(page.get_by_label("Retour au domicile"))
    person.check(page.get_by_label("Aucun traitement"))


def validate(person: Person, name: str = "PAT-TROIS", decision: str = "Valider et programmer") -> None:
    """Two clicks after writing (workflows 3, step 4)."""
    page = person.page
    with person.budget(2):
        person.click(page.get_by_role("button", name="Valider…"))
        expect(page.get_by_role("dialog")).to_contain_text(name)
        person.click(page.get_by_role("button", name=decision))
    page.get_by_role("heading", name="Dossier médical").wait_for()


def open_record(person: Person, name: str = "PAT-TROIS") -> None:
    """From « Mes patients », one click (workflows 2.1)."""
    with person.budget(1):
        person.click(person.page.get_by_role("link", name=name).first)
    person.page.get_by_role("heading", name="Dossier médical").wait_for()
