"""ZAM^Z01 of the PFI: what becomes of the order (spec hl7v2 2.8)."""

import pytest
from django.utils import timezone

from consent.enums import ChoiceValue
from exchange.enums import MessageState
from exchange.identifiers import new_control_id
from exchange.models import Message, Partner
from exchange.services import message_receive
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.codes import ZamKind
from interop.hl7v2.zam import Zam, build_zam, zam_fault, zam_header
from sending import services
from sending.enums import OrderState
from sending.models import Order
from sending.worker import orders_drain
from tests.interop.hl7v2.samples import DPI, PFI

pytestmark = pytest.mark.requirement("DPI.CDA/HL7.04", "F-PFI-16")


@pytest.fixture
def order(ward, far_pfi):
    """An order whose message left for a PFI that answers by other means."""
    version = ward.write_letter()
    orders_drain(worker="test")
    Message.objects.update(state=MessageState.ACKED)
    Order.objects.update(state=OrderState.HANDED_OVER)
    return Order.objects.select_related("message").get(version=version)


def zam(acknowledged_id, fault=None, kind=ZamKind.DMP_RECEPTION):
    now = timezone.now()
    header = zam_header(sender=PFI, receiver=DPI, control_id=new_control_id(), sent_at=now, kind=kind)
    success = fault is None
    return build_zam(
        Zam(header, kind, event_at=now, acknowledged_id=acknowledged_id, success=success, fault=fault)
    )


def receive(raw):
    ack = parse_ack(message_receive(partner=Partner.objects.get(code="pfi"), raw=raw))
    return ack.code


def now(order):
    return Order.objects.get(pk=order.pk)


def refusal(code="XDSRegistryMetadataError", label="métadonnée absente"):
    return zam_fault(ZamKind.DMP_RECEPTION, code, label)


def test_a_positive_acknowledgement_is_the_reception(order):
    assert receive(zam(order.message.control_id)) == "AA"
    assert now(order).state == OrderState.RECEIVED_DMP
    assert Message.objects.filter(direction="in").get().patient_uid == order.version.document.patient.uid


def test_a_negative_one_fails_the_order_with_the_code_and_the_words(order):
    assert receive(zam(order.message.control_id, refusal())) == "AA"
    failed = now(order)
    assert (failed.state, failed.error_code) == (OrderState.FAILED, "XDSRegistryMetadataError")
    assert failed.error_text == "métadonnée absente"


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PFI-03")
def test_an_order_that_the_pfi_gave_back_for_an_opposition_is_blocked(ward, order):
    ward.choose(ChoiceValue.OPPOSED)
    assert receive(zam(order.message.control_id, refusal("OPPOSITION"))) == "AA"
    assert (now(order).state, now(order).reason) == (OrderState.BLOCKED, "OPPOSITION")


def test_an_acknowledgement_of_nothing_we_sent_is_accepted_with_a_warning(order):
    assert receive(zam("INCONNU")) == "AA"
    assert "aucun ordre" in Message.objects.get(direction="in").warning
    assert now(order).state == OrderState.HANDED_OVER


def test_success_after_failure_is_success_and_failure_after_success_is_only_noted(order):
    receive(zam(order.message.control_id, refusal()))
    receive(zam(order.message.control_id))
    assert now(order).state == OrderState.RECEIVED_DMP
    receive(zam(order.message.control_id, refusal()))
    assert now(order).state == OrderState.RECEIVED_DMP
    assert order.events.last().kind == "late_refused_dmp"


@pytest.fixture
def relaunched(ward, order):
    """The same order, failed and sent again: its former message may still be answered."""
    former = order.message.control_id
    services.order_fail(order=order, code="HL7", text="sans réponse", kind="no_answer")
    services.order_retry(order=order, actor=ward.actor)
    orders_drain(worker="test")
    assert now(order).message.control_id != former
    return former


def test_a_late_success_of_a_former_try_counts(order, relaunched):
    receive(zam(relaunched))
    assert now(order).state == OrderState.RECEIVED_DMP


def test_a_late_refusal_of_a_former_try_is_noted_and_the_present_try_goes_on(order, relaunched):
    receive(zam(relaunched, refusal()))
    assert now(order).state == OrderState.SENDING
    assert order.events.last().kind == "late_refused_dmp"


def test_an_acknowledgement_of_a_mail_does_not_touch_the_dmp_order(order):
    header = zam_header(
        sender=PFI,
        receiver=DPI,
        control_id=new_control_id(),
        sent_at=timezone.now(),
        kind=ZamKind.MSS_DELIVERY,
    )
    delivered = Zam(
        header,
        ZamKind.MSS_DELIVERY,
        event_at=timezone.now(),
        acknowledged_id=order.message.control_id,
        success=True,
        address="dr.b@medecin.mssante.fr",
    )
    assert receive(build_zam(delivered)) == "AA"
    assert now(order).state == OrderState.HANDED_OVER
