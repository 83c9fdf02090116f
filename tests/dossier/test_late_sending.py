"""Sending a validated document to one more recipient, from its pane (F-PV-48; hl7v2 2.5)."""

import pytest
from django.urls import reverse

from audit.models import Trace
from mssante.models import CorrespondentAddress
from sending.models import Order
from tests.dossier.conftest import htmx, seen
from tests.dossier.test_recipients import key
from tests.factories import CorrespondentFactory
from tests.sending.recipients import GP

pytestmark = pytest.mark.usefixtures("mailing")


def url_of(version, name="sending_add"):
    return reverse(f"dossier:{name}", args=[version.uid])


def record_url(version):
    return reverse("dossier:patient", args=[version.document.patient.uid])


@pytest.fixture
def other():
    return CorrespondentFactory(rpps="10101010303", family_name="MERCIER", given_name="Jeanne")


@pytest.mark.requirement("F-PV-48", "HOP/va1.05")
def test_one_more_doctor_receives_the_same_version_at_once(ward, doctor, other):
    version = ward.write_letter()
    doctor.post(url_of(version), {"recipient": [key(other)]})
    late = Order.objects.get(channel="mssante_pro")
    assert (late.version, late.action, late.state) == (version, "initial", "scheduled")
    assert late.recipient_label == "Dr MERCIER Jeanne"
    assert late.not_before <= late.created_at
    assert Trace.objects.filter(type="order.create", object_uid=late.uid, actor_login="ahoda").exists()
    assert ward.patient.documents.get().versions.count() == 1


@pytest.mark.requirement("F-PV-48")
def test_the_page_proposes_who_has_not_got_it_and_shows_who_has(ward, doctor, mailing):
    attending, referring = mailing
    first = attending.addresses.get()
    CorrespondentAddress.objects.filter(pk=first.pk).update(address=GP.address)
    version = ward.write_letter(recipients=(GP,))
    page = seen(doctor.get(url_of(version)))
    values = [tick.get("value") for tick in page.all("input[name=recipient]")]
    assert key(referring) in values
    assert "patient" in values
    assert not any(GP.address in value for value in values)
    assert page.all("input[name=recipient][checked]") == []
    assert GP.address in page.text


def test_nobody_ticked_sends_nothing_and_says_so(ward, doctor):
    version = ward.write_letter()
    answer = doctor.post(url_of(version), {"recipient": ["forged", "pro:x:y"]})
    assert "Aucun destinataire" in seen(answer, 422).text
    assert not Order.objects.exclude(channel="dmp").exists()


def test_the_patient_who_refuses_messages_is_said_and_the_order_waits(ward, doctor):
    from consent.enums import MessageChoiceValue
    from consent.services import message_choice_record

    message_choice_record(patient=ward.patient, value=MessageChoiceValue.OPPOSED, actor=ward.actor)
    version = ward.write_letter()
    doctor.post(url_of(version), {"recipient": ["patient"]})
    order = Order.objects.get(channel="mssante_patient")
    assert (order.state, order.reason) == ("blocked", "OPPOSITION_MES")


def test_the_search_finds_in_the_address_book(ward, doctor, other):
    version = ward.write_letter()
    answer = doctor.post(
        url_of(version, "sending_add_find"), {"q": "mercier"}, headers=htmx("destinataires-trouves")
    )
    assert key(other) in answer.content.decode()
    whole = doctor.post(url_of(version, "sending_add_find"), {"q": "mercier"})
    assert key(other) in whole.content.decode()


def test_a_version_that_was_replaced_or_deleted_is_not_sent(ward, doctor, other):
    first = ward.write_letter()
    second = ward.revise(first)
    assert doctor.post(url_of(first), {"recipient": [key(other)]}).status_code == 409
    doctor.post(reverse("dossier:deletion", args=[second.uid]), {"motif": "definitive"})
    assert doctor.get(url_of(second)).status_code == 409
    assert not Order.objects.filter(channel="mssante_pro").exists()


def test_who_may_not_send_has_neither_the_entry_nor_the_page(ward, nurse, doctor):
    version = ward.write_letter()
    assert url_of(version) in doctor.get(record_url(version)).content.decode()
    assert url_of(version) not in nurse.get(record_url(version)).content.decode()
    assert nurse.get(url_of(version)).status_code == 403


@pytest.mark.requirement("MSS/va1.13")
def test_a_document_too_big_for_a_mailbox_is_proposed_to_nobody(ward, doctor, mailing, other, settings):
    version = ward.write_letter()
    settings.MSS_MAX_MESSAGE_BYTES = 20_000
    page = seen(doctor.get(url_of(version)))
    assert page.all(".wishes input[name=recipient]:not([disabled])") == []
    assert "Le courriel pèse" in page.text
    refused = seen(doctor.post(url_of(version), {"recipient": [key(other)]}), 422)
    assert "la limite est de" in refused.text
    assert not Order.objects.filter(channel="mssante_pro").exists()
