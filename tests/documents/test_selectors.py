"""The document list: one row a document, its origin, its sorts, its cost."""

from datetime import UTC, datetime

import pytest
from django.test.utils import CaptureQueriesContext

from documents.enums import Origin, VersionState
from documents.models import Document
from documents.selectors import DocumentSort, documents_for_patient, drafts_of, version_to_show
from documents.services import document_revise
from tests.factories import DocumentFactory, PatientFactory, ValidatedVersionFactory, VersionFactory

pytestmark = pytest.mark.django_db


BIOLOGY, OPERATION, LETTER = "11502-2", "34874-8", "11490-0"


def _document(patient, title, day, origin=Origin.PRODUCED, type_code=LETTER, **changes):
    document = DocumentFactory(patient=patient, title=title, origins=[origin.value], type_code=type_code)
    ValidatedVersionFactory(document=document, act_at=datetime(2026, 3, day, 9, tzinfo=UTC), **changes)
    return document


@pytest.fixture
def patient():
    """Three documents of three origins, filed in another order than their acts."""
    patient = PatientFactory()
    _document(patient, "Avant la chirurgie", 2, Origin.DMP, OPERATION)
    _document(patient, "Le séjour", 9)
    _document(patient, "Zinc et cuivre", 5, Origin.MSSANTE, BIOLOGY)
    return patient


@pytest.mark.requirement("SC.CDA/INT.04")
@pytest.mark.parametrize(
    ("sort", "days"),
    [
        (DocumentSort.DATE_DESC, [9, 5, 2]),
        (DocumentSort.DATE_ASC, [2, 5, 9]),
        (DocumentSort.TYPE_ASC, [5, 2, 9]),
        (DocumentSort.TYPE_DESC, [9, 2, 5]),
    ],
)
def test_documents_sort_by_date_of_act_and_by_type_both_ways_whatever_their_origin(patient, sort, days):
    assert [row.at.day for row in documents_for_patient(patient, sort=sort)] == days


@pytest.mark.requirement("SC.CDA/INT.04")
def test_documents_of_one_type_are_newest_first(patient):
    _document(patient, "Autre bilan", 7, Origin.INTERNAL, BIOLOGY)
    rows = documents_for_patient(patient, sort=DocumentSort.TYPE_ASC)
    assert [row.at.day for row in rows] == [7, 5, 2, 9]


@pytest.mark.requirement("SC.CDA/INT.08")
def test_each_row_tells_its_origins_and_a_second_arrival_adds_one(patient):
    Document.objects.filter(type_code=BIOLOGY).update(origins=[Origin.MSSANTE, Origin.DMP])
    origins = {row.document.type_code: row.document.origins for row in documents_for_patient(patient)}
    assert origins == {BIOLOGY: ["mssante", "dmp"], OPERATION: ["dmp"], LETTER: ["produced"]}


@pytest.mark.requirement("SC.CDA/DD.15")
def test_a_document_is_one_row_whatever_its_versions_and_renderings(ward):
    first = ward.write_letter()
    second = ward.revise(first)
    third = document_revise(document=first.document, author=ward.doctor, actor=ward.actor)
    (row,) = documents_for_patient(ward.patient)
    assert (row.shown, row.older, row.draft) == (second, (first,), third)
    assert second.pdf_sha256 and second.cda_sha256


def test_a_document_that_was_never_validated_shows_its_draft():
    draft = VersionFactory()
    (row,) = documents_for_patient(draft.document.patient)
    assert (row.shown, row.draft, row.older) == (draft, draft, ())
    assert row.at == draft.edited_at


def test_only_the_documents_of_the_patient_are_listed(patient):
    _document(PatientFactory(), "D’un autre", 1)
    assert len(documents_for_patient(patient)) == 3


def test_the_list_costs_two_queries_however_long_it_is(patient, django_assert_num_queries):
    for day in range(10, 28):
        version = _document(patient, f"Document {day}", day).versions.get()
        VersionFactory(document=version.document, number=2, author=version.author)
    with django_assert_num_queries(2):
        rows = documents_for_patient(patient)
        assert len(rows) == 21
        assert all(row.shown.author.display_name and row.document.unit.name for row in rows)


def test_the_list_leaves_what_was_typed_and_frozen_in_the_database(patient, connection_queries):
    documents_for_patient(patient)
    assert not any('"body"' in query or '"snapshot"' in query for query in connection_queries())


@pytest.fixture
def connection_queries():
    from django.db import connection

    with CaptureQueriesContext(connection) as captured:
        yield lambda: [query["sql"] for query in captured.captured_queries]


def test_a_page_about_one_version_costs_one_query(django_assert_num_queries):
    version = ValidatedVersionFactory()
    with django_assert_num_queries(1):
        shown = version_to_show(version.uid)
        assert shown.document.patient.birth_name and shown.author.login and shown.document.unit.site.name


def test_a_writer_finds_the_drafts_left_open_oldest_first():
    late = VersionFactory(edited_at=datetime(2026, 3, 9, tzinfo=UTC))
    early = VersionFactory(author=late.author, edited_at=datetime(2026, 3, 1, tzinfo=UTC))
    VersionFactory()
    ValidatedVersionFactory(author=late.author, state=VersionState.CURRENT)
    assert list(drafts_of(late.author_id)) == [early, late]
