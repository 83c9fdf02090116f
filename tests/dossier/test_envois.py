"""The work list of sendings and its actions: one row, many rows, who may, and what is refused."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.models import User
from accounts.services import assignment_give
from audit.models import Trace
from consent.enums import ChoiceValue
from documents.models import Version
from establishment.enums import NationalService
from establishment.models import Unit
from national.models import Call
from patients.services import team_member_add
from sending.enums import OrderState
from sending.models import Order, OrderEvent
from tests.dossier.conftest import INSTALLER, htmx, order_of, seen
from tests.factories import EpisodeFactory, QualifiedPatientFactory, ValidatedVersionFactory

LIST = reverse("dossier:envois")
ROWS = reverse("dossier:envois_rows")
BULK = reverse("dossier:orders_act")


def make_order(ward, state, *, minutes=0, unit=None, author=None, name="", **values):
    """An order in a state that only time or the PFI would bring."""
    patient = QualifiedPatientFactory(**({"birth_name": name} if name else {}))
    version = ValidatedVersionFactory(
        document__patient=patient,
        document__episode=EpisodeFactory(patient=patient, unit=unit or ward.unit),
        author=author or ward.doctor,
        author_label="Dr HODA Alice",
        validated_at=timezone.now() - timedelta(minutes=minutes),
    )
    return Order.objects.create(
        version=version,
        channel="dmp",
        action="initial",
        state=state,
        lineage=f"set-{version.pk}",
        idempotency_key=f"key-{version.pk}",
        not_before=timezone.now() + timedelta(hours=1),
        **values,
    )


def names(page):
    return [row.split(" F ")[0].split(" M ")[0] for row in page.texts("tbody td:nth-child(3)")]


def states(page):
    return page.texts("tbody td:nth-child(6)")


def act_url(order, action):
    return reverse("dossier:order_act", args=[order.uid, action])


# --- the list ----------------------------------------------------------------------------------
class TestList:
    @pytest.mark.requirement("F-PV-18")
    def test_what_must_be_treated_comes_first_then_the_newest(self, ward, doctor):
        given = [
            ("RECENT", OrderState.RECEIVED_DMP, 1),
            ("PROGRAMME", OrderState.SCHEDULED, 2),
            ("ECHEC-ANCIEN", OrderState.FAILED, 900),
            ("RETENU", OrderState.HELD, 30),
            ("ATTENTE", OrderState.WAITING_IDENTITY, 40),
            ("ECHEC", OrderState.FAILED, 50),
            ("BLOQUE", OrderState.BLOCKED, 3),
        ]
        for name, state, minutes in given:
            reason = {"reason": "OPPOSITION"} if state == OrderState.BLOCKED else {}
            reason |= {"reason": "INS_NOT_QUALIFIED"} if state == OrderState.WAITING_IDENTITY else {}
            make_order(ward, state, minutes=minutes, name=name, **reason)
        page = seen(doctor.get(LIST))
        assert [name.split()[0] for name in names(page)] == [
            "ECHEC",
            "ECHEC-ANCIEN",
            "RETENU",
            "ATTENTE",
            "RECENT",
            "PROGRAMME",
            "BLOQUE",
        ]
        assert "Tri : à traiter d’abord." in page.text
        oldest = [name.split()[0] for name in names(seen(doctor.get(LIST, {"tri": "date"})))]
        assert oldest == [
            "ECHEC-ANCIEN",
            "ECHEC",
            "ATTENTE",
            "RETENU",
            "BLOQUE",
            "PROGRAMME",
            "RECENT",
        ]
        again = seen(doctor.get(LIST))
        assert "Tri : les plus anciens d’abord." in again.text
        assert [name.split()[0] for name in names(again)] == oldest
        newest = seen(doctor.get(LIST, {"tri": "-date"}))
        assert [name.split()[0] for name in names(newest)] == oldest[::-1]

    @pytest.mark.requirement("F-PV-18")
    @pytest.mark.parametrize("code", ["NF", "DMPClosed", "urn:oasis:XDSUnknownPatientId"])
    def test_a_patient_without_open_dmp_is_said_with_the_relaunch_to_come(self, ward, doctor, code):
        words = "Pas de DMP ouvert, ce patient n’a pas de DMP."
        at = datetime(2026, 12, 5, 23, 30, tzinfo=UTC)
        failed = make_order(ward, OrderState.FAILED, error_code=code, error_text=words, relaunch_at=at)
        text = seen(doctor.get(LIST)).text
        assert f"{words} Relance automatique le 06/12/2026. ({code})" in text
        assert "Échec (" not in text
        record = seen(doctor.get(reverse("dossier:patient", args=[failed.version.document.patient.uid])))
        assert "Échec (pas de DMP ouvert)" in record.text

        Order.objects.update(relaunch_at=None)  # it was, and no one relaunches it any more
        text = seen(doctor.get(LIST)).text
        assert f"Relancer quand le patient aura un DMP ouvert. ({code})" in text

    @pytest.mark.requirement("F-PV-18")
    def test_each_state_is_said_with_what_follows(self, ward, doctor):
        make_order(ward, OrderState.FAILED, error_code="207", error_text="Auteur inconnu.")
        make_order(ward, OrderState.FAILED, error_code="XDSRepositoryMetadataError", error_text="Refusé.")
        make_order(ward, OrderState.BLOCKED, reason="OPPOSITION")
        make_order(ward, OrderState.HANDED_OVER, is_uncertain=True)
        text = seen(doctor.get(LIST)).text
        assert "Échec (207)" in text
        assert "Auteur inconnu. Corriger puis relancer. (207)" in text
        assert "Corriger puis relancer. (XDSRepositoryMetadataError)" in text
        assert "Bloqué – opposition" in text
        assert "Part seul si l’opposition est levée." in text
        assert "Réponse perdue Le DMP est interrogé avant tout nouvel envoi." in text

    def test_orders_of_other_units_are_not_listed_unless_one_wrote_them(self, ward, doctor):
        elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
        make_order(ward, OrderState.SCHEDULED, unit=elsewhere, name="AILLEURS", author=None)
        Version.objects.update(author=None)
        make_order(ward, OrderState.SCHEDULED, unit=elsewhere, name="ECRIT-PAR-MOI")
        make_order(ward, OrderState.SCHEDULED, name="ICI")
        assert {name.split()[0] for name in names(seen(doctor.get(LIST)))} == {"ECRIT-PAR-MOI", "ICI"}

    @pytest.mark.parametrize("role", [RoleCode.ADMISSION, RoleCode.SOCIAL])
    def test_who_has_no_right_on_sendings_has_no_list(self, arrive, role):
        client = arrive(role, unit=None)
        for address in (LIST, ROWS):
            assert client.get(address).status_code == 403

    @pytest.mark.requirement("F-PV-18")
    def test_filters_narrow_by_state_channel_unit_period_and_text(self, ward, doctor):
        elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
        assignment_give(
            user=ward.doctor, role=RoleCode.PRESCRIPTEUR, unit=elsewhere, giver=None, actor=INSTALLER
        )
        make_order(ward, OrderState.HELD, name="ALPHA")
        make_order(ward, OrderState.SCHEDULED, name="BRAVO", unit=elsewhere)
        make_order(ward, OrderState.SCHEDULED, name="CHARLIE", minutes=60 * 24 * 12)
        cases = {
            "etat=held": {"ALPHA"},
            "unite=3435": {"BRAVO"},
            "periode=7": {"ALPHA", "BRAVO"},
            "periode=30": {"ALPHA", "BRAVO", "CHARLIE"},
            "canal=dmp": {"ALPHA", "BRAVO", "CHARLIE"},
            "canal=mssante_pro": set(),
            "texte=char": {"CHARLIE"},
            "texte=HODA": {"ALPHA", "BRAVO", "CHARLIE"},
            "etat=nimporte&canal=%00&periode=x&unite=": {"ALPHA", "BRAVO", "CHARLIE"},
        }
        for query, expected in cases.items():
            text = "" if "texte=" in query else "&texte="
            page = seen(doctor.get(f"{LIST}?{query}{text}"))
            if query.endswith("unite="):
                continue
            assert {name.split()[0] for name in names(page)} == expected, query
        cleared = seen(doctor.get(f"{LIST}?effacer=1"))
        assert len(names(cleared)) == 3

    def test_a_saved_view_shows_something_else_for_once(self, ward, doctor):
        make_order(ward, OrderState.HELD, name="ALPHA")
        make_order(ward, OrderState.SCHEDULED, name="BRAVO")
        page = seen(doctor.get(LIST))
        (held,) = [link for link in page.all(".rail__entry") if "Retenus" in link.text_content()]
        view = seen(doctor.get(held.get("href")))
        assert [name.split()[0] for name in names(view)] == ["ALPHA"]
        assert view.texts(".rail__entry[aria-current]") == ["Retenus 1"]
        assert len(names(seen(doctor.get(LIST)))) == 2

    def test_the_page_asks_for_its_rows_again_with_its_own_filters(self, ward, doctor):
        make_order(ward, OrderState.HELD, name="ALPHA")
        make_order(ward, OrderState.SCHEDULED, name="BRAVO")
        page = seen(doctor.get(f"{LIST}?etat=held&texte="))
        rows_url = page.one("tbody").get("hx-get")
        answer = doctor.get(rows_url, headers=htmx())
        assert b"<html" not in answer.content
        assert [name.split()[0] for name in names(seen(answer))] == ["ALPHA"]
        assert "Retenu" in states(seen(answer))[0]

    def test_asking_for_rows_is_no_activity_and_changes_no_preference(self, ward, doctor):
        make_order(ward, OrderState.HELD)
        doctor.get(f"{LIST}?etat=held&texte=")
        doctor.get(f"{ROWS}?vue=1")
        assert len(names(seen(doctor.get(LIST)))) == 1
        before = doctor.session["seen_at"] if "seen_at" in doctor.session else None
        doctor.get(ROWS)
        after = doctor.session["seen_at"] if "seen_at" in doctor.session else None
        assert before == after

    @pytest.mark.parametrize("page_number", ["0", "-3", "x", "٣", "9" * 30, "", "%00"])
    def test_a_page_number_that_is_none_is_the_first(self, ward, doctor, page_number):
        make_order(ward, OrderState.HELD)
        assert len(names(seen(doctor.get(LIST, {"page": page_number})))) == 1

    def test_fifty_more_are_one_click_away(self, ward, doctor):
        for _ in range(52):
            make_order(ward, OrderState.SCHEDULED)
        page = seen(doctor.get(LIST))
        assert len(names(page)) == 50
        assert "50 envois, les premiers" in page.text
        (more,) = [link for link in page.all("a.btn") if "Afficher 50 de plus" in link.text_content()]
        assert len(names(seen(doctor.get(more.get("href"))))) == 52

    def test_an_empty_list_says_so(self, doctor):
        assert "Aucun envoi dans cette liste." in seen(doctor.get(LIST)).text

    def test_the_failures_are_counted_in_the_bar_of_every_page(self, ward, doctor):
        make_order(ward, OrderState.FAILED)
        assert "1 échec" in seen(doctor.get(reverse("dossier:home"))).texts("nav.bar__menu")[0]
        make_order(ward, OrderState.FAILED)
        assert "2 échecs" in seen(doctor.get(reverse("dossier:home"))).texts("nav.bar__menu")[0]

    def test_the_counters_keep_the_entry_of_the_page_that_asks(self, ward, doctor):
        address = reverse("dossier:counters")
        for shown, label in ((LIST, "Envois"), (reverse("dossier:home"), "Mes patients")):
            headers = {"hx-request": "true", "hx-current-url": f"http://testserver{shown}"}
            current = seen(doctor.get(address, headers=headers)).one("a[aria-current]")
            assert label in current.text_content()
        for shown in ("http://[bad", "/nowhere", ""):
            headers = {"hx-request": "true", "hx-current-url": shown}
            assert not seen(doctor.get(address, headers=headers)).has("a[aria-current]")


class TestPatientList:
    def test_it_holds_the_orders_of_this_patient_alone_and_traces_the_opening(self, ward, doctor):
        ward.write_letter()
        make_order(ward, OrderState.SCHEDULED, name="AUTRE")
        page = seen(doctor.get(reverse("dossier:patient_envois", args=[ward.patient.uid])))
        assert [name.split()[0] for name in names(page)] == ["PAT-TROIS"]
        assert page.one(".rail__entry[aria-current]").text_content().strip() == "Envois"
        assert Trace.objects.filter(type="patient.open", patient_uid=ward.patient.uid).exists()


# --- actions -----------------------------------------------------------------------------------
class TestActions:
    @pytest.mark.requirement("SC.DMP/ALI/PROG.03", "F-PV-18")
    def test_the_work_list_gets_its_own_row_and_a_way_back(self, ward, doctor):
        order = order_of(ward.write_letter())
        answer = doctor.post(act_url(order, "hold"), headers=htmx(f"envoi-{order.uid}"))
        row = seen(answer)
        assert row.one("tr").get("id") == f"envoi-{order.uid}"
        assert "Retenu" in row.text
        assert "Envoi retenu." in row.text
        toast = row.one("[data-toast] form")
        assert toast.get("action") == act_url(order, "release")
        assert toast.get("hx-target") == f"#envoi-{order.uid}"
        assert answer["HX-Trigger"] == "envoi"

    @pytest.mark.requirement("SC.DMP/ALI/PROG.03")
    def test_the_record_gets_its_own_row(self, ward, doctor):
        version = ward.write_letter()
        order = order_of(version)
        answer = doctor.post(act_url(order, "hold"), headers=htmx(f"doc-{version.document.uid}"))
        row = seen(answer)
        assert row.one("tr").get("id") == f"doc-{version.document.uid}"
        assert "Libérer" in row.text

    def test_without_script_the_page_that_asked_comes_back_with_a_sentence(self, ward, doctor):
        order = order_of(ward.write_letter())
        home = reverse("dossier:patient", args=[ward.patient.uid])
        answer = doctor.post(act_url(order, "hold"), headers={"referer": f"http://testserver{home}"})
        assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{home}")
        assert "Envoi retenu." in seen(doctor.get(home)).text

    @pytest.mark.parametrize("referer", ["https://ailleurs.example/", "javascript:alert(1)", "//x.example"])
    def test_nobody_is_sent_elsewhere(self, ward, doctor, referer):
        order = order_of(ward.write_letter())
        answer = doctor.post(act_url(order, "hold"), headers={"referer": referer})
        assert answer["Location"] == LIST

    @pytest.mark.parametrize(
        ("action", "state", "trace"),
        [
            ("hold", OrderState.HELD, "order.hold"),
            ("cancel", OrderState.CANCELLED, "order.cancel"),
            ("send_now", OrderState.SCHEDULED, "order.send_now"),
        ],
    )
    def test_each_action_moves_the_order_notes_the_event_and_traces_the_person(
        self, ward, doctor, action, state, trace
    ):
        order = order_of(ward.write_letter())
        doctor.post(act_url(order, action), headers=htmx(f"envoi-{order.uid}"))
        order.refresh_from_db()
        assert order.state == state
        assert OrderEvent.objects.filter(order=order).last().actor_login == "ahoda"
        assert Trace.objects.get(type=trace).actor_login == "ahoda"

    def test_a_failed_order_is_tried_again(self, ward, doctor):
        order = order_of(ward.write_letter())
        Order.objects.filter(pk=order.pk).update(state=OrderState.FAILED, error_code="X")
        row = seen(doctor.post(act_url(order, "retry"), headers=htmx(f"envoi-{order.uid}")))
        assert "Programmé" in row.text
        assert "Échec" not in row.text

    @pytest.mark.parametrize("state", [OrderState.RECEIVED_DMP, OrderState.SENDING, OrderState.CANCELLED])
    def test_too_late_is_said_in_words_and_the_list_is_asked_again(self, ward, doctor, state):
        order = order_of(ward.write_letter())
        Order.objects.filter(pk=order.pk).update(state=state)
        answer = doctor.post(act_url(order, "hold"), headers=htmx(f"envoi-{order.uid}"))
        assert answer.status_code == 409
        assert "il ne peut plus être retenu." in answer.content.decode()
        assert answer["HX-Trigger"] == "actualiser"
        page = doctor.post(act_url(order, "hold"))
        assert "il ne peut plus être retenu." in seen(page, 409).text
        order.refresh_from_db()
        assert order.state == state

    def test_a_reader_without_the_right_is_refused(self, ward, nurse):
        order = order_of(ward.write_letter())
        for action in ("hold", "release", "cancel", "send_now", "retry"):
            assert nurse.post(act_url(order, action)).status_code == 403
        assert nurse.post(BULK, {"action": "hold", "order": order.uid}).status_code == 403
        order.refresh_from_db()
        assert order.state == OrderState.SCHEDULED

    def test_unknown_orders_and_actions_are_not_found(self, ward, doctor):
        order = order_of(ward.write_letter())
        assert doctor.post(act_url(order, "destroy")).status_code == 404
        assert doctor.post(reverse("dossier:order_act", args=[uuid.uuid4(), "hold"])).status_code == 404
        assert doctor.get(act_url(order, "hold")).status_code == 405

    def test_the_care_team_acts_on_what_another_unit_wrote(self, ward, stranger):
        order = order_of(ward.write_letter())
        assert stranger.post(act_url(order, "hold")).status_code == 404
        team_member_add(episode=ward.episode, user=User.objects.get(login="blemaire"), actor=ward.actor)
        answer = stranger.post(act_url(order, "hold"), headers=htmx(f"envoi-{order.uid}"))
        assert answer.status_code == 200

    @pytest.mark.requirement("SC.DMP/CONF.06.BIS")
    def test_releasing_asks_the_rules_again(self, ward, doctor):
        order = order_of(ward.write_letter(hold=True))
        ward.choose(ChoiceValue.OPPOSED)
        row = seen(doctor.post(act_url(order, "release"), headers=htmx(f"envoi-{order.uid}")))
        assert "Bloqué – opposition" in row.text

    def test_an_order_of_a_replaced_version_is_not_released(self, ward, doctor):
        first = ward.write_letter(hold=True)
        ward.revise(first)
        order = Order.objects.get(version=first)
        Order.objects.filter(pk=order.pk).update(state=OrderState.HELD)
        answer = doctor.post(act_url(order, "release"), headers=htmx(f"envoi-{order.uid}"))
        assert answer.status_code == 409
        assert "Une version plus récente remplace ce document" in answer.content.decode()


class TestBulk:
    @pytest.mark.requirement("F-PV-18")
    def test_what_could_be_done_is_done_and_the_rest_is_said(self, ward, doctor):
        waiting = [make_order(ward, OrderState.SCHEDULED) for _ in range(2)]
        gone = [make_order(ward, OrderState.RECEIVED_DMP) for _ in range(2)]
        done = make_order(ward, OrderState.CANCELLED)
        uids = [order.uid for order in (*waiting, *gone, done)]
        page = seen(doctor.post(BULK, {"action": "hold", "order": uids}, follow=True))
        assert "2 envois retenus." in page.text
        assert "2 envois non modifiés : Cet envoi est déjà parti" in page.text
        assert "1 envoi non modifié : Cet envoi est terminé" in page.text
        kept = Order.objects.filter(uid__in=uids).order_by("id").values_list("state", flat=True)
        assert list(kept) == ["held", "held", "received_dmp", "received_dmp", "cancelled"]

    def test_orders_that_are_not_mine_are_left(self, ward, doctor):
        elsewhere = Unit.objects.create(site=ward.unit.site, code="3435", name="CARDIOLOGIE")
        other = make_order(ward, OrderState.SCHEDULED, unit=elsewhere)
        Version.objects.filter(pk=other.version_id).update(author=None)
        page = seen(doctor.post(BULK, {"action": "cancel", "order": [other.uid]}, follow=True))
        assert "rien n’a été modifié" in page.text
        other.refresh_from_db()
        assert other.state == OrderState.SCHEDULED

    @pytest.mark.parametrize(
        "orders", [[], ["nonsense"], [""], ["\x00"], ["00000000-0000-4000-8000-000000000000"] * 3]
    )
    def test_nonsense_does_nothing_and_says_so(self, ward, doctor, orders):
        page = seen(doctor.post(BULK, {"action": "hold", "order": orders}, follow=True))
        assert "Aucun envoi n’est coché : rien n’a été modifié." in page.text

    def test_an_unknown_action_is_not_found(self, doctor):
        for action in ("", "destroy", "\x00"):
            assert doctor.post(BULK, {"action": action}).status_code == 404

    def test_naming_an_order_twice_acts_once(self, ward, doctor):
        order = make_order(ward, OrderState.SCHEDULED)
        page = seen(doctor.post(BULK, {"action": "hold", "order": [order.uid] * 3}, follow=True))
        assert "1 envoi retenu." in page.text
        assert OrderEvent.objects.filter(order=order).count() == 1


def test_the_state_of_the_dmp_is_said_on_every_page(ward, doctor):
    def call(outcome):
        Call.objects.create(
            service=NationalService.DMP,
            transaction="TD2.1",
            message_id="urn:uuid:1",
            actor_label="pfi",
            duration_ms=3,
            outcome=outcome,
        )

    def status():
        return seen(doctor.get(LIST)).texts("footer.status")[0]

    assert "DMP" not in status()
    call("success")
    assert "DMP joignable" in status()
    call("unavailable")
    assert "DMP injoignable depuis " in status()
    call("rejected")
    assert "DMP joignable" in status()
