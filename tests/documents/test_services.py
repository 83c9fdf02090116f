"""Drafts, validation and versions: what is written, and what every refusal leaves untouched."""

import threading

import pytest
from django.db import connection

from accounts.acting import Activity
from audit.models import Trace
from documents.enums import VersionState
from documents.errors import (
    AuthorUnknown,
    DocumentNotConform,
    DraftChanged,
    DraftIncomplete,
    IdentityChanged,
    IdentityClosed,
    InformationMissing,
    NotADraft,
    NothingChanged,
    NotRevisable,
    TitleTooLong,
    VersionMoved,
    VisibilityRefused,
)
from documents.events import version_reissued, version_replaced, version_validated
from documents.models import Document, Version
from documents.services import (
    document_revise,
    draft_create,
    draft_save,
    produced,
    version_rebuild,
    version_reissue,
    version_validate,
)
from documents.snapshot import patient_content
from documents.store import content_get
from documents.wishes import SendingWishes
from documents.writing import LDL_SES
from interop.cda.parse import parse_cda
from patients.enums import IdentifierKind
from patients.models import Identifier, Patient
from sending.models import Order
from tests.documents.snapshots import BODY
from tests.factories import EpisodeFactory
from ui.printing import PrintingUnavailable

CARDIOLOGY = Activity(
    "10", "SM04", "HODA", "Alice", "SA01", "990000101", "990000010", "HOPITAL DES TROIS RIVIERES", "S"
)


@pytest.fixture
def heard():
    """Signals of the documents room, in the order they were sent."""
    names = {version_validated: "validated", version_replaced: "replaced", version_reissued: "reissued"}
    seen = []

    def note(signal, **facts):
        seen.append((names[signal], facts["version"].number))

    for signal in names:
        signal.connect(note)
    yield seen
    for signal in names:
        signal.disconnect(note)


def _change_identity(patient, **values):
    Patient.objects.filter(pk=patient.pk).update(identity_stamp=patient.identity_stamp + 1, **values)
    patient.refresh_from_db()


def _unqualify(ward):
    _change_identity(ward.patient, is_ins_recovered=False)


def _files(settings):
    return {path.name for path in settings.DOCUMENT_STORE.rglob("*") if path.is_file()}


# --- drafts ------------------------------------------------------------------------------------
class TestDrafts:
    def test_a_draft_is_traced_and_has_neither_identifier_nor_bytes(self, ward):
        draft = ward.draft()
        assert (draft.state, draft.unique_id, draft.cda_sha256, draft.snapshot) == ("draft", "", "", None)
        assert draft.document.unit == ward.unit
        trace = Trace.objects.get(type="document.create")
        assert (trace.actor_login, trace.patient_uid) == ("ahoda", ward.patient.uid)

    def test_an_autosave_that_comes_after_another_changes_nothing(self, ward):
        draft = ward.draft()
        mine = draft_save(version=draft, revision=1, title="Titre", body=BODY | {"motif": "à moi"})
        with pytest.raises(DraftChanged):
            draft_save(version=draft, revision=1, title="Autre", body=BODY | {"motif": "à l’autre"})
        kept = Version.objects.select_related("document").get(pk=draft.pk)
        assert (kept.body["motif"], kept.revision, kept.document.title) == ("à moi", 2, "Titre")
        assert mine.revision == 2

    def test_saving_what_is_there_already_is_no_new_revision(self, ward):
        draft = ward.draft()
        again = draft_save(version=draft, revision=1, title=draft.document.title, body=draft.body)
        assert again.revision == 1

    def test_a_new_title_alone_is_saved(self, ward):
        draft = ward.draft()
        saved = draft_save(version=draft, revision=1, title="  Nouveau \n titre ", body=draft.body)
        assert (saved.revision, saved.document.title) == (2, "Nouveau titre")

    def test_an_empty_title_is_that_of_the_model(self, ward):
        draft = ward.draft()
        assert draft_save(version=draft, revision=1, title=" ", body=BODY).document.title == LDL_SES.title

    def test_a_title_that_does_not_fit_is_refused_with_its_limit(self, ward):
        with pytest.raises(TitleTooLong, match="200"):
            draft_save(version=ward.draft(), revision=1, title="x" * 201, body=BODY)

    def test_a_validated_version_can_no_longer_be_saved(self, ward):
        version = ward.write_letter()
        with pytest.raises(NotADraft):
            draft_save(version=version, revision=version.revision, title="x", body=BODY)

    def test_a_closed_identity_takes_no_new_document(self, ward):
        version = ward.write_letter()
        _change_identity(ward.patient, is_closed=True)
        with pytest.raises(IdentityClosed):
            ward.draft()
        with pytest.raises(IdentityClosed):
            document_revise(document=version.document, author=ward.doctor, actor=ward.actor)

    def test_the_stay_of_another_patient_is_refused(self, ward):
        with pytest.raises(ValueError, match="another patient"):
            draft_create(
                patient=ward.patient,
                episode=EpisodeFactory(),
                unit=None,
                model=LDL_SES.code,
                author=ward.doctor,
                actor=ward.actor,
            )


# --- validation --------------------------------------------------------------------------------
@pytest.mark.requirement("HOP/va1.03", "SC.CDA/DD.02", "F-DPI-05")
def test_validation_files_one_snapshot_its_paper_and_its_cda(ward, heard):
    draft = ward.draft()
    version = ward.validate(draft)
    assert (version.state, version.number, version.validated_by) == ("current", 1, ward.doctor)
    cda = parse_cda(content_get(version.cda_sha256))
    assert cda.id.root == version.unique_id == version.snapshot["document"]["unique_id"]
    assert cda.set_id.root == version.document.set_id != version.unique_id
    assert (cda.version_number, cda.related) == (1, ())
    assert cda.body.pdf == content_get(version.pdf_sha256)
    assert cda.patient.ins.matricule == version.snapshot["patient"]["ins"]
    assert version.has_ins
    assert heard == [("validated", 1)]
    assert Trace.objects.filter(type="document.validate", object_uid=version.document.uid).count() == 1


def _remove_ipp(ward):
    Identifier.objects.filter(patient=ward.patient, kind=IdentifierKind.IPP).delete()


def _without_rpps(ward):
    ward.doctor.rpps = ""


def _without_profession(ward):
    ward.doctor.profession = ""


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (lambda ward: _change_identity(ward.patient, is_closed=True), IdentityClosed),
        (_without_rpps, AuthorUnknown),
        (_without_profession, AuthorUnknown),
        (_remove_ipp, InformationMissing),
        (lambda ward: _change_identity(ward.patient, birth_date=None), InformationMissing),
        (lambda ward: Version.objects.update(revision=7), DraftChanged),
        (lambda ward: Version.objects.update(body=BODY | {"motif": ""}), DraftIncomplete),
        (lambda ward: Version.objects.update(body=BODY | {"transfusion": "peut-être"}), DraftIncomplete),
    ],
)
def test_a_refused_validation_leaves_the_draft_and_nothing_else(ward, settings, heard, spoil, refusal):
    draft = ward.draft()
    spoil(ward)
    traces = Trace.objects.count()
    with pytest.raises(refusal) as refused:
        ward.validate(draft)
    assert refused.value.message
    kept = Version.objects.get()
    assert (kept.state, kept.unique_id, kept.snapshot) == (VersionState.DRAFT, "", None)
    assert Document.objects.get().set_id == ""
    assert (_files(settings), heard, Order.objects.count()) == (set(), [], 0)
    assert Trace.objects.count() == traces


def test_a_document_that_fails_the_checks_is_not_validated_and_says_what_is_wrong(ward, settings):
    settings.INS_ALLOWED_OIDS = ["1.2.250.1.213.1.4.8"]
    with pytest.raises(DocumentNotConform, match="le brouillon est conservé") as refused:
        ward.write_letter()
    assert any("patientRole/id" in finding for finding in refused.value.findings)
    assert Version.objects.get().state == VersionState.DRAFT
    assert _files(settings) == set()


def test_without_a_printer_the_draft_stays(ward, monkeypatch):
    def no_printer(*args, **kwargs):
        raise PrintingUnavailable()

    monkeypatch.setattr(produced, "renderings_build", no_printer)
    with pytest.raises(PrintingUnavailable):
        ward.write_letter()
    assert Version.objects.get().state == VersionState.DRAFT


@pytest.mark.requirement("F-PFI-05")
def test_hidden_from_the_patient_and_masked_to_professionals_is_refused_at_once(ward, settings):
    with pytest.raises(VisibilityRefused):
        ward.write_letter(is_invisible_patient=True, is_masque_ps=True)
    settings.DMP_CUMUL_INVISIBLE_MASQUE = True
    version = ward.write_letter(is_invisible_patient=True, is_masque_ps=True)
    assert (version.is_invisible_patient, version.is_masque_ps) == (True, True)


def _during_building(monkeypatch, act):
    """Do something after the bytes were built and before the transaction opens."""
    build = produced.renderings_build

    def build_then_act(snapshot):
        renderings = build(snapshot)
        act()
        return renderings

    monkeypatch.setattr(produced, "renderings_build", build_then_act)


def test_an_identity_that_changes_while_the_bytes_are_built_stops_the_validation(ward, monkeypatch, heard):
    draft = ward.draft()
    _during_building(monkeypatch, lambda: _change_identity(ward.patient, birth_name="AUTRE"))
    with pytest.raises(IdentityChanged, match="Vérifiez le bandeau"):
        ward.validate(draft)
    assert (Version.objects.get().state, heard) == (VersionState.DRAFT, [])


def test_an_identity_that_is_closed_while_the_bytes_are_built_stops_the_validation(ward, monkeypatch):
    draft = ward.draft()
    _during_building(monkeypatch, lambda: _change_identity(ward.patient, is_closed=True))
    with pytest.raises(IdentityClosed):
        ward.validate(draft)


def test_a_draft_that_is_saved_while_the_bytes_are_built_is_not_validated(ward, monkeypatch):
    draft = ward.draft()
    _during_building(
        monkeypatch,
        lambda: draft_save(version=draft, revision=1, title="x", body=BODY | {"motif": "plus récent"}),
    )
    with pytest.raises(DraftChanged):
        ward.validate(draft)
    assert Version.objects.get().body["motif"] == "plus récent"


def test_a_version_reissued_while_the_next_one_is_built_stops_the_validation(ward, monkeypatch):
    first = ward.write_letter()
    draft = document_revise(document=first.document, author=ward.doctor, actor=ward.actor)
    draft = draft_save(version=draft, revision=0, title="Correction", body=BODY)
    build, done = produced.renderings_build, []

    def reissue_once(snapshot):
        if not done:
            done.append(True)
            version_reissue(version=first, actor=ward.actor)
        return build(snapshot)

    monkeypatch.setattr(produced, "renderings_build", reissue_once)
    with pytest.raises(VersionMoved):
        ward.validate(draft)
    states = Version.objects.order_by("number").values_list("number", "state")
    assert list(states) == [(1, "replaced"), (2, "current"), (3, "draft")]


@pytest.mark.django_db(transaction=True)
def test_two_windows_that_validate_the_same_draft_make_one_version(ward, monkeypatch):
    draft = ward.draft()
    meeting = threading.Barrier(2, timeout=20)
    _during_building(monkeypatch, meeting.wait)
    outcomes = []

    def validate():
        try:
            outcomes.append(ward.validate(draft).state)
        except NotADraft as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    windows = [threading.Thread(target=validate) for _ in range(2)]
    for window in windows:
        window.start()
    for window in windows:
        window.join()
    assert sorted(outcomes) == ["current", "not_a_draft"]
    assert Order.objects.count() == 1


# --- new versions ------------------------------------------------------------------------------
@pytest.mark.requirement("DPI.CDA/HL7.01", "F-PFI-17")
def test_a_document_names_the_activity_in_which_its_author_validated_it(ward):
    ward.doctor.activity = CARDIOLOGY

    letter = ward.write_letter()

    author = letter.snapshot["author"]
    assert (author["specialty"], author["activity"]) == ("SM04", CARDIOLOGY.as_detail())
    assert parse_cda(content_get(letter.cda_sha256)).authors[0].specialty.code == "G15_10/SM04"
    ward.doctor.activity = None
    assert ward.write_letter().snapshot["author"]["specialty"] == "SM26"


def test_a_new_version_keeps_the_lineage_and_names_the_one_it_replaces(ward, heard):
    first = ward.write_letter(is_invisible_patient=True)
    second = ward.revise(first, is_invisible_patient=True)
    first.refresh_from_db()
    assert (first.state, second.state, second.number) == ("replaced", "current", 2)
    assert first.replaced_at == second.validated_at
    cda = parse_cda(content_get(second.cda_sha256))
    assert cda.set_id.root == first.snapshot["document"]["set_id"]
    assert (cda.version_number, cda.replaced.id.root) == (2, first.unique_id)
    assert heard == [("validated", 1), ("replaced", 1), ("validated", 2)]


def test_a_revision_starts_from_the_version_in_force_and_is_one_at_a_time(ward):
    first = ward.write_letter(is_invisible_rep_legaux=True)
    draft = document_revise(document=first.document, author=ward.doctor, actor=ward.actor)
    assert (draft.body, draft.number, draft.is_invisible_rep_legaux) == (BODY, 2, True)
    assert document_revise(document=first.document, author=ward.doctor, actor=ward.actor) == draft


def test_a_deleted_document_is_not_revised(ward):
    version = ward.write_letter()
    Version.objects.filter(pk=version.pk).update(state=VersionState.DELETED)
    with pytest.raises(NotRevisable):
        document_revise(document=version.document, author=ward.doctor, actor=ward.actor)


@pytest.mark.requirement("SC.DMP/ALI/PROG.02")
def test_an_unchanged_version_is_refused_and_a_change_of_visibility_is_a_change(ward):
    first = ward.write_letter()
    draft = document_revise(document=first.document, author=ward.doctor, actor=ward.actor)
    with pytest.raises(NothingChanged):
        ward.validate(draft)
    assert ward.validate(draft, is_invisible_patient=True).number == 2


# --- rebuilt and reissued (cda 2) --------------------------------------------------------------
@pytest.mark.requirement("SC.ALI/PROG.05", "SC.CDA/DD.02")
def test_a_version_that_nobody_received_is_rebuilt_under_the_same_identifiers(ward):
    _unqualify(ward)
    version = ward.write_letter()
    assert not version.has_ins
    before = parse_cda(content_get(version.cda_sha256))
    assert before.patient.ins is None

    _change_identity(ward.patient, is_ins_recovered=True)
    rebuilt = version_rebuild(version=version, actor=ward.actor)
    cda = parse_cda(content_get(rebuilt.cda_sha256))
    assert (cda.id, cda.set_id, cda.version_number) == (before.id, before.set_id, 1)
    assert cda.effective_time == before.effective_time
    assert (cda.patient.ins.matricule, rebuilt.has_ins) == ("279035121518989", True)
    assert rebuilt.identity_stamp == ward.patient.identity_stamp
    assert rebuilt.snapshot["body"] == version.snapshot["body"]
    assert cda.body.pdf == content_get(rebuilt.pdf_sha256)
    assert rebuilt.validated_at == version.validated_at
    assert Trace.objects.filter(type="document.rebuild").count() == 1


def test_a_version_that_left_is_reissued_as_the_next_one_with_the_same_content(ward, heard):
    first = ward.write_letter(is_invisible_patient=True)
    _change_identity(ward.patient, birth_name="PAT-QUATRE")
    issued = version_reissue(version=first, actor=ward.actor)
    first.refresh_from_db()
    assert (first.state, issued.state, issued.number) == ("replaced", "current", 2)
    assert first.unique_id != issued.unique_id
    cda = parse_cda(content_get(issued.cda_sha256))
    assert (cda.version_number, cda.replaced.id.root) == (2, first.unique_id)
    assert cda.patient.traits.birth_name == "PAT-QUATRE"
    assert issued.snapshot["body"] == first.snapshot["body"]
    assert (issued.act_at, issued.author, issued.is_invisible_patient) == (first.act_at, ward.doctor, True)
    assert heard == [("validated", 1), ("reissued", 1)]


def test_a_draft_in_progress_comes_after_a_reissued_version(ward):
    first = ward.write_letter()
    draft = document_revise(document=first.document, author=ward.doctor, actor=ward.actor)
    _change_identity(ward.patient, birth_name="PAT-QUATRE")
    issued = version_reissue(version=first, actor=ward.actor)
    draft.refresh_from_db()
    assert (issued.number, draft.number) == (2, 3)
    saved = draft_save(version=draft, revision=0, title="Correction", body=BODY | {"motif": "corrigé"})
    validated = ward.validate(saved)
    assert validated.snapshot["document"]["replaces"] == issued.unique_id


@pytest.mark.parametrize("rework", [version_rebuild, version_reissue])
@pytest.mark.parametrize(
    ("change", "refusal"),
    [({"birth_name": "AUTRE"}, IdentityChanged), ({"is_closed": True}, IdentityClosed)],
)
def test_an_identity_that_moves_meanwhile_writes_nothing(ward, monkeypatch, rework, change, refusal):
    version = ward.write_letter()
    _during_building(monkeypatch, lambda: _change_identity(ward.patient, **change))
    with pytest.raises(refusal):
        rework(version=version, actor=ward.actor)
    kept = Version.objects.get()
    assert (kept.cda_sha256, kept.state) == (version.cda_sha256, VersionState.CURRENT)


@pytest.mark.parametrize("rework", [version_rebuild, version_reissue])
def test_a_version_that_was_replaced_or_never_validated_is_not_reworked(ward, rework):
    first = ward.write_letter()
    ward.revise(first)
    with pytest.raises(VersionMoved):
        rework(version=first, actor=ward.actor)
    with pytest.raises(VersionMoved):
        rework(version=ward.draft(), actor=ward.actor)


def test_the_identity_of_a_document_shows_the_matricule_only_when_qualified(ward):
    assert patient_content(ward.patient)["ins"] == "279035121518989"
    _unqualify(ward)
    shown = patient_content(ward.patient)
    assert (shown["ins"], shown["ins_oid"], shown["ins_text"]) == ("", "", "")


def test_validation_takes_the_revision_that_was_shown(ward):
    draft = ward.draft()
    with pytest.raises(DraftChanged):
        version_validate(
            version=draft, revision=0, author=ward.doctor, actor=ward.actor, wishes=SendingWishes()
        )
