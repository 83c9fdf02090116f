"""Journey 2 of workflows.md, from the record to the bytes of the DMP: nothing leaves without the patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from accounts.models import Assignment, User
from accounts.services import assignment_give, roles_install
from audit.models import Trace
from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from dmp.models import DmpStatus, NoticeAcceptance, RemoteDocument
from documents.enums import VersionState
from documents.models import Document, Version
from documents.store import content_get
from establishment.models import Unit
from interop.xds import codes
from national.dmp.opening import gateway_close
from national.models import Call
from patients.models import Patient
from sandbox.demo import DmpState
from sandbox.dmp.fixtures.plan import planned_documents
from sandbox.runtime import Sandbox, SandboxSettings
from tests.dmp.conftest import INSTALLER
from tests.hospital import MATRICULE, Hospital
from tests.scenarios.carrying import carry_everything
from tests.scenarios.consulting import INS, OPENING, Journal, Reader, deposit, held
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HODA, LEMAIRE = "899700900014", "899700900022"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A DMP of this module alone: its documents of other structures are changed by the tests."""
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("dmp"), with_documents=True)) as box:
        yield box


@pytest.fixture
def ward_opens(hospital: Hospital, settings: LazySettings) -> Iterator[Hospital]:
    """The doctor may consult, read the notice, and the patient does not oppose; nobody was authorised yet."""
    cache.clear()
    roles_install()
    may_prescribe(hospital, hospital.doctor)
    choose(hospital, ChoiceValue.NOT_OPPOSED)
    registry = hospital.sandbox.dmp.registry
    person = registry.patient(INS)
    assert person is not None
    now = datetime.now(UTC)
    for actor in registry.authorisations(INS, now):
        registry.set_authorisation(INS, actor, "none", now)
    yield hospital
    registry.put_patient(person)
    for actor in registry.authorisations(INS, now):
        registry.set_authorisation(INS, actor, "none", now)


def may_prescribe(hospital: Hospital, user: User) -> None:
    assignment_give(user=user, role=RoleCode.PRESCRIPTEUR, unit=hospital.unit, giver=None, actor=INSTALLER)
    NoticeAcceptance.objects.create(user=user, text_sha256="0" * 64)


def choose(hospital: Hospital, value: ChoiceValue, subject: Subject = Subject.CONSULTATION) -> None:
    choice_record(episode=hospital.episode, subject=subject, value=value, actor=hospital.actor)


@pytest.fixture
def reader(ward_opens: Hospital) -> Reader:
    return Reader.logged_in(ward_opens, ward_opens.doctor)


@pytest.fixture
def colleague(ward_opens: Hospital) -> Reader:
    user = User.objects.create_user(
        "blemaire",
        family_name="LEMAIRE",
        given_name="Bruno",
        rpps="99700900022",
        profession="10",
        specialty="SM05",
    )
    may_prescribe(ward_opens, user)
    return Reader.logged_in(ward_opens, user)


@pytest.fixture
def journal(ward_opens: Hospital) -> Journal:
    return Journal(ward_opens)


@pytest.mark.requirement("SC.DMP/AIRS.06", "SC.DMP/UX.12")
def test_a_pharmacist_reads_the_dmp_under_the_section_of_the_order(
    ward_opens: Hospital, journal: Journal
) -> None:
    """dmp 2.3: the DMP refuses the section in the nomenclature of physicians, or without its label."""
    user = User.objects.create_user(
        "pmercier", family_name="MERCIER", given_name="Paul", rpps="99700900030", profession="21"
    )
    may_prescribe(ward_opens, user)
    reader = Reader.logged_in(ward_opens, user)
    assert "Section du tableau absente de votre compte" in reader.fact()
    assert journal.requests == []
    User.objects.filter(pk=user.pk).update(specialty="H")
    assert "Ouvert – accès autorisé" in reader.fact()
    reader.news()
    assert RemoteDocument.objects.filter(user=user).exists()


class TestBeforeAnyCall:
    """SC.DMP/CONF.09.BIS: the journal of the DMP itself stays empty."""

    @pytest.mark.requirement("SC.DMP/CONF.09.BIS", "F-PV-13")
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (ChoiceValue.NOT_COLLECTED, "Non informé – consultation impossible"),
            (ChoiceValue.OPPOSED, "Opposé à la consultation"),
        ],
    )
    def test_a_patient_not_told_or_opposed_is_asked_about_by_nothing(
        self, reader: Reader, journal: Journal, value: ChoiceValue, words: str
    ) -> None:
        choose(reader.hospital, value)
        assert words in reader.fact()
        reader.asks_for_everything()
        assert journal.requests == []
        assert not Call.objects.exists()
        assert not Trace.objects.filter(type__in=["dmp.existence", "dmp.search"]).exists()

    @pytest.mark.requirement("SC.DMP/CONF.09.BIS")
    def test_an_opposition_said_after_a_reading_stops_everything(
        self, reader: Reader, journal: Journal
    ) -> None:
        reader.fact()
        reader.news()
        document = RemoteDocument.objects.first()
        assert document is not None
        journal.clear()
        choose(reader.hospital, ChoiceValue.OPPOSED)
        reader.asks_for_everything()
        for name in ("dmp_document", "dmp_content", "dmp_pdf"):
            assert reader.browser.get(reverse(f"dossier:{name}", args=[document.uid])).status_code == 404
        reader.integrate(document.uid)
        assert journal.requests == []
        assert not RemoteDocument.objects.exists()

    @pytest.mark.requirement("DPI.DMP/UX.10")
    @pytest.mark.parametrize("lack", ["factors", "rpps", "relation", "ins", "site", "notice"])
    def test_each_precondition_that_lacks_stops_everything(
        self, ward_opens: Hospital, journal: Journal, settings: LazySettings, lack: str
    ) -> None:
        doctor = ward_opens.doctor
        if lack == "rpps":
            User.objects.filter(pk=doctor.pk).update(rpps="")
        if lack == "relation":
            elsewhere = Unit.objects.create(site=ward_opens.unit.site, code="3435", name="CARDIOLOGIE")
            Assignment.objects.filter(user=doctor).update(unit=elsewhere)
        if lack == "ins":
            Patient.objects.update(is_identity_controlled=False)
        if lack == "site":
            settings.DMP_AIR_SITES = []
        if lack == "notice":
            NoticeAcceptance.objects.all().delete()
        doctor = User.objects.get(pk=doctor.pk)
        Reader.logged_in(ward_opens, doctor, psc=lack != "factors").asks_for_everything()
        assert journal.requests == []


class TestOpening:
    @pytest.mark.requirement("SC.DMP/UX.12", "SC.DMP/CONF.16", "SC.DMP/AIRS.06")
    def test_the_first_positions_the_authorisation_the_second_asks_nothing(
        self, reader: Reader, journal: Journal
    ) -> None:
        reader.page()
        assert journal.requests == []
        assert "Ouvert – accès autorisé" in reader.fact()
        assert journal.operations == OPENING
        assert {row["actor"] for row in journal.requests} == {HODA}
        assert {row["structure"] for row in journal.requests} == {"1990000101"}
        assert {row["mode"] for row in journal.requests} == {"INDIRECTE_RENFORCEE"}
        assert {row["purpose"] for row in journal.requests} == {"normal"}
        reader.page()
        assert "Ouvert – accès autorisé" in reader.fact()
        assert journal.operations == OPENING

    def test_a_new_session_asks_again_and_needs_no_authorisation(
        self, reader: Reader, journal: Journal
    ) -> None:
        reader.fact()
        journal.clear()
        Reader.logged_in(reader.hospital, reader.user).fact()
        assert journal.operations == ["TD0.2"]

    @pytest.mark.requirement("SC.DMP/CONF.16")
    def test_an_authorisation_older_than_six_months_is_positioned_again(
        self, reader: Reader, journal: Journal
    ) -> None:
        registry = reader.hospital.sandbox.dmp.registry
        registry.set_authorisation(INS, HODA, "expired", datetime.now(UTC))
        assert "Ouvert – accès autorisé" in reader.fact()
        assert journal.operations == OPENING
        assert registry.authorisation(INS, HODA, datetime.now(UTC)) == "valid"

    @pytest.mark.requirement("SC.DMP/CONF.16")
    def test_who_is_blocked_by_the_patient_never_insists(self, reader: Reader, journal: Journal) -> None:
        registry = reader.hospital.sandbox.dmp.registry
        registry.set_authorisation(INS, HODA, "blocked", datetime.now(UTC))
        assert "accès bloqué par le patient" in reader.fact()
        reader.asks_for_everything()
        assert journal.operations == ["TD0.2"]
        registry.set_authorisation(INS, HODA, "none", datetime.now(UTC))

    @pytest.mark.requirement("SC.DMP/UX.12")
    @pytest.mark.parametrize(
        ("state", "words"), [(DmpState.NONE, "Pas de DMP"), (DmpState.CLOSED, "DMP fermé")]
    )
    def test_no_dmp_or_a_closed_one_is_asked_nothing_more(
        self, reader: Reader, journal: Journal, state: DmpState, words: str
    ) -> None:
        registry = reader.hospital.sandbox.dmp.registry
        person = registry.patient(INS)
        assert person is not None
        registry.put_patient(replace(person, state=state))
        assert words in reader.fact()
        reader.asks_for_everything()
        assert journal.operations == ["TD0.2"]

    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_each_call_is_a_trace_that_names_its_token_and_its_message(
        self, reader: Reader, journal: Journal
    ) -> None:
        reader.fact()
        reader.news()
        traces = Trace.objects.filter(object_type="dmp").order_by("id")
        seen_there = [(row["assertion_id"], row["message_id"]) for row in journal.requests]
        assert [(trace.detail["assertion"], trace.detail["message"]) for trace in traces] == seen_there
        assert {trace.actor_subject_name_id for trace in traces} == {HODA}
        assert {trace.patient_ins for trace in traces} == {INS[0]}
        assert all(trace.detail["duration_ms"] >= 0 for trace in traces)


class TestTwoPeople:
    @pytest.mark.requirement("SC.DMP/AIRS.06", "F-PV-14")
    def test_each_asks_in_their_own_name_and_sees_only_what_they_asked_for(
        self, reader: Reader, colleague: Reader, journal: Journal
    ) -> None:
        reader.fact()
        reader.news()
        assert len(reader.rows()) > 10
        journal.clear()
        assert colleague.rows() == []
        assert journal.requests == []
        colleague.fact()
        assert journal.operations == OPENING
        assert {row["actor"] for row in journal.requests} == {LEMAIRE}
        assert colleague.rows() == []
        document = RemoteDocument.objects.filter(user=reader.user).first()
        assert document is not None
        journal.clear()
        assert colleague.browser.get(reverse("dossier:dmp_pdf", args=[document.uid])).status_code == 404
        assert journal.requests == []


class TestNews:
    @pytest.mark.requirement("SC.DMP/UX.15", "F-PV-15")
    def test_two_years_first_then_only_what_came_since(self, reader: Reader, journal: Journal) -> None:
        reader.fact()
        journal.clear()
        reader.news()
        assert journal.operations == ["TD3.1"]
        assert RemoteDocument.objects.count() >= 20
        assert RemoteDocument.objects.filter(
            confidentiality__contains=[codes.VISIBILITY_HIDDEN_PATIENT]
        ).exists()
        limit = datetime.now(UTC) - timedelta(days=735)
        assert all(row.at > limit for row in RemoteDocument.objects.all())

        reader.about_patient("dmp_group", vu="1")
        assert "Aucun nouveau document" in reader.news()
        journal.clear()
        unique_id = deposit(reader.hospital, 601, "Échographie reçue entre-temps")
        assert "1 nouveau" in reader.news()
        assert RemoteDocument.objects.unseen().get().unique_id == unique_id
        assert any("Échographie reçue entre-temps" in row for row in reader.rows())

    def test_a_failure_in_the_middle_loses_nothing(self, reader: Reader, journal: Journal) -> None:
        reader.fact()
        reader.news()
        reader.about_patient("dmp_group", vu="1")
        called_at = DmpStatus.objects.get().called_at
        deposit(reader.hospital, 602, "Arrivé pendant la panne")
        reader.hospital.sandbox.dmp.faults.add("http:503", operation="TD3.1", nth=2, times=10)
        assert "Nouveautés indisponibles" in reader.news()
        assert DmpStatus.objects.get().called_at == called_at
        reader.hospital.sandbox.dmp.faults.clear()
        gateway_close()
        assert "1 nouveau" in reader.news()

    def test_a_replacement_is_new_and_marks_the_one_it_replaces(self, reader: Reader) -> None:
        old = deposit(reader.hospital, 610, "Bilan à remplacer", set_number=610)
        reader.fact()
        reader.news()
        reader.about_patient("dmp_group", vu="1")
        new = deposit(reader.hospital, 611, "Bilan corrigé", set_number=610, version=2, replaces=610)
        assert "1 nouveau" in reader.news()
        older = RemoteDocument.objects.get(unique_id=old)
        assert older.replaced_by == new
        assert not any("Bilan à remplacer" in row for row in reader.rows())


class TestReading:
    @pytest.fixture
    def listed(self, reader: Reader) -> Reader:
        reader.fact()
        reader.news()
        return reader

    @pytest.mark.requirement("SC.DMP/UX.14", "SC.DMP/UX.14.BIS", "F-PV-16")
    def test_the_list_says_who_wrote_what_and_what_is_hidden(self, listed: Reader) -> None:
        rows = listed.rows()
        hidden = [
            one.title
            for one in planned_documents()
            if one.matricule == MATRICULE and codes.VISIBILITY_HIDDEN_PATIENT in one.restrictions
        ]
        assert len(hidden) == 2
        for title in hidden:
            assert "Invisible patient" in next(row for row in rows if title in row)
        assert any("Patient" in row for row in rows)
        assert all("Voir" in row for row in rows)
        assert not any("Masqué" in row for row in rows)

    @pytest.mark.requirement("F-PV-01", "SC.DMP/CONF.14")
    def test_the_pdf_of_the_dmp_is_shown_and_kept_nowhere(self, listed: Reader, journal: Journal) -> None:
        document = RemoteDocument.objects.filter(
            confidentiality__contains=[codes.VISIBILITY_HIDDEN_PATIENT]
        ).first()
        assert document is not None
        journal.clear()
        pane = listed.get("dmp_document", document.uid)
        assert "Attention, ce document n’est pas visible du patient." in pane.text
        frame = listed.get("dmp_content", document.uid).one("iframe")
        answer = listed.browser.get(frame.get("src"))
        assert answer.content.startswith(b"%PDF")
        assert journal.operations == ["TD3.2"]
        assert journal.requests[0]["unique_ids"] == (document.unique_id,)
        assert not Document.objects.exists()
        trace = Trace.objects.get(type="dmp.view")
        assert trace.detail["unique_id"] == document.unique_id

    @pytest.mark.requirement("SC.DMP/UX.27", "F-PV-16")
    def test_a_search_finds_the_old_and_the_archived_when_asked(
        self, reader: Reader, journal: Journal
    ) -> None:
        reader.fact()
        usual = reader.search()
        wide = reader.search(archived="1", obsolete="1", months="0")
        assert len(wide) > len(usual)
        assert any("Archivé" in row for row in wide)
        assert any("Ancienne version" in row for row in wide)

    @pytest.mark.requirement("SC.DMP/UX.31", "SC.DMP/UX.14.TER", "SC.CDA/INT.08", "SC.CDA/INT.17")
    def test_a_selection_is_integrated_once_with_its_bytes(self, listed: Reader, journal: Journal) -> None:
        chosen = list(RemoteDocument.objects.listed().order_by("pk")[:3])
        journal.clear()
        assert "3 intégrés" in listed.integrate(*[one.uid for one in chosen]).text
        assert journal.operations == ["TD3.2"]
        for one in chosen:
            version = Version.objects.get(unique_id=one.unique_id)
            registry = listed.hospital.sandbox.dmp.registry
            assert content_get(version.cda_sha256) == registry.content(held(listed.hospital, one.unique_id))
        assert "3 déjà présents" in listed.integrate(*[one.uid for one in chosen]).text
        assert Version.objects.count() == 3
        assert any("Déjà au dossier (v1)" in row for row in listed.rows(tout="1"))

    def test_one_that_does_not_come_stops_no_other(self, listed: Reader) -> None:
        listed.hospital.sandbox.dmp.faults.add("partial", operation="TD3.2")
        chosen = list(RemoteDocument.objects.listed().order_by("pk")[:3])
        shown = listed.integrate(*[one.uid for one in chosen])
        assert "2 intégrés" in shown.text
        assert "1 non récupéré" in shown.text

    def test_altered_bytes_are_warned_about(self, listed: Reader) -> None:
        listed.hospital.sandbox.dmp.faults.add("wrong_hash", operation="TD3.2")
        document = RemoteDocument.objects.first()
        assert document is not None
        assert "empreinte" in listed.get("dmp_content", document.uid).text

    @pytest.mark.requirement("SC.CDA/DD.05", "SC.CDA/VISU.02", "F-PV-05")
    def test_a_filed_document_that_was_replaced_there_says_so(self, reader: Reader, journal: Journal) -> None:
        old = deposit(reader.hospital, 620, "Compte rendu initial", set_number=620)
        reader.fact()
        reader.news()
        reader.integrate(RemoteDocument.objects.get(unique_id=old).uid)
        version = Version.objects.get(unique_id=old)
        new = deposit(reader.hospital, 621, "Compte rendu corrigé", set_number=620, version=2, replaces=620)
        RemoteDocument.objects.update(checked_at=datetime.now(UTC) - timedelta(hours=1))
        shown = reader.get("version_check", version.uid)
        assert "Une version plus récente est disponible dans le DMP" in shown.text
        newer = RemoteDocument.objects.get(unique_id=new)
        assert "1 remplacé" in reader.integrate(newer.uid).text
        version.refresh_from_db()
        assert version.state == VersionState.REPLACED


class TestVisibility:
    @pytest.mark.requirement("SC.DMP/UX.14.BIS", "F-PV-19")
    def test_what_another_hospital_hid_is_shown_by_the_dmp_itself(
        self, reader: Reader, journal: Journal
    ) -> None:
        unique_id = deposit(
            reader.hospital, 630, "Annonce faite", restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,)
        )
        reader.fact()
        reader.news()
        row = RemoteDocument.objects.get(unique_id=unique_id)
        assert row.is_invisible_patient
        journal.clear()
        reader.post("dmp_visibility", row.uid, choix="patient")
        assert journal.operations == ["TD3.1", "TD3.3b", "TD3.1"]
        assert codes.VISIBILITY_HIDDEN_PATIENT not in held(reader.hospital, unique_id).confidentiality
        row.refresh_from_db()
        assert not row.is_invisible_patient
        assert Trace.objects.get(type="dmp.make_visible").detail["to_patient"] is True

    @pytest.mark.requirement("SC.DMP/UX.14.BIS")
    def test_our_own_document_keeps_its_version(self, reader: Reader, journal: Journal) -> None:
        version = reader.hospital.write_letter(is_invisible_patient=True)
        carry_everything()
        reader.fact()
        journal.clear()
        reader.post("version_visibility", version.uid, choix="patient")
        assert journal.operations == ["TD3.1", "TD3.3b", "TD3.1"]
        assert codes.VISIBILITY_HIDDEN_PATIENT not in held(reader.hospital, version.unique_id).confidentiality
        version.refresh_from_db()
        assert (version.is_invisible_patient, Version.objects.count()) == (False, 1)

    @pytest.mark.requirement("SC.DMP/UX.14.BIS")
    def test_without_consultation_ours_is_replaced_by_the_pfi(self, reader: Reader, journal: Journal) -> None:
        version = reader.hospital.write_letter(is_invisible_patient=True)
        carry_everything()
        choose(reader.hospital, ChoiceValue.OPPOSED)
        journal.clear()
        reader.post("version_visibility", version.uid, choix="patient")
        carry_everything()
        assert "TD3.3b" not in journal.operations
        issued = Version.objects.get(document=version.document, number=2)
        there = held(reader.hospital, issued.unique_id)
        assert there.status == codes.STATUS_APPROVED
        assert codes.VISIBILITY_HIDDEN_PATIENT not in there.confidentiality
        assert held(reader.hospital, version.unique_id).status == codes.STATUS_DEPRECATED

    def test_a_change_made_meanwhile_is_read_again(self, reader: Reader) -> None:
        unique_id = deposit(
            reader.hospital, 640, "Changé entre-temps", restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,)
        )
        reader.fact()
        reader.news()
        reader.hospital.sandbox.dmp.faults.add("registry:XDSMetadataVersionError", operation="TD3.3")
        row = RemoteDocument.objects.get(unique_id=unique_id)
        shown = reader.post("dmp_visibility", row.uid, choix="patient")
        assert "a changé dans le DMP entre-temps" in shown.text
        assert codes.VISIBILITY_HIDDEN_PATIENT in held(reader.hospital, unique_id).confidentiality

    def test_an_answer_lost_on_the_way_is_looked_up(self, reader: Reader) -> None:
        unique_id = deposit(
            reader.hospital, 650, "Réponse perdue", restrictions=(codes.VISIBILITY_HIDDEN_PATIENT,)
        )
        reader.fact()
        reader.news()
        reader.hospital.sandbox.dmp.faults.add("accepted_then_drop", operation="TD3.3")
        row = RemoteDocument.objects.get(unique_id=unique_id)
        reader.post("dmp_visibility", row.uid, choix="patient")
        row.refresh_from_db()
        assert not row.is_invisible_patient


class TestWhenItFails:
    @pytest.mark.requirement("SC.DMP/UX.12")
    def test_a_dmp_that_is_down_is_said_and_tried_again_by_a_click(self, reader: Reader) -> None:
        faults = reader.hospital.sandbox.dmp.faults
        faults.add("http:503", operation="TD0.2", times=10)
        assert "indisponible" in reader.fact().lower()
        assert reader.page().has("table.docs")
        faults.clear()
        gateway_close()
        assert "Ouvert – accès autorisé" in reader.fact()

    def test_a_silent_dmp_holds_the_fragment_only_as_long_as_set(
        self, reader: Reader, settings: LazySettings
    ) -> None:
        settings.DMP_EXISTENCE_TIMEOUT_SECONDS = 1
        gateway_close()
        reader.hospital.sandbox.dmp.faults.add("hang", operation="TD0.2", times=5)
        assert "indisponible" in reader.fact().lower()

    def test_a_page_never_waits_for_the_dmp(self, reader: Reader, journal: Journal) -> None:
        reader.hospital.sandbox.dmp.faults.add("delay:3000", times=50)
        reader.page()
        reader.browser.get(reverse("dossier:home"))
        assert journal.requests == []

    def test_who_logs_in_by_password_alone_reads_nothing(
        self, ward_opens: Hospital, journal: Journal
    ) -> None:
        browser = sign_in(Client(), ward_opens.doctor, psc=False)
        browser.get(reverse("dossier:dmp_fact", args=[ward_opens.patient.uid]))
        assert journal.requests == []
