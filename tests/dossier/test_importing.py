"""Importing by hand: a file, a patient whom a person chooses, a confirmation (SC.MSS/UX.39)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

import pypdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from accounts.enums import RoleCode
from accounts.models import Role
from audit.models import Trace
from documents.dropped import MAX_BYTES
from documents.enums import Intake, Origin, ReceiptOutcome, VersionState
from documents.models import Document, HandImport, Reception, ReceptionNotice, Version
from documents.store import content_get
from interop.cda.model import Act
from interop.hl7v2 import Action
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins
from interop.xdm.codes import XdmAction
from mssante.enums import MailboxKind
from mssante.models import Mailbox
from patients.enums import EpisodeKind, EpisodeState, IdentifierKind
from patients.models import Episode, Identifier, Patient
from patients.rules import search_keys
from tests.documents.arrivals import PDF, archive, arriving, plain_pdf, written
from tests.documents.mailed import hand_over, mailed
from tests.dossier.conftest import seen
from tests.interop.cda.samples import DOCTOR
from tests.interop.xdm.test_opening import with_entry

NEW = "/mssante/importer"
ANOTHER = Ins("160012B02077713", INS_NIR_TEST_OID)


@pytest.fixture(autouse=True)
def searchable(ward):
    """The patient of the ward as the services would have written it."""
    keys = search_keys(
        birth_name="PAT-TROIS", used_name="", given_names="DOMINIQUE",
        first_given_name="DOMINIQUE", used_given_name="",
    )  # fmt: skip
    Patient.objects.filter(pk=ward.patient.pk).update(
        search_birth_name=keys.birth_name,
        search_given_names=keys.given_names,
        search_full_name=keys.full_name,
        search_phonetic=keys.phonetic,
    )


def drop(browser, content: bytes, name: str = "IHE_XDM.zip", **fields):
    return browser.post(NEW, {"fichier": SimpleUploadedFile(name, content), **fields})


def opened(browser, content: bytes, name: str = "IHE_XDM.zip", **fields) -> str:
    answer = drop(browser, content, name, **fields)
    assert answer.status_code == 302, seen(answer, answer.status_code).texts(".note")
    return answer["Location"]


def confirm(browser, address: str, patient: Patient, **fields):
    """The comparison with this patient, then the button as the page offers it."""
    page = seen(browser.get(f"{address}?patient={patient.uid}"))
    form = page.one("form.import__confirm")
    chosen = [box.get("value") for box in page.all("input[name=document]") if box.get("checked") is not None]
    return browser.post(form.get("action"), {"patient": patient.uid, "document": chosen} | fields)


@pytest.mark.requirement("SC.MSS/UX.39")
def test_the_cda_of_an_archive_is_filed_with_the_patient_that_a_person_chose(ward, doctor):
    content = archive(arriving())
    address = opened(doctor, content)
    page = seen(doctor.get(address))
    assert page.one("#chercher").get("value") == "28/03/1979 PAT-TROIS DOMINIQUE"
    (candidate,) = page.all(".import__people a")
    assert "Porte ce matricule" in candidate.text_content()
    assert not Document.objects.exists(), "nobody was chosen by the software"
    answer = confirm(doctor, address, ward.patient)
    version = Version.objects.get()
    assert answer["Location"].endswith(f"?document={version.uid}")
    assert version.document.origins == [Origin.MSSANTE]
    assert (version.author_label, version.document.type_code) == ("Dr DAVID Charles", "11490-0")
    reception = Reception.objects.get()
    assert (reception.intake, reception.outcome) == (Intake.MANUAL, ReceiptOutcome.INTEGRATED)
    assert reception.actor_login == "ahoda" and content_get(reception.raw_sha256) == content
    assert HandImport.objects.get().done_at is not None
    types = set(Trace.objects.filter(type__startswith="mssante.").values_list("type", flat=True))
    assert types == {"mssante.import", "mssante.integrate"}


@pytest.mark.requirement("SC.MSS/UX.39", "F-PV-26")
def test_differences_are_marked_and_accepting_them_changes_no_identity(ward, doctor):
    cda = arriving(traits={"birth_place_cog": "63221"})
    address = opened(doctor, archive(cda))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    (different,) = page.texts(".compare tr.is-different")
    assert different.startswith("Lieu (code INSEE)") and page.has(".compare mark")
    confirm(doctor, address, ward.patient)
    assert Reception.objects.get().differing == ["birth_place_cog"]
    ward.patient.refresh_from_db()
    assert ward.patient.birth_place_cog == "63220"


@pytest.mark.requirement("SC.MSS/UX.39")
def test_another_matricule_stops_everything_without_the_right_and_a_motive(ward, doctor):
    cda = arriving(person={"ins": ANOTHER})
    address = opened(doctor, archive(cda))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert "Je confirme l’identité" not in page.text and "il ne peut pas y être classé" in page.text
    forced = {"patient": ward.patient.uid, "document": ["1.2.250.1.888.7.1.101"], "motif": "si"}
    assert doctor.post(f"{address}/classer", forced).status_code == 422
    assert not Document.objects.exists()

    role = Role.objects.get(code="prescripteur")
    role.permissions = [*role.permissions, "documents.import_mismatch"]
    role.save(update_fields=["permissions"])
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert page.has("#motif")
    assert doctor.post(f"{address}/classer", forced | {"motif": " "}).status_code == 422
    assert not Document.objects.exists()
    assert (
        doctor.post(f"{address}/classer", forced | {"motif": "Jumelle, vu avec le labo"}).status_code == 302
    )
    reception = Reception.objects.get()
    assert reception.extra == {"motive": "Jumelle, vu avec le labo"}
    assert "ins_matricule" in reception.differing


def test_a_record_without_ins_is_chosen_and_the_traits_are_not_copied(ward, doctor):
    Identifier.objects.filter(kind=IdentifierKind.INS).delete()
    Patient.objects.update(is_ins_recovered=False)
    address = opened(doctor, archive(arriving()))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert "faites-la vérifier par INSi" in page.text
    assert confirm(doctor, address, ward.patient).status_code == 302
    assert not Identifier.objects.filter(kind=IdentifierKind.INS).exists()


def test_a_document_without_ins_is_filed_when_a_person_confirms(ward, doctor):
    cda = arriving(person={"ins": None, "identity_status": IdentityStatus.VALIDATED})
    address = opened(doctor, archive(cda))
    assert confirm(doctor, address, ward.patient).status_code == 302
    assert Version.objects.count() == 1


def test_a_former_matricule_proposes_the_patient_and_says_so(ward, doctor):
    Identifier.objects.filter(kind=IdentifierKind.INS).update(is_active=False)
    page = seen(doctor.get(opened(doctor, archive(arriving()))))
    assert "Ancien matricule" in page.text


@pytest.mark.requirement("SC.MSS/UX.39")
def test_a_bare_cda_is_imported_too_and_says_that_it_was_added(ward, doctor):
    address = opened(doctor, arriving(), "document.xml")
    confirm(doctor, address, ward.patient)
    assert Document.objects.get().origins == [Origin.UPLOAD]


def letter_with(content: bytes, *, inside: EmailMessage | None = None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Labo BIOVAL <labo@bioval.mssante.fr>", "chir-v@ch.mssante.fr"
    mail["Message-ID"], mail["Subject"] = "<42@bioval.mssante.fr>", "XDM/1.0/DDM+CR VIAL Paul"
    mail.set_content("Bonjour")
    mail.add_attachment(content, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    return mail


@pytest.mark.requirement("SC.MSS/UX.39")
@pytest.mark.parametrize("is_notice", [False, True])
def test_a_mail_is_opened_down_to_the_one_that_bears_the_archive(ward, doctor, is_notice):
    mail = letter_with(archive(arriving()))
    if is_notice:
        notice = EmailMessage()
        notice["From"], notice["To"] = "dpi@ch.mssante.fr", "chir-v@ch.mssante.fr"
        notice["Subject"] = "[KO Intégration système !][904] XDM/1.0/DDM+CR VIAL Paul"
        notice["Message-ID"] = "<43@ch.mssante.fr>"
        notice.set_content("Non intégré")
        notice.add_attachment(mail)
        mail = notice
    address = opened(doctor, mail.as_bytes(), "refus.eml")
    confirm(doctor, address, ward.patient)
    reception = Reception.objects.get()
    assert reception.source_id == "<42@bioval.mssante.fr>"
    assert (reception.source_label, reception.source_address) == ("Labo BIOVAL", "labo@bioval.mssante.fr")


@pytest.mark.requirement("SC.MSS/UX.39", "SC.MSS/UX.37")
def test_importing_what_was_refused_deals_with_the_refusal(ward, doctor):
    cda = arriving(traits={"birth_place_cog": "63221"})
    hand_over(mailed(Action.INITIAL, cda))
    assert ReceptionNotice.objects.get().seen_at is None
    confirm(doctor, opened(doctor, archive(cda)), ward.patient)
    notice = ReceptionNotice.objects.get()
    assert notice.seen_at is not None and notice.seen_by == ward.doctor
    outcomes = list(Reception.objects.order_by("id").values_list("outcome", flat=True))
    assert outcomes == [ReceiptOutcome.REFUSED_IDENTITY, ReceiptOutcome.INTEGRATED]


@pytest.mark.requirement("SC.MSS/UX.05", "F-PV-49")
def test_replacement_and_deletion_follow_the_same_rules_once_confirmed(ward, doctor):
    confirm(doctor, opened(doctor, archive(arriving(1))), ward.patient)
    second = archive(arriving(2, replaces=1), action=XdmAction.REPLACE)
    page = seen(doctor.get(f"{opened(doctor, second)}?patient={ward.patient.uid}"))
    assert "remplace une version précédente" in page.text and "Nouvelle version" in page.text
    confirm(doctor, opened(doctor, second), ward.patient)
    old, new = Version.objects.order_by("number")
    assert (old.state, new.state) == (VersionState.REPLACED, VersionState.CURRENT)
    confirm(doctor, opened(doctor, archive(arriving(2, replaces=1), action=XdmAction.DELETE)), ward.patient)
    new.refresh_from_db()
    assert new.state == VersionState.DELETED


@pytest.mark.requirement("F-PV-49")
def test_what_is_already_there_is_said_and_left_unticked(ward, doctor):
    confirm(doctor, opened(doctor, archive(arriving())), ward.patient)
    again = opened(doctor, archive(arriving()))
    assert "Déjà intégré" in seen(doctor.get(again)).text
    page = seen(doctor.get(f"{again}?patient={ward.patient.uid}"))
    assert not page.all("input[name=document][checked]")
    assert confirm(doctor, again, ward.patient).status_code == 422
    assert Version.objects.count() == 1


@pytest.mark.requirement("SC.MSS/UX.05", "SC.MSS/UX.39")
def test_what_its_sender_had_deleted_is_filed_again_with_a_motive(ward, doctor):
    """mssante 2.6: unticked, asked why, and the history shows the deletion and the return."""
    confirm(doctor, opened(doctor, archive(arriving())), ward.patient)
    confirm(doctor, opened(doctor, archive(arriving(), action=XdmAction.DELETE)), ward.patient)
    version = Version.objects.get()
    assert version.state == VersionState.DELETED
    address = opened(doctor, archive(arriving()))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert not page.all("input[name=document][checked]") and "Supprimé auparavant" in page.text
    assert "pourquoi classer ce document de nouveau" in page.one("label[for=motif]").text_content()
    ticked = {"document": [version.unique_id]}
    answer = confirm(doctor, address, ward.patient, motif=" ", **ticked)
    assert "écrivez pourquoi" in seen(answer, 422).text
    assert Reception.objects.count() == 2
    answer = confirm(doctor, address, ward.patient, motif="Demandé par le labo", **ticked)
    assert answer["Location"].endswith(f"?document={version.uid}")
    version.refresh_from_db()
    assert version.state == VersionState.CURRENT
    history = seen(doctor.get(f"{reverse('dossier:mssante_history')}?vue=importes&entree=manual"))
    assert history.texts("tbody td:nth-child(5)") == [
        "Intégré à la main, ahoda, après suppression : Demandé par le labo",
        "Supprimé à la demande de l’émetteur à la main, ahoda",
        "Intégré à la main, ahoda",
    ]
    facts = seen(doctor.get(f"{reverse('dossier:preview', args=[version.uid])}?onglet=metadonnees")).text
    assert "suppression demandée" in facts
    assert "classé de nouveau après suppression : Demandé par le labo" in facts


def test_several_documents_are_listed_and_those_left_out_are_not_filed(ward, doctor):
    address = opened(doctor, archive(arriving(1), arriving(1, lineage=2)))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert len(page.all("input[name=document][checked]")) == 2
    confirm(doctor, address, ward.patient, document=["1.2.250.1.888.7.1.201"])
    assert [version.unique_id for version in Version.objects.all()] == ["1.2.250.1.888.7.1.201"]


def test_from_a_record_the_patient_is_already_chosen(ward, doctor):
    record = seen(doctor.get(reverse("dossier:patient", args=[ward.patient.uid])))
    link = next(link for link in record.all("a.btn") if "Importer" in link.text_content())
    page = seen(doctor.get(link.get("href")))
    patient = page.one("form[data-drop] input[name=patient]").get("value")
    address = opened(doctor, archive(arriving()), patient=patient)
    assert "Je confirme l’identité" in seen(doctor.get(address)).text
    assert seen(doctor.get(f"{address}?q=")).has("#chercher"), "another one may still be chosen"


def script_pdf() -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("alert(1)")}
    first = {NameObject("/S"): NameObject("/Named"), NameObject("/Next"): DictionaryObject(script)}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(first)
    return written(writer)


def locked_pdf() -> bytes:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("x", algorithm="RC4-40")
    return written(writer)


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "vide.zip", "file:empty"),
        (b"bonjour", "lettre.txt", "file:unknown"),
        (b"PK\x05\x06" + b"\0" * 18, "IHE_XDM.zip", "xdm:no_metadata"),
        (with_entry("../x"), "IHE_XDM.zip", "xdm:name"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "x.xml", "xml:doctype"),
        (b"<a/>", "x.xml", "cda:not_cda"),
        (letter_with(b"PK\x03\x04 nothing").as_bytes(), "x.eml", "xdm:not_zip"),
        (b"From: a@b.test\r\nSubject: x\r\n\r\nrien", "x.eml", "file:unknown"),
        (b"%PDF-1.4 nothing", "x.pdf", "pdf:unreadable"),
        (script_pdf(), "x.pdf", "pdf:active_content"),
        (locked_pdf(), "x.pdf", "pdf:encrypted"),
    ],
)
def test_a_hostile_file_is_refused_with_what_and_where_and_is_kept(ward, doctor, content, name, code):
    page = seen(drop(doctor, content, name), 422)
    if content:
        assert code in page.text and "le fichier est conservé" in page.text
        reception = Reception.objects.get()
        assert (reception.code, reception.outcome) == (code, ReceiptOutcome.UNREADABLE)
        assert content_get(reception.raw_sha256) == content
    assert not HandImport.objects.exists() and not Document.objects.exists()


def test_a_file_above_the_limit_or_none_at_all_is_said(ward, doctor):
    assert "Choisissez le fichier" in seen(doctor.post(NEW, {}), 422).text
    page = seen(drop(doctor, b"PK" + b"\0" * MAX_BYTES), 422)
    assert "dépasse 30 Mo" in page.text


@pytest.mark.requirement("SC.MSS/UX.39")
def test_a_pdf_alone_goes_its_own_way_and_is_counted_apart(ward, doctor):
    address = opened(doctor, plain_pdf(), "courrier.pdf")
    page = seen(doctor.get(f"{address}?q=28/03/1979+pat"))
    assert page.all(".import__people a")
    facts = {"titre": "Courrier du médecin", "type": "34112-3", "date": "05/03/2026"}
    for missing in facts:
        assert confirm(doctor, address, ward.patient, **(facts | {missing: ""})).status_code == 422
    assert confirm(doctor, address, ward.patient, **facts).status_code == 302
    version = Version.objects.get()
    assert version.cda_sha256 == "" and content_get(version.pdf_sha256) == plain_pdf()
    assert version.document.title == "Courrier du médecin"
    reception = Reception.objects.get()
    assert not reception.is_cda and reception.intake == Intake.MANUAL
    page = seen(doctor.get(reverse("dossier:preview", args=[version.uid])))
    assert page.texts(".tabs__tab") == ["PDF", "Métadonnées"]
    assert confirm(doctor, opened(doctor, plain_pdf(), "x.pdf"), ward.patient, **facts).status_code == 302
    assert Version.objects.count() == 1
    assert doctor.get(reverse("dossier:document_cda", args=[version.uid])).status_code == 404


def test_nobody_goes_on_with_the_file_of_another(ward, doctor, nurse):
    address = opened(doctor, archive(arriving()))
    assert nurse.get(address).status_code == 404
    assert nurse.post(f"{address}/classer", {"patient": ward.patient.uid}).status_code == 404


def test_a_closed_identity_is_neither_proposed_nor_accepted(ward, doctor):
    address = opened(doctor, archive(arriving()))
    Patient.objects.update(is_closed=True)
    assert not seen(doctor.get(address)).all(".import__people a")
    assert confirm(doctor, address, ward.patient).status_code == 422


def test_who_has_no_relation_with_the_patient_files_and_reads_nothing(ward, stranger):
    address = opened(stranger, archive(arriving()))
    answer = confirm(stranger, address, ward.patient)
    assert answer["Location"].startswith(reverse("dossier:mssante_history"))
    version = Version.objects.get()
    assert stranger.get(reverse("dossier:document_pdf", args=[version.uid])).status_code == 403


def test_the_search_may_be_changed_and_a_refused_one_is_said(ward, doctor):
    unknown = {"birth_name": "INCONNU", "first_birth_given_name": "ZOE", "birth_date": date(1950, 1, 2)}
    address = opened(doctor, archive(arriving(person={"ins": ANOTHER}, traits=unknown)))
    assert "Aucun patient trouvé" in seen(doctor.get(address)).text
    found = seen(doctor.get(f"{address}?q=28/03/1979+pat"))
    assert found.all(".import__people a")
    assert seen(doctor.get(f"{address}?q=a")).has(".import__none")


def test_the_act_is_at_its_own_date_whatever_the_day_of_the_import(ward, doctor):
    confirm(doctor, opened(doctor, archive(arriving())), ward.patient)
    version = Version.objects.get()
    assert version.act_at is not None and version.act_at.date() == date(2026, 3, 2)
    assert version.edited_at - version.act_at > timedelta(days=1)
    assert content_get(version.pdf_sha256) == PDF


STAY = "Classé dans le séjour du 06/03/2026, CHIR V."


@pytest.mark.requirement("SC.STAT/ES.01", "SC.MSS/UX.39")
def test_it_is_filed_in_the_stay_of_the_unit_and_in_its_name(ward, doctor):
    """stats C8: the unit is frozen with the reception, or the figure has no FINESS."""
    address = opened(doctor, archive(arriving()))
    assert STAY in seen(doctor.get(f"{address}?patient={ward.patient.uid}")).text
    confirm(doctor, address, ward.patient)
    document = Document.objects.get()
    assert (document.episode, document.unit, Reception.objects.get().unit) == (
        ward.episode,
        ward.unit,
        ward.unit,
    )


@pytest.mark.requirement("SC.STAT/ES.01")
@pytest.mark.parametrize("is_cda", [True, False])
def test_who_serves_every_unit_says_for_which_where_nothing_tells(ward, arrive, is_cda):
    """No stay, no mailbox, no unit of hers: asked once, never counted under no site."""
    Episode.objects.all().delete()
    browser = arrive(RoleCode.SECRETAIRE, unit=None, login="everywhere")
    address = opened(browser, archive(arriving()) if is_cda else plain_pdf())
    facts = {} if is_cda else {"titre": "Courrier", "type": "34112-3", "date": "05/03/2026"}
    page = seen(browser.get(f"{address}?patient={ward.patient.uid}"))
    assert [option.get("value") for option in page.all("#unite option")] == ["", "6268"]
    for wrong in ("", "nulle part", "\x00"):
        answer = confirm(browser, address, ward.patient, unite=wrong, **facts)
        assert "Choisissez l’unité" in seen(answer, 422).text
    assert not Document.objects.exists()
    assert confirm(browser, address, ward.patient, unite="6268", **facts).status_code == 302
    assert Reception.objects.get().unit == Document.objects.get().unit == ward.unit


def test_for_her_the_mailbox_of_the_mail_tells_the_unit(ward, arrive):
    Episode.objects.all().delete()
    Mailbox.objects.create(
        address="chir-v@ch.mssante.fr", kind=MailboxKind.ORG, label="CHIR V", unit=ward.unit
    )
    browser = arrive(RoleCode.SECRETAIRE, unit=None, login="everywhere")
    address = opened(browser, letter_with(archive(arriving())).as_bytes(), "courriel.eml")
    assert "hors séjour, pour CHIR V" in seen(browser.get(f"{address}?patient={ward.patient.uid}")).text
    confirm(browser, address, ward.patient)
    reception = Reception.objects.get()
    assert (reception.unit, reception.recipient_address) == (ward.unit, "chir-v@ch.mssante.fr")


def test_documents_of_different_stays_go_each_to_its_own(ward, doctor):
    old = Episode.objects.create(
        patient=ward.patient,
        visit_number="000897000",
        kind=EpisodeKind.INPATIENT,
        state=EpisodeState.CLOSED,
        admitted_at=datetime(2025, 1, 6, 10, tzinfo=UTC),
        discharged_at=datetime(2025, 1, 12, 10, tzinfo=UTC),
        unit=ward.unit,
    )
    act = Act(start=datetime(2025, 1, 8, 9, tzinfo=UTC), performer=DOCTOR)
    before = arriving(lineage=2, acts=(act,))
    address = opened(doctor, archive(arriving(), before))
    page = seen(doctor.get(f"{address}?patient={ward.patient.uid}"))
    assert "Chaque document est classé dans le séjour de sa date." in page.text
    confirm(doctor, address, ward.patient)
    assert set(Document.objects.values_list("episode", flat=True)) == {ward.episode.pk, old.pk}
