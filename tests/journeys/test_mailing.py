"""A letter to the DMP, the médecin traitant and the patient, from one panel (workflows 3; mssante 1)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from interop.mail.opening import open_mail
from interop.xdm.opening import open_xdm
from sandbox.mail.boxes import PATIENT_DOMAIN
from sending.models import Order
from tests.hospital import MATRICULE
from tests.journeys.conftest import DEFERRAL, Installation, is_accessible
from tests.journeys.writing import begin_letter, open_record, validate, write_letter

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

IPP = "000003"
DOCTOR = "bernard.petit@medecin.mssante.test"
PATIENT = f"{MATRICULE}@{PATIENT_DOMAIN}"


@pytest.mark.requirement("MSS/va1.23", "F-PFI-06", "F-PFI-07", "SC.MSS/CONF.24")
def test_one_panel_sends_to_the_dmp_the_family_doctor_and_the_patient(mailing: Installation) -> None:
    doctor = mailing.sits_down("HODA")
    held = {address: len(mailing.inbox(address)) for address in (DOCTOR, PATIENT)}
    open_record(doctor)
    begin_letter(doctor)
    write_letter(doctor)
    validate(doctor)
    row = doctor.document_row()
    for channel in ("DMP", "MSS", "MES"):
        expect(row).to_contain_text(channel)
    mailing.carry()
    assert set(Order.objects.values_list("state", flat=True)) == {"scheduled"}
    mailing.carry(after=DEFERRAL)
    states = Order.objects.values_list("channel", "recipient_label", "state")
    assert set(states) == {
        ("dmp", "", "received_dmp"),
        ("mssante_pro", "Dr PETIT Bernard", "delivered"),
        ("mssante_patient", "Patiente", "delivered"),
    }
    for address in (DOCTOR, PATIENT):
        mails = mailing.inbox(address)[held[address] :]
        assert len(mails) == 1
        mail = open_mail(mails[0])
        assert len(open_xdm(mail.archives[0].content).documents) == 1
        assert mail.header("X-MSS-MES") == ("FIN" if address == PATIENT else "")
    doctor.page.reload()
    expect(doctor.document_row()).to_contain_text("Reçu DMP")
    expect(doctor.document_row()).to_contain_text("Remis MSS")
    expect(doctor.page.locator(".recipients")).to_contain_text("Dr PETIT Bernard")


@pytest.mark.requirement("SC.DMP/CONF.03", "SC.MSS/UX.05.BIS", "F-PFI-17")
def test_a_letter_sent_by_error_is_deleted_wherever_it_went(mailing: Installation) -> None:
    doctor = mailing.sits_down("HODA")
    page = doctor.page
    open_record(doctor)
    begin_letter(doctor)
    write_letter(doctor)
    validate(doctor)
    mailing.carry(after=DEFERRAL)
    version = Order.objects.filter(channel="dmp").latest("id").version
    assert len(mailing.in_the_dmp(version.document.patient)) == 1
    doctor.go(f"/patients/{version.document.patient.uid}/?document={version.uid}")
    with doctor.budget(3):
        doctor.click(page.locator(".preview__actions summary"))
        doctor.click(page.get_by_role("link", name="Supprimer…"))
        for who in ("DMP · Mon espace santé", "Dr PETIT Bernard", "Patiente"):
            expect(page.locator("table.wishes")).to_contain_text(who)
        doctor.check(page.get_by_label("Erreur de document"))
        is_accessible(page)
        doctor.click(page.get_by_role("button", name="Supprimer le document"))
    doctor.toast("Suppression demandée : DMP, Dr PETIT Bernard, Patiente.")
    mailing.carry(after=DEFERRAL)
    asked = Order.objects.filter(action="delete").values_list("channel", "state")
    assert set(asked) == {
        ("dmp", "received_dmp"), ("mssante_pro", "delivered"), ("mssante_patient", "delivered"),
    }  # fmt: skip
    (row,) = mailing.in_the_dmp(version.document.patient)
    assert row["status"].endswith(":Deleted")
    (document,) = open_xdm(open_mail(mailing.inbox(DOCTOR)[-1]).archives[0].content).documents
    assert document.action == "D"
    page.reload()
    expect(doctor.document_row()).to_contain_text("Supprimé du DMP")


@pytest.mark.requirement("F-PV-48")
def test_one_more_doctor_is_found_in_the_directory_and_receives_the_letter(mailing: Installation) -> None:
    doctor = mailing.sits_down("HODA")
    page = doctor.page
    open_record(doctor)
    begin_letter(doctor)
    write_letter(doctor)
    validate(doctor)
    mailing.carry(after=DEFERRAL)
    with doctor.budget(5):
        doctor.click(page.locator(".preview__actions summary"))
        doctor.click(page.get_by_role("link", name="Envoyer à un autre destinataire…"))
        page.get_by_label("Nom, structure, ville, RPPS ou adresse").fill("delmotte")
        doctor.click(page.get_by_role("button", name="dans l’Annuaire santé"))
        doctor.click(page.get_by_label("DELMOTTE Agnès"))
        is_accessible(page)
        doctor.click(page.get_by_role("button", name="Envoyer", exact=True))
    doctor.toast("Envoi demandé : DELMOTTE Agnès.")
    mailing.carry()
    assert Order.objects.get(recipient_label="DELMOTTE Agnès").state == "delivered"
    assert len(mailing.inbox("agnes.delmotte@medecin.mssante.test")) == 1
