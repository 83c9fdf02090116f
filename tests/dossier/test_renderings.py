"""Reading a document made elsewhere: one row, its PDF first, its structured view, its header."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit.models import Trace
from documents.enums import Intake, Origin
from documents.models import Document, Version
from documents.received import Confirmation, IncomingDeletion
from documents.services import document_delete_received, document_receive
from interop.cda.codes import N1_MEDIA_TYPES
from interop.cda.display import DISPLAY_POLICY
from sending.errors import OrderRefused
from sending.services import order_request
from tests.documents.arrivals import AT, arriving, incoming
from tests.dossier.conftest import htmx, seen
from tests.interop.cda.test_display import EXAMPLES, official, structured
from tests.shared import ABSENT

BIOLOGY = "BIO-CR-BIO_2024.01_CR-2nde-intention-PDF.xml"


def file(ward, cda: bytes, **changes) -> Version:
    """File it by hand: the patient of the official examples was born elsewhere."""
    document = incoming(cda, intake=Intake.MANUAL, confirmation=Confirmation(), **changes)
    receipt = document_receive(patient=ward.patient, incoming=document, actor=ward.actor, at=AT)
    assert receipt.is_accepted, receipt.sentence
    return receipt.version


def example(name: str) -> bytes:
    path = EXAMPLES / name
    if not path.is_file():
        pytest.skip(f"{name}: {ABSENT}")
    return path.read_bytes()


def page(browser, ward, version, view: str = ""):
    address = reverse("dossier:patient", args=[ward.patient.uid])
    return seen(browser.get(f"{address}?document={version.uid}" + (f"&onglet={view}" if view else "")))


def fragment(browser, version, view: str = ""):
    address = reverse("dossier:preview", args=[version.uid])
    return seen(browser.get(f"{address}?onglet={view}", headers=htmx()))


@official
@pytest.mark.requirement("SC.CDA/DD.15", "SC.CDA/VISU.03", "F-PV-01")
def test_a_structured_document_with_its_pdf_is_one_row_and_its_pdf_comes_first(ward, doctor):
    version = file(ward, example(BIOLOGY))
    shown = page(doctor, ward, version)
    assert len(shown.all("tr[data-row]")) == 1 and Document.objects.count() == 1
    assert shown.texts(".tabs__tab") == ["PDF", "Vue structurée", "Métadonnées"]
    assert shown.texts(".tabs__tab[aria-current]") == ["PDF"]
    (frame,) = shown.all(".preview__paper iframe")
    assert frame.get("src").startswith(reverse("dossier:document_pdf", args=[version.uid]))
    pdf = doctor.get(reverse("dossier:document_pdf", args=[version.uid]))
    assert pdf.content.startswith(b"%PDF-")


@official
@pytest.mark.requirement("SC.CDA/VISU.03", "SC.CDA/INT.15", "F-PV-01")
def test_one_control_switches_to_the_structured_view_in_a_frame_that_can_do_nothing(ward, doctor):
    version = file(ward, example(BIOLOGY))
    link = page(doctor, ward, version).one("#onglet-structuree")
    shown = seen(doctor.get(link.get("hx-get"), headers=htmx()))
    frame = shown.one(".preview__paper iframe")
    assert frame.get("sandbox") == "" and "structurée" in frame.get("title")
    answer = doctor.get(frame.get("src"))
    assert answer["Content-Security-Policy"] == DISPLAY_POLICY
    assert answer["X-Frame-Options"] == "SAMEORIGIN" and answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "PAT-TROIS" in seen(answer).text
    trace = Trace.objects.filter(type="document.view").latest("id")
    assert trace.detail == {"rendering": "structured"} and trace.patient_uid == ward.patient.uid


@official
@pytest.mark.requirement("SC.CDA/VISU.01", "F-PV-01")
def test_the_metadata_are_beside_the_document_without_leaving_it(ward, doctor):
    version = file(ward, example("LDL-SES_2022.01.xml"), source_label="Dr BLANC")
    shown = fragment(doctor, version, "metadonnees")
    facts = dict(zip(shown.texts(".facts dt"), shown.texts(".facts dd"), strict=True))
    assert facts["Type"] == "Lettre de liaison à la sortie d'un établissement de soins"
    assert facts["Auteur"].startswith("Dr DAVID Charles")
    assert facts["Patient"] == "PAT-TROIS DOMINIQUE"
    assert facts["Structure"] == "Hôpital Européen Georges Pompidou"
    assert facts["Provenance"].startswith("Reçu MSSanté le 08/03/2026 14:52 de Dr BLANC, importé à la main")
    assert "279035121518989" not in shown.text


@pytest.mark.requirement("SC.CDA/VISU.01")
def test_the_metadata_of_a_letter_written_here_are_readable_too(ward, doctor):
    letter = ward.write_letter()
    shown = fragment(doctor, letter, "metadonnees")
    assert "Dr HODA Alice" in shown.text and shown.texts(".tabs__tab") == ["PDF", "Métadonnées"]


@official
@pytest.mark.requirement("SC.CDA/VISU.01")
@pytest.mark.parametrize(
    ("name", "tabs"),
    [
        ("DOC_NON_STRUCTURE_CDA-R2-N1.xml", ["PDF", "Métadonnées"]),
        ("VSM_1.4_2022.01.xml", ["Vue structurée", "Métadonnées"]),
        ("AUTOPRESENTABLE_LDL-EES_2022.01.xml", ["Vue structurée", "Métadonnées"]),
        ("eP-MED-DM_2024.01_PosoStruct.xml", ["PDF", "Vue structurée", "Métadonnées"]),
    ],
)
def test_each_kind_of_document_opens_on_what_it_has(ward, doctor, name, tabs):
    version = file(ward, example(name))
    shown = page(doctor, ward, version)
    assert shown.texts(".tabs__tab") == tabs
    assert shown.texts(".tabs__tab[aria-current]") == tabs[:1]
    assert doctor.get(shown.one(".preview__paper iframe").get("src")).status_code == 200
    assert fragment(doctor, version, "inconnue").texts(".tabs__tab[aria-current]") == tabs[:1]


@official
def test_annexes_are_listed_and_open_one_by_one(ward, doctor):
    version = file(ward, example(BIOLOGY))
    (link,) = page(doctor, ward, version).all(".preview__parts a")
    answer = doctor.get(link.get("href"))
    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    assert answer["Content-Disposition"].startswith("inline")
    assert Trace.objects.filter(type="document.view").latest("id").detail == {"rendering": "attachment-1"}
    for number in (0, 2):
        address = reverse("dossier:document_part", args=[version.uid, number])
        assert doctor.get(address).status_code == 404


@official
def test_an_annex_that_is_no_pdf_is_kept_as_a_file(ward, doctor):
    version = file(ward, example("OPH-CR-RTN_2022.01.xml"))
    answer = doctor.get(reverse("dossier:document_part", args=[version.uid, 2]))
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.requirement("SC.CDA/INT.08", "SC.CDA/INT.17")
def test_the_row_says_where_it_comes_from_and_sorts_at_the_date_of_its_act(ward, doctor):
    ward.write_letter()
    version = file(ward, arriving())
    file(ward, arriving(), origin=Origin.DMP)
    shown = page(doctor, ward, version)
    rows = shown.all("tr[data-row]")
    assert len(rows) == 2
    row = shown.one(f"#doc-{version.document.uid}")
    assert row.text_content().count("Reçu MSSanté") >= 1 and "Importé DMP" in row.text_content()
    assert "Dr DAVID Charles" in row.text_content()
    assert "Centre hospitalier de démonstration" in row.text_content()
    assert rows[1].get("id") == row.get("id"), "its act is older than that of the letter"


@pytest.mark.requirement("SC.MSS/UX.05")
def test_what_its_sender_deleted_is_struck_and_still_read(ward, doctor):
    version = file(ward, arriving())
    request = IncomingDeletion(unique_id=version.unique_id, origin=Origin.MSSANTE, intake=Intake.AUTOMATIC)
    document_delete_received(patient=ward.patient, incoming=request, actor=ward.actor, at=AT)
    shown = page(doctor, ward, version)
    assert "is-removed" in shown.one(f"#doc-{version.document.uid}").get("class")
    assert "Supprimé par l’émetteur le 08/03/2026" in shown.text
    assert doctor.get(reverse("dossier:document_pdf", args=[version.uid])).status_code == 200


@pytest.mark.requirement("SC.MSS/UX.05")
def test_the_version_that_was_replaced_is_one_click_away(ward, doctor):
    old = file(ward, arriving(1))
    new = file(ward, arriving(2, replaces=1))
    shown = page(doctor, ward, new)
    links = [link.get("href") or "" for link in shown.all(".menu__entry")]
    assert any(str(old.uid) in link for link in links)
    assert "Ancienne version : la version 2 l’a remplacée" in page(doctor, ward, old).text


def test_what_was_received_is_neither_corrected_nor_sent_from_here(ward, doctor):
    version = file(ward, arriving())
    shown = page(doctor, ward, version)
    assert not shown.has(".recipients") and "Nouvelle version" not in shown.text
    assert "Envoyer" not in shown.text
    with pytest.raises(OrderRefused):
        order_request(version=version, actor=ward.actor)
    for name in ("revise", "send_dmp"):
        answer = doctor.post(reverse(f"dossier:{name}", args=[version.uid]))
        assert answer.status_code in (302, 400, 403, 404, 409, 422), name
    assert Version.objects.count() == 1


def test_a_body_without_pdf_has_no_pdf_and_says_so(ward, doctor):
    version = file(ward, structured("<paragraph>Bonjour</paragraph>"))
    assert doctor.get(reverse("dossier:document_pdf", args=[version.uid])).status_code == 404
    assert "text/plain" in N1_MEDIA_TYPES
    assert "Bonjour" in seen(doctor.get(reverse("dossier:document_view", args=[version.uid]))).text


@pytest.mark.parametrize("name", ["document_view", "document_part"])
def test_nobody_outside_the_care_relation_reads_it(ward, stranger, name):
    version = file(ward, arriving())
    arguments = [version.uid] if name == "document_view" else [version.uid, 1]
    assert stranger.get(reverse(f"dossier:{name}", args=arguments)).status_code == 403


def test_a_draft_has_no_structured_view(ward, doctor):
    assert doctor.get(reverse("dossier:document_view", args=[ward.draft().uid])).status_code == 404
