"""Journey 3 of workflows.md: the discharge letter, from the first word to the DMP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from dpi.demo.messages import messages_of
from establishment.enums import NationalService
from interop.hl7v2.codes import AckCode
from national.models import Call
from sending.enums import OrderReason, OrderState
from sending.models import Order
from tests.journeys.conftest import DEFERRAL
from tests.journeys.people import qualified
from tests.journeys.writing import begin_letter, open_record, validate, write_letter

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# A person waits for a page of ours no longer than this, whatever the national services do.


def letter_of(doctor, name="PAT-TROIS", decision="Valider et programmer"):
    """A doctor on « Mes patients » writes and validates a letter."""
    open_record(doctor, name)
    begin_letter(doctor)
    write_letter(doctor)
    validate(doctor, name, decision)


def calls():
    """Calls to the DMP; Pro Santé Connect has its own."""
    return Call.objects.filter(service=NationalService.DMP)


def to_work_list(person):
    """The main menu, one click."""
    with person.budget(1):
        person.click(person.page.get_by_role("link", name="Envois").first)
    person.page.get_by_role("heading", name="Envois").wait_for()


def refresh(person):
    with person.budget(1):
        person.click(person.page.get_by_role("link", name="Actualiser"))


@pytest.mark.requirement("HOP/va1.03", "SC.DMP/ALI/PROG.02", "SC.ALI/PROG.05", "DPI.CDA/HL7.04")
def test_a_letter_is_written_validated_and_leaves_by_itself_after_its_deferral(installation):
    doctor = installation.sits_down("HODA")
    patient = installation.patient("000003")
    letter_of(doctor)
    doctor.toast("Document validé, envoi programmé.")
    expect(doctor.document_row()).to_contain_text("Programmé")

    installation.carry()
    assert installation.in_the_dmp(patient) == []
    assert Order.objects.get().state == OrderState.SCHEDULED

    to_work_list(doctor)
    expect(doctor.work_row("PAT-TROIS")).to_contain_text("Programmé")
    clicks = doctor.clicks
    installation.carry(after=DEFERRAL)
    assert doctor.clicks == clicks
    refresh(doctor)
    expect(doctor.work_row("PAT-TROIS")).to_contain_text("Reçu DMP")
    (document,) = installation.in_the_dmp(patient)
    assert document["version_number"] == 1

    steps = ["patient.open", "document.create", "document.view", "document.validate", "order.create"]
    missing = [step for step in steps if not installation.traced(step, patient_uid=patient.uid)]
    assert missing == []
    assert installation.traced("psc.login.success", actor_login="ahoda")
    assert list(calls().order_by("id").values_list("transaction", "outcome")) == [
        ("TD0.2", "success"),
        ("TD2.1", "success"),
    ]


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
def test_a_sending_is_held_in_one_click_released_and_cancelled_in_two(installation):
    doctor = installation.sits_down("HODA")
    page = doctor.page
    letter_of(doctor)

    with doctor.budget(1):
        doctor.click(doctor.document_row().get_by_role("button", name="Retenir"))
    expect(doctor.document_row()).to_contain_text("Retenu")
    expect(page.locator(".recipients")).to_contain_text("Retenu")
    doctor.toast("Envoi retenu.")
    installation.carry(after=DEFERRAL)
    assert Order.objects.get().state == OrderState.HELD

    with doctor.budget(1):
        doctor.click(page.locator("#toasts").get_by_role("button", name="Annuler"))
    expect(doctor.document_row()).to_contain_text("Programmé")

    to_work_list(doctor)
    row = doctor.work_row("PAT-TROIS")
    with doctor.budget(1):
        doctor.click(row.get_by_role("button", name="Retenir"))
    expect(row).to_contain_text("Retenu")
    with doctor.budget(1):
        doctor.click(row.get_by_role("button", name="Libérer"))
    expect(row).to_contain_text("Programmé")
    with doctor.budget(2):
        doctor.click(row.locator("summary"))
        doctor.click(row.get_by_role("button", name="Annuler l’envoi"))
    expect(row).to_contain_text("Annulé")

    installation.carry(after=DEFERRAL)
    patient = installation.patient("000003")
    assert installation.in_the_dmp(patient) == []
    for step in ("order.hold", "order.release", "order.cancel"):
        assert installation.traced(step, patient_uid=patient.uid, actor_login="ahoda"), step


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
def test_a_sending_held_at_validation_waits_for_a_person(installation):
    doctor = installation.sits_down("HODA")
    letter_of(doctor, decision="Valider et retenir l’envoi")
    doctor.toast("Document validé, envoi retenu.")
    installation.carry(after=timedelta(minutes=10))
    patient = installation.patient("000003")
    assert installation.in_the_dmp(patient) == []
    with doctor.budget(1):
        doctor.click(doctor.document_row().get_by_role("button", name="Libérer"))
    expect(doctor.document_row()).to_contain_text("Programmé")
    installation.carry(after=DEFERRAL)
    assert len(installation.in_the_dmp(patient)) == 1


def test_the_whole_journey_goes_by_the_keyboard(installation):
    doctor = installation.sits_down("HODA")
    page = doctor.page
    page.get_by_role("link", name="PAT-TROIS").focus()
    doctor.press("Enter")
    page.get_by_role("heading", name="Dossier médical").wait_for()
    page.wait_for_load_state()
    doctor.press("n")
    page.keyboard.press("Tab")
    doctor.press("Enter")
    page.get_by_role("heading", name="Lettre de liaison de sortie").wait_for()
    write_letter(doctor)
    with doctor.budget(2):
        doctor.press("Control+Enter")
        expect(page.get_by_role("heading", name="Valider")).to_be_focused()
        doctor.press("Control+Enter")
    page.get_by_role("heading", name="Dossier médical").wait_for()
    page.wait_for_load_state()
    doctor.press("g")
    doctor.press("e")
    row = doctor.work_row("PAT-TROIS")
    row.focus()
    with doctor.budget(1):
        doctor.press("r")
    expect(row).to_contain_text("Retenu")
    expect(row).to_be_focused()


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_an_opposition_blocks_what_waits_and_the_next_sending_until_it_is_withdrawn(installation):
    doctor, clerk = installation.sits_down("HODA"), installation.sits_down("ROUX")
    patient = installation.patient("000003")
    letter_of(doctor)

    def opposes(value):
        clerk.go(f"/patients/{patient.uid}/information")
        clerk.check(clerk.page.locator(f"input[name=alimentation][value={value}]"))
        clerk.click(clerk.page.get_by_role("button", name="Enregistrer", exact=True))
        clerk.toast("Choix du patient enregistrés")

    opposes("opposed")
    installation.carry(after=DEFERRAL)
    to_work_list(doctor)
    expect(doctor.work_row("PAT-TROIS")).to_contain_text("Bloqué – opposition")

    doctor.go("/patients/")
    open_record(doctor)
    begin_letter(doctor)
    expect(doctor.page.get_by_label("Avant de valider")).to_contain_text("DMP : rien ne part")
    write_letter(doctor, story="Seconde lettre du même séjour.")
    validate(doctor)
    doctor.toast("Opposition du patient à l'alimentation")
    installation.carry(after=DEFERRAL)
    assert installation.in_the_dmp(patient) == []
    assert calls().count() == 0
    assert set(Order.objects.values_list("state", "reason")) == {(OrderState.BLOCKED, OrderReason.OPPOSITION)}

    opposes("not_opposed")
    installation.carry(after=DEFERRAL)
    assert len(installation.in_the_dmp(patient)) == 2


@pytest.mark.requirement("SC.ALI/PROG.05", "SC.DMP/UX.11")
def test_a_letter_waits_for_a_qualified_identity_and_leaves_when_it_is(installation):
    """The hospital's own message qualifies the identity: nobody clicks."""
    doctor = installation.sits_down("HODA")
    letter_of(doctor, "NESSI")
    expect(doctor.page.locator(".banner")).to_contain_text("Identité validée")
    installation.carry(after=DEFERRAL)
    to_work_list(doctor)
    expect(doctor.work_row("NESSI")).to_contain_text("En attente INS qualifiée")
    expect(doctor.work_row("NESSI")).to_contain_text("Part seul dès que l’INS est qualifiée.")
    patient = installation.patient("000017")
    assert calls().count() == 0

    answers = installation.hear(*messages_of(qualified("000017"), now=timezone.now()))
    assert {answer.code for answer in answers} == {AckCode.AA}
    installation.carry(after=DEFERRAL)
    refresh(doctor)
    expect(doctor.work_row("NESSI")).to_contain_text("Reçu DMP")
    assert len(installation.in_the_dmp(patient)) == 1


def test_a_doctor_without_rpps_writes_and_cannot_validate(installation):
    doctor = installation.sits_down("HODA")
    User.objects.filter(login="ahoda").update(rpps="", rpps_source="", rpps_verified_at=None)
    open_record(doctor)
    begin_letter(doctor)
    write_letter(doctor)
    doctor.click(doctor.page.get_by_role("button", name="Valider…"))
    panel = doctor.page.get_by_role("dialog")
    expect(panel).to_contain_text("Votre compte n’a ni RPPS ni profession")
    expect(panel.get_by_role("button", name="Valider et programmer")).to_have_count(0)
    assert Order.objects.count() == 0


@pytest.mark.requirement("DPI.DMP/UX.10")
def test_nobody_waits_for_a_dmp_that_takes_its_time(installation):
    """The pages of a ward are opened, one after the other, while one call is under way."""
    doctor = installation.sits_down("HODA")
    page = doctor.page
    letter_of(doctor)
    faults = installation.sandbox.dmp.faults
    faults.add("hold", operation="TD2.1")

    def carry():
        try:
            installation.carry(after=DEFERRAL)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as behind:
        sending = behind.submit(carry)
        try:
            to_work_list(doctor)
            expect(doctor.work_row("PAT-TROIS")).to_contain_text("PAT-TROIS")
            for path in ("/patients/", f"/patients/{installation.patient('000003').uid}/", "/envois/"):
                doctor.go(path)
                page.locator("h1").wait_for()
            assert not sending.done(), "the pages were to be opened during the call"
        finally:
            faults.release()
        sending.result(timeout=60)
    refresh(doctor)
    expect(doctor.work_row("PAT-TROIS")).to_contain_text("Reçu DMP")


def test_a_dmp_that_is_down_is_said_and_the_letter_leaves_when_it_is_back(installation):
    doctor = installation.sits_down("HODA")
    page = doctor.page
    letter_of(doctor)
    installation.sandbox.dmp.faults.add("http:503", operation="TD2.1", times=1)
    installation.carry(after=DEFERRAL)

    to_work_list(doctor)
    row = doctor.work_row("PAT-TROIS")
    expect(row).to_contain_text("Transmis PFI")
    expect(row).to_contain_text("Accusé du DMP attendu.")
    expect(page.locator("footer.status")).to_contain_text("DMP injoignable depuis")

    installation.carry(after=DEFERRAL + timedelta(minutes=5))
    refresh(doctor)
    expect(row).to_contain_text("Reçu DMP")
    expect(page.locator("footer.status")).to_contain_text("DMP joignable")
    assert len(installation.in_the_dmp(installation.patient("000003"))) == 1
