"""Journey 1 of workflows.md: the patient is admitted, informed, and what was chosen is known to all.

Creating an identity on screen and asking INSi come with the admission screens; here the hospital's
own message admits, and the agent collects the choices.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.models import Choice
from dpi.demo.messages import messages_of
from interop.hl7v2.codes import AckCode, ChoiceCode
from tests.journeys.people import demo_patient

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

INFORMATION_CLICKS = 2
ADMISSION_CLICKS = 8


def arrival(alimentation=ChoiceCode.NOT_OPPOSED, consultation=ChoiceCode.CONSENTS, *, ago=timedelta(hours=1)):
    """CORSE Anthony comes back, in surgery this time: a new stay of a known person."""
    patient = demo_patient("000014")
    stay = replace(
        patient.stays[0],
        visit="000897499",
        unit="6268",
        patient_class="I",
        ago=ago,
        room="16",
        bed="1",
        alimentation=alimentation,
        consultation=consultation,
    )
    return replace(patient, stays=(stay,))


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_a_message_admits_the_patient_and_brings_the_choices_without_a_click(installation):
    doctor = installation.sits_down("HODA")
    page = doctor.page
    expect(page.get_by_role("link", name="CORSE")).to_have_count(0)

    answers = installation.hear(*messages_of(arrival(), now=timezone.now()))
    assert [answer.code for answer in answers] == [AckCode.AA]

    with doctor.budget(1):
        doctor.click(page.get_by_role("link", name="Actualiser"))
    row = page.locator("tr[data-row]").filter(has_text="CORSE")
    expect(row).to_contain_text("16-1")
    expect(row).to_contain_text("Qualifiée")
    expect(row).to_contain_text("Non opposé")
    expect(row).to_contain_text("Non renseignées")
    with doctor.budget(1):
        doctor.click(row.get_by_role("link", name="CORSE"))
    banner = page.locator(".banner")
    expect(banner).to_contain_text("Identité qualifiée")
    expect(banner.locator("#choix-fact")).to_contain_text("source PAM")
    expect(banner).to_contain_text("Allergies non renseignées")
    patient = installation.patient("000014")
    assert installation.traced("consent.record", patient_uid=patient.uid)
    assert installation.traced("patient.open", patient_uid=patient.uid, actor_login="ahoda")


@pytest.mark.requirement("SC.DMP/CONF.06", "SC.DMP/CONF.09", "F-PV-06", "F-PV-09")
def test_the_agent_finds_the_patient_informs_and_records_within_the_budget(installation):
    clerk = installation.sits_down("ROUX")
    page = clerk.page
    patient = installation.patient("000011")
    with clerk.budget(ADMISSION_CLICKS):
        page.get_by_role("combobox", name="Rechercher un patient").fill("31/12/1975 ADR")
        clerk.press("Enter")
        row = page.get_by_role("row").filter(has_text="ADRUN")
        expect(row).to_contain_text("Qualifiée")
        clerk.click(row.get_by_role("link", name="Ouvrir"))
        expect(page.get_by_role("heading", name="À dire au patient")).to_be_visible()
        with clerk.budget(INFORMATION_CLICKS):
            clerk.click(page.get_by_role("button", name="Informé, non opposé pour les deux"))
            clerk.click(page.get_by_role("button", name="Enregistrer", exact=True))
        clerk.toast("Choix du patient enregistrés")
    assert not page.get_by_label("Motif").count()
    history = page.locator(".history-table tbody tr")
    expect(history).to_have_count(1)
    expect(history.first).to_contain_text("Informé – non opposé")
    expect(history.first).to_contain_text("Écran")
    expect(history.first).to_contain_text("droux")
    expect(history.first).to_contain_text("En vigueur")

    doctor = installation.sits_down("HODA")
    unit_row = doctor.page.locator("tr[data-row]").filter(has_text="ADRUN")
    expect(unit_row).to_contain_text("Non opposé")
    assert set(Choice.objects.filter(episode__patient=patient).values_list("subject", "value", "source")) == {
        (subject, ChoiceValue.NOT_OPPOSED, ChoiceSource.SCREEN) for subject in Subject
    }
    for step in ("patient.open", "consent.record"):
        assert installation.traced(step, patient_uid=patient.uid, actor_login="droux"), step
    assert installation.traced("patient.search", actor_login="droux")


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_the_newer_of_screen_and_message_counts_and_both_are_kept(installation):
    clerk = installation.sits_down("ROUX")
    patient = installation.patient("000014")
    installation.hear(*messages_of(arrival(ago=timedelta(hours=3)), now=timezone.now()))
    clerk.go(f"/patients/{patient.uid}/information")
    clerk.check(clerk.page.locator("input[name=alimentation][value=opposed]"))
    clerk.click(clerk.page.get_by_role("button", name="Enregistrer", exact=True))
    clerk.toast("Choix du patient enregistrés")
    fact = clerk.page.locator("#choix-fact")
    expect(fact).to_contain_text("informé – opposé")
    expect(fact).to_contain_text("source écran")
    history = clerk.page.locator(".history-table tbody tr")
    expect(history).to_have_count(2)
    expect(history.nth(0)).to_contain_text("En vigueur")
    expect(history.nth(1)).to_contain_text("PAM")
    expect(history.nth(1)).not_to_contain_text("En vigueur")


def test_the_agent_sees_identity_and_choices_and_nothing_clinical(installation):
    clerk = installation.sits_down("ROUX")
    page = clerk.page
    row = page.locator("tr[data-row]").filter(has_text="PAT-TROIS")
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("Pénicilline")
    expect(page.get_by_role("link", name="Envois")).to_have_count(0)
    clerk.click(row.get_by_role("link", name="PAT-TROIS"))
    expect(page.get_by_role("heading", name="Historique de l’information")).to_be_visible()
    expect(page.locator(".banner")).not_to_contain_text("Pénicilline")
    expect(page.locator(".banner")).not_to_contain_text("Allergie")
    expect(page.get_by_role("link", name="Dossier médical")).to_have_count(0)
    clerk.go(f"/patients/{installation.patient('000003').uid}/")
    expect(page.get_by_role("heading", name="Accès refusé")).to_be_visible()
    assert installation.traced("access.refused", actor_login="droux")


def test_without_a_live_habilitation_the_record_does_not_open(installation):
    """Docteur LEMAIRE works in surgery and in the emergencies, not in cardiology."""
    other = installation.sits_down("LEMAIRE")
    page = other.page
    page.get_by_role("combobox", name="Rechercher un patient").fill("26/02/1997 ADR")
    other.press("Enter")
    row = page.get_by_role("row").filter(has_text="ADRTROIS")
    expect(row).to_contain_text("Hors équipe de soins")
    expect(row.get_by_role("link")).to_have_count(0)
    patient = installation.patient("000012")
    other.go(f"/patients/{patient.uid}/")
    expect(page.get_by_role("heading", name="Action refusée")).to_be_visible()
    expect(page.locator("main")).to_contain_text("n'est pas suivi dans vos unités")
    expect(page.locator("body")).not_to_contain_text("ADRTROIS")
    assert installation.traced("patient.open", patient_uid=patient.uid, outcome="refused")
