"""A letter to the DMP, the médecin traitant and the patient, from one panel (workflows 3; mssante 1)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from interop.mail.opening import open_mail
from interop.xdm.opening import open_xdm
from sandbox.mail.boxes import PATIENT_DOMAIN
from sending.models import Order
from tests.hospital import MATRICULE
from tests.journeys.conftest import DEFERRAL, Installation
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
