"""The right stay: letters and choices are about one stay, which the page names (SC.DMP/CONF.06)."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.enums import ChoiceValue, Subject
from consent.selectors import choices_current
from consent.services import choice_record
from documents.models import Document
from patients.enums import EpisodeKind, EpisodeState
from patients.models import Episode
from tests.dossier.conftest import seen

OPPOSED = {"alimentation": "opposed", "consultation": "opposed"}


@pytest.fixture
def visit(ward):
    """A consultation that opens while the hospital stay goes on."""
    return Episode.objects.create(
        patient=ward.patient,
        visit_number="V-2",
        kind=EpisodeKind.OUTPATIENT,
        state=EpisodeState.OPEN,
        admitted_at=timezone.now(),
        unit=ward.unit,
    )


def page(ward, episode):
    return f"{reverse('dossier:choices', args=[ward.patient.uid])}?sejour={episode.uid}"


def known(client, url):
    return seen(client.get(url)).one("input[name=known]").get("value")


def feeding(episode):
    return choices_current(episode).alimentation_value


@pytest.mark.requirement("SC.DMP/CONF.06")
def test_a_choice_is_recorded_for_every_stay_under_way_when_the_person_says_so(ward, doctor, visit):
    url = page(ward, visit)
    assert seen(doctor.get(url)).one("input[name=every_stay]").get("checked") is None
    doctor.post(url, OPPOSED | {"known": known(doctor, url), "every_stay": "1"})
    assert feeding(visit) == feeding(ward.episode) == ChoiceValue.OPPOSED


def test_a_choice_for_one_stay_leaves_the_other(ward, doctor, visit):
    url = page(ward, visit)
    doctor.post(url, OPPOSED | {"known": known(doctor, url)})
    assert (feeding(visit), feeding(ward.episode)) == (ChoiceValue.OPPOSED, ChoiceValue.NOT_COLLECTED)


@pytest.mark.requirement("SC.DMP/CONF.06")
def test_a_form_that_is_late_overwrites_nothing_and_shows_what_changed(ward, doctor):
    url = page(ward, ward.episode)
    shown = known(doctor, url)
    choice_record(
        episode=ward.episode, subject=Subject.ALIMENTATION, value=ChoiceValue.OPPOSED, actor=ward.actor
    )
    answer = doctor.post(url, {"alimentation": "not_opposed", "consultation": "not_opposed", "known": shown})
    assert "enregistré ailleurs" in seen(answer, 409).text
    assert feeding(ward.episode) == ChoiceValue.OPPOSED


def test_a_stay_that_is_not_there_is_never_replaced_by_another(ward, doctor, visit):
    Episode.objects.filter(pk=visit.pk).update(state=EpisodeState.CANCELLED)
    assert doctor.post(page(ward, visit), OPPOSED | {"known": ","}).status_code == 404
    assert feeding(ward.episode) == ChoiceValue.NOT_COLLECTED


def test_a_discharge_letter_is_about_a_stay_that_began_the_hospital_stay_first(ward, doctor, visit):
    doctor.post(reverse("dossier:letter_new", args=[ward.patient.uid, "ldl-ses"]))
    assert Document.objects.get().episode == ward.episode


def test_after_discharge_the_letter_still_concludes_the_stay_that_ended(ward, doctor):
    now = timezone.now()
    Episode.objects.filter(pk=ward.episode.pk).update(state=EpisodeState.CLOSED, discharged_at=now)
    Episode.objects.create(
        patient=ward.patient,
        visit_number="V-3",
        kind=EpisodeKind.OUTPATIENT,
        state=EpisodeState.PLANNED,
        planned_at=now + timedelta(days=20),
        unit=ward.unit,
    )
    doctor.post(reverse("dossier:letter_new", args=[ward.patient.uid, "ldl-ses"]))
    assert Document.objects.get().episode == ward.episode
    assert page(ward, ward.episode) and doctor.get(page(ward, ward.episode)).status_code == 200


def test_a_new_version_does_not_borrow_the_sending_of_the_one_before(ward, doctor):
    from sending.enums import OrderState
    from sending.models import Order

    first = ward.write_letter()
    Order.objects.update(state=OrderState.RECEIVED_DMP)
    ward.revise(first, to_dmp=False)
    row = seen(doctor.get(reverse("dossier:patient", args=[ward.patient.uid]))).one("tr[id^=doc-]")
    words = " ".join("".join(row.itertext()).split())
    assert "Non envoyé" in words
    assert "version 1" in words
