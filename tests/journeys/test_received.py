"""Journeys 4 and 5: a document that MSSanté brings is filed by itself, or refused and imported by hand.

Pictures go to build/screens/journeys. Letters of town come by the mailbox that the PFI reads; what
town cannot be asked to write comes as the MDM that the PFI would send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from playwright.sync_api import expect

from audit.models import Trace
from documents.enums import Intake, ReceiptOutcome
from documents.models import Reception, ReceptionNotice, Version
from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from interop.hl7v2 import Action
from interop.mail.reports import ReadReport, parse_report
from mssante.models import IncomingMail
from national.mail.opening import lines_close
from patients.models import Patient
from pfi.mail_reading import mailboxes_read
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from sandbox.mail.letters import TITLE, Case, Sent
from sandbox.mail.pdf import text_pdf
from sandbox.runtime import Sandbox
from tests.documents.arrivals import arriving
from tests.documents.mailed import hand_over, mailed
from tests.hospital import MATRICULE
from tests.interop.cda.test_display import media, structured
from tests.journeys.conftest import Installation, Person, user
from tests.journeys.test_pages import shown
from tests.journeys.writing import begin_letter
from tests.scenarios.consulting import INS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

IPP = "000003"
PDF = text_pdf("Compte rendu", ["Examen sans particularité."])
DOCTOR = "bernard.petit@medecin.mssante.test"


@dataclass(frozen=True)
class Town:
    """A doctor of town who writes to the hospital, at the sandbox's operator."""

    sandbox: Sandbox

    def post(self, case: Case, *, wants_receipt: bool = True) -> Sent:
        """A letter about the patient of the journeys, in the mailbox that the PFI reads."""
        return self.sandbox.letters.send(
            case, matricule=MATRICULE, author="petit", wants_receipt=wants_receipt
        )

    def send(self, case: Case, *, wants_receipt: bool = True) -> Sent:
        """The same, read by the PFI before this returns."""
        sent = self.post(case, wants_receipt=wants_receipt)
        mailboxes_read(worker="journey")
        return sent

    def mails(self, address: str) -> list[bytes]:
        """What a mailbox holds, the oldest first."""
        store = self.sandbox.mail.store
        return [store.content(one) for one in reversed(store.all_mails(address))]


@pytest.fixture
def town(installation: Installation) -> Iterator[Town]:
    files, mail = installation.sandbox.addresses.certificates, installation.sandbox.addresses.mail
    ServiceEndpoint.objects.create(
        service=NationalService.MSSANTE,
        base_url=mail.smtp_url,
        reading_url=mail.imap_url,
        ca_path=files.ca,
        certificate_path=files.client_cert,
        key_path=files.client_key,
        is_enabled=True,
    )
    yield Town(installation.sandbox)
    lines_close()


def counter(person: Person, words: str) -> None:
    expect(person.page.get_by_role("link", name=re.compile("MSSanté"))).to_contain_text(words)


@pytest.mark.requirement("SC.MSS/UX.07", "SC.MSS/UX.38", "SC.MSS/UX.40", "SC.MSS/UX.05", "SC.MSS/UX.37")
def test_what_arrives_is_filed_by_itself_and_read_in_one_click(
    installation: Installation, town: Town
) -> None:
    patient = installation.patient(IPP)
    sent = town.send(Case.MATCH)
    doctor = installation.sits_down("HODA")
    counter(doctor, "1")
    expect(doctor.page.get_by_role("row", name=re.compile("PAT-TROIS"))).to_contain_text("1 REÇU")
    doctor.page.get_by_role("link", name=re.compile("MSSanté")).click()
    shown(doctor.page, "40-mssante-new")
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name=re.compile("PAT-TROIS Dominique")))
    expect(doctor.page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(doctor.page.locator("#apercu .tabs__tab[aria-current]")).to_have_text("PDF")
    expect(doctor.page.locator("table.docs")).not_to_contain_text("NOUVEAU")
    shown(doctor.page, "43-received-letter")
    assert ReceptionNotice.objects.get().seen_by == user("ahoda")
    for type in ("mssante.integrate", "mssante.seen", "document.view"):
        assert installation.traced(type, patient_uid=patient.uid), type
    told = parse_report(town.mails(DOCTOR)[-1])
    assert isinstance(told, ReadReport)
    assert (told.original_message_id, told.is_error) == (sent.message_id, False)


@pytest.mark.requirement("SC.MSS/UX.05", "SC.MSS/UX.38")
def test_a_replacement_then_a_deletion_are_told_and_leave_the_old_readable(
    installation: Installation,
) -> None:
    patient = installation.patient(IPP)
    hand_over(mailed(Action.INITIAL, arriving(1, pdf=PDF)))
    assert hand_over(mailed(Action.REPLACE, arriving(2, replaces=1, pdf=PDF))).code == "AA"
    doctor = installation.sits_down("HODA")
    doctor.go(f"/patients/{patient.uid}/")
    expect(doctor.document_row()).to_contain_text("REMPLACÉ")
    with doctor.budget(2):
        doctor.click(doctor.page.locator("#apercu").get_by_text("Plus", exact=True))
        doctor.click(doctor.page.get_by_role("link", name=re.compile("Version 1")))
    expect(doctor.page.locator("#apercu")).to_contain_text("Ancienne version")
    assert hand_over(mailed(Action.DELETE, arriving(2, replaces=1, pdf=PDF))).code == "AA"
    doctor.go(f"/patients/{patient.uid}/")
    expect(doctor.document_row()).to_contain_text("Supprimé par l’émetteur")
    shown(doctor.page, "41-record-deleted")


@pytest.mark.requirement("SC.CDA/VISU.03", "SC.CDA/INT.15", "F-PV-01")
def test_the_pdf_is_one_click_from_the_list_and_the_structured_view_one_more(
    installation: Installation,
) -> None:
    pdf_copy = media("doc-1", PDF, "application/pdf")
    hostile = '<paragraph>Conclusion lisible</paragraph><script xmlns="urn:x">document.title="x"</script>'
    cda = structured(hostile, after=pdf_copy)
    # The same patient as the record: the header of the sample names another one.
    person = arriving(1, pdf=PDF)
    start, end = person.index(b"<recordTarget>"), person.index(b"</recordTarget>")
    mine, other = cda.index(b"<recordTarget>"), cda.index(b"</recordTarget>")
    cda = cda[:mine] + person[start:end] + cda[other:]
    assert hand_over(mailed(Action.INITIAL, cda)).code == "AA"
    doctor = installation.sits_down("HODA")
    doctor.go(f"/patients/{installation.patient(IPP).uid}/")
    title = Version.objects.get().document.title
    with doctor.budget(2):
        doctor.click(doctor.page.locator("table.docs").get_by_role("link", name=title))
        doctor.click(doctor.page.locator("#apercu").get_by_role("link", name="Métadonnées"))
    expect(doctor.page.locator("#apercu .facts")).to_contain_text("PAT-TROIS DOMINIQUE")
    doctor.click(doctor.page.locator("#onglet-structuree"))
    frame = doctor.page.frame_locator("#apercu iframe")
    expect(frame.locator("main")).to_contain_text("Conclusion lisible")
    expect(frame.locator("main")).to_contain_text("[contenu non affiché]")
    shown(doctor.page, "42-structured-view")


def test_the_preview_shows_what_was_chosen_last_whichever_answer_comes_last(
    installation: Installation,
) -> None:
    for lineage in (1, 2):
        assert hand_over(mailed(Action.INITIAL, arriving(lineage=lineage, pdf=PDF))).code == "AA"
    doctor = installation.sits_down("HODA")
    page, held = doctor.page, []
    doctor.go(f"/patients/{installation.patient(IPP).uid}/")
    links = page.locator("table.docs a.docs__title")
    slow, chosen = (str(links.nth(place).get_attribute("hx-get")) for place in (1, 0))
    page.route(f"**{slow}", lambda route: held.append(route))
    links.nth(1).click()
    with page.expect_response(f"**{chosen}"):
        links.nth(0).click()
    (route,) = held
    # The browser gave up the first request: its answer has nowhere to go.
    assert route.request.failure == "net::ERR_ABORTED"
    expect(page.locator("#onglet-metadonnees")).to_have_attribute("hx-get", f"{chosen}?onglet=metadonnees")
    expect(page.locator("table.docs tr[aria-current=true] a.docs__title")).to_have_attribute("hx-get", chosen)


def understand(secretary: Person) -> None:
    """The rejection, from the bar: which trait differs, and no content of the document."""
    page = secretary.page
    page.get_by_role("link", name=re.compile("MSSanté")).click()
    page.locator("#liste").get_by_role("link", name=re.compile("TILLEULS")).click()
    expect(page.get_by_role("heading", name="Identité non concordante")).to_be_visible()
    expect(page.locator(".compare tr.is-different")).to_contain_text("Lieu (code INSEE)")
    expect(page.locator("#apercu iframe")).to_have_count(0)
    shown(page, "50-mssante-rejection")


def import_by_hand(secretary: Person, file: Path) -> None:
    """Drop, choose, compare, confirm: at most four clicks (workflows 5.4)."""
    page = secretary.page
    with secretary.budget(4):
        secretary.clicks += 1
        page.locator("[data-drop] input[type=file]").set_input_files(file)
        expect(page.get_by_label(re.compile("Date de naissance et nom"))).to_have_value(
            "28/03/1979 PAT-TROIS DOMINIQUE"
        )
        shown(page, "51-import-search")
        secretary.click(page.locator(".import__people a").filter(has_text="Porte ce matricule"))
        expect(page.locator(".compare mark").first).to_be_visible()
        shown(page, "52-import-compare")
        secretary.click(page.get_by_role("button", name="Je confirme l’identité"))
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    secretary.toast("Document intégré au dossier.")


@pytest.mark.requirement("SC.MSS/UX.07", "SC.MSS/UX.39", "F-PV-26", "SC.MSS/UX.37")
def test_a_refused_document_is_understood_then_imported_in_at_most_four_clicks(
    installation: Installation, town: Town, tmp_path: Path
) -> None:
    town.send(Case.OTHER_TRAIT, wants_receipt=False)
    file = tmp_path / "avis.eml"
    file.write_bytes(town.mails(ERROR_BOX)[-1])
    secretary = installation.sits_down("HODA")
    counter(secretary, "1 rejet")
    understand(secretary)
    import_by_hand(secretary, file)
    automatic, by_hand = Reception.objects.order_by("id")
    assert (automatic.outcome, by_hand.outcome) == (
        ReceiptOutcome.REFUSED_IDENTITY,
        ReceiptOutcome.INTEGRATED,
    )
    assert by_hand.intake == Intake.MANUAL and by_hand.differing == ["birth_place_cog"]
    patient = Patient.objects.get(pk=by_hand.patient_id)
    assert patient.birth_place_cog == "63220", "an import never changes an identity"
    assert ReceptionNotice.objects.get().seen_at is not None
    types = set(Trace.objects.filter(type__startswith="mssante.").values_list("type", flat=True))
    assert {"mssante.reject", "mssante.view", "mssante.import", "mssante.integrate"} <= types


@pytest.mark.requirement("SC.MSS/UX.40")
def test_everything_is_marked_as_seen_and_taken_back(installation: Installation) -> None:
    for lineage in (1, 2, 3):
        hand_over(mailed(Action.INITIAL, arriving(1, lineage=lineage)))
    doctor = installation.sits_down("HODA")
    doctor.go("/mssante/")
    with doctor.budget(2):
        doctor.click(doctor.page.get_by_role("button", name="Tout marquer comme vu"))
        doctor.toast("3 documents marqués comme vus.")
        expect(doctor.page.locator(".inbox .badge")).to_have_count(0)
        doctor.click(doctor.page.get_by_role("button", name="Annuler"))
    expect(doctor.page.locator(".inbox .badge")).to_have_count(3)


DMP_WORDS = {"delay:3000": "Ouvert – accès autorisé", "http:503": "indisponible"}
MOST_CALLS = 100


@pytest.fixture(params=list(DMP_WORDS))
def troubled(
    installation: Installation, settings: LazySettings, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Every call of the DMP takes three seconds, or fails; its words once it was asked."""
    cache.clear()
    settings.DMP_AIR_SITES = ["tous"]
    registry, now = installation.sandbox.dmp.registry, datetime.now(UTC)
    for actor in registry.authorisations(INS, now):
        registry.set_authorisation(INS, actor, "none", now)
    installation.sandbox.dmp.faults.add(request.param, times=MOST_CALLS)
    yield DMP_WORDS[request.param]
    installation.sandbox.dmp.faults.clear()
    installation.sandbox.mail.faults.clear()


def was_hit(installation: Installation) -> bool:
    """Whether the fault of the DMP happened to a call of the person."""
    (rule,) = installation.sandbox.dmp.faults.list()
    return rule["done"] > 0


def read_in_trouble(installation: Installation, words: str) -> None:
    """The mailbox is slow, or cannot be opened until the reading after."""
    faults = installation.sandbox.mail.faults
    if words == DMP_WORDS["delay:3000"]:
        faults.add("read_slow:3000", address=APPLICATION_BOX)
    else:
        faults.add("read_down", address=APPLICATION_BOX)
        mailboxes_read(worker="journey")
        assert not Reception.objects.exists(), "the mailbox was shut"
    mailboxes_read(worker="journey")
    assert faults.waiting() == 0


@pytest.mark.requirement("SC.MSS/UX.07", "SC.MSS/UX.40", "DPI.DMP/UX.10")
def test_what_arrives_is_filed_and_read_while_the_services_are_slow_or_down(
    installation: Installation, town: Town, troubled: str
) -> None:
    """Journey 4: nothing is lost with the mailbox, and the letter is read whatever the DMP does."""
    doctor = installation.sits_down("HODA")
    town.post(Case.MATCH)
    doctor.go("/mssante/")
    expect(doctor.page.locator("#liste")).not_to_contain_text("PAT-TROIS")
    read_in_trouble(installation, troubled)
    doctor.page.reload()
    counter(doctor, "1")
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name=re.compile("PAT-TROIS Dominique")))
    expect(doctor.page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(doctor.page.locator("#apercu iframe")).to_have_count(1)
    begin_letter(doctor)
    doctor.page.go_back()
    expect(doctor.page.locator("#dmp-fact")).to_contain_text(troubled, timeout=60_000)
    assert was_hit(installation)
    assert installation.traced("document.view", patient_uid=installation.patient(IPP).uid)


@pytest.mark.requirement("SC.MSS/UX.07", "SC.MSS/UX.39", "DPI.DMP/UX.10")
def test_a_refused_document_is_imported_while_the_services_are_slow_or_down(
    installation: Installation, town: Town, troubled: str, tmp_path: Path
) -> None:
    """Journey 5: the refusal is on screen although its notice does not leave yet; then it leaves."""
    held = len(town.mails(ERROR_BOX))
    town.post(Case.OTHER_TRAIT, wants_receipt=False)
    notice_fault = "slow:3000" if troubled == DMP_WORDS["delay:3000"] else "greylist"
    secretary = installation.sits_down("HODA")
    installation.sandbox.mail.faults.add(notice_fault, address=ERROR_BOX)
    read_in_trouble(installation, troubled)
    secretary.page.reload()
    counter(secretary, "1 rejet")
    understand(secretary)
    if notice_fault == "greylist":
        assert len(town.mails(ERROR_BOX)) == held
        IncomingMail.objects.update(not_before=None)
        mailboxes_read(worker="journey")
    assert len(town.mails(ERROR_BOX)) == held + 1
    file = tmp_path / "avis.eml"
    file.write_bytes(town.mails(ERROR_BOX)[-1])
    import_by_hand(secretary, file)
    expect(secretary.page.locator("#dmp-fact")).to_contain_text(troubled, timeout=60_000)
    assert was_hit(installation)
    assert Reception.objects.filter(intake=Intake.MANUAL, outcome=ReceiptOutcome.INTEGRATED).count() == 1
