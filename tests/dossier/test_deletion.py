"""Deleting a document from the record: why, where it goes, who still reads it (SC.DMP/CONF.03)."""

import pytest
from django.urls import reverse

from accounts.enums import RoleCode
from audit.models import Trace
from documents.enums import VersionState
from sending import services
from sending.enums import OrderAction, OrderState
from sending.models import Order
from sending.selectors import recipient_name
from tests.dossier.conftest import seen
from tests.sending.recipients import GP, PATIENT, REFERRER


@pytest.fixture
def letter(ward):
    """In the DMP, with one doctor and with the patient; another doctor's mail never left."""
    version = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    for order in Order.objects.exclude(recipient_address=REFERRER.address):
        Order.objects.filter(pk=order.pk).update(state=OrderState.HANDED_OVER)
        order.refresh_from_db()
        arrived = services.order_received_dmp if order.channel == "dmp" else services.order_delivered
        arrived(order=order, at=order.changed_at)
    return version


def url_of(version):
    return reverse("dossier:deletion", args=[version.uid])


def record_url(version, query=""):
    return reverse("dossier:patient", args=[version.document.patient.uid]) + query


def delete(
    browser, version, motive="wrong_document", asked=(f"mssante_pro:{GP.address}", "mssante_patient:")
):
    return browser.post(url_of(version), {"motif": motive, "destinataire": list(asked)})


@pytest.mark.requirement("SC.DMP/CONF.03", "SC.MSS/UX.05.BIS")
def test_the_page_says_where_the_deletion_goes_before_anything_is_done(letter, doctor):
    page = seen(doctor.get(url_of(letter)))
    for words in (
        "DMP · Mon espace santé",
        "Dr BLANC Sylvie",
        "Patiente",
        "1 envoi non parti (MSS) : annulé.",
    ):
        assert words in page.text
    assert "Dr ROUX Karim" not in page.text
    letter.refresh_from_db()
    assert letter.state == VersionState.CURRENT


@pytest.mark.requirement("SC.DMP/CONF.03", "SC.MSS/UX.05.BIS")
def test_it_is_deleted_with_its_reason_and_asked_of_those_who_stay_ticked(letter, doctor, ward):
    answer = delete(doctor, letter, asked=["mssante_patient:"])
    assert answer.headers["Location"] == record_url(letter, f"?document={letter.uid}")
    letter.refresh_from_db()
    assert (letter.state, letter.deletion_motive, letter.deleted_by) == (
        VersionState.DELETED, "wrong_document", ward.doctor,
    )  # fmt: skip
    asked = {recipient_name(order) for order in Order.objects.filter(action=OrderAction.DELETE)}
    assert asked == {"dmp:", "mssante_patient:"}
    assert Order.objects.get(recipient_address=REFERRER.address).state == OrderState.CANCELLED
    page = seen(doctor.get(answer.headers["Location"]))
    assert "Document supprimé. Suppression demandée : DMP, Patiente." in page.text
    assert "par Dr HODA Alice : erreur de document." in page.text
    assert Trace.objects.get(type="document.delete").reason == "wrong_document"


@pytest.mark.parametrize("motive", ["", "because"])
def test_without_a_reason_nothing_is_deleted(letter, doctor, motive):
    answer = delete(doctor, letter, motive=motive)
    assert "Choisissez un motif" in seen(answer, 422).text
    letter.refresh_from_db()
    assert letter.state == VersionState.CURRENT


def test_a_deleted_document_is_read_by_who_may_delete_and_told_to_nobody_else(letter, doctor, nurse):
    delete(doctor, letter)
    pdf, preview = (reverse(f"dossier:{name}", args=[letter.uid]) for name in ("document_pdf", "preview"))
    assert (doctor.get(pdf).status_code, nurse.get(pdf).status_code) == (200, 403)
    assert nurse.get(preview).status_code == 403
    assert letter.document.title not in seen(nurse.get(record_url(letter))).text
    refused = Trace.objects.filter(type="document.view", outcome="refused", reason="document_removed")
    assert refused.count() == 2


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_the_row_says_what_becomes_of_the_request_then_leaves_the_list(letter, doctor):
    delete(doctor, letter)
    row = seen(doctor.get(record_url(letter))).text
    assert "Supprimé le" in row
    assert "suppression" in row
    for order in Order.objects.filter(action=OrderAction.DELETE):
        Order.objects.filter(pk=order.pk).update(state=OrderState.HANDED_OVER)
        arrived = services.order_received_dmp if order.channel == "dmp" else services.order_delivered
        arrived(order=order, at=order.changed_at)
    shown = seen(doctor.get(record_url(letter, f"?document={letter.uid}"))).text
    assert "Supprimé du DMP" in shown
    assert "Demande de suppression" in shown
    assert "×" not in " ".join(seen(doctor.get(record_url(letter, "?supprimes=1"))).texts("table.docs td"))
    listed = seen(doctor.get(record_url(letter))).text
    assert "1 document supprimé." in listed
    assert "Supprimé du DMP" not in listed
    assert "Supprimé du DMP" in seen(doctor.get(record_url(letter, "?supprimes=1"))).text


def test_a_document_deleted_by_somebody_else_meanwhile_is_said(letter, doctor):
    delete(doctor, letter)
    assert (delete(doctor, letter).status_code, doctor.get(url_of(letter)).status_code) == (409, 409)
    assert Order.objects.filter(action=OrderAction.DELETE).count() == 3


def test_a_draft_cannot_be_deleted_by_this_way(ward, doctor):
    assert doctor.get(url_of(ward.draft())).status_code == 409


@pytest.mark.parametrize("role", [RoleCode.SOIGNANT, RoleCode.SECRETAIRE])
def test_who_may_not_delete_has_neither_the_entry_nor_the_page(letter, arrive, role):
    browser = arrive(role)
    assert browser.get(url_of(letter)).status_code == 403
    assert url_of(letter) not in browser.get(record_url(letter)).content.decode()
