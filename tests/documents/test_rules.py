"""Pure rules of produced documents."""

from datetime import date

import pytest

from documents.enums import VisibilityFault
from documents.rules import (
    IDENTITY_FACTS,
    is_minor,
    says_the_same,
    tells_same_person,
    visibility_fault,
)
from documents.wishes import Visibility
from tests.documents.snapshots import letter


@pytest.mark.requirement("F-PFI-05")
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("allows_both", [True, False])
def test_hidden_and_masked_exclude_each_other_unless_the_dmp_allows_both(hidden, masked, allows_both):
    seen = Visibility(is_invisible_patient=hidden, is_masque_ps=masked)
    fault = visibility_fault(seen, allows_both=allows_both, of_a_minor=False)
    assert (fault is None) == (allows_both or not (hidden and masked))


@pytest.mark.requirement("DMP/va1.04")
@pytest.mark.parametrize(
    ("hidden_from_guardians", "of_a_minor", "fault"),
    [
        (True, True, None),
        (False, True, VisibilityFault.SECRET_BUT_SEEN),
        (True, False, VisibilityFault.SECRET_OF_ADULT),
    ],
)
def test_a_secret_connection_is_of_a_minor_and_hidden_from_guardians(
    hidden_from_guardians, of_a_minor, fault
):
    seen = Visibility(is_connexion_secrete=True, is_invisible_rep_legaux=hidden_from_guardians)
    assert visibility_fault(seen, allows_both=False, of_a_minor=of_a_minor) == fault


@pytest.mark.parametrize(
    ("born", "day", "minor"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
        (date(2008, 11, 28), date(2026, 11, 28), False),
        (None, date(2026, 11, 28), False),
    ],
)
def test_majority_comes_on_the_birthday(born, day, minor):
    assert is_minor(born, day) is minor


@pytest.mark.parametrize("fact", IDENTITY_FACTS)
def test_bytes_no_longer_tell_the_person_when_the_ins_or_a_strict_trait_changed(fact):
    then = letter()["patient"]
    assert tells_same_person(then, then)
    assert not tells_same_person(then, then | {fact: "X"})


@pytest.mark.parametrize("fact", ["phone", "street", "used_name", "stamp", "identity_status_label"])
def test_what_nobody_files_by_makes_no_new_version(fact):
    then = letter()["patient"]
    assert tells_same_person(then, then | {fact: "X"})


@pytest.mark.parametrize(
    "change",
    [
        {"document": {"unique_id": "1.2.3", "number": 2, "replaces": "1.2", "at": "x", "date_text": "x"}},
        {"patient": {"stamp": 9}},
    ],
)
def test_identifiers_dates_and_stamp_are_no_change_for_a_reader(change):
    assert says_the_same(letter(), letter(**change))


@pytest.mark.parametrize(
    "change",
    [
        {"document": {"title": "Autre titre"}},
        {"body": {"motif": "Autre motif"}},
        {"patient": {"phone": "01"}},
        {"author": {"display_name": "Dr LEMAIRE Bruno"}},
        {"episode": {"discharged_text": "09/03/2026"}},
    ],
)
def test_a_change_that_a_reader_sees_is_a_change(change):
    assert not says_the_same(letter(), letter(**change))
