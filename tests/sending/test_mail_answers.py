"""ZAM^Z02 and Z03 of the PFI: what becomes of each recipient's order (spec hl7v2 2.8, mssante 1.10)."""

import pytest
from django.utils import timezone

from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2.codes import ZamKind
from interop.hl7v2.zam import Zam, build_zam, zam_fault, zam_header
from sending import services
from sending.enums import OrderState
from sending.models import Order
from sending.worker import orders_drain
from tests.hospital import MATRICULE
from tests.interop.hl7v2.samples import DPI, PFI
from tests.sending.recipients import GP, PATIENT, REFERRER
from tests.sending.test_handlers import receive

pytestmark = pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")

PATIENT_ADDRESS = f"{MATRICULE}@patient.mssante.fr"
DELIVERY, READING = ZamKind.MSS_DELIVERY, ZamKind.MSS_READING


@pytest.fixture
def letter(ward, far_pfi):
    """A letter whose message left for a PFI that answers by other means."""
    version = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    orders_drain(worker="test")
    Message.objects.update(state=MessageState.ACKED)
    Order.objects.update(state=OrderState.HANDED_OVER)
    return version


def now(who):
    found = {"channel": "mssante_patient"} if who is PATIENT else {"recipient_address": who.address}
    return Order.objects.select_related("message").get(**found)


def states():
    return {who.label: now(who).state for who in (GP, REFERRER, PATIENT)}


def told(kind, address, code="", *, message_id=None):
    at = timezone.now()
    control_id = f"Z{Message.objects.count()}"
    fault = zam_fault(kind, code) if code else None
    sent = message_id or Message.objects.filter(direction="out").latest("id").control_id
    return receive(
        build_zam(
            Zam(
                header=zam_header(sender=PFI, receiver=DPI, control_id=control_id, sent_at=at, kind=kind),
                kind=kind,
                event_at=at,
                acknowledged_id=sent,
                success=fault is None,
                address=address,
                fault=fault,
            )
        )
    )


def test_a_delivery_and_a_reading_move_the_order_of_that_recipient_alone(letter):
    assert told(DELIVERY, GP.address.upper()) == "AA"
    assert states() == {GP.label: "delivered", REFERRER.label: "handed_over", PATIENT.label: "handed_over"}
    assert told(READING, GP.address) == "AA"
    assert told(DELIVERY, GP.address) == "AA"  # once more: a reading is not taken back
    assert states() == {GP.label: "read", REFERRER.label: "handed_over", PATIENT.label: "handed_over"}
    assert Order.objects.get(channel="dmp").state == "handed_over"


def test_the_patient_is_known_by_the_domain_of_the_address(letter):
    told(DELIVERY, PATIENT_ADDRESS)
    assert states() == {GP.label: "handed_over", REFERRER.label: "handed_over", PATIENT.label: "delivered"}


def test_a_bounce_fails_the_order_of_that_recipient_with_the_code_and_its_words(letter):
    told(DELIVERY, REFERRER.address, "550")
    failed = now(REFERRER)
    assert (failed.state, failed.error_code) == ("failed", "550")
    assert failed.error_text == "Boîte introuvable ou inaccessible"
    assert states()[GP.label] == "handed_over"


@pytest.mark.requirement("MSS/va1.13")
def test_a_mail_that_was_too_big_says_so_in_our_words(letter):
    told(DELIVERY, GP.address, "523")
    assert (now(GP).state, now(GP).error_code) == ("failed", "TAILLE")


def test_a_late_bounce_is_kept_beside_the_success_it_does_not_take_back(letter):
    told(DELIVERY, GP.address)
    told(DELIVERY, GP.address, "552")
    late = now(GP)
    assert (late.state, late.error_code) == ("delivered", "552")
    assert [event.kind for event in late.events.all()][-2:] == ["delivered", "late_bounced"]


@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_document_that_the_recipient_could_not_integrate_was_delivered(letter, comes):
    if comes == "after":
        told(DELIVERY, GP.address)
    told(READING, GP.address, "902")
    order = now(GP)
    assert (order.state, order.error_code) == ("delivered", "902")
    assert order.error_text == "Identifiant patient inconnu"
    assert order.events.last().kind == "not_treated"


def test_a_delivery_after_a_failure_is_believed(letter):
    told(DELIVERY, GP.address, "451")
    told(DELIVERY, GP.address)
    assert (now(GP).state, now(GP).error_code) == ("delivered", "")


def test_what_was_given_up_only_notes_that_it_arrived(letter):
    Order.objects.filter(recipient_address=GP.address).update(state=OrderState.SUPERSEDED)
    told(DELIVERY, GP.address)
    assert (now(GP).state, now(GP).events.last().kind) == ("superseded", "late_delivered")


def test_an_answer_to_a_former_try_fails_no_new_one(letter):
    former = now(GP).message.control_id
    services.order_fail(order=now(GP), code="451", text="", kind="bounced")
    services.order_retry(order=now(GP), actor=letter.author.as_actor())
    orders_drain(worker="test")
    assert now(GP).message.control_id != former
    told(DELIVERY, GP.address, "550", message_id=former)
    assert (now(GP).state, now(GP).events.last().kind) == ("sending", "late_bounced")


@pytest.mark.parametrize("address", ["unknown@medecin.mssante.test", GP.address])
def test_an_address_or_a_message_that_we_do_not_know_is_accepted_and_noted(letter, address):
    message_id = "UNKNOWN" if address == GP.address else None
    assert told(DELIVERY, address, message_id=message_id) == "AA"
    assert set(states().values()) == {"handed_over"}
    assert "aucun ordre" in Message.objects.filter(direction="in").latest("id").warning
