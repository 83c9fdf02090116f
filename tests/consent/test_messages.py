"""Whether a patient accepts the hospital's messages (MSS/va1.20): recorded, dated, kept."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import Trace
from consent.enums import MessageChoiceValue
from consent.errors import ChoiceRefused
from consent.events import message_choice_changed
from consent.models import MessageChoice
from consent.rules import current_message_choice, may_mail_patient
from consent.selectors import message_choice_current, message_choices_history, patients_without_messages
from consent.services import message_choice_record
from tests.factories import PatientFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("MSS/va1.20")]

OPPOSED, ACCEPTS = MessageChoiceValue.OPPOSED, MessageChoiceValue.NOT_OPPOSED


@pytest.fixture
def told():
    """Patients told by the signal."""
    changes = []

    def note(patient, **_):
        assert connection.in_atomic_block
        changes.append(patient.pk)

    message_choice_changed.connect(note)
    yield changes
    message_choice_changed.disconnect(note)


def record(patient, value, **facts):
    return message_choice_record(patient=patient, value=value, actor=UserFactory().as_actor(), **facts)


def test_nothing_recorded_allows_messages_and_a_refusal_alone_forbids_them():
    assert [bool(may_mail_patient(value)) for value in (None, ACCEPTS, OPPOSED)] == [True, True, False]


def test_a_refusal_says_who_when_and_from_where_and_its_withdrawal_keeps_it(told):
    patient, other = PatientFactory(), PatientFactory()
    first = record(patient, OPPOSED, by_representative=True)
    record(other, ACCEPTS)
    assert (first.source, first.by_representative, bool(first.author_login)) == ("screen", True, True)
    assert patients_without_messages([patient.pk, other.pk]) == {patient.pk}
    record(patient, ACCEPTS)
    assert patients_without_messages([patient.pk]) == set()
    assert [one.value for one in message_choices_history(patient)] == ["not_opposed", "opposed"]
    assert told == [patient.pk, other.pk, patient.pk]
    trace = Trace.objects.filter(type="consent.messages").last()
    assert trace.patient_uid == patient.uid
    assert (trace.detail["before"], trace.detail["after"]) == ("opposed", "not_opposed")


def test_the_same_answer_again_is_kept_and_changes_nothing(told):
    patient = PatientFactory()
    for _ in range(2):
        record(patient, OPPOSED)
    assert (MessageChoice.objects.count(), told) == (2, [patient.pk])


def test_a_date_in_the_past_does_not_come_before_what_is_newer(told):
    patient = PatientFactory()
    record(patient, OPPOSED)
    record(patient, ACCEPTS, collected_at=timezone.now() - timedelta(days=1))
    assert message_choice_current(patient).value == OPPOSED
    assert told == [patient.pk]


def test_a_date_in_the_future_is_refused():
    with pytest.raises(ChoiceRefused, match="futur"):
        record(PatientFactory(), OPPOSED, collected_at=timezone.now() + timedelta(hours=1))


def test_at_the_same_moment_the_refusal_counts():
    at = timezone.now()
    rows = [
        MessageChoice(pk=number, value=value, collected_at=at)
        for number, value in enumerate((ACCEPTS, OPPOSED, ACCEPTS), start=1)
    ]
    assert current_message_choice(rows).value == OPPOSED
    assert current_message_choice([]) is None
