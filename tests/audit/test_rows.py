"""Rows inserted by one statement are those that the ORM would have written."""

from datetime import date

import pytest
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from audit.rows import rows_insert
from documents.models import Version
from patients.models import Episode, Identifier, Movement, Patient
from tests.factories import DocumentFactory, EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("factory", [PatientFactory, EpisodeFactory])
def test_a_row_is_written_as_the_orm_writes_it(factory):
    saved = factory()
    model = type(saved)
    values = {field.attname: getattr(saved, field.attname) for field in saved._meta.concrete_fields}
    for unique in ("id", "uid", "identity_status", "visit_number"):
        values.pop(unique, None)
    row = model(**values)
    rows_insert(row)
    written = model.objects.get(pk=row.pk)
    assert (row._state.adding, row.pk != saved.pk) == (False, True)
    for name in values.keys() - {"created_at", "updated_at"}:
        assert getattr(written, name) == getattr(saved, name), name


def test_what_the_database_generates_comes_back():
    patient = Patient(birth_name="TILLEULS", birth_date=date(1980, 2, 3), is_identity_controlled=True)
    rows_insert(patient)
    assert patient.identity_status == Patient.objects.get(pk=patient.pk).identity_status == "VALI"


def test_rows_keep_their_order_their_documents_and_their_empty_lists(django_assert_num_queries):
    episode = EpisodeFactory()
    moves = [
        Movement(episode=episode, event=event, start_at=episode.admitted_at, identifiers=names)
        for event, names in (("A01", ["1^CHX", "2^CHX"]), ("A02", []))
    ]
    with django_assert_num_queries(1):
        rows_insert(*moves)
    assert [Movement.objects.get(pk=row.pk).identifiers for row in moves] == [["1^CHX", "2^CHX"], []]
    assert moves[0].pk < moves[1].pk


def test_none_is_written_when_one_is_refused(django_assert_num_queries):
    patient = PatientFactory()
    rows = [Identifier(patient=patient, kind="OTHER", value="1"), Identifier(kind="OTHER", value="2")]
    with pytest.raises(IntegrityError), transaction.atomic():
        rows_insert(*rows)
    assert not Identifier.objects.filter(value="1").exists()
    with django_assert_num_queries(0):
        rows_insert()


def test_a_value_that_is_too_long_is_refused_not_cut():
    with pytest.raises(DataError):
        rows_insert(Patient(birth_name="X" * 101))


def test_a_value_given_is_written_where_the_database_has_one_of_its_own():
    told, silent = (Version(document=DocumentFactory(), number=1, edited_at=timezone.now()) for _ in "ab")
    told.author_keys, told.author_organization = ["1|12"], "CHX"
    rows_insert(told)
    rows_insert(silent)
    written = {row.pk: (row.author_keys, row.author_organization) for row in Version.objects.all()}
    assert written == {told.pk: (["1|12"], "CHX"), silent.pk: ([], "")}


def test_rows_that_fill_other_columns_are_no_one_statement():
    episode = EpisodeFactory()
    with pytest.raises(ValueError, match="same columns"):
        rows_insert(Episode(patient=episode.patient), Episode(created_at=timezone.now()))
