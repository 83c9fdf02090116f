"""The record of a patient: banner, document list, preview, files, and the trace of each look."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.models import User
from audit.enums import Outcome
from audit.models import Trace
from consent.enums import ChoiceValue
from documents.enums import Origin, VersionState
from documents.models import Version
from patients.enums import AlertKind, AlertState, EpisodeState, IdentifierKind
from patients.models import Episode, Identifier, Patient
from patients.services import alerts_set, team_member_add
from sending.services import order_cancel
from tests.dossier.conftest import htmx, order_of, seen
from tests.factories import ValidatedVersionFactory
from tests.signing_in import sign_in


def record_url(ward, **query):
    address = reverse("dossier:patient", args=[ward.patient.uid])
    return address + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")


def traces(type, **values):
    return list(Trace.objects.filter(type=type, **values).order_by("id"))


# --- who opens ---------------------------------------------------------------------------------
class TestOpening:
    @pytest.mark.requirement("F-DPI-08")
    def test_each_opening_is_traced_with_its_relation(self, ward, doctor):
        seen(doctor.get(record_url(ward)))
        (trace,) = traces("patient.open")
        assert (trace.actor_login, trace.patient_uid, trace.outcome) == (
            "ahoda",
            ward.patient.uid,
            Outcome.SUCCESS,
        )
        assert trace.detail == {"relation": "unit"}

    @pytest.mark.requirement("F-DPI-08", "F-PV-10")
    def test_without_care_relation_nothing_opens_and_the_refusal_is_traced(self, ward, stranger):
        draft = ward.draft()
        validated = ward.write_letter()
        pages = [
            reverse("dossier:patient", args=[ward.patient.uid]),
            reverse("dossier:choices", args=[ward.patient.uid]),
            reverse("dossier:patient_envois", args=[ward.patient.uid]),
            reverse("dossier:preview", args=[validated.uid]),
            reverse("dossier:document_pdf", args=[validated.uid]),
            reverse("dossier:document_cda", args=[validated.uid]),
            reverse("dossier:letter_edit", args=[draft.uid]),
        ]
        for address in pages:
            refused = seen(stranger.get(address), 403)
            assert "Ce patient n'est pas suivi dans vos unités" in refused.text.replace("’", "'")
            assert "PAT-TROIS" not in refused.text
        writes = [
            reverse("dossier:ins", args=[ward.patient.uid]),
            reverse("dossier:choices", args=[ward.patient.uid]),
            reverse("dossier:letter_new", args=[ward.patient.uid, "ldl-ses"]),
            reverse("dossier:letter_edit", args=[draft.uid]),
            reverse("dossier:letter_panel", args=[draft.uid]),
            reverse("dossier:letter_validate", args=[draft.uid]),
            reverse("dossier:revise", args=[validated.uid]),
        ]
        for address in writes:
            seen(stranger.post(address), 403)
        order = order_of(validated)
        assert stranger.post(reverse("dossier:order_act", args=[order.uid, "hold"])).status_code == 404
        order.refresh_from_db()
        assert order.state == "scheduled"
        outcomes = {trace.outcome for trace in traces("patient.open")}
        assert outcomes == {Outcome.REFUSED}
        assert len(traces("patient.open")) == len(pages) + len(writes)
        assert not traces("document.view")

    @pytest.mark.requirement("F-PV-10")
    def test_a_member_of_the_care_team_opens_it_from_another_unit(self, ward, stranger):
        colleague = User.objects.get(login="blemaire")
        team_member_add(episode=ward.episode, user=colleague, actor=ward.actor)
        seen(stranger.get(record_url(ward)))
        assert traces("patient.open")[-1].detail == {"relation": "team"}

    @pytest.mark.requirement("F-PV-10")
    def test_the_relation_ends_some_time_after_the_stay(self, ward, doctor, settings):
        past = timezone.now() - timedelta(days=settings.CARE_RELATION_DAYS + 1)
        Episode.objects.filter(pk=ward.episode.pk).update(state=EpisodeState.CLOSED, discharged_at=past)
        seen(doctor.get(record_url(ward)), 403)

    @pytest.mark.parametrize("role", [RoleCode.ADMISSION, RoleCode.IDENTITOVIGILANCE, RoleCode.AUDITEUR])
    def test_who_has_no_clinical_right_sees_no_document(self, ward, arrive, role):
        ward.write_letter()
        answer = arrive(role, unit=None).get(record_url(ward))
        assert "Cure programmée" not in seen(answer, 403).text

    def test_an_unknown_patient_or_document_is_not_found(self, ward, doctor):
        nobody = uuid.uuid4()
        for name in ("patient", "choices", "patient_envois"):
            assert doctor.get(reverse(f"dossier:{name}", args=[nobody])).status_code == 404
        for name in ("preview", "document_pdf", "document_cda", "letter_edit"):
            assert doctor.get(reverse(f"dossier:{name}", args=[nobody])).status_code == 404

    def test_an_address_that_is_no_identifier_is_not_found(self, doctor):
        for path in ("/patients/12/", "/patients/%00/", "/documents/..%2f..%2fetc/pdf", "/envois/x/hold"):
            assert doctor.get(path).status_code == 404


# --- banner ------------------------------------------------------------------------------------
STATUSES = {
    "PROV": ("Identité provisoire", False, False),
    "RECUP": ("Identité récupérée", True, False),
    "VALI": ("Identité validée", False, True),
    "QUAL": ("Identité qualifiée", True, True),
}


class TestBanner:
    @pytest.mark.requirement("SC.DMP/UX.11")
    @pytest.mark.parametrize("status", sorted(STATUSES))
    def test_the_identity_status_is_a_word_without_click(self, ward, doctor, status):
        word, is_recovered, is_controlled = STATUSES[status]
        Patient.objects.filter(pk=ward.patient.pk).update(
            is_ins_recovered=is_recovered, is_identity_controlled=is_controlled
        )
        banner = seen(doctor.get(record_url(ward))).one(".banner")
        assert word in banner.text_content()
        others = {other for name, (other, *_) in STATUSES.items() if name != status}
        assert not [other for other in others if other in banner.text_content()]

    @pytest.mark.requirement("SC.DMP/UX.11")
    def test_a_doubtful_or_homonymous_identity_is_said_before_the_name(self, ward, doctor):
        Patient.objects.filter(pk=ward.patient.pk).update(
            is_ins_recovered=False, is_identity_controlled=False, identity_attributes=["DOUT", "HOMD"]
        )
        banner = seen(doctor.get(record_url(ward))).texts(".banner")[0]
        assert "douteuse" in banner
        assert "Homonyme : oui" in banner

    @pytest.mark.parametrize(
        ("state", "labels", "words"),
        [
            (None, [], "Allergies non renseignées"),
            (AlertState.NONE_KNOWN, [], "Aucune allergie connue"),
            (AlertState.KNOWN, ["Pénicilline"], "Allergie : Pénicilline"),
            (AlertState.KNOWN, ["Pénicilline", "Iode", "Latex"], "et 1 autre"),
        ],
    )
    def test_alerts_have_three_states_and_unknown_never_reads_as_none(
        self, ward, doctor, state, labels, words
    ):
        if state:
            alerts_set(
                patient=ward.patient,
                kind=AlertKind.ALLERGY,
                state=state,
                labels=labels,
                actor=ward.actor,
            )
        shown = " ".join(seen(doctor.get(record_url(ward))).texts(".banner__alerts"))
        assert words in shown
        assert ("Aucune" in shown) == (state == AlertState.NONE_KNOWN)

    @pytest.mark.requirement("SC.DMP/CONF.06", "SC.DMP/CONF.09")
    def test_both_choices_are_written_with_date_and_source(self, ward, doctor):
        before = seen(doctor.get(record_url(ward))).texts("#choix-fact")[0]
        assert "Alimentation : non recueillie" in before
        assert "Consultation : non recueillie" in before
        ward.choose(ChoiceValue.OPPOSED)
        after = seen(doctor.get(record_url(ward))).texts("#choix-fact")[0]
        assert "Alimentation : informé – opposé" in after
        assert f"{timezone.localdate():%d/%m/%Y}" in after
        assert "source écran" in after

    def test_a_patient_without_stay_has_a_banner_all_the_same(self, ward, arrive, doctor):
        Episode.objects.filter(pk=ward.episode.pk).update(state=EpisodeState.CANCELLED)
        seen(doctor.get(record_url(ward)), 403)


class TestIns:
    def test_it_is_never_written_before_it_is_asked_for(self, ward, doctor):
        assert "279035121518989" not in doctor.get(record_url(ward)).content.decode().replace(" ", "")
        assert not traces("identity.view")

    def test_showing_it_is_a_traced_act(self, ward, doctor):
        address = reverse("dossier:ins", args=[ward.patient.uid])
        shown = seen(doctor.post(address, headers=htmx()))
        assert "2 79 03 51 215 189 89 (NIR)" in shown.text
        (trace,) = traces("identity.view")
        assert (trace.actor_login, trace.patient_uid) == ("ahoda", ward.patient.uid)
        assert "279035" not in str(trace.detail)

    def test_without_script_the_page_comes_back(self, ward, doctor):
        answer = doctor.post(reverse("dossier:ins", args=[ward.patient.uid]))
        assert (answer.status_code, answer["Location"]) == (302, record_url(ward))

    def test_reading_it_needs_a_post(self, ward, doctor):
        assert doctor.get(reverse("dossier:ins", args=[ward.patient.uid])).status_code == 405

    @pytest.mark.parametrize("flags", [(True, False), (False, True), (False, False)])
    def test_an_identity_that_is_not_qualified_shows_none(self, ward, doctor, flags):
        recovered, controlled = flags
        Patient.objects.filter(pk=ward.patient.pk).update(
            is_ins_recovered=recovered, is_identity_controlled=controlled
        )
        assert not seen(doctor.get(record_url(ward))).has(".banner__ins")
        assert doctor.post(reverse("dossier:ins", args=[ward.patient.uid])).status_code == 404
        assert not traces("identity.view")

    def test_a_withdrawn_matricule_is_not_shown(self, ward, doctor):
        Identifier.objects.filter(patient=ward.patient, kind=IdentifierKind.INS).update(is_active=False)
        assert doctor.post(reverse("dossier:ins", args=[ward.patient.uid])).status_code == 404


# --- document list -----------------------------------------------------------------------------
def titles(page):
    return page.texts(".docs__title")


def write_four(ward):
    """Four documents of three types and origins, at four dates; returns them oldest first."""
    now = timezone.now()
    rows = [
        ("34133-9", "Synthèse reçue", Origin.MSSANTE, 40),
        ("11490-0", "Lettre de mars", Origin.PRODUCED, 30),
        ("18842-5", "Compte rendu importé", Origin.DMP, 20),
        ("11490-0", "Lettre de mai", Origin.PRODUCED, 10),
    ]
    versions = []
    for code, title, origin, days in rows:
        version = ValidatedVersionFactory(
            document__patient=ward.patient,
            document__episode=ward.episode,
            document__title=title,
            document__type_code=code,
            document__origins=[origin.value],
            document__model="",
            author=ward.doctor,
            author_label="Dr HODA Alice",
            act_at=now - timedelta(days=days),
        )
        versions.append(version)
    return versions


class TestDocumentList:
    @pytest.mark.requirement("SC.CDA/INT.04")
    def test_it_sorts_by_date_of_act_and_by_type_both_ways(self, ward, doctor):
        write_four(ward)
        newest_first = ["Lettre de mai", "Compte rendu importé", "Lettre de mars", "Synthèse reçue"]
        assert titles(seen(doctor.get(record_url(ward)))) == newest_first
        assert titles(seen(doctor.get(record_url(ward, tri="date")))) == newest_first[::-1]
        by_type_page = seen(doctor.get(record_url(ward, tri="type")))
        by_type = titles(by_type_page)
        labels = [words.split(" · ")[0] for words in by_type_page.texts("td:nth-child(3) .line2")]
        assert labels == sorted(labels, key=str.casefold)
        assert sorted(by_type) == sorted(newest_first)
        assert by_type.index("Lettre de mai") + 1 == by_type.index("Lettre de mars")
        reverse_type = titles(seen(doctor.get(record_url(ward, tri="-type"))))
        assert (reverse_type[0], reverse_type[-1]) == (by_type[-1], by_type[0])

    @pytest.mark.requirement("SC.CDA/INT.04")
    def test_the_sort_is_remembered_for_the_person_over_sessions_and_patients(self, ward, doctor, nurse):
        write_four(ward)
        doctor.get(record_url(ward, tri="date"))
        another_day = sign_in(Client(), ward.doctor)
        assert titles(seen(another_day.get(record_url(ward))))[0] == "Synthèse reçue"
        assert titles(seen(nurse.get(record_url(ward))))[0] == "Lettre de mai"

    def test_the_header_says_how_it_is_sorted(self, ward, doctor):
        page = seen(doctor.get(record_url(ward, tri="date")))
        assert page.one("th.col-date").get("aria-sort") == "ascending"
        page = seen(doctor.get(record_url(ward, tri="-date")))
        assert page.one("th.col-date").get("aria-sort") == "descending"

    @pytest.mark.parametrize("tri", ["nimporte", "", "%00", "'; DROP TABLE documents_document; --"])
    def test_an_unknown_sort_is_by_date(self, ward, doctor, tri):
        write_four(ward)
        assert titles(seen(doctor.get(record_url(ward), {"tri": tri})))[0] == "Lettre de mai"

    @pytest.mark.requirement("SC.CDA/INT.08")
    def test_each_row_says_where_the_document_comes_from_without_a_click(self, ward, doctor):
        write_four(ward)
        page = seen(doctor.get(record_url(ward)))
        assert [row.split()[0] for row in page.texts("tbody td:nth-child(4)")] == [
            "Produit",
            "Importé",
            "Produit",
            "Reçu",
        ]

    @pytest.mark.requirement("SC.DMP/HISTO.01")
    def test_what_was_never_sent_is_found(self, ward, doctor):
        write_four(ward)
        sent = ward.write_letter()
        cancelled = ward.write_letter(to_dmp=True, hold=True)
        order_cancel(order=order_of(cancelled), actor=ward.actor)
        ward.draft()
        found = seen(doctor.get(record_url(ward, envoi="not_sent", texte="")))
        ids = {row.get("id") for row in found.all("tbody tr")}
        assert f"doc-{cancelled.document.uid}" in ids
        assert f"doc-{sent.document.uid}" not in ids
        assert sorted(titles(found)) == ["Lettre de mai", "Lettre de mars", "Sortie après cure de hernie"]
        assert "3 sur 7, avec vos filtres" in found.text
        states = seen(doctor.get(record_url(ward, effacer=1))).texts("tbody td:nth-child(5)")
        assert {word.split(" ")[0] for word in states} >= {"DMP", "—", "À"}
        assert any("Non envoyé" in word for word in states)
        assert any("Annulé" in word for word in states)

    def test_filters_are_kept_for_the_person_until_they_are_cleared(self, ward, doctor):
        write_four(ward)
        doctor.get(record_url(ward, origine="dmp", texte=""))
        again = seen(doctor.get(record_url(ward)))
        assert titles(again) == ["Compte rendu importé"]
        assert "Origine : Importé DMP" in " ".join(again.texts("summary.chip"))
        cleared = seen(doctor.get(record_url(ward, effacer=1)))
        assert len(titles(cleared)) == 4
        assert len(titles(seen(doctor.get(record_url(ward))))) == 4

    def test_what_was_typed_is_not_kept(self, ward, doctor):
        write_four(ward)
        typed = seen(doctor.get(record_url(ward, texte="mars")))
        assert titles(typed) == ["Lettre de mars"]
        assert len(titles(seen(doctor.get(record_url(ward))))) == 4

    def test_filters_by_type_and_unit_know_the_documents_of_this_record(self, ward, doctor):
        write_four(ward)
        page = seen(doctor.get(record_url(ward, type="18842-5", texte="")))
        assert titles(page) == ["Compte rendu importé"]
        assert titles(seen(doctor.get(record_url(ward, unite="0000", texte="")))) == []
        assert "Aucun document avec ces filtres" in seen(doctor.get(record_url(ward))).text

    @pytest.mark.parametrize(
        "query",
        [
            {"texte": "\x00"},
            {"texte": "%' OR 1=1 --"},
            {"texte": "é" * 5000},
            {"origine": "nimporte", "envoi": "\x00", "type": "<b>", "texte": ""},
            {"document": "../../etc"},
            {"document": "00000000-0000-4000-8000-000000000000"},
            {"page": "-1", "vue": "x" * 5000},
        ],
    )
    def test_nonsense_in_the_address_is_no_error(self, ward, doctor, query):
        write_four(ward)
        page = seen(doctor.get(record_url(ward), query))
        assert "<b>" not in " ".join(titles(page))
        seen(doctor.get(record_url(ward)))

    def test_the_fragment_of_a_filter_is_the_list_alone(self, ward, doctor):
        write_four(ward)
        fragment = doctor.get(record_url(ward, texte="mars"), headers=htmx("liste"))
        assert b"<html" not in fragment.content
        assert titles(seen(fragment)) == ["Lettre de mars"]
        whole = doctor.get(record_url(ward, texte="mars"), headers=htmx("autre"))
        assert b"<html" in whole.content

    def test_visibility_marks_are_words_in_the_row(self, ward, doctor):
        ward.write_letter(is_invisible_patient=True)
        page = seen(doctor.get(record_url(ward)))
        assert "Invisible patient" in " ".join(page.texts(".docs__marks"))
        assert "Attention, ce document n’est pas visible du patient." in page.text

    def test_a_draft_says_that_nothing_leaves_and_is_continued_in_one_click(self, ward, doctor, nurse):
        draft = ward.draft()
        page = seen(doctor.get(record_url(ward)))
        assert "brouillon, rien ne part" in page.text
        edit = reverse("dossier:letter_edit", args=[draft.uid])
        assert page.has(f"tbody a[href='{edit}']")


# --- preview and versions ----------------------------------------------------------------------
class TestPreview:
    def test_the_newest_validated_document_is_shown_by_default(self, ward, doctor):
        version = ward.write_letter()
        ward.draft()
        page = seen(doctor.get(record_url(ward)))
        pdf = reverse("dossier:document_pdf", args=[version.uid])
        assert page.one("#apercu iframe").get("src").split("#")[0] == pdf

    def test_the_fragment_is_the_pane_alone(self, ward, doctor):
        version = ward.write_letter()
        answer = doctor.get(reverse("dossier:preview", args=[version.uid]), headers=htmx("apercu"))
        assert b"<html" not in answer.content
        assert "Qui a reçu quoi" in seen(answer).text

    def test_the_draft_of_the_next_version_is_seen_and_continued(self, ward, doctor):
        version = ward.write_letter()
        before = seen(doctor.get(record_url(ward)))
        assert "Nouvelle version" in before.text
        answer = doctor.post(reverse("dossier:revise", args=[version.uid]))
        draft = Version.objects.get(document=version.document, state=VersionState.DRAFT)
        assert answer["Location"] == reverse("dossier:letter_edit", args=[draft.uid])

        page = seen(doctor.get(record_url(ward)))
        assert "À valider version 2" in " ".join(page.texts(".docs__marks"))
        assert "Continuer la version 2" in page.text
        assert "Nouvelle version" not in page.text
        assert "Version 2, brouillon" in " ".join(page.texts("#apercu .menu__entry"))
        shown = seen(doctor.get(record_url(ward, document=draft.uid)))
        assert "Brouillon : rien n’est validé" in shown.text

    def test_an_older_version_stays_readable_and_says_that_it_is_old(self, ward, doctor):
        first = ward.write_letter()
        second = ward.revise(first)
        page = seen(doctor.get(record_url(ward)))
        assert "Version 1, Dr HODA Alice" in " ".join(page.texts("#apercu .menu__entry"))
        old = seen(doctor.get(record_url(ward, document=first.uid)))
        assert "Ancienne version : la version 2 l’a remplacée." in old.text
        assert old.has(f"#apercu .note a[href$='document={second.uid}']")
        assert "Nouvelle version" not in old.text
        assert doctor.get(reverse("dossier:document_pdf", args=[first.uid])).status_code == 200

    def test_who_received_what_is_that_of_the_version_shown(self, ward, doctor):
        first = ward.write_letter()
        ward.revise(first)
        old = seen(doctor.get(record_url(ward, document=first.uid)))
        assert "Remplacé" in " ".join(old.texts(".recipients"))

    def test_revising_twice_goes_to_the_same_draft(self, ward, doctor):
        version = ward.write_letter()
        address = reverse("dossier:revise", args=[version.uid])
        assert doctor.post(address)["Location"] == doctor.post(address)["Location"]

    def test_a_nurse_reads_and_does_not_hold(self, ward, nurse):
        version = ward.write_letter(hold=True)
        page = seen(nurse.get(record_url(ward)))
        assert "Retenu" in page.text
        order = order_of(version)
        assert not page.has(f"form[action='{reverse('dossier:order_act', args=[order.uid, 'release'])}']")


# --- files -------------------------------------------------------------------------------------
class TestFiles:
    def test_the_pdf_comes_inline_is_not_kept_and_is_traced(self, ward, doctor):
        version = ward.write_letter()
        answer = doctor.get(reverse("dossier:document_pdf", args=[version.uid]))
        assert answer.content.startswith(b"%PDF-")
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"].startswith("inline")
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        (trace,) = traces("document.view")
        assert trace.detail == {"rendering": "pdf"}
        assert (trace.object_uid, trace.patient_uid) == (version.document.uid, ward.patient.uid)

    def test_the_cda_is_a_download_and_is_traced(self, ward, doctor):
        version = ward.write_letter()
        answer = doctor.get(reverse("dossier:document_cda", args=[version.uid]))
        assert b"ClinicalDocument" in answer.content
        assert answer["Content-Disposition"].startswith("attachment")
        assert "PAT-TROIS" not in answer["Content-Disposition"]
        assert traces("document.view")[-1].detail == {"rendering": "cda"}

    def test_a_draft_has_a_pdf_and_no_cda(self, ward, doctor):
        draft = ward.draft()
        assert doctor.get(reverse("dossier:document_cda", args=[draft.uid])).status_code == 404
        answer = doctor.get(reverse("dossier:document_pdf", args=[draft.uid]))
        assert answer.content.startswith(b"%PDF-")
        assert traces("document.view")[-1].detail == {"rendering": "preview"}

    def test_the_admission_agent_reads_no_file(self, ward, admission):
        version = ward.write_letter()
        for name in ("preview", "document_pdf", "document_cda"):
            assert admission.get(reverse(f"dossier:{name}", args=[version.uid])).status_code == 403
        assert not traces("document.view")
