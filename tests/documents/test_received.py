"""Documents received from elsewhere, filed by the one service of every channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction

from audit.context import system_actor
from audit.models import Trace
from documents.enums import (
    DeletionMotive,
    Intake,
    Origin,
    ReceiptOutcome,
    ReceiptRequest,
    Structure,
    VersionState,
)
from documents.errors import NotOurs
from documents.header import moment_from
from documents.models import Document, Reception, Version
from documents.received import Confirmation, IncomingDeletion, Mailing, RawInput
from documents.selectors import FILED, documents_for_patient
from documents.services import (
    document_delete,
    document_delete_received,
    document_receive,
    document_revise,
)
from documents.store import content_get
from documents.wishes import DeletionWishes, Visibility
from establishment.selectors import legal_entity
from interop.cda.datatypes import Id
from interop.cda.identifiers import finess_id
from interop.cda.model import Act, Author, Organization
from interop.cda.parse import parse_cda
from interop.ins.codes import IdentityStatus
from patients.enums import EpisodeKind, EpisodeState
from patients.models import Episode
from tests.documents.arrivals import AT, PDF, SENDER_ROOT, arriving, incoming, without_set
from tests.hospital import Ward
from tests.interop.cda.samples import DOCTOR, HEAD

ACTOR = system_actor("hl7.pfi")
PARIS = ZoneInfo("Europe/Paris")


def receive(ward: Ward, cda: bytes, **changes):
    return document_receive(patient=ward.patient, incoming=incoming(cda, **changes), actor=ACTOR, at=AT)


def delete(ward: Ward, unique_id: str, cda: bytes = b"", **changes):
    request = IncomingDeletion(
        unique_id=unique_id, origin=Origin.MSSANTE, intake=Intake.AUTOMATIC, cda=cda, **changes
    )
    return document_delete_received(patient=ward.patient, incoming=request, actor=ACTOR, at=AT)


@pytest.mark.requirement("SC.CDA/INT.17", "SC.CDA/DD.15")
def test_a_document_is_filed_under_what_it_says_of_itself(ward):
    two_years_ago = datetime(2024, 3, 1, 9, tzinfo=PARIS)
    receipt = receive(ward, arriving(acts=(Act(start=two_years_ago, performer=DOCTOR),)))
    assert receipt.outcome == ReceiptOutcome.INTEGRATED
    version = Version.objects.get()
    assert version.state == VersionState.CURRENT
    assert version.act_at == two_years_ago
    assert version.author_label == "Dr DAVID Charles"
    assert version.author_organization == "Centre hospitalier de démonstration"
    assert version.author is None and version.snapshot is None
    assert version.structure == Structure.N1
    assert content_get(version.pdf_sha256) == PDF
    document = version.document
    assert document.type_code == "11490-0" and document.origins == [Origin.MSSANTE]
    rows = documents_for_patient(ward.patient)
    assert [(row.document, row.at) for row in rows] == [(document, two_years_ago)]


def test_the_bytes_are_kept_as_they_came_and_so_is_the_file_that_held_them(ward):
    cda = arriving()
    receipt = receive(ward, cda, raw=RawInput(b"PK the archive", "IHE_XDM.zip"))
    assert content_get(receipt.version.cda_sha256) == cda
    assert content_get(receipt.reception.raw_sha256) == b"PK the archive"
    assert receipt.reception.raw_name == "IHE_XDM.zip"


@pytest.mark.requirement("F-PV-49")
def test_the_same_document_coming_twice_is_one_document_with_two_provenances(ward):
    first = receive(ward, arriving())
    second = receive(ward, arriving(), origin=Origin.DMP, intake=Intake.MANUAL)
    assert second.outcome == ReceiptOutcome.DUPLICATE and second.is_accepted
    assert second.document == first.document
    document = Document.objects.get()
    assert document.origins == [Origin.MSSANTE, Origin.DMP]
    assert Version.objects.count() == 1
    assert Reception.objects.count() == 2


def test_our_own_letter_coming_back_gains_a_provenance_and_stays_ours(ward):
    letter = ward.write_letter()
    cda = content_get(letter.cda_sha256)
    receipt = receive(ward, cda, origin=Origin.DMP, intake=Intake.MANUAL)
    assert receipt.outcome == ReceiptOutcome.DUPLICATE
    letter.document.refresh_from_db()
    assert letter.document.origins == [Origin.PRODUCED, Origin.DMP]
    assert document_revise(document=letter.document, author=ward.doctor, actor=ward.actor)


@pytest.mark.requirement("SC.MSS/UX.05")
def test_a_newer_version_takes_over_and_the_old_one_stays_readable(ward):
    first = receive(ward, arriving(1))
    second = receive(
        ward,
        arriving(2, replaces=1),
        request=ReceiptRequest.REPLACE,
        visibility=Visibility(is_invisible_patient=True),
    )
    assert second.outcome == ReceiptOutcome.REPLACED
    first.version.refresh_from_db()
    assert first.version.state == VersionState.REPLACED and first.version.replaced_at == AT
    assert content_get(first.version.pdf_sha256) == PDF
    assert second.version.number == 2 and second.version.is_invisible_patient
    assert second.document == first.document


@pytest.mark.requirement("F-PV-49")
@pytest.mark.parametrize(
    ("cda", "request_", "outcome"),
    [
        (arriving(1, id=Id(f"{SENDER_ROOT}.1.9")), ReceiptRequest.INITIAL, ReceiptOutcome.OLDER),
        (arriving(2, pdf=b"%PDF-1.4 other\n%%EOF"), ReceiptRequest.INITIAL, ReceiptOutcome.CONFLICT),
        (arriving(3, replaces=1), ReceiptRequest.REPLACE, ReceiptOutcome.UNKNOWN_VERSION),
        (arriving(4, lineage=5, replaces=3), ReceiptRequest.REPLACE, ReceiptOutcome.UNKNOWN_VERSION),
    ],
)
def test_what_does_not_follow_the_last_version_changes_nothing(ward, cda, request_, outcome):
    receive(ward, arriving(1))
    current = receive(ward, arriving(2, replaces=1)).version
    receipt = receive(ward, cda, request=request_)
    assert receipt.outcome == outcome and not receipt.is_accepted
    assert receipt.code in {"900", "906"}
    assert receipt.reception.reason == receipt.sentence
    current.refresh_from_db()
    assert current.state == VersionState.CURRENT
    assert Version.objects.count() == 2


def test_a_chain_of_ids_serves_for_want_of_a_set(ward):
    first = receive(ward, without_set(arriving(1)))
    receipt = receive(ward, without_set(arriving(2, replaces=1)), request=ReceiptRequest.REPLACE)
    assert receipt.outcome == ReceiptOutcome.REPLACED
    assert receipt.document == first.document
    assert receipt.version.number == 2


@pytest.mark.requirement("F-PV-49")
def test_a_producer_that_adopts_sets_goes_on_with_its_lineage(ward):
    first = receive(ward, without_set(arriving(1)))
    receipt = receive(ward, arriving(2, replaces=1))
    assert receipt.outcome == ReceiptOutcome.REPLACED and receipt.document == first.document
    assert Document.objects.get().set_id == f"{SENDER_ROOT}.2.1"


def test_only_the_author_or_its_structure_replaces(ward):
    receive(ward, arriving(1))
    elsewhere = replace(HEAD, organization=Organization("Ailleurs", finess_id("330781279")))
    refused = receive(ward, arriving(2, replaces=1, authors=(Author(elsewhere, AT),)))
    assert (refused.outcome, refused.code) == (ReceiptOutcome.REFUSED_AUTHOR, "901")
    taken = receive(ward, arriving(2, replaces=1, authors=(Author(HEAD, AT),)))
    assert taken.outcome == ReceiptOutcome.REPLACED


def test_nobody_outside_replaces_or_deletes_what_was_written_here(ward):
    letter = ward.write_letter()
    author = parse_cda(content_get(letter.cda_sha256)).authors[0]
    claimed = replace(DOCTOR, id=author.id, organization=Organization("CH", author.organization.id))
    forged = arriving(
        2,
        set_id=Id(letter.document.set_id),
        authors=(Author(claimed, AT),),
        replaces=Id(letter.unique_id),
    )
    for request in (ReceiptRequest.INITIAL, ReceiptRequest.REPLACE):
        replacement = receive(ward, forged, request=request)
        assert (replacement.outcome, replacement.code) == (ReceiptOutcome.REFUSED_AUTHOR, "901")
    deletion = delete(ward, letter.unique_id, content_get(letter.cda_sha256))
    assert (deletion.outcome, deletion.code) == (ReceiptOutcome.REFUSED_AUTHOR, "901")
    letter.refresh_from_db()
    assert letter.state == VersionState.CURRENT


def test_a_stranger_takes_none_of_our_identifiers(ward):
    root = legal_entity().oid_root
    for forged in (arriving(id=Id(f"{root}.1.77")), arriving(set_id=Id(f"{root}.2.77"))):
        receipt = receive(ward, forged)
        assert (receipt.outcome, receipt.code) == (ReceiptOutcome.CONFLICT, "906")
    assert not Document.objects.exists()


@pytest.mark.requirement("SC.MSS/UX.05")
def test_a_deletion_strikes_the_document_and_its_content_stays_viewable(ward):
    filed = receive(ward, arriving())
    receipt = delete(ward, filed.version.unique_id, arriving(), source_label="Labo BIOVAL")
    assert receipt.outcome == ReceiptOutcome.DELETED
    filed.version.refresh_from_db()
    assert filed.version.state == VersionState.DELETED and filed.version.deleted_at == AT
    assert content_get(filed.version.cda_sha256) and content_get(filed.version.pdf_sha256) == PDF
    again = receive(ward, arriving())
    assert (again.outcome, again.code) == (ReceiptOutcome.DELETED_BEFORE, "906")
    assert delete(ward, filed.version.unique_id, arriving()).outcome == ReceiptOutcome.DUPLICATE


@pytest.mark.requirement("SC.MSS/UX.05", "SC.MSS/UX.37")
def test_what_was_deleted_comes_back_by_a_person_alone_and_the_history_keeps_both(ward):
    """mssante 2.6: a later T02 of the same id is answered AE 906 and re-created only by a person."""
    filed = receive(ward, arriving(), unit=ward.unit)
    delete(ward, filed.version.unique_id, arriving())
    hand = {"intake": Intake.MANUAL, "confirmation": Confirmation()}
    for refused in ({}, {"refiled_for": "Supprimé par erreur"}, hand, hand | {"refiled_for": "  "}):
        assert receive(ward, arriving(), **refused).outcome == ReceiptOutcome.DELETED_BEFORE

    again = receive(ward, arriving(), **hand, refiled_for="Supprimé par erreur, vu avec le labo")

    assert again.is_accepted and again.version == filed.version
    filed.version.refresh_from_db()
    assert (filed.version.state, filed.version.deleted_at) == (VersionState.CURRENT, None)
    assert filed.document.episode == ward.episode, "where it was"
    assert Version.objects.count() == 1
    touched = Reception.objects.filter(document=filed.document, outcome__in=FILED).order_by("id")
    assert [one.outcome for one in touched] == ["integrated", "deleted", "integrated"]
    assert touched.last().extra == {"refiled_for": "Supprimé par erreur, vu avec le labo"}
    assert Trace.objects.filter(type="mssante.integrate", detail__again=True).count() == 1
    assert delete(ward, filed.version.unique_id, arriving()).outcome == ReceiptOutcome.DELETED


def test_what_was_deleted_does_not_come_back_over_the_version_that_took_its_place(ward):
    first = receive(ward, arriving(1))
    delete(ward, first.version.unique_id, arriving(1))
    second = receive(ward, arriving(2))
    assert second.outcome == ReceiptOutcome.INTEGRATED and second.document == first.document
    late = receive(ward, arriving(1), intake=Intake.MANUAL, confirmation=Confirmation(), refiled_for="Si")
    assert late.outcome == ReceiptOutcome.OLDER
    second.version.refresh_from_db()
    assert second.version.state == VersionState.CURRENT


def test_what_was_written_and_deleted_here_is_never_filed_again(ward):
    letter = ward.write_letter()
    wishes = DeletionWishes(motive=DeletionMotive.WRONG_DOCUMENT)
    document_delete(version=letter, wishes=wishes, author=ward.doctor, actor=ward.actor)
    receipt = receive(
        ward,
        content_get(letter.cda_sha256),
        intake=Intake.MANUAL,
        confirmation=Confirmation(),
        refiled_for="Si",
    )
    assert receipt.outcome == ReceiptOutcome.DELETED_BEFORE
    letter.refresh_from_db()
    assert letter.state == VersionState.DELETED


def test_a_deletion_that_the_dmp_says_needs_no_document(ward):
    filed = receive(ward, arriving(), origin=Origin.DMP, intake=Intake.MANUAL)
    request = IncomingDeletion(unique_id=filed.version.unique_id, origin=Origin.DMP, intake=Intake.AUTOMATIC)
    receipt = document_delete_received(patient=ward.patient, incoming=request, actor=ACTOR, at=AT)
    assert receipt.outcome == ReceiptOutcome.DELETED


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.parametrize(
    "changes",
    [
        {"traits": {"birth_name": "PAT-TROI"}},
        {"traits": {"birth_given_names": "DOMINIQUE MARIE"}},
        {"traits": {"birth_date": date(1979, 3, 27)}},
        {"traits": {"birth_place_cog": "51215"}},
        {"person": {"ins": None, "identity_status": IdentityStatus.VALIDATED}},
    ],
)
def test_without_a_person_who_confirms_one_difference_files_nothing(ward, changes):
    receipt = receive(ward, arriving(**changes))
    assert (receipt.outcome, receipt.code) == (ReceiptOutcome.REFUSED_IDENTITY, "904")
    assert receipt.reception.candidate == ward.patient and receipt.reception.patient is None
    assert len(receipt.reception.differing) >= 1
    assert not Document.objects.exists()


def test_a_person_who_confirms_files_it_and_the_differences_are_kept(ward):
    receipt = receive(
        ward,
        arriving(traits={"birth_place_cog": "51215"}),
        intake=Intake.MANUAL,
        confirmation=Confirmation(),
    )
    assert receipt.outcome == ReceiptOutcome.INTEGRATED
    assert receipt.reception.differing == ["birth_place_cog"]
    ward.patient.refresh_from_db()
    assert ward.patient.birth_place_cog == "63220"


def test_it_is_filed_in_the_stay_of_the_unit_that_receives(ward):
    past = Episode.objects.create(
        patient=ward.patient,
        kind=EpisodeKind.OUTPATIENT,
        state=EpisodeState.CLOSED,
        admitted_at=AT - timedelta(days=400),
        discharged_at=AT - timedelta(days=399),
        unit=ward.unit,
    )
    act = Act(start=AT - timedelta(days=400), performer=DOCTOR)
    assert receive(ward, arriving(1, acts=(act,)), unit=ward.unit).document.episode == past
    act = Act(start=AT, performer=DOCTOR)
    assert receive(ward, arriving(1, lineage=2, acts=(act,)), unit=ward.unit).document.episode == ward.episode
    assert receive(ward, arriving(1, lineage=3)).document.episode is None


def test_what_was_received_is_never_edited(ward):
    document = receive(ward, arriving()).document
    with pytest.raises(NotOurs):
        document_revise(document=document, author=ward.doctor, actor=ward.actor)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"not xml", "xml:malformed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml:doctype"),
        (b"<other/>", "cda:not_cda"),
        (arriving().replace(b"<recordTarget", b"<x").replace(b"</recordTarget", b"</x"), "cda:header"),
        (arriving(id=Id("not-an-oid")), "cda:header"),
        (arriving(id=Id("1." + "2" * 140)), "cda:header"),
    ],
)
def test_unusable_bytes_are_refused_with_what_and_where_and_kept(ward, raw, code):
    receipt = receive(ward, raw)
    assert (receipt.outcome, receipt.code) == (ReceiptOutcome.UNREADABLE, code)
    assert receipt.sentence and receipt.reception.reason == receipt.sentence
    assert content_get(receipt.reception.cda_sha256) == raw


@pytest.mark.requirement("SC.MSS/UX.37")
def test_each_arrival_is_traced_whatever_became_of_it(ward):
    mailing = Mailing(sender_address="labo@bioval.mssante.fr", recipient_address="chir@ch.mssante.fr")
    receive(ward, arriving(), mailing=mailing)
    receive(ward, arriving(2, replaces=1), mailing=mailing)
    receive(ward, arriving(1, id=Id(f"{SENDER_ROOT}.1.9")), mailing=mailing)
    traces = list(Trace.objects.filter(object_type="reception").order_by("id"))
    assert [trace.type for trace in traces] == ["mssante.integrate", "mssante.replace", "mssante.reject"]
    assert all(trace.patient_uid == ward.patient.uid and trace.patient_ins for trace in traces)
    assert traces[2].detail["code"] == "900" and traces[2].outcome == "refused"
    assert traces[0].detail["from"] == "labo@bioval.mssante.fr"


def test_the_database_lets_nobody_change_what_arrived(ward):
    reception = receive(ward, arriving()).reception
    for change in (
        lambda: Reception.objects.filter(pk=reception.pk).update(outcome=ReceiptOutcome.OLDER),
        lambda: Reception.objects.filter(pk=reception.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=PARIS)),
        ("202403", datetime(2024, 3, 1, tzinfo=PARIS)),
        ("20240301", datetime(2024, 3, 1, tzinfo=PARIS)),
        ("202403010905", datetime(2024, 3, 1, 9, 5, tzinfo=PARIS)),
        ("20240301090500+0000", datetime(2024, 3, 1, 9, 5, tzinfo=UTC)),
        ("202413", None),
        ("20240230", None),
        ("", None),
        ("hier", None),
    ],
)
def test_a_date_is_read_however_much_of_it_is_written(text, moment):
    assert moment_from(text, PARIS) == moment
