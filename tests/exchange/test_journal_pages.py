"""The journal of the exchanges as its readers see it (ui reference 6.20)."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Trace
from exchange.enums import Direction, MessageState, Transport
from exchange.identifiers import new_control_id
from exchange.models import Message
from exchange.registry import Outcome
from exchange.services import message_receive, messages_hand_over_due
from interop.hl7v2.codes import AckCode, ZamKind
from interop.hl7v2.errors import Fault
from interop.hl7v2.header import Authority, Endpoint
from interop.hl7v2.zam import Zam, build_zam, zam_header
from tests.exchange.conftest import Treated
from tests.exchange.messages import message
from tests.exchange.partner_stub import acknowledge
from tests.exchange.people import administrator, browser_of
from tests.exchange.test_reading import ADMISSION, SECRETS
from tests.factories import MessageFactory, PartnerFactory
from tests.interop.hl7v2.official import needs_official, official

pytestmark = pytest.mark.django_db

JOURNAL = "/echanges/"
REASON = "Ticket 4512, admission absente"


@pytest.fixture
def admin() -> Client:
    return browser_of(administrator())


@pytest.fixture
def reader() -> Client:
    return browser_of(administrator(also=["exchange.raw"]))


def stored(raw: bytes, **values: object) -> Message:
    return MessageFactory(raw=raw, **values)


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def rows_of(html: str) -> list[str]:
    return re.findall(r'<tr data-row tabindex="-1" id="message-([0-9a-f-]{36})"', html)


class TestList:
    def test_each_message_says_when_which_way_what_whom_and_what_became_of_it(self, admin: Client) -> None:
        partner = PartnerFactory(name="GAM de l’hôpital")
        MessageFactory(
            partner=partner, state=MessageState.REFUSED, ack_code="AE", error="101 PID^1^3 Champ absent",
            control_id="GAM-77",
        )  # fmt: skip
        MessageFactory(partner=partner, direction=Direction.OUTGOING, state=MessageState.ACKED, ack_code="AA")
        html = page(admin, JOURNAL)

        for words in ("GAM de l’hôpital", "GAM-77", "ADT^A31", "mise à jour d’identité", "reçu", "émis"):
            assert words in html
        assert "Refusé (101)" in html
        assert "2 derniers jours · 2" in html
        assert len(rows_of(html)) == 2

    def test_the_newest_fifty_come_first_and_more_are_asked_for(self, admin: Client) -> None:
        partner = PartnerFactory()
        made = [MessageFactory(partner=partner) for _ in range(52)]

        first, more = page(admin, JOURNAL), page(admin, f"{JOURNAL}?vue=lignes&page=2")

        assert rows_of(first) == [str(one.uid) for one in reversed(made)][:50]
        assert "Afficher 50 de plus" in first
        assert len(rows_of(more)) == 52
        assert "Afficher 50 de plus" not in more

    @pytest.mark.parametrize(
        ("query", "kept"),
        [
            ("sens=out", 1),
            ("type=ZAM", 1),
            ("etat=refused&etat=applied", 2),
            ("texte=KEEP", 1),
            ("partenaire=lab", 1),
            ("periode=30", 5),
            ("periode=tout", 6),
            ("sens=nord&type=XYZ&etat=perdu&periode=9&page=zz", 4),
            ("texte=%00%27", 0),
        ],
    )
    def test_filters_narrow_and_unknown_values_are_ignored(
        self, query: str, kept: int, admin: Client
    ) -> None:
        old = timezone.now() - timedelta(days=20)
        partner = PartnerFactory(code="gam")
        MessageFactory(partner=partner, state=MessageState.REFUSED, control_id="KEEP1")
        MessageFactory(partner=partner, state=MessageState.APPLIED)
        MessageFactory(partner=partner, direction=Direction.OUTGOING, state=MessageState.QUEUED)
        MessageFactory(partner=PartnerFactory(code="lab"), type="ZAM^Z01^ZAM_Z01")
        MessageFactory(partner=partner, created_at=old)
        MessageFactory(partner=partner, created_at=old - timedelta(days=300))

        marked = query if "texte" in query else f"texte=&{query}"
        assert len(rows_of(page(admin, f"{JOURNAL}?{marked}"))) == kept

    def test_filters_are_kept_and_a_saved_view_of_the_rail_changes_nothing(self, admin: Client) -> None:
        partner = PartnerFactory()
        MessageFactory(partner=partner, state=MessageState.REFUSED)
        MessageFactory(partner=partner, state=MessageState.APPLIED)
        page(admin, f"{JOURNAL}?texte=&etat=refused")

        assert len(rows_of(page(admin, JOURNAL))) == 1
        assert len(rows_of(page(admin, f"{JOURNAL}?vue=1"))) == 2
        assert len(rows_of(page(admin, JOURNAL))) == 1
        assert len(rows_of(page(admin, f"{JOURNAL}?effacer=1"))) == 2

    def test_the_rail_counts_what_failed_and_what_waits(self, admin: Client) -> None:
        partner = PartnerFactory(name="Laboratoire")
        for state in (MessageState.REFUSED, MessageState.CONFLICT, MessageState.UNREADABLE):
            MessageFactory(partner=partner, state=state)
        MessageFactory(partner=partner, direction=Direction.OUTGOING, state=MessageState.DEFERRED)
        html = page(admin, JOURNAL)

        assert re.search(r"En erreur</span><span class=\"rail__count rail__count--bad\">3<", html)
        assert re.search(r"Sans réponse</span><span class=\"rail__count\">1<", html)
        assert "Laboratoire" in html

    def test_an_ipp_finds_its_messages_only_for_who_may_read_them(self, admin: Client) -> None:
        MessageFactory(lineage="000003^^^CHU-X")
        may = browser_of(administrator(also=["exchange.raw"], login="adm-lecteur"))

        assert rows_of(page(browser_of(administrator(login="adm-autre")), f"{JOURNAL}?texte=000003"))
        from accounts.models import Role

        Role.objects.filter(code="admin_technique").update(permissions=["exchange.journal"])
        assert not rows_of(page(admin, f"{JOURNAL}?texte=000003"))
        assert may is not None

    def test_looking_for_an_ipp_is_a_search_of_a_patient_and_its_refresh_is_none(
        self, reader: Client
    ) -> None:
        MessageFactory(lineage="000003^^^CHU-X")
        for browser, text in ((reader, "000003"), (reader, "000003"), (reader, "000004"), (reader, "")):
            page(browser, f"{JOURNAL}?texte={text}")
            page(browser, f"{reverse('exchange:journal_rows')}?texte={text}")
        traces = Trace.objects.filter(type="patient.search").order_by("id")
        assert [trace.detail["count"] for trace in traces] == [1, 0]
        assert "000003" not in str([trace.detail for trace in traces])

    def test_the_rows_are_refreshed_alone(self, admin: Client) -> None:
        one = MessageFactory()
        html = page(admin, reverse("exchange:journal_rows"))

        assert html.strip().startswith("<tbody")
        assert rows_of(html) == [str(one.uid)]


class TestMasking:
    @needs_official
    @pytest.mark.requirement("SC.SSI/GEN.18")
    @pytest.mark.parametrize("tab", ["segments", "brut", "ack", "controles", "autre"])
    def test_no_trait_reaches_the_browser_of_a_reader_without_the_right(
        self, tab: str, admin: Client, treated: Treated
    ) -> None:
        one = stored(official(ADMISSION), ack=acknowledge(official(ADMISSION), AckCode.AA))
        html = page(admin, f"{JOURNAL}?message={one.uid}&onglet={tab}")

        assert [secret for secret in SECRETS if secret.lower() in html.lower()] == []
        assert "Traits et contenu clinique masqués" in html
        assert "motif tracé" not in html, "no button that this person may not use"

    @needs_official
    def test_the_file_of_a_masked_reader_has_stars(self, admin: Client) -> None:
        one = stored(official(ADMISSION))
        answer = admin.get(reverse("exchange:message_file", args=[one.uid]))
        text = answer.content.decode()

        assert "attachment" in answer["Content-Disposition"]
        assert [secret for secret in SECRETS if secret.lower() in text.lower()] == []
        assert "|VALI|" in text

    @needs_official
    @pytest.mark.requirement("SC.SSI/GEN.18")
    def test_a_reader_with_the_right_gives_a_reason_and_each_reading_is_traced_with_it(
        self, reader: Client
    ) -> None:
        raw = official(ADMISSION)
        one = stored(raw, patient_uid=uuid.uuid4())
        before = page(reader, f"{JOURNAL}?message={one.uid}")
        assert "PAT-TROIS" not in before
        assert "Afficher, motif tracé…" in before
        assert not Trace.objects.filter(type="exchange.message.read").exists()

        answer = reader.post(reverse("exchange:message_show", args=[one.uid]), {"motif": REASON})
        shown = page(reader, answer["Location"])
        taken = reader.get(reverse("exchange:message_file", args=[one.uid]))

        assert "PAT-TROIS" in shown
        assert REASON in shown
        assert taken.content == raw
        traces = list(Trace.objects.filter(type="exchange.message.read").order_by("id"))
        assert [trace.reason for trace in traces] == [REASON, REASON]
        assert [trace.detail["means"] for trace in traces] == ["screen", "file"]
        assert {trace.patient_uid for trace in traces} == {one.patient_uid}

    @pytest.mark.parametrize("reason", ["", "   ", "court", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"])
    def test_without_a_reason_nothing_is_shown_and_the_error_stands_in_the_dialog(
        self, reason: str, reader: Client
    ) -> None:
        one = stored(message("PID|||1^^^A^PI||SECRET^NOM"))
        answer = reader.post(reverse("exchange:message_show", args=[one.uid]), {"motif": reason})

        assert answer.status_code == 422
        html = answer.content.decode()
        assert "rien n’a été affiché" in html
        assert "SECRET" not in html
        assert not Trace.objects.filter(type="exchange.message.read").exists()

    def test_a_reason_serves_one_message_for_a_quarter_of_an_hour(self, reader: Client) -> None:
        import time_machine

        one, other = (stored(message("PID|||1^^^A^PI||SECRET^NOM")) for _ in range(2))
        reader.post(reverse("exchange:message_show", args=[one.uid]), {"motif": REASON})

        assert "SECRET" in page(reader, f"{JOURNAL}?message={one.uid}")
        assert "SECRET" not in page(reader, f"{JOURNAL}?message={other.uid}")
        with time_machine.travel(timezone.now() + timedelta(minutes=14, seconds=59), tick=False):
            reader.get(reverse("accounts:profile"))
        with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=5), tick=False):
            later = reader.get(f"{JOURNAL}?message={one.uid}", follow=True)
        assert "SECRET" not in later.content.decode()

    def test_a_right_taken_back_hides_at_once(self, reader: Client) -> None:
        from accounts.models import Role

        one = stored(message("PID|||1^^^A^PI||SECRET^NOM"))
        reader.post(reverse("exchange:message_show", args=[one.uid]), {"motif": REASON})
        Role.objects.filter(code="admin_technique").update(permissions=["exchange.journal"])

        assert "SECRET" not in page(reader, f"{JOURNAL}?message={one.uid}")

    def test_the_free_text_of_a_partner_on_a_line_is_masked_and_its_code_is_not(self, admin: Client) -> None:
        raw = message()
        refusal = acknowledge(raw, AckCode.AE, Fault("101", "PID^1^5", "Nom DUPONT illisible"))
        one = stored(
            raw, direction=Direction.OUTGOING, state=MessageState.REJECTED, ack=refusal, ack_code="AE",
            error="101 PID^1^5 Nom DUPONT illisible", partner=PartnerFactory(transport=Transport.MLLP),
        )  # fmt: skip
        html = page(admin, f"{JOURNAL}?message={one.uid}&onglet=ack")

        assert "DUPONT" not in html
        assert "101 PID^1^5 champ obligatoire absent" in html

    def test_bytes_that_are_no_message_are_shown_as_text_and_never_run(self, reader: Client) -> None:
        one = stored(b"\x0b<script>alert(1)</script>\x00\xff", state=MessageState.UNREADABLE, type="")
        masked = page(reader, f"{JOURNAL}?message={one.uid}&onglet=brut")
        assert "script>alert" not in masked

        reader.post(reverse("exchange:message_show", args=[one.uid]), {"motif": REASON})
        html = page(reader, f"{JOURNAL}?message={one.uid}&onglet=brut")

        assert "&lt;script&gt;alert(1)" in html
        assert "<script>alert" not in html


class TestDetail:
    def test_the_pane_alone_answers_the_script_and_the_page_answers_the_rest(self, admin: Client) -> None:
        one = stored(message("EVN||20250102101500"))
        address = reverse("exchange:message", args=[one.uid])

        fragment = admin.get(address, headers={"hx-request": "true"}).content.decode()
        assert "<html" not in fragment
        assert "Date d’enregistrement" in fragment
        assert admin.get(address)["Location"] == f"{JOURNAL}?message={one.uid}"
        assert admin.get(f"{JOURNAL}?message={uuid.uuid4()}").status_code == 404
        assert admin.get(f"{JOURNAL}?message=x").status_code == 404

    @pytest.mark.requirement("F-PFI-19")
    def test_the_timeline_joins_a_message_and_its_acknowledgements(self, admin: Client) -> None:
        patient = uuid.uuid4()
        raw = message(control_id="DPI-0038127", kind="MDM^T02^MDM_T02", sender="DPI")
        partner = PartnerFactory(transport=Transport.INTEGRATED)
        sent = timezone.now() - timedelta(minutes=5)
        order = stored(
            raw, direction=Direction.OUTGOING, partner=partner, control_id="DPI-0038127",
            type="MDM^T02^MDM_T02", state=MessageState.ACKED, ack=acknowledge(raw, AckCode.AA), ack_code="AA",
            created_at=sent, done_at=sent + timedelta(milliseconds=212), patient_uid=patient,
        )  # fmt: skip
        for acknowledged in ("DPI-0038127", "AUTRE"):
            stored(
                zam(acknowledged), partner=partner, type="ZAM^Z01^ZAM_Z01", state=MessageState.APPLIED,
                patient_uid=patient,
            )  # fmt: skip

        html = page(admin, f"{JOURNAL}?message={order.uid}")

        assert "en 212 ms" in html
        assert html.count("ZAM^Z01</b>") == 1
        assert "réception par le DMP" in html
        assert "ne doit pas être réémis" in html
        assert "Réémettre" not in html

    def test_what_a_role_may_not_do_is_not_offered(self, admin: Client) -> None:
        from accounts.models import Role

        one = stored(message(), direction=Direction.OUTGOING, state=MessageState.DEFERRED)
        assert "Réémettre" in page(admin, f"{JOURNAL}?message={one.uid}")
        Role.objects.filter(code="admin_technique").update(permissions=["exchange.journal"])

        assert "Réémettre" not in page(admin, f"{JOURNAL}?message={one.uid}")
        assert admin.post(reverse("exchange:message_act", args=[one.uid, "reemettre"])).status_code == 403


@pytest.mark.django_db(transaction=True)
class TestActs:
    @pytest.mark.requirement("F-PFI-19")
    def test_a_message_put_off_leaves_again_under_its_identifier(self, treated: Treated) -> None:
        browser = browser_of(administrator())
        partner = PartnerFactory(transport=Transport.INTEGRATED)
        raw = message()
        one = stored(
            raw, direction=Direction.OUTGOING, partner=partner, state=MessageState.DEFERRED, attempts=3,
            not_before=timezone.now() + timedelta(hours=1), control_id=raw.split(b"|")[9].decode(),
        )  # fmt: skip

        answer = browser.post(reverse("exchange:message_act", args=[one.uid, "reemettre"]), follow=True)

        assert "sous le même identifiant" in answer.content.decode()
        messages_hand_over_due(worker="tests")
        one.refresh_from_db()
        assert one.state == MessageState.ACKED
        assert treated.receptions[0].parsed.serialize() == raw

    def test_a_refused_message_is_replayed_and_the_page_says_what_came_of_it(
        self, treated: Treated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from exchange import registry

        monkeypatch.setitem(registry._handlers, ("ADT", ""), treated)
        browser = browser_of(administrator())
        treated.outcome = Outcome(code=AckCode.AE, faults=(Fault("207", "", "Non"),))
        message_receive(partner=PartnerFactory(), raw=message(kind="ADT^A01^ADT_A01"))
        treated.outcome = Outcome()
        one = Message.objects.get()

        answer = browser.post(reverse("exchange:message_act", args=[one.uid, "rejouer"]), follow=True)

        assert "Message rejoué\u202f: appliqué" in answer.content.decode()
        again = browser.post(reverse("exchange:message_act", args=[one.uid, "rejouer"]), follow=True)
        assert "n’aurait pas d’effet" in again.content.decode()
        assert browser.post(reverse("exchange:message_act", args=[one.uid, "effacer"])).status_code == 404


def zam(acknowledged: str) -> bytes:
    header = zam_header(
        sender=Endpoint(Authority("PFI"), Authority("CHX")),
        receiver=Endpoint(Authority("DPI"), Authority("CHX")),
        control_id=new_control_id(),
        sent_at=timezone.now(),
        kind=ZamKind.DMP_RECEPTION,
        processing_id="P",
    )
    return build_zam(
        Zam(
            header=header,
            kind=ZamKind.DMP_RECEPTION,
            event_at=timezone.now(),
            acknowledged_id=acknowledged,
            success=True,
        )
    )
