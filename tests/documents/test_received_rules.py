"""Which arrival is filed, replaces, or is refused: the whole table, without any database."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.enums import ReceiptOutcome as Out
from documents.enums import ReceiptRequest, VersionState
from documents.rules import (
    Arrival,
    FilingStay,
    Held,
    application_code,
    has_author_right,
    number_of,
    ruling_on,
    ruling_on_deletion,
    stay_to_file_in,
)

KEYS = frozenset({"1.2.250.1.71.4.2.2|750803447"})
INITIAL = Arrival(ReceiptRequest.INITIAL, sha256="a", number=2, author_keys=KEYS)
REPLACEMENT = replace(INITIAL, request=ReceiptRequest.REPLACE)
HELD = Held(
    pk=1,
    document_pk=1,
    same_patient=True,
    sha256="z",
    state=VersionState.CURRENT,
    number=1,
    is_produced=False,
    author_keys=KEYS,
)
REPLACED = replace(HELD, state=VersionState.REPLACED)
DELETED = replace(HELD, state=VersionState.DELETED)
ELSEWHERE = replace(HELD, same_patient=False)
OURS = replace(HELD, is_produced=True)
STRANGERS = replace(HELD, author_keys=frozenset({"another"}))
SAME = replace(HELD, sha256="a")
GONE = replace(SAME, state=VersionState.DELETED)
OF_DMP = replace(INITIAL, author_keys=None)
BACK = replace(INITIAL, refiles=True)


@pytest.mark.requirement("F-PV-49", "SC.CDA/INT.17")
@pytest.mark.parametrize(
    ("arrival", "known", "outcome"),
    [
        (INITIAL, {}, Out.INTEGRATED),
        # The same id.
        (INITIAL, {"same_id": SAME}, Out.DUPLICATE),
        (REPLACEMENT, {"same_id": SAME, "parent": REPLACED}, Out.DUPLICATE),
        (INITIAL, {"same_id": replace(SAME, state=VersionState.REPLACED)}, Out.DUPLICATE),
        (INITIAL, {"same_id": HELD}, Out.CONFLICT),
        (INITIAL, {"same_id": replace(SAME, same_patient=False)}, Out.CONFLICT),
        (INITIAL, {"same_id": replace(SAME, state=VersionState.DELETED)}, Out.DELETED_BEFORE),
        # Deleted before: by a person with a motive alone, and never over a later version (mssante 2.6).
        (BACK, {"same_id": GONE}, Out.INTEGRATED),
        (BACK, {"same_id": GONE, "lineage": GONE}, Out.INTEGRATED),
        (BACK, {"same_id": GONE, "lineage": replace(HELD, pk=2)}, Out.OLDER),
        (BACK, {"same_id": replace(GONE, is_produced=True)}, Out.DELETED_BEFORE),
        (BACK, {"same_id": replace(GONE, same_patient=False)}, Out.CONFLICT),
        (BACK, {"same_id": replace(GONE, sha256="z")}, Out.CONFLICT),
        (BACK, {"same_id": SAME}, Out.DUPLICATE),
        # The same setId (decision 12).
        (INITIAL, {"lineage": HELD}, Out.REPLACED),
        (replace(INITIAL, number=1), {"lineage": HELD}, Out.OLDER),
        (INITIAL, {"lineage": replace(HELD, number=3)}, Out.OLDER),
        (replace(INITIAL, number=None), {"lineage": HELD}, Out.OLDER),
        (replace(INITIAL, number=None), {"lineage": HELD, "parent": HELD}, Out.REPLACED),
        (INITIAL, {"lineage": DELETED}, Out.INTEGRATED),
        (INITIAL, {"lineage": ELSEWHERE}, Out.CONFLICT),
        (INITIAL, {"lineage": STRANGERS}, Out.REFUSED_AUTHOR),
        (INITIAL, {"lineage": OURS}, Out.REFUSED_AUTHOR),
        # The registry of the DMP decided who may replace what (dmp 6.5); never what is written here.
        (OF_DMP, {"lineage": STRANGERS}, Out.REPLACED),
        (OF_DMP, {"parent": STRANGERS}, Out.REPLACED),
        (OF_DMP, {"lineage": replace(STRANGERS, number=2)}, Out.OLDER),
        (OF_DMP, {"lineage": OURS}, Out.REFUSED_AUTHOR),
        # No setId: the chain of ids.
        (INITIAL, {"parent": HELD}, Out.REPLACED),
        (INITIAL, {"parent": REPLACED}, Out.OLDER),
        (INITIAL, {"parent": ELSEWHERE}, Out.INTEGRATED),
        (INITIAL, {"parent": STRANGERS}, Out.REFUSED_AUTHOR),
        # A replacement says which version it replaces.
        (REPLACEMENT, {"parent": HELD}, Out.REPLACED),
        (REPLACEMENT, {"parent": HELD, "lineage": HELD}, Out.REPLACED),
        (REPLACEMENT, {}, Out.UNKNOWN_VERSION),
        (REPLACEMENT, {"lineage": HELD}, Out.UNKNOWN_VERSION),
        (REPLACEMENT, {"parent": REPLACED}, Out.UNKNOWN_VERSION),
        (REPLACEMENT, {"parent": DELETED}, Out.UNKNOWN_VERSION),
        (REPLACEMENT, {"parent": ELSEWHERE}, Out.UNKNOWN_VERSION),
        (REPLACEMENT, {"parent": HELD, "lineage": replace(HELD, document_pk=2)}, Out.CONFLICT),
        (REPLACEMENT, {"parent": HELD, "lineage": ELSEWHERE}, Out.CONFLICT),
        (replace(REPLACEMENT, number=1), {"parent": HELD, "lineage": HELD}, Out.OLDER),
        (replace(REPLACEMENT, number=1), {"parent": HELD}, Out.REPLACED),
        (REPLACEMENT, {"parent": STRANGERS}, Out.REFUSED_AUTHOR),
        (REPLACEMENT, {"parent": OURS}, Out.REFUSED_AUTHOR),
    ],
)
def test_an_arrival_meets_what_the_record_holds(arrival, known, outcome):
    known = {"same_id": None, "lineage": None, "parent": None} | known
    assert ruling_on(arrival, **known).outcome == outcome


def test_an_orphan_replacement_enters_only_where_the_setting_says_so():
    nothing = {"same_id": None, "lineage": None, "parent": None}
    assert ruling_on(REPLACEMENT, **nothing, accepts_orphan=True).outcome == Out.INTEGRATED
    assert ruling_on(REPLACEMENT, **nothing, accepts_orphan=False).outcome == Out.UNKNOWN_VERSION


@pytest.mark.requirement("SC.MSS/UX.05")
@pytest.mark.parametrize(
    ("target", "keys", "outcome"),
    [
        (None, KEYS, Out.UNKNOWN_VERSION),
        (ELSEWHERE, KEYS, Out.UNKNOWN_VERSION),
        (REPLACED, KEYS, Out.UNKNOWN_VERSION),
        (DELETED, KEYS, Out.DUPLICATE),
        (HELD, frozenset({"another"}), Out.REFUSED_AUTHOR),
        (OURS, KEYS, Out.REFUSED_AUTHOR),
        (HELD, KEYS, Out.DELETED),
        (HELD, None, Out.DELETED),
        (OURS, None, Out.DELETED),
    ],
)
def test_a_deletion_reaches_only_the_last_version_and_only_by_its_author(target, keys, outcome):
    assert ruling_on_deletion(target, keys) == outcome


@given(st.sampled_from(list(ReceiptRequest)), st.booleans())
def test_no_stranger_ever_moves_what_was_written_here(request, has_lineage):
    arrival = replace(INITIAL, request=request)
    ruling = ruling_on(arrival, same_id=None, lineage=OURS if has_lineage else None, parent=OURS)
    assert ruling.outcome == Out.REFUSED_AUTHOR and ruling.after is None
    assert not has_author_right(KEYS, OURS)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Out.OLDER, "900"),
        (Out.UNKNOWN_VERSION, "900"),
        (Out.REFUSED_AUTHOR, "901"),
        (Out.REFUSED_IDENTITY, "904"),
        (Out.CONFLICT, "906"),
        (Out.DELETED_BEFORE, "906"),
        (Out.UNREADABLE, "906"),
        (Out.INTEGRATED, ""),
        (Out.DUPLICATE, ""),
    ],
)
def test_each_refusal_has_the_code_that_the_sender_reads(outcome, code):
    assert application_code(outcome) == code


@given(st.none() | st.integers(1, 9), st.lists(st.integers(1, 9)))
def test_a_version_is_filed_after_all_others_and_under_its_own_number_when_it_can(number, taken):
    filed = number_of(number, taken)
    assert filed > max(taken, default=0)
    if number is not None and number > max(taken, default=0):
        assert filed == number


TODAY = date(2026, 3, 8)
OPEN = FilingStay(1, date(2026, 3, 1), None)
RECENT = FilingStay(2, date(2026, 1, 10), date(2026, 2, 20))
LIMIT = FilingStay(4, date(2026, 1, 1), date(2026, 2, 6))
OLD = FilingStay(3, date(2025, 1, 1), date(2025, 1, 9))


@pytest.mark.requirement("SC.MSS/UX.38")
@pytest.mark.parametrize(
    ("stays", "act", "chosen"),
    [
        ([OPEN, RECENT, OLD], date(2025, 1, 4), OLD),
        ([OPEN, RECENT, OLD], date(2026, 2, 20), RECENT),
        ([OPEN, RECENT, OLD], date(2026, 3, 7), OPEN),
        ([OPEN, RECENT], date(2020, 1, 1), OPEN),
        ([OPEN, RECENT], None, OPEN),
        ([RECENT, OLD], date(2026, 3, 7), RECENT),
        ([OLD], date(2026, 3, 7), None),
        (
            [FilingStay(4, date(2026, 1, 1), date(2026, 2, 6))],
            None,
            FilingStay(4, date(2026, 1, 1), date(2026, 2, 6)),
        ),
        ([replace(LIMIT, end=date(2026, 2, 5))], None, None),
        ([], date(2026, 3, 7), None),
    ],
)
def test_a_document_goes_to_the_stay_that_holds_its_act_else_to_the_one_at_hand(stays, act, chosen):
    assert stay_to_file_in(stays, act=act, today=TODAY) == chosen
