"""The DMP in the record: fragments, list, pane, acts; every answer of the DMP is a state in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.core.cache import cache, caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from accounts.enums import RoleCode
from accounts.services import assignment_give, user_create
from audit.models import Trace
from consent.enums import ChoiceValue
from dmp.asking import asking
from dmp.models import DmpStatus, NoticeAcceptance, RemoteDocument, SearchPreset
from documents.enums import Intake, Origin, VersionState
from documents.models import Document, Version
from documents.services import document_receive
from interop.xds import codes
from interop.xds.metadata import Code
from national.dmp.ports import Authorisation, DmpState, Existence
from national.errors import Rejected, RejectionKind, Unavailable
from patients.enums import EpisodeKind
from tests.dmp.conftest import INSTALLER, Room
from tests.documents.arrivals import arriving, incoming
from tests.dossier.conftest import Seen, htmx, seen
from tests.hospital import MATRICULE
from tests.signing_in import sign_in

NOW = datetime(2026, 7, 10, 9, tzinfo=UTC)
HIDDEN = (codes.VISIBILITY_HIDDEN_PATIENT,)
BOTH = (codes.VISIBILITY_HIDDEN_PATIENT, codes.VISIBILITY_HIDDEN_GUARDIANS)
UNREACHABLE = Unavailable("Le DMP ne répond pas.", code="ReadTimeout")


@pytest.fixture(autouse=True)
def _in_july() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def room(room: Room, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Room:
    """The pages reach the DMP in memory, and the counter runs in hospital too."""
    monkeypatch.setattr("dmp.line.dmp_gateway", lambda mode: room.dmp)
    settings.DMP_COUNTER_CARE = ["I"]
    return room


@pytest.fixture
def doctor(room: Room) -> Client:
    return sign_in(Client(), room.doctor)


def get(client: Client, name: str, *args: object, **query: str) -> Seen:
    return seen(client.get(reverse(f"dossier:{name}", args=args), query, headers=htmx()))


def fact(room: Room, client: Client) -> Seen:
    return get(client, "dmp_fact", room.patient.uid)


def news(room: Room, client: Client, **query: str) -> Seen:
    return get(client, "dmp_news", room.patient.uid, liste="1", **query)


def group(room: Room, client: Client, **query: str) -> Seen:
    answer = client.get(reverse("dossier:dmp_group", args=[room.patient.uid]), query, headers=htmx())
    return table(answer.content.decode())


def table(markup: str) -> Seen:
    return Seen(html.fromstring(f"<table>{markup}</table>"))


def rows(shown: Seen) -> list[str]:
    return shown.texts("tr.docs__dmp")


def receive(room: Room, cda: bytes, origin: Origin = Origin.DMP) -> Version:
    receipt = document_receive(
        patient=room.patient,
        incoming=incoming(cda, origin=origin, intake=Intake.MANUAL),
        actor=room.ward.actor,
        at=timezone.now(),
    )
    assert receipt.version is not None
    return receipt.version


class TestFact:
    def test_the_page_asks_nothing_and_holds_the_place(self, room: Room, doctor: Client) -> None:
        page = seen(doctor.get(reverse("dossier:patient", args=[room.patient.uid])))
        place = page.one("#dmp-fact")
        assert place.get("hx-get") == reverse("dossier:dmp_fact", args=[room.patient.uid]) + "?liste=1"
        assert place.get("aria-busy") == "true"
        assert "Vérification…" in page.texts("#dmp-fact")[0]
        assert room.dmp.calls == []

    @pytest.mark.requirement("SC.DMP/UX.12", "SC.DMP/CONF.16")
    @pytest.mark.parametrize(
        ("existence", "authorisation", "words"),
        [
            (DmpState.OPEN, Authorisation.NONE, "Ouvert – accès autorisé"),
            (DmpState.OPEN, Authorisation.BLOCKED, "Ouvert – accès bloqué par le patient"),
            (DmpState.NONE, Authorisation.NONE, "Pas de DMP"),
            (DmpState.CLOSED, Authorisation.NONE, "DMP fermé (12/03/2025)"),
        ],
    )
    def test_each_answer_has_its_words(
        self,
        room: Room,
        doctor: Client,
        existence: DmpState,
        authorisation: Authorisation,
        words: str,
    ) -> None:
        closed_on = "20250312101500" if existence is DmpState.CLOSED else ""
        room.dmp.existences[MATRICULE] = Existence(existence, authorisation, closed_on=closed_on)
        if authorisation is not Authorisation.NONE:
            room.dmp.authorisations[MATRICULE, "899700900014"] = authorisation
        shown = fact(room, doctor)
        assert words in shown.texts("#dmp-fact dd")[0]
        assert shown.one("#dmp-fact").get("aria-busy") == "false"

    @pytest.mark.requirement("SC.DMP/CONF.09.BIS", "SC.DMP/UX.12", "F-PV-13")
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (ChoiceValue.NOT_COLLECTED, "Non informé – consultation impossible"),
            (ChoiceValue.OPPOSED, "Opposé à la consultation"),
        ],
    )
    def test_without_the_choice_of_the_patient_nothing_is_asked(
        self, room: Room, doctor: Client, value: ChoiceValue, words: str
    ) -> None:
        room.choose(value)
        assert words in fact(room, doctor).texts("#dmp-fact dd")[0]
        assert doctor.get(reverse("dossier:dmp_news", args=[room.patient.uid])).content == b""
        results = doctor.get(reverse("dossier:dmp_results", args=[room.patient.uid]), headers=htmx())
        assert words in table(results.content.decode()).text
        doctor.post(reverse("dossier:dmp_integrate", args=[room.patient.uid]), {"document": ["x"]})
        assert room.dmp.calls == []

    def test_an_uninformed_patient_leads_to_the_information(self, room: Room, doctor: Client) -> None:
        room.choose(ChoiceValue.NOT_COLLECTED)
        link = fact(room, doctor).one("#dmp-fact a")
        assert link.get("href") == reverse("dossier:choices", args=[room.patient.uid])

    def test_a_session_by_password_is_told_why(self, room: Room) -> None:
        browser = sign_in(Client(), room.doctor, psc=False)
        room.doctor.password_changed_at = timezone.now()
        room.doctor.save()
        assert "Session sans second facteur" in fact(room, browser).text
        assert room.dmp.calls == []

    @pytest.mark.requirement("DPI.DMP/UX.10")
    def test_a_failure_is_said_with_its_hour_and_can_be_tried_again(self, room: Room, doctor: Client) -> None:
        room.dmp.failures.append(UNREACHABLE)
        shown = fact(room, doctor)
        assert "DMP indisponible (11:00)" in shown.text
        retry = shown.one("#dmp-fact button")
        assert "Réessayer" in retry.text_content()
        room.dmp.failures.clear()
        again = seen(doctor.get(retry.get("hx-get"), headers=htmx()))
        assert "accès autorisé" in again.text

    def test_the_last_answer_known_is_said_with_its_hour(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        with time_machine.travel(NOW + timedelta(minutes=16), tick=True):
            doctor = sign_in(Client(), room.doctor)
            room.dmp.failures.append(UNREACHABLE)
            shown = fact(room, doctor)
        assert "à 11:00 : accès autorisé" in shown.text

    def test_a_stranger_to_the_care_is_refused(self, room: Room) -> None:
        user = user_create(login="ailleurs", family_name="X", given_name="Y", actor=INSTALLER)
        unit = type(room.ward.unit).objects.create(site=room.ward.unit.site, code="9", name="LOIN")
        assignment_give(user=user, role=RoleCode.PRESCRIPTEUR, unit=unit, giver=None, actor=INSTALLER)
        browser = sign_in(Client(), user)
        for name in ("dmp_fact", "dmp_news", "dmp_group", "dmp_search", "dmp_results"):
            address = reverse(f"dossier:{name}", args=[room.patient.uid])
            assert browser.get(address).status_code == 403, name
        assert room.dmp.calls == []
        assert Trace.objects.filter(type="patient.open", outcome="refused").exists()


class TestSeveralPages:
    """A doctor leaves a slow page and comes back: one question, whose answer every page gets."""

    def test_the_icon_asks_again_by_itself_then_says_unavailable(
        self, room: Room, doctor: Client, settings: LazySettings
    ) -> None:
        settings.DMP_PATIENCE_SECONDS = 4
        with asking(room.consultation(), "status"):
            waiting = fact(room, doctor).one("#dmp-fact")
            assert waiting.get("aria-busy") == "true"
            assert waiting.get("hx-trigger") == "load delay:2s"
            for _ in range(2):
                last = seen(doctor.get(waiting.get("hx-get"), headers=htmx()))
                waiting = last.one("#dmp-fact")
            assert "indisponible" in last.text
            assert last.has("button")
        assert room.dmp.calls == []
        assert "Ouvert – accès autorisé" in fact(room, doctor).text

    def test_so_does_the_counter(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        room.deposit(arriving(lineage=1))
        room.dmp.calls.clear()
        with asking(room.consultation(), "news"):
            waiting = news(room, doctor).one("#dmp-nouveautes")
            assert waiting.get("aria-busy") == "true"
        assert room.dmp.calls == []
        assert "1 nouveau" in seen(doctor.get(waiting.get("hx-get"), headers=htmx())).text


class TestCounter:
    @pytest.mark.requirement("SC.DMP/UX.15", "F-PV-15")
    def test_it_counts_what_others_deposited_and_says_what_is_hidden(
        self, room: Room, doctor: Client
    ) -> None:
        room.deposit(arriving(lineage=1))
        room.deposit(arriving(lineage=2), visibility=HIDDEN)
        late = fact(room, doctor).one("#dmp-nouveautes")
        shown = seen(doctor.get(late.get("hx-get"), headers=htmx()))
        assert "2 nouveaux dont 1 invisible patient" in shown.text

    def test_nothing_new_is_said(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        assert "Aucun nouveau document" in news(room, doctor).text

    @pytest.mark.requirement("SC.DMP/UX.15")
    def test_elsewhere_it_waits_for_a_click(self, room: Room, doctor: Client, settings: LazySettings) -> None:
        settings.DMP_COUNTER_CARE = ["O", "E"]
        room.deposit(arriving(lineage=1))
        fact(room, doctor)
        room.dmp.calls.clear()
        button = news(room, doctor).one("button")
        assert room.dmp.calls == []
        assert "1 nouveau" in seen(doctor.get(button.get("hx-get"), headers=htmx())).text
        room.ward.episode.kind = EpisodeKind.EMERGENCY
        room.ward.episode.save()
        room.dmp.calls.clear()
        news(room, doctor)
        assert room.dmp.calls

    def test_before_the_access_is_confirmed_nothing_is_asked(self, room: Room, doctor: Client) -> None:
        answer = doctor.get(reverse("dossier:dmp_news", args=[room.patient.uid]), headers=htmx())
        assert answer.content == b""
        assert room.dmp.calls == []

    def test_a_failure_leaves_the_state_and_offers_to_try_again(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        room.dmp.failures.append(UNREACHABLE)
        shown = news(room, doctor)
        assert "Nouveautés indisponibles" in shown.text
        assert shown.has("button")


class TestList:
    @pytest.fixture
    def three(self, room: Room, doctor: Client) -> Room:
        """A visible document, a hidden one, one that the record has already."""
        here = arriving(lineage=3, title="Déjà ici")
        receive(room, here, Origin.MSSANTE)
        room.deposit(arriving(lineage=1, title="Consultation de cardiologie"))
        room.deposit(arriving(lineage=2, title="Biopsie"), visibility=BOTH)
        room.deposit(here)
        fact(room, doctor)
        news(room, doctor)
        return room

    @pytest.mark.requirement("SC.DMP/UX.14", "SC.DMP/UX.14.BIS", "F-PV-16")
    def test_the_section_lists_the_metadata_with_marks(self, three: Room, doctor: Client) -> None:
        shown = group(three, doctor)
        assert "Dans le DMP, non intégrés" in shown.text
        assert "dont 1 invisible patient" in shown.text
        found = rows(shown)
        assert len(found) == 2
        hidden = next(row for row in found if "Biopsie" in row)
        assert "Invisible patient" in hidden and "Invisible représentants" in hidden
        assert "Rendre visible…" in hidden
        assert "DAVID Charles" in hidden and "Centre hospitalier de démonstration" in hidden
        plain = next(row for row in found if "cardiologie" in row)
        assert "Voir" in plain and "Intégrer" in plain and "Rendre visible" not in plain

    @pytest.mark.requirement("SC.DMP/UX.14.TER", "F-PV-03")
    def test_what_is_in_the_record_already_is_told_with_its_version(
        self, three: Room, doctor: Client
    ) -> None:
        shown = group(three, doctor)
        assert "1 déjà au dossier, afficher" in shown.text
        everything = rows(group(three, doctor, tout="1"))
        mark = next(row for row in everything if "Déjà ici" in row)
        assert "Déjà au dossier (v1)" in mark
        assert "Intégrer" not in mark

    def test_the_counter_resets_when_the_list_is_opened_by_it(self, three: Room, doctor: Client) -> None:
        assert "2 nouveaux" in news(three, doctor, connu="1").text
        shown = group(three, doctor, vu="1")
        assert shown.has("[data-focus]")
        assert len(rows(shown)) == 2
        assert "Aucun nouveau document" in news(three, doctor, connu="1").text
        assert len(rows(group(three, doctor))) == 2

    def test_or_only_when_the_person_says_so(
        self, three: Room, doctor: Client, settings: LazySettings
    ) -> None:
        settings.DMP_COUNTER_RESET = "explicit"
        group(three, doctor, vu="1")
        assert "2 nouveaux" in news(three, doctor, connu="1").text
        doctor.post(reverse("dossier:dmp_seen", args=[three.patient.uid]), headers=htmx())
        assert "Aucun nouveau document" in news(three, doctor, connu="1").text

    def test_without_script_the_page_opens_with_the_section(self, three: Room, doctor: Client) -> None:
        page = seen(doctor.get(reverse("dossier:patient", args=[three.patient.uid]), {"dmp": "1"}))
        assert len(page.all("tr.docs__dmp")) == 2

    @pytest.mark.requirement("F-PV-14")
    def test_nobody_sees_what_another_person_saw(self, three: Room, doctor: Client) -> None:
        other = sign_in(Client(), three.colleague())
        fact(three, other)
        assert rows(group(three, other)) == []
        document = RemoteDocument.objects.filter(user=three.doctor).first()
        assert document is not None
        for name in ("dmp_document", "dmp_content", "dmp_pdf", "dmp_structured", "dmp_visibility"):
            assert other.get(reverse(f"dossier:{name}", args=[document.uid])).status_code == 404, name
        three.dmp.calls.clear()
        other.post(
            reverse("dossier:dmp_integrate", args=[three.patient.uid]), {"document": [str(document.uid)]}
        )
        assert three.dmp.calls == []
        assert Document.objects.count() == 1

    def test_once_the_patient_opposes_the_section_is_empty(self, three: Room, doctor: Client) -> None:
        three.choose(ChoiceValue.OPPOSED)
        assert rows(group(three, doctor)) == []
        assert not RemoteDocument.objects.exists()

    def test_in_a_new_session_the_section_waits_for_the_access(self, three: Room) -> None:
        again = sign_in(Client(), three.doctor)
        assert rows(group(three, again)) == []
        fact(three, again)
        assert len(rows(group(three, again))) == 2

    def test_the_unit_list_says_what_is_known_without_a_call(self, three: Room, doctor: Client) -> None:
        three.dmp.calls.clear()
        page = seen(doctor.get(reverse("dossier:home")))
        assert "+ 2 nouveaux" in page.texts("tbody tr")[0]
        assert "1 invisible" in page.texts("tbody tr")[0]
        assert three.dmp.calls == []

    def test_patients_own_documents_are_told_apart(self, room: Room, doctor: Client) -> None:
        room.deposit(arriving(lineage=1))
        [(uuid, entry)] = room.dmp.entries.items()
        room.dmp.entries[uuid] = replace(entry, class_code=Code("90", codes.OID_CLASS_CODE, "Patient"))
        fact(room, doctor)
        news(room, doctor)
        assert "Patient" in group(room, doctor).texts("tr.docs__dmp .tile")[0]


class TestPane:
    @pytest.fixture
    def document(self, room: Room, doctor: Client) -> RemoteDocument:
        room.deposit(arriving(lineage=1), visibility=BOTH)
        fact(room, doctor)
        news(room, doctor)
        room.dmp.calls.clear()
        return RemoteDocument.objects.get()

    def test_the_pane_is_drawn_before_the_content_comes(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        shown = get(doctor, "dmp_document", document.uid)
        assert document.title in shown.text
        assert "Attention, ce document n’est pas visible du patient." in shown.text
        assert "représentants légaux : secret du mineur" in shown.text
        assert shown.one("#dmp-contenu").get("aria-busy") == "true"
        assert room.dmp.calls == []

    @pytest.mark.requirement("F-PV-01")
    def test_the_pdf_comes_first_and_one_retrieval_serves_the_session(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        shown = get(doctor, "dmp_content", document.uid)
        frame = shown.one("iframe")
        assert frame.get("src").startswith(reverse("dossier:dmp_pdf", args=[document.uid]))
        assert shown.texts(".tabs__tab") == ["PDF", "Métadonnées"]
        answer = doctor.get(frame.get("src"))
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")
        assert answer["Cache-Control"] == "no-store"
        assert room.dmp.calls == ["TD3.2"]
        assert Trace.objects.filter(type="dmp.view").count() == 1

    def test_another_session_retrieves_again(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        get(doctor, "dmp_content", document.uid)
        again = sign_in(Client(), room.doctor)
        get(again, "dmp_content", document.uid)
        assert room.dmp.calls == ["TD3.2", "TD3.2"]

    def test_after_logout_nothing_of_it_can_be_read_back(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        """The key leaves with the session: the cache holds bytes that nobody can open."""
        get(doctor, "dmp_content", document.uid)
        held = [cache.get(key.removeprefix("dpi:1:")) for key in _cache_keys()]
        assert held
        assert all(b"%PDF" not in value and b"ClinicalDocument" not in value for value in held)

    def test_metadata_need_no_call(self, room: Room, doctor: Client, document: RemoteDocument) -> None:
        shown = get(doctor, "dmp_content", document.uid, vue="metadonnees")
        assert document.unique_id in shown.text
        assert "non visible par le patient" in shown.text
        assert room.dmp.calls == []

    def test_a_failure_stands_in_the_pane_with_its_way_out(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        room.dmp.failures.append(UNREACHABLE)
        shown = get(doctor, "dmp_content", document.uid)
        assert "Le DMP ne répond pas." in shown.text
        assert shown.has("button")

    @pytest.mark.parametrize("content", [b"not xml", b"<?xml version='1.0'?><html/>", b"<!DOCTYPE x><a/>"])
    def test_bytes_that_are_no_document_are_said_unreadable(
        self, room: Room, doctor: Client, document: RemoteDocument, content: bytes
    ) -> None:
        room.dmp.contents[document.unique_id] = content
        assert "ne peut pas être affiché" in get(doctor, "dmp_content", document.uid).text
        assert doctor.get(reverse("dossier:dmp_pdf", args=[document.uid])).status_code == 404

    def test_another_identity_in_the_document_is_told_first(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        room.dmp.contents[document.unique_id] = arriving(lineage=1, traits={"birth_name": "PAT-QUATRE"})
        shown = get(doctor, "dmp_content", document.uid)
        assert "n’est pas exactement celle du patient" in shown.text
        assert "à lire avec prudence" in shown.text

    def test_once_opposed_the_pane_asks_nothing(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        room.choose(ChoiceValue.OPPOSED)
        assert doctor.get(reverse("dossier:dmp_content", args=[document.uid])).status_code == 404
        assert room.dmp.calls == []

    @pytest.mark.requirement("SC.DMP/CONF.14")
    def test_one_more_look_at_what_the_session_holds_is_one_more_trace(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        for _ in range(2):
            frame = get(doctor, "dmp_content", document.uid).one("iframe")
            doctor.get(frame.get("src"))
            get(doctor, "dmp_content", document.uid, vue="pdf")
        assert room.dmp.calls == ["TD3.2"]
        assert Trace.objects.filter(type="dmp.view", outcome="success").count() == 2

    def test_once_the_dmp_closed_the_access_nothing_of_it_is_shown(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        """Retrieved by this session, then refused to this doctor: title, metadata and bytes are gone."""
        get(doctor, "dmp_content", document.uid)
        room.dmp.existences[MATRICULE] = Existence(DmpState.CLOSED, None, closed_on="20250312101500")
        DmpStatus.objects.update(checked_at=timezone.now() - timedelta(days=2))
        fact(room, doctor)
        shown = get(doctor, "dmp_document", document.uid)
        assert "La consultation du DMP n’est plus possible" in shown.text
        assert document.title not in shown.text
        for view in ("", "pdf", "structure", "metadonnees"):
            shown = get(doctor, "dmp_content", document.uid, vue=view)
            assert "n’est plus possible" in shown.text
            assert document.unique_id not in shown.text and not shown.has("iframe")
        for name in ("dmp_pdf", "dmp_structured"):
            assert doctor.get(reverse(f"dossier:{name}", args=[document.uid])).status_code == 404
        assert document.title not in get(doctor, "dmp_visibility", document.uid).text

    def test_without_script_the_document_has_a_page_with_the_banner(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        page = seen(doctor.get(reverse("dossier:dmp_document", args=[document.uid])))
        assert page.has("section.banner")
        assert document.title in page.text


def _cache_keys() -> list[str]:
    client = caches["default"]._cache.get_client()  # type: ignore[attr-defined]
    return [key.decode() for key in client.keys("*dmp:*")]


class TestIntegration:
    @pytest.mark.requirement("SC.DMP/UX.31", "SC.CDA/INT.08")
    def test_the_checked_ones_enter_the_list_and_the_header_says_what_was_done(
        self, room: Room, doctor: Client
    ) -> None:
        known = arriving(1, lineage=1)
        receive(room, known, Origin.MSSANTE)
        room.deposit(known)
        room.deposit(arriving(lineage=2, title="Deux"))
        room.deposit(arriving(lineage=3, title="Trois"))
        fact(room, doctor)
        news(room, doctor)
        chosen = [str(row.uid) for row in RemoteDocument.objects.all()]
        answer = doctor.post(
            reverse("dossier:dmp_integrate", args=[room.patient.uid]),
            {"document": chosen},
            headers=htmx("liste"),
        )
        shown = seen(answer)
        assert "2 intégrés, 1 déjà présent" in shown.texts(".group__done")[0]
        own = [row for row in shown.texts("tr[data-row]") if "Deux" in row or "Trois" in row]
        assert len(own) == 2 and all("Importé DMP" in row for row in own)
        assert not shown.has("tr.docs__dmp")

    def test_what_was_refused_says_why_with_its_title(self, room: Room, doctor: Client) -> None:
        unique_id = room.deposit(arriving(lineage=1, title="Suspect"))
        fact(room, doctor)
        news(room, doctor)
        room.dmp.contents[unique_id] = arriving(lineage=1, traits={"birth_name": "PAT-QUATRE"})
        answer = doctor.post(
            reverse("dossier:dmp_integrate", args=[room.patient.uid]),
            {"document": [str(RemoteDocument.objects.get().uid)]},
            headers=htmx("liste"),
        )
        shown = seen(answer)
        assert "1 refusé, identité différente" in shown.text
        assert "Suspect" in shown.texts(".group__failures")[0]

    def test_nothing_checked_is_said(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        address = reverse("dossier:dmp_integrate", args=[room.patient.uid])
        answer = doctor.post(address, {"document": ["not-a-uuid"]}, headers=htmx("liste"))
        assert "Aucun document n’est coché" in seen(answer).text

    def test_without_script_the_page_comes_back_with_the_sentence(self, room: Room, doctor: Client) -> None:
        room.deposit(arriving(lineage=1))
        fact(room, doctor)
        news(room, doctor)
        answer = doctor.post(
            reverse("dossier:dmp_integrate", args=[room.patient.uid]),
            {"document": [str(RemoteDocument.objects.get().uid)]},
        )
        assert answer.status_code == 302
        assert "1 intégré" in doctor.get(answer["Location"]).content.decode()


class TestVisibility:
    @pytest.fixture
    def document(self, room: Room, doctor: Client) -> RemoteDocument:
        room.deposit(arriving(lineage=1), visibility=BOTH)
        fact(room, doctor)
        news(room, doctor)
        return RemoteDocument.objects.get()

    @pytest.mark.requirement("SC.DMP/UX.14.BIS", "F-PV-19")
    def test_the_dialog_says_who_will_see_and_that_there_is_no_way_back(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        shown = get(doctor, "dmp_visibility", document.uid)
        assert "C’est définitif" in shown.text
        assert [button.get("value") for button in shown.all("form button")] == [
            "patient",
            "representants",
            "tous",
        ]
        address = reverse("dossier:dmp_visibility", args=[document.uid])
        done = seen(doctor.post(address, {"choix": "tous"}, headers=htmx()))
        assert "Invisible" not in done.texts("tr")[0]
        [entry] = room.dmp.entries.values()
        assert not entry.visibility

    def test_a_refusal_stays_in_the_dialog(
        self, room: Room, doctor: Client, document: RemoteDocument
    ) -> None:
        room.dmp.failures.append(Rejected(codes.DMP_ACCESS_DENIED, kind=RejectionKind.RIGHTS))
        address = reverse("dossier:dmp_visibility", args=[document.uid])
        answer = doctor.post(address, {"choix": "patient"}, headers=htmx())
        assert answer["HX-Retarget"] == "#dialogues"
        assert "auteur" in seen(answer).texts(".errors")[0]
        unsaid = doctor.post(address, {"choix": "personne"}, headers=htmx())
        assert "Choisissez qui verra" in seen(unsaid).text

    def test_without_script_it_is_a_page(self, room: Room, doctor: Client, document: RemoteDocument) -> None:
        address = reverse("dossier:dmp_visibility", args=[document.uid])
        page = seen(doctor.get(address))
        assert page.has("section.banner") and "C’est définitif" in page.text
        assert doctor.post(address, {"choix": "patient"}).status_code == 302

    def test_a_filed_document_is_made_visible_in_the_dmp(self, room: Room, doctor: Client) -> None:
        cda = arriving(lineage=1)
        room.deposit(cda, visibility=HIDDEN)
        version = receive(room, cda)
        Version.objects.filter(pk=version.pk).update(is_invisible_patient=True)
        page = seen(doctor.get(reverse("dossier:patient", args=[room.patient.uid])))
        address = reverse("dossier:version_visibility", args=[version.uid])
        assert [link.get("href") for link in page.all("tr a[data-key=v]")] == [address]
        fact(room, doctor)
        answer = doctor.post(address, {"choix": "patient"}, headers=htmx())
        assert answer["HX-Redirect"]
        version.refresh_from_db()
        assert (version.is_invisible_patient, version.number) == (False, 1)

    def test_one_of_others_without_consultation_is_impossible_from_here(
        self, room: Room, doctor: Client
    ) -> None:
        version = receive(room, arriving(lineage=1))
        Version.objects.filter(pk=version.pk).update(is_invisible_patient=True)
        room.choose(ChoiceValue.OPPOSED)
        address = reverse("dossier:version_visibility", args=[version.uid])
        answer = seen(doctor.post(address, {"choix": "patient"}, headers=htmx()))
        assert "contactez son auteur" in answer.texts(".errors")[0]
        assert room.dmp.calls == []


class TestFiledDocuments:
    @pytest.fixture
    def version(self, room: Room, doctor: Client) -> Version:
        first = arriving(1, lineage=1)
        old = room.deposit(first)
        version = receive(room, first)
        room.deposit(arriving(2, lineage=1, replaces=1, title="Version 2"), replaces=old)
        fact(room, doctor)
        room.dmp.calls.clear()
        return version

    @pytest.mark.requirement("SC.CDA/DD.05", "SC.CDA/VISU.02", "F-PV-05")
    def test_opening_it_asks_and_offers_the_newer_version(
        self, room: Room, doctor: Client, version: Version
    ) -> None:
        pane = get(doctor, "preview", version.uid)
        address = reverse("dossier:version_check", args=[version.uid])
        assert address in [place.get("hx-get") for place in pane.all("[hx-get]")]
        assert room.dmp.calls == []
        shown = seen(doctor.get(address, headers=htmx()))
        assert "Une version plus récente est disponible dans le DMP" in shown.text
        assert "Voir" in shown.text and "Intégrer" in shown.text
        page = seen(doctor.get(reverse("dossier:patient", args=[room.patient.uid])))
        assert "Version plus récente dans le DMP" in page.texts("tr[data-row]")[0]
        chosen = shown.one("input[name=document]").get("value")
        done = doctor.post(
            reverse("dossier:dmp_integrate", args=[room.patient.uid]),
            {"document": [chosen]},
            headers=htmx("liste"),
        )
        assert "1 remplacé" in seen(done).text
        version.refresh_from_db()
        assert version.state == VersionState.REPLACED

    def test_the_document_shown_by_default_asks_nothing(
        self, room: Room, doctor: Client, version: Version
    ) -> None:
        page = seen(doctor.get(reverse("dossier:patient", args=[room.patient.uid])))
        address = reverse("dossier:version_check", args=[version.uid])
        assert address not in [place.get("hx-get") for place in page.all("#apercu [hx-get]")]
        chosen = seen(
            doctor.get(reverse("dossier:patient", args=[room.patient.uid]), {"document": str(version.uid)})
        )
        assert address in [place.get("hx-get") for place in chosen.all("#apercu [hx-get]")]

    @pytest.mark.requirement("SC.CDA/DD.05", "F-PV-03")
    def test_one_that_the_dmp_no_longer_has_is_told_and_marked(
        self, room: Room, doctor: Client, version: Version
    ) -> None:
        room.dmp.entries.clear()
        shown = get(doctor, "version_check", version.uid)
        assert "n’est plus dans le DMP" in shown.text
        page = seen(doctor.get(reverse("dossier:patient", args=[room.patient.uid])))
        assert "Supprimé du DMP" in page.texts("tr[data-row]")[0]

    def test_a_document_that_never_met_the_dmp_is_not_checked(self, room: Room, doctor: Client) -> None:
        version = receive(room, arriving(lineage=5), Origin.MSSANTE)
        pane = get(doctor, "preview", version.uid)
        address = reverse("dossier:version_check", args=[version.uid])
        assert address not in [place.get("hx-get") for place in pane.all("[hx-get]")]


class TestSearch:
    @pytest.mark.requirement("SC.DMP/UX.27", "SC.DMP/UX.14", "F-PV-16")
    def test_it_works_whatever_the_counter_says(self, room: Room, doctor: Client) -> None:
        room.deposit(arriving(lineage=1, title="Trouvé"))
        form = get(doctor, "dmp_search", room.patient.uid)
        assert {field.get("name") for field in form.all("input, select")} >= {
            "types", "classes", "months", "act_from", "act_to", "created_from", "created_to",
            "deposited_from", "deposited_to", "author", "specialty", "structure", "sectors", "settings",
            "formats", "events", "hidden_patient", "hidden_guardians", "masked", "archived", "obsolete",
        }  # fmt: skip
        address = reverse("dossier:dmp_results", args=[room.patient.uid])
        shown = table(doctor.get(address, {"author": "david"}, headers=htmx()).content.decode())
        assert "Résultat de la recherche dans le DMP" in shown.text
        assert "Trouvé" in rows(shown)[0]

    def test_a_list_that_is_narrowed_says_so_and_offers_to_widen(self, room: Room, doctor: Client) -> None:
        room.deposit(arriving(lineage=1))
        address = reverse("dossier:dmp_results", args=[room.patient.uid])
        shown = table(doctor.get(address, {"author": "HODA"}, headers=htmx()).content.decode())
        assert "1 document écarté par vos critères" in shown.text
        wider = shown.one(".group__note a")
        assert "Élargir" in wider.text_content()
        assert len(rows(table(doctor.get(wider.get("hx-get"), headers=htmx()).content.decode()))) == 1

    def test_an_unreadable_date_is_said_and_asks_nothing(self, room: Room, doctor: Client) -> None:
        address = reverse("dossier:dmp_results", args=[room.patient.uid])
        shown = table(doctor.get(address, {"act_from": "demain"}, headers=htmx()).content.decode())
        assert "date est illisible" in shown.text
        assert room.dmp.calls == []

    def test_a_failure_is_said_in_the_section(self, room: Room, doctor: Client) -> None:
        fact(room, doctor)
        room.dmp.failures.append(UNREACHABLE)
        address = reverse("dossier:dmp_results", args=[room.patient.uid])
        shown = table(doctor.get(address, headers=htmx()).content.decode())
        assert "Le DMP ne répond pas." in shown.text

    def test_without_script_it_is_a_page(self, room: Room, doctor: Client) -> None:
        room.deposit(arriving(lineage=1))
        for name in ("dmp_search", "dmp_results"):
            page = seen(doctor.get(reverse(f"dossier:{name}", args=[room.patient.uid])))
            assert page.has("section.banner") and page.has("#criteres-dmp")
        assert page.has("tr.docs__dmp")

    @pytest.mark.requirement("SC.DMP/UX.17")
    def test_criteria_are_kept_for_the_person_and_fill_the_form(self, room: Room, doctor: Client) -> None:
        address = reverse("dossier:dmp_preset", args=[room.patient.uid])
        kept = {"nom": "Imagerie", "classes": "31", "author": "ROUX", "compteur": "1"}
        shown = seen(doctor.post(address, kept, headers=htmx()))
        assert "Imagerie · compteur" in shown.text
        preset = SearchPreset.objects.get()
        assert (preset.user, preset.is_for_counter) == (room.doctor, True)
        form = get(doctor, "dmp_search", room.patient.uid)
        assert form.one("#dmp-author").get("value") == "ROUX"
        assert get(doctor, "dmp_search", room.patient.uid, vide="1").one("#dmp-author").get("value") == ""
        refused = seen(doctor.post(address, {"nom": " "}, headers=htmx()))
        assert "Donnez un nom" in refused.text
        doctor.post(address, {"oublier": str(preset.pk)}, headers=htmx())
        assert not SearchPreset.objects.exists()


class TestNotice:
    @pytest.fixture
    def newcomer(self, room: Room, doctor: Client) -> Client:
        NoticeAcceptance.objects.all().delete()
        return doctor

    @pytest.mark.requirement("SC.DMP/CONF.11")
    def test_it_stands_between_the_login_and_the_page_asked_for(
        self, room: Room, newcomer: Client, settings: LazySettings
    ) -> None:
        arrival = newcomer.get(reverse("dossier:start"), {"next": "/envois/"})
        assert arrival["Location"] == reverse("dossier:notice") + "?next=/envois/"
        page = seen(newcomer.get(arrival["Location"]))
        assert settings.DMP_NOTICE_TEXT in page.text
        assert "le patient est notifié de ces interactions" in page.text
        button = page.one("main form button")
        assert button.text_content().strip() == settings.DMP_NOTICE_WARNING
        assert not page.all("main input[type=checkbox]")
        done = newcomer.post(reverse("dossier:notice"), {"next": "/envois/"})
        assert done["Location"] == "/envois/"
        acceptance = NoticeAcceptance.objects.get()
        assert acceptance.user == room.doctor
        trace = Trace.objects.filter(type="dmp.notice").latest("id")
        assert trace.actor_uid == room.doctor.uid
        assert trace.detail["text_sha256"] == acceptance.text_sha256

    @pytest.mark.requirement("SC.DMP/CONF.11")
    def test_once_then_every_180_days(self, room: Room, newcomer: Client, settings: LazySettings) -> None:
        newcomer.post(reverse("dossier:notice"))
        assert newcomer.get(reverse("dossier:start"))["Location"] == reverse("dossier:home")
        with time_machine.travel(NOW + timedelta(days=180, minutes=1), tick=True):
            again = sign_in(Client(), room.doctor)
            assert again.get(reverse("dossier:start"))["Location"] == reverse("dossier:notice")
        settings.DMP_NOTICE_DAYS = 1
        with time_machine.travel(NOW + timedelta(days=1, minutes=1), tick=True):
            again = sign_in(Client(), room.doctor)
            assert again.get(reverse("dossier:start"))["Location"] == reverse("dossier:notice")

    @pytest.mark.requirement("SC.DMP/CONF.11")
    def test_until_it_is_read_nothing_is_asked_and_the_work_goes_on(
        self, room: Room, newcomer: Client
    ) -> None:
        shown = fact(room, newcomer)
        assert "Information à lire avant consultation" in shown.text
        assert shown.one("#dmp-fact a").get("href") == reverse("dossier:notice")
        assert room.dmp.calls == []
        assert newcomer.get(reverse("dossier:patient", args=[room.patient.uid])).status_code == 200

    def test_those_who_never_consult_are_not_told(self, room: Room, newcomer: Client) -> None:
        user = user_create(login="secretaire", family_name="X", given_name="Y", actor=INSTALLER)
        assignment_give(user=user, role=RoleCode.SECRETAIRE, unit=room.ward.unit, giver=None, actor=INSTALLER)
        browser = sign_in(Client(), user)
        assert browser.get(reverse("dossier:start"))["Location"] == reverse("dossier:home")
        assert "Rôle sans droit de consultation" in fact(room, browser).text

    def test_an_address_outside_is_not_followed(self, room: Room, newcomer: Client) -> None:
        done = newcomer.post(reverse("dossier:notice"), {"next": "https://example.org/"})
        assert done["Location"] == reverse("dossier:home")
