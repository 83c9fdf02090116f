"""Information and non-opposition on screen: three values, two subjects, no reason, a whole history."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from audit.models import Trace
from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.models import Choice, MessageChoice
from patients.enums import EpisodeState
from patients.models import Episode
from sending.enums import OrderState
from tests.dossier.conftest import order_of, seen
from tests.factories import ChoiceFactory

VALUES = [value.value for value in ChoiceValue]


def address(ward):
    return reverse("dossier:choices", args=[ward.patient.uid])


def recorded(client, ward, **answers):
    """Send the form as the page draws it, with these answers."""
    page = seen(client.get(address(ward)))
    form = page.one("form.form-page")
    hidden = page.all("form.form-page input[type=hidden]")
    data = {field.get("name"): field.get("value", "") for field in hidden}
    for subject in Subject:
        chosen = page.all(f"input[name={subject.value}][checked]")
        if chosen:
            data[subject.value] = chosen[0].get("value")
    return client.post(form.get("action"), data | answers, follow=True)


class TestReading:
    def test_the_page_has_two_subjects_of_three_values_and_their_consequences(self, ward, admission):
        page = seen(admission.get(address(ward)))
        for subject in Subject:
            radios = page.all(f"input[name={subject.value}]")
            assert [radio.get("value") for radio in radios] == VALUES
            (chosen,) = [radio for radio in radios if radio.get("checked") is not None]
            assert chosen.get("value") == "not_collected"
        assert "Rien ne part au DMP" in page.text
        assert "À dire au patient" in page.text

    @pytest.mark.requirement("F-PV-06")
    def test_there_is_nowhere_to_write_a_reason(self, ward, admission):
        page = seen(admission.get(address(ward)))
        assert not page.has("main textarea")
        names = {field.get("name") for field in page.all("main form input")}
        assert names <= {
            "csrfmiddlewaretoken",
            "alimentation",
            "consultation",
            "representative",
            "every_stay",
            "messages",
            "known_messages",
            "known",
        }
        assert "Aucun motif n’est demandé ni enregistré." in page.text

    @pytest.mark.requirement("F-PV-13", "F-PV-35")
    @pytest.mark.parametrize(
        ("value", "sending", "reading"),
        [
            (None, "Envoi au DMP possible", "Consultation impossible"),
            ("not_opposed", "Envoi au DMP possible", "Consultation possible"),
            ("opposed", "Envoi au DMP arrêté", "Consultation impossible"),
        ],
    )
    def test_what_each_value_permits_is_said(self, ward, admission, value, sending, reading):
        if value:
            recorded(admission, ward, alimentation=value, consultation=value)
        permits = seen(admission.get(address(ward))).texts(".permits")[0]
        assert sending in permits
        assert reading in permits

    def test_each_opening_is_traced(self, ward, admission):
        admission.get(address(ward))
        (trace,) = Trace.objects.filter(type="patient.open")
        assert (trace.actor_login, trace.patient_uid) == ("droux", ward.patient.uid)

    def test_who_reads_only_is_offered_nothing_to_record(self, ward, arrive):
        reader = arrive(RoleCode.PHARMACIEN)
        page = seen(reader.get(address(ward)))
        assert not page.has(".decision button")
        assert all(radio.get("disabled") is not None for radio in page.all(".choice3 input"))
        refused = reader.post(address(ward), {"alimentation": "opposed", "consultation": "opposed"})
        assert refused.status_code == 403
        assert not Choice.objects.exists()

    def test_a_patient_who_never_came_has_no_choice_to_record(self, ward, admission):
        Episode.objects.filter(pk=ward.episode.pk).update(state=EpisodeState.CANCELLED)
        answer = admission.get(address(ward))
        assert answer.status_code in (302, 403)


class TestRecording:
    @pytest.mark.requirement("SC.DMP/CONF.06", "SC.DMP/CONF.09")
    @pytest.mark.parametrize("alimentation", VALUES)
    @pytest.mark.parametrize("consultation", VALUES)
    def test_every_pair_of_answers_is_recorded_and_shown(self, ward, admission, alimentation, consultation):
        page = seen(recorded(admission, ward, alimentation=alimentation, consultation=consultation))
        assert "Choix du patient enregistrés." in page.text
        rows = {row.subject: row for row in Choice.objects.all()}
        assert rows["alimentation"].value == alimentation
        assert rows["consultation"].value == consultation
        assert {row.source for row in rows.values()} == {ChoiceSource.SCREEN}
        for subject, value in (("alimentation", alimentation), ("consultation", consultation)):
            assert page.one(f"input[name={subject}][value={value}]").get("checked") is not None
        trace = Trace.objects.get(type="consent.record")
        assert (trace.actor_login, trace.patient_uid) == ("droux", ward.patient.uid)

    @pytest.mark.requirement("F-PV-09")
    def test_both_subjects_recorded_in_one_act_are_one_line_of_the_history(self, ward, admission):
        recorded(admission, ward, alimentation="not_opposed", consultation="not_opposed")
        page = seen(recorded(admission, ward, alimentation="opposed"))
        lines = page.texts(".history-table tbody tr")
        assert len(lines) == 2
        assert "Informé – opposé" in lines[0]
        assert "En vigueur" in lines[0]
        assert "En vigueur" not in lines[1]
        assert all("droux" in line for line in lines)

    @pytest.mark.requirement("F-PV-09")
    def test_a_message_with_two_dates_is_two_lines_and_one_without_effect_says_so(self, ward, admission):
        now = timezone.now()
        for subject, days, is_effective in (
            (Subject.ALIMENTATION, 3, True),
            (Subject.CONSULTATION, 2, True),
            (Subject.ALIMENTATION, 1, False),
        ):
            ChoiceFactory(
                episode=ward.episode,
                subject=subject,
                source=ChoiceSource.PAM,
                collected_at=now - timedelta(days=days),
                is_effective=is_effective,
                author_login="hl7.gam",
            )
        lines = seen(admission.get(address(ward))).texts(".history-table tbody tr")
        assert len(lines) == 3
        assert "gardé, sans effet" in lines[0]
        assert all("PAM" in line and "logiciel d’admission" in line for line in lines)
        assert "En vigueur" in lines[1] and "En vigueur" in lines[2]

    def test_the_representative_is_noted(self, ward, admission):
        page = seen(recorded(admission, ward, alimentation="opposed", representative="1"))
        assert "représentant informé" in page.texts(".history-table")[0]
        assert all(Choice.objects.values_list("by_representative", flat=True))

    @pytest.mark.requirement("SC.DMP/CONF.06.BIS")
    def test_an_opposition_blocks_what_waits_at_once_and_its_withdrawal_frees_it(self, ward, admission):
        order = order_of(ward.write_letter())
        recorded(admission, ward, alimentation="opposed")
        order.refresh_from_db()
        assert order.state == OrderState.BLOCKED
        recorded(admission, ward, alimentation="not_opposed")
        order.refresh_from_db()
        assert order.state == OrderState.SCHEDULED

    @pytest.mark.parametrize(
        "answers",
        [
            {"alimentation": "", "consultation": ""},
            {"alimentation": "opposed", "consultation": ""},
            {"alimentation": "OPPOSED", "consultation": "opposed"},
            {"alimentation": "\x00", "consultation": "opposed"},
            {"alimentation": "opposed' OR 1=1", "consultation": "opposed"},
        ],
    )
    def test_an_answer_that_is_none_of_the_three_records_nothing(self, ward, admission, answers):
        answer = recorded(admission, ward, **answers)
        page = seen(answer, 422)
        assert "Les choix n’ont pas été enregistrés." in page.texts("[role=alert]")[0]
        assert "Choisir une des trois réponses." in page.text
        assert not Choice.objects.exists()

    def test_a_choice_recorded_meanwhile_is_not_overwritten_unseen(self, ward, admission):
        form = seen(admission.get(address(ward))).one("input[name=known]").get("value")
        ward.choose(ChoiceValue.OPPOSED)
        data = {"alimentation": "not_opposed", "consultation": "not_opposed", "known": form}
        page = seen(admission.post(address(ward), data), 409)
        assert "Un choix vient d’être enregistré ailleurs" in page.texts("[role=alert]")[0]
        assert page.one("input[name=alimentation][value=opposed]").get("checked") is not None
        assert Choice.objects.count() == 1

    def test_the_unit_list_shows_what_was_chosen(self, ward, admission, doctor):
        words = {"not_opposed": "Non opposé", "opposed": "Opposé", "not_collected": "Non recueillie"}
        for value, word in words.items():
            recorded(admission, ward, alimentation=value, consultation=value)
            row = seen(doctor.get(reverse("dossier:home"))).texts("tbody tr")[0]
            assert word in row


@pytest.mark.requirement("MSS/va1.20")
class TestMessages:
    """Whether the patient accepts the hospital's messages in Mon espace santé."""

    def send(self, client, ward, **answers):
        page = seen(client.get(address(ward)))
        form = page.one("form#messages-form")
        data = {field.get("name"): field.get("value", "") for field in page.all("#messages-form input")}
        return client.post(form.get("action"), data | answers, follow=True)

    def test_nothing_is_chosen_before_somebody_asked_and_the_consequences_are_said(self, ward, admission):
        page = seen(admission.get(address(ward)))
        radios = page.all("input[name=messages]")
        assert [radio.get("value") for radio in radios] == ["not_opposed", "opposed"]
        assert not page.all("input[name=messages][checked]")
        assert "Rien n’est recueilli" in page.texts("#messages-du-patient")[0]

    def test_a_refusal_is_recorded_with_its_author_and_shown_with_its_history(self, ward, admission):
        answer = self.send(admission, ward, messages="opposed", representative="1")
        assert "Choix sur les messages enregistré." in seen(answer).text
        self.send(admission, ward, messages="not_opposed")
        page = seen(admission.get(address(ward)))
        assert page.one("input[name=messages][checked]").get("value") == "not_opposed"
        rows = page.texts("#messages-du-patient tbody tr")
        assert ["Accepte" in rows[0], "En vigueur" in rows[0], "Refuse" in rows[1]] == [True] * 3
        assert "droux" in rows[1] and "représentant légal" in rows[1]
        assert MessageChoice.objects.count() == 2
        assert Choice.objects.count() == 0

    def test_what_was_recorded_meanwhile_is_not_overwritten(self, ward, admission):
        self.send(admission, ward, messages="opposed")
        answer = self.send(admission, ward, messages="not_opposed", known_messages="")
        assert "rien n’a été changé" in seen(answer).text
        assert MessageChoice.objects.get().value == "opposed"

    @pytest.mark.parametrize("value", ["", "maybe"])
    def test_an_answer_that_is_none_records_nothing(self, ward, admission, value):
        answer = self.send(admission, ward, messages=value)
        assert "choisir une des deux réponses" in seen(answer).text
        assert not MessageChoice.objects.exists()

    def test_who_reads_only_is_offered_nothing_to_record(self, ward, arrive):
        reader = arrive(RoleCode.PHARMACIEN)
        page = seen(reader.get(address(ward)))
        assert not page.has("#messages-du-patient button")
        assert len(page.all("input[name=messages][disabled]")) == 2
        url = page.one("form#messages-form").get("action")
        assert reader.post(url, {"messages": "opposed", "known_messages": ""}).status_code == 403
        assert not MessageChoice.objects.exists()
