"""What people do with a sending, until the DMP (journey 3 of workflows.md)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from patients.models import Patient
from patients.rules import StatusEvent
from patients.services import identity_event_apply
from sending import services
from sending.enums import OrderState
from sending.models import Order
from tests.hospital import MATRICULE
from tests.scenarios.carrying import carry_everything


def order_of(version):
    return Order.objects.get(version=version)


@pytest.mark.requirement("SC.DMP/ALI/PROG.03", "SC.ALI/PROG.05")
def test_a_letter_held_at_validation_leaves_when_it_is_released(hospital):
    version = hospital.write_letter(hold=True)
    carry_everything()
    assert (order_of(version).state, hospital.dmp_document(version)) == (OrderState.HELD, None)
    services.order_release(order=order_of(version), actor=hospital.actor)
    carry_everything()
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version) is not None


@pytest.mark.requirement("SC.DMP/ALI/PROG.02", "SC.ALI/PROG.05")
def test_a_letter_leaves_by_itself_when_its_deferral_is_over_and_not_before(hospital, settings):
    settings.SENDING_DELAY_MINUTES = 120
    version = hospital.write_letter()
    carry_everything()
    assert (order_of(version).state, hospital.dmp_document(version)) == (OrderState.SCHEDULED, None)
    Order.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    carry_everything()
    assert hospital.dmp_document(version) is not None


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
def test_a_letter_cancelled_during_its_deferral_never_leaves(hospital, settings):
    settings.SENDING_DELAY_MINUTES = 120
    version = hospital.write_letter()
    services.order_cancel(order=order_of(version), actor=hospital.actor)
    Order.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    carry_everything()
    assert (order_of(version).state, hospital.dmp_document(version)) == (OrderState.CANCELLED, None)


@pytest.mark.requirement("SC.DMP/ALI/PROG.02", "SC.ALI/PROG.05", "F-PFI-15")
def test_a_letter_written_before_the_ins_reaches_the_dmp_with_it_once_it_is_qualified(hospital):
    Patient.objects.update(is_ins_recovered=False)
    version = hospital.write_letter()
    carry_everything()
    assert (order_of(version).state, hospital.dmp_document(version)) == (OrderState.WAITING_IDENTITY, None)
    identity_event_apply(
        patient=hospital.patient,
        event=StatusEvent.INSI_ACCEPTED,
        actor=hospital.actor,
        ins=Ins(MATRICULE, INS_NIR_TEST_OID),
    )
    carry_everything()
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(version)["version_number"] == 1


@pytest.mark.requirement("DPI.CDA/HL7.01", "F-PFI-17")
def test_an_identity_corrected_after_the_dmp_refused_leaves_as_a_new_version(hospital):
    version = hospital.write_letter()
    hospital.sandbox.dmp.faults.add(
        "registry:XDSPatientIdDoesNotMatch", operation="TD2.1", unique_id=version.unique_id
    )
    carry_everything()
    assert order_of(version).state == OrderState.FAILED
    Patient.objects.update(birth_given_names="DOMINIQUE MARIE-LOUISE", identity_stamp=99)
    services.order_retry(order=order_of(version), actor=hospital.actor)
    carry_everything()
    order = Order.objects.select_related("version").get()
    assert (order.state, order.version.number) == (OrderState.RECEIVED_DMP, 2)
    assert hospital.dmp_document(version) is None
    assert hospital.dmp_document(order.version)["status"].endswith("Approved")
