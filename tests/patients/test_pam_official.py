"""The official PAM examples, end to end over a real MLLP line (hl7v2 5, F10 and F11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from consent.selectors import choices_current
from exchange.models import Message
from patients.models import Episode, Identifier, Patient
from tests.exchange.conftest import listening  # noqa: F401 - a fixture
from tests.exchange.listening import Listening, official, send
from tests.factories import PartnerFactory, SiteFactory

TEST_INS = ("279035121518989", "1.2.250.1.213.1.4.10")

EXAMPLES = (
    ("pam_consent/ConsentementConsultation_NonOppositionAlimentation.er7", "not_opposed", "not_opposed"),
    ("pam_consent/NonConsentementConsultation_NonOppositionAlimentation.er7", "not_opposed", "opposed"),
    ("pam_consent/NonConsentementConsultation_OppositionAlimentation.er7", "opposed", "opposed"),
    (
        "pam_consent/NonRecueillieConsentementConsultation_NonOppositionAlimentation.er7",
        "not_opposed",
        "not_collected",
    ),
    ("pam_sgl/admission.er7", "not_opposed", "not_opposed"),
)


@pytest.fixture(autouse=True)
def _test_platform(settings):  # noqa: ANN001, ANN202
    settings.INS_ALLOWED_OIDS = [TEST_INS[1]]


@pytest.mark.requirement("SC.DMP/CONF.13", "INS/va1.62", "F-DPI-07")
@pytest.mark.parametrize(("name", "alimentation", "consultation"), EXAMPLES)
def test_official_example_admits_the_patient_with_their_choices(
    listening: Listening,  # noqa: F811
    shared: Path,
    name: str,
    alimentation: str,
    consultation: str,
) -> None:
    SiteFactory()
    port = listening.start(PartnerFactory())

    [ack] = send(port, official(shared, name))

    assert ack.code == "AA"
    patient = Patient.objects.get()
    assert patient.identity_status == "QUAL"
    assert (patient.birth_name, patient.birth_given_names) == ("PAT-TROIS", "DOMINIQUE")
    assert (patient.birth_place_cog, patient.sex) == ("63220", "F")
    ins = Identifier.objects.get(patient=patient, kind="INS", is_active=True)
    assert (ins.value, ins.oid) == TEST_INS
    episode = Episode.objects.get()
    assert (episode.state, episode.kind) == ("open", "I")
    assert episode.unit is not None and episode.unit.code == "6268"
    assert episode.movements.get().event == "A01"
    choices = choices_current(episode)
    assert choices.alimentation_value == alimentation
    assert choices.consultation_value == consultation
    message = Message.objects.get()
    assert (message.state, message.ack_code, message.patient_uid) == ("applied", "AA", patient.uid)
