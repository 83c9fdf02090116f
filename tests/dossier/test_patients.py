"""« Mes patients » and the patient search: who is listed, what is said, what is never said."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.services import assignment_give
from audit.models import Trace
from establishment.models import Unit
from patients.enums import AlertKind, AlertState, EpisodeState
from patients.models import Episode, Patient
from patients.rules import search_keys
from patients.services import alerts_set
from sending.enums import OrderState
from sending.models import Order
from tests.dossier.conftest import INSTALLER, htmx, seen
from tests.factories import EpisodeFactory, PatientFactory, QualifiedPatientFactory

HOME = reverse("dossier:home")
SEARCH = reverse("dossier:search")
RESULTS = reverse("dossier:search_results")


def names(page):
    return [words.split(" ")[0] for words in page.texts("tbody .unit__name")]


def neighbour(ward, name, **values):
    """Another patient of the ward."""
    kind = QualifiedPatientFactory if values.pop("is_qualified", False) else PatientFactory
    patient = kind(birth_name=name)
    EpisodeFactory(patient=patient, unit=ward.unit, **values)
    return patient


class TestUnitList:
    def test_it_holds_the_patients_of_my_units_present_or_planned(self, ward, doctor):
        elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
        neighbour(ward, "PREVU", state=EpisodeState.PLANNED, admitted_at=None, room="20")
        neighbour(ward, "SORTI", state=EpisodeState.CLOSED, discharged_at=timezone.now())
        EpisodeFactory(patient=PatientFactory(birth_name="AILLEURS"), unit=elsewhere)
        assert sorted(names(seen(doctor.get(HOME)))) == ["PAT-TROIS", "PREVU"]

    def test_each_row_says_identity_allergies_and_information_in_words(self, ward, doctor):
        row = seen(doctor.get(HOME)).texts("tbody tr")[0]
        for words in ("Qualifiée", "Non renseignées", "Non recueillie"):
            assert words in row
        alerts_set(
            patient=ward.patient,
            kind=AlertKind.ALLERGY,
            state=AlertState.KNOWN,
            labels=["Iode"],
            actor=ward.actor,
        )
        assert "Iode" in seen(doctor.get(HOME)).texts("tbody tr")[0]
        alerts_set(
            patient=ward.patient, kind=AlertKind.ALLERGY, state=AlertState.NONE_KNOWN, actor=ward.actor
        )
        assert "Aucune connue" in seen(doctor.get(HOME)).texts("tbody tr")[0]

    def test_the_admission_agent_sees_stays_and_choices_and_nothing_clinical(self, ward, admission):
        alerts_set(
            patient=ward.patient,
            kind=AlertKind.ALLERGY,
            state=AlertState.KNOWN,
            labels=["Iode"],
            actor=ward.actor,
        )
        ward.draft()
        page = seen(admission.get(HOME))
        assert "Non recueillie" in page.texts("tbody tr")[0]
        assert page.one(".unit__name").get("href") == reverse("dossier:choices", args=[ward.patient.uid])
        for words in ("Iode", "Allergie", "Non renseignées", "à valider", "Non validés"):
            assert words not in page.text

    def test_what_remains_to_do_is_said_and_leads_to_it(self, ward, doctor):
        ward.draft()
        Order.objects.filter(version=ward.write_letter()).update(state=OrderState.FAILED)
        neighbour(ward, "TRANQUILLE", is_qualified=True)
        page = seen(doctor.get(HOME))
        row = next(words for words in page.texts("tbody tr") if "PAT-TROIS" in words)
        assert "1 à valider" in row
        assert "1 échec" in row
        entries = {entry.text_content().strip(): entry.get("href") for entry in page.all(".rail__entry")}
        for word in ("Non validés1", "Envois en échec1"):
            assert names(seen(doctor.get(entries[word]))) == ["PAT-TROIS"]
        assert len(names(seen(doctor.get(HOME)))) == 2

    def test_it_is_narrowed_by_identity_information_unit_and_text(self, ward, doctor):
        elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
        assignment_give(
            user=ward.doctor, role=RoleCode.PRESCRIPTEUR, unit=elsewhere, giver=None, actor=INSTALLER
        )
        neighbour(ward, "PROVISOIRE", room="7", bed="2")
        EpisodeFactory(patient=PatientFactory(birth_name="VOISIN"), unit=elsewhere)
        everybody = {"PAT-TROIS", "PROVISOIRE", "VOISIN"}
        cases = {
            "identite=QUAL&texte=": {"PAT-TROIS"},
            "identite=PROV&identite=QUAL&texte=": everybody,
            "info=not_collected&texte=": everybody,
            "info=opposed&texte=": set(),
            "vue=1&unite=3435": {"VOISIN"},
            "texte=provi": {"PROVISOIRE"},
            "texte=7+2": {"PROVISOIRE"},
            "identite=nimporte&info=%00&unite=0000&afaire=x&texte=": everybody,
        }
        for query, expected in cases.items():
            page = seen(doctor.get(f"{HOME}?effacer=1"))
            page = seen(doctor.get(f"{HOME}?{query}"))
            assert set(names(page)) == expected, query

    def test_filters_and_sort_are_kept_for_the_person(self, ward, doctor):
        neighbour(ward, "AAA", room="99")
        doctor.get(f"{HOME}?identite=QUAL&texte=")
        page = seen(doctor.get(HOME))
        assert names(page) == ["PAT-TROIS"]
        assert "1 sur 2 patients" in page.text
        doctor.get(f"{HOME}?effacer=1")
        assert names(seen(doctor.get(f"{HOME}?tri=patient"))) == ["AAA", "PAT-TROIS"]
        assert names(seen(doctor.get(HOME))) == ["AAA", "PAT-TROIS"]
        assert names(seen(doctor.get(f"{HOME}?tri=sejour")))[0] == "PAT-TROIS"

    @pytest.mark.parametrize("query", ["tri=nimporte", "tri=%00", "texte=%00", "texte=" + "x" * 3000])
    def test_nonsense_in_the_address_is_no_error(self, ward, doctor, query):
        seen(doctor.get(f"{HOME}?{query}"))

    def test_a_list_without_patient_says_so(self, ward, doctor):
        Episode.objects.update(state=EpisodeState.CANCELLED)
        assert "Aucun patient présent dans vos unités." in seen(doctor.get(HOME)).text

    def test_the_list_opens_no_record(self, ward, doctor):
        doctor.get(HOME)
        assert not Trace.objects.filter(type="patient.open").exists()


@pytest.fixture
def findable(ward):
    """The patient of the ward, with the keys that every real entrance writes."""
    keys = search_keys(
        birth_name="PAT-TROIS",
        used_name="",
        given_names="DOMINIQUE",
        first_given_name="DOMINIQUE",
        used_given_name="",
    )
    Patient.objects.filter(pk=ward.patient.pk).update(
        search_birth_name=keys.birth_name,
        search_given_names=keys.given_names,
        search_full_name=keys.full_name,
        search_phonetic=keys.phonetic,
    )


@pytest.mark.usefixtures("findable")
class TestSearch:
    def test_a_patient_is_found_by_birth_date_and_letters(self, ward, doctor):
        page = seen(doctor.get(SEARCH, {"q": "28/03/1979 PAT"}))
        assert "1 identité" in page.text
        row = page.texts("tbody tr")[0]
        for words in ("PAT-TROIS", "28/03/1979", "Qualifiée", "CHIR V, en cours", "Équipe de soins"):
            assert words in row
        assert page.has(f"a[href='{reverse('dossier:patient', args=[ward.patient.uid])}']")

    @pytest.mark.parametrize("query", ["000003", "000897406", "279035121518989", "2 79 03 51 215 189 89"])
    def test_numbers_find_one_person(self, ward, doctor, query):
        assert "PAT-TROIS" in seen(doctor.get(SEARCH, {"q": query})).text

    def test_out_of_the_care_team_identity_alone_is_shown_and_nothing_opens(self, ward, stranger):
        page = seen(stranger.get(SEARCH, {"q": "28/03/1979 PAT"}))
        assert "Hors équipe de soins" in page.texts("tbody tr")[0]
        assert not page.has("tbody a")

    def test_the_admission_agent_goes_to_the_choices(self, ward, admission):
        page = seen(admission.get(SEARCH, {"q": "28/03/1979 PAT"}))
        assert page.has(f"tbody a[href='{reverse('dossier:choices', args=[ward.patient.uid])}']")

    def test_the_search_is_traced_without_its_values(self, ward, doctor):
        doctor.get(SEARCH, {"q": "28/03/1979 PAT"})
        (trace,) = Trace.objects.filter(type="patient.search")
        assert trace.actor_login == "ahoda"
        assert trace.detail["count"] == 1
        assert "PAT" not in str(trace.detail) and "1979" not in str(trace.detail)

    @pytest.mark.parametrize("query", ["PAT", "a", "2790351", "%"])
    def test_a_search_that_would_list_too_many_is_refused_in_words(self, ward, doctor, query):
        page = seen(doctor.get(SEARCH, {"q": query}))
        assert not page.has("tbody")
        assert page.has("#aide-q[role=status]") or "Aucune identité ne correspond" in page.text

    @pytest.mark.parametrize(
        "query",
        ["", " ", "\x00", "PAT\x00TROIS", "'; DROP TABLE patients_patient; --", "é" * 3000, "99/99/9999 PAT"],
    )
    def test_nonsense_is_no_error(self, ward, doctor, query):
        for address in (SEARCH, RESULTS):
            assert doctor.get(address, {"q": query}).status_code == 200
        assert Patient.objects.count() == 1

    def test_nobody_found_says_so(self, ward, doctor):
        page = seen(doctor.get(SEARCH, {"q": "01/01/1900 ZZZ"}))
        assert "Aucune identité ne correspond" in page.text

    def test_under_the_field_come_the_first_results_and_a_link_to_all(self, ward, doctor):
        for number in range(12):
            neighbour(ward, f"DUPONT{'ABCDEFGHIJKL'[number]}", admitted_at=timezone.now())
        Patient.objects.filter(birth_name__startswith="DUPONT").update(birth_date="1962-05-17")
        answer = doctor.get(RESULTS, {"q": "17/05/1962 DUP"}, headers=htmx("recherche-resultats"))
        assert b"<html" not in answer.content
        page = seen(answer)
        options = page.texts("[role=option]")
        assert len(options) == 9
        assert options[-1] == "Tous les résultats"
        assert page.all("[role=option]")[-1].get("href").startswith(SEARCH)

    def test_a_birth_place_that_is_unknown_leaves_no_hole(self, ward, doctor):
        Patient.objects.filter(pk=ward.patient.pk).update(birth_place_cog="", birth_place_label="")
        page = seen(doctor.get(SEARCH, {"q": "28/03/1979 PAT"}))
        assert "née à" not in page.text
        under = seen(doctor.get(RESULTS, {"q": "28/03/1979 PAT"}))
        assert not under.texts(".results__line.line2")[0].startswith("·")

    def test_who_may_not_search_is_refused(self, arrive):
        client = arrive(RoleCode.ADMIN_TECHNIQUE, unit=None)
        for address in (SEARCH, RESULTS, HOME):
            assert client.get(address).status_code == 403


def test_a_stay_that_is_planned_says_when(ward, doctor):
    later = timezone.now() + timedelta(days=2)
    Episode.objects.filter(pk=ward.episode.pk).update(
        state=EpisodeState.PLANNED, admitted_at=None, planned_at=later
    )
    row = seen(doctor.get(HOME)).texts("tbody tr")[0]
    assert f"prévu le {timezone.localtime(later):%d/%m}" in row
