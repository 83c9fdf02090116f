"""Every page of the first journeys, as a real installation draws it: accessible in both themes, in pictures.

Pictures go to build/screens/journeys: they are for people to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid

import pytest
from playwright.sync_api import Page, expect

from sandbox.mail.boxes import APPLICATION_BOX, PATIENT_DOMAIN, patient_address
from tests.hospital import MATRICULE
from tests.journeys.conftest import DEFERRAL, SCREENS, Installation, Person, is_accessible, seated
from tests.journeys.writing import begin_letter, open_record, validate, write_letter

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PICTURES = SCREENS / "journeys"
WIDTHS = (1440, 1024)


def shown(page: Page, name: str) -> None:
    """Looked at in both themes and two widths."""
    page.emulate_media(color_scheme="dark")
    is_accessible(page)
    picture(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")
    is_accessible(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        picture(page, f"{name}-{width}")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # With its caret: hiding it leaves empty style attributes, which htmx copies and the policy refuses.
    page.screenshot(path=PICTURES / f"{name}.png", caret="initial")


def cuts(page: Page) -> list[str]:
    """Buttons, links and pills that stand outside their cell, or are covered by the next region."""
    return page.evaluate(
        """() => [...document.querySelectorAll('table .btn, table .pill, table a')]
            .filter((one) => one.checkVisibility() && !one.closest('details:not([open]) > :not(summary)'))
            .filter((one) => {
                const box = one.getBoundingClientRect();
                const cell = one.closest('td, th').getBoundingClientRect();
                return box.width && (box.right > cell.right + 1 || box.left < cell.left - 1);
            }).map((one) => one.textContent.trim())"""
    )


def test_pages_of_the_doctor(installation: Installation) -> None:
    visitor = installation.sits_down()
    visitor.go("/")
    shown(visitor.page, "01-login")
    visitor.log_in("HODA")
    page = visitor.page
    shown(page, "02-unit-list")
    open_record(visitor)
    shown(page, "03-record-empty")
    begin_letter(visitor)
    shown(page, "04-editor-new")
    write_letter(visitor)
    visitor.click(page.get_by_role("button", name="Ajouter un traitement"))
    page.get_by_label("Médicament").fill("Paracétamol 1 g")
    page.get_by_label("Posologie").fill("1 comprimé trois fois par jour, 5 jours")
    # The autosave draws the checks again: not in the middle of a picture.
    expect(page.get_by_label("Avant de valider")).to_contain_text(
        "Rubriques obligatoires remplies", timeout=30_000
    )
    shown(page, "04-editor")
    visitor.click(page.get_by_role("button", name="Valider…"))
    page.get_by_role("dialog").wait_for()
    expect(page.locator("[data-autosave-words]")).to_contain_text("Brouillon enregistré à")
    shown(page, "05-validation-panel")
    page.keyboard.press("Escape")
    page.get_by_label("Motif d’hospitalisation").fill("")
    visitor.click(page.get_by_role("button", name="Valider…"))
    expect(page.get_by_role("dialog")).to_contain_text("À corriger, rien n’est validé")
    shown(page, "05-validation-refused")
    visitor.click(page.get_by_role("link", name="« Motif d’hospitalisation » n’est pas rempli."))
    expect(page.get_by_label("Motif d’hospitalisation")).to_be_focused()
    page.get_by_label("Motif d’hospitalisation").fill("Cure programmée d’une hernie inguinale droite.")
    validate(visitor)
    shown(page, "03-record")
    assert cuts(page) == []


def test_pages_of_the_sendings(installation: Installation) -> None:
    doctor = installation.sits_down("HODA")
    page = doctor.page
    several_sendings(installation, doctor)
    doctor.go("/envois/")
    shown(page, "06-envois")
    assert cuts(page) == []
    page.locator("table.envois input[data-check]").first.check()
    shown(page, "06-envois-checked")
    row = doctor.work_row("PAT-TROIS")
    doctor.click(row.locator("summary"))
    shown(page, "06-envois-menu")
    doctor.go(f"/patients/{installation.patient('000003').uid}/envois")
    shown(page, "06-envois-patient")
    doctor.go(f"/patients/{installation.patient('000003').uid}/")
    shown(page, "03-record-full")
    assert cuts(page) == []
    doctor.click(page.locator("summary", has_text="État d’envoi"))
    page.get_by_label("Non envoyé", exact=True).check()
    doctor.click(page.get_by_role("button", name="Appliquer").locator("visible=true"))
    shown(page, "03-record-filtered")


def test_pages_of_the_admission(installation: Installation) -> None:
    clerk = installation.sits_down("ROUX")
    page = clerk.page
    shown(page, "02-unit-list-admission")
    page.get_by_role("combobox", name="Rechercher un patient").fill("28/03/1979 PAT")
    page.locator("#recherche-resultats a").first.wait_for()
    shown(page, "09-search-field")
    clerk.press("Enter")
    page.get_by_role("heading", name="Recherche").wait_for()
    shown(page, "09-search")
    clerk.go(f"/patients/{installation.patient('000011').uid}/information")
    shown(page, "08-choices-new")
    clerk.go(f"/patients/{installation.patient('000003').uid}/information")
    shown(page, "08-choices")
    clerk.go(f"/patients/{installation.patient('000003').uid}/")
    shown(page, "10-refused")
    clerk.go("/patients/recherche?q=PAT")
    shown(page, "09-search-too-wide")


def test_pages_of_the_integrator(mailing: Installation) -> None:
    """Reference screen 11: the journal of the exchanges, the work of the PFI, the services."""
    letter_in_the_dmp(mailing)
    person = seated(mailing, "adm-esorel")
    page = person.page
    person.go("/echanges/")
    shown(page, "11-journal")
    assert cuts(page) == []
    person.click(page.locator("table tr[data-row] a").first)
    page.locator(".pane").wait_for()
    shown(page, "11-journal-message")
    person.go("/echanges/pfi/")
    shown(page, "11-pfi")
    assert cuts(page) == []
    person.go("/echanges/appels/")
    shown(page, "11-calls")
    person.go("/services-socles/")
    shown(page, "11-services")


def test_pages_of_the_identity_cell(installation: Installation) -> None:
    person = seated(installation, "ifaure")
    person.go(f"/patients/{installation.patient('000003').uid}/identite")
    shown(person.page, "07-identity")


def test_pages_of_the_mails(mailing: Installation) -> None:
    """What a patient wrote without any document waits for a person; the directory of the professionals."""
    sender = patient_address(MATRICULE)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, APPLICATION_BOX, "Question"
    mail["Date"], mail["Message-ID"] = localtime(), make_msgid(domain=PATIENT_DOMAIN)
    mail.set_content("Bonjour, dois-je reprendre mon traitement ?")
    mailing.sandbox.mail.deposit(APPLICATION_BOX, mail.as_bytes(), sender=sender)
    mailing.carry()
    technician = seated(mailing, "adm-esorel")
    page = technician.page
    technician.go("/mssante/reprendre/")
    technician.click(page.locator("table tr[data-row] a").first)
    expect(page.locator(".pane")).to_contain_text("Courriel sans document")
    shown(page, "09-mails")
    assert cuts(page) == []
    doctor = mailing.sits_down("HODA")
    doctor.go("/annuaire/?nom=PETIT")
    expect(doctor.page.get_by_role("table")).to_contain_text("PETIT")
    shown(doctor.page, "12-directory")
    assert cuts(doctor.page) == []


def test_pages_of_what_follows_a_sending(mailing: Installation) -> None:
    """A letter sent is deleted, or sent to somebody else later."""
    doctor = letter_in_the_dmp(mailing)
    version = mailing.patient("000003").documents.get().versions.get()
    doctor.go(f"/documents/{version.uid}/envoyer-a")
    shown(doctor.page, "06-send-later")
    doctor.go(f"/documents/{version.uid}/suppression")
    shown(doctor.page, "06-deletion")


def letter_in_the_dmp(installation: Installation) -> Person:
    """A doctor, after a letter that arrived."""
    doctor = installation.sits_down("HODA")
    open_record(doctor)
    begin_letter(doctor)
    write_letter(doctor)
    validate(doctor)
    installation.carry(after=DEFERRAL)
    return doctor


def several_sendings(installation: Installation, doctor: Person) -> None:
    """Letters in many states: received, failed, held, waiting, scheduled, and the draft of a version."""
    steps: list[tuple[str, str, Callable[[], None]]] = [
        ("PAT-TROIS", "Valider et programmer", lambda: installation.carry(after=DEFERRAL)),
        ("ADRUN", "Valider et programmer", lambda: refused_by_the_dmp(installation)),
        ("ECETINSI", "Valider et retenir l’envoi", lambda: None),
        ("NESSI", "Valider et programmer", lambda: None),
        ("PAT-TROIS", "Valider et programmer", lambda: None),
    ]
    for name, decision, then in steps:
        doctor.go("/patients/")
        open_record(doctor, name)
        begin_letter(doctor)
        write_letter(doctor, story=f"Séjour sans incident ({name}).")
        validate(doctor, name, decision)
        then()
    doctor.go(f"/patients/{installation.patient('000003').uid}/")
    doctor.click(doctor.page.get_by_role("button", name="Nouvelle version"))
    write_letter(doctor, story="Séjour sans incident, précision apportée.")
    with doctor.page.expect_response("**/redaction", timeout=30_000):
        pass


def refused_by_the_dmp(installation: Installation) -> None:
    installation.sandbox.dmp.faults.add("registry:XDSRepositoryMetadataError", operation="TD2.1")
    installation.carry(after=DEFERRAL + timedelta(minutes=1))
