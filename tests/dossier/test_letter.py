"""Writing on screen: the draft, its saves and conflicts, the panel, the validation."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Trace
from consent.enums import ChoiceValue
from documents.enums import VersionState
from documents.models import Version
from documents.services import draft_save
from patients.enums import AlertKind, AlertState, EpisodeState
from patients.models import Episode, Patient
from patients.services import alerts_set
from sending.enums import OrderReason, OrderState
from sending.models import Order
from tests.documents.snapshots import BODY
from tests.dossier.conftest import htmx, order_of, seen

SECRET = "input[name=connexion_secrete]"


def edit_url(version):
    return reverse("dossier:letter_edit", args=[version.uid])


def panel_url(version):
    return reverse("dossier:letter_panel", args=[version.uid])


def validate_url(version):
    return reverse("dossier:letter_validate", args=[version.uid])


def new_url(ward, model="ldl-ses"):
    return reverse("dossier:letter_new", args=[ward.patient.uid, model])


def form(version, **changes):
    """The form of the editor, as a browser sends it."""
    body = BODY | changes
    data = {key: value for key, value in body.items() if isinstance(value, str)}
    rows = body["traitements"]["rows"]
    data |= {
        f"traitements-{column}": [row[column] for row in rows] for column in ("name", "dosage", "status")
    }
    return data | {"revision": version.revision}


def panel_form(version, **changes):
    """The form of the panel as it is drawn."""
    asked = {"revision": version.revision, "recipient": "dmp", "visibility": "visible", "not_before": ""}
    return asked | {"decision": "schedule"} | changes


# --- opening -----------------------------------------------------------------------------------
class TestNew:
    def test_a_draft_is_opened_for_the_stay_and_goes_to_its_editor(self, ward, doctor):
        answer = doctor.post(new_url(ward))
        draft = Version.objects.get()
        assert answer["Location"] == edit_url(draft)
        assert (draft.document.episode, draft.document.unit) == (ward.episode, ward.unit)
        assert Trace.objects.filter(type="document.create", actor_login="ahoda").count() == 1

    def test_an_unknown_model_is_not_found_and_a_read_opens_nothing(self, ward, doctor):
        assert doctor.post(new_url(ward, "nimporte")).status_code == 404
        assert doctor.get(new_url(ward)).status_code == 405
        assert not Version.objects.exists()

    def test_without_a_stay_that_began_there_is_nothing_to_conclude(self, ward, doctor):
        later = timezone.now() + timedelta(days=3)
        Episode.objects.filter(pk=ward.episode.pk).update(
            state=EpisodeState.PLANNED, admitted_at=None, planned_at=later
        )
        page = seen(doctor.post(new_url(ward)), 409)
        assert "une lettre de sortie ne peut pas être écrite" in page.text
        record = seen(doctor.get(reverse("dossier:patient", args=[ward.patient.uid])))
        assert "Nouveau document" not in " ".join(record.texts("main"))

    def test_a_closed_identity_takes_no_document(self, ward, doctor):
        Patient.objects.filter(pk=ward.patient.pk).update(is_closed=True)
        answer = doctor.post(new_url(ward))
        assert answer.status_code in (403, 409)
        assert not Version.objects.exists()

    @pytest.mark.parametrize(
        ("state", "labels", "text", "is_said"),
        [
            (None, [], "", False),
            (AlertState.NONE_KNOWN, [], "Aucune allergie connue.", True),
            (AlertState.KNOWN, ["Pénicilline", "Latex"], "Pénicilline\nLatex", True),
        ],
    )
    def test_allergies_of_the_record_are_written_and_said_to_come_from_it(
        self, ward, doctor, state, labels, text, is_said
    ):
        if state:
            alerts_set(
                patient=ward.patient, kind=AlertKind.ALLERGY, state=state, labels=labels, actor=ward.actor
            )
        page = seen(doctor.post(new_url(ward), follow=True))
        assert page.one("#champ-allergies").text_content().strip() == text
        assert page.one("#champ-motif").text_content().strip() == ""
        assert page.has("#bloc-allergies .block__source") == is_said
        if is_said:
            assert page.texts("#bloc-allergies .block__source") == ["repris du dossier"]
            draft = Version.objects.get()
            doctor.post(edit_url(draft), form(draft, allergies=f"{text} Vérifié."))
            changed = seen(doctor.get(edit_url(draft)))
            assert not changed.has("#bloc-allergies .block__source")


class TestEditor:
    def test_the_page_shows_the_draft_its_checks_and_what_will_leave(self, ward, doctor):
        page = seen(doctor.get(edit_url(ward.draft())))
        assert page.one("#champ-motif").text_content().strip() == BODY["motif"]
        assert page.one("input[name=transfusion][value=non]").get("checked") is not None
        assert "Rubriques obligatoires remplies" in page.text
        assert "DMP · Mon espace santé Alimentation : non recueillie" in page.text
        assert "Auteur et RPPS connus" in page.text

    def test_each_opening_of_a_draft_is_an_opening_of_the_record(self, ward, doctor):
        draft = ward.draft()
        doctor.get(edit_url(draft))
        doctor.post(edit_url(draft), form(draft), headers=htmx())
        assert Trace.objects.filter(type="patient.open").count() == 1

    def test_a_nurse_writes_and_is_not_offered_to_validate(self, ward, nurse):
        draft = ward.draft()
        page = seen(nurse.get(edit_url(draft)))
        assert "Valider…" not in page.texts("main")[0]
        assert seen(nurse.post(edit_url(draft), form(draft), headers=htmx()))
        assert nurse.post(panel_url(draft), form(draft)).status_code == 403
        assert nurse.post(validate_url(draft), panel_form(draft)).status_code == 403

    def test_the_admission_agent_writes_nothing(self, ward, admission):
        draft = ward.draft()
        assert admission.get(edit_url(draft)).status_code == 403
        assert admission.post(new_url(ward)).status_code == 403

    def test_a_validated_document_is_no_longer_written(self, ward, doctor):
        version = ward.write_letter()
        for answer in (doctor.get(edit_url(version)), doctor.post(validate_url(version))):
            assert "Ce document est déjà validé." in seen(answer, 409).text
        late = doctor.post(edit_url(version), form(version), headers=htmx())
        assert late.status_code == 409
        assert "Ce document est déjà validé." in late.content.decode()

    def test_the_second_version_says_its_number(self, ward, doctor):
        version = ward.write_letter()
        page = seen(doctor.post(reverse("dossier:revise", args=[version.uid]), follow=True))
        assert "version 2" in page.texts(".editor__state")[0]


# --- saving ------------------------------------------------------------------------------------
class TestSave:
    def test_an_autosave_answers_the_new_revision_the_hour_and_the_checks(self, ward, doctor):
        draft = ward.draft()
        answer = doctor.post(edit_url(draft), form(draft, motif=""), headers=htmx("lettre"))
        assert b"<html" not in answer.content
        saved = seen(answer)
        assert saved.one("#lettre-revision").get("value") == str(draft.revision + 1)
        assert "Brouillon enregistré à" in saved.texts("#lettre-enregistree")[0]
        assert "1 rubrique à remplir" in saved.texts("#avant-de-valider")[0]
        draft.refresh_from_db()
        assert draft.body["motif"] == ""
        assert draft.body["traitements"] == BODY["traitements"]

    def test_without_script_the_page_comes_back_saved(self, ward, doctor):
        draft = ward.draft()
        answer = doctor.post(edit_url(draft), form(draft, suites="Rappeler."), follow=True)
        page = seen(answer)
        assert "Brouillon enregistré." in page.text
        assert page.one("#champ-suites").text_content().strip() == "Rappeler."

    def test_a_draft_saved_elsewhere_is_not_overwritten_and_the_text_stays(self, ward, doctor):
        draft = ward.draft()
        stale = form(draft, motif="Mon texte, qu’il ne faut pas perdre.")
        document = draft.document
        draft_save(version=draft, revision=1, title=document.title, body=BODY | {"motif": "L’autre."})
        fragment = doctor.post(edit_url(draft), stale, headers=htmx("lettre"))
        assert fragment.status_code == 409
        assert "Ce brouillon a été modifié ailleurs" in fragment.content.decode()
        page = seen(doctor.post(edit_url(draft), stale), 409)
        assert "Ce brouillon a été modifié ailleurs" in page.texts("[role=alert]")[0]
        assert "qu’il ne faut pas perdre" in page.one("#champ-motif").text_content()
        panel = seen(doctor.post(panel_url(draft), stale), 409)
        assert "qu’il ne faut pas perdre" in panel.one("#champ-motif").text_content()
        draft.refresh_from_db()
        assert draft.body["motif"] == "L’autre."

    @pytest.mark.parametrize("revision", ["", "abc", "-1", "1e3", "٣", "9" * 40, "\x00", "1.5"])
    def test_a_revision_that_is_none_is_a_conflict_and_no_error(self, ward, doctor, revision):
        draft = ward.draft()
        for address in (edit_url(draft), panel_url(draft), validate_url(draft)):
            answer = doctor.post(address, form(draft) | panel_form(draft) | {"revision": revision})
            assert answer.status_code == 409, address
        draft.refresh_from_db()
        assert (draft.state, draft.revision) == (VersionState.DRAFT, 1)

    def test_hostile_text_is_text(self, ward, doctor):
        draft = ward.draft()
        hostile = "<script>alert(1)</script> & \" ' \x00 \u202e ]]> {{ 7|add:7 }}"
        assert seen(doctor.post(edit_url(draft), form(draft, motif=hostile), headers=htmx()))
        page = doctor.get(edit_url(draft)).content.decode()
        assert "<script>alert(1)" not in page
        assert "{{ 7|add:7 }}" in page
        draft.refresh_from_db()
        assert "\x00" not in draft.body["motif"]

    def test_more_than_one_would_ever_write_is_cut(self, ward, doctor):
        draft = ward.draft()
        doctor.post(edit_url(draft), form(draft, motif="a" * 100_000), headers=htmx())
        draft.refresh_from_db()
        assert len(draft.body["motif"]) == 40_000

    def test_treatments_of_unequal_columns_and_unknown_fields_are_no_error(self, ward, doctor):
        draft = ward.draft()
        odd = form(draft) | {
            "traitements-name": ["Paracétamol", "Sans posologie", ""],
            "traitements-dosage": ["1 cp"],
            "traitements-status": ["nouveau", "nimporte"],
            "nimporte": "x",
            "body": "{}",
        }
        assert seen(doctor.post(edit_url(draft), odd, headers=htmx()))
        draft.refresh_from_db()
        assert set(draft.body) == set(BODY)
        assert draft.body["traitements"]["rows"][0]["name"] == "Paracétamol"


# --- the panel ---------------------------------------------------------------------------------
class TestPanel:
    def test_it_saves_and_opens_beside_the_form(self, ward, doctor):
        draft = ward.draft()
        answer = doctor.post(panel_url(draft), form(draft, suites="Revoir."), headers=htmx("panneau"))
        assert b"<html" not in answer.content
        panel = seen(answer)
        draft.refresh_from_db()
        assert draft.body["suites"] == "Revoir."
        assert panel.one("#validation input[name=revision]").get("value") == str(draft.revision)
        assert "PAT-TROIS" in panel.texts(".dialog__who")[0]
        assert panel.one("input[name=recipient][value=dmp]").get("checked") is not None
        assert panel.one("input[name=visibility][value=visible]").get("checked") is not None
        assert "Brouillon enregistré à" in panel.texts("#lettre-enregistree")[0]

    def test_without_script_it_is_in_the_page(self, ward, doctor):
        draft = ward.draft()
        page = seen(doctor.post(panel_url(draft), form(draft)))
        assert page.has("dialog#validation")
        assert page.has("form#lettre")

    def test_what_is_missing_is_listed_and_nothing_can_be_validated(self, ward, doctor):
        draft = ward.draft()
        data = form(draft, motif=" ", transfusion="peut-être")
        panel = seen(doctor.post(panel_url(draft), data, headers=htmx("panneau")))
        assert "« Motif d’hospitalisation » n’est pas rempli." in panel.text
        assert "« Transfusion de produits sanguins » : réponse inconnue." in panel.text
        assert panel.has("a[href='#bloc-motif']")
        assert not panel.has("button[name=decision]")

    @pytest.mark.requirement("SC.DMP/CONF.06.BIS")
    def test_an_opposition_is_said_before_validating(self, ward, doctor):
        ward.choose(ChoiceValue.OPPOSED)
        draft = ward.draft()
        panel = seen(doctor.post(panel_url(draft), form(draft), headers=htmx("panneau")))
        assert "Opposition du patient à l'alimentation" in panel.texts(".wishes")[0]

    def test_legal_representatives_concern_minors_only(self, ward, doctor):
        draft = ward.draft()
        grown = seen(doctor.post(panel_url(draft), form(draft), headers=htmx("panneau")))
        assert grown.one("input[name=invisible_rep_legaux]").get("disabled") is not None
        birth = timezone.localdate().replace(day=1) - timedelta(days=365 * 10)
        Patient.objects.filter(pk=ward.patient.pk).update(birth_date=birth)
        draft.refresh_from_db()
        young = seen(doctor.post(panel_url(draft), form(draft), headers=htmx("panneau")))
        assert young.one("input[name=invisible_rep_legaux]").get("disabled") is None
        assert (grown.has(SECRET), young.has(SECRET)) == (False, True)

    @pytest.mark.requirement("DMP/va1.04")
    def test_a_secret_connection_of_a_minor_reaches_the_order(self, ward, doctor):
        birth = timezone.localdate().replace(day=1) - timedelta(days=365 * 10)
        Patient.objects.filter(pk=ward.patient.pk).update(birth_date=birth)
        draft = ward.draft()
        alone = panel_form(draft, connexion_secrete="1")
        refused = seen(doctor.post(validate_url(draft), alone, headers=htmx("panneau")), 422)
        assert "invisible aux représentants légaux. Cochez les deux" in refused.text
        assert refused.one(SECRET).get("checked") is not None
        draft.refresh_from_db()
        doctor.post(validate_url(draft), panel_form(draft, connexion_secrete="1", invisible_rep_legaux="1"))
        version = Version.objects.get(pk=draft.pk)
        assert (version.is_connexion_secrete, version.is_invisible_rep_legaux) == (True, True)

    def test_a_doctor_without_rpps_learns_it_here(self, ward, doctor):
        draft = ward.draft()
        User.objects.filter(pk=ward.doctor.pk).update(rpps="", rpps_source="", rpps_verified_at=None)
        panel = seen(doctor.post(panel_url(draft), form(draft), headers=htmx("panneau")))
        assert "Votre compte n’a ni RPPS ni profession" in panel.text
        refused = seen(doctor.post(validate_url(draft), panel_form(draft, revision=1)), 422)
        assert "Votre compte n’a ni RPPS ni profession" in refused.text


# --- validating --------------------------------------------------------------------------------
class TestValidate:
    @pytest.mark.requirement("SC.DMP/ALI/PROG.02")
    def test_the_document_is_current_its_order_waits_and_the_record_says_so(self, ward, doctor):
        draft = ward.draft()
        answer = doctor.post(validate_url(draft), panel_form(draft), follow=True)
        draft.refresh_from_db()
        assert draft.state == VersionState.CURRENT
        assert order_of(draft).state == OrderState.SCHEDULED
        page = seen(answer)
        assert "Document validé, envoi programmé." in page.text
        assert page.one("tbody tr[aria-current]").get("id") == f"doc-{draft.document.uid}"

    @pytest.mark.requirement("SC.DMP/ALI/PROG.03")
    def test_it_can_be_held_at_once(self, ward, doctor):
        draft = ward.draft()
        page = seen(doctor.post(validate_url(draft), panel_form(draft, decision="hold"), follow=True))
        assert order_of(draft).state == OrderState.HELD
        assert "Document validé, envoi retenu." in page.text

    def test_without_the_dmp_nothing_is_ordered_and_it_is_said(self, ward, doctor):
        draft = ward.draft()
        data = panel_form(draft, decision="hold")
        del data["recipient"]
        page = seen(doctor.post(validate_url(draft), data, follow=True))
        assert not Order.objects.exists()
        assert "Document validé, sans aucun envoi." in page.text
        assert "Non envoyé" in page.texts("tbody tr")[0]

    @pytest.mark.parametrize(
        ("prepare", "words"),
        [
            ("oppose", "DMP bloqué : Opposition du patient à l'alimentation."),
            ("unqualify", "DMP en attente : INS non qualifiée."),
        ],
    )
    def test_what_stops_the_sending_is_said_at_once(self, ward, doctor, prepare, words):
        if prepare == "oppose":
            ward.choose(ChoiceValue.OPPOSED)
        else:
            Patient.objects.filter(pk=ward.patient.pk).update(is_ins_recovered=False)
        draft = ward.draft()
        page = seen(doctor.post(validate_url(draft), panel_form(draft), follow=True))
        assert words.casefold() in page.text.casefold()
        assert order_of(draft).reason in (OrderReason.OPPOSITION, OrderReason.INS_NOT_QUALIFIED)

    def test_a_refused_combination_comes_back_with_the_answers_given(self, ward, doctor):
        draft = ward.draft()
        asked = panel_form(draft, visibility="invisible", masque_ps="1", not_before="2099-03-08T22:00")
        page = seen(doctor.post(validate_url(draft), asked), 422)
        assert "à la fois invisible au patient et masqué aux professionnels" in page.texts("[role=alert]")[0]
        assert page.one("input[name=masque_ps]").get("checked") is not None
        assert page.one("input[name=visibility][value=invisible]").get("checked") is not None
        assert page.one("input[name=not_before]").get("value") == "2099-03-08T22:00"
        draft.refresh_from_db()
        assert draft.state == VersionState.DRAFT

    @pytest.mark.parametrize("chosen", ["demain", "2026-13-45T99:99", "0001-01-01T00:00", "9" * 50, "<b>"])
    def test_a_time_that_cannot_be_read_validates_nothing(self, ward, doctor, chosen):
        draft = ward.draft()
        page = seen(doctor.post(validate_url(draft), panel_form(draft, not_before=chosen)), 422)
        assert "L’heure de départ choisie est illisible" in page.text
        draft.refresh_from_db()
        assert draft.state == VersionState.DRAFT
        assert not Order.objects.exists()

    @pytest.mark.requirement("SC.ALI/PROG.05")
    def test_a_chosen_time_is_kept_and_a_past_one_means_now(self, ward, doctor):
        draft = ward.draft()
        wanted = timezone.localtime() + timedelta(days=2)
        doctor.post(validate_url(draft), panel_form(draft, not_before=f"{wanted:%Y-%m-%dT%H:%M}"))
        assert abs(order_of(draft).not_before - wanted) < timedelta(minutes=1)
        other = ward.draft()
        doctor.post(validate_url(other), panel_form(other, not_before="2020-01-01T00:00"))
        assert order_of(other).not_before <= timezone.now()

    def test_visibility_flags_of_the_panel_are_those_of_the_version(self, ward, doctor):
        draft = ward.draft()
        doctor.post(validate_url(draft), panel_form(draft, visibility="invisible"))
        draft.refresh_from_db()
        assert (draft.is_invisible_patient, draft.is_masque_ps) == (True, False)

    def test_validating_what_changed_meanwhile_is_a_conflict(self, ward, doctor):
        draft = ward.draft()
        asked = panel_form(draft)
        draft_save(version=draft, revision=1, title="Lettre", body=BODY | {"motif": "Autre."})
        page = seen(doctor.post(validate_url(draft), asked), 409)
        assert "Ce brouillon a été modifié ailleurs" in page.text
        assert not Order.objects.exists()

    def test_validating_twice_makes_one_document(self, ward, doctor):
        draft = ward.draft()
        assert doctor.post(validate_url(draft), panel_form(draft)).status_code == 302
        assert doctor.post(validate_url(draft), panel_form(draft)).status_code == 409
        assert Order.objects.count() == 1

    def test_an_unchanged_new_version_is_refused_in_words(self, ward, doctor):
        version = ward.write_letter()
        doctor.post(reverse("dossier:revise", args=[version.uid]))
        draft = Version.objects.get(document=version.document, state=VersionState.DRAFT)
        page = seen(doctor.post(validate_url(draft), panel_form(draft)), 422)
        assert "Rien n’a changé depuis la version en vigueur" in page.text
