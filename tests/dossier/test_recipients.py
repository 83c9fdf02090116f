"""Recipients on screen: the panel, the address book, who received what, the work list (journey 3)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from consent.enums import MessageChoiceValue
from consent.services import message_choice_record
from documents.models import Version
from mssante.enums import AddressSource, MailboxKind
from mssante.models import CorrespondentAddress
from mssante.services import address_keep
from patients.models import Episode, Patient
from sending import services
from sending.enums import OrderState
from sending.models import Order, ReplyRule
from tests.dossier.conftest import htmx, seen
from tests.dossier.test_letter import form, panel_form, panel_url, validate_url
from tests.factories import CorrespondentFactory, MailboxFactory
from tests.sending.recipients import GP, PATIENT, REFERRER


def key(correspondent):
    return f"pro:{correspondent.uid}:{correspondent.addresses.get().address}"


def panel_of(doctor, draft, **answers):
    return seen(doctor.post(panel_url(draft), form(draft, **answers), headers=htmx("panneau")))


def lines(panel):
    """Who, whether ticked, in order."""
    found = []
    for row in panel.all(".wishes tbody tr"):
        box = row.xpath(".//input[@name='recipient']")[0]
        who = row.xpath(".//b[contains(@class,'line1')]")[0].text_content().strip()
        found.append((who, box.get("checked") is not None))
    return found


def detail_of(panel, who):
    for row in panel.all(".wishes tbody tr"):
        if who in row.text_content():
            return " ".join(row.text_content().split())
    raise AssertionError(who)


# --- who is proposed -----------------------------------------------------------------------------
@pytest.mark.requirement("F-DPI-09", "F-PV-48", "F-PV-45")
def test_the_panel_proposes_the_dmp_both_doctors_the_patient_and_paper_last(ward, doctor, mailing):
    panel = panel_of(doctor, ward.draft())
    assert lines(panel) == [
        ("DMP · Mon espace santé", True),
        ("Dr BLANC Sylvie", True),
        ("Dr ROUX Karim", True),
        ("Patiente", True),
        ("Papier", False),
    ]
    assert "Médecin traitant · Lyon 3e" in detail_of(panel, "BLANC")
    assert "Adresseur · Lyon 6e" in detail_of(panel, "ROUX")
    assert "chacun est déjà servi" in detail_of(panel, "Papier")


@pytest.mark.requirement("F-DPI-09")
def test_what_will_leave_is_said_beside_the_text_before_the_panel(ward, doctor, mailing):
    page = seen(doctor.get(reverse("dossier:letter_edit", args=[ward.draft().uid])))
    assert "Dr BLANC Sylvie" in page.text


def test_without_a_platform_that_carries_mails_only_the_dmp_is_proposed(ward, doctor):
    assert lines(panel_of(doctor, ward.draft())) == [("DMP · Mon espace santé", True)]


@pytest.mark.requirement("F-PV-48")
def test_one_doctor_with_two_roles_is_one_line(ward, doctor, mailing):
    Episode.objects.update(referring_rpps=mailing[0].rpps)
    panel = panel_of(doctor, ward.draft())
    assert [who for who, _ in lines(panel)].count("Dr BLANC Sylvie") == 1
    assert "Médecin traitant, adresseur" in detail_of(panel, "BLANC")


@pytest.mark.requirement("F-PV-48")
def test_a_doctor_without_address_is_said_and_left_for_paper(ward, doctor, mailing):
    CorrespondentAddress.objects.filter(correspondent=mailing[0]).delete()
    panel = panel_of(doctor, ward.draft())
    assert ("Papier", True) in lines(panel)
    assert "adresse MSSanté inconnue" in detail_of(panel, "Dr BLANC")
    assert "À remettre : le Dr BLANC Sylvie (adresse MSSanté inconnue)" in detail_of(panel, "Papier")


@pytest.mark.requirement("MSS/va1.20", "F-PV-48")
def test_a_patient_who_refuses_messages_is_not_ticked_and_left_for_paper(ward, doctor, mailing):
    message_choice_record(patient=ward.patient, value=MessageChoiceValue.OPPOSED, actor=ward.actor)
    panel = panel_of(doctor, ward.draft())
    assert ("Patiente", False) in lines(panel)
    assert "Opposition du patient aux messages" in detail_of(panel, "Patiente")
    assert "À remettre : la patiente (refuse les messages)" in detail_of(panel, "Papier")


def test_a_letter_about_somebody_who_died_is_not_mailed_to_them(ward, doctor, mailing):
    Patient.objects.update(died_at=timezone.now())
    assert ("Patiente", False) in lines(panel_of(doctor, ward.draft()))


@pytest.mark.requirement("F-DPI-16")
def test_a_minor_is_written_to_under_the_minors_own_matricule(ward, doctor, mailing):
    birth = timezone.localdate().replace(day=1) - timedelta(days=365 * 10)
    Patient.objects.update(birth_date=birth)
    draft = ward.draft()
    panel = panel_of(doctor, draft)
    assert [who for who, _ in lines(panel)].count("Patiente") == 1
    draft.refresh_from_db()
    data = panel_form(draft, recipient=["patient"], invisible_rep_legaux="1")
    doctor.post(validate_url(draft), data)
    order = Order.objects.get()
    assert (order.channel, order.recipient_address, order.state) == ("mssante_patient", "", "scheduled")


@pytest.mark.requirement("SC.MSS/CONF.24")
def test_the_closed_channel_is_shown_and_opened_only_where_somebody_reads_the_answers(ward, doctor, mailing):
    draft = ward.draft()
    panel = panel_of(doctor, draft)
    assert "Fil fermé à la réponse" in detail_of(panel, "Patiente")
    assert not panel.has("input[name=patient_reply]")
    MailboxFactory(address="chir@ch.mssante.test", kind=MailboxKind.ORG, is_sender=False, unit=ward.unit)
    ReplyRule.objects.create(unit=ward.unit, closes_reply=False)
    draft.refresh_from_db()
    panel = panel_of(doctor, draft)
    assert "Peut répondre" in detail_of(panel, "Patiente")
    assert panel.one("input[name=patient_reply]").get("checked") is not None
    draft.refresh_from_db()
    doctor.post(validate_url(draft), panel_form(draft, recipient=["patient"]))
    assert Order.objects.get().closes_reply  # unticked by the writer


# --- validating ----------------------------------------------------------------------------------
@pytest.mark.requirement("HOP/va1.05", "F-PV-48", "F-PV-45")
def test_each_ticked_recipient_has_its_order_and_the_others_none(ward, doctor, mailing):
    draft = ward.draft()
    data = panel_form(draft, recipient=["dmp", key(mailing[0]), "patient", "paper"])
    page = seen(doctor.post(validate_url(draft), data, follow=True))
    found = {(order.channel, order.recipient_label, order.recipient_role) for order in Order.objects.all()}
    assert found == {
        ("dmp", "", ""),
        ("mssante_pro", "Dr BLANC Sylvie", "Médecin traitant"),
        ("mssante_patient", "Patiente", "Mon espace santé"),
    }
    assert "Document validé, envoi programmé." in page.text
    assert "À imprimer." in page.text


def test_a_forged_recipient_gets_nothing(ward, doctor, mailing):
    draft = ward.draft()
    forged = ["pro:x:y", f"pro:{mailing[0].uid}:other@elsewhere.test", "ordre:1", "patient2", ""]
    doctor.post(validate_url(draft), panel_form(draft, recipient=["dmp", *forged]))
    assert [order.channel for order in Order.objects.all()] == ["dmp"]


def test_what_stops_a_recipient_is_said_at_once(ward, doctor, mailing):
    draft = ward.draft()
    data = panel_form(draft, recipient=["dmp", "patient"], visibility="invisible")
    page = seen(doctor.post(validate_url(draft), data, follow=True))
    assert "MES bloqué : Document invisible au patient." in page.text


def test_a_refusal_brings_the_panel_back_with_what_was_ticked(ward, doctor, mailing):
    other = CorrespondentFactory(family_name="LEFEVRE")
    draft = ward.draft()
    data = panel_form(draft, recipient=[key(mailing[1]), key(other)], not_before="n’importe quoi")
    panel = seen(doctor.post(validate_url(draft), data), 422)
    ticked = [who for who, is_ticked in lines(panel) if is_ticked]
    assert ticked == ["Dr ROUX Karim", "Dr LEFEVRE Sylvie"]


# --- the address book ----------------------------------------------------------------------------
class TestAddressBook:
    def find(self, doctor, draft, q, recipient=(), fragment=True):
        url = reverse("dossier:recipients_find", args=[draft.uid])
        data = {"q": q, "recipient": list(recipient), "revision": draft.revision, "visibility": "visible"}
        return doctor.post(url, data, headers=htmx("destinataires-trouves") if fragment else {})

    def test_what_is_found_is_a_box_to_tick_and_the_text_is_not_touched(self, ward, doctor, mailing):
        other = CorrespondentFactory(family_name="LEFEVRE", search_text="LEFEVRE SYLVIE LYON 3E")
        draft = ward.draft()
        answer = seen(self.find(doctor, draft, "lefè"))
        (box,) = answer.all("input[name=recipient]")
        assert (box.get("value"), box.get("checked")) == (key(other), None)
        assert Version.objects.get(pk=draft.pk).body == draft.body

    def test_what_was_ticked_before_stays_ticked_over_another_search(self, ward, doctor, mailing):
        first = CorrespondentFactory(family_name="LEFEVRE", search_text="LEFEVRE")
        CorrespondentFactory(family_name="MOREAU", search_text="MOREAU")
        answer = seen(self.find(doctor, ward.draft(), "moreau", ["dmp", key(first), key(mailing[0])]))
        boxes = answer.all("input[name=recipient]")
        assert [(box.get("value") == key(first), box.get("checked") is not None) for box in boxes] == [
            (True, True),
            (False, False),
        ]

    def test_without_script_the_panel_comes_back_with_what_was_found(self, ward, doctor, mailing):
        CorrespondentFactory(family_name="LEFEVRE", search_text="LEFEVRE")
        page = seen(self.find(doctor, ward.draft(), "lefevre", ["dmp"], fragment=False))
        assert page.has("dialog#validation")
        assert "LEFEVRE" in page.texts("#destinataires-trouves")[0]
        assert page.has("form#lettre")

    def test_nobody_found_is_said(self, ward, doctor, mailing):
        assert "Personne d’autre" in seen(self.find(doctor, ward.draft(), "zzz")).text

    @pytest.mark.requirement("HOP/va1.05")
    def test_a_doctor_found_there_receives_the_letter(self, ward, doctor, mailing):
        other = CorrespondentFactory(family_name="LEFEVRE", address="")
        address_keep(correspondent=other, address="l@m.test", source=AddressSource.MANUAL, actor=ward.actor)
        draft = ward.draft()
        doctor.post(validate_url(draft), panel_form(draft, recipient=[key(other)]))
        order = Order.objects.get()
        assert (order.recipient_address, order.recipient_label) == ("l@m.test", "Dr LEFEVRE Sylvie")


# --- a new version -------------------------------------------------------------------------------
@pytest.mark.requirement("SC.MSS/UX.05.BIS")
def test_a_new_version_proposes_who_had_the_former_ones_and_lets_one_be_unticked(ward, doctor, mailing):
    first = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    Order.objects.filter(recipient_address=GP.address).update(state=OrderState.DELIVERED)
    Order.objects.filter(recipient_address=REFERRER.address).update(
        state=OrderState.FAILED, error_code="550", error_text="Boîte introuvable"
    )
    Order.objects.filter(channel="mssante_patient").update(state=OrderState.READ)
    doctor.post(reverse("dossier:revise", args=[first.uid]))
    draft = Version.objects.get(number=2)
    panel = panel_of(doctor, draft, synthese="Corrigée.")
    assert lines(panel)[1:4] == [
        ("Dr BLANC Sylvie", True),
        ("Dr ROUX Karim", False),
        ("Patiente", True),
    ]
    assert "A reçu la version 1" in detail_of(panel, "BLANC")
    assert "Échec de la version 1 : Boîte introuvable" in detail_of(panel, "ROUX")
    gp = next(box.get("value") for box in panel.all("input[name=recipient]") if "ordre:" in box.get("value"))
    draft.refresh_from_db()
    doctor.post(validate_url(draft), panel_form(draft, recipient=[gp]))
    second = Order.objects.filter(version=draft)
    assert [(order.recipient_address, order.action) for order in second] == [(GP.address, "replace")]


# --- who received what ---------------------------------------------------------------------------
@pytest.mark.requirement("F-PV-43")
def test_each_recipient_has_a_line_with_its_state_and_since_when(ward, doctor, mailing):
    version = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    at = datetime(2026, 3, 8, 14, 36, tzinfo=UTC)
    orders = {order.recipient_label: order for order in Order.objects.all()}
    for label in (GP.label, PATIENT.label):
        Order.objects.filter(pk=orders[label].pk).update(state=OrderState.HANDED_OVER)
    services.order_delivered(order=orders[GP.label], at=at)
    services.order_read(order=orders[PATIENT.label], at=at)
    services.order_fail(order=orders[REFERRER.label], code="550", text="Boîte introuvable", kind="bounced")
    preview = seen(doctor.get(reverse("dossier:preview", args=[version.uid])))
    (section,) = preview.texts(".recipients ul")
    rows = preview.texts(".recipients li")
    assert len(rows) == 4
    gp, referrer, patient = (next(row for row in rows if label in row)
                             for label in (GP.label, REFERRER.label, PATIENT.label))  # fmt: skip
    assert "Remis MSS" in gp and "08/03" in gp and GP.address in gp and "Médecin traitant" in gp
    assert "Échec" in referrer
    assert "Lu" in patient and "Mon espace santé" in patient
    assert section


@pytest.mark.requirement("F-PV-43")
def test_what_came_back_after_it_arrived_is_said(ward, doctor, mailing):
    version = ward.write_letter(recipients=(GP, REFERRER))
    Order.objects.filter(recipient_address=GP.address).update(
        state=OrderState.DELIVERED, error_code="552", error_text="Boîte pleine"
    )
    Order.objects.filter(recipient_address=REFERRER.address).update(
        state=OrderState.DELIVERED, error_code="904", error_text="INS différente"
    )
    rows = seen(doctor.get(reverse("dossier:preview", args=[version.uid]))).texts(".recipients li")
    assert any("retour tardif : Boîte pleine" in row for row in rows)
    assert any("non intégré par le logiciel du destinataire (904)" in row for row in rows)


@pytest.mark.requirement("SC.DMP/ALI/PROG.03")
def test_one_click_on_the_row_holds_the_document_for_everybody(ward, doctor, mailing):
    version = ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    page = seen(doctor.get(reverse("dossier:patient", args=[ward.patient.uid])))
    row = page.one(f"#doc-{version.document.uid}")
    assert "MSS ×2" in row.text_content()
    (url,) = [form.get("action") for form in row.xpath(".//form")]
    answer = doctor.post(url, headers=htmx(f"doc-{version.document.uid}"))
    assert set(Order.objects.values_list("state", flat=True)) == {"held"}
    undo = seen(answer).all("[hx-post*='release']")[-1].get("hx-post")  # that of the toast
    doctor.post(undo, headers=htmx(f"doc-{version.document.uid}"))
    assert not Order.objects.filter(state="held").exists()


# --- the work list -------------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.04", "F-PV-43")
def test_the_work_list_names_the_recipient_what_happened_and_what_to_do(ward, doctor, mailing):
    ward.write_letter(recipients=(GP, REFERRER, PATIENT))
    changes = {
        GP.address: {"state": "failed", "error_code": "550", "error_text": "Boîte introuvable"},
        REFERRER.address: {"state": "handed_over"},
        "": {"state": "failed", "error_code": "TAILLE", "error_text": "Le courriel pèse 12 Mio"},
    }
    for address, values in changes.items():
        Order.objects.filter(recipient_address=address).exclude(channel="dmp").update(**values)
    page = seen(doctor.get(reverse("dossier:envois")))
    rows = page.texts("tbody tr[data-row]")
    gp = next(row for row in rows if GP.label in row)
    assert "Médecin traitant" in gp and "Boîte introuvable" in gp and "Choisir une autre adresse" in gp
    assert "Avis de remise attendu." in next(row for row in rows if REFERRER.label in row)
    assert "imprimer" in next(row for row in rows if "Patiente" in row)
    assert "Aboutis" in page.text


# --- too big -------------------------------------------------------------------------------------
@pytest.mark.requirement("MSS/va1.13", "F-PV-48")
def test_a_letter_too_big_for_a_mailbox_is_told_at_validation_and_cannot_be_ticked(
    ward, doctor, mailing, settings
):
    settings.MSS_MAX_MESSAGE_BYTES = 20_000
    draft = ward.draft()
    ticked = ["dmp", key(mailing[0]), "patient"]
    page = seen(doctor.post(validate_url(draft), panel_form(draft, recipient=ticked)), 422)
    assert not Order.objects.exists()
    assert Version.objects.get().state == "draft"
    assert "Mio, la limite est de 0,0 Mio : l’envoyer par le DMP ou l’imprimer." in page.text
    assert lines(page) == [
        ("DMP · Mon espace santé", True),
        ("Dr BLANC Sylvie", False),
        ("Dr ROUX Karim", False),
        ("Patiente", False),
        ("Papier", False),
    ]
    for who in ("BLANC", "ROUX", "Patiente"):
        assert "Le courriel pèse" in detail_of(page, who)
    assert len(page.all(".wishes input[name=recipient][disabled]")) == 3
    assert "le Dr BLANC Sylvie (trop volumineux pour la messagerie)" in detail_of(page, "Papier")
    doctor.post(validate_url(draft), panel_form(draft, recipient=["dmp", "paper"]))
    assert [order.channel for order in Order.objects.all()] == ["dmp"]


@pytest.mark.requirement("MSS/va1.13")
def test_the_limit_of_mon_espace_sante_concerns_the_patient_alone(ward, doctor, mailing, settings):
    settings.MSS_MAX_PATIENT_BYTES = 20_000
    draft = ward.draft()
    refused = doctor.post(validate_url(draft), panel_form(draft, recipient=[key(mailing[0]), "patient"]))
    page = seen(refused, 422)
    assert lines(page)[1] == ("Dr BLANC Sylvie", True)
    assert len(page.all(".wishes input[name=recipient][disabled]")) == 1
    doctor.post(validate_url(draft), panel_form(draft, recipient=[key(mailing[0])]))
    assert [order.channel for order in Order.objects.all()] == ["mssante_pro"]


# --- a message to the patient that came back -------------------------------------------------------
def bounced(ward, code, *, late=False):
    """A letter to the patient whose message came back with that code."""
    version = ward.write_letter(recipients=(PATIENT,))
    state = OrderState.DELIVERED if late else OrderState.HANDED_OVER
    Order.objects.filter(version=version, channel="mssante_patient").update(state=state)
    order = Order.objects.get(version=version, channel="mssante_patient")
    with time_machine.travel(datetime(2026, 3, 8, 14, 36, tzinfo=UTC), tick=False):
        services.order_fail(order=order, code=code, text="", kind="bounced")
    return order


def is_ticked(panel, who):
    return dict(lines(panel))[who]


@pytest.mark.requirement("F-PV-48")
@pytest.mark.parametrize("late", [False, True])
def test_a_patient_whose_last_message_came_back_is_not_ticked_and_paper_is_proposed(
    ward, doctor, mailing, late
):
    bounced(ward, "550", late=late)
    draft = ward.draft()
    panel = panel_of(doctor, draft)
    assert (is_ticked(panel, "Patiente"), is_ticked(panel, "Papier")) == (False, True)
    told = "Le message du 08/03/2026 n’a pas pu être remis (Boîte introuvable ou inaccessible)"
    assert told in detail_of(panel, "Patiente")
    assert "la patiente (message non remis le 08/03/2026)" in detail_of(panel, "Papier")
    draft.refresh_from_db()
    doctor.post(validate_url(draft), panel_form(draft, recipient=["patient"]))
    assert Order.objects.filter(version=draft).get().channel == "mssante_patient"


@pytest.mark.requirement("F-PV-48")
def test_a_later_message_that_arrived_ends_it(ward, doctor, mailing):
    bounced(ward, "550")
    version = ward.write_letter(recipients=(PATIENT,))
    order = Order.objects.get(version=version, channel="mssante_patient")
    Order.objects.filter(pk=order.pk).update(state=OrderState.HANDED_OVER)
    services.order_delivered(order=Order.objects.get(pk=order.pk), at=timezone.now())
    assert is_ticked(panel_of(doctor, ward.draft()), "Patiente")


@pytest.mark.parametrize("code", ["TAILLE", "523", "421", "451"])
def test_what_says_nothing_of_the_mailbox_changes_nothing(ward, doctor, mailing, code):
    bounced(ward, code)
    assert is_ticked(panel_of(doctor, ward.draft()), "Patiente")


@pytest.mark.requirement("F-PV-48")
def test_a_new_version_says_it_too_though_the_patient_had_the_first(ward, doctor, mailing):
    order = bounced(ward, "550", late=True)
    doctor.post(reverse("dossier:revise", args=[order.version.uid]))
    panel = panel_of(doctor, Version.objects.latest("id"))
    assert not is_ticked(panel, "Patiente")
    assert "Le message du 08/03/2026" in detail_of(panel, "Patiente")
