"""The identity page: INSi beside the record, plain words, decisions, who may (spec ins 11.3, ui 6.16)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from audit.models import Trace
from establishment.enums import Switch
from interop.ins.codes import INS_OIDS
from national.errors import Unavailable
from national.insi.memory import InsiMemory
from patients.enums import IdentityAttribute, InsiDecision
from patients.models import InsiQuery, Patient
from patients.services import insi_ask, insi_do
from tests.dossier.conftest import Arrive, Seen, seen
from tests.factories import PatientFactory, SwitchFactory
from tests.hospital import Ward
from tests.interop.insi import samples
from tests.patients.insi import ADRUN, answered, held
from tests.patients.people import CLERK

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def authorities(ward: Ward, settings: LazySettings) -> None:
    settings.INS_ALLOWED_OIDS = sorted(INS_OIDS)


@pytest.fixture
def cell(arrive: Arrive) -> Client:
    """The identity cell serves the whole establishment."""
    return arrive(RoleCode.IDENTITOVIGILANCE, unit=None, login="ifaure")


def page(client: Client, patient: Patient, status: int = 200) -> Seen:
    return seen(client.get(reverse("dossier:identity", args=[patient.uid])), status)


def decide(client: Client, query: InsiQuery, decision: str, **data: str) -> Any:
    return client.post(reverse("dossier:insi_decide", args=[query.uid, decision]), data)


def fresh(patient: Patient) -> Patient:
    return Patient.objects.get(pk=patient.pk)


class TestReading:
    def test_the_page_of_somebody_without_a_stay_opens_to_the_identity_cell_and_is_traced(
        self, cell: Client
    ) -> None:
        patient = PatientFactory(**ADRUN)

        shown = page(cell, patient)

        assert "INSi n’a pas encore été interrogé" in shown.text
        assert "Rechercher l’INS" in shown.text
        trace = Trace.objects.get(type="identity.view")
        assert (trace.patient_uid, trace.detail["relation"]) == (patient.uid, "none")
        assert not Trace.objects.filter(type="patient.open").exists()

    @pytest.mark.parametrize("role", [RoleCode.PRESCRIPTEUR, RoleCode.SOIGNANT, RoleCode.SECRETAIRE])
    def test_it_is_closed_to_who_does_not_manage_identities(
        self, arrive: Arrive, ward: Ward, role: RoleCode
    ) -> None:
        query = answered(PatientFactory(**ADRUN))
        client = arrive(role)

        assert client.get(reverse("dossier:identity", args=[ward.patient.uid])).status_code == 403
        assert client.post(reverse("dossier:insi_ask", args=[ward.patient.uid])).status_code == 403
        assert client.get(reverse("dossier:insi_state", args=[query.uid])).status_code == 403
        assert decide(client, query, "accepter").status_code == 403
        assert InsiQuery.objects.get().decision == ""

    def test_the_search_leads_there(
        self, cell: Client, admission: Client, doctor: Client, ward: Ward
    ) -> None:
        address = reverse("dossier:identity", args=[ward.patient.uid])
        found = f"{reverse('dossier:search')}?q=000003"
        for client, expected in ((cell, True), (admission, True), (doctor, False)):
            assert (address in client.get(found).content.decode()) is expected
        assert address in client_rail(admission, ward)

    @pytest.mark.requirement("INS/va1.15")
    def test_the_traits_of_insi_stand_beside_ours_and_what_differs_is_marked(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN | {"birth_name": "ADRAN", "birth_given_names": ""})
        answered(patient)

        shown = page(cell, patient)

        rows = {row.findtext("th"): row for row in shown.all(".compare tbody tr")}
        assert rows["Nom de naissance"].get("class") == "is-different"
        assert [mark.text for mark in rows["Nom de naissance"].iter("mark")] == ["A", "U"]
        assert rows["Prénoms de naissance"].get("class") == "is-completed"
        assert rows["Matricule INS"].get("class") == "is-completed"
        assert rows["Sexe"].get("class") == "is-identical"
        assert "2 75 12 63 220 749 74 (NIR)" in shown.text
        assert shown.has("input[name=verifie][required]")

    def test_enter_never_accepts(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        query = answered(patient)

        pressed = page(cell, patient).all("#insi-accepter button")[0]
        answer = decide(cell, query, "accepter", **{pressed.get("name"): pressed.get("value")})

        assert answer.status_code == 302
        assert fresh(patient).identity_status == "PROV"
        assert InsiQuery.objects.get().decision == ""

    @pytest.mark.requirement("INS/va1.15")
    @pytest.mark.parametrize(
        ("sample", "words"),
        [
            (samples.NOBODY, "INSi ne connaît personne sous ces traits"),
            (samples.SEVERAL, "Plusieurs personnes portent ces traits"),
            (Unavailable("INSi ne répond pas.", code="ReadTimeout"), "L’admission peut continuer"),
        ],
        ids=["01", "02", "down"],
    )
    def test_without_an_identity_the_page_says_why_and_that_nothing_changed(
        self, cell: Client, sample: bytes | Exception, words: str
    ) -> None:
        patient = PatientFactory(**ADRUN)
        answered(patient, sample)

        shown = page(cell, patient)

        assert words in shown.text
        assert "n’a pas changé" in shown.text
        assert not shown.has(".insi__decision")
        assert "Rechercher l’INS" in shown.text

    def test_an_answer_with_a_hole_is_shown_and_cannot_be_taken(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        answered(patient, samples.NO_KEY)

        shown = page(cell, patient)

        assert "incomplète" in shown.text
        assert not shown.has(".insi__decision")

    def test_former_questions_stay_listed(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        answered(patient, samples.NOBODY)
        answered(patient)

        assert len(page(cell, patient).all(".history-table tbody tr")) == 1

    @pytest.mark.requirement("INS/va1.41")
    @pytest.mark.parametrize("attribute", [IdentityAttribute.DOUT, IdentityAttribute.FICT])
    def test_a_doubtful_or_fictive_identity_has_no_button_and_says_why(
        self, cell: Client, attribute: str
    ) -> None:
        patient = PatientFactory(**ADRUN, identity_attributes=[attribute])

        shown = page(cell, patient)

        assert "douteuse ou fictive" in shown.text
        assert "Rechercher l’INS" not in shown.text
        asked = seen(cell.post(reverse("dossier:insi_ask", args=[patient.uid])), 409)
        assert "n’est pas interrogé" in asked.texts("div.errors")[0]
        assert not InsiQuery.objects.exists()

    def test_where_identities_are_managed_elsewhere_the_acts_are_hidden_and_refused(
        self, cell: Client
    ) -> None:
        patient = PatientFactory(**ADRUN)
        query = answered(patient)
        SwitchFactory(code=Switch.IDENTITY_REPOSITORY)

        shown = page(cell, patient)

        assert "référentiel de l’établissement" in shown.text
        assert not shown.has(".insi__decision") and "Rechercher l’INS" not in shown.text
        seen(decide(cell, query, "accepter"), 409)
        seen(cell.post(reverse("dossier:insi_ask", args=[patient.uid])), 409)
        assert fresh(patient).identity_status == "PROV"


def client_rail(client: Client, ward: Ward) -> str:
    return client.get(reverse("dossier:choices", args=[ward.patient.uid])).content.decode()


class TestWaiting:
    def test_asking_never_waits_for_insi(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)

        answer = cell.post(reverse("dossier:insi_ask", args=[patient.uid]))

        assert answer.status_code == 302
        query = InsiQuery.objects.get()
        shown = page(cell, patient)
        assert "INSi est interrogé" in shown.text
        assert shown.one("#insi").get("hx-get") == reverse("dossier:insi_state", args=[query.uid])

    def test_the_fragment_changes_only_when_something_did(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        query = insi_ask(patient=patient, actor=CLERK)
        address = reverse("dossier:insi_state", args=[query.uid])

        assert cell.get(address).status_code == 204

        InsiQuery.objects.update(asked_at=timezone.now() - timedelta(seconds=15))
        slow = seen(cell.get(address))
        assert "lent à répondre" in slow.text
        assert cell.get(slow.one("#insi").get("hx-get")).status_code == 204

        insi_do(query_id=query.pk, open_insi=lambda: InsiMemory(find=lambda search: samples.ADRUN))
        ended = seen(cell.get(address), 286)
        assert "Accepter l’identité d’INSi" in ended.text
        assert ended.one("#insi").get("hx-get") is None

    def test_a_lost_question_says_so_and_may_be_asked_again(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        query = insi_ask(patient=patient, actor=CLERK)
        InsiQuery.objects.update(asked_at=timezone.now() - timedelta(minutes=5))

        answer = cell.get(reverse("dossier:insi_state", args=[query.uid]))

        assert "restée sans réponse" in seen(answer, 286).text
        cell.post(reverse("dossier:insi_ask", args=[patient.uid]))
        assert InsiQuery.objects.count() == 2


class TestDeciding:
    @pytest.mark.requirement("INS/va1.15", "INS/va1.25", "INS/va1.39")
    def test_accepted_traits_replace_ours_and_the_status_is_shown(self, cell: Client) -> None:
        patient = PatientFactory(
            **ADRUN | {"birth_name": "ADRAN"}, is_identity_controlled=True, identity_document="CN"
        )
        query = answered(patient)

        refused = seen(decide(cell, query, "accepter"), 409)
        assert "confirmez qu’ils ont été vérifiés" in refused.texts("div.errors")[0]
        assert fresh(patient).birth_name == "ADRAN"

        assert decide(cell, query, "accepter", verifie="1").status_code == 302
        assert (fresh(patient).birth_name, fresh(patient).identity_status) == ("ADRUN", "QUAL")
        shown = page(cell, patient)
        assert "Identité qualifiée" in shown.text
        assert "Vérifier l’INS" in shown.text
        assert not shown.has(".insi__decision")

    def test_a_matricule_that_another_record_holds_is_said(self, cell: Client) -> None:
        held()
        query = answered(PatientFactory(**ADRUN))

        answer = cell.post(reverse("dossier:insi_decide", args=[query.uid, "accepter"]), follow=True)

        assert "Un autre dossier porte déjà ce matricule" in seen(answer).text
        assert "Identité en révision" in seen(answer).text

    def test_refused_changes_nothing_and_is_remembered(self, admission: Client) -> None:
        patient = PatientFactory(**ADRUN)
        query = answered(patient)

        decide(admission, query, "refuser")

        assert fresh(patient).identity_status == "PROV"
        assert "Identité refusée par" in page(admission, patient).text
        assert InsiQuery.objects.get().decision == InsiDecision.REFUSED

    def test_an_ins_that_insi_contradicts_is_withdrawn_by_a_person(self, cell: Client) -> None:
        patient = held(birth_date=date(1975, 12, 30))
        query = answered(patient)
        shown = page(cell, patient)
        assert "Identité en révision" in shown.text
        assert "Retirer l’INS" in shown.text and "Refuser" not in shown.one(".insi__decision").text

        decide(cell, query, "retirer")

        assert (fresh(patient).identity_status, fresh(patient).is_identity_under_review) == ("VALI", False)

    def test_a_confirmed_ins_needs_nobody(self, cell: Client) -> None:
        patient = held()
        answered(patient)

        shown = page(cell, patient)

        assert "INSi confirme cette identité" in shown.text
        assert not shown.has(".insi__decision")

    def test_an_answer_about_a_former_identity_asks_for_another(self, cell: Client) -> None:
        patient = PatientFactory(**ADRUN)
        answered(patient)
        Patient.objects.filter(pk=patient.pk).update(identity_stamp=9)

        assert "interrogez de nouveau INSi" in page(cell, patient).text

    def test_an_unknown_act_or_question_is_not_found(self, cell: Client, ward: Ward) -> None:
        query = answered(PatientFactory(**ADRUN))

        assert decide(cell, query, "autre").status_code == 404
        assert cell.get(reverse("dossier:insi_state", args=[ward.patient.uid])).status_code == 404
        assert cell.get(reverse("dossier:identity", args=[query.uid])).status_code == 404
