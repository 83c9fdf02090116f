"""The rules of counting, as tables of cases and as properties (stats 1, 5)."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.enums import ChoiceValue
from sending.enums import Channel, OrderOrigin
from stats.definitions import INDICATORS
from stats.document_types import SEGUR_TYPES, BadMapping, codes_of, types_by_code
from stats.enums import DocType, Measure, Volet
from stats.rules.consulting import (
    Account,
    Consulting,
    Retrieved,
    Span,
    activity,
    retrieved_counts,
    user_ratios,
)
from stats.rules.figures import ALL, Grid, Key, Ratio, Tally, figures_of, rate_of
from stats.rules.months import (
    Month,
    Period,
    default_period,
    is_over,
    is_within_history,
    month_of,
    month_read,
)
from stats.rules.receptions import Arrival, Received, reception_counts
from stats.rules.sendings import Outcome, Sent, sending_counts, verdict_of
from stats.rules.stays import Stays, bases_of, informed, stay_ratios
from tests.stats.world import A, B, day

PARIS = ZoneInfo("Europe/Paris")
MARCH, APRIL = Month(2025, 3), Month(2025, 4)
NOT_OPPOSED, OPPOSED, NOTHING = ChoiceValue.NOT_OPPOSED, ChoiceValue.OPPOSED, ChoiceValue.NOT_COLLECTED


class TestMonths:
    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            (datetime(2025, 3, 31, 21, 30, tzinfo=UTC), MARCH),  # 23:30 in Paris, summer time
            (datetime(2025, 3, 31, 22, 10, tzinfo=UTC), APRIL),  # 00:10 in Paris
            (datetime(2025, 1, 31, 22, 59, tzinfo=UTC), Month(2025, 1)),  # winter time: one hour
            (datetime(2025, 1, 31, 23, 0, tzinfo=UTC), Month(2025, 2)),
        ],
    )
    def test_a_moment_belongs_to_the_month_of_the_local_clock(self, moment, expected):
        assert month_of(moment, PARIS) == expected

    def test_a_month_ends_when_the_next_one_begins(self):
        assert MARCH.starts_at(PARIS) == datetime(2025, 2, 28, 23, tzinfo=UTC)
        assert MARCH.ends_at(PARIS) == APRIL.starts_at(PARIS) == datetime(2025, 3, 31, 22, tzinfo=UTC)
        assert not is_over(MARCH, MARCH.ends_at(PARIS) - timedelta(microseconds=1), PARIS)
        assert is_over(MARCH, MARCH.ends_at(PARIS), PARIS)

    @given(st.integers(1900, 2200), st.integers(1, 12), st.integers(0, 500))
    def test_months_follow_one_another(self, year, number, count):
        month = Month(year, number)
        assert month.next.previous == month
        assert month.next.first_day - month.last_day == timedelta(days=1)
        assert len(Period(month.back(count), month)) == count + 1
        assert month_read(month.text) == month

    @pytest.mark.parametrize("text", ["", "2025", "2025-13", "2025-3", "03-2025", "2025-03-01", "²⁰²⁵-03"])
    def test_anything_else_is_no_month(self, text):
        assert month_read(text) is None

    def test_the_usual_period_is_the_previous_year_and_the_current_one(self):
        period = default_period(date(2025, 4, 15))
        assert (period.first, period.last, len(list(period))) == (Month(2024, 1), APRIL, 16)

    @pytest.mark.parametrize(
        ("document", "sent", "expected"),
        [
            (date(2020, 3, 13), date(2025, 3, 12), True),
            (date(2020, 3, 12), date(2025, 3, 12), True),
            (date(2020, 3, 11), date(2025, 3, 12), False),
            (date(2019, 2, 28), date(2024, 2, 29), True),
        ],
    )
    def test_history_is_five_years_deep(self, document, sent, expected):
        assert is_within_history(document, sent) is expected


class TestRates:
    @pytest.mark.parametrize(
        ("numerator", "denominator", "expected"),
        [(2, 3, "66.67"), (1, 3, "33.33"), (1, 800, "0.13"), (0, 4, "0.00"), (5, 5, "100.00")],
    )
    def test_a_rate_has_two_decimals_rounded_half_up(self, numerator, denominator, expected):
        assert rate_of(numerator, denominator) == Decimal(expected)

    def test_an_empty_denominator_gives_no_rate_and_not_zero(self):
        assert rate_of(0, 0) is None

    @given(st.integers(0, 10**6), st.integers(1, 10**6))
    def test_a_rate_is_within_half_a_hundredth_of_the_exact_value(self, numerator, denominator):
        rate = rate_of(numerator, denominator)
        assert abs(rate * denominator - 100 * numerator) <= Decimal("0.005") * denominator


class TestTypes:
    def test_each_code_has_one_type(self):
        mapped = types_by_code()
        assert mapped["11490-0"] == DocType.LDL
        assert codes_of(mapped, DocType.PRESC)[:2] == ("57833-6", "57832-8")

    def test_the_hospital_may_move_add_and_take_out_codes(self):
        mapped = types_by_code(["34749-2=CRCONS", "11488-4 = AUTRE", "57833-6=LDL"])
        assert codes_of(mapped, DocType.CRCONS) == ("34749-2",)
        assert "11488-4" not in mapped
        assert mapped["57833-6"] == DocType.LDL

    @pytest.mark.parametrize("change", ["34749-2", "34749-2=TOUS", "=LDL", "34749-2=AUTRES"])
    def test_a_change_that_says_nothing_is_refused(self, change):
        with pytest.raises(BadMapping):
            types_by_code([change])


def outcome(when, arrived=True, **values):
    defaults = {"origin": OrderOrigin.FLUX, "finess": A, "has_ins": True}
    return Outcome(at=day(when), arrived=arrived, **(defaults | values))


def ko(when, **values):
    return outcome(when, arrived=False, **values)


class TestVerdict:
    def test_the_first_success_counts_once_in_its_month(self):
        verdict = verdict_of([outcome("04-02"), outcome("03-05"), outcome("03-20")], PARIS)
        assert verdict.success.at == day("03-05")
        assert verdict.failures == {}

    def test_a_later_success_leaves_the_failure_of_a_past_month(self):
        verdict = verdict_of([ko("03-30"), outcome("04-03")], PARIS)
        assert list(verdict.failures) == [MARCH]
        assert month_of(verdict.success.at, PARIS) == APRIL

    @pytest.mark.parametrize("failure", ["03-01", "03-30", "04-10", "05-01"])
    def test_a_failure_in_the_month_of_the_success_or_after_it_counts_for_nothing(self, failure):
        assert verdict_of([outcome("03-10"), ko(failure)], PARIS).failures == {}

    def test_a_month_has_one_failure_at_most_that_of_the_first_site(self):
        verdict = verdict_of([ko("03-20", finess=B), ko("03-10"), ko("04-01")], PARIS)
        assert [(month, one.finess) for month, one in verdict.failures.items()] == [(MARCH, A), (APRIL, A)]


outcomes = st.builds(
    Outcome,
    at=st.datetimes(
        datetime(2025, 1, 1), datetime(2025, 6, 30), timezones=st.just(PARIS), allow_imaginary=False
    ),
    arrived=st.booleans(),
    origin=st.sampled_from(OrderOrigin.values),
    finess=st.sampled_from([A, B, ""]),
    has_ins=st.booleans(),
    recipient=st.sampled_from(["a@x.fr", "b@x.fr"]),
    is_external=st.booleans(),
    document_day=st.one_of(st.none(), st.dates(date(2018, 1, 1), date(2025, 6, 30))),
)
documents = st.lists(
    st.builds(
        Sent,
        channel=st.sampled_from(Channel.values),
        doc_type=st.sampled_from([one for one in DocType if one != DocType.TOUS]),
        service=st.sampled_from(["", "U1"]),
        outcomes=st.lists(outcomes, max_size=5, unique_by=lambda one: one.at).map(tuple),
    ),
    max_size=8,
)
YEAR = Period(Month(2025, 1), Month(2025, 12))


class TestCounts:
    @given(documents)
    def test_all_is_the_union_of_sites_and_of_types(self, sent):
        """A logical document counts in one site and has one type: the union is as large as the sum."""
        counts = Counter(sending_counts(sent, YEAR, PARIS))
        for key in [key for key in counts if key.finess == ALL and not key.service]:
            sites = [other for other in counts if other._replace(finess=ALL) == key and other.finess != ALL]
            assert counts[key] == sum(counts[other] for other in sites)
        for key in [key for key in counts if key.doc_type == DocType.TOUS]:
            types = [
                other
                for other in counts
                if other.doc_type != DocType.TOUS
                and not other.document_year
                and other._replace(doc_type=DocType.TOUS) == key
            ]
            assert counts[key] == sum(counts[other] for other in types)

    @given(documents, st.randoms())
    def test_the_order_of_arrival_changes_nothing(self, sent, chance):
        shuffled = [
            Sent(
                one.channel, one.doc_type, one.service, tuple(chance.sample(one.outcomes, len(one.outcomes)))
            )
            for one in chance.sample(sent, len(sent))
        ]
        assert sending_counts(shuffled, YEAR, PARIS) == sending_counts(sent, YEAR, PARIS)

    @given(documents)
    def test_what_is_told_twice_counts_once(self, sent):
        twice = [Sent(one.channel, one.doc_type, one.service, one.outcomes * 2) for one in sent]
        assert sending_counts(twice, YEAR, PARIS) == sending_counts(sent, YEAR, PARIS)

    @given(documents, outcomes)
    def test_what_happens_later_never_changes_the_counts_of_a_past_month(self, sent, late):
        """Counters may be frozen: an event of July moves nothing of what June counted."""
        later = Outcome(
            late.at + timedelta(days=200),
            late.arrived,
            late.origin,
            late.finess,
            late.has_ins,
            late.recipient,
        )
        more = [Sent(one.channel, one.doc_type, one.service, (*one.outcomes, later)) for one in sent]
        first_half = Period(Month(2025, 1), Month(2025, 6))
        assert sending_counts(more, first_half, PARIS) == sending_counts(sent, first_half, PARIS)

    @given(documents)
    def test_no_document_is_both_arrived_and_failed_in_one_month(self, sent):
        """A mail to two recipients may be: its document arrived, one of its pairs failed."""
        counted_once = ("ALI_DMP_FLUX_OK", "MSSPRO_OK", "MSSPRO_INSQ_OK", "MSSPAT_OK")
        for one in sent:
            counts = sending_counts([one], YEAR, PARIS)
            for key in counts:
                if key.indicator in counted_once:
                    failed = key._replace(indicator=key.indicator.replace("_OK", "_KO"))
                    assert failed not in counts


class TestStays:
    @pytest.mark.parametrize(
        ("is_consultation", "is_surgical", "produced", "bases"),
        [
            (False, False, set(), {DocType.LDL}),
            (False, True, set(), {DocType.LDL, DocType.CRO}),
            (False, False, {DocType.CRO}, {DocType.LDL, DocType.CRO}),
            (False, False, {DocType.PRESC}, {DocType.LDL, DocType.PRESC}),
            (False, False, {DocType.CRCONS}, {DocType.LDL}),
            (True, False, set(), set()),
            (True, True, {DocType.CRCONS, DocType.LDL, DocType.PRESC}, {DocType.CRCONS}),
        ],
    )
    def test_nb3_each_type_has_its_own_base(self, is_consultation, is_surgical, produced, bases):
        found = bases_of(
            is_consultation=is_consultation, is_surgical=is_surgical, produced=frozenset(produced)
        )
        assert found == bases

    @pytest.mark.parametrize(
        ("alimentation", "consultation", "expected"),
        [
            (NOT_OPPOSED, NOT_OPPOSED, NOT_OPPOSED),
            (NOT_OPPOSED, OPPOSED, OPPOSED),
            (OPPOSED, NOTHING, OPPOSED),
            (NOT_OPPOSED, NOTHING, NOT_OPPOSED),
            (NOTHING, NOTHING, ChoiceValue.NOT_COLLECTED),
        ],
    )
    def test_one_opposition_is_an_opposition_and_one_information_informs(
        self, alimentation, consultation, expected
    ):
        assert informed(alimentation, consultation)[Volet.GLOBAL] == expected

    @given(
        st.lists(
            st.builds(
                Stays,
                month=st.sampled_from([MARCH, APRIL]),
                finess=st.sampled_from([A, B]),
                service=st.just(""),
                is_consultation=st.booleans(),
                is_surgical=st.booleans(),
                produced=st.frozensets(st.sampled_from(SEGUR_TYPES)),
                sent=st.dictionaries(
                    st.sampled_from(list(Channel)), st.frozensets(st.sampled_from(SEGUR_TYPES))
                ),
                alimentation=st.sampled_from(list(ChoiceValue)),
                consultation=st.sampled_from(list(ChoiceValue)),
                count=st.integers(1, 50),
            ),
            max_size=12,
        )
    )
    def test_informed_or_opposed_shares_never_exceed_the_base_and_all_is_the_union(self, groups):
        ratios = stay_ratios(groups)
        assert all(0 <= ratio.numerator <= ratio.denominator for ratio in ratios.values())
        for month, kind, volet in product([MARCH, APRIL], ["SEJ", "CONS"], Volet.values):
            key = Key(ALL, month, f"INFO_{kind}_NONOPP", volet=volet)
            opposed = ratios.get(key._replace(indicator=f"INFO_{kind}_OPP"), Ratio(0, 0))
            informed_ratio = ratios.get(key, Ratio(0, 0))
            assert informed_ratio.numerator + opposed.numerator <= informed_ratio.denominator
            sites = [ratios.get(key._replace(finess=finess), Ratio(0, 0)) for finess in (A, B)]
            assert informed_ratio == Ratio(*map(sum, zip(*sites, strict=True)))


class TestLines:
    grid = Grid(finess=(A, B, ALL), professions=("10", "60"))
    period = Period(Month(2024, 1), APRIL)

    def test_every_month_site_indicator_and_type_has_a_line_even_of_zero(self):
        lines = list(figures_of(Tally(), grid=self.grid, period=self.period))
        keys = {line.key for line in lines}
        assert len(keys) == len(lines)
        for finess, month, indicator in product(self.grid.finess, self.period, INDICATORS):
            assert any(
                (key.finess, key.month, key.indicator) == (finess, month, indicator.code) for key in keys
            )
        for finess, month, doc_type in product(self.grid.finess, self.period, SEGUR_TYPES):
            assert Key(finess, month, "ALI_DMP_TX_SEJ", doc_type=doc_type) in keys
        assert {line.value for line in lines if line.indicator.measure == Measure.COUNT} == {0}
        assert {line.ratio for line in lines if line.indicator.measure == Measure.RATE} == {Ratio(0, 0)}
        assert {line.rate for line in lines} == {None}

    def test_lines_are_in_the_order_of_the_file(self):
        found = Tally(counts={Key("INCONNU", MARCH, "ALI_DMP_FLUX_OK", doc_type="LDL"): 1})
        lines = list(figures_of(found, grid=self.grid, period=self.period))
        places = [
            (
                line.key.finess,
                line.key.month.text,
                line.indicator.chapter.value,
                line.indicator.code,
                line.key.doc_type,
            )
            for line in lines
        ]
        assert places == sorted(places)
        assert [line.value for line in lines if line.key.finess == "INCONNU" and line.value] == [1]


class TestAccounts:
    """Who is in the base of the ratio of users (stats 3 B)."""

    def spans(self, *changes):
        return activity(day("01-10"), [(day(when), is_active) for when, is_active in changes])

    def test_an_account_is_active_from_its_opening_and_between_its_changes(self):
        assert self.spans() == [Span(day("01-10"))]
        assert self.spans(("02-01", False)) == [Span(day("01-10"), day("02-01"))]
        assert self.spans(("03-01", True), ("02-01", False), ("02-15", False)) == [
            Span(day("01-10"), day("02-01")),
            Span(day("03-01")),
        ]

    @pytest.mark.parametrize(
        ("since", "until", "expected"),
        [
            ("03-10", None, ["2025-03", "2025-04"]),
            ("01-01", "03-01 00:00", []),
            ("01-01", "03-01 00:01", ["2025-03"]),
            ("04-01 00:00", None, ["2025-04"]),
        ],
    )
    def test_one_day_of_the_month_is_enough(self, since, until, expected):
        span = Span(day(since), day(until) if until else None)
        account = Account("u", "10", [Span(day("01-01"))], [(A, span)])
        ratios = user_ratios([], [account], Period(MARCH, APRIL), PARIS)
        assert (
            sorted(key.month.text for key in ratios if key.finess == A and key.profession == "10") == expected
        )

    def test_a_user_of_two_sites_is_one_user_of_the_whole(self):
        account = Account("u", "10", [Span(day("01-01"))], [(A, Span(day("01-01"))), (B, Span(day("01-01")))])
        seen = [Consulting("u", MARCH, A, "10"), Consulting("u", MARCH, B, "10")]
        ratios = user_ratios(seen, [account], Period(MARCH, MARCH), PARIS)
        assert {ratio for ratio in ratios.values()} == {Ratio(1, 1)}
        assert {key.finess for key in ratios} == {A, B, ALL}

    def test_who_consulted_elsewhere_is_counted_there_and_no_rate_passes_the_whole(self):
        account = Account("u", "10", [Span(day("01-01"))], [(A, Span(day("01-01")))])
        ratios = user_ratios([Consulting("u", MARCH, B, "10")], [account], Period(MARCH, MARCH), PARIS)
        key = Key(A, MARCH, "CON_DMP_TX_UTIL", profession="10")
        assert ratios[key] == Ratio(0, 1)
        assert ratios[key._replace(finess=B)] == ratios[key._replace(finess=ALL)] == Ratio(1, 1)

    def test_a_document_downloaded_twice_in_a_month_counts_once_at_the_first_site(self):
        def one(when, document="d", finess=A, patient="p"):
            return Retrieved(day(when), patient, document, DocType.AUTRE, finess, "")

        found = retrieved_counts(
            [one("03-05", finess=B), one("03-02"), one("04-02"), one("03-03", patient="q")],
            Period(MARCH, MARCH),
            PARIS,
        )
        key = Key(ALL, MARCH, "CON_DMP_NB_DOC", doc_type="TOUS")
        assert (found[key], found[key._replace(finess=A)]) == (2, 2)
        assert key._replace(finess=B) not in found


class TestReceptions:
    def counts(self, *arrivals, is_automatic=True, is_cda=True):
        document = Received(
            DocType.LDL, "", is_automatic, is_cda, tuple(Arrival(day(when), ok, A) for when, ok in arrivals)
        )
        found = reception_counts([document], Period(Month(2025, 1), Month(2025, 12)), PARIS)
        return {
            (key.indicator, key.month.number): count
            for key, count in found.items()
            if key.finess == A and key.doc_type == "TOUS"
        }

    def test_a_refusal_then_an_integration_counts_by_month(self):
        assert self.counts(("03-05", False), ("03-07", True)) == {("MSSREC_AUTO_OK", 3): 1}
        assert self.counts(("03-05", False), ("04-07", True)) == {
            ("MSSREC_AUTO_KO", 3): 1,
            ("MSSREC_AUTO_OK", 4): 1,
        }

    def test_a_refusal_of_what_is_there_already_is_no_failure(self):
        assert self.counts(("03-05", True), ("04-05", False)) == {("MSSREC_AUTO_OK", 3): 1}

    def test_by_hand_only_success_counts(self):
        assert self.counts(("03-05", False), is_automatic=False) == {}
        assert self.counts(("03-05", True), is_automatic=False) == {("MSSREC_MAN_CDA_OK", 3): 1}
        assert self.counts(("03-05", True), is_automatic=False, is_cda=False) == {("MSSREC_MAN_NONCDA", 3): 1}
