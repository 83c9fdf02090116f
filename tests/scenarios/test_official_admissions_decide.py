"""From the hospital's own admission messages (official examples) to what the DMP holds."""

import re
from dataclasses import replace

import pytest

from audit.models import Trace
from documents.store import content_get
from exchange.models import Message
from exchange.services import message_receive
from interop.cda.parse import parse_cda
from interop.hl7v2.ack import parse_ack
from patients.models import Episode, Identifier, Patient
from pfi.models import Job
from sending.enums import OrderReason, OrderState
from sending.models import Order
from tests.exchange.listening import official
from tests.factories import PartnerFactory
from tests.scenarios.carrying import carry_everything

ADMISSION = "pam_consent/ConsentementConsultation_NonOppositionAlimentation.er7"
OPPOSITION = "pam_consent/NonConsentementConsultation_OppositionAlimentation.er7"
WITHDRAWAL = "pam_consent/NonRecueillieConsentementConsultation_NonOppositionAlimentation.er7"
# PV1-19: each example has a visit of its own.
VISIT_NUMBERS, VISIT_NUMBER = re.compile(rb"000\d97406\^\^\^"), b"000897406^^^"


@pytest.fixture
def tell(shared):
    """Send an official PAM message as the admission software does; all are made one stay."""
    partner = PartnerFactory(code="gam")

    def told(name):
        raw = VISIT_NUMBERS.sub(VISIT_NUMBER, official(shared, name))
        ack = parse_ack(message_receive(partner=partner, raw=raw))
        assert ack.code == "AA", ack.faults

    return told


@pytest.fixture
def admitted(hospital, tell):
    """The same hospital, whose patient came by message."""
    Episode.objects.all().delete()
    Identifier.objects.all().delete()
    Patient.objects.all().delete()
    tell(ADMISSION)
    return replace(hospital, patient=Patient.objects.get(), episode=Episode.objects.get())


def order_of(version):
    return Order.objects.get(version=version)


@pytest.mark.requirement("SC.DMP/CONF.13", "SC.DMP/CONF.06.BIS", "HOP/va1.03", "F-PFI-02")
def test_a_patient_admitted_by_message_is_the_patient_of_the_document_in_the_dmp(admitted):
    version = admitted.write_letter()
    carry_everything()
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert admitted.dmp_document(version)["title"] == version.document.title
    cda = parse_cda(content_get(version.cda_sha256))
    assert (cda.patient.ins.matricule, cda.patient.local_ids[0].extension) == ("279035121518989", "000003")
    assert Message.objects.filter(type__startswith="MDM").first().patient_uid == admitted.patient.uid
    assert Trace.objects.get(type="dmp.submit").patient_uid == admitted.patient.uid


@pytest.mark.requirement("SC.DMP/CONF.13", "SC.DMP/CONF.06.BIS")
def test_an_opposition_told_by_message_blocks_the_next_sending_and_its_withdrawal_frees_it(admitted, tell):
    before = admitted.write_letter()
    carry_everything()
    tell(OPPOSITION)
    version = admitted.write_letter()
    carry_everything()
    blocked = order_of(version)
    assert (blocked.state, blocked.reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)
    assert admitted.dmp_document(version) is None
    assert Job.objects.count() == 1
    assert order_of(before).state == OrderState.RECEIVED_DMP

    tell(WITHDRAWAL)
    carry_everything()
    assert order_of(version).state == OrderState.RECEIVED_DMP
    assert admitted.dmp_document(version) is not None


@pytest.mark.requirement("SC.DMP/CONF.13", "SC.DMP/CONF.06.BIS")
def test_an_opposition_told_during_the_deferral_stops_what_was_programmed(admitted, tell, settings):
    settings.SENDING_DELAY_MINUTES = 120
    version = admitted.write_letter()
    assert order_of(version).state == OrderState.SCHEDULED
    tell(OPPOSITION)
    assert order_of(version).state == OrderState.BLOCKED
    tell(WITHDRAWAL)
    assert order_of(version).state == OrderState.SCHEDULED
    assert admitted.dmp_document(version) is None
