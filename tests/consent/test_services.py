"""Choices recorded on screen and by PAM: history, effects told, traces (SC.DMP/CONF.06, .09, .13)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Trace
from consent.enums import ChoiceValue, Subject
from consent.errors import ChoiceRefused
from consent.events import choice_changed
from consent.models import Choice
from consent.selectors import choices_current, choices_current_for, choices_history, choices_of_patient
from consent.services import choice_record, choices_record
from exchange.models import Partner
from patients.models import Episode
from tests.factories import ChoiceFactory, EpisodeFactory, PatientFactory, UserFactory
from tests.patients.conftest import Receive, last_warning, receive  # noqa: F401 - a fixture
from tests.patients.people import CLERK

pytestmark = pytest.mark.django_db

OPPOSED, NOT_OPPOSED, NOT_COLLECTED = ChoiceValue.OPPOSED, ChoiceValue.NOT_OPPOSED, ChoiceValue.NOT_COLLECTED


@pytest.fixture
def told() -> Iterator[list[tuple[Episode, Subject]]]:
    """Changes told by the signal."""
    changes: list[tuple[Episode, Subject]] = []

    def note(episode: Episode, subject: Subject, **_: object) -> None:
        assert connection.in_atomic_block
        changes.append((episode, subject))

    choice_changed.connect(note)
    yield changes
    choice_changed.disconnect(note)


# --- Screen --------------------------------------------------------------------------------------
@pytest.mark.requirement("SC.DMP/CONF.06", "SC.DMP/CONF.09", "F-PV-08", "F-PV-09")
def test_a_choice_says_who_when_from_where_and_changes_at_any_time(
    told: list[tuple[Episode, Subject]],
) -> None:
    episode, user = EpisodeFactory(), UserFactory()
    for value in (NOT_OPPOSED, OPPOSED, NOT_OPPOSED):
        choice_record(episode=episode, subject=Subject.ALIMENTATION, value=value, actor=user.as_actor())

    history = list(choices_history(episode))
    assert [choice.value for choice in history] == ["not_opposed", "opposed", "not_opposed"]
    assert {(one.author_login, one.author_uid, one.source) for one in history} == {
        (user.login, user.uid, "screen")
    }
    assert choices_current(episode).alimentation == history[0]
    assert choices_current(episode).consultation_value == NOT_COLLECTED
    assert told == [(episode, Subject.ALIMENTATION)] * 3
    assert (
        list(Trace.objects.values_list("type", "actor_uid", "object_uid"))
        == [("consent.record", user.uid, episode.uid)] * 3
    )


@pytest.mark.requirement("SC.DMP/CONF.06", "SC.DMP/CONF.09")
def test_the_two_subjects_are_apart_and_per_episode() -> None:
    patient = PatientFactory()
    stay, visit = EpisodeFactory(patient=patient), EpisodeFactory(patient=patient)
    choices_record(episode=stay, alimentation=OPPOSED, consultation=NOT_OPPOSED, actor=CLERK)
    current = choices_current_for([stay.pk, visit.pk])
    assert (current[stay.pk].feeding.allowed, current[stay.pk].consulting.allowed) == (False, True)
    assert (current[visit.pk].feeding.allowed, current[visit.pk].consulting.allowed) == (True, False)
    assert choices_of_patient(patient).count() == 2


def test_both_subjects_in_one_act_leave_one_trace(told: list[tuple[Episode, Subject]]) -> None:
    episode = EpisodeFactory()
    choices_record(episode=episode, alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED, actor=CLERK)
    trace = Trace.objects.get()
    assert trace.detail["alimentation"]["before"] == "not_collected"
    assert trace.detail["consultation"]["after"] == "not_opposed"
    assert len(told) == 2


def test_a_person_may_go_back_to_not_collected(told: list[tuple[Episode, Subject]]) -> None:
    episode = EpisodeFactory()
    choices_record(episode=episode, alimentation=OPPOSED, actor=CLERK)
    choices_record(episode=episode, alimentation=NOT_COLLECTED, actor=CLERK)
    assert choices_current(episode).feeding.allowed
    assert len(told) == 2


def test_the_same_value_again_is_kept_and_tells_nobody(told: list[tuple[Episode, Subject]]) -> None:
    episode = EpisodeFactory()
    for _ in range(2):
        choices_record(episode=episode, alimentation=OPPOSED, actor=CLERK)
    assert Choice.objects.count() == 2
    assert len(told) == 1


def test_a_choice_collected_earlier_does_not_count_over_a_later_one() -> None:
    episode = EpisodeFactory()
    choices_record(episode=episode, alimentation=OPPOSED, actor=CLERK)
    yesterday = timezone.now() - timedelta(days=1)
    choices_record(episode=episode, alimentation=NOT_OPPOSED, actor=CLERK, collected_at=yesterday)
    assert choices_current(episode).alimentation_value == OPPOSED


@pytest.mark.requirement("SC.DMP/CONF.06")
def test_a_legal_representative_is_recorded_as_such() -> None:
    choices_record(episode=EpisodeFactory(), alimentation=OPPOSED, actor=CLERK, by_representative=True)
    assert Choice.objects.get().by_representative


def test_what_cannot_be_is_refused() -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    with pytest.raises(ChoiceRefused, match="futur"):
        choices_record(episode=EpisodeFactory(), alimentation=OPPOSED, actor=CLERK, collected_at=tomorrow)
    with pytest.raises(ChoiceRefused, match="annulé"):
        choices_record(episode=EpisodeFactory(state="cancelled"), alimentation=OPPOSED, actor=CLERK)
    assert Choice.objects.count() == 0


@pytest.mark.requirement("SC.DMP/CONF.06", "F-PV-06")
def test_there_is_nowhere_to_write_a_reason() -> None:
    texts = {
        field.name
        for field in Choice._meta.get_fields()
        if isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices
    }
    assert texts == {"author_login"}


def test_what_counts_costs_one_query_whatever_the_history() -> None:
    episodes = [EpisodeFactory() for _ in range(5)]
    for episode in episodes:
        for _ in range(4):
            ChoiceFactory(episode=episode)
    with CaptureQueriesContext(connection) as queries:
        assert len(choices_current_for([episode.pk for episode in episodes])) == 5
    assert len(queries) == 1


# --- PAM -----------------------------------------------------------------------------------------
def zfa(alimentation: str = "", consultation: str = "", *, day: str = "20240306111154") -> str:
    dateless = ("", "NA", '""')
    feeding = f"{alimentation}|{'' if alimentation in dateless else day}"
    consulting = f"{consultation}|{'' if consultation in dateless else day}"
    return f"ACTIF|20240306|||||||{feeding}|{consulting}"


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_a_later_message_counts_and_an_older_one_is_only_kept(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("INO", "IC", day="20240306100000"))
    episode = Episode.objects.get()
    receive("A31", zfa=zfa("IO", "INC", day="20240308100000"))
    assert choices_current(episode).alimentation_value == OPPOSED
    receive("A31", zfa=zfa("INO", "IC", day="20240307100000"))
    current = choices_current(episode)
    assert (current.alimentation_value, current.consultation_value) == (OPPOSED, OPPOSED)
    assert Choice.objects.count() == 6
    assert set(Choice.objects.values_list("source", "author_login")) == {("pam", "hl7.gam")}
    assert Choice.objects.filter(message_uid__isnull=True).count() == 0


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_screen_and_pam_meet_by_date_of_collection(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("INO", "IC"))
    episode = Episode.objects.get()
    choices_record(episode=episode, alimentation=OPPOSED, actor=CLERK)
    receive("A31", zfa=zfa("INO", "IC", day="20240401100000"))
    assert choices_current(episode).alimentation_value == OPPOSED
    assert choices_current(episode).consultation_value == NOT_OPPOSED


def test_not_collected_by_the_sender_never_hides_what_was_collected(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("IO", "IC"))
    receive("A31", zfa=zfa("NA", "NA"), recorded="20240501100000")
    current = choices_current(Episode.objects.get())
    assert (current.alimentation_value, current.consultation_value) == (OPPOSED, NOT_OPPOSED)
    assert Choice.objects.filter(is_effective=False).count() == 2


def test_a_reset_takes_effect(receive: Receive, told: list[tuple[Episode, Subject]]) -> None:  # noqa: F811
    receive("A01", zfa=zfa("IO", "IC"))
    receive("A31", zfa=zfa('""', ""), recorded="20240501100000")
    episode = Episode.objects.get()
    assert choices_current(episode).alimentation_value == NOT_COLLECTED
    assert told == [(episode, Subject.ALIMENTATION)]


def test_a_field_left_empty_says_nothing(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("", "IC"))
    assert list(Choice.objects.values_list("subject", flat=True)) == ["consultation"]


def test_what_a_message_repeats_is_not_written_again(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("INO", "IC"))
    receive("A02", movement="2", at="20240307110000", zfa=zfa("INO", "IC"))
    assert Choice.objects.count() == 2


@pytest.mark.requirement("SC.DMP/CONF.13")
@pytest.mark.parametrize(
    "set_aside",
    [
        {"event": "A03", "movement": "3", "at": "20240308110000"},  # a second discharge
        {"event": "A11", "movement": "9", "action": "CANCEL", "original": "A01"},  # an unknown movement
        {"event": "A02", "movement": "1", "at": "20240308110000"},  # an identifier used by another event
    ],
    ids=["second discharge", "unknown movement", "identifier used"],
)
def test_an_opposition_counts_even_when_its_movement_is_set_aside(
    receive: Receive,  # noqa: F811
    set_aside: dict[str, str],
) -> None:
    receive("A01", movement="1", zfa=zfa("INO", "IC"))
    receive("A03", movement="2", at="20240307110000")
    message = {**set_aside, "zfa": zfa("IO", "INC", day="20240401100000")}
    assert receive(message.pop("event"), **message).code == "AA"
    current = choices_current(Episode.objects.get())
    assert (current.alimentation_value, current.consultation_value) == (OPPOSED, OPPOSED)


def test_choices_of_an_unknown_stay_hold_in_no_other_and_the_journal_says_so(
    receive: Receive,  # noqa: F811
) -> None:
    receive("A01", movement="1", zfa=zfa("IO", "INC"))
    ack = receive("A03", visit="V9", account="9", movement="2", zfa=zfa("INO", "IC", day="20240401100000"))
    assert ack.code == "AA"
    assert choices_current(Episode.objects.get()).alimentation_value == OPPOSED
    assert "choix du patient non enregistrés" in last_warning()


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_an_opposition_received_later_is_told(
    receive: Receive,  # noqa: F811
    told: list[tuple[Episode, Subject]],
) -> None:
    receive("A01", zfa=zfa("INO", "IC"))
    assert told == []  # the stay is new: nothing depends on it yet
    receive("Z99", action="UPDATE", original="A01", zfa=zfa("IO", "IC", day="20240401100000"))
    assert told == [(Episode.objects.get(), Subject.ALIMENTATION)]


def test_a_new_stay_begins_again_at_not_collected(receive: Receive) -> None:  # noqa: F811
    receive("A01", visit="V1", account="1", zfa=zfa("IO", "INC"))
    receive("A03", visit="V1", account="1", movement="2", at="20240307110000")
    receive("A01", visit="V2", account="2", movement="3", at="20240401110000")
    second = Episode.objects.get(visit_number="V2")
    assert choices_current(second).alimentation is None


def test_without_a_visit_only_the_stays_under_way_are_concerned(receive: Receive) -> None:  # noqa: F811
    receive("A01", visit="V1", account="1")
    receive("A03", visit="V1", account="1", movement="2", at="20240307110000")
    receive("A01", visit="V2", account="2", movement="3", at="20240401110000")
    receive("A31", zfa=zfa("IO", "INC", day="20240402100000"))
    assert list(Choice.objects.values_list("episode__visit_number", flat=True)) == ["V2", "V2"]


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_the_flow_is_switched_off_for_the_establishment_or_for_a_partner(
    receive: Receive,  # noqa: F811
    settings: Settings,
) -> None:
    settings.PAM_CONSENT = False
    assert receive("A01", zfa=zfa("IO", "INC")).code == "AA"
    settings.PAM_CONSENT = True
    Partner.objects.update(accepts_consent=False)
    Partner.objects.get(code="gam").refresh_from_db()
    assert Choice.objects.count() == 0


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_an_unknown_code_keeps_the_value_and_warns(receive: Receive) -> None:  # noqa: F811
    receive("A01", zfa=zfa("IO", "IC"))
    ack = receive("A31", zfa=zfa("PEUTETRE", "INC", day="20240501100000"))
    current = choices_current(Episode.objects.get())
    assert ack.code == "AA"
    assert "ZFA-9 : code inconnu" in last_warning()
    assert (current.alimentation_value, current.consultation_value) == (OPPOSED, OPPOSED)
