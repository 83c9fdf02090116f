"""Journeys 2 and 6 of workflows.md: the DMP without a click, its documents, one shown to the patient."""

import re
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from documents.models import Version
from establishment.enums import NationalService
from interop.xds import codes
from national.dmp.opening import gateway_close
from national.models import Call
from sandbox.runtime import Sandbox, SandboxSettings
from tests.journeys.conftest import is_accessible, user
from tests.journeys.test_pages import shown
from tests.journeys.writing import begin_letter, open_record
from tests.scenarios.consulting import INS, Journal, deposit, held

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# A person waits for a page of ours no longer than this, whatever the DMP does.
LATENCY = "delay:3000"
MOST_CALLS = 100


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A DMP with documents of other structures, which these journeys change."""
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("dmp"), with_documents=True)) as box:
        yield box


@pytest.fixture
def dmp(installation, settings):
    """The hospital is declared for AIR, and counts news in hospital too; nobody was authorised before."""
    cache.clear()
    settings.DMP_AIR_SITES = ["tous"]
    settings.DMP_COUNTER_CARE = ["I", "O", "E"]
    registry = installation.sandbox.dmp.registry
    now = datetime.now(UTC)
    for actor in registry.authorisations(INS, now):
        registry.set_authorisation(INS, actor, "none", now)
    return installation


def fact(person):
    return person.page.locator("#dmp-fact")


def counter(person):
    return person.page.locator("a.fact__news")


def row(person, title):
    return person.page.locator("tr.docs__dmp").filter(has_text=title)


def open_list(person):
    """The click on the counter."""
    with person.budget(1):
        person.click(counter(person))
    person.page.locator("#titre-dmp").wait_for()


def missing_traces(installation, patient, *types):
    return [type for type in types if not installation.traced(type, patient_uid=patient.uid)]


@pytest.mark.requirement("SC.DMP/UX.12", "SC.DMP/UX.15", "SC.DMP/CONF.11", "SC.DMP/CONF.16", "DPI.DMP/UX.10")
def test_the_dmp_is_there_without_a_click_and_a_document_of_it_in_three(dmp):
    journal = Journal(dmp)
    patient = dmp.patient("000003")
    doctor = dmp.sits_down("HODA")
    assert dmp.traced("dmp.notice", actor_login="ahoda")
    assert journal.requests == []

    open_record(doctor)
    with doctor.budget(0):
        expect(fact(doctor)).to_contain_text("Ouvert – accès autorisé")
        expect(counter(doctor)).to_contain_text("nouveaux")
        expect(counter(doctor)).to_contain_text("invisible")
    assert journal.operations[:3] == ["TD0.2", "TD0.3", "TD0.2"]

    with doctor.budget(3):
        open_list(doctor)
        document = doctor.page.locator("tr.docs__dmp").first
        title = document.locator(".docs__title").inner_text()
        doctor.click(document.locator(".docs__title"))
        frame = doctor.page.locator("#apercu iframe")
        frame.wait_for()
        assert "/pdf" in str(frame.get_attribute("src"))
        shown(doctor.page, "60-dmp-document")
        doctor.click(doctor.page.locator("#apercu").get_by_role("button", name="Intégrer", exact=True))
        expect(doctor.page.locator(".group__done")).to_contain_text("1 intégré")
    # Another journey may have left a second version on top of the list.
    expect(doctor.page.locator("#apercu")).to_contain_text(
        re.compile(r"Déjà au dossier \(v[12]\)\. Voir au dossier")
    )
    expect(doctor.page.locator("#apercu").get_by_role("button", name="Intégrer")).to_have_count(0)
    expect(doctor.page.locator(".rail__entry[aria-current] .rail__count")).to_have_text("1")
    own = doctor.page.locator("table.docs tr[data-row]:not(.docs__dmp)").filter(has_text=title).first
    expect(own).to_contain_text("Importé DMP")
    assert Version.objects.count() == 1
    shown(doctor.page, "61-dmp-integrated")

    steps = ("existence", "authorise", "search", "retrieve", "view", "integrate")
    assert missing_traces(dmp, patient, "patient.open", *[f"dmp.{step}" for step in steps]) == []
    assert dmp.traced("psc.login.success", actor_login="ahoda")


@pytest.mark.requirement("SC.DMP/UX.31", "SC.DMP/UX.14.TER")
def test_several_are_integrated_by_one_click_and_those_already_here_are_told(dmp):
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    open_list(doctor)
    boxes = doctor.page.locator("tr.docs__dmp input[data-check]")
    with doctor.budget(4):
        for index in range(3):
            doctor.click(boxes.nth(index))
        doctor.click(doctor.page.get_by_role("button", name="Intégrer la sélection"))
    expect(doctor.page.locator(".group__done")).to_contain_text("3 intégrés")
    with doctor.budget(1):
        doctor.click(doctor.page.get_by_role("link", name="3 déjà au dossier, afficher"))
    # Another journey may have left the second version of one.
    told = doctor.page.locator("tr.docs__dmp").filter(has_text=re.compile(r"Déjà au dossier \(v[12]\)"))
    expect(told).to_have_count(3)


def test_the_list_stays_read_from_one_visit_to_the_next(dmp):
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    open_list(doctor)
    expect(fact(doctor)).to_contain_text("Aucun nouveau document")
    deposit(dmp, 701, "Angiographie arrivée ce matin")
    doctor.page.reload()
    expect(counter(doctor)).to_contain_text("1 nouveau")
    open_list(doctor)
    expect(row(doctor, "Angiographie arrivée ce matin")).to_contain_text(re.compile("nouveau", re.IGNORECASE))


@pytest.mark.requirement("SC.DMP/UX.14.BIS", "F-PV-19")
def test_what_was_hidden_is_shown_to_the_patient_in_two_clicks(dmp):
    """Journey 6, direct way."""
    unique_id = deposit(
        dmp, 710, "Anatomopathologie annoncée", restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,)
    )
    patient = dmp.patient("000003")
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    open_list(doctor)
    hidden = row(doctor, "Anatomopathologie annoncée")
    expect(hidden).to_contain_text("Invisible patient")
    with doctor.budget(2):
        doctor.click(hidden.get_by_role("link", name="Rendre visible…"))
        dialog = doctor.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Le patient verra ce document dans Mon espace santé.")
        expect(dialog).to_contain_text("C’est définitif")
        is_accessible(doctor.page)
        doctor.click(dialog.get_by_role("button", name="Rendre visible au patient"))
    expect(doctor.page.get_by_role("dialog")).to_have_count(0)
    expect(row(doctor, "Anatomopathologie annoncée")).not_to_contain_text("Invisible patient")
    assert codes.VISIBILITY_HIDDEN_PATIENT not in held(dmp, unique_id).confidentiality
    assert missing_traces(dmp, patient, "dmp.visibility", "dmp.make_visible") == []


def ask_to_show(doctor, title):
    """Two clicks: the dialog, then the public (workflows 6.4)."""
    with doctor.budget(2):
        doctor.click(row(doctor, title).get_by_role("link", name="Rendre visible…"))
        dialog = doctor.page.get_by_role("dialog")
        doctor.click(dialog.get_by_role("button", name="Rendre visible au patient"))
    return dialog


@pytest.mark.requirement("SC.DMP/UX.14.BIS", "DPI.DMP/UX.10")
def test_what_was_hidden_is_shown_through_a_slow_dmp(dmp):
    """Journey 6 with three seconds at every call."""
    title = "Anatomopathologie attendue"
    unique_id = deposit(dmp, 711, title, restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,))
    dmp.sandbox.dmp.faults.add(LATENCY, times=MOST_CALLS)
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    expect(counter(doctor)).to_contain_text("nouve", timeout=60_000)
    open_list(doctor)
    ask_to_show(doctor, title)
    expect(row(doctor, title)).not_to_contain_text("Invisible patient", timeout=60_000)
    expect(doctor.page.get_by_role("dialog")).to_have_count(0)
    assert codes.VISIBILITY_HIDDEN_PATIENT not in held(dmp, unique_id).confidentiality
    (rule,) = dmp.sandbox.dmp.faults.list()
    asked = [call for call in Call.objects.filter(service=NationalService.DMP) if "TD3.3" in call.transaction]
    assert asked and rule["done"] > len(asked)


@pytest.mark.requirement("SC.DMP/UX.14.BIS", "DPI.DMP/UX.10")
def test_what_was_hidden_stays_so_while_the_dmp_is_down_and_the_work_goes_on(dmp):
    """Journey 6 with the DMP down: said in the dialog, nothing changed; then asked again."""
    title = "Anatomopathologie retenue"
    unique_id = deposit(dmp, 712, title, restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,))
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    open_list(doctor)
    dmp.sandbox.dmp.faults.add("http:503", times=MOST_CALLS)
    dialog = ask_to_show(doctor, title)
    expect(dialog.get_by_role("alert")).to_contain_text("Rien n’a été modifié", timeout=60_000)
    (rule,) = dmp.sandbox.dmp.faults.list()
    assert rule["done"] > 0
    assert codes.VISIBILITY_HIDDEN_PATIENT in held(dmp, unique_id).confidentiality
    doctor.press("Escape")
    expect(row(doctor, title)).to_contain_text("Invisible patient")
    begin_letter(doctor)
    doctor.page.go_back()
    dmp.sandbox.dmp.faults.clear()
    gateway_close()
    doctor.go(f"/patients/{dmp.patient('000003').uid}/?dmp=1")
    doctor.page.wait_for_load_state("networkidle")
    ask_to_show(doctor, title)
    expect(row(doctor, title)).not_to_contain_text("Invisible patient")
    expect(doctor.page.get_by_role("dialog")).to_have_count(0)
    assert codes.VISIBILITY_HIDDEN_PATIENT not in held(dmp, unique_id).confidentiality


@pytest.mark.requirement("SC.CDA/DD.05", "SC.CDA/VISU.02", "F-PV-05")
def test_a_filed_document_says_that_a_newer_one_is_in_the_dmp(dmp):
    deposit(dmp, 720, "Compte rendu de passage", set_number=720)
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    open_list(doctor)
    doctor.click(row(doctor, "Compte rendu de passage").get_by_role("button", name="Intégrer"))
    expect(doctor.page.locator(".group__done")).to_contain_text("1 intégré")
    deposit(dmp, 721, "Compte rendu de passage corrigé", set_number=720, version=2, replaces=720)
    doctor.page.reload()
    expect(counter(doctor)).to_contain_text("1 nouveau")
    own = doctor.page.locator("table.docs tr[data-row]:not(.docs__dmp)").filter(has_text="passage").first
    doctor.click(own.locator(".docs__title"))
    expect(doctor.page.locator("#apercu")).to_contain_text(
        "Une version plus récente est disponible dans le DMP"
    )
    with doctor.budget(1):
        doctor.click(doctor.page.locator("#apercu").get_by_role("button", name="Intégrer"))
    expect(doctor.page.locator(".group__done")).to_contain_text("1 remplacé")


@pytest.mark.requirement("SC.DMP/UX.12")
def test_a_slow_dmp_holds_nothing(dmp, settings):
    """Every answer takes three seconds, the first one as long as the work: the record is used meanwhile."""
    settings.DMP_EXISTENCE_TIMEOUT_SECONDS = settings.DMP_PATIENCE_SECONDS = 60
    gateway_close()
    doctor = dmp.sits_down("HODA")
    faults = dmp.sandbox.dmp.faults
    faults.add("hold")
    faults.add(LATENCY, times=MOST_CALLS)
    open_record(doctor)
    expect(fact(doctor)).to_contain_text("Vérification…")
    begin_letter(doctor)
    assert not Call.objects.filter(service=NationalService.DMP).exists(), "no answer was to come yet"
    doctor.page.go_back()
    faults.release()
    expect(fact(doctor)).to_contain_text("Ouvert – accès autorisé", timeout=30_000)
    expect(counter(doctor)).to_contain_text("nouveaux", timeout=30_000)


@pytest.mark.requirement("SC.DMP/UX.12")
def test_a_dmp_that_is_down_says_so_and_the_work_goes_on(dmp):
    doctor = dmp.sits_down("HODA")
    dmp.sandbox.dmp.faults.add("http:503", times=MOST_CALLS)
    open_record(doctor)
    expect(fact(doctor)).to_contain_text("indisponible")
    begin_letter(doctor)
    doctor.page.go_back()
    expect(fact(doctor)).to_contain_text("indisponible")
    dmp.sandbox.dmp.faults.clear()
    gateway_close()
    retry = fact(doctor).get_by_role("button", name="Réessayer")
    with doctor.budget(1):
        doctor.click(retry)
    expect(fact(doctor)).to_contain_text("Ouvert – accès autorisé")


@pytest.mark.requirement("SC.DMP/CONF.09.BIS", "F-PV-13")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ChoiceValue.OPPOSED, "Opposé à la consultation"),
        (ChoiceValue.NOT_COLLECTED, "Non informé – consultation impossible"),
    ],
)
def test_against_the_choice_of_the_patient_nothing_leaves(dmp, value, words):
    patient = dmp.patient("000003")
    episode = patient.episodes.get(visit_number="000897406")
    choice_record(episode=episode, subject=Subject.CONSULTATION, value=value, actor=user("ahoda").as_actor())
    journal = Journal(dmp)
    doctor = dmp.sits_down("HODA")
    open_record(doctor)
    expect(fact(doctor)).to_contain_text(words)
    assert doctor.page.locator("tr.docs__dmp").count() == 0
    assert journal.requests == []
    assert not dmp.traced("dmp.existence", patient_uid=patient.uid)
