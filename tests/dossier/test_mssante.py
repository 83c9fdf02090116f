"""The inbox of a unit: what was filed, what was refused, who saw it (SC.MSS/UX.37, UX.38, UX.40)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from audit.models import Trace
from documents.models import Reception, ReceptionNotice
from documents.selectors import notice_counts
from establishment.models import Unit
from interop.hl7v2 import Action
from interop.hl7v2.lps import LpsFlags
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import Ins
from mssante.models import Mailbox
from patients.models import Patient
from tests.documents.arrivals import arriving
from tests.documents.mailed import TO_UNIT, hand_over, mailed
from tests.dossier.conftest import htmx, seen
from tests.hospital import MATRICULE

INBOX = "/mssante/"
UNKNOWN = {"person": {"ins": Ins("160012B02077713", INS_NIR_TEST_OID)}, "traits": {}}
ELSEWHERE = {"traits": {"birth_date": date(1979, 3, 27)}}


def filed(number: int = 1, **changes) -> Reception:
    action = Action.REPLACE if changes.get("replaces") else Action.INITIAL
    flags = changes.pop("flags", None)
    assert hand_over(mailed(action, arriving(number, **changes), flags=flags)).code == "AA"
    return Reception.objects.latest("id")


def refused(**changes) -> Reception:
    assert hand_over(mailed(Action.INITIAL, arriving(**(ELSEWHERE | changes)))).code == "AE"
    return Reception.objects.latest("id")


def items(page) -> list[str]:
    return page.texts(".inbox__item")


@pytest.mark.requirement("SC.MSS/UX.38", "SC.MSS/UX.40", "F-PV-25")
def test_rejections_come_first_then_what_was_filed_by_itself(ward, doctor):
    filed(1)
    filed(2, replaces=1)
    filed(1, lineage=2)
    assert hand_over(mailed(Action.DELETE, arriving(1, lineage=2))).code == "AA"
    refused(lineage=3)
    page = seen(doctor.get(INBOX))
    assert page.texts(".inbox__head h2") == ["Rejetés", "Intégrés automatiquement"]
    badges = [item.get("class") or "" for item in page.all(".inbox__item .badge")]
    assert len(badges) == 4
    texts = items(page)
    assert "Labo BIOVAL" in texts[0] and "Rejet 904" in texts[0]
    assert "un trait diffère : date de naissance" in texts[0]
    assert [word for text in texts[1:] for word in ("SUPPRIMÉ", "NOUVEAU", "REMPLACÉ") if word in text] == [
        "SUPPRIMÉ", "NOUVEAU", "REMPLACÉ", "NOUVEAU",
    ]  # fmt: skip
    assert "PAT-TROIS Dominique" in texts[1] and "version 2, la version 1 reste lisible" in texts[3]
    assert "séjour 000897406" in texts[2]


@pytest.mark.requirement("SC.MSS/UX.38", "SC.MSS/UX.40")
def test_counters_are_in_the_bar_in_the_unit_list_and_in_the_record(ward, doctor):
    filed(1)
    refused(lineage=2)
    page = seen(doctor.get(reverse("dossier:home")))
    entry = next(text for text in page.texts(".bar__entry") if text.startswith("MSSanté"))
    assert entry == "MSSanté 1 1 rejet"
    assert "1 REÇU" in page.text and "Reçus à voir" in page.text
    record = seen(doctor.get(reverse("dossier:patient", args=[ward.patient.uid])))
    assert "NOUVEAU" in record.text
    bar = seen(doctor.get(reverse("dossier:counters"), headers=htmx()))
    assert "1 rejet" in bar.text


@pytest.mark.requirement("SC.MSS/UX.40")
def test_one_click_opens_the_document_and_marks_it_as_seen(ward, doctor):
    reception = filed(1)
    (link,) = seen(doctor.get(INBOX)).all(".inbox__link")
    answer = doctor.get(link.get("href"))
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"?document={reception.version.uid}")
    notice = ReceptionNotice.objects.get()
    assert notice.seen_by == ward.doctor and notice.seen_at is not None
    assert "Vu" in items(seen(doctor.get(INBOX)))[0]
    record = seen(doctor.get(answer["Location"]))
    assert "NOUVEAU" not in record.text
    assert Trace.objects.filter(type="mssante.seen", object_uid=reception.uid).exists()


@pytest.mark.requirement("SC.MSS/UX.40")
def test_everything_is_marked_in_one_click_and_taken_back_in_one(ward, doctor):
    filed(1)
    filed(1, lineage=2)
    refused(lineage=3)
    answer = seen(doctor.post(reverse("dossier:mssante_see_all"), headers=htmx("liste")))
    assert notice_counts(ward.doctor).unseen == 0
    assert notice_counts(ward.doctor).rejected == 1, "a rejection is never marked with the rest"
    assert "2 documents marqués comme vus" in answer.root.text_content()
    undo = next(form.get("action") for form in answer.all(".toast form"))
    doctor.post(undo, headers=htmx("liste"))
    assert notice_counts(ward.doctor).unseen == 2
    assert Trace.objects.filter(type="mssante.unseen").count() == 2


def test_without_script_the_marks_come_back_to_the_page(ward, doctor):
    reception = filed(1)
    answer = doctor.post(reverse("dossier:mssante_seen", args=[reception.uid]))
    assert answer.status_code == 302 and answer["Location"] == INBOX
    answer = doctor.post(reverse("dossier:mssante_see_all"))
    assert answer["Location"] == INBOX
    assert doctor.post(f"{reverse('dossier:mssante_unsee')}?instant=hier").status_code == 404


def test_nobody_takes_back_the_marks_of_another(ward, doctor, nurse):
    reception = filed(1)
    doctor.post(reverse("dossier:mssante_seen", args=[reception.uid]))
    at = ReceptionNotice.objects.get().seen_at.isoformat().replace("+", "%2B")
    nurse.post(f"{reverse('dossier:mssante_unsee')}?instant={at}")
    assert ReceptionNotice.objects.get().seen_at is not None


@pytest.mark.requirement("SC.MSS/UX.07", "F-PV-26")
def test_a_rejection_says_what_differs_who_is_told_and_who_must_act(ward, doctor):
    Mailbox.objects.create(
        address="chir-v@ch.mssante.fr", kind="ORG", label="CHIR V", error_address="rejets@ch.mssante.fr"
    )
    reception = refused()
    page = seen(doctor.get(f"{INBOX}?avis={reception.uid}"))
    assert page.one(".rejection h2").text_content() == "Identité non concordante"
    (different,) = page.texts(".compare tr.is-different")
    assert different.startswith("Date de naissance 2 7 (diffère) /03/1979") and different.endswith(
        "Différente"
    )
    assert page.texts(".compare mark") == ["7", "8"]
    assert "concordants" in page.text and MATRICULE not in page.text
    assert "rejets@ch.mssante.fr" in page.text and "Unité CHIR V" in page.text
    assert "Le contenu du document reste fermé" in page.text
    assert "Réponse AE, code 904" in page.text and "Message MDM^T02 reçu de la PFI" in page.text
    assert not page.has(".rejection iframe") and "/documents/" not in "".join(
        link.get("href") or "" for link in page.all(".rejection a")
    )
    assert Trace.objects.filter(type="mssante.view", object_uid=reception.uid).exists()


@pytest.mark.parametrize(
    ("changes", "heading", "words"),
    [
        (
            {"person": {"ins": Ins("160012B02077713", INS_NIR_TEST_OID)}, "traits": {}},
            "Patient inconnu ici",
            "Aucun dossier ne porte ce matricule",
        ),
        ({"traits": {"birth_place_cog": ""}}, "Identité non concordante", "non renseigné"),
    ],
)
def test_each_kind_of_rejection_is_read(ward, doctor, changes, heading, words):
    reception = refused(**changes)
    page = seen(doctor.get(f"{INBOX}?avis={reception.uid}"))
    assert page.one(".rejection h2").text_content() == heading and words in page.text


def test_a_rejection_of_a_version_shows_its_reason(ward, doctor):
    filed(1)
    assert hand_over(mailed(Action.REPLACE, arriving(3, replaces=2))).code == "AE"
    reception = Reception.objects.latest("id")
    page = seen(doctor.get(f"{INBOX}?avis={reception.uid}"))
    assert page.one(".rejection h2").text_content() == "Version refusée"
    assert "n’est pas celle en vigueur" in page.text


@pytest.mark.requirement("SC.MSS/UX.37")
def test_a_rejection_is_reported_and_dealt_with_and_every_step_is_traced(ward, doctor):
    reception = refused()
    report = reverse("dossier:mssante_report", args=[reception.uid])
    assert doctor.post(report)["Location"] == f"{INBOX}?avis={reception.uid}"
    doctor.post(report)
    doctor.post(reverse("dossier:mssante_seen", args=[reception.uid]))
    types = list(Trace.objects.filter(object_uid=reception.uid).order_by("id").values_list("type", flat=True))
    assert types == ["mssante.reject", "mssante.reported", "mssante.handled"]
    page = seen(doctor.get(f"{INBOX}?avis={reception.uid}"))
    assert "Signalé à l’identitovigilance" in page.text and "Traité" in page.text
    assert "Aucun rejet à traiter" in page.text
    assert notice_counts(ward.doctor).rejected == 0


def test_only_a_rejection_is_reported(ward, doctor):
    assert doctor.post(reverse("dossier:mssante_report", args=[filed(1).uid])).status_code == 404


@pytest.mark.requirement("F-PV-28", "SC.MSS/UX.37")
def test_the_history_is_read_by_patient_sender_unit_date_and_outcome(ward, doctor):
    Patient.objects.update(search_full_name="PAT TROIS DOMINIQUE")
    filed(1)
    refused(lineage=2)
    address = reverse("dossier:mssante_history")
    assert len(seen(doctor.get(f"{address}?vue=historique")).all("tbody tr")) == 2
    for query, count in {
        "issue=integrated": 1,
        "issue=refused_identity": 1,
        "issue=older": 0,
        "texte=bioval": 2,
        "texte=pat-trois": 1,
        "texte=inconnu": 0,
        "periode=7": 2,
        "entree=manual": 0,
        "unite=6268": 2,
        "unite=0000": 0,
        "limite=1": 1,
    }.items():
        page = seen(doctor.get(f"{address}?vue=1&{query}"))
        assert len(page.all("tbody tr")) == count, query
    assert "Afficher 50 de plus" in seen(doctor.get(f"{address}?vue=1&limite=1")).text


@pytest.mark.requirement("F-PV-28")
def test_another_unit_sees_nothing_of_it(ward, stranger, doctor):
    one, two = filed(1), refused(lineage=2)
    assert items(seen(stranger.get(INBOX))) == []
    assert not seen(stranger.get(f"{reverse('dossier:mssante_history')}?vue=1")).all("tbody tr")
    for reception in (one, two):
        for name in ("mssante_seen", "mssante_report"):
            answer = stranger.post(reverse(f"dossier:{name}", args=[reception.uid]))
            assert answer.status_code == 404, name
        assert stranger.get(reverse("dossier:mssante_open", args=[reception.uid])).status_code == 404
    assert not seen(stranger.get(f"{INBOX}?avis={two.uid}")).has(".rejection")
    assert not ReceptionNotice.objects.filter(seen_at__isnull=False).exists()


def test_what_no_unit_is_named_for_is_told_to_who_cares_for_the_patient(ward, doctor, stranger):
    nowhere = TO_UNIT.__class__(TO_UNIT.role, address="inconnue@ch.mssante.fr")
    assert hand_over(mailed(Action.INITIAL, arriving(1), to=(nowhere,))).code == "AA"
    assert hand_over(mailed(Action.INITIAL, arriving(1, lineage=2, **ELSEWHERE), to=(nowhere,))).code == "AE"
    assert len(items(seen(doctor.get(INBOX)))) == 2
    assert len(items(seen(stranger.get(INBOX)))) == 1, "a rejection without unit is everybody's"


@pytest.mark.parametrize("role", [RoleCode.ETUDIANT, RoleCode.SOCIAL, RoleCode.ADMISSION, RoleCode.AUDITEUR])
def test_who_does_not_follow_the_mail_of_the_unit_does_not_see_it(ward, arrive, role):
    assert arrive(role).get(INBOX).status_code == 403


@pytest.mark.requirement("F-PV-25")
def test_the_kinds_that_are_told_are_a_setting_and_a_rejection_always_is(ward, doctor, settings):
    settings.RECEPTION_NOTICE_KINDS = ["deleted"]
    filed(1)
    refused(lineage=2)
    assert [text for text in items(seen(doctor.get(INBOX))) if "Rejet" in text] == items(
        seen(doctor.get(INBOX))
    )


@pytest.mark.requirement("SC.MSS/UX.38")
def test_a_change_of_visibility_is_told_more_softly(ward, doctor):
    filed(1)
    filed(2, replaces=1, flags=LpsFlags(modif_conf_code=True))
    assert "visibilité modifiée" in items(seen(doctor.get(INBOX)))[0]


@pytest.mark.requirement("SC.MSS/UX.05")
def test_a_deleted_document_leaves_the_list_once_seen_and_stays_one_click_away(ward, doctor):
    reception = filed(1)
    hand_over(mailed(Action.DELETE, arriving(1)))
    record = reverse("dossier:patient", args=[ward.patient.uid])
    page = seen(doctor.get(record))
    assert "SUPPRIMÉ" in page.text and page.has("tr.is-removed")
    doctor.post(reverse("dossier:mssante_see_all"))
    page = seen(doctor.get(f"{record}?document={ward.write_letter().uid}"))
    assert not page.has("tr.is-removed")
    assert "1 document supprimé." in page.text
    assert seen(doctor.get(f"{record}?supprimes=1")).has("tr.is-removed")
    assert seen(doctor.get(f"{record}?document={reception.version.uid}")).has("tr.is-removed")


def test_the_news_of_an_older_version_go_with_those_of_the_newest(ward, doctor):
    filed(1)
    newest = filed(2, replaces=1)
    doctor.get(reverse("dossier:mssante_open", args=[newest.uid]))
    assert notice_counts(ward.doctor).unseen == 0


def test_the_mark_is_in_the_preview_too_and_comes_back_there(ward, doctor):
    reception = filed(1)
    record = reverse("dossier:patient", args=[ward.patient.uid])
    page = seen(doctor.get(f"{record}?document={reception.version.uid}"))
    form = next(form for form in page.all(".preview__actions form") if "vu" in form.get("action"))
    answer = doctor.post(form.get("action"), {"retour": "dossier"})
    assert answer["Location"] == f"{record}?document={reception.version.uid}"
    page = seen(doctor.get(answer["Location"]))
    assert not [form for form in page.all(".preview__actions form") if "/vu" in form.get("action")]


def test_the_inbox_of_several_units_is_narrowed_to_one(ward, doctor, arrive):
    Unit.objects.create(site=ward.unit.site, code="9999", name="MEDECINE")
    filed(1)
    everywhere = arrive(RoleCode.SECRETAIRE, unit=None, login="tout")
    assert len(items(seen(everywhere.get(INBOX)))) == 1
    assert items(seen(everywhere.get(f"{INBOX}?vue=rejetes"))) == []
    assert timezone.now() - Reception.objects.get().at < timedelta(minutes=5)
