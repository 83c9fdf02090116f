"""Composed values, times, tables and completeness of the metadata."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon
from interop.xds.metadata import NO_CODE, NO_ID, Code, entry_problems, set_problems
from interop.xds.nomenclature import (
    UnknownCode,
    class_of_type,
    content_type_of_patient_class,
    format_of_media_type,
    format_of_models,
)
from interop.xds.times import dtm_from_instant, dtm_from_ts, instant_from_dtm
from tests.interop.xds.samples import ENTRY, LOT

_names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Cx("279035121518989", "1.2.250.1.213.1.4.8", "NH"), "279035121518989^^^&1.2.250.1.213.1.4.8&ISO^NH"),
        (Cx("1234", "1.2.3"), "1234^^^&1.2.3&ISO^PI"),
        (
            Xcn("899900063480", "NOM", "Prenom"),
            "899900063480^NOM^Prenom^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS",
        ),
        (
            Xon("1750803447", "NOM STRUCTURE"),
            "NOM STRUCTURE^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1750803447",
        ),
        (Xon("1750803447"), "^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1750803447"),
    ],
)
def test_composed_values_are_those_of_the_official_examples(value: Cx | Xcn | Xon, text: str) -> None:
    assert str(value) == text
    assert type(value).parse(text) == value


@given(_names, _names)
def test_separators_inside_names_survive(family: str, given_name: str) -> None:
    person = Xcn("8", family, given_name)
    assert Xcn.parse(str(person)) == person
    assert Xon.parse(str(Xon("1", family))) == Xon("1", family)


def test_what_older_producers_added_to_an_identifier_is_ignored() -> None:
    assert Cx.parse("20705^^^&1.2.250.1.213.1.4.10&ISO^NH^^20100907") == Cx(
        "20705", "1.2.250.1.213.1.4.10", "NH"
    )
    assert Cx.parse("20705") == Cx("20705", "", "")


@pytest.mark.parametrize(
    ("ts", "dtm"),
    [
        ("20191203133000+0100", "20191203123000"),
        ("20260701003000+0200", "20260630223000"),
        ("20191203133000-0330", "20191203170000"),
        ("201912031330+0100", "201912031230"),
        ("2019120313+0100", "2019120312"),
        ("20191203133000.123+0100", "20191203123000"),
        ("20191203", "20191203"),
        ("201912", "201912"),
        ("2019", "2019"),
        ("20260701120000", "20260701100000"),
        ("20260101120000", "20260101110000"),
    ],
)
def test_a_local_time_becomes_utc_and_keeps_its_precision(ts: str, dtm: str) -> None:
    assert dtm_from_ts(ts, zone=ZoneInfo("Europe/Paris")) == dtm


@pytest.mark.parametrize("ts", ["", "hier", "201", "20191340", "201912031", "20191303250000+0100", "2019+01"])
def test_what_is_no_time_is_refused(ts: str) -> None:
    with pytest.raises(ValueError):
        instant_from_dtm(dtm_from_ts(ts))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))
def test_an_instant_survives_to_the_second(moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC, microsecond=0)
    assert instant_from_dtm(dtm_from_instant(instant)) == instant


def test_an_instant_of_day_or_month_counts_from_its_beginning() -> None:
    assert instant_from_dtm("201912") == datetime(2019, 12, 1, tzinfo=UTC)
    assert instant_from_dtm("20191203") == datetime(2019, 12, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_code", "class_code"),
    [
        (Code("11490-0", codes.OID_LOINC), "10"),
        (Code("18761-7", codes.OID_LOINC), "11"),
        (Code("57833-6", codes.OID_LOINC), "42"),
        (Code("18748-4", codes.OID_LOINC), "31"),
        (Code("SYNTH", codes.OID_TYPE_CODE_FR), "11"),
        (Code("87273-9", codes.OID_LOINC), "52"),
    ],
)
def test_the_class_is_that_of_the_national_table(type_code: Code, class_code: str) -> None:
    found = class_of_type(type_code)
    assert (found.code, found.system) == (class_code, "1.2.250.1.213.1.1.4.1")
    assert found.label


def test_a_type_without_class_is_refused() -> None:
    with pytest.raises(UnknownCode):
        class_of_type(Code("11490-0", codes.OID_TYPE_CODE_FR))


def test_the_format_of_a_level_1_document_is_that_of_its_file() -> None:
    assert format_of_media_type("application/pdf").code == codes.FORMAT_PDF
    for refused in ("application/msword", "*", "1.2.250.1.213.1.1.1.29"):
        with pytest.raises(UnknownCode):
            format_of_media_type(refused)


def test_the_format_of_a_level_3_document_is_that_of_its_model() -> None:
    general = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")
    assert format_of_models((*general, "1.2.250.1.213.1.1.1.29")).code == "urn:asip:ci-sis:ldl-ses:2017"
    assert format_of_models(general).code == codes.FORMAT_OTHER_N3


def test_the_activity_comes_from_the_patient_class() -> None:
    found = {letter: content_type_of_patient_class(letter).code for letter in "IOERN"}
    assert found == {"I": "03", "O": "07", "E": "07", "R": "19", "N": "97"}
    with pytest.raises(UnknownCode):
        content_type_of_patient_class("B")


def test_complete_metadata_has_no_problem() -> None:
    assert entry_problems(ENTRY) == ()
    assert set_problems(LOT) == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"title": ""}, "title is missing"),
        ({"authors": ()}, "author is missing"),
        ({"legal_authenticator": None}, "legalAuthenticator is missing"),
        ({"class_code": NO_CODE}, "classCode is missing"),
        ({"patient_id": NO_ID}, "patientId is missing"),
        ({"service_start_time": ""}, "serviceStartTime is missing"),
        ({"creation_time": "20261124083000+0100"}, "creationTime is no time"),
        ({"unique_id": "ec3e2fd0-b1f4-4e3a-8e63-0b6b0a2d1f11"}, "uniqueId is no OID"),
        ({"unique_id": "1.2." + "3" * 70}, "uniqueId is no OID"),
        ({"hash": "ABC"}, "hash is no SHA-1"),
        ({"confidentiality_codes": ENTRY.confidentiality_codes[1:]}, "begins with a restriction"),
        ({"confidentiality_codes": ENTRY.confidentiality_codes[:1] * 2}, "the same twice"),
    ],
)
def test_a_hole_in_the_metadata_is_named(change: dict[str, object], problem: str) -> None:
    (found,) = entry_problems(replace(ENTRY, **change))
    assert problem in found


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"authors": ()}, "author"),
        ({"content_type": NO_CODE}, "contentTypeCode"),
        ({"source_id": "DPI"}, "sourceId"),
        ({"unique_id": ""}, "uniqueId"),
        ({"submission_time": "hier"}, "submissionTime"),
        ({"patient_id": NO_ID}, "patientId"),
    ],
)
def test_a_hole_in_a_lot_is_named(change: dict[str, object], name: str) -> None:
    assert set_problems(replace(LOT, **change)) == (f"XDSSubmissionSet.{name}",)


def test_the_restrictions_of_a_document_are_known_apart() -> None:
    assert ENTRY.visibility == {"INVISIBLE_PATIENT"}
