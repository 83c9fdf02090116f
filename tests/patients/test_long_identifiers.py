"""Identifiers are compared whole or refused: two persons must never become one (ins 9.3)."""

import pytest

from interop.hl7v2.datatypes import Authority
from interop.hl7v2.datatypes import Identifier as Received
from interop.hl7v2.errors import Hl7Error
from patients.services.received import _distinct, _identifier_key, _local_row, whole


@pytest.mark.parametrize(
    "received",
    [
        Received("9" * 61, Authority("CHX"), "PI"),
        Received("9", Authority("X" * 61), "PI"),
        Received("9", Authority("CHX", "1." + "2" * 63, "ISO"), "PI"),
        Received("9", Authority("CHX", "2" * 61, "N"), "PI"),
    ],
    ids=["value", "namespace", "oid", "finess"],
)
def test_an_identifier_longer_than_its_column_is_refused_not_cut(received):
    with pytest.raises(Hl7Error) as refused:
        _identifier_key(received)
    assert (refused.value.code, refused.value.location) == ("102", "PID^1^3")


def test_an_identifier_that_fits_is_kept_whole():
    assert whole("9" * 60, 60, "PV1^1^19") == "9" * 60


def test_a_repetition_that_says_the_same_thing_twice_says_it_once():
    one = Received("000003", Authority("CHX", "000897406", "N"), "PI")
    assert len(_distinct([_local_row(one), _local_row(one)])) == 1
